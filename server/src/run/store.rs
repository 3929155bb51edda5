//! The SQL of runs.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use tod_proto::api::runs::{ResultStatus, Row, Run, RunResult, RunState};
use tod_proto::error::ErrorCode;
use tod_proto::id::{DeviceId, RunId, TenantId};
use tod_proto::untrusted::Untrusted;
use uuid::Uuid;

use super::answer::{self, Answer, Kept};
use crate::api::error::Error;
use crate::kms::{Keyring, Kms};

/// A device of a run.
#[derive(Clone, Debug)]
pub struct Target {
    /// The device.
    pub device: DeviceId,
    /// Its name at the start.
    pub name: String,
}

/// What became of a device, as it is stored.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What became of it.
    pub status: ResultStatus,
    /// What went wrong, for programs.
    pub code: Option<ErrorCode>,
    /// What went wrong, for people.
    pub message: Option<String>,
    /// The rows that it answered with.
    pub rows: Vec<Row>,
    /// The value that it returned.
    pub ret: Option<String>,
    /// Whether rows were left out.
    pub truncated: bool,
    /// How long it took.
    pub duration_ms: u32,
}

impl Outcome {
    /// A device that did not answer, or said no.
    pub fn failed(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::bare(ResultStatus::Failed, code, message.into())
    }

    /// A device that was not asked.
    pub fn skipped(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::bare(ResultStatus::Skipped, code, message.into())
    }

    fn bare(status: ResultStatus, code: ErrorCode, message: String) -> Self {
        Self {
            status,
            code: Some(code),
            message: Some(message),
            rows: Vec::new(),
            ret: None,
            truncated: false,
            duration_ms: 0,
        }
    }
}

/// Stores a new run with its targets.
pub async fn insert(
    tx: &mut PgConnection,
    tenant: TenantId,
    run: &Run,
    targets: &[Target],
    worker_until: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into runs
             (tenant_id, id, number, selector, command, targets, state, actor, created_at,
              worker_until)
         values ($1, $2, $3, $4, $5, $6, 'running', $7, $8, $9)",
        tenant.0,
        run.id.0,
        i64::try_from(run.number).map_err(Error::internal)?,
        run.selector,
        run.command,
        i32::try_from(run.targets).map_err(Error::internal)?,
        run.actor,
        run.created_at.to_sqlx() as _,
        worker_until.to_sqlx() as _,
    )
    .execute(&mut *tx)
    .await?;
    let devices: Vec<_> = targets.iter().map(|target| target.device.0).collect();
    let names: Vec<_> = targets.iter().map(|target| target.name.clone()).collect();
    sqlx::query!(
        "insert into run_results (tenant_id, run_id, device_id, device_name)
         select $1, $2, device_id, name from unnest($3::uuid[], $4::text[]) as r(device_id, name)",
        tenant.0,
        run.id.0,
        &devices,
        &names,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Marks a device as asked. False if it is done already.
pub async fn mark_asked(
    tx: &mut PgConnection,
    run: RunId,
    device: DeviceId,
    now: Timestamp,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "update run_results set asked_at = $3
         where run_id = $1 and device_id = $2 and status is null",
        run.0,
        device.0,
        now.to_sqlx() as _,
    )
    .execute(tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Stores what became of a device, once, with its answer sealed. False if that is known already.
pub async fn finish_one(
    kms: &Kms,
    tx: &mut PgConnection,
    tenant: TenantId,
    run: RunId,
    device: DeviceId,
    outcome: &Outcome,
) -> Result<bool, Error> {
    let id = Uuid::new_v4();
    let sealed = answer::seal(kms, tx, tenant, id, &Answer::of(outcome)).await?;
    // The run's row first: its lock makes the order of results the order of commits.
    let place = sqlx::query_scalar!(
        r#"select ok + failed + skipped + 1 as "place!" from runs
           where tenant_id = $1 and id = $2 for update"#,
        tenant.0,
        run.0,
    )
    .fetch_one(&mut *tx)
    .await?;
    let stored = sqlx::query!(
        "update run_results
         set seq = $4, status = $5, code = $6, id = $7, sealed = $8, truncated = $9,
             duration_ms = $10
         where tenant_id = $1 and run_id = $2 and device_id = $3 and status is null",
        tenant.0,
        run.0,
        device.0,
        place,
        status_name(outcome.status),
        outcome.code.map(code_name),
        id,
        sealed,
        outcome.truncated,
        i32::try_from(outcome.duration_ms).unwrap_or(i32::MAX),
    )
    .execute(&mut *tx)
    .await?;
    if stored.rows_affected() == 0 {
        return Ok(false);
    }
    let one = |status| i32::from(outcome.status == status);
    sqlx::query!(
        "update runs set ok = ok + $3, failed = failed + $4, skipped = skipped + $5
         where tenant_id = $1 and id = $2",
        tenant.0,
        run.0,
        one(ResultStatus::Ok),
        one(ResultStatus::Failed),
        one(ResultStatus::Skipped),
    )
    .execute(tx)
    .await?;
    Ok(true)
}

/// Ends a run all of whose devices are done. `None` if it has ended, or is not yet there.
pub async fn finish(
    tx: &mut PgConnection,
    tenant: TenantId,
    run: RunId,
    now: Timestamp,
) -> Result<Option<Run>, Error> {
    let number = sqlx::query_scalar!(
        "update runs set state = 'finished', finished_at = $3
         where tenant_id = $1 and id = $2 and state = 'running'
           and ok + failed + skipped = targets
         returning number",
        tenant.0,
        run.0,
        now.to_sqlx() as _,
    )
    .fetch_optional(&mut *tx)
    .await?;
    match number {
        Some(number) => find(tx, tenant, u64::try_from(number).unwrap_or(0)).await,
        None => Ok(None),
    }
}

/// Says that the run is being worked on until `until`.
pub async fn renew(
    tx: &mut PgConnection,
    tenant: TenantId,
    run: RunId,
    until: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "update runs set worker_until = $3 where tenant_id = $1 and id = $2",
        tenant.0,
        run.0,
        until.to_sqlx() as _,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// One run.
pub async fn find(
    tx: &mut PgConnection,
    tenant: TenantId,
    number: u64,
) -> Result<Option<Run>, Error> {
    // No run has a number that large; without a number, any would be found.
    let Ok(number) = i64::try_from(number) else {
        return Ok(None);
    };
    let runs = list(tx, tenant, Some(number), 1).await?;
    Ok(runs.into_iter().next())
}

/// The newest runs, or the one with this number.
pub async fn list(
    tx: &mut PgConnection,
    tenant: TenantId,
    number: Option<i64>,
    limit: i64,
) -> Result<Vec<Run>, Error> {
    let rows = sqlx::query!(
        r#"select id, number, selector, command, targets, state, ok, failed, skipped, actor,
                  created_at as "created_at: jiff_sqlx::Timestamp",
                  finished_at as "finished_at: jiff_sqlx::Timestamp"
           from runs
           where tenant_id = $1 and ($2::bigint is null or number = $2)
           order by number desc
           limit $3"#,
        tenant.0,
        number,
        limit,
    )
    .fetch_all(tx)
    .await?;
    let count = |value: i32| u32::try_from(value).unwrap_or(0);
    let runs = rows.into_iter().map(|row| Run {
        id: RunId(row.id),
        number: u64::try_from(row.number).unwrap_or(0),
        selector: row.selector,
        command: row.command,
        targets: count(row.targets),
        state: if row.state == "running" {
            RunState::Running
        } else {
            RunState::Finished
        },
        ok: count(row.ok),
        failed: count(row.failed),
        skipped: count(row.skipped),
        actor: row.actor,
        created_at: row.created_at.to_jiff(),
        finished_at: row.finished_at.map(jiff_sqlx::Timestamp::to_jiff),
    });
    Ok(runs.collect())
}

/// Results that came after the one numbered `after`, in their order, opened with `keys`.
pub async fn results(
    keys: &Keyring<'_>,
    tx: &mut PgConnection,
    tenant: TenantId,
    run: &Run,
    after: i32,
    limit: i64,
) -> Result<Vec<(i32, RunResult)>, Error> {
    let rows = sqlx::query!(
        r#"select seq as "seq!", device_id, device_name, status as "status!", code, truncated,
                  duration_ms, id, sealed, message, answer, ret
           from run_results
           where tenant_id = $1 and run_id = $2 and seq > $3
           order by seq
           limit $4"#,
        tenant.0,
        run.id.0,
        after,
        limit,
    )
    .fetch_all(&mut *tx)
    .await?;
    let mut results = Vec::with_capacity(rows.len());
    let mut kept = Vec::with_capacity(rows.len());
    for row in rows {
        let result = RunResult {
            run: format!("r-{}", run.number),
            device: row.device_name,
            id: DeviceId(row.device_id),
            status: status(&row.status),
            code: row.code.map(|code| self::code(&code)),
            message: None,
            rows: Vec::new(),
            ret: None,
            truncated: row.truncated,
            duration_ms: u32::try_from(row.duration_ms).unwrap_or(0),
        };
        results.push((row.seq, result));
        kept.push(Kept {
            id: row.id,
            sealed: row.sealed,
            answer: row.answer,
            ret: row.ret,
            message: row.message,
        });
    }
    let answers = answer::open_all(keys, tx, tenant, &kept).await?;
    for ((_, result), answer) in results.iter_mut().zip(answers) {
        result.rows = answer.rows;
        result.ret = answer.ret.map(Untrusted::new);
        result.message = answer.message.map(Untrusted::new);
    }
    Ok(results)
}

/// Runs whose worker is gone, in every tenant.
pub async fn abandoned(
    tx: &mut PgConnection,
    now: Timestamp,
) -> Result<Vec<(TenantId, RunId)>, Error> {
    let rows = sqlx::query!(
        "select tenant_id, id from runs where state = 'running' and worker_until < $1 limit 100",
        now.to_sqlx() as _,
    )
    .fetch_all(tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (TenantId(row.tenant_id), RunId(row.id)))
        .collect())
}

/// The devices of a run that are not done, each with whether it was asked.
pub async fn open(
    tx: &mut PgConnection,
    tenant: TenantId,
    run: RunId,
) -> Result<Vec<(DeviceId, bool)>, Error> {
    let rows = sqlx::query!(
        r#"select device_id, asked_at is not null as "asked!"
           from run_results
           where tenant_id = $1 and run_id = $2 and status is null"#,
        tenant.0,
        run.0,
    )
    .fetch_all(tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (DeviceId(row.device_id), row.asked))
        .collect())
}

fn status_name(status: ResultStatus) -> &'static str {
    match status {
        ResultStatus::Ok => "ok",
        ResultStatus::Failed => "failed",
        ResultStatus::Skipped => "skipped",
    }
}

fn status(text: &str) -> ResultStatus {
    match text {
        "ok" => ResultStatus::Ok,
        "skipped" => ResultStatus::Skipped,
        _ => ResultStatus::Failed,
    }
}

/// The name on the wire.
fn code_name(code: ErrorCode) -> String {
    serde_json::to_value(code)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn code(text: &str) -> ErrorCode {
    serde_json::from_value(serde_json::Value::from(text)).unwrap_or(ErrorCode::Other)
}
