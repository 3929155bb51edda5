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

use std::borrow::Cow;
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

/// How the hash of a row is made that is written now.
const FORM: i16 = 2;

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
    match write(&app.kms, tx, tenant, now, &act).await {
        Ok(()) => {
            app.audit.clear();
            Ok(())
        }
        Err(Failed::Log(error)) if is_the_logs_own(&error) => {
            app.audit.raise(now, &error);
            let refused = "the audit log cannot be written, so this was not done";
            Err(Error::unavailable(refused)
                .hint("whoever runs the server finds the reason in its log")
                .cause(error))
        }
        Err(Failed::Log(error)) => Err(error.into()),
        Err(Failed::Seal(error)) => Err(error),
    }
}

/// Why a row was not written.
enum Failed {
    Seal(Error),
    Log(sqlx::Error),
}

async fn write(
    kms: &Kms,
    tx: &mut PgConnection,
    tenant: TenantId,
    now: Timestamp,
    act: &Act<'_>,
) -> Result<(), Failed> {
    let id = Uuid::new_v4();
    let detail = act.detail.to_string();
    let row = |sealed, key| New {
        tenant,
        now,
        act,
        id,
        sealed,
        key,
    };
    if tenant == PLATFORM {
        let sealed = kms.seal_platform(place(id), detail.as_bytes());
        let sealed = sealed.map_err(|error| Failed::Seal(error.into()))?;
        row(sealed, None).insert(tx).await.map_err(Failed::Log)?;
        return Ok(());
    }
    // With the key that was the newest a moment ago; the row is only written if it still is.
    if let Some((key, sealed)) = kms.seal_ahead(tenant, place(id), detail.as_bytes()) {
        let row = row(sealed, Some(key));
        if row.insert(tx).await.map_err(Failed::Log)? {
            return Ok(());
        }
    }
    let sealed = kms.seal(tx, tenant, place(id), detail.as_bytes()).await;
    let sealed = sealed.map_err(Failed::Seal)?;
    row(sealed, None).insert(tx).await.map_err(Failed::Log)?;
    Ok(())
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

/// A row that is about to be written.
struct New<'a> {
    tenant: TenantId,
    now: Timestamp,
    act: &'a Act<'a>,
    id: Uuid,
    sealed: Vec<u8>,
    /// The number of the data key that it is sealed with, if nobody has held that key yet.
    key: Option<i32>,
}

impl New<'_> {
    /// Writes the row in one statement: the lock on the data key, the lock on the head, its new
    /// hash, and the row that it stands for. False, and nothing is written, if another data key
    /// seals now.
    async fn insert(&self, tx: &mut PgConnection) -> Result<bool, sqlx::Error> {
        let (act, origin) = (self.act, self.act.origin);
        let address = origin.address.map(|address| address.to_string());
        let address = address.unwrap_or_default();
        let (actor, target) = (storable(act.actor), storable(&act.target));
        let request = storable(origin.request);
        // The database keeps microseconds: what is hashed must be what is read again.
        let at = Timestamp::from_microsecond(microseconds(self.now)).unwrap_or(self.now);
        let first = tod_proto::chain::Link {
            seq: 1,
            at,
            actor: &actor,
            act: act.act,
            target: &target,
            form: FORM,
            detail: "",
            request_id: &request,
            address: &address,
            id: Some(self.id),
            sealed: &self.sealed,
        };
        let first_hash = first.hash(self.tenant, &[]).unwrap_or_default();
        let done = sqlx::query!(
            r"with head as (
                 insert into audit_heads as h (tenant_id, seq, prev, hash)
                 select $1, 1, '', $2
                 where $3::int is null or (select version from newest_data_key($1)) = $3
                 on conflict (tenant_id) do update
                     set seq = h.seq + 1, prev = h.hash,
                         hash = sha256('\x02'::bytea || int8send(octet_length(h.hash)) || h.hash
                                       || uuid_send($1) || int8send(h.seq + 1) || $4)
                 returning seq, prev, hash
             )
             insert into audit_log
                 (tenant_id, seq, at, actor, act, target, detail, form, request_id, address, id,
                  sealed, prev_hash, hash)
             select $1, seq, $5, $6, $7, $8, '', $9, $10, $11, $12, $13, prev, hash
             from head",
            self.tenant.0,
            &first_hash[..],
            self.key,
            first.rest(),
            at.to_sqlx() as _,
            &*actor,
            act.act,
            &*target,
            FORM,
            &*request,
            address,
            self.id,
            self.sealed,
        )
        .execute(tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }
}

/// Where the details of a row lie.
pub(crate) fn place(id: Uuid) -> Place {
    Place {
        table: "audit_log",
        column: "sealed",
        row: id,
    }
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
fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        return Cow::Owned(text.replace('\0', ""));
    }
    Cow::Borrowed(text)
}
