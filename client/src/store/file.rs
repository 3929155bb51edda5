//! A file of secrets: encrypted with a passphrase, or protected by its mode alone.
//!
//! The encrypted form is JSON: the parameters of Argon2id, a nonce, and AES-256-GCM of the
//! secrets. The parameters are authenticated with them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::private::{self, Others};
use super::{AskPassphrase, Purpose, StoreError, remembered};

/// The format that this version writes.
const FORMAT: u32 = 1;
/// Argon2id as OWASP recommends: 19 MiB, two passes.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
/// A file that asks for more than this would be an attack on our memory.
const MAX_MEMORY_KIB: u32 = 1 << 20;
/// How often a person may try to open the file.
const TRIES: usize = 3;

type Secrets = BTreeMap<String, Zeroizing<String>>;

/// The encrypted file.
#[derive(Serialize, Deserialize)]
struct Sealed {
    version: u32,
    memory_kib: u32,
    passes: u32,
    salt: String,
    nonce: String,
    data: String,
}

/// The file that only its mode protects.
#[derive(Serialize, Deserialize)]
struct Plain {
    version: u32,
    secrets: BTreeMap<String, String>,
}

/// What every format of ours starts with.
#[derive(Deserialize)]
struct Head {
    version: u32,
}

pub(super) struct Vault {
    path: PathBuf,
    lock: PathBuf,
    ask: Option<AskPassphrase>,
    /// Whether the kernel may remember the key.
    is_remembered: bool,
    /// The key and what it was made from, so that the passphrase is asked for once.
    key: Mutex<Option<Key>>,
}

#[derive(Clone)]
struct Key {
    salt: Vec<u8>,
    memory_kib: u32,
    passes: u32,
    bytes: Zeroizing<[u8; 32]>,
}

impl Vault {
    pub(super) fn encrypted(dir: &Path, ask: AskPassphrase) -> Self {
        Self {
            path: dir.join("secrets.enc"),
            lock: dir.join("secrets.lock"),
            ask: Some(ask),
            is_remembered: false,
            key: Mutex::new(None),
        }
    }

    pub(super) fn remembering(self) -> Self {
        Self {
            is_remembered: true,
            ..self
        }
    }

    pub(super) fn plain(dir: &Path) -> Self {
        Self {
            path: dir.join("secrets.json"),
            lock: dir.join("secrets.lock"),
            ask: None,
            is_remembered: false,
            key: Mutex::new(None),
        }
    }

    fn corrupt(&self, reason: impl std::fmt::Display) -> StoreError {
        StoreError::Corrupt {
            path: self.path.clone(),
            reason: reason.to_string(),
        }
    }

    fn read(&self) -> Result<Option<Secrets>, StoreError> {
        let Some(bytes) = private::read(&self.path, Others::Nothing)? else {
            return Ok(None);
        };
        let bytes = Zeroizing::new(bytes);
        let head: Head = serde_json::from_slice(&bytes).map_err(|e| self.corrupt(e))?;
        if head.version > FORMAT {
            return Err(StoreError::Newer {
                path: self.path.clone(),
                version: head.version,
            });
        }
        let Some(ask) = &self.ask else {
            let plain: Plain = serde_json::from_slice(&bytes).map_err(|e| self.corrupt(e))?;
            let secrets = plain.secrets.into_iter();
            return Ok(Some(secrets.map(|(k, v)| (k, Zeroizing::new(v))).collect()));
        };
        let sealed: Sealed = serde_json::from_slice(&bytes).map_err(|e| self.corrupt(e))?;
        self.unseal(&sealed, ask).map(Some)
    }

    fn unseal(&self, sealed: &Sealed, ask: &AskPassphrase) -> Result<Secrets, StoreError> {
        let decode = |text: &str| STANDARD.decode(text).map_err(|e| self.corrupt(e));
        let salt = decode(&sealed.salt)?;
        let (nonce, data) = (decode(&sealed.nonce)?, decode(&sealed.data)?);
        let mut purpose = Purpose::Open;
        let mut known = self.known(sealed, &salt);
        for _ in 0..TRIES {
            let is_known = known.is_some();
            let key = match known.take() {
                Some(key) => key,
                None => match ask(purpose) {
                    Ok(passphrase) => {
                        let cost = (sealed.memory_kib, sealed.passes);
                        self.stretch(&passphrase, salt.clone(), cost)?
                    }
                    Err(StoreError::NoPassphrase) if purpose == Purpose::Again => break,
                    Err(error) => return Err(error),
                },
            };
            if let Some(secrets) = self.open_with(&key, &nonce, &data)? {
                self.learn(&key);
                return Ok(secrets);
            }
            if !is_known {
                purpose = Purpose::Again;
            }
        }
        Err(StoreError::WrongPassphrase {
            path: self.path.clone(),
        })
    }

    /// The secrets, if `key` is the right one.
    fn open_with(
        &self,
        key: &Key,
        nonce: &[u8],
        data: &[u8],
    ) -> Result<Option<Secrets>, StoreError> {
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|e| self.corrupt(e))?;
        let mut data = Zeroizing::new(data.to_vec());
        let opened = self
            .cipher(key)?
            .open_in_place(nonce, Aad::from(key.header()), &mut data);
        let Ok(opened) = opened else {
            return Ok(None);
        };
        let secrets: BTreeMap<String, String> =
            serde_json::from_slice(opened).map_err(|e| self.corrupt(e))?;
        let secrets = secrets.into_iter();
        Ok(Some(secrets.map(|(k, v)| (k, Zeroizing::new(v))).collect()))
    }

    /// The key that this process or the kernel remembers.
    fn known(&self, sealed: &Sealed, salt: &[u8]) -> Option<Key> {
        let cached = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = cached.clone().filter(|key| key.salt == salt);
        ours.or_else(|| {
            let bytes = self
                .is_remembered
                .then(|| remembered::find(&name(salt)))??;
            Some(Key {
                salt: salt.to_vec(),
                memory_kib: sealed.memory_kib,
                passes: sealed.passes,
                bytes,
            })
        })
    }

    /// Remembers the key.
    fn learn(&self, key: &Key) {
        let mut cached = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        if cached
            .as_ref()
            .is_some_and(|cached| cached.salt == key.salt)
        {
            return;
        }
        if self.is_remembered {
            remembered::keep(&name(&key.salt), &key.bytes);
        }
        *cached = Some(key.clone());
    }

    fn write(&self, secrets: &Secrets) -> Result<(), StoreError> {
        let secrets: BTreeMap<&str, &str> = secrets
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        let bytes = match &self.ask {
            Some(ask) => serde_json::to_vec_pretty(&self.seal(&secrets, ask)?),
            None => serde_json::to_vec_pretty(&serde_json::json!({
                "version": FORMAT,
                "secrets": secrets,
            })),
        };
        let bytes = Zeroizing::new(bytes.map_err(|e| self.corrupt(e))?);
        private::write(&self.path, &bytes)
    }

    fn seal(
        &self,
        secrets: &BTreeMap<&str, &str>,
        ask: &AskPassphrase,
    ) -> Result<Sealed, StoreError> {
        let cached = self
            .key
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let key = if let Some(key) = cached {
            key
        } else {
            let salt: [u8; 16] = rand::random();
            let passphrase = ask(Purpose::Create)?;
            self.stretch(&passphrase, salt.to_vec(), (MEMORY_KIB, PASSES))?
        };
        let nonce: [u8; 12] = rand::random();
        let data = serde_json::to_vec(secrets).map_err(|e| self.corrupt(e))?;
        let mut data = Zeroizing::new(data);
        self.cipher(&key)?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(key.header()),
                &mut *data,
            )
            .map_err(|e| self.corrupt(e))?;
        let sealed = Sealed {
            version: FORMAT,
            memory_kib: key.memory_kib,
            passes: key.passes,
            salt: STANDARD.encode(&key.salt),
            nonce: STANDARD.encode(nonce),
            data: STANDARD.encode(&*data),
        };
        self.learn(&key);
        Ok(sealed)
    }

    fn stretch(
        &self,
        passphrase: &SecretString,
        salt: Vec<u8>,
        (memory_kib, passes): (u32, u32),
    ) -> Result<Key, StoreError> {
        if memory_kib > MAX_MEMORY_KIB || passes > 64 {
            return Err(self.corrupt("its key derivation asks for too much"));
        }
        let params = Params::new(memory_kib, passes, 1, Some(32)).map_err(|e| self.corrupt(e))?;
        let mut bytes = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.expose_secret().as_bytes(), &salt, &mut *bytes)
            .map_err(|e| self.corrupt(e))?;
        Ok(Key {
            salt,
            memory_kib,
            passes,
            bytes,
        })
    }

    fn cipher(&self, key: &Key) -> Result<LessSafeKey, StoreError> {
        let key = UnboundKey::new(&AES_256_GCM, &*key.bytes).map_err(|e| self.corrupt(e))?;
        Ok(LessSafeKey::new(key))
    }
}

impl Key {
    /// What is authenticated beside the secrets.
    fn header(&self) -> String {
        format!("tod secrets {FORMAT} {} {}", self.memory_kib, self.passes)
    }
}

/// What the kernel calls the key of the file with this salt.
fn name(salt: &[u8]) -> String {
    format!("todctl:{}", STANDARD.encode(salt))
}

impl super::Vault for Vault {
    fn get(&self, name: &str) -> Result<Option<Zeroizing<String>>, StoreError> {
        Ok(self.read()?.and_then(|secrets| secrets.get(name).cloned()))
    }

    fn put(&self, name: &str, value: Option<&str>) -> Result<(), StoreError> {
        let _lock = private::lock(&self.lock)?;
        let secrets = self.read()?;
        if secrets.is_none() && value.is_none() {
            return Ok(());
        }
        let mut secrets = secrets.unwrap_or_default();
        match value {
            Some(value) => secrets.insert(name.to_owned(), Zeroizing::new(value.to_owned())),
            None => secrets.remove(name),
        };
        self.write(&secrets)
    }

    fn unlock(&self) -> Result<(), StoreError> {
        let _lock = private::lock(&self.lock)?;
        match self.read()? {
            Some(_) => Ok(()),
            None => self.write(&Secrets::new()),
        }
    }

    fn lock_up(&self) {
        *self.key.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let read = private::read(&self.path, Others::Nothing).ok().flatten();
        let sealed = read.and_then(|bytes| serde_json::from_slice::<Sealed>(&bytes).ok());
        if let Some(salt) = sealed.and_then(|sealed| STANDARD.decode(sealed.salt).ok()) {
            remembered::forget(&name(&salt));
        }
    }
}
