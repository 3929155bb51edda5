//! Building our binaries, and finding them afterwards.

use crate::{environment, process, say};
use anyhow::{Result, ensure};
use std::path::{Path, PathBuf};

/// The folder of one profile's binaries.
#[derive(Debug, Clone)]
pub(crate) struct Bins {
    dir: PathBuf,
}

impl Bins {
    /// Builds every binary of the workspace with `profile`.
    pub(crate) fn build(profile: &str) -> Result<Self> {
        let mut args = vec!["build", "--workspace", "--bins", "--profile", profile];
        if profile == "dev" {
            // Dev-dependencies switch on features of shared crates. With the tests in the same
            // build cargo picks the features that `cargo xtask test` picks, and builds nothing
            // a second time.
            args.push("--tests");
        }
        say::step(&format!("cargo {}", args.join(" ")));
        process::run(&mut process::cargo(&args))?;
        Ok(Self::built(profile))
    }

    /// Builds `todctl` as it is shipped: whole-program optimised, which takes some minutes.
    pub(crate) fn shipped_client() -> Result<Self> {
        let args = ["build", "--package", "tod-cli", "--profile", "dist"];
        say::step(&format!("cargo {}", args.join(" ")));
        process::run(&mut process::cargo(&args))?;
        Ok(Self::built("dist"))
    }

    /// What was built with `profile` before.
    pub(crate) fn built(profile: &str) -> Self {
        let folder = if profile == "dev" { "debug" } else { profile };
        Self {
            dir: environment::target().join(folder),
        }
    }

    /// The folder they lie in.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// One of them.
    pub(crate) fn path(&self, name: &str) -> Result<PathBuf> {
        let path = self.dir.join(name);
        ensure!(
            path.is_file(),
            "no binary `{name}` in {}",
            self.dir.display()
        );
        Ok(path)
    }
}
