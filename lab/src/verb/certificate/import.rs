//! Certificates and keys from files: PEM, DER and PKCS#12, open or under a passphrase.

use jiff::Timestamp;
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::hash::MessageDigest;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{Id, PKey, PKeyRef, Private, Public};
use openssl::x509::{X509, X509NameRef, X509Ref};
use routeros::error::Trap;
use routeros::row::Row as Record;

use super::super::{Order, Outcome};
use super::{KEY, MENU, PEM, UNTIL};
use crate::clock::spell_moment;
use crate::core::{Caller, Core};
use crate::text;
use crate::trap;
use crate::tree::{Change, Key, Row};

/// What a file holds.
#[derive(Default)]
struct Found {
    certificates: Vec<X509>,
    keys: Vec<PKey<Private>>,
    /// Parts that do not open with the passphrase.
    sealed: u32,
}

/// Words of `key-usage`, with what they are in the certificate's own text.
const USAGES: &[(&str, &str)] = &[
    ("Digital Signature", "digital-signature"),
    ("Non Repudiation", "content-commitment"),
    ("Key Encipherment", "key-encipherment"),
    ("Data Encipherment", "data-encipherment"),
    ("Key Agreement", "key-agreement"),
    ("Certificate Sign", "key-cert-sign"),
    ("CRL Sign", "crl-sign"),
    ("TLS Web Server Authentication", "tls-server"),
    ("TLS Web Client Authentication", "tls-client"),
];

impl Core {
    /// Brings certificates and keys from a file; who is there already is not brought again.
    pub(in crate::verb) fn import_certificate(
        &mut self,
        caller: &Caller,
        order: &Order,
    ) -> Result<Outcome, Trap> {
        self.require(caller, "write")?;
        let file = order
            .arg("file-name")
            .ok_or_else(|| trap::missing_value("file-name"))?;
        let bytes = self.contents(file).map(text::encode);
        let bytes = bytes.ok_or_else(|| trap::failure("failure: file does not exist"))?;
        let passphrase = order.arg("passphrase").unwrap_or_default();
        let found = Found::read(&bytes, passphrase.as_bytes());
        let is_trusted = !matches!(order.arg("trusted"), Some("no" | "false"));
        let mut rows: Vec<Row> = Vec::new();
        for certificate in &found.certificates {
            let name = match order.arg("name") {
                Some(name) if rows.is_empty() => name.to_owned(),
                Some(name) => format!("{name}_{}", rows.len()),
                None => format!("{file}_{}", rows.len()),
            };
            if let Some(row) = self.imported(name, certificate, is_trusted) {
                rows.push(row);
            }
        }
        let mut changes = Vec::new();
        let (mut keys, mut orphans) = (0, 0);
        for key in &found.keys {
            if give_key(key, &mut rows) {
                keys += 1;
            } else if let Some(change) = self.key_for_old(key) {
                changes.push(change);
                keys += 1;
            } else {
                orphans += 1;
            }
        }
        let certificates = rows.len();
        changes.extend(rows.into_iter().map(|row| Change::Insert {
            path: Self::key(MENU),
            at: usize::MAX,
            row,
        }));
        self.commit(caller, &order.shown(), changes);
        let is_used = certificates > 0 || keys > 0;
        let report = Record::new()
            .with("certificates-imported", certificates.to_string())
            .with("private-keys-imported", keys.to_string())
            .with("files-imported", i32::from(is_used).to_string())
            .with("decryption-failures", found.sealed.to_string())
            .with("keys-with-no-certificate", orphans.to_string());
        Ok(Outcome::rows(vec![report]))
    }

    /// Describes a certificate; nothing if the device has it already, or cannot read it.
    fn imported(&mut self, name: String, certificate: &X509Ref, is_trusted: bool) -> Option<Row> {
        let digest = certificate.digest(MessageDigest::sha256()).ok()?;
        let fingerprint = hex::encode(digest);
        let known = self.tree.rows(MENU).iter();
        let mut fingerprints = known.filter_map(|r| r.get("fingerprint"));
        if fingerprints.any(|f| f == fingerprint) {
            return None;
        }
        let key = certificate.public_key().ok()?;
        let (from, until) = (
            moment_of(certificate.not_before())?,
            moment_of(certificate.not_after())?,
        );
        let shown = String::from_utf8_lossy(&certificate.to_text().ok()?).into_owned();
        let is_authority = shown.contains("CA:TRUE");
        let serial = certificate.serial_number().to_bn().ok()?;
        let days = until.duration_since(from).as_hours() / 24;
        let hexed = |id: Option<&openssl::asn1::Asn1OctetStringRef>| {
            id.map(|id| hex::encode(id.as_slice())).unwrap_or_default()
        };
        let values = [
            ("name", self.free_name(name)),
            ("common-name", entry(certificate.subject_name(), "CN")),
            ("key-type", key_type(&key).to_owned()),
            ("key-size", key_size(&key)),
            ("days-valid", days.to_string()),
            ("key-usage", usage(&shown)),
            ("subject-alt-name", alternatives(certificate)),
            ("country", entry(certificate.subject_name(), "C")),
            ("organization", entry(certificate.subject_name(), "O")),
            ("unit", entry(certificate.subject_name(), "OU")),
            ("serial-number", serial.to_hex_str().ok()?.to_uppercase()),
            ("fingerprint", fingerprint),
            ("akid", hexed(certificate.authority_key_id())),
            ("skid", hexed(certificate.subject_key_id())),
            ("invalid-before", spell_moment(self.release, from)),
            ("invalid-after", spell_moment(self.release, until)),
            (UNTIL, until.as_second().to_string()),
            ("issuer", distinguished(certificate.issuer_name())),
            ("authority", is_authority.to_string()),
            ("trusted", is_trusted.to_string()),
            (PEM, String::from_utf8(certificate.to_pem().ok()?).ok()?),
        ];
        let mut row = Row {
            id: self.tree.next_id(MENU),
            ..Row::default()
        };
        for (name, value) in values {
            row.set(name.into(), value);
        }
        Some(row)
    }

    fn free_name(&self, name: String) -> String {
        let taken = self.tree.rows(MENU);
        let is_free = |n: &String| !taken.iter().any(|r| r.get("name") == Some(n));
        let mut names = (0..1000).map(|n| match n {
            0 => name.clone(),
            n => format!("{name}_{n}"),
        });
        names.find(is_free).unwrap_or(name)
    }

    /// Returns what gives a key to a certificate that was there before it.
    fn key_for_old(&self, key: &PKeyRef<Private>) -> Option<Change> {
        let row = self.tree.rows(MENU).iter().find(|r| belongs(key, r))?;
        let props = key_props(key)?.map(|(name, value)| (name, Some(value)));
        Some(Change::Set {
            path: Self::key(MENU),
            id: row.id,
            props: props.into(),
        })
    }
}

/// Gives a key to the certificate among the new ones that it belongs to, if there is one.
fn give_key(key: &PKeyRef<Private>, new: &mut [Row]) -> bool {
    let row = new.iter_mut().find(|r| belongs(key, r));
    let (Some(row), Some(props)) = (row, key_props(key)) else {
        return false;
    };
    for (name, value) in props {
        row.set(name, value);
    }
    true
}

fn key_props(key: &PKeyRef<Private>) -> Option<[(Key, String); 2]> {
    let pem = String::from_utf8(key.private_key_to_pem_pkcs8().ok()?).ok()?;
    Some([(KEY.into(), pem), ("private-key".into(), "true".to_owned())])
}

impl Found {
    fn read(bytes: &[u8], passphrase: &[u8]) -> Self {
        let mut found = Self::default();
        if let Ok(text) = std::str::from_utf8(bytes)
            && text.contains("-----BEGIN")
        {
            for block in blocks(text) {
                found.take_block(block, passphrase);
            }
        } else if let Ok(bag) = Pkcs12::from_der(bytes) {
            let passphrase = String::from_utf8_lossy(passphrase);
            match bag.parse2(&passphrase) {
                Ok(bag) => {
                    found.certificates.extend(bag.cert);
                    found.certificates.extend(bag.ca.into_iter().flatten());
                    found.keys.extend(bag.pkey);
                }
                Err(_) => found.sealed += 1,
            }
        } else if let Ok(certificate) = X509::from_der(bytes) {
            found.certificates.push(certificate);
        } else if let Ok(key) = PKey::private_key_from_der(bytes) {
            found.keys.push(key);
        } else if let Ok(key) = PKey::private_key_from_pkcs8_passphrase(bytes, passphrase) {
            found.keys.push(key);
        }
        found
    }

    fn take_block(&mut self, block: &str, passphrase: &[u8]) {
        let kind = block.lines().next().unwrap_or_default();
        if kind.contains("PRIVATE KEY") {
            match PKey::private_key_from_pem_passphrase(block.as_bytes(), passphrase) {
                Ok(key) => self.keys.push(key),
                Err(_) => self.sealed += 1,
            }
        } else if kind.contains("CERTIFICATE-") {
            self.certificates.extend(X509::from_pem(block.as_bytes()));
        }
    }
}

/// Says whether a key is that of a stored certificate.
fn belongs(key: &PKeyRef<Private>, row: &Row) -> bool {
    let pem = row.get(PEM).unwrap_or_default();
    let certificate = X509::from_pem(pem.as_bytes()).ok();
    let public = certificate.and_then(|c| c.public_key().ok());
    public.is_some_and(|p| p.public_eq(key))
}

fn moment_of(time: &Asn1TimeRef) -> Option<Timestamp> {
    let start = Asn1Time::from_unix(0).ok()?;
    let gone = start.diff(time).ok()?;
    let seconds = i64::from(gone.days) * 86_400 + i64::from(gone.secs);
    Timestamp::from_second(seconds).ok()
}

fn key_type(key: &PKeyRef<Public>) -> &'static str {
    match key.id() {
        Id::EC => "ec",
        Id::ED25519 => "ed25519",
        _ => "rsa",
    }
}

/// Returns the length of a key, or the curve of one on a curve.
fn key_size(key: &PKeyRef<Public>) -> String {
    let curve = key.ec_key().ok().and_then(|k| k.group().curve_name());
    let curve = curve.and_then(|c| c.short_name().ok().map(str::to_owned));
    curve.unwrap_or_else(|| key.bits().to_string())
}

fn entry(name: &X509NameRef, wanted: &str) -> String {
    let entries = name.entries();
    let mut entries = entries.filter(|e| e.object().nid().short_name().is_ok_and(|n| n == wanted));
    let data = entries.next().and_then(|e| e.data().to_string().ok());
    data.unwrap_or_default()
}

/// Returns a name as `C=DE,O=Acme,CN=r1`.
fn distinguished(name: &X509NameRef) -> String {
    let each = name.entries().filter_map(|e| {
        let kind = e.object().nid().short_name().ok()?;
        Some(format!("{kind}={}", e.data().to_string().ok()?))
    });
    each.collect::<Vec<_>>().join(",")
}

fn usage(shown: &str) -> String {
    let mut lines = shown.lines();
    let mut words = Vec::new();
    while let Some(line) = lines.next() {
        if line.contains("Key Usage:") {
            let named = lines.next().unwrap_or_default();
            words.extend(named.split(',').filter_map(|word| {
                let known = USAGES.iter().find(|(long, _)| *long == word.trim());
                known.map(|(_, short)| *short)
            }));
        }
    }
    words.join(",")
}

fn alternatives(certificate: &X509Ref) -> String {
    let names = certificate.subject_alt_names().into_iter().flatten();
    let each = names.filter_map(|name| {
        let dns = name.dnsname().map(|n| format!("DNS:{n}"));
        let mail = || name.email().map(|n| format!("email:{n}"));
        let address = || {
            let bytes = name.ipaddress()?;
            let v4 = <[u8; 4]>::try_from(bytes).map(std::net::IpAddr::from);
            let v6 = || <[u8; 16]>::try_from(bytes).map(std::net::IpAddr::from);
            v4.or_else(|_| v6()).ok().map(|ip| format!("IP:{ip}"))
        };
        dns.or_else(mail).or_else(address)
    });
    each.collect::<Vec<_>>().join(",")
}

/// Returns the blocks of a PEM file.
fn blocks(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("-----BEGIN").filter_map(|(at, _)| {
        let rest = text.get(at..)?;
        let end = rest.find("-----END")?;
        let close = rest.get(end + 8..)?.find("-----")?;
        rest.get(..end + 8 + close + 5)
    })
}
