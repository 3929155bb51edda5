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
    let mut file = match open(path, OpenOptions::new().read(true)) {
        Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Ok(None);
        }
        opened => opened?,
    };
    let meta = file.metadata().map_err(failed)?;
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

/// Opens a plain file of ours. A link is not followed: it may lead to what somebody else chose.
fn open(path: &Path, how: &mut OpenOptions) -> Result<File, StoreError> {
    let not_ours = || StoreError::NotOurs {
        path: path.to_owned(),
    };
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let opened = how.custom_flags(flags.bits().cast_signed()).open(path);
    let file = opened.map_err(|error| {
        if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
            not_ours()
        } else {
            StoreError::io(path, error)
        }
    })?;
    let meta = file
        .metadata()
        .map_err(|error| StoreError::io(path, error))?;
    if !meta.is_file() || meta.uid() != rustix::process::geteuid().as_raw() {
        return Err(not_ours());
    }
    Ok(file)
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
        fs::rename(&temporary, path)?;
        // The name is durable when the directory is.
        File::open(dir)?.sync_all()
    })();
    if result.is_err() {
        // What is left of a failed write helps nobody; that it cannot be removed changes nothing.
        drop(fs::remove_file(&temporary));
    }
    result.map_err(failed)
}

/// Keeps what this process holds out of a file that a crash would leave behind.
pub fn leave_no_core() -> io::Result<()> {
    let none = rustix::process::Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    Ok(rustix::process::setrlimit(
        rustix::process::Resource::Core,
        none,
    )?)
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
    let mut how = OpenOptions::new();
    how.write(true).create(true).truncate(false).mode(0o600);
    let file = open(path, &mut how)?;
    file.lock().map_err(failed)?;
    Ok(Lock::on(file))
}
