//! `todctl audit tail`

use std::time::Duration;

use tod_proto::api::audit::{ListQuery, Record};
use tod_proto::page::MAX_PAGE;

use super::{Source, Which};
use crate::cx::Cx;
use crate::error::CliError;

/// How often a log that is followed is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Which records, and for how long.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// How many of those that are there
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_PAGE)))]
    lines: u32,
    /// Go on with what is done from now on, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
}

pub(super) async fn run(args: Args, cx: &mut Cx) -> Result<(), CliError> {
    cx.out.check::<Record>()?;
    let source = Source::of(cx, args.which.platform).await?;
    let query = args.which.query(cx);
    let last = source.page(ListQuery {
        limit: Some(args.lines),
        ..query.clone()
    });
    let mut seen = show(cx, &last.await?.items, 0)?;
    if !args.follow {
        return Ok(());
    }
    loop {
        tokio::time::sleep(LOOK).await;
        let new = newer(&source, &query, seen).await?;
        seen = show(cx, &new, seen)?;
    }
}

/// What was written after record `seen`, the newest first, however much it is.
async fn newer(source: &Source, query: &ListQuery, seen: i64) -> Result<Vec<Record>, CliError> {
    let mut new: Vec<Record> = Vec::new();
    loop {
        let query = ListQuery {
            limit: Some(MAX_PAGE),
            before: new.last().map(|record| record.seq),
            ..query.clone()
        };
        let page = source.page(query).await?;
        let is_last = page.next.is_none();
        let before = new.len();
        let full = page.items.len();
        new.extend(page.items.into_iter().filter(|record| record.seq > seen));
        if is_last || new.len() - before < full {
            return Ok(new);
        }
    }
}

/// Shows records, the oldest first. Returns the number of the newest.
fn show(cx: &mut Cx, records: &[Record], seen: i64) -> Result<i64, CliError> {
    let newest = records.first().map_or(seen, |record| record.seq);
    for record in records.iter().rev() {
        cx.out.stream(record)?;
    }
    Ok(newest)
}
