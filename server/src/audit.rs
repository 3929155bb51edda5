//! Who did what, so that nobody can take it back.
//!
//! A row is written in the transaction of the act: if it cannot be written, the act does not
//! happen. Each row holds the hash of the one before it, tenant by tenant; a row that is changed,
//! removed or slipped in breaks the chain, and [`verify()`] says where. Whoever holds the database
//! could still write a whole chain anew: [`checkpoint`] vouches for its head with a key that the
//! database does not have. [`retention`] cuts chains to what a policy keeps, at an [`anchor`].
//!
//! Actors are identifiers, never e-mail addresses, so that a person can be forgotten without
//! touching the chain. Details are sealed with the tenant's data key; the hash covers them sealed,
//! so that a chain can be checked by whoever cannot read it.

mod alarm;
pub mod anchor;
mod chain;
pub mod checkpoint;
pub mod retention;

use std::net::IpAddr;

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use tod_proto::id::TenantId;
use uuid::Uuid;

pub use self::alarm::Alarm;
pub(crate) use self::chain::Row;
pub use self::chain::{Chain, Link, verify};
use crate::api::App;
use crate::api::error::Error;
use crate::kms::{Kms, Place};

/// The chain of acts that belong to no tenant.
pub const PLATFORM: TenantId = TenantId(Uuid::nil());

/// The actor of what nobody did by hand.
pub const TOD: &str = "tod";

/// Something that a person, a program, or tod itself did.
#[derive(Clone, Debug)]
pub struct Act<'a> {
    /// Who: an identifier, or [`TOD`].
    pub actor: &'a str,
    /// What: the name of an operation, such as `device.add`.
    pub act: &'static str,
    /// To what: an identifier or a name.
    pub target: String,
    /// More, without secrets and without e-mail addresses.
    pub detail: serde_json::Value,
    /// Where the request came from.
    pub origin: Origin<'a>,
}

/// Which request it was; empty for what tod does by itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Origin<'a> {
    /// The identifier of the request.
    pub request: &'a str,
    /// Where it came from.
    pub address: Option<IpAddr>,
}

/// Writes a row into a tenant's chain, in the transaction of the act. Call it late: it puts the
/// tenant's writers in line until the commit. If it fails, the act must not happen.
pub async fn record(
    app: &App,
    tx: &mut PgConnection,
    tenant: TenantId,
    act: Act<'_>,
) -> Result<(), Error> {
    let now = app.clock.now();
    let id = Uuid::new_v4();
    let detail = act.detail.to_string();
    let sealed = seal(&app.kms, tx, tenant, id, detail.as_bytes()).await?;
    match insert(tx, tenant, now, &act, id, sealed).await {
        Ok(()) => {
            app.audit.clear();
            Ok(())
        }
        Err(error) if is_the_logs_own(&error) => {
            app.audit.raise(now, &error);
            let refused = "the audit log cannot be written, so this was not done";
            Err(Error::unavailable(refused)
                .hint("whoever runs the server finds the reason in its log")
                .cause(error))
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether the log refused the row, and not the connection or the transaction that it came on.
fn is_the_logs_own(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| {
        !["25", "40", "57", "08"]
            .iter()
            .any(|class| code.starts_with(class))
    })
}

async fn insert(
    tx: &mut PgConnection,
    tenant: TenantId,
    now: Timestamp,
    act: &Act<'_>,
    id: Uuid,
    sealed: Vec<u8>,
) -> Result<(), sqlx::Error> {
    let address = act.origin.address.map(|address| address.to_string());
    // One statement: the head's lock, its new hash and the row that it stands for.
    sqlx::query!(
        "with head as (
             insert into audit_heads as h (tenant_id, seq, prev, hash)
             values ($1, 1, '', audit_hash('', $1, 1, $2, $3, $4, $5, $6, $7, $8, $9))
             on conflict (tenant_id) do update
                 set seq = h.seq + 1, prev = h.hash,
                     hash = audit_hash(h.hash, $1, h.seq + 1, $2, $3, $4, $5, $6, $7, $8, $9)
             returning seq, prev, hash
         )
         insert into audit_log
             (tenant_id, seq, at, actor, act, target, detail, form, request_id, address, id,
              sealed, prev_hash, hash)
         select $1, seq, $10, $3, $4, $5, '', 2, $6, $7, $8, $9, prev, hash
         from head",
        tenant.0,
        microseconds(now),
        storable(act.actor),
        act.act,
        storable(&act.target),
        storable(act.origin.request),
        address.unwrap_or_default(),
        id,
        sealed,
        Timestamp::from_microsecond(microseconds(now))
            .unwrap_or(now)
            .to_sqlx() as _,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Where the details of a row lie.
pub(crate) fn place(id: Uuid) -> Place {
    Place {
        table: "audit_log",
        column: "sealed",
        row: id,
    }
}

async fn seal(
    kms: &Kms,
    tx: &mut PgConnection,
    tenant: TenantId,
    id: Uuid,
    detail: &[u8],
) -> Result<Vec<u8>, Error> {
    if tenant == PLATFORM {
        return Ok(kms.seal_platform(place(id), detail)?);
    }
    kms.seal(tx, tenant, place(id), detail).await
}

/// The database keeps microseconds: what is hashed must be what is read again.
fn whole_microseconds(at: Timestamp) -> Result<Timestamp, Error> {
    let round = TimestampRound::new()
        .smallest(Unit::Microsecond)
        .mode(RoundMode::Trunc);
    at.round(round).map_err(Error::internal)
}

fn microseconds(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// Text as PostgreSQL can keep it: without NUL.
fn storable(text: &str) -> String {
    text.replace('\0', "")
}
