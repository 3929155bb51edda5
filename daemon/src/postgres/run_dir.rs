//! The folder of the socket. It is short: the name of a socket has at most 107 bytes.

use std::fs::{self, DirBuilder};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::account::Account;

/// The folder for the cluster in `data`: always the same one.
pub(super) fn path(data: &Path) -> PathBuf {
    parent().join(format!("tod-{:016x}", fingerprint(data)))
}

/// Makes the folder, for the cluster's account alone.
pub(super) fn prepare(folder: &Path, account: &Account) -> anyhow::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => account.own_path(folder)?,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => {
            return Err(error).with_context(|| format!("cannot create {}", folder.display()));
        }
    }
    // In a folder that all may write, somebody else may have been here first.
    let found = fs::symlink_metadata(folder)?;
    if !found.is_dir() || found.uid() != account.uid() || found.mode() & 0o077 != 0 {
        bail!("{} belongs to somebody else; remove it", folder.display());
    }
    // Left by one that was killed: none runs now, and the data directory has its own lock.
    for name in [".s.PGSQL.5432", ".s.PGSQL.5432.lock"] {
        match fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot clear {}", folder.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

fn parent() -> PathBuf {
    let uid = rustix::process::geteuid();
    let candidates = [
        PathBuf::from("/run"),
        format!("/run/user/{}", uid.as_raw()).into(),
    ];
    let writable = |path: &PathBuf| {
        rustix::fs::access(
            path,
            rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK,
        )
        .is_ok()
    };
    candidates
        .into_iter()
        .find(writable)
        .unwrap_or_else(|| "/tmp".into())
}

fn fingerprint(data: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    data.hash(&mut hasher);
    hasher.finish()
}
