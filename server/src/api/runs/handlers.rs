//! What each endpoint does.

use std::time::Duration;

use tod_proto::api::devices::{Device, Status};
use tod_proto::api::runs::{List, Run, RunDetail, RunState, Show, Start, StartBody};
use tod_proto::id::RunId;
use tod_proto::page::Page;

use crate::api::Cx;
use crate::api::devices;
use crate::api::error::Error;
use crate::api::filter::Filter;
use crate::api::route::Req;
use crate::event;
use crate::run::command::Command;
use crate::run::execute::{self, Job, State};
use crate::run::store::{self, Target};

const LISTED: i64 = 100;
/// The most results that are shown at once; [`tod_proto::api::runs::Follow`] shows all.
const SHOWN: i64 = 10_000;

pub(super) async fn start(cx: Cx, req: Req<Start>) -> Result<Run, Error> {
    let (tenant, body, now) = (req.path, req.body, cx.app.clock.now());
    let actor = cx.caller()?.email.clone();
    let command = Command::parse(&body.command, &body.arguments, body.allow_dangerous)?;
    let (parallel, timeout) = limits(&body)?;
    let filter = Filter::parse(&body.selector, now)?;
    let mut tx = cx.begin().await?;
    let matching = devices::store::matching(&mut tx, &filter, now).await?;
    check_count(&matching, &body)?;
    let mut run = Run {
        id: RunId::generate(),
        number: 0,
        selector: body.selector.clone(),
        command: command.shown(),
        targets: u32::try_from(matching.len()).map_err(Error::internal)?,
        state: RunState::Running,
        ok: 0,
        failed: 0,
        skipped: 0,
        actor,
        created_at: now,
        finished_at: None,
    };
    if body.dry_run {
        tx.commit().await?;
        return Ok(Run {
            state: RunState::Finished,
            finished_at: Some(now),
            ..run
        });
    }
    let number = event::next(&mut tx, tenant, "run", 1).await?;
    run.number = u64::try_from(number).map_err(Error::internal)?;
    let targets: Vec<(Target, State)> = matching.into_iter().map(target).collect();
    let rows: Vec<Target> = targets.iter().map(|(target, _)| target.clone()).collect();
    store::insert(&mut tx, tenant, &run, &rows, execute::alive_until(now)).await?;
    let detail = serde_json::json!({
        "number": run.number, "selector": run.selector, "command": run.command,
        "targets": run.targets, "allow_dangerous": body.allow_dangerous,
    });
    cx.commit(tx, tenant, run.id, detail).await?;
    let job = Job {
        tenant,
        run: run.id,
        number: run.number,
        command,
        targets,
        parallel,
        timeout,
    };
    execute::spawn(&cx.app, job);
    Ok(run)
}

fn target(device: Device) -> (Target, State) {
    let state = if device.other_serial.is_some() {
        State::Another
    } else if device.status == Status::Offline {
        State::Offline
    } else {
        State::Reachable
    };
    let target = Target {
        device: device.id,
        name: device.name,
    };
    (target, state)
}

fn limits(body: &StartBody) -> Result<(usize, Duration), Error> {
    let parallel = body.parallel.unwrap_or(16);
    let timeout = body.timeout_seconds.unwrap_or(30);
    if !(1..=64).contains(&parallel) {
        return Err(Error::invalid("parallel: 1 to 64"));
    }
    if !(1..=600).contains(&timeout) {
        return Err(Error::invalid("timeout_seconds: 1 to 600"));
    }
    let parallel = usize::try_from(parallel).map_err(Error::internal)?;
    Ok((parallel, Duration::from_secs(timeout.into())))
}

fn check_count(matching: &[Device], body: &StartBody) -> Result<(), Error> {
    let count = u32::try_from(matching.len()).unwrap_or(u32::MAX);
    if let Some(expected) = body.expect.filter(|expected| *expected != count) {
        return Err(Error::halted(format!(
            "the selector matches {count} devices, not {expected}; nothing was sent"
        ))
        .hint("see which: todctl device list with the same selector"));
    }
    if count == 0 {
        return Err(Error::not_found("device that matches the selector"));
    }
    Ok(())
}

pub(super) async fn list(cx: Cx, req: Req<List>) -> Result<Page<Run>, Error> {
    let mut tx = cx.begin().await?;
    let items = store::list(&mut tx, req.path, None, LISTED).await?;
    tx.commit().await?;
    let total = items.first().map_or(0, |newest| newest.number);
    Ok(Page {
        items,
        next: None,
        total,
    })
}

pub(super) async fn show(cx: Cx, req: Req<Show>) -> Result<RunDetail, Error> {
    let (tenant, number) = req.path;
    let mut tx = cx.begin().await?;
    let run = store::find(&mut tx, tenant, number)
        .await?
        .ok_or_else(|| Error::not_found("run"))?;
    let results = store::results(&cx.keyring()?, &mut tx, tenant, &run, 0, SHOWN).await?;
    tx.commit().await?;
    let mut results: Vec<_> = results.into_iter().map(|(_, result)| result).collect();
    results.sort_by(|a, b| a.device.cmp(&b.device));
    Ok(RunDetail { run, results })
}
