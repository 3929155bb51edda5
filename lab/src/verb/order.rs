//! Orders, and what they give.

use std::time::Duration;

use routeros::error::Trap;
use routeros::query::Query;
use routeros::row::Row as Record;
use routeros::script::condition::Condition;
use routeros::value::Value as _;

use super::Marks;
use crate::import::Manner;
use crate::text;
use crate::tree::Tree;

/// Which rows are meant by a `print` or `find`.
#[derive(Debug, Clone, Default)]
pub(crate) enum Filter {
    #[default]
    All,
    Query(Query),
    Condition(Condition),
}

impl Filter {
    pub(super) fn passes(&self, record: &Record) -> bool {
        match self {
            Self::All => true,
            Self::Query(query) => query.matches(record),
            Self::Condition(condition) => condition.holds(record),
        }
    }
}

/// One command.
#[derive(Debug, Clone, Default)]
pub(crate) struct Order {
    /// Such as `/ip/address`; empty at the root.
    pub(crate) menu: String,
    /// Such as `print`.
    pub(crate) verb: String,
    /// Without a value: `!name`, to be unset.
    pub(crate) args: Vec<(String, Option<String>)>,
    pub(crate) filter: Filter,
    /// It was typed or scripted, so that rows can be meant by position.
    pub(crate) is_console: bool,
    /// How wide the terminal is, if there is one.
    pub(crate) columns: Option<usize>,
}

impl Order {
    pub(crate) fn new(path: &str) -> Self {
        let (menu, verb) = path.rsplit_once('/').unwrap_or(("", path));
        Self {
            menu: menu.to_owned(),
            verb: verb.to_owned(),
            ..Self::default()
        }
    }

    pub(crate) fn path(&self) -> String {
        format!("{}/{}", self.menu, self.verb)
    }

    pub(crate) fn arg(&self, name: &str) -> Option<&str> {
        self.args
            .iter()
            .find(|(k, _)| k == name)
            .and_then(|(_, v)| v.as_deref())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.args.iter().any(|(k, _)| k == name)
    }

    /// Returns how long an argument says, if it is given and says that.
    pub(crate) fn time(&self, name: &str) -> Option<Duration> {
        let text = self.arg(name)?.as_bytes();
        let seconds = || std::str::from_utf8(text).ok()?.parse().ok();
        seconds()
            .map(Duration::from_secs)
            .or_else(|| Duration::parse(text))
    }

    /// Returns how much time lies between two samples.
    pub(crate) fn pace(&self) -> Duration {
        let pace = self.time("interval").filter(|d| !d.is_zero());
        pace.unwrap_or(Duration::from_secs(1))
    }

    /// Returns the items that are meant, as written.
    pub(crate) fn numbers(&self) -> Option<&str> {
        self.arg(".id").or_else(|| self.arg("numbers"))
    }

    /// Returns it as newer devices write it to their logs.
    pub(crate) fn shown(&self) -> String {
        let menu = self.menu.replacen('/', " ", 9);
        let mut line = format!(
            "/{}{}{}",
            menu.trim_start(),
            if menu.is_empty() { "" } else { " " },
            self.verb
        );
        for (name, value) in &self.args {
            let value = if routeros::text::is_sensitive(name) {
                "***".to_owned()
            } else {
                let value = text::encode(value.as_deref().unwrap_or_default());
                routeros::quote::value(&value)
            };
            line.extend([" ", name, "=", &value]);
        }
        line
    }
}

/// What a command gives.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Rows, even if there are none of them; only commands that show rows have this.
    pub(crate) rows: Option<Vec<Record>>,
    /// The value of `add` and `get`.
    pub(crate) ret: Option<Vec<u8>>,
    /// What a console shows.
    pub(crate) text: Option<String>,
    /// What the device does after answering.
    pub(crate) after: Option<After>,
}

impl Outcome {
    pub(crate) fn rows(rows: Vec<Record>) -> Self {
        Self {
            rows: Some(rows),
            ..Self::default()
        }
    }

    pub(crate) fn ret(value: impl Into<Vec<u8>>) -> Self {
        Self {
            ret: Some(value.into()),
            ..Self::default()
        }
    }

    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self {
            text: Some(text.into()),
            ..Self::default()
        }
    }

    pub(crate) fn after(after: After) -> Self {
        Self {
            after: Some(after),
            ..Self::default()
        }
    }
}

/// What takes longer than a command.
#[derive(Debug)]
pub(crate) enum After {
    /// Down and up again, with another configuration if one is loaded.
    Reboot {
        cause: String,
        load: Option<Box<Tree>>,
    },
    /// Down and not up again.
    Off,
    /// A script, with its name and source.
    Run { name: String, source: Vec<u8> },
    /// A file of commands.
    Import {
        file: String,
        source: Vec<u8>,
        manner: Manner,
    },
    /// Answers that come one after the other, at most so many.
    Ping { address: String, count: Option<u64> },
    /// The way to an address, at most so often.
    Trace { address: String, count: Option<u64> },
    /// Samples, until cancelled.
    Monitor(Box<Order>),
    /// What changes in a menu, until cancelled.
    Listen(Box<Order>, Marks),
    /// Rows that come one second after the other, and what stops them.
    Series(Vec<Vec<Record>>, Option<Trap>),
    /// The end of the session.
    Quit,
}
