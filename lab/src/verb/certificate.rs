//! Certificates: described by `add`, made by `sign`; `import` brings them from files.

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

mod import;

const MENU: &str = "/certificate";

/// Where a row keeps what it was signed as, and with which key, out of everybody's sight.
pub(crate) const PEM: &str = ".pem";
pub(crate) const KEY: &str = ".key";

/// Where it keeps until when it is valid, in seconds.
const UNTIL: &str = ".until";

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

    /// Adds for how long a certificate is valid, or that it is not any more.
    pub(crate) fn decorate_certificate(&self, row: &Row, record: &mut Record) {
        let until = row.get(UNTIL).and_then(|u| u.parse().ok());
        let until = until.and_then(|u| jiff::Timestamp::from_second(u).ok());
        let Some(until) = until else { return };
        let left = until.duration_since(self.wall());
        record.set("expired", left.is_negative().to_string());
        if left.is_positive() {
            record.set("expires-after", Self::span(left.unsigned_abs()));
        }
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
            (UNTIL, until.as_second().to_string()),
            ("issuer", format!("CN={}", issuer.unwrap_or(own))),
            ("private-key", "true".to_owned()),
            ("authority", authority.is_none().to_string()),
            ("issued", authority.is_some().to_string()),
            ("trusted", "true".to_owned()),
        ];
        let props = values.map(|(name, value)| (Key::from(name), Some(value)));
        Ok(props.into())
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
