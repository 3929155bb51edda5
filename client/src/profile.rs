//! The configuration of the person at this machine: contexts, preferences and paths.
//!
//! Keys that this version does not know are kept when the file is written.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tod_proto::id::TenantId;
use toml::{Table, Value};

use crate::error::Error;
use crate::store::private::{self, Others};
use crate::store::{Kind, StoreError};
use crate::tls::Trust;

/// The format that this version writes.
const FORMAT: i64 = 1;

/// Where files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// Configuration and encrypted secrets.
    pub config: PathBuf,
    /// What can be thrown away: the inventory for completion.
    pub cache: PathBuf,
    /// Logs.
    pub state: PathBuf,
}

impl Paths {
    /// Finds them as XDG says; `env` reads the environment.
    pub fn find(env: impl Fn(&str) -> Option<OsString>) -> Self {
        let get = |name: &str| env(name).filter(|value| !value.is_empty());
        let home = PathBuf::from(get("HOME").unwrap_or_else(|| "/".into()));
        let place = |own: &str, xdg: &str, rest: &str| match (get(own), get(xdg)) {
            (Some(own), _) => PathBuf::from(own),
            // XDG says that a relative path is to be ignored.
            (None, Some(base)) if Path::new(&base).is_absolute() => Path::new(&base).join("todctl"),
            (None, _) => home.join(rest).join("todctl"),
        };
        Self {
            config: place("TODCTL_CONFIG_DIR", "XDG_CONFIG_HOME", ".config"),
            cache: place("TODCTL_CACHE_DIR", "XDG_CACHE_HOME", ".cache"),
            state: place("TODCTL_STATE_DIR", "XDG_STATE_HOME", ".local/state"),
        }
    }

    /// The configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.config.join("config.toml")
    }
}

/// A server, and who we are there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Context {
    /// The server's address.
    pub server: String,
    /// The name of the tenant to work in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Its identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<TenantId>,
    /// The SHA-256 of the server's certificate, if it is pinned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin_sha256: Option<String>,
    /// The e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// A word that is always shown: `PROD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// A colour that is always shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// Whether every change asks for the context's name.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub protected: bool,
    /// Whether changes are refused.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub readonly: bool,
    /// Where its secrets are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<Kind>,
}

impl Context {
    /// Whom to trust to be the server.
    pub fn trust(&self) -> Result<Trust, Error> {
        match &self.pin_sha256 {
            None => Ok(Trust::Authorities),
            Some(pin) => pin.parse().map(Trust::Pin).map_err(Error::BadServer),
        }
    }

    /// What to call it on screen: its label, else its name.
    pub fn shown<'a>(&'a self, name: &'a str) -> &'a str {
        self.label.as_deref().unwrap_or(name)
    }
}

/// The configuration file.
#[derive(Clone, Debug)]
pub struct Config {
    path: PathBuf,
    doc: Table,
}

impl Config {
    /// Reads the file; an absent one is an empty one.
    pub fn load(path: &Path) -> Result<Self, StoreError> {
        let corrupt = |reason: String| StoreError::Corrupt {
            path: path.to_owned(),
            reason,
        };
        let bytes = private::read(path, Others::MayRead)?.unwrap_or_default();
        let text = String::from_utf8(bytes).map_err(|e| corrupt(e.to_string()))?;
        let doc: Table = text.parse().map_err(|e: toml::de::Error| {
            corrupt(e.to_string().trim_end().replace('\n', "\n        "))
        })?;
        if let Some(version) = doc.get("version").and_then(Value::as_integer)
            && version > FORMAT
        {
            return Err(StoreError::Newer {
                path: path.to_owned(),
                version: u32::try_from(version).unwrap_or(u32::MAX),
            });
        }
        let config = Self {
            path: path.to_owned(),
            doc,
        };
        config.contexts()?;
        Ok(config)
    }

    /// Writes the file, at once and for its owner only.
    pub fn save(&mut self) -> Result<(), StoreError> {
        self.doc
            .insert("version".to_owned(), Value::Integer(FORMAT));
        let text = toml::to_string_pretty(&self.doc)
            .map_err(|error| StoreError::Broken(error.to_string()))?;
        private::write(&self.path, text.as_bytes())
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name of the context in use.
    pub fn current(&self) -> Option<&str> {
        self.doc.get("current").and_then(Value::as_str)
    }

    /// Uses a context from now on.
    pub fn set_current(&mut self, name: Option<&str>) {
        match name {
            Some(name) => self.doc.insert("current".to_owned(), name.into()),
            None => self.doc.remove("current"),
        };
    }

    /// All contexts by name.
    pub fn contexts(&self) -> Result<BTreeMap<String, Context>, StoreError> {
        let Some(contexts) = self.doc.get("context") else {
            return Ok(BTreeMap::new());
        };
        contexts
            .clone()
            .try_into()
            .map_err(|error: toml::de::Error| StoreError::Corrupt {
                path: self.path.clone(),
                reason: format!("in [context]: {}", error.message()),
            })
    }

    /// One context.
    pub fn context(&self, name: &str) -> Result<Option<Context>, StoreError> {
        Ok(self.contexts()?.remove(name))
    }

    /// Puts a context there, over what is known of an older one.
    pub fn put_context(&mut self, name: &str, context: &Context) -> Result<(), StoreError> {
        let broken = |error: String| StoreError::Broken(error);
        let new = Table::try_from(context).map_err(|error| broken(error.to_string()))?;
        let contexts = self
            .doc
            .entry("context")
            .or_insert_with(|| Value::Table(Table::new()));
        let contexts = contexts
            .as_table_mut()
            .ok_or_else(|| broken("`context` is not a table".to_owned()))?;
        let entry = contexts
            .entry(name)
            .or_insert_with(|| Value::Table(Table::new()));
        let entry = entry
            .as_table_mut()
            .ok_or_else(|| broken(format!("`context.{name}` is not a table")))?;
        for key in [
            "tenant",
            "tenant_id",
            "pin_sha256",
            "user",
            "label",
            "color",
            "protected",
            "readonly",
            "store",
        ] {
            entry.remove(key);
        }
        entry.extend(new);
        Ok(())
    }

    /// Removes a context; says whether there was one.
    pub fn remove_context(&mut self, name: &str) -> bool {
        let contexts = self.doc.get_mut("context").and_then(Value::as_table_mut);
        let was = contexts.is_some_and(|contexts| contexts.remove(name).is_some());
        if was && self.current() == Some(name) {
            self.set_current(None);
        }
        was
    }

    /// A preference, such as `output`.
    pub fn preference(&self, name: &str) -> Option<&str> {
        self.doc.get("prefs")?.get(name)?.as_str()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_unknown_survives_a_write() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("todctl/config.toml");
        let text = "current = \"a\"\n[context.a]\nserver = \"https://x\"\nfuture = 1\nlabel = \"L\"\n[keys.x]\ny = \"z\"\n";
        private::write(&path, text.as_bytes()).unwrap();

        let mut config = Config::load(&path).unwrap();
        let mut context = config.context("a").unwrap().unwrap();
        context.label = None;
        context.readonly = true;
        config.put_context("a", &context).unwrap();
        config.save().unwrap();

        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.contains("future = 1") && text.contains("[keys.x]"),
            "{text}"
        );
        assert!(!text.contains("label"), "{text}");
        let again = Config::load(&path).unwrap();
        assert_eq!(again.context("a").unwrap().unwrap(), context);
        assert_eq!(again.current(), Some("a"));
    }

    #[test]
    fn files_that_others_can_change_or_that_are_newer_or_damaged_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        let load = |text: &str, mode: u32| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            Config::load(&path).map(|_| ())
        };

        assert!(load("", 0o644).is_ok());
        assert!(matches!(load("", 0o666), Err(StoreError::TooOpen { .. })));
        assert!(matches!(
            load("version = 2", 0o600),
            Err(StoreError::Newer { .. })
        ));
        assert!(matches!(
            load("[context", 0o600),
            Err(StoreError::Corrupt { .. })
        ));
        assert!(matches!(
            load("[context.a]\nserver = 7", 0o600),
            Err(StoreError::Corrupt { .. })
        ));
    }

    #[test]
    fn paths_follow_xdg_and_our_own_variables() {
        let find = |vars: &[(&str, &str)]| {
            Paths::find(|name| {
                let var = vars.iter().find(|(key, _)| *key == name);
                var.map(|(_, value)| OsString::from(value))
            })
        };

        let paths = find(&[
            ("HOME", "/h"),
            ("XDG_CACHE_HOME", "/c"),
            ("TODCTL_STATE_DIR", "/s"),
        ]);

        assert_eq!(paths.config, Path::new("/h/.config/todctl"));
        assert_eq!(paths.cache, Path::new("/c/todctl"));
        assert_eq!(paths.state, Path::new("/s"));
    }
}
