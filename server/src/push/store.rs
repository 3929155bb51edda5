//! The SQL of changes. What a script says is sealed; states and times are not.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use serde::{Deserialize, Serialize};
use tod_proto::api::changes::{ChangeState, ChangeStep, DiffLine};
use tod_proto::bus::task::ConfigSnapshot;
use tod_proto::id::{ChangeId, DeviceId, TenantId};
use tod_proto::untrusted::Untrusted;
use uuid::Uuid;

use super::model::Push;
use crate::api::error::Error;
use crate::db::{SystemTx, TenantTx};
use crate::kms::{Keyring, Kms, Place, Sealed};

/// A change as it is stored, but for the configuration before it.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its identifier.
    pub id: ChangeId,
    /// Its number.
    pub number: u64,
    /// The device.
    pub device: DeviceId,
    /// The device's name at the start.
    pub device_name: String,
    /// The machine.
    pub push: Push,
    /// What is done.
    pub secret: Secret,
    /// Who asked for it.
    pub actor: String,
    /// When.
    pub created_at: Timestamp,
}

/// What is done, in the words of the device.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Secret {
    /// The script as it was given.
    pub script: String,
    /// The inverse.
    pub undo_script: Option<String>,
    /// What it changes.
    pub diff: Vec<DiffLine>,
    /// What could go wrong.
    pub warnings: Vec<Untrusted>,
    /// Values in all of this that are not shown unless asked for, in hex.
    #[serde(default)]
    pub hidden: Option<Vec<String>>,
}

/// Who has locked a device.
#[derive(Clone, Debug)]
pub struct Lock {
    /// The number of the change.
    pub number: u64,
    /// Who asked for it.
    pub actor: String,
}

/// Which changes to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct Which {
    /// Only the one with this number.
    pub number: Option<u64>,
    /// Only of this device.
    pub device: Option<DeviceId>,
    /// Only those that are not final.
    pub open: bool,
}

fn place(column: &'static str, id: ChangeId) -> Place {
    Place {
        table: "changes",
        column,
        row: id.0,
    }
}

async fn seal<T: Serialize + Sync>(
    kms: &Kms,
    tx: &mut TenantTx,
    place: Place,
    value: &T,
) -> Result<Vec<u8>, Error> {
    let tenant = tx.tenant();
    let plain = zeroize::Zeroizing::new(serde_json::to_vec(value).map_err(Error::internal)?);
    kms.seal(tx, tenant, place, &plain).await
}

/// Stores a new change.
pub async fn insert(kms: &Kms, tx: &mut TenantTx, record: &Record) -> Result<(), Error> {
    let secret = seal(kms, tx, place("secret", record.id), &record.secret).await?;
    sqlx::query!(
        "insert into changes
             (tenant_id, id, number, device_id, device_name, state, push, secret, actor, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        tx.tenant().0,
        record.id.0,
        i64::try_from(record.number).map_err(Error::internal)?,
        record.device.0,
        record.device_name,
        record.push.state.as_str(),
        serde_json::to_value(&record.push).map_err(Error::internal)?,
        secret,
        record.actor,
        record.created_at.to_sqlx() as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Locks a device for a change, or says who has it.
pub async fn lock(tx: &mut TenantTx, record: &Record) -> Result<Option<Lock>, Error> {
    let locked = sqlx::query!(
        "insert into device_locks (tenant_id, device_id, change_id, number, actor, taken_at)
         values ($1, $2, $3, $4, $5, $6)
         on conflict on constraint device_locks_pkey do nothing",
        tx.tenant().0,
        record.device.0,
        record.id.0,
        i64::try_from(record.number).map_err(Error::internal)?,
        record.actor,
        record.created_at.to_sqlx() as _,
    )
    .execute(&mut **tx)
    .await?;
    if locked.rows_affected() == 1 {
        return Ok(None);
    }
    let row = sqlx::query!(
        "select number, actor from device_locks where device_id = $1",
        record.device.0,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(Some(Lock {
        number: u64::try_from(row.number).unwrap_or(0),
        actor: row.actor,
    }))
}

/// Lets go of the device of a change.
pub async fn unlock(tx: &mut TenantTx, change: ChangeId) -> Result<(), Error> {
    sqlx::query!("delete from device_locks where change_id = $1", change.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Changes, the newest first.
pub async fn list(
    keys: &Keyring<'_>,
    tx: &mut TenantTx,
    which: Which,
    limit: i64,
) -> Result<Vec<Record>, Error> {
    let tenant = tx.tenant();
    let rows = sqlx::query!(
        r#"select id, number, device_id, device_name, push, secret, actor,
                  created_at as "created_at: jiff_sqlx::Timestamp"
           from changes
           where ($1::bigint is null or number = $1)
             and ($2::uuid is null or device_id = $2)
             and (not $3 or state not in ('planned', 'confirmed', 'reverted', 'refused', 'unknown'))
           order by number desc
           limit $4"#,
        which.number.and_then(|number| i64::try_from(number).ok()),
        which.device.map(|device| device.0),
        which.open,
        limit,
    )
    .fetch_all(&mut **tx)
    .await?;
    let sealed: Vec<_> = rows
        .iter()
        .map(|row| Sealed {
            tenant,
            place: place("secret", ChangeId(row.id)),
            bytes: &row.secret,
        })
        .collect();
    let secrets = keys.open_all(tx, &sealed).await?;
    let mut records = Vec::with_capacity(rows.len());
    for (row, secret) in rows.into_iter().zip(secrets) {
        let secret = secret?;
        records.push(Record {
            id: ChangeId(row.id),
            number: u64::try_from(row.number).unwrap_or(0),
            device: DeviceId(row.device_id),
            device_name: row.device_name,
            push: serde_json::from_value(row.push).map_err(Error::internal)?,
            secret: serde_json::from_slice(&secret).map_err(Error::internal)?,
            actor: row.actor,
            created_at: row.created_at.to_jiff(),
        });
    }
    Ok(records)
}

/// How many changes there are.
pub async fn count(tx: &mut TenantTx, which: Which) -> Result<u64, Error> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!"
           from changes
           where ($1::uuid is null or device_id = $1)
             and (not $2 or state not in ('planned', 'confirmed', 'reverted', 'refused', 'unknown'))"#,
        which.device.map(|device| device.0),
        which.open,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// One change by its number.
pub async fn find(
    keys: &Keyring<'_>,
    tx: &mut TenantTx,
    number: u64,
) -> Result<Option<Record>, Error> {
    if i64::try_from(number).is_err() {
        return Ok(None);
    }
    let which = Which {
        number: Some(number),
        ..Which::default()
    };
    Ok(list(keys, tx, which, 1).await?.into_iter().next())
}

/// Keeps others from moving a change until the end of the transaction. Returns its machine as it is
/// now.
pub async fn hold(tx: &mut TenantTx, change: ChangeId) -> Result<Option<Push>, Error> {
    let push = sqlx::query_scalar!(
        "select push from changes where id = $1 for update",
        change.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    push.map(serde_json::from_value)
        .transpose()
        .map_err(Error::internal)
}

/// Stores the machine after a transition, with a line in the time line.
pub async fn moved(
    tx: &mut TenantTx,
    change: ChangeId,
    push: &Push,
    said: &str,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "update changes set state = $2, push = $3, reverts_at = $4 where id = $1",
        change.0,
        push.state.as_str(),
        serde_json::to_value(push).map_err(Error::internal)?,
        push.reverts_at.map(jiff_sqlx::ToSqlx::to_sqlx) as _,
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "insert into change_steps (tenant_id, change_id, turn, at, state, message)
         values ($1, $2, $3, $4, $5, $6)",
        tx.tenant().0,
        change.0,
        i32::try_from(push.turn).map_err(Error::internal)?,
        now.to_sqlx() as _,
        push.state.as_str(),
        said,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Stores the plan and the configuration before the change.
pub async fn planned(
    kms: &Kms,
    tx: &mut TenantTx,
    change: ChangeId,
    secret: &Secret,
    before: &ConfigSnapshot,
) -> Result<(), Error> {
    let secret = seal(kms, tx, place("secret", change), secret).await?;
    let before = seal(kms, tx, place("config", change), before).await?;
    sqlx::query!(
        "update changes set secret = $2, config = $3 where id = $1",
        change.0,
        secret,
        before
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The configuration before a change.
pub async fn before(
    keys: &Keyring<'_>,
    tx: &mut TenantTx,
    change: ChangeId,
) -> Result<ConfigSnapshot, Error> {
    let tenant = tx.tenant();
    let sealed = sqlx::query_scalar!("select config from changes where id = $1", change.0)
        .fetch_one(&mut **tx)
        .await?;
    let Some(sealed) = sealed else {
        return Ok(ConfigSnapshot::default());
    };
    let sealed = Sealed {
        tenant,
        place: place("config", change),
        bytes: &sealed,
    };
    let plain = keys.open(tx, sealed).await?;
    serde_json::from_slice(&plain).map_err(Error::internal)
}

/// What happened to a change, in order.
pub async fn timeline(tx: &mut TenantTx, change: ChangeId) -> Result<Vec<ChangeStep>, Error> {
    let rows = sqlx::query!(
        r#"select at as "at: jiff_sqlx::Timestamp", state, message
           from change_steps
           where change_id = $1
           order by turn
           limit 1000"#,
        change.0,
    )
    .fetch_all(&mut **tx)
    .await?;
    let steps = rows.into_iter().filter_map(|row| {
        let state = ChangeState::ALL
            .into_iter()
            .find(|state| state.as_str() == row.state)?;
        Some(ChangeStep {
            at: row.at.to_jiff(),
            state,
            message: Untrusted::new(row.message),
        })
    });
    Ok(steps.collect())
}

/// Shows at the device which change waits for confirmation.
pub async fn show_pending(
    tx: &mut TenantTx,
    device: DeviceId,
    number: Option<u64>,
) -> Result<(), Error> {
    sqlx::query!(
        "update device_state set pending_change = $2 where device_id = $1",
        device.0,
        number.and_then(|number| i64::try_from(number).ok()),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Takes a change for a worker, or renews that. False if another worker has it, or it is final.
pub async fn claim(
    tx: &mut TenantTx,
    change: ChangeId,
    worker: Uuid,
    now: Timestamp,
    until: Timestamp,
) -> Result<bool, Error> {
    let claimed = sqlx::query!(
        "update changes set worker = $2, worker_until = $4
         where id = $1 and (worker is null or worker = $2 or worker_until < $3)
           and state not in ('planned', 'confirmed', 'reverted', 'refused', 'unknown')",
        change.0,
        worker,
        now.to_sqlx() as _,
        until.to_sqlx() as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok(claimed.rows_affected() == 1)
}

/// Gives a change back.
pub async fn disclaim(tx: &mut TenantTx, change: ChangeId, worker: Uuid) -> Result<(), Error> {
    sqlx::query!(
        "update changes set worker = null, worker_until = null where id = $1 and worker = $2",
        change.0,
        worker,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Open changes that no worker has, in every tenant.
pub async fn orphans(
    tx: &mut SystemTx,
    now: Timestamp,
) -> Result<Vec<(TenantId, ChangeId, u64)>, Error> {
    let rows = sqlx::query!(
        "select tenant_id, id, number from changes
         where state not in ('planned', 'confirmed', 'reverted', 'refused', 'unknown')
           and (worker is null or worker_until < $1)
         order by created_at
         limit 500",
        now.to_sqlx() as _,
    )
    .fetch_all(&mut **tx)
    .await?;
    let orphans = rows.into_iter().map(|row| {
        (
            TenantId(row.tenant_id),
            ChangeId(row.id),
            u64::try_from(row.number).unwrap_or(0),
        )
    });
    Ok(orphans.collect())
}
