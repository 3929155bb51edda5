//! Configuration in layers: defaults < file < environment < flags, each value with where it is from.
//!
//! The type that is read has a default for everything and refuses what it does not know. A value
//! that it refuses is reported with its place: the file, the variable or the flag.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

/// Where a value is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file, and the line.
    File(PathBuf, usize),
    /// An environment variable.
    Variable(String),
    /// A flag.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// What is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayerError {
    /// The file cannot be read.
    #[error("{path}: {error}")]
    Unreadable {
        /// Which file.
        path: String,
        /// Why.
        error: String,
    },
    /// The file is not TOML.
    #[error("{path} is not TOML: {error}")]
    Syntax {
        /// Which file.
        path: String,
        /// Where and what.
        error: String,
    },
    /// A value is refused.
    #[error("{origin}: `{key}`: {error}")]
    Value {
        /// Where it is from.
        origin: String,
        /// Its key, dotted.
        key: String,
        /// Why it is refused.
        error: String,
    },
    /// All values are fine alone and refused together.
    #[error("{0}")]
    Whole(String),
}

#[derive(Clone, Debug)]
struct Leaf {
    origin: Origin,
    value: Value,
    /// Given as text, so it may mean a number, a list and so on.
    text: bool,
}

/// Values from all layers, by dotted key.
#[must_use = "layers are there to be read"]
#[derive(Clone, Debug, Default)]
pub struct Layers(BTreeMap<Vec<String>, Leaf>);

impl Layers {
    /// No values: everything is the default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lays a file over what is there.
    pub fn file(self, path: &Path) -> Result<Self, LayerError> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| LayerError::Unreadable {
            path: shown.clone(),
            error: error.to_string(),
        })?;
        self.text(&text, path)
    }

    /// Lays the text of a file over what is there.
    pub fn text(mut self, text: &str, path: &Path) -> Result<Self, LayerError> {
        let table: Table = text
            .parse()
            .map_err(|error: toml::de::Error| LayerError::Syntax {
                path: path.display().to_string(),
                error: error.to_string().trim().to_owned(),
            })?;
        let lines = lines(text);
        self.walk(&mut Vec::new(), table, path, &lines);
        Ok(self)
    }

    /// Lays variables over what is there: with the prefix `TOD_`, `TOD_HTTP__LISTEN` is
    /// `http.listen`. Variables without `__` mean something else and are left alone.
    pub fn variables(
        mut self,
        prefix: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        for (name, text) in variables {
            let Some(rest) = name.strip_prefix(prefix).filter(|rest| rest.contains("__")) else {
                continue;
            };
            let key = rest.split("__").map(str::to_lowercase).collect();
            self.put(
                key,
                Leaf {
                    origin: Origin::Variable(name),
                    value: text.into(),
                    text: true,
                },
            );
        }
        self
    }

    /// Lays one variable of a name of its own over what is there.
    pub fn variable(mut self, key: &str, name: &str, text: impl Into<String>) -> Self {
        let key = key.split('.').map(str::to_owned).collect();
        let leaf = Leaf {
            origin: Origin::Variable(name.to_owned()),
            value: Value::String(text.into()),
            text: true,
        };
        self.put(key, leaf);
        self
    }

    /// Lays a flag over what is there, if it was given.
    pub fn flag(mut self, key: &str, name: &str, text: Option<impl Into<String>>) -> Self {
        if let Some(text) = text {
            let key = key.split('.').map(str::to_owned).collect();
            let origin = Origin::Flag(name.to_owned());
            self.put(
                key,
                Leaf {
                    origin,
                    value: Value::String(text.into()),
                    text: true,
                },
            );
        }
        self
    }

    /// Where the value of a dotted key is from; nothing when it is the default.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        let key: Vec<_> = key.split('.').map(str::to_owned).collect();
        self.0.get(&key).map(|leaf| &leaf.origin)
    }

    /// Every value that is not the default: its dotted key and where it is from.
    pub fn origins(&self) -> impl Iterator<Item = (String, &Origin)> {
        self.0
            .iter()
            .map(|(key, leaf)| (key.join("."), &leaf.origin))
    }

    /// Reads the whole. Every field of `T` must have a default.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, LayerError> {
        let mut whole = Table::new();
        for (key, leaf) in &self.0 {
            insert(&mut whole, key, fitting::<T>(key, leaf)?);
        }
        whole
            .try_into()
            .map_err(|error: toml::de::Error| LayerError::Whole(brief(&error)))
    }

    fn walk(&mut self, at: &mut Vec<String>, table: Table, path: &Path, lines: &Lines) {
        for (name, value) in table {
            at.push(name);
            match value {
                Value::Table(inner) if !inner.is_empty() => self.walk(at, inner, path, lines),
                value => {
                    let line = lines.get(at).copied().unwrap_or(1);
                    self.put(
                        at.clone(),
                        Leaf {
                            origin: Origin::File(path.to_owned(), line),
                            value,
                            text: false,
                        },
                    );
                }
            }
            at.pop();
        }
    }

    /// A value replaces what is at its key, under it, and above it.
    fn put(&mut self, key: Vec<String>, leaf: Leaf) {
        self.0
            .retain(|other, _| !other.starts_with(&key) && !key.starts_with(other));
        self.0.insert(key, leaf);
    }
}

/// The line of each key.
type Lines = BTreeMap<Vec<String>, usize>;

fn lines(text: &str) -> Lines {
    let mut lines = Lines::new();
    if let Ok(table) = DeTable::parse(text) {
        find_lines(text, &mut Vec::new(), table.get_ref(), &mut lines);
    }
    lines
}

fn find_lines(text: &str, at: &mut Vec<String>, table: &DeTable<'_>, lines: &mut Lines) {
    for (key, value) in table {
        at.push(key.get_ref().to_string());
        let before = text.get(..key.span().start).unwrap_or_default();
        lines.insert(at.clone(), before.matches('\n').count() + 1);
        if let DeValue::Table(inner) = value.get_ref() {
            find_lines(text, at, inner, lines);
        }
        at.pop();
    }
}

/// The reading of a leaf that `T` takes: as text, or as what the text says in TOML.
fn fitting<T: DeserializeOwned>(key: &[String], leaf: &Leaf) -> Result<Value, LayerError> {
    let mut readings = vec![leaf.value.clone()];
    if leaf.text
        && let Some(text) = leaf.value.as_str()
    {
        let parsed = format!("v = {text}").parse::<Table>().ok();
        readings.extend(parsed.and_then(|mut table| table.remove("v")));
    }
    let mut refusal = String::new();
    for value in readings {
        let mut alone = Table::new();
        insert(&mut alone, key, value.clone());
        match alone.try_into::<T>() {
            Ok(_) => return Ok(value),
            Err(error) => refusal = brief(&error),
        }
    }
    Err(LayerError::Value {
        origin: leaf.origin.to_string(),
        key: key.join("."),
        error: refusal,
    })
}

fn insert(table: &mut Table, key: &[String], value: Value) {
    match key {
        [] => {}
        [last] => {
            table.insert(last.clone(), value);
        }
        [first, rest @ ..] => {
            let inner = table
                .entry(first)
                .or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

fn brief(error: &toml::de::Error) -> String {
    error.message().to_owned()
}

#[cfg(test)]
mod tests;
