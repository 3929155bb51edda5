//! Where secrets are kept: the OS keyring, an encrypted file, or nowhere.

mod file;
mod keyring;
pub mod private;
mod remembered;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::auth::Grant;
use crate::secret_key::SecretKey;

/// Why secrets cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no OS keyring, or it does not answer within 2 seconds.
    #[error("there is no OS keyring here: {0}")]
    NoKeyring(String),
    /// The file can be read or changed by others.
    #[error("{} can be read by others (mode {mode:o})", path.display())]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The file belongs to someone else, or is no plain file.
    #[error("{} is not a plain file of yours", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer version.
    #[error("{} was written by a newer version (format {version})", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version of its format.
        version: u32,
    },
    /// The file is damaged.
    #[error("{} is damaged: {reason}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The passphrase is not the one that the file was written with.
    #[error("the passphrase does not open {}", path.display())]
    WrongPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// There is nobody to ask for the passphrase.
    #[error("the store of secrets needs its passphrase")]
    NoPassphrase,
    /// Reading or writing failed.
    #[error("cannot use {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The store failed in another way.
    #[error("{0}")]
    Broken(String),
}

impl StoreError {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}

/// Keeps one session.
///
/// The methods block: the client calls them off the runtime's threads.
pub trait TokenStore: Send + Sync {
    /// The session, if there is one.
    fn load(&self) -> Result<Option<Grant>, StoreError>;
    /// Keeps a session, or forgets it.
    fn save(&self, grant: Option<&Grant>) -> Result<(), StoreError>;
    /// Keeps other processes from refreshing the same session for as long as it is held.
    fn lock(&self) -> Result<Lock, StoreError>;
}

/// A lock, held until it is dropped.
#[derive(Debug, Default)]
pub struct Lock(
    #[expect(dead_code, reason = "closing the file ends the lock")] Option<std::fs::File>,
);

impl Lock {
    pub(crate) fn on(file: std::fs::File) -> Self {
        Self(Some(file))
    }
}

/// Which store is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The keyring of the operating system.
    Keyring,
    /// A file encrypted with a passphrase.
    File,
    /// A file that only its mode protects. Only when asked for.
    Insecure,
    /// Nothing is kept.
    Memory,
}

impl Kind {
    /// All kinds, the best first.
    pub const ALL: [Self; 4] = [Self::Keyring, Self::File, Self::Insecure, Self::Memory];

    /// The name in the configuration and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keyring => "keyring",
            Self::File => "file",
            Self::Insecure => "insecure",
            Self::Memory => "memory",
        }
    }

    /// What to tell a person.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Keyring => "OS keyring",
            Self::File => "encrypted file",
            Self::Insecure => "unencrypted file (insecure)",
            Self::Memory => "memory only",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| format!("no store `{text}`: there are keyring, file, insecure, memory"))
    }
}

/// Why a passphrase is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To make the file: ask twice.
    Create,
    /// To open it.
    Open,
    /// To open it, after a wrong one. Whoever has only one passphrase has none now.
    Again,
}

/// Asks for the passphrase of the encrypted file. It is asked again when the passphrase is wrong.
pub type AskPassphrase = Arc<dyn Fn(Purpose) -> Result<SecretString, StoreError> + Send + Sync>;

/// A place for named secrets.
pub(crate) trait Vault: Send + Sync {
    fn get(&self, name: &str) -> Result<Option<Zeroizing<String>>, StoreError>;
    fn put(&self, name: &str, value: Option<&str>) -> Result<(), StoreError>;
    /// Asks now for what would be asked for later.
    fn unlock(&self) -> Result<(), StoreError> {
        Ok(())
    }
    /// Forgets the answer.
    fn lock_up(&self) {}
}

#[derive(Default)]
struct Memory(Mutex<BTreeMap<String, Zeroizing<String>>>);

impl Vault for Memory {
    fn get(&self, name: &str) -> Result<Option<Zeroizing<String>>, StoreError> {
        let values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(values.get(name).cloned())
    }

    fn put(&self, name: &str, value: Option<&str>) -> Result<(), StoreError> {
        let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match value {
            Some(value) => values.insert(name.to_owned(), Zeroizing::new(value.to_owned())),
            None => values.remove(name),
        };
        Ok(())
    }
}

/// The secrets of one context: its session and its Secret Key.
#[derive(Clone)]
pub struct Store {
    kind: Kind,
    vault: Arc<dyn Vault>,
    context: String,
    locks: Option<PathBuf>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("kind", &self.kind)
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the secrets of a context. `dir` is where files and locks are.
    pub fn open(kind: Kind, dir: &Path, context: &str, ask: AskPassphrase) -> Self {
        Self::of(kind, dir, context, file::Vault::encrypted(dir, ask))
    }

    /// The same for a person, who types the passphrase once and not for each command.
    pub fn open_for_person(kind: Kind, dir: &Path, context: &str, ask: AskPassphrase) -> Self {
        let file = file::Vault::encrypted(dir, ask).remembering();
        Self::of(kind, dir, context, file)
    }

    fn of(kind: Kind, dir: &Path, context: &str, encrypted: file::Vault) -> Self {
        let vault: Arc<dyn Vault> = match kind {
            Kind::Keyring => Arc::new(keyring::Keyring),
            Kind::File => Arc::new(encrypted),
            Kind::Insecure => Arc::new(file::Vault::plain(dir)),
            Kind::Memory => Arc::new(Memory::default()),
        };
        Self {
            kind,
            vault,
            context: context.to_owned(),
            locks: (kind != Kind::Memory).then(|| dir.to_owned()),
        }
    }

    /// A store that keeps nothing after the process.
    pub fn memory() -> Self {
        let ask: AskPassphrase = Arc::new(|_| Err(StoreError::NoPassphrase));
        Self::open(Kind::Memory, Path::new(""), "default", ask)
    }

    /// Whether the OS keyring works here; it gets 2 seconds to say so.
    pub fn probe_keyring() -> Result<(), StoreError> {
        keyring::probe()
    }

    /// Which store this is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Makes sure that the secrets can be read and written, so that nobody is asked for a passphrase
    /// in the middle of something else.
    pub fn unlock(&self) -> Result<(), StoreError> {
        self.vault.unlock()
    }

    /// Makes the next command ask for the passphrase.
    pub fn lock_up(&self) {
        self.vault.lock_up();
    }

    /// The Secret Key, if it is kept here.
    pub fn secret_key(&self) -> Result<Option<SecretKey>, StoreError> {
        let Some(text) = self.vault.get(&self.name("secret-key"))? else {
            return Ok(None);
        };
        let key = text.parse();
        key.map(Some)
            .map_err(|error| StoreError::Broken(format!("the Secret Key kept here: {error}")))
    }

    /// Keeps the Secret Key, or forgets it.
    pub fn keep_secret_key(&self, key: Option<&SecretKey>) -> Result<(), StoreError> {
        let text = key.map(SecretKey::reveal);
        let text = text.as_ref().map(|text| text.as_str());
        self.vault.put(&self.name("secret-key"), text)
    }

    fn name(&self, what: &str) -> String {
        format!("{}/{what}", self.context)
    }
}

impl TokenStore for Store {
    fn load(&self) -> Result<Option<Grant>, StoreError> {
        let Some(text) = self.vault.get(&self.name("session"))? else {
            return Ok(None);
        };
        // A session that does not parse is of another version: signing in again replaces it.
        Ok(serde_json::from_str(&text).ok())
    }

    fn save(&self, grant: Option<&Grant>) -> Result<(), StoreError> {
        let text = grant
            .map(serde_json::to_string)
            .transpose()
            .map_err(|error| StoreError::Broken(error.to_string()))?
            .map(Zeroizing::new);
        let text = text.as_ref().map(|text| text.as_str());
        self.vault.put(&self.name("session"), text)
    }

    fn lock(&self) -> Result<Lock, StoreError> {
        match &self.locks {
            Some(dir) => private::lock(&dir.join("session.lock")),
            None => Ok(Lock::default()),
        }
    }
}

#[cfg(test)]
mod tests;
