//! The Transit engine: keys with versions, and what they seal.

use std::collections::BTreeMap;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::wire::{Answer, Asked, data, errors};

/// All keys.
#[derive(Default)]
pub(crate) struct Engine {
    pub(crate) keys: BTreeMap<String, Key>,
}

/// A key.
pub(crate) struct Key {
    versions: BTreeMap<u64, [u8; 32]>,
    is_derived: bool,
    pub(crate) is_deletable: bool,
    is_exportable: bool,
    pub(crate) min_decryption: u64,
    min_encryption: u64,
    pub(crate) min_available: u64,
}

fn refused(text: impl Into<String>) -> Answer {
    errors(400, text)
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    bytes
}

impl Key {
    fn new(is_derived: bool) -> Self {
        Self {
            versions: BTreeMap::from([(1, random())]),
            is_derived,
            is_deletable: false,
            is_exportable: false,
            min_decryption: 1,
            min_encryption: 0,
            min_available: 0,
        }
    }

    pub(crate) fn latest(&self) -> u64 {
        self.versions.keys().copied().max().unwrap_or(0)
    }

    fn describe(&self, name: &str) -> Value {
        let versions = self
            .versions
            .keys()
            .filter(|at| **at >= self.min_decryption);
        let versions: serde_json::Map<_, _> = versions
            .map(|at| (at.to_string(), json!(1_800_000_000)))
            .collect();
        json!({
            "name": name, "type": "aes256-gcm96", "derived": self.is_derived,
            "deletion_allowed": self.is_deletable, "exportable": self.is_exportable,
            "allow_plaintext_backup": false, "keys": versions,
            "min_decryption_version": self.min_decryption,
            "min_encryption_version": self.min_encryption,
            "min_available_version": self.min_available, "latest_version": self.latest(),
            "supports_encryption": true, "supports_decryption": true,
            "supports_derivation": true, "supports_signing": false, "imported_key": false,
            "auto_rotate_period": 0,
        })
    }

    fn cipher(&self, version: u64, context: &[u8]) -> Result<LessSafeKey, Answer> {
        if self.is_derived && context.is_empty() {
            return Err(refused(
                "missing 'context' for key derivation; the key was created using a derived key, \
                 which means additional, per-request information must be included in order to \
                 perform operations with the key",
            ));
        }
        let secret = self
            .versions
            .get(&version)
            .ok_or_else(|| refused("no such key version"))?;
        let mut key = *secret;
        if self.is_derived {
            Salt::new(HKDF_SHA256, b"")
                .extract(secret)
                .expand(&[context], HKDF_SHA256)
                .and_then(|okm| okm.fill(&mut key))
                .unwrap();
        }
        Ok(LessSafeKey::new(
            UnboundKey::new(&AES_256_GCM, &key).unwrap(),
        ))
    }

    fn encrypt(
        &self,
        version: u64,
        context: &[u8],
        aad: &[u8],
        plain: &[u8],
    ) -> Result<Answer, Answer> {
        let version = match version {
            0 => self.latest(),
            version if version > self.latest() => {
                return Err(refused(
                    "requested version for encryption is higher than the latest key version",
                ));
            }
            version if version < self.min_encryption => {
                return Err(refused(
                    "requested version for encryption is less than the minimum encryption key version",
                ));
            }
            version => version,
        };
        let cipher = self.cipher(version, context)?;
        let nonce = random::<NONCE_LEN>();
        let mut bytes = plain.to_vec();
        let unique = Nonce::assume_unique_for_key(nonce);
        cipher
            .seal_in_place_append_tag(unique, Aad::from(aad), &mut bytes)
            .unwrap();
        let body = BASE64.encode([&nonce[..], &bytes].concat());
        Ok(data(
            &json!({ "ciphertext": format!("vault:v{version}:{body}"), "key_version": version }),
        ))
    }

    fn decrypt(&self, sealed: &str, context: &[u8], aad: &[u8]) -> Result<Vec<u8>, Answer> {
        let rest = sealed
            .strip_prefix("vault:v")
            .ok_or_else(|| refused("invalid ciphertext: no prefix"))?;
        let (version, body) = rest
            .split_once(':')
            .ok_or_else(|| refused("invalid ciphertext: wrong number of fields"))?;
        let version: u64 = version
            .parse()
            .map_err(|_| refused("invalid ciphertext: version number could not be decoded"))?;
        if version > self.latest() {
            return Err(refused("invalid ciphertext: version is too new"));
        }
        if version < self.min_decryption {
            return Err(refused(
                "ciphertext or signature version is disallowed by policy (too old)",
            ));
        }
        let bytes = BASE64
            .decode(body)
            .map_err(|_| refused("invalid ciphertext: could not decode base64"))?;
        let cipher = self.cipher(version, context)?;
        let (nonce, body) = bytes
            .split_at_checked(NONCE_LEN)
            .ok_or_else(|| refused("invalid ciphertext length"))?;
        let mut body = body.to_vec();
        let nonce = Nonce::try_assume_unique_for_key(nonce).unwrap();
        let plain = cipher
            .open_in_place(nonce, Aad::from(aad), &mut body)
            .map_err(|_| refused("cipher: message authentication failed"))?;
        Ok(plain.to_vec())
    }
}

/// The bytes of a field in base64.
fn bytes(asked: &Asked, field: &str) -> Result<Vec<u8>, Answer> {
    BASE64
        .decode(asked.text(field))
        .map_err(|_| refused(format!("failed to base64-decode {field}")))
}

fn number(asked: &Asked, field: &str) -> Result<Option<u64>, Answer> {
    match &asked.body[field] {
        Value::Null => Ok(None),
        value => value
            .as_u64()
            .map(Some)
            .ok_or_else(|| refused(format!("{field} cannot be negative"))),
    }
}

impl Engine {
    pub(super) fn has(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    pub(super) fn answer(
        &mut self,
        path: &str,
        operation: &str,
        asked: &Asked,
    ) -> Result<Answer, Answer> {
        let parts: Vec<_> = path.split('/').collect();
        match (parts.as_slice(), operation) {
            (["keys"] | ["keys", ""], "list") if self.keys.is_empty() => {
                Err((404, json!({ "errors": [] })))
            }
            (["keys"] | ["keys", ""], "list") => Ok(data(
                &json!({ "keys": self.keys.keys().collect::<Vec<_>>() }),
            )),
            (["keys", name], _) => self.key(name, operation, asked),
            (["keys", name, "config"], "update") => self.configure(name, asked),
            (["keys", name, "rotate"], "update") => {
                asked.only(&[])?;
                let key = self
                    .keys
                    .get_mut(*name)
                    .ok_or_else(|| refused("key not found"))?;
                key.versions.insert(key.latest() + 1, random());
                Ok(data(&key.describe(name)))
            }
            (["keys", name, "trim"], "update") => self.trim(name, asked),
            (["encrypt", name], "update" | "create") => self.encrypt(name, operation, asked),
            (["decrypt", name], "update") => {
                asked.only(&["ciphertext", "context", "associated_data"])?;
                let key = self.sealing(name, asked)?;
                let (context, aad) = (bytes(asked, "context")?, bytes(asked, "associated_data")?);
                let plain = key.decrypt(asked.text("ciphertext"), &context, &aad)?;
                Ok(data(&json!({ "plaintext": BASE64.encode(plain) })))
            }
            // Without associated data: the original does not take it here.
            (["rewrap", name], "update") => {
                asked.only(&["ciphertext", "context", "key_version"])?;
                let key = self.sealing(name, asked)?;
                let context = bytes(asked, "context")?;
                let plain = key.decrypt(asked.text("ciphertext"), &context, b"")?;
                let version = number(asked, "key_version")?.unwrap_or(0);
                key.encrypt(version, &context, b"", &plain)
            }
            _ => Err(errors(405, "unsupported operation")),
        }
    }

    /// The key that a ciphertext is to be opened with.
    fn sealing(&self, name: &str, asked: &Asked) -> Result<&Key, Answer> {
        if asked.text("ciphertext").is_empty() {
            return Err(refused("missing ciphertext to decrypt"));
        }
        self.keys
            .get(name)
            .ok_or_else(|| refused("encryption key not found"))
    }

    fn key(&mut self, name: &str, operation: &str, asked: &Asked) -> Result<Answer, Answer> {
        match operation {
            "update" => {
                asked.only(&[
                    "type",
                    "derived",
                    "exportable",
                    "allow_plaintext_backup",
                    "convergent_encryption",
                ])?;
                if asked.body["type"]
                    .as_str()
                    .is_some_and(|kind| kind != "aes256-gcm96")
                {
                    return Err(refused(
                        "unknown key type: the double has aes256-gcm96 only",
                    ));
                }
                let is_derived = asked.body["derived"].as_bool().unwrap_or(false);
                if asked.body["convergent_encryption"]
                    .as_bool()
                    .unwrap_or(false)
                {
                    return Err(refused(
                        "convergent encryption requires derivation to be enabled",
                    ));
                }
                let fresh = || Key::new(is_derived);
                let key = self.keys.entry(name.to_owned()).or_insert_with(fresh);
                Ok(data(&key.describe(name)))
            }
            "read" => {
                let key = self.keys.get(name).ok_or((404, json!({ "errors": [] })))?;
                Ok(data(&key.describe(name)))
            }
            "delete" => {
                let problem = |text| refused(format!("error deleting policy {name}: {text}"));
                let key = self.keys.get(name);
                let key = key.ok_or_else(|| problem("could not delete key; not found"))?;
                if !key.is_deletable {
                    return Err(problem("deletion is not allowed for this policy"));
                }
                self.keys.remove(name);
                Ok((204, Value::Null))
            }
            _ => Err(errors(405, "unsupported operation")),
        }
    }

    fn configure(&mut self, name: &str, asked: &Asked) -> Result<Answer, Answer> {
        asked.only(&[
            "min_decryption_version",
            "min_encryption_version",
            "deletion_allowed",
            "exportable",
        ])?;
        let missing = || refused(format!("no existing key named {name} could be found"));
        let key = self.keys.get_mut(name).ok_or_else(missing)?;
        let (latest, mut decryption, mut encryption) =
            (key.latest(), key.min_decryption, key.min_encryption);
        let too_new = |what, at| {
            refused(format!(
                "cannot set min {what} version of {at}, latest key version is {latest}"
            ))
        };
        if let Some(at) = number(asked, "min_decryption_version")? {
            decryption = at.max(1);
            if at > latest {
                return Err(too_new("decryption", at));
            }
        }
        if let Some(at) = number(asked, "min_encryption_version")? {
            encryption = at;
            if at > latest {
                return Err(too_new("encryption", at));
            }
        }
        if encryption > 0 && encryption < decryption {
            return Err(refused(format!(
                "cannot set min encryption/decryption values; min encryption version of \
                 {encryption} must be greater than or equal to min decryption version of {decryption}"
            )));
        }
        if key.min_available > encryption {
            return Err(refused(
                "min encryption version should not be less than min available version",
            ));
        }
        if key.min_available > decryption {
            return Err(refused(
                "min decryption version should not be less then min available version",
            ));
        }
        (key.min_decryption, key.min_encryption) = (decryption, encryption);
        if let Some(is_deletable) = asked.body["deletion_allowed"].as_bool() {
            key.is_deletable = is_deletable;
        }
        key.is_exportable |= asked.body["exportable"].as_bool().unwrap_or(false);
        Ok(data(&key.describe(name)))
    }

    fn trim(&mut self, name: &str, asked: &Asked) -> Result<Answer, Answer> {
        asked.only(&["min_available_version"])?;
        let key = self
            .keys
            .get_mut(name)
            .ok_or_else(|| refused("invalid key name"))?;
        let least = number(asked, "min_available_version")?
            .ok_or_else(|| refused("missing min_available_version"))?;
        let problem = match least {
            _ if least < key.min_available => "minimum available version cannot be decremented",
            _ if key.min_encryption == 0 => {
                "minimum available version cannot be set when minimum encryption version is not set"
            }
            _ if least > key.min_encryption => {
                "minimum available version cannot be greater than minmum encryption version"
            }
            _ if least > key.min_decryption => {
                "minimum available version cannot be greater than minimum decryption version"
            }
            0 => "minimum available version should be positive",
            _ => {
                key.min_available = least;
                key.versions.retain(|at, _| *at >= least);
                return Ok(data(&key.describe(name)));
            }
        };
        Err(refused(problem))
    }

    fn encrypt(&mut self, name: &str, operation: &str, asked: &Asked) -> Result<Answer, Answer> {
        asked.only(&[
            "plaintext",
            "context",
            "associated_data",
            "key_version",
            "type",
        ])?;
        if !asked.body["plaintext"].is_string() {
            return Err(refused("missing plaintext to encrypt"));
        }
        let plain = bytes(asked, "plaintext")?;
        let (context, aad) = (bytes(asked, "context")?, bytes(asked, "associated_data")?);
        if operation == "create" {
            let key = Key::new(!context.is_empty());
            self.keys.insert(name.to_owned(), key);
        }
        let key = self
            .keys
            .get(name)
            .ok_or_else(|| refused("encryption key not found"))?;
        let version = number(asked, "key_version")?.unwrap_or(0);
        key.encrypt(version, &context, &aad, &plain)
    }
}
