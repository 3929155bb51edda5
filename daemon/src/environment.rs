//! The environment of the process, read once and in one place.

use std::path::PathBuf;

/// The variables that the process was started with.
#[derive(Clone, Default)]
pub struct Environment(Vec<(String, String)>);

impl Environment {
    /// Reads them. What is not text is left out.
    pub fn capture() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(text).collect())
    }

    /// These and no others.
    pub fn of(variables: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self(variables.iter().map(owned).collect())
    }

    /// The value of a variable that is not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(other, _)| other == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = (String, String)> {
        self.0.iter().cloned()
    }

    /// The folders of `PATH`.
    pub fn path(&self) -> Vec<PathBuf> {
        self.get("PATH")
            .map(|path| std::env::split_paths(path).collect())
            .unwrap_or_default()
    }

    /// Where this account keeps data: root in `/var/lib/tod`, others where the XDG rules say.
    pub fn data_dir(&self) -> Option<PathBuf> {
        if rustix::process::geteuid().is_root() {
            return Some("/var/lib/tod".into());
        }
        let xdg = self
            .get("XDG_DATA_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute());
        let home = || Some(PathBuf::from(self.get("HOME")?).join(".local/share"));
        xdg.or_else(home).map(|data| data.join("tod"))
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment")
            .field("variables", &self.0.len())
            .finish()
    }
}
