//! As which account of the operating system the cluster runs. `PostgreSQL` refuses to be root.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;

use anyhow::{Context as _, bail};
use tokio::process::Command;

/// The accounts that root gives the cluster to, the best first.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// Who runs the cluster, and who may sign in.
#[derive(Clone, Debug)]
pub(super) struct Account {
    /// Whom to become; nobody else when this is not root.
    other: Option<Entry>,
    /// The name of the account that runs `todd`.
    own: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    name: String,
    uid: u32,
    gid: u32,
}

impl Account {
    pub(super) fn choose() -> anyhow::Result<Self> {
        let passwd = std::fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
        Self::choose_from(&passwd, rustix::process::geteuid().as_raw())
    }

    fn choose_from(passwd: &str, uid: u32) -> anyhow::Result<Self> {
        let entries: Vec<_> = passwd.lines().filter_map(entry).collect();
        let own = entries.iter().find(|entry| entry.uid == uid);
        let own = own.with_context(|| {
            format!(
                "uid {uid} has no name in /etc/passwd, so PostgreSQL cannot run; \
                 add one, or give a database with --database-url"
            )
        })?;
        let mut other = None;
        if uid == 0 {
            let named = |name: &&str| entries.iter().find(|entry| entry.name == *name).cloned();
            other = UNPRIVILEGED.iter().find_map(named);
            if other.is_none() {
                bail!("as root, the database needs an account `postgres` or `nobody` to run as");
            }
        }
        Ok(Self {
            other,
            own: own.name.clone(),
        })
    }

    /// The name of the account that runs `todd`.
    pub(super) fn own(&self) -> &str {
        &self.own
    }

    /// Has `command` run as the account, with no environment but the essential.
    pub(super) fn apply(&self, command: &mut Command) {
        command
            .env_clear()
            .env("LC_ALL", "C")
            .env("PATH", "/usr/bin:/bin");
        if let Some(other) = &self.other {
            command.uid(other.uid).gid(other.gid);
        }
    }

    /// Makes `path` belong to the account.
    pub(super) fn own_path(&self, path: &Path) -> anyhow::Result<()> {
        let Some(other) = &self.other else {
            return Ok(());
        };
        let done = chown(path, Some(other.uid), Some(other.gid));
        done.with_context(|| format!("cannot give {} to {}", path.display(), other.name))
    }

    /// The uid that files of the cluster have.
    pub(super) fn uid(&self) -> u32 {
        let here = || rustix::process::geteuid().as_raw();
        self.other.as_ref().map_or_else(here, |other| other.uid)
    }

    /// Refuses a folder that the account cannot come to.
    pub(super) fn check_reach(&self, path: &Path) -> anyhow::Result<()> {
        let Some(other) = &self.other else {
            return Ok(());
        };
        for folder in path.ancestors() {
            let found = folder.metadata();
            let found = found.with_context(|| format!("cannot look at {}", folder.display()))?;
            let needed = match (found.uid() == other.uid, found.gid() == other.gid) {
                (true, _) => 0o100,
                (false, true) => 0o010,
                (false, false) => 0o001,
            };
            if found.mode() & needed == 0 {
                bail!(
                    "the database runs as `{}`, who cannot pass through {} (mode {:o}); \
                     choose another directory with --data-dir, as /var/lib/tod",
                    other.name,
                    folder.display(),
                    found.mode() & 0o7777
                );
            }
        }
        Ok(())
    }
}

fn entry(line: &str) -> Option<Entry> {
    let mut fields = line.split(':');
    let name = fields.next()?.to_owned();
    let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Entry { name, uid, gid })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
        nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n\
        bad line\n\
        ana:x:1000:1000::/srv/ana:/bin/sh\n";

    #[test]
    fn root_gives_the_cluster_away_and_others_keep_it() {
        let root = Account::choose_from(PASSWD, 0).unwrap();
        assert_eq!(root.other.as_ref().unwrap().name, "nobody");
        assert_eq!((root.own(), root.uid()), ("root", 65534));
        let with = format!("{PASSWD}postgres:x:106:114::/var/lib/postgresql:/bin/bash\n");
        assert_eq!(Account::choose_from(&with, 0).unwrap().uid(), 106);
        let ana = Account::choose_from(PASSWD, 1000).unwrap();
        assert_eq!((ana.own(), ana.other.as_ref()), ("ana", None));
        let nameless = Account::choose_from(PASSWD, 4711).unwrap_err().to_string();
        assert!(nameless.starts_with("uid 4711 has no name"), "{nameless}");
        assert!(Account::choose_from("root:x:0:0::/:/bin/sh", 0).is_err());
    }
}
