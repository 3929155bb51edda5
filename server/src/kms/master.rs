//! The master key: given, or kept in a file that is made on first start.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

const KEY: usize = 32;

/// The key that wraps all others. 32 bytes; written as 64 digits of hex, read in base64, too.
#[derive(Clone)]
pub struct MasterKey(Arc<Zeroizing<[u8; KEY]>>);

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// It is not 32 bytes.
    #[error("the master key is neither 64 digits of hex nor base64 of 32 bytes")]
    Malformed,
    /// Others may read the file.
    #[error("`{}` is open to others (mode {mode:03o}): chmod 600", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file cannot be read or made.
    #[error("`{}` cannot be used as key file", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

impl std::str::FromStr for MasterKey {
    type Err = MasterKeyError;

    fn from_str(text: &str) -> Result<Self, MasterKeyError> {
        let mut bytes = Zeroizing::new([0; KEY]);
        let text = text.trim();
        if hex::decode_to_slice(text, &mut *bytes).is_err() {
            // 44 characters of base64 are 32 bytes; no length is both.
            let decoded = Zeroizing::new(STANDARD.decode(text).unwrap_or_default());
            let decoded = <[u8; KEY]>::try_from(decoded.as_slice());
            *bytes = decoded.map_err(|_| MasterKeyError::Malformed)?;
        }
        Ok(Self(Arc::new(bytes)))
    }
}

impl MasterKey {
    /// Takes the key itself.
    pub fn from_bytes(bytes: [u8; KEY]) -> Self {
        Self(Arc::new(Zeroizing::new(bytes)))
    }

    /// Writes the key to `path`, readable by its owner only. One that is there already must be the
    /// same.
    pub fn keep(&self, path: &Path) -> Result<(), MasterKeyError> {
        if path.exists() {
            if Self::from_file(path)?.bytes() == self.bytes() {
                return Ok(());
            }
            let other = std::io::Error::other("it holds another key");
            return Err(failed(path)(other));
        }
        self.write(path).map_err(failed(path))
    }

    fn write(&self, path: &Path) -> std::io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        let text = Zeroizing::new(hex::encode(self.bytes()));
        file.write_all(text.as_bytes())?;
        file.sync_all()
    }

    /// Reads the key from `path`, or makes a new one there, readable by its owner only.
    pub fn from_file(path: &Path) -> Result<Self, MasterKeyError> {
        let mut bytes = Zeroizing::new([0; KEY]);
        aws_lc_rs::rand::fill(&mut *bytes)
            .map_err(|_| failed(path)(std::io::Error::other("no randomness")))?;
        let fresh = Self(Arc::new(bytes));
        match fresh.write(path) {
            Ok(()) => Ok(fresh),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                let mode = std::fs::metadata(path)
                    .map_err(failed(path))?
                    .permissions()
                    .mode()
                    & 0o777;
                if mode & 0o077 != 0 {
                    return Err(MasterKeyError::Exposed {
                        path: path.to_owned(),
                        mode,
                    });
                }
                Zeroizing::new(std::fs::read_to_string(path).map_err(failed(path))?).parse()
            }
            Err(error) => Err(failed(path)(error)),
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> MasterKeyError {
    |source| MasterKeyError::File {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_is_made_once_and_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");

        let first = MasterKey::from_file(&path).unwrap();
        let second = MasterKey::from_file(&path).unwrap();

        assert_eq!(first.bytes(), second.bytes());
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_key_file_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        MasterKey::from_file(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();

        let error = MasterKey::from_file(&path).unwrap_err();

        assert!(
            matches!(error, MasterKeyError::Exposed { mode: 0o644, .. }),
            "{error}"
        );
    }

    #[test]
    fn a_key_is_read_in_hex_and_in_base64() {
        let hex = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let base64 = "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=";
        let keys = [hex, base64].map(|text| text.parse::<MasterKey>().unwrap());
        assert_eq!(keys[0].bytes(), keys[1].bytes());
    }

    #[test]
    fn a_key_is_never_written_over_another() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        let key = MasterKey::from_bytes([7; KEY]);

        key.keep(&path).unwrap();
        key.keep(&path).unwrap();

        MasterKey::from_bytes([8; KEY]).keep(&path).unwrap_err();
        assert_eq!(MasterKey::from_file(&path).unwrap().bytes(), [7; KEY]);
    }

    #[test]
    fn a_short_key_is_refused() {
        assert!("00ff".parse::<MasterKey>().is_err());
    }
}
