//! Finding the programs of `PostgreSQL`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;

/// The oldest major version that we run on.
const OLDEST: u32 = 15;

/// Where to look.
#[derive(Clone, Debug)]
pub struct Places {
    /// Look here and nowhere else.
    pub only: Option<PathBuf>,
    /// The folders of `PATH`.
    pub path: Vec<PathBuf>,
    /// Folders that hold one folder for each version, and where in those the programs are.
    pub versioned: Vec<(PathBuf, &'static str)>,
    /// How this system installs them.
    pub install: String,
}

/// The programs of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    folder: PathBuf,
    /// Its major version.
    pub version: u32,
}

impl Places {
    /// The usual places, with the folders of `PATH`.
    pub fn usual(path: Vec<PathBuf>) -> Self {
        let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
        Self {
            only: None,
            path,
            versioned: vec![
                ("/usr/lib/postgresql".into(), "bin"),
                ("/usr".into(), "bin"),
                ("/usr/local".into(), "bin"),
                ("/opt/homebrew/opt".into(), "bin"),
                ("/usr/local/opt".into(), "bin"),
            ],
            install: install_command(&release).to_owned(),
        }
    }

    fn folders(&self) -> Vec<PathBuf> {
        if let Some(only) = &self.only {
            return vec![only.clone()];
        }
        let mut folders: Vec<_> = self.told_by_pg_config().into_iter().collect();
        folders.extend(self.path.iter().cloned());
        for (parent, inner) in &self.versioned {
            let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
            let versioned = |path: &PathBuf| {
                let name = path
                    .file_name()
                    .and_then(|name| name.to_str())
                    .unwrap_or_default();
                let name = name
                    .trim_start_matches("postgresql@")
                    .trim_start_matches("pgsql-");
                name.parse::<u32>().is_ok()
            };
            let mut found: Vec<_> = entries
                .map(|entry| entry.path())
                .filter(versioned)
                .collect();
            found.sort_unstable();
            folders.extend(found.into_iter().rev().map(|path| path.join(inner)));
        }
        folders
    }

    fn told_by_pg_config(&self) -> Option<PathBuf> {
        let program = self.path.iter().map(|folder| folder.join("pg_config"));
        let program = program.into_iter().find(|program| program.is_file())?;
        let output = Command::new(program)
            .arg("--bindir")
            .env_clear()
            .output()
            .ok()?;
        Some(String::from_utf8(output.stdout).ok()?.trim().into())
    }
}

impl Binaries {
    /// Finds the programs: of the version that wrote the data when there are some, else the first.
    pub fn find(places: &Places, wanted: Option<u32>) -> anyhow::Result<Self> {
        let mut others = Vec::new();
        for folder in places.folders() {
            let Some(version) = version(&folder) else {
                continue;
            };
            let fits = wanted.map_or(version >= OLDEST, |wanted| version == wanted);
            if fits {
                return Ok(Self { folder, version });
            }
            others.push(format!("{version} in {}", folder.display()));
        }
        others.dedup();
        let need = match wanted {
            Some(version) => format!("the data directory needs PostgreSQL {version}"),
            None => format!("tod needs PostgreSQL {OLDEST} or later"),
        };
        let found = match (others.is_empty(), &places.only) {
            (false, _) => format!("found only {}", others.join(", ")),
            (true, Some(only)) => format!("there is none in {}", only.display()),
            (true, None) => "found none".to_owned(),
        };
        bail!(
            "{need} and {found}; install it with `{}`, \
             or give a database with --database-url",
            places.install
        )
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// The major version of the programs in `folder`, if all that we need are there.
fn version(folder: &Path) -> Option<u32> {
    if !folder.join("initdb").is_file() {
        return None;
    }
    let output = Command::new(folder.join("postgres"))
        .arg("--version")
        .env_clear()
        .output();
    major(&String::from_utf8(output.ok()?.stdout).ok()?)
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-1)` is 15.
fn major(text: &str) -> Option<u32> {
    let version = text.split_whitespace().nth(2)?;
    let digits = version
        .find(|char: char| !char.is_ascii_digit())
        .unwrap_or(version.len());
    version.get(..digits)?.parse().ok()
}

fn install_command(release: &str) -> &'static str {
    if cfg!(target_os = "macos") {
        return "brew install postgresql@17";
    }
    let ids = release.lines().filter_map(|line| {
        line.strip_prefix("ID=")
            .or_else(|| line.strip_prefix("ID_LIKE="))
    });
    for id in ids.flat_map(|ids| ids.trim_matches('"').split_whitespace()) {
        match id {
            "debian" | "ubuntu" => return "apt-get install -y postgresql",
            "fedora" | "rhel" | "centos" => return "dnf install -y postgresql-server",
            "arch" => return "pacman -S postgresql",
            "alpine" => return "apk add postgresql",
            "suse" | "opensuse" => return "zypper install -y postgresql-server",
            _ => {}
        }
    }
    "the package manager of this system (postgresql, its server)"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nowhere() -> Places {
        let install = install_command("ID=debian").to_owned();
        Places {
            only: None,
            path: vec![],
            versioned: vec![],
            install,
        }
    }

    #[test]
    fn missing_programs_make_one_error_that_says_how_to_get_them() {
        let error = Binaries::find(&nowhere(), None).unwrap_err().to_string();
        assert_eq!(
            error,
            "tod needs PostgreSQL 15 or later and found none; install it with \
             `apt-get install -y postgresql`, or give a database with --database-url"
        );
        let only = Places {
            only: Some("/nowhere".into()),
            ..nowhere()
        };
        let error = Binaries::find(&only, Some(16)).unwrap_err().to_string();
        let start = "the data directory needs PostgreSQL 16 and there is none in /nowhere; ";
        assert!(error.starts_with(start), "{error}");
    }

    #[test]
    fn programs_of_this_system_are_found_and_another_version_is_not_taken_for_them() {
        let usual = Places::usual(vec![]);
        let found = Binaries::find(&usual, None).unwrap();
        assert!(found.version >= OLDEST && found.program("postgres").is_file());
        assert_eq!(Binaries::find(&usual, Some(found.version)).unwrap(), found);
        let error = Binaries::find(&usual, Some(9)).unwrap_err().to_string();
        assert!(
            error.contains(&format!("found only {}", found.version)),
            "{error}"
        );
    }

    #[test]
    fn versions_and_systems_are_recognised() {
        assert_eq!(
            major("postgres (PostgreSQL) 15.18 (Debian 15.18-1)\n"),
            Some(15)
        );
        assert_eq!(major("postgres (PostgreSQL) 17beta1"), Some(17));
        assert_eq!(major("something else"), None);
        assert_eq!(
            install_command("NAME=x\nID=\"rocky\"\nID_LIKE=\"rhel fedora\""),
            "dnf install -y postgresql-server"
        );
        assert!(install_command("").starts_with("the package manager"));
    }
}
