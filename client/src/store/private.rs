//! Files that only their owner may read or change.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::{Lock, StoreError};

/// The longest file that is read. Ours are a few kilobytes.
const MAX_FILE: u64 = 4 << 20;

/// Who may do what with a file beside its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// Nobody else may read it: it holds secrets.
    Nothing,
    /// Others may read it, but not change it.
    MayRead,
}

/// Reads a file of ours; `None` if there is none.
pub fn read(path: &Path, others: Others) -> Result<Option<Vec<u8>>, StoreError> {
    let failed = |error| StoreError::io(path, error);
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path);
    let mut file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Err(StoreError::NotOurs {
                path: path.to_owned(),
            });
        }
        Err(error) => return Err(failed(error)),
    };
    let meta = file.metadata().map_err(failed)?;
    if !meta.is_file() || meta.uid() != rustix::process::geteuid().as_raw() {
        return Err(StoreError::NotOurs {
            path: path.to_owned(),
        });
    }
    let forbidden = match others {
        Others::Nothing => 0o077,
        Others::MayRead => 0o022,
    };
    if meta.mode() & forbidden != 0 {
        return Err(StoreError::TooOpen {
            path: path.to_owned(),
            mode: meta.mode() & 0o7777,
        });
    }
    let mut bytes = Vec::new();
    let read = (&mut file).take(MAX_FILE + 1).read_to_end(&mut bytes);
    read.map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(StoreError::Corrupt {
            path: path.to_owned(),
            reason: "it is longer than 4 MiB".to_owned(),
        });
    }
    Ok(Some(bytes))
}

/// Replaces a file at once: a reader sees the old one or the new one, never half of one.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let failed = |error| StoreError::io(path, error);
    let dir = path.parent().unwrap_or_else(|| Path::new("."));
    make_dir(dir)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}.new", rand::random::<u64>()));
    let temporary = dir.join(name);
    let result = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    })();
    if result.is_err() {
        // What is left of a failed write helps nobody; that it cannot be removed changes nothing.
        drop(fs::remove_file(&temporary));
    }
    result.map_err(failed)
}

/// Makes a directory that only its owner may enter.
pub fn make_dir(dir: &Path) -> Result<(), StoreError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| StoreError::io(dir, error))
}

/// Waits for a lock between processes. It ends when the process ends, however that happens.
pub fn lock(path: &Path) -> Result<Lock, StoreError> {
    let failed = |error| StoreError::io(path, error);
    make_dir(path.parent().unwrap_or_else(|| Path::new(".")))?;
    let file: File = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    file.lock().map_err(failed)?;
    Ok(Lock::on(file))
}
