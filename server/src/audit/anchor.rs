//! Where chains begin that were cut.
//!
//! **Invariant:** rows are gone by policy only up to an anchor, and an anchor cannot be made without
//! the server's master key: whoever removes the beginning of a chain in the database cannot make it
//! look as if a policy had.

use aws_lc_rs::hmac;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use tod_proto::id::TenantId;

use crate::api::error::Error;
use crate::kms::{Kms, KmsError};

/// The end of what is gone.
#[derive(Clone, Debug)]
pub struct Anchor {
    /// The number of the last row that is gone.
    pub seq: i64,
    /// Its hash: what the first row that is left holds.
    pub hash: Vec<u8>,
    /// Everything that is gone was older than this; so were uses of keys.
    pub until: Timestamp,
    /// When it was cut.
    pub at: Timestamp,
    mac: Vec<u8>,
}

impl Anchor {
    /// Vouches for a cut.
    pub(super) fn sign(
        kms: &Kms,
        tenant: TenantId,
        (seq, hash): (i64, Vec<u8>),
        until: Timestamp,
        at: Timestamp,
    ) -> Result<Self, Error> {
        let (until, at) = (
            super::whole_microseconds(until)?,
            super::whole_microseconds(at)?,
        );
        let mut anchor = Self {
            seq,
            hash,
            until,
            at,
            mac: Vec::new(),
        };
        let mac = hmac::sign(&key(kms)?, &anchor.said(tenant));
        anchor.mac = mac.as_ref().to_vec();
        Ok(anchor)
    }

    /// Whether this server's key made it.
    pub fn is_ours(&self, kms: &Kms, tenant: TenantId) -> Result<bool, KmsError> {
        Ok(hmac::verify(&key(kms)?, &self.said(tenant), &self.mac).is_ok())
    }

    fn said(&self, tenant: TenantId) -> Vec<u8> {
        let head = format!(
            "tod audit anchor v1 {} {} {} {} ",
            tenant.0,
            self.seq,
            self.until.as_microsecond(),
            self.at.as_microsecond()
        );
        [head.as_bytes(), &self.hash].concat()
    }

    pub(super) async fn insert(
        &self,
        tx: &mut PgConnection,
        tenant: TenantId,
    ) -> Result<(), Error> {
        sqlx::query!(
            "insert into audit_anchors (tenant_id, at, seq, hash, until, mac)
             values ($1, $2, $3, $4, $5, $6)",
            tenant.0,
            self.at.to_sqlx() as _,
            self.seq,
            self.hash,
            self.until.to_sqlx() as _,
            self.mac,
        )
        .execute(tx)
        .await?;
        Ok(())
    }
}

/// The anchor of a chain, if it was ever cut.
pub async fn newest(tx: &mut PgConnection, tenant: TenantId) -> Result<Option<Anchor>, Error> {
    let row = sqlx::query!(
        r#"select seq, hash, until as "until: jiff_sqlx::Timestamp",
                  at as "at: jiff_sqlx::Timestamp", mac
           from audit_anchors
           where tenant_id = $1
           order by at desc
           limit 1"#,
        tenant.0,
    )
    .fetch_optional(tx)
    .await?;
    Ok(row.map(|row| Anchor {
        seq: row.seq,
        hash: row.hash,
        until: row.until.to_jiff(),
        at: row.at.to_jiff(),
        mac: row.mac,
    }))
}

fn key(kms: &Kms) -> Result<hmac::Key, KmsError> {
    let key = kms.derive("audit anchors")?;
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &*key))
}
