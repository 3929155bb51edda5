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
mod append;
mod chain;
pub mod checkpoint;
pub mod retention;

use std::borrow::Cow;
use std::net::IpAddr;

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use sqlx::PgConnection;
use tod_proto::id::TenantId;
use uuid::Uuid;

pub use self::alarm::Alarm;
pub(crate) use self::append::prepare;
use self::append::{Failed, New};
pub(crate) use self::chain::Row;
pub use self::chain::{Chain, Link, verify};
use crate::api::App;
use crate::api::error::Error;
use crate::db::Scoped;
use crate::kms::Place;

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

/// Writes a row into a tenant's chain and commits the act, in one round trip: others who write into
/// the chain wait for the commit only. If the row cannot be written, the act does not happen.
pub async fn commit(
    app: &App,
    tx: impl Scoped,
    tenant: TenantId,
    act: Act<'_>,
) -> Result<(), Error> {
    let now = app.clock.now();
    let done = New::of(tenant, now, &act).commit(&app.kms, tx).await;
    told(app, now, done)
}

/// Writes a row in the transaction of an act that goes on. Call it late: it puts the tenant's
/// writers in line until the commit. If it fails, the act must not happen.
pub async fn record(
    app: &App,
    tx: &mut PgConnection,
    tenant: TenantId,
    act: Act<'_>,
) -> Result<(), Error> {
    let now = app.clock.now();
    let done = New::of(tenant, now, &act).write(&app.kms, tx).await;
    told(app, now, done)
}

/// Tells whoever runs the server when the log refuses rows, and when it takes them again.
fn told(app: &App, now: Timestamp, done: Result<(), Failed>) -> Result<(), Error> {
    match done {
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
        Err(Failed::Other(error)) => Err(error),
    }
}

/// Whether the log refused the row, and not the connection or the transaction that it came on.
fn is_the_logs_own(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| {
        !["25", "40", "57", "08"]
            .iter()
            .any(|class| code.starts_with(class))
    })
}

fn code(error: &sqlx::Error) -> Option<Cow<'_, str>> {
    error.as_database_error()?.code()
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
