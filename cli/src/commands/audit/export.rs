//! `todctl audit export`

use std::fs::OpenOptions;
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use tod_proto::api::audit::{ListQuery, Record};

use super::{Source, Which};
use crate::args::output::Format;
use crate::cx::Cx;
use crate::error::{CliError, file};
use crate::output::Listing;
use crate::pages;

/// What to write, and where.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// Into this new file, which only you can read: for a spreadsheet if its name ends in .csv, else
    /// as JSON lines that can be checked
    #[arg(short = 'O', long, value_name = "FILE")]
    output_file: PathBuf,
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
    let count = records.len();
    let csv = args.output_file.extension().is_some_and(|end| end == "csv");
    let text = if csv {
        cx.out.text_of(Format::Csv, &Listing::all(records))?
    } else {
        json_lines(&records)?
    };
    write(&args.output_file, &text)?;
    cx.say.note(format!(
        "{count} records are in {}",
        args.output_file.display()
    ));
    if !csv {
        let path = args.output_file.display();
        cx.say.next(format!("todctl audit verify {path}"));
    }
    Ok(())
}

fn json_lines(records: &[Record]) -> Result<String, CliError> {
    let mut text = String::new();
    for record in records {
        text += &serde_json::to_string(record).map_err(std::io::Error::from)?;
        text.push('\n');
    }
    Ok(text)
}

/// Never over another file: it may be the only copy of an older log.
fn write(path: &Path, text: &str) -> Result<(), CliError> {
    let name = path.display().to_string();
    let new = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(file(&name))?;
    let mut out = BufWriter::new(new);
    out.write_all(text.as_bytes()).map_err(file(&name))?;
    out.flush().map_err(file(&name))
}
