//! The environment: the one place that reads it.

use std::collections::BTreeMap;
use std::ffi::OsString;

/// Variables of the environment, as a value that tests can replace.
#[derive(Clone, Debug, Default)]
pub struct Env(BTreeMap<String, OsString>);

impl Env {
    /// The environment of the process.
    pub fn of_process() -> Self {
        let named = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value));
        Self(std::env::vars_os().filter_map(named).collect())
    }

    /// These variables and no others.
    pub fn of(vars: &[(&str, &str)]) -> Self {
        let own = |&(name, value): &(&str, &str)| (name.to_owned(), OsString::from(value));
        Self(vars.iter().map(own).collect())
    }

    /// A variable, as it is.
    pub fn os(&self, name: &str) -> Option<OsString> {
        self.0.get(name).cloned()
    }

    /// A variable that is set, not empty and text.
    pub fn text(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name)?.to_str()?;
        (!value.is_empty()).then_some(value)
    }

    /// Whether a variable is set and not empty.
    pub fn has(&self, name: &str) -> bool {
        self.text(name).is_some()
    }
}
