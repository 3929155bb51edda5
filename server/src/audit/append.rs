//! Writes rows, each behind the one before it.
//!
//! **Invariant:** none is sealed with a data key that was not the tenant's newest when it was
//! committed: either that key is held until then, or the head of the chain names it.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use tod_proto::id::TenantId;
use uuid::Uuid;

use super::{Act, PLATFORM, code, microseconds, place};
use crate::api::error::Error;
use crate::db::Scoped;
use crate::kms::Kms;

/// How the hash of a row is made that is written now.
const FORM: i16 = 2;

/// A statement that writes a row of that form, sealed with a key that nobody has held, behind the
/// newest one. Every connection prepares it: to plan it takes longer than to do it.
const PREPARE: &str = "
    prepare audit_record
        (uuid, integer, bytea, timestamptz, text, text, text, text, text, uuid, bytea) as
    with head as (
        update audit_heads h
        set seq = h.seq + 1, prev = h.hash, hash = audit_next_hash(h.hash, $1, h.seq + 1, $3)
        where h.tenant_id = $1 and h.key_version is not distinct from $2
        returning h.seq, h.prev, h.hash
    )
    insert into audit_log
        (tenant_id, seq, at, actor, act, target, detail, form, request_id, address, id, sealed,
         prev_hash, hash)
    select $1, audit_follows(seq), $4, $5, $6, $7, '', 2, $8, $9, $10, $11, prev, hash
    from (select) row left join head on true";

/// Why a row was not written.
pub(super) enum Failed {
    /// The database said no.
    Log(sqlx::Error),
    /// It did not come so far.
    Other(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// Why a record could not go with the commit, though it can be written before it.
enum Hitch {
    /// The connection has forgotten the statement: whoever stands between discards what it knew.
    Unprepared,
    /// Another data key may be the newest than the one that the record is sealed with.
    Stale,
}

impl Hitch {
    fn of(error: &sqlx::Error) -> Option<Self> {
        match &*code(error)? {
            "26000" => Some(Self::Unprepared),
            "TD001" => Some(Self::Stale),
            _ => None,
        }
    }
}

/// A row that is about to be written.
pub(super) struct New<'a> {
    tenant: TenantId,
    at: Timestamp,
    actor: Cow<'a, str>,
    act: &'static str,
    target: Cow<'a, str>,
    request: Cow<'a, str>,
    address: String,
    id: Uuid,
    detail: String,
}

/// Details that nobody else can read.
struct Sealed {
    /// The number of the data key; none is the platform's.
    key: Option<i32>,
    details: Vec<u8>,
}

impl<'a> New<'a> {
    pub(super) fn of(tenant: TenantId, now: Timestamp, act: &'a Act<'_>) -> Self {
        let address = act.origin.address.map(|address| address.to_string());
        Self {
            tenant,
            // The database keeps microseconds: what is hashed must be what is read again.
            at: Timestamp::from_microsecond(microseconds(now)).unwrap_or(now),
            actor: storable(act.actor),
            act: act.act,
            target: storable(&act.target),
            request: storable(act.origin.request),
            address: address.unwrap_or_default(),
            id: Uuid::new_v4(),
            detail: act.detail.to_string(),
        }
    }

    /// Writes it and commits. It is sealed with the key that was the newest a moment ago: if that
    /// is not so any more the database says so, and it is sealed and written once more.
    pub(super) async fn commit(&self, kms: &Kms, tx: impl Scoped) -> Result<(), Failed> {
        let mut tx = match self.seal_ahead(kms)? {
            None => tx,
            Some(sealed) => match tx.commit_after(self.last(&sealed)).await {
                Ok(()) => return Ok(()),
                Err((error, mut tx)) => {
                    let hitch = Hitch::of(&error).ok_or(Failed::Log(error))?;
                    mend(&mut tx, &hitch).await.map_err(Failed::Log)?;
                    tx
                }
            },
        };
        self.write(kms, &mut tx).await?;
        Ok(tx.commit().await?)
    }

    /// None if no key is known.
    fn seal_ahead(&self, kms: &Kms) -> Result<Option<Sealed>, Error> {
        let (place, detail) = (place(self.id), self.detail.as_bytes());
        if self.tenant == PLATFORM {
            let details = kms.seal_platform(place, detail)?;
            return Ok(Some(Sealed { key: None, details }));
        }
        let sealed = kms.seal_ahead(self.tenant, place, detail);
        Ok(sealed.map(|(key, details)| Sealed {
            key: Some(key),
            details,
        }))
    }

    /// With a key that is the newest until the commit.
    async fn seal(&self, kms: &Kms, tx: &mut PgConnection) -> Result<Sealed, Error> {
        let (place, detail) = (place(self.id), self.detail.as_bytes());
        if self.tenant == PLATFORM {
            let details = kms.seal_platform(place, detail)?;
            return Ok(Sealed { key: None, details });
        }
        let (key, details) = kms.seal_with(tx, self.tenant, place, detail).await?;
        Ok(Sealed {
            key: Some(key),
            details,
        })
    }

    /// Writes it in a transaction that goes on, or that could not take it along with its commit.
    pub(super) async fn write(&self, kms: &Kms, tx: &mut PgConnection) -> Result<(), Failed> {
        let sealed = self.seal(kms, tx).await?;
        sqlx::query!(
            "with head as (
                 insert into audit_heads as h (tenant_id, seq, prev, hash, key_version)
                 values ($1, 1, '', audit_next_hash('', $1, 1, $3), $2)
                 on conflict (tenant_id) do update
                     set seq = h.seq + 1, prev = h.hash,
                         hash = audit_next_hash(h.hash, $1, h.seq + 1, $3), key_version = $2
                 returning seq, prev, hash
             )
             insert into audit_log
                 (tenant_id, seq, at, actor, act, target, detail, form, request_id, address, id,
                  sealed, prev_hash, hash)
             select $1, seq, $4, $5, $6, $7, '', $8, $9, $10, $11, $12, prev, hash
             from head",
            self.tenant.0,
            sealed.key,
            self.rest(&sealed.details),
            self.at.to_sqlx() as _,
            &*self.actor,
            self.act,
            &*self.target,
            FORM,
            &*self.request,
            self.address,
            self.id,
            sealed.details,
        )
        .execute(tx)
        .await
        .map_err(Failed::Log)?;
        Ok(())
    }

    /// The last statements of a transaction. Of what anybody may have named there are only
    /// hexadecimal digits in them.
    fn last(&self, sealed: &Sealed) -> String {
        let key = match sealed.key {
            Some(key) => key.to_string(),
            None => "null".to_owned(),
        };
        format!(
            "SAVEPOINT record; EXECUTE audit_record('{}', {key}, {}, '{}', {}, {}, {}, {}, {}, \
             '{}', {})",
            self.tenant.0,
            bytes(&self.rest(&sealed.details)),
            self.at,
            text(&self.actor),
            text(self.act),
            text(&self.target),
            text(&self.request),
            text(&self.address),
            self.id,
            bytes(&sealed.details),
        )
    }

    /// What is known of its hash before its number is.
    fn rest(&self, sealed: &[u8]) -> Vec<u8> {
        let link = tod_proto::chain::Link {
            seq: 0,
            at: self.at,
            actor: &self.actor,
            act: self.act,
            target: &self.target,
            form: FORM,
            detail: "",
            request_id: &self.request,
            address: &self.address,
            id: Some(self.id),
            sealed,
        };
        link.rest()
    }
}

/// Prepares a connection for records that go with their commit. A schema that is too old for them
/// is no reason to refuse the connection: whoever writes a record is told.
pub(crate) async fn prepare(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    match sqlx::raw_sql(PREPARE).execute(conn).await {
        Ok(_) | Err(sqlx::Error::Database(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Puts the transaction where the record can be written in it, and sees to it that the next one on
/// this connection can go with its commit.
async fn mend(tx: &mut PgConnection, hitch: &Hitch) -> Result<(), sqlx::Error> {
    sqlx::query!("rollback to savepoint record")
        .execute(&mut *tx)
        .await?;
    if matches!(hitch, Hitch::Unprepared) {
        sqlx::raw_sql(PREPARE).execute(&mut *tx).await?;
    }
    Ok(())
}

/// Bytes, as a literal.
fn bytes(bytes: &[u8]) -> String {
    format!("E'\\\\x{}'", hex::encode(bytes))
}

/// A text, as a literal: every byte by its number.
fn text(text: &str) -> String {
    let digits = hex::encode(text);
    let mut literal = String::with_capacity(3 + 2 * digits.len());
    literal.push_str("E'");
    for (n, digit) in digits.chars().enumerate() {
        if n.is_multiple_of(2) {
            literal.push_str(r"\x");
        }
        literal.push(digit);
    }
    literal.push('\'');
    literal
}

/// Text as PostgreSQL can keep it: without NUL.
fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        return Cow::Owned(text.replace('\0', ""));
    }
    Cow::Borrowed(text)
}
