//! The folder that a `todd` calls its own: one at a time, and never older than what wrote it.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Seek as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

/// The format of the folder that this version writes.
const FORMAT: u32 = 1;
/// The file that says what wrote the folder.
const STAMP: &str = "format.json";
/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A folder that this process has for itself until it is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// Locked; the lock goes with the process, however it ends.
    _lock: File,
}

/// Says what wrote the folder.
#[derive(Debug, Serialize, Deserialize)]
struct Stamp {
    format: u32,
    written_by: String,
}

impl DataDir {
    /// Takes the folder, which is made when it is not there.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        create(path)?;
        let path = path
            .canonicalize()
            .with_context(|| format!("cannot find {}", path.display()))?;
        check_owner(&path)?;
        let lock = lock(&path)?;
        check_stamp(&path)?;
        open_for_passing(&path)?;
        Ok(Self { path, _lock: lock })
    }

    /// Where it is, without links on the way.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A folder inside, which is made for this account alone when it is not there.
    pub fn private(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.path.join(name);
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&path);
        made.with_context(|| format!("cannot create {}", path.display()))?;
        Ok(path)
    }
}

/// Writes a file so that it is there whole or not at all, readable by this account alone.
pub fn write_private(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    write_with_mode(path, content, 0o600)
}

/// As [`write_private`], readable by everybody.
pub fn write_public(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    write_with_mode(path, content, 0o644)
}

fn write_with_mode(path: &Path, content: &[u8], mode: u32) -> anyhow::Result<()> {
    let aside = path.with_extension("new");
    let write = || {
        match fs::remove_file(&aside) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&aside)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&aside, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

fn create(path: &Path) -> anyhow::Result<()> {
    // Root's cluster runs as another account, which must be able to pass through.
    let mode = if rustix::process::geteuid().is_root() {
        0o711
    } else {
        0o700
    };
    let made = DirBuilder::new().recursive(true).mode(mode).create(path);
    made.with_context(|| {
        format!(
            "cannot create the data directory {}; choose another with --data-dir",
            path.display()
        )
    })
}

/// Leaves folders alone that hold something else, as a home does.
fn check_owner(path: &Path) -> anyhow::Result<()> {
    let Ok(entries) = fs::read_dir(path) else {
        return Ok(());
    };
    let names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    if names.iter().all(|name| name == "lock") || names.iter().any(|name| name == STAMP) {
        return Ok(());
    }
    bail!(
        "{} is not empty and was not made by tod; choose another directory with --data-dir",
        path.display()
    )
}

/// Lets root's other account pass through a folder that was made for root alone. What is inside
/// is closed by itself.
fn open_for_passing(path: &Path) -> anyhow::Result<()> {
    let found = fs::metadata(path)?;
    if !rustix::process::geteuid().is_root() || found.uid() != 0 || found.mode() & 0o011 == 0o011 {
        return Ok(());
    }
    let mode = Permissions::from_mode(found.mode() & 0o7777 | 0o011);
    let opened = fs::set_permissions(path, mode);
    opened.with_context(|| format!("cannot change the mode of {}", path.display()))
}

fn lock(path: &Path) -> anyhow::Result<File> {
    let file = path.join("lock");
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o644);
    let mut lock = options.open(&file).with_context(|| not_writable(path))?;
    if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
        let holder = std::io::read_to_string(&lock).unwrap_or_default();
        bail!(
            "another todd (process {}) uses the data directory {}; \
             stop it, or choose another with --data-dir",
            holder.trim().escape_debug(),
            path.display()
        );
    }
    let note = || {
        lock.set_len(0)?;
        lock.rewind()?;
        writeln!(lock, "{}", std::process::id())
    };
    let mut note = note;
    note().with_context(|| not_writable(path))?;
    Ok(lock)
}

fn not_writable(path: &Path) -> String {
    let here = rustix::process::geteuid().as_raw();
    let owner = fs::metadata(path).map_or_else(
        |_| String::new(),
        |found| {
            format!(
                " (it belongs to uid {}, mode {:o})",
                found.uid(),
                found.mode() & 0o7777
            )
        },
    );
    format!(
        "the data directory {}{owner} cannot be written by uid {here}; \
         change its owner, or choose another with --data-dir",
        path.display()
    )
}

fn check_stamp(path: &Path) -> anyhow::Result<()> {
    let file = path.join(STAMP);
    match fs::read_to_string(&file) {
        Ok(text) => {
            let stamp: Stamp = serde_json::from_str(&text)
                .with_context(|| format!("{} is damaged", file.display()))?;
            if stamp.format > FORMAT {
                bail!(
                    "the data directory {} was written by the newer tod {} (format {}, this is {} \
                     with format {FORMAT}); install that version, or choose another directory \
                     with --data-dir",
                    path.display(),
                    stamp.written_by.escape_debug(),
                    stamp.format,
                    VERSION,
                );
            }
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let stamp = Stamp {
                format: FORMAT,
                written_by: VERSION.to_owned(),
            };
            write_public(&file, serde_json::to_string(&stamp)?.as_bytes())
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_has_the_folder_and_it_is_free_afterwards() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("new/deep");
        let first = DataDir::open(&path).unwrap();
        let refused = DataDir::open(&path).unwrap_err().to_string();
        let who = format!("another todd (process {}) uses", std::process::id());
        assert!(refused.starts_with(&who), "{refused}");
        drop(first);
        DataDir::open(&path).unwrap();
    }

    #[test]
    fn a_folder_of_somebody_else_is_left_alone() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("letter.txt"), "dear").unwrap();
        let mode = fs::metadata(temp.path()).unwrap().mode();
        let refused = DataDir::open(temp.path()).unwrap_err().to_string();
        assert!(
            refused.contains("is not empty and was not made by tod"),
            "{refused}"
        );
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
        assert_eq!(fs::metadata(temp.path()).unwrap().mode(), mode);
    }

    #[test]
    fn what_a_newer_version_wrote_is_left_alone() {
        let temp = tempfile::tempdir().unwrap();
        drop(DataDir::open(temp.path()).unwrap());
        let file = temp.path().join("format.json");
        fs::write(&file, r#"{"format":99,"written_by":"9.9.9"}"#).unwrap();
        let refused = DataDir::open(temp.path()).unwrap_err().to_string();
        assert!(refused.contains("newer tod 9.9.9 (format 99"), "{refused}");
        fs::write(&file, "garbage").unwrap();
        assert!(
            DataDir::open(temp.path())
                .unwrap_err()
                .to_string()
                .contains("is damaged")
        );
    }

    #[test]
    fn files_are_written_whole_and_with_their_mode() {
        let temp = tempfile::tempdir().unwrap();
        let (secret, open) = (temp.path().join("key.pem"), temp.path().join("cert.pem"));
        write_private(&secret, b"one").unwrap();
        write_private(&secret, b"two").unwrap();
        write_public(&open, b"three").unwrap();
        assert_eq!(fs::read(&secret).unwrap(), b"two");
        assert_eq!(fs::metadata(&secret).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&open).unwrap().mode() & 0o777, 0o644);
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 2);
    }
}
