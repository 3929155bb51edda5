//! Flags that say how results are written.

use std::cmp::Ordering;
use std::io;

use clap::ValueEnum;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tod_client::view::Shown as When;
use tod_client::view::{Column, View};

use crate::error::CliError;

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns for people
    Table,
    /// The same with all columns
    Wide,
    /// One JSON document
    Json,
    /// One JSON object for each line
    Jsonl,
    /// One YAML document
    Yaml,
    /// Comma-separated with a header
    Csv,
    /// Tab-separated without a header
    Tsv,
    /// Names only
    Name,
    /// Identifiers only
    Id,
}

/// How results are written.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct OutputArgs {
    /// Write results in this format [default: table on a terminal, else tsv]
    #[arg(
        short = 'o',
        long = "output",
        value_name = "FORMAT",
        global = true,
        help_heading = "Output"
    )]
    pub format: Option<Format>,
    /// Write only these fields as JSON; without a value, list them
    #[arg(
        long, value_name = "FIELDS", global = true, help_heading = "Output",
        num_args = 0..=1, default_missing_value = "", value_parser = fields, conflicts_with = "format"
    )]
    pub json: Option<Fields>,
    /// Show these columns: `a,b`, `+a` adds one, `-a` leaves one out
    #[arg(
        long,
        value_name = "LIST",
        global = true,
        help_heading = "Output",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    pub columns: Option<Vec<String>>,
    /// Leave out the header
    #[arg(long, global = true, help_heading = "Output")]
    pub no_header: bool,
    /// Sort by these columns or fields; `-cpu` sorts downwards
    #[arg(
        long,
        value_name = "LIST",
        global = true,
        help_heading = "Output",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    pub sort_by: Vec<String>,
    /// Show at most this many
    #[arg(long, value_name = "N", global = true, help_heading = "Output")]
    pub limit: Option<u32>,
    /// Fail with status 6 if there is nothing to show
    #[arg(long, global = true, help_heading = "Output", hide_short_help = true)]
    pub fail_empty: bool,
    /// Write CSV cells as they are, even if a spreadsheet would run them
    #[arg(long, global = true, help_heading = "Output", hide_short_help = true)]
    pub csv_raw: bool,
}

/// Names of fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(pub Vec<String>);

#[expect(
    clippy::unnecessary_wraps,
    reason = "clap wants a parser that can fail"
)]
fn fields(text: &str) -> Result<Fields, String> {
    let fields = text.split(',').map(str::trim);
    let fields = fields.filter(|field| !field.is_empty());
    Ok(Fields(fields.map(str::to_owned).collect()))
}

impl OutputArgs {
    /// The columns to show.
    pub(crate) fn columns_of<T: View>(
        &self,
        wide: bool,
    ) -> Result<Vec<&'static Column<T>>, CliError> {
        let mut chosen: Vec<_> = T::COLUMNS
            .iter()
            .filter(|column| wide || column.shown == When::Always)
            .collect();
        let Some(wanted) = &self.columns else {
            return Ok(chosen);
        };
        if wanted.iter().any(|key| !key.starts_with(['+', '-'])) {
            chosen.clear();
        }
        for key in wanted {
            let (minus, key) = match key.strip_prefix('-') {
                Some(key) => (true, key),
                None => (false, key.strip_prefix('+').unwrap_or(key)),
            };
            let column = T::column(key).ok_or_else(|| {
                let keys: Vec<_> = T::COLUMNS.iter().map(|column| column.key).collect();
                CliError::Usage {
                    message: format!("there is no column `{key}`"),
                    hint: Some(format!("choose from: {}", keys.join(" "))),
                }
            })?;
            chosen.retain(|other| other.key != column.key);
            if !minus {
                chosen.push(column);
            }
        }
        Ok(chosen)
    }

    /// Sorts as `--sort-by` says.
    pub(crate) fn sort<T: View + Serialize>(
        &self,
        items: &mut Vec<T>,
        now: Timestamp,
    ) -> Result<(), CliError> {
        if self.sort_by.is_empty() {
            return Ok(());
        }
        let mut keyed = Vec::with_capacity(items.len());
        for item in items.drain(..) {
            let value = serde_json::to_value(&item).map_err(io::Error::from)?;
            let keys: Result<Vec<String>, CliError> = self
                .sort_by
                .iter()
                .map(|key| sort_key(key, &item, &value, now))
                .collect();
            keyed.push((keys?, item));
        }
        keyed.sort_by(|(a, _), (b, _)| {
            let pairs = self.sort_by.iter().zip(a.iter().zip(b));
            pairs.fold(Ordering::Equal, |order, (key, (a, b))| {
                let down = key.starts_with('-');
                order.then_with(|| if down { natural(b, a) } else { natural(a, b) })
            })
        });
        items.extend(keyed.into_iter().map(|(_, item)| item));
        Ok(())
    }
}

fn sort_key<T: View>(
    key: &str,
    item: &T,
    value: &Value,
    now: Timestamp,
) -> Result<String, CliError> {
    let key = key.strip_prefix(['-', '+']).unwrap_or(key);
    if let Some(column) = T::column(key) {
        return Ok((column.cell)(item, now).value);
    }
    match key.split('.').try_fold(value, |value, key| value.get(key)) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Null) => Ok(String::new()),
        Some(value) => Ok(value.to_string()),
        None => Err(CliError::usage(format!(
            "there is no column or field `{key}` to sort by"
        ))),
    }
}

/// Compares as people expect: numbers by value, `7.9` before `7.15`, a release candidate before
/// its release, what is absent last.
fn natural(a: &str, b: &str) -> Ordering {
    if a.is_empty() || b.is_empty() {
        return a.is_empty().cmp(&b.is_empty());
    }
    if let (Ok(a), Ok(b)) = (a.parse::<i64>(), b.parse::<i64>()) {
        return a.cmp(&b);
    }
    let (mut left, mut right) = (chunks(a), chunks(b));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            // `7.16rc1` comes before `7.16`, but `ap-1` after `ap`.
            (Some(more), None) => longer(more),
            (None, Some(more)) => longer(more).reverse(),
            (Some(a), Some(b)) => match (a.parse::<u64>(), b.parse::<u64>()) {
                (Ok(a), Ok(b)) => a.cmp(&b),
                _ => a.to_lowercase().cmp(&b.to_lowercase()),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn longer(more: &str) -> Ordering {
    if ["rc", "beta", "alpha"].contains(&more) {
        Ordering::Less
    } else {
        Ordering::Greater
    }
}

/// Splits into runs of digits and runs of everything else.
fn chunks(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let digits = rest.starts_with(|c: char| c.is_ascii_digit());
        let end = rest
            .find(|c: char| c.is_ascii_digit() != digits)
            .unwrap_or(rest.len());
        let (chunk, tail) = rest.split_at(end);
        rest = tail;
        (!chunk.is_empty()).then_some(chunk)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions_sort_as_people_expect() {
        let sorted = |mut items: Vec<&'static str>| {
            items.sort_by(|a, b| natural(a, b));
            items
        };

        assert_eq!(
            sorted(vec!["ap-10", "ap-9", "ap", "AP-1"]),
            ["ap", "AP-1", "ap-9", "ap-10"]
        );
        assert_eq!(
            sorted(vec!["7.16", "7.9", "7.16rc2", "7.16.1", "7.15.3"]),
            ["7.9", "7.15.3", "7.16rc2", "7.16", "7.16.1"]
        );
        assert_eq!(sorted(vec!["", "5", "-3", "40"]), ["-3", "5", "40", ""]);
        assert_eq!(sorted(vec!["97.5", "8.25"]), ["8.25", "97.5"]);
    }
}
