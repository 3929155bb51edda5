//! `todctl audit export`

use tod_proto::api::audit::ListQuery;

use super::{Source, Which};
use crate::cx::Cx;
use crate::error::CliError;
use crate::export::Into;
use crate::pages;

/// What to write, and where.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    into: Into,
}

pub(super) async fn run(args: Args, cx: &mut Cx) -> Result<(), CliError> {
    let source = Source::of(cx, args.which.platform).await?;
    let query = args.which.query(cx);
    let progress = cx.say.spinner("Reading the audit log");
    let mut read = 0;
    let listing = pages::read(u32::MAX, async |limit, before| {
        let query = ListQuery {
            limit: Some(limit),
            before,
            ..query.clone()
        };
        let page = source.page(query).await?;
        read += page.items.len();
        progress.says(&format!("Reading the audit log: {read} of {}", page.total));
        Ok(page)
    });
    let mut records = listing.await?.items;
    drop(progress);
    records.reverse();
    args.into.write(cx, records, "records")?;
    if !args.into.is_csv() {
        let path = args.into.path().display();
        cx.say.next(format!("todctl audit verify {path}"));
    }
    Ok(())
}
