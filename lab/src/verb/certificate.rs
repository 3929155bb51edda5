//! Certificates: described by `add`, made by `sign`, brought from files by `import`.

use jiff::SignedDuration;
use rcgen::string::Ia5String;
use rcgen::{CertificateParams, DistinguishedName, DnType, Issuer, KeyPair, SanType};
use routeros::error::Trap;
use routeros::row::Row as Record;
use sha2::{Digest as _, Sha256};

use super::{Order, Outcome};
use crate::clock::spell_moment;
use crate::core::{Caller, Core};
use crate::trap;
use crate::tree::{Change, Key, Row};

const MENU: &str = "/certificate";

/// Where a row keeps what it was signed as, and with which key, out of everybody's sight.
pub(crate) const PEM: &str = ".pem";
pub(crate) const KEY: &str = ".key";

impl Core {
    /// Signs what `add` described: by itself, or with the key of another.
    pub(super) fn sign(&mut self, caller: &Caller, order: &Order) -> Result<Outcome, Trap> {
        self.require(caller, "write")?;
        let number = order.numbers().or_else(|| order.arg("number"));
        let number = number.ok_or_else(|| trap::missing_value("number"))?;
        let ids = self.resolve(MENU, number, order.is_console)?;
        let id = ids.first().and_then(|id| super::read_id(id));
        let row = id.and_then(|id| self.tree.table(MENU)?.row(id));
        let row = row.cloned().ok_or_else(trap::no_such_item)?;
        if row.get(PEM).is_some() {
            return Err(trap::failure("failure: already signed"));
        }
        let authority = order.arg("ca").map(|ca| self.authority(ca)).transpose()?;
        let mut props = self.signed(&row, authority.as_ref())?;
        if let Some(name) = order.arg("name") {
            props.push((Key::from("name"), Some(name.to_owned())));
        }
        let change = Change::Set {
            path: Self::key(MENU),
            id: row.id,
            props,
        };
        self.commit(caller, &order.shown(), vec![change]);
        let progress = Record::new().with("progress", "done");
        Ok(Outcome::rows(vec![progress]))
    }

    fn authority(&self, name: &str) -> Result<Row, Trap> {
        let rows = self.tree.rows(MENU).iter();
        let mut named = rows.filter(|r| r.get("name") == Some(name) && r.get(PEM).is_some());
        named.next().cloned().ok_or_else(|| trap::no_match("ca"))
    }

    fn signed(
        &self,
        row: &Row,
        authority: Option<&Row>,
    ) -> Result<Vec<(Key, Option<String>)>, Trap> {
        let broken = |error: rcgen::Error| trap::failure(&format!("failure: {error}"));
        let key = KeyPair::generate().map_err(broken)?;
        let mut params = CertificateParams::default();
        let mut name = DistinguishedName::new();
        name.push(
            DnType::CommonName,
            row.get("common-name").unwrap_or_default(),
        );
        params.distinguished_name = name;
        params.subject_alt_names = names(row.get("subject-alt-name").unwrap_or_default());
        let days: i64 = row
            .get("days-valid")
            .and_then(|d| d.parse().ok())
            .unwrap_or(365);
        let now = self.wall();
        let until = now
            .checked_add(SignedDuration::from_hours(24 * days))
            .unwrap_or(now);
        let certificate = match authority {
            None => params.self_signed(&key).map_err(broken)?,
            Some(ca) => {
                let signer = KeyPair::from_pem(ca.get(KEY).unwrap_or_default());
                let signer = signer.map_err(broken)?;
                let pem = ca.get(PEM).unwrap_or_default();
                let issuer = Issuer::from_ca_cert_pem(pem, signer).map_err(broken)?;
                params.signed_by(&key, &issuer).map_err(broken)?
            }
        };
        let fingerprint = hex::encode(Sha256::digest(certificate.der()));
        let serial = fingerprint.get(..16).unwrap_or_default().to_uppercase();
        let issuer = authority.and_then(|a| a.get("common-name"));
        let own = row.get("common-name").unwrap_or_default();
        let values = [
            (PEM, certificate.pem()),
            (KEY, key.serialize_pem()),
            ("fingerprint", fingerprint),
            ("serial-number", serial),
            ("invalid-before", spell_moment(self.release, now)),
            ("invalid-after", spell_moment(self.release, until)),
            (
                "expires-after",
                Self::span((until.duration_since(now)).unsigned_abs()),
            ),
            ("issuer", format!("CN={}", issuer.unwrap_or(own))),
            ("private-key", "true".to_owned()),
            ("authority", authority.is_none().to_string()),
            ("issued", authority.is_some().to_string()),
            ("trusted", "true".to_owned()),
        ];
        let props = values.map(|(name, value)| (Key::from(name), Some(value)));
        Ok(props.into())
    }

    /// Brings certificates and keys from a file.
    pub(super) fn import_certificate(
        &mut self,
        caller: &Caller,
        order: &Order,
    ) -> Result<Outcome, Trap> {
        self.require(caller, "write")?;
        let file = order
            .arg("file-name")
            .ok_or_else(|| trap::missing_value("file-name"))?;
        let text = self.contents(file).map(str::to_owned);
        let text = text.ok_or_else(|| trap::failure("failure: file does not exist"))?;
        let base = order.arg("name").unwrap_or(file);
        let (mut certificates, mut keys) = (0, 0);
        let mut changes = Vec::new();
        for block in blocks(&text) {
            if block.contains("PRIVATE KEY") {
                keys += self.adopt_key(&block, &mut changes);
            } else if block.contains("CERTIFICATE") {
                let row = self.imported(&format!("{base}_{certificates}"), &block)?;
                certificates += 1;
                let path = Self::key(MENU);
                let at = usize::MAX;
                changes.push(Change::Insert { path, at, row });
            }
        }
        self.commit(caller, &order.shown(), changes);
        let report = Record::new()
            .with("certificates-imported", certificates.to_string())
            .with("private-keys-imported", keys.to_string())
            .with(
                "files-imported",
                i32::from(certificates + keys > 0).to_string(),
            )
            .with("decryption-failures", "0")
            .with("keys-with-no-certificate", "0");
        Ok(Outcome::rows(vec![report]))
    }

    fn imported(&mut self, name: &str, pem: &str) -> Result<Row, Trap> {
        let der = decode(pem).ok_or_else(|| trap::failure("failure: wrong file format"))?;
        let mut row = Row {
            id: self.tree.next_id(MENU),
            ..Row::default()
        };
        let taken = self.tree.rows(MENU);
        let is_free = |n: &String| !taken.iter().any(|r| r.get("name") == Some(n));
        let mut names = (0..100).map(|n| match n {
            0 => name.to_owned(),
            n => format!("{name}_{n}"),
        });
        let name = names.find(is_free).unwrap_or_else(|| name.to_owned());
        row.set("name".into(), name);
        row.set("fingerprint".into(), hex::encode(Sha256::digest(&der)));
        row.set("trusted".into(), "true".to_owned());
        row.set(PEM.into(), pem.to_owned());
        Ok(row)
    }

    /// Gives a key to the certificate that is not yet anybody's.
    fn adopt_key(&self, pem: &str, changes: &mut Vec<Change>) -> i32 {
        let props = vec![
            (Key::from(KEY), Some(pem.to_owned())),
            (Key::from("private-key"), Some("true".to_owned())),
        ];
        if let Some(Change::Insert { row, .. }) = changes.last_mut() {
            for (key, value) in props {
                row.set(key, value.unwrap_or_default());
            }
            return 1;
        }
        let lacks = |r: &&Row| r.get(PEM).is_some() && r.get(KEY).is_none();
        let Some(row) = self.tree.rows(MENU).iter().rfind(lacks) else {
            return 0;
        };
        changes.push(Change::Set {
            path: Self::key(MENU),
            id: row.id,
            props,
        });
        1
    }
}

/// Reads `IP:10.0.0.1,DNS:r1`.
fn names(text: &str) -> Vec<SanType> {
    let each = text.split(',').filter_map(|word| {
        let (kind, value) = word.split_once(':')?;
        match kind {
            "IP" => value.parse().ok().map(SanType::IpAddress),
            "DNS" => Ia5String::try_from(value).ok().map(SanType::DnsName),
            "email" => Ia5String::try_from(value).ok().map(SanType::Rfc822Name),
            _ => None,
        }
    });
    each.collect()
}

/// Returns the blocks of a PEM file.
fn blocks(text: &str) -> Vec<String> {
    let starts = text.match_indices("-----BEGIN").map(|(at, _)| at);
    let each = starts.filter_map(|at| {
        let rest = text.get(at..)?;
        let end = rest.find("-----END")?;
        let close = rest.get(end + 8..)?.find("-----")?;
        rest.get(..end + 8 + close + 5).map(str::to_owned)
    });
    each.collect()
}

fn decode(pem: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    let inner = pem.lines().filter(|l| !l.starts_with("-----"));
    let text: String = inner.map(str::trim).collect();
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}
