//! Formats of one line for each thing: CSV and TSV.

use jiff::Timestamp;
use tod_client::view::{Column, View};

use crate::args::output::OutputArgs;
use crate::error::CliError;

type Columns<T> = [&'static Column<T>];

/// Tab-separated, without a header, full values. Tabs in values are escaped.
pub(super) fn tsv<T: View>(items: &[T], columns: &Columns<T>, now: Timestamp) -> String {
    items.iter().fold(String::new(), |text, item| {
        let cells = columns.iter().map(|column| (column.cell)(item, now).value);
        text + &cells.collect::<Vec<_>>().join("\t") + "\n"
    })
}

/// RFC 4180 with a header, but LF.
pub(super) fn csv<T: View>(
    items: &[T],
    columns: &Columns<T>,
    args: &OutputArgs,
    now: Timestamp,
) -> Result<String, CliError> {
    let header = columns.iter().map(|column| column.key.to_owned()).collect();
    let header: Option<Vec<String>> = (!args.no_header).then_some(header);
    let rows = items.iter().map(|item| row(item, columns, args, now));
    write(header.into_iter().chain(rows))
}

/// One line of a stream.
pub(super) fn csv_row<T: View>(
    item: &T,
    columns: &Columns<T>,
    args: &OutputArgs,
    now: Timestamp,
) -> Result<String, CliError> {
    write(std::iter::once(row(item, columns, args, now)))
}

fn row<T: View>(item: &T, columns: &Columns<T>, args: &OutputArgs, now: Timestamp) -> Vec<String> {
    let cells = columns.iter().map(|column| (column.cell)(item, now).value);
    if args.csv_raw {
        cells.collect()
    } else {
        cells.map(inert).collect()
    }
}

/// Keeps a spreadsheet from running a name as a formula. Numbers stay numbers.
fn inert(text: String) -> String {
    let dangerous = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if dangerous && text.parse::<f64>().is_err() {
        format!("'{text}")
    } else {
        text
    }
}

fn write(rows: impl Iterator<Item = Vec<String>>) -> Result<String, CliError> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::Any(b'\n'))
        .from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).map_err(std::io::Error::other)?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
