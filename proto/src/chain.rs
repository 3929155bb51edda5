//! The hash that holds the records of an audit log together, for whoever checks one: the server
//! its own, a client an exported one.

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::id::TenantId;

/// What of a record is hashed.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    /// Its number.
    pub seq: i64,
    /// When it was written.
    pub at: Timestamp,
    /// Who.
    pub actor: &'a str,
    /// What.
    pub act: &'a str,
    /// To what.
    pub target: &'a str,
    /// How the hash is made: 1 or 2.
    pub form: i16,
    /// The details, of form 1.
    pub detail: &'a str,
    /// Which request it was.
    pub request_id: &'a str,
    /// Where it came from.
    pub address: &'a str,
    /// What the sealed details are bound to.
    pub id: Option<Uuid>,
    /// The sealed details, of form 2.
    pub sealed: &'a [u8],
}

impl Link<'_> {
    /// The hash of the record if it follows one with the hash `prev`; nothing for a form that is
    /// not known.
    pub fn hash(&self, tenant: TenantId, prev: &[u8]) -> Option<[u8; 32]> {
        match self.form {
            1 => Some(self.form_1(tenant, prev)),
            2 => Some(self.form_2(tenant, prev)),
            _ => None,
        }
    }

    fn form_1(&self, tenant: TenantId, prev: &[u8]) -> [u8; 32] {
        let mut hash = Sha256::new();
        let fields: [&[u8]; 8] = [
            prev,
            tenant.0.as_bytes(),
            &self.seq.to_be_bytes(),
            &self.at.as_microsecond().to_be_bytes(),
            self.actor.as_bytes(),
            self.act.as_bytes(),
            self.target.as_bytes(),
            self.detail.as_bytes(),
        ];
        for field in fields {
            with_length(&mut hash, field);
        }
        hash.finalize().into()
    }

    /// As `audit_hash` in the database computes it.
    fn form_2(&self, tenant: TenantId, prev: &[u8]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update([2]);
        with_length(&mut hash, prev);
        hash.update(tenant.0.as_bytes());
        hash.update(self.seq.to_be_bytes());
        self.say(&mut hash);
        hash.finalize().into()
    }

    /// What is hashed of a record of form 2 after its number. Who writes a record knows it before
    /// the number and the hash of the one before are known.
    pub fn rest(&self) -> Vec<u8> {
        let mut rest = Vec::with_capacity(256 + self.sealed.len());
        self.say(&mut rest);
        rest
    }

    fn say(&self, to: &mut impl Sink) {
        to.take(&self.at.as_microsecond().to_be_bytes());
        let texts = [
            self.actor,
            self.act,
            self.target,
            self.request_id,
            self.address,
        ];
        for text in texts {
            with_length(to, text.as_bytes());
        }
        to.take(self.id.unwrap_or_default().as_bytes());
        with_length(to, self.sealed);
    }
}

/// What bytes are said to.
trait Sink {
    fn take(&mut self, bytes: &[u8]);
}

impl Sink for Sha256 {
    fn take(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

impl Sink for Vec<u8> {
    fn take(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// With its length in front, no field can pass for the end of another.
fn with_length(to: &mut impl Sink, field: &[u8]) {
    let length = u64::try_from(field.len()).unwrap_or(u64::MAX);
    to.take(&length.to_be_bytes());
    to.take(field);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> Link<'static> {
        Link {
            seq: 7,
            at: Timestamp::UNIX_EPOCH,
            actor: "us_1",
            act: "device.add",
            target: "dv_1",
            form: 2,
            detail: "",
            request_id: "rq_1",
            address: "127.0.0.1",
            id: Some(Uuid::nil()),
            sealed: b"sealed",
        }
    }

    #[test]
    fn the_rest_of_a_record_is_what_its_hash_ends_with() {
        let (tenant, prev) = (TenantId(Uuid::nil()), [5; 32]);
        let head = [
            &[2_u8][..],
            &32_u64.to_be_bytes(),
            &prev,
            &[0; 16],
            &7_i64.to_be_bytes(),
            &link().rest(),
        ];

        let hash: [u8; 32] = Sha256::digest(head.concat()).into();

        assert_eq!(link().hash(tenant, &prev), Some(hash));
    }

    /// Text that moves from one field into the next is another record.
    #[test]
    fn no_field_passes_for_the_end_of_another() {
        let tenant = TenantId(Uuid::nil());
        let one = link().hash(tenant, b"");
        let shifted = Link {
            actor: "us_1d",
            act: "evice.add",
            ..link()
        };

        assert_ne!(shifted.hash(tenant, b""), one);
        assert_ne!(link().hash(tenant, b"x"), one);
        assert_ne!(Link { form: 1, ..link() }.hash(tenant, b""), one);
        assert_eq!(Link { form: 3, ..link() }.hash(tenant, b""), None);
    }
}
