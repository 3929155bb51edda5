//! Where results go. Nothing else in this crate writes to stdout.
//!
//! **Invariant:** whatever the format, nothing that a terminal obeys comes through: cells are
//! escaped when they are made ([`tod_client::view::Cell`]), JSON and YAML when they are written.

mod fields;
mod records;
mod table;
mod yaml;

use std::io::{self, Write as _};

use anstream::AutoStream;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tod_client::view::View;
use tod_client::view::units::{count, rfc3339};
use tod_proto::api::API_VERSION;
use tod_proto::untrusted::plain;

use crate::args::output::{Fields, Format, OutputArgs};
use crate::error::{CliError, exit};
use crate::say::Say;
use crate::term::Term;

pub use fields::fields_of;
pub(crate) use table::draw;

enum Sink {
    Stdout(AutoStream<io::Stdout>),
    Captured(Vec<u8>),
}

/// Where results go, and in which form.
pub struct Output {
    sink: Sink,
    args: OutputArgs,
    format: Format,
    explicit: bool,
    width: Option<u16>,
    say: Say,
    /// The context and tenant that envelopes name.
    pub origin: (Option<String>, Option<String>),
    now: Timestamp,
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output")
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

/// Things to show, and how many more there are.
#[derive(Debug)]
pub struct Listing<T> {
    /// The things.
    pub items: Vec<T>,
    /// How many there are in all.
    pub total: u64,
}

impl<T> Listing<T> {
    /// All of them.
    pub fn all(items: Vec<T>) -> Self {
        let total = items.len() as u64;
        Self { items, total }
    }
}

/// What lists can show: it has columns, and its JSON has the same fields on both ends.
pub trait Shown: View + Serialize + DeserializeOwned {}
impl<T: View + Serialize + DeserializeOwned> Shown for T {}

impl Output {
    /// Writes to standard output.
    pub fn stdout(term: &Term, args: OutputArgs, say: Say, now: Timestamp) -> Self {
        let stream = AutoStream::new(io::stdout(), term.stdout_colour);
        let chosen = args.format;
        let format = chosen.unwrap_or(if term.stdout_tty {
            Format::Table
        } else {
            Format::Tsv
        });
        Self {
            sink: Sink::Stdout(stream),
            explicit: chosen.is_some(),
            format,
            args,
            width: term.width,
            say,
            origin: (None, None),
            now,
        }
    }

    /// Keeps what is written, for tests.
    pub fn captured(args: OutputArgs, say: Say, now: Timestamp) -> Self {
        Self {
            sink: Sink::Captured(Vec::new()),
            explicit: args.format.is_some(),
            format: args.format.unwrap_or(Format::Table),
            args,
            width: None,
            say,
            origin: (None, None),
            now,
        }
    }

    /// What was written so far, if it was captured.
    pub fn text(&self) -> &str {
        match &self.sink {
            Sink::Captured(bytes) => std::str::from_utf8(bytes).unwrap_or_default(),
            Sink::Stdout(_) => "",
        }
    }

    /// The format in use.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Whether a person reads it: a table on a terminal, or asked for.
    pub fn is_for_people(&self) -> bool {
        matches!(self.format, Format::Table | Format::Wide) && self.args.json.is_none()
    }

    /// Whether the format was chosen, so that errors come in the same form.
    pub fn is_for_programs(&self) -> bool {
        self.args.json.is_some()
            || (self.explicit && matches!(self.format, Format::Json | Format::Jsonl | Format::Yaml))
    }

    /// The most things to show, if there is a limit.
    pub fn limit(&self) -> Option<u32> {
        self.args.limit
    }

    /// What time tables show ages against.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Checks fields and columns before anything is asked from the server.
    pub fn check<T: Shown>(&self) -> Result<(), CliError> {
        if let Some(Fields(wanted)) = &self.args.json {
            fields::check::<T>(wanted)?;
        }
        self.args.columns_of::<T>(self.format == Format::Wide)?;
        Ok(())
    }

    /// Writes things.
    pub fn list<T: Shown>(&mut self, mut listing: Listing<T>) -> Result<(), CliError> {
        self.check::<T>()?;
        self.args.sort(&mut listing.items, self.now)?;
        if let Some(limit) = self.args.limit {
            listing.items.truncate(limit as usize);
        }
        let shown = listing.items.len() as u64;
        let text = self.text_of(self.format, &listing)?;
        self.write(&text)?;
        if shown < listing.total {
            let (shown, total) = (count(shown), count(listing.total));
            self.say.note(format!("showing {shown} of {total}"));
        }
        if listing.total == 0 && self.args.fail_empty {
            return Err(CliError::Outcome {
                status: exit::NOT_FOUND,
                message: "nothing matched".to_owned(),
            });
        }
        Ok(())
    }

    /// The text of things in a format.
    pub fn text_of<T: Shown>(
        &self,
        format: Format,
        listing: &Listing<T>,
    ) -> Result<String, CliError> {
        let columns = self.args.columns_of::<T>(format == Format::Wide)?;
        Ok(if let Some(Fields(wanted)) = &self.args.json {
            let items = values(&listing.items)?;
            let picked = items
                .iter()
                .map(|item| fields::pick(item, wanted))
                .collect();
            pretty(&Value::Array(picked))?
        } else {
            match format {
                Format::Json => pretty(&self.envelope(T::KIND, listing)?)?,
                Format::Yaml => yaml::text(&self.envelope(T::KIND, listing)?),
                Format::Jsonl => lines(values(&listing.items)?.iter().map(ToString::to_string)),
                Format::Csv => records::csv(&listing.items, &columns, &self.args, self.now)?,
                Format::Tsv => records::tsv(&listing.items, &columns, self.now),
                Format::Name => lines(listing.items.iter().map(|item| plain(&item.name()))),
                Format::Id => lines(listing.items.iter().map(|item| plain(&item.id()))),
                Format::Table | Format::Wide => {
                    let header = !self.args.no_header;
                    table::text(&listing.items, &columns, header, self.width, self.now)
                }
            }
        })
    }

    /// Writes one thing: for people as `card` says, else as a list of one.
    pub fn one<T: Shown>(
        &mut self,
        item: T,
        card: impl FnOnce(&T, Timestamp) -> String,
    ) -> Result<(), CliError> {
        if self.format == Format::Table && self.args.json.is_none() && self.args.columns.is_none() {
            let text = card(&item, self.now);
            return self.write(&text);
        }
        self.list(Listing::all(vec![item]))
    }

    /// Writes one thing of a stream, at once.
    pub fn stream<T: Shown>(&mut self, item: &T) -> Result<(), CliError> {
        let value = normal(serde_json::to_value(item).map_err(io::Error::from)?);
        let text = if let Some(Fields(wanted)) = &self.args.json {
            fields::pick(&value, wanted).to_string() + "\n"
        } else {
            match self.format {
                Format::Json | Format::Jsonl => value.to_string() + "\n",
                Format::Yaml => format!("---\n{}", yaml::text(&value)),
                Format::Name => plain(&item.name()) + "\n",
                Format::Id => plain(&item.id()) + "\n",
                Format::Csv | Format::Tsv | Format::Table | Format::Wide => {
                    let columns = self.args.columns_of::<T>(self.format == Format::Wide)?;
                    let items = std::slice::from_ref(item);
                    match self.format {
                        Format::Csv => records::csv_row(item, &columns, &self.args, self.now)?,
                        Format::Tsv => records::tsv(items, &columns, self.now),
                        _ => table::line(item, &columns, self.now),
                    }
                }
            }
        };
        self.write(&text)?;
        self.flush()
    }

    /// Writes something that has no columns: for people as `text` says, else as JSON or YAML.
    pub fn value(
        &mut self,
        kind: &str,
        value: impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<(), CliError> {
        let value = normal(serde_json::to_value(value).map_err(io::Error::from)?);
        let text = if let Some(Fields(wanted)) = &self.args.json {
            fields::known(&value, wanted)?;
            pretty(&fields::pick(&value, wanted))?
        } else {
            match self.format {
                Format::Json => pretty(&self.enclose(kind, &[value], 1))?,
                Format::Yaml => yaml::text(&self.enclose(kind, &[value], 1)),
                Format::Jsonl => value.to_string() + "\n",
                _ => text(),
            }
        };
        self.write(&text)
    }

    /// Writes text as it is. It is fit for a terminal already.
    pub fn write(&mut self, text: &str) -> Result<(), CliError> {
        let safe;
        let text = match (self.format, &self.args.json) {
            (Format::Json | Format::Jsonl, _) | (_, Some(_)) => {
                safe = json_safe(text);
                &safe
            }
            _ => text,
        };
        match &mut self.sink {
            Sink::Stdout(out) => out.write_all(text.as_bytes())?,
            Sink::Captured(out) => {
                let mut stripped = anstream::StripStream::new(Vec::new());
                stripped.write_all(text.as_bytes())?;
                out.extend(stripped.into_inner());
            }
        }
        Ok(())
    }

    /// Writes bytes exactly, for what a device sends over SSH.
    pub fn raw(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        match &mut self.sink {
            Sink::Stdout(out) => {
                let mut out = out.as_inner();
                out.write_all(bytes)?;
                out.flush()?;
            }
            Sink::Captured(out) => out.extend_from_slice(bytes),
        }
        Ok(())
    }

    /// Sends what was written on its way.
    pub fn flush(&mut self) -> Result<(), CliError> {
        if let Sink::Stdout(out) = &mut self.sink {
            out.flush()?;
        }
        Ok(())
    }

    fn envelope<T: Serialize>(&self, kind: &str, listing: &Listing<T>) -> Result<Value, CliError> {
        Ok(self.enclose(kind, &values(&listing.items)?, listing.total))
    }

    fn enclose(&self, kind: &str, items: &[Value], total: u64) -> Value {
        json!({
            "apiVersion": API_VERSION,
            "kind": format!("{kind}List"),
            "context": self.origin.0,
            "tenant": self.origin.1,
            "generated_at": rfc3339(self.now),
            "page": {
                "count": items.len(),
                "total": total,
                "truncated": (items.len() as u64) < total,
                "next": null,
            },
            "items": items,
            "warnings": [],
        })
    }
}

fn values<T: Serialize>(items: &[T]) -> Result<Vec<Value>, CliError> {
    items
        .iter()
        .map(|item| Ok(normal(serde_json::to_value(item).map_err(io::Error::from)?)))
        .collect()
}

/// Brings times into the one form that we promise: RFC 3339, UTC, milliseconds.
fn normal(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let normalise = |(key, value): (String, Value)| match value {
                Value::String(text) if is_time(&key) => {
                    let time = text.parse::<Timestamp>().map(rfc3339);
                    (key, Value::String(time.unwrap_or(text)))
                }
                value => (key, normal(value)),
            };
            Value::Object(map.into_iter().map(normalise).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(normal).collect()),
        value => value,
    }
}

fn is_time(key: &str) -> bool {
    key.ends_with("_at") || matches!(key, "at" | "time" | "status_since" | "last_sign_in")
}

fn pretty(value: &Value) -> Result<String, CliError> {
    Ok(serde_json::to_string_pretty(value).map_err(io::Error::from)? + "\n")
}

fn lines(items: impl Iterator<Item = String>) -> String {
    items.fold(String::new(), |text, line| text + &line + "\n")
}

/// Escapes in JSON what JSON itself does not, so that `cat` of it is safe: DEL, C1, and what
/// reorders or hides other characters. A parser reads the same value.
pub fn json_safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let hidden = !c.is_ascii() && plain(c.encode_utf8(&mut [0; 4])).starts_with('\\');
        if c == '\x7f' || hidden {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests;
