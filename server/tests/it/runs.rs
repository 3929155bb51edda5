//! Runs: one command on many devices.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use tod_proto::api::runs::{ResultStatus, Run, RunDetail, RunState};
use tod_proto::bus::task::{Report, Task, TaskFailure, What};
use tod_proto::error::ErrorCode;
use tod_proto::id::DeviceId;
use tod_proto::untrusted::Untrusted;

use crate::fake::{Poller, Stage, eventually, start};

fn rows(task: &Task) -> Report {
    let What::Command { command, .. } = &task.what else {
        panic!("{task:?}");
    };
    let row = [(
        "command".to_owned(),
        Untrusted::new(format!("{command}\0\u{1b}")),
    )];
    Report::Command {
        rows: vec![row.into()],
        ret: None,
        truncated: false,
        duration_ms: 3,
    }
}

fn trap() -> Report {
    Report::Failed(TaskFailure {
        code: ErrorCode::Invalid,
        message: Untrusted::new("no such command"),
        hint: None,
        may_have_changed: false,
    })
}

async fn done(stage: &Stage) -> RunDetail {
    eventually(async || {
        let detail: RunDetail = stage.app.get(&stage.ana, &stage.path("runs/1")).await.ok();
        (detail.run.state == RunState::Finished).then_some(detail)
    })
    .await
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
#[tokio::test]
async fn what_became_of_each_device_is_told_and_a_failure_stops_nothing() {
    let stage = Stage::new().await;
    let mut ids = Vec::new();
    for n in 1..=3 {
        ids.push(
            stage
                .add(&format!("edge-{n}"), &format!("10.0.0.{n}"))
                .await,
        );
    }
    let bad: DeviceId = ids[1];
    let poller = Poller::new(&stage.app.bus, move |task| {
        let report = if task.device == bad {
            trap()
        } else {
            rows(&task)
        };
        std::future::ready(report)
    });
    poller.lease(&[]).await;
    // No poller reaches this one.
    let lonely = json!({ "name": "edge-4", "address": "10.0.0.4", "username": "x",
                         "password": "x", "zone": "far" });
    stage
        .app
        .post(&stage.ana, &stage.path("devices"), lonely)
        .await
        .ok::<serde_json::Value>();

    let body = json!({ "selector": "name^=edge-", "command": "/ip/address print",
                       "arguments": ["?password=hunter2"], "expect": 4 });
    let begun: Run = stage
        .app
        .post(&stage.ana, &stage.path("runs"), body)
        .await
        .ok();
    let detail = done(&stage).await;

    assert_eq!((begun.number, begun.targets), (1, 4));
    assert_eq!(begun.command, "/ip/address/print =password=***");
    let Run {
        ok,
        failed,
        skipped,
        ..
    } = detail.run;
    assert_eq!((ok, failed, skipped), (2, 1, 1));
    let statuses: Vec<_> = detail.results.iter().map(|result| result.status).collect();
    assert_eq!(
        statuses,
        [
            ResultStatus::Ok,
            ResultStatus::Failed,
            ResultStatus::Ok,
            ResultStatus::Skipped
        ]
    );
    assert_eq!(
        detail.results[0].rows[0]["command"].raw(),
        "/ip/address/print\0\u{1b}"
    );
    assert_eq!(
        detail.results[1].message,
        Some(Untrusted::new("no such command"))
    );
    assert_eq!(detail.results[3].code, Some(ErrorCode::DeviceUnreachable));
}

#[tokio::test]
async fn a_run_that_could_do_harm_is_refused_before_anything_is_sent() {
    let stage = Stage::new().await;
    stage.add("edge", "10.0.0.1").await;
    let poller = Poller::new(&stage.app.bus, async |task| rows(&task));
    poller.lease(&[]).await;
    let start = async |body| stage.app.post(&stage.ana, &stage.path("runs"), body).await;

    let reboot = json!({ "selector": "all", "command": "/system/reboot" });
    let grown = json!({ "selector": "all", "command": "/ip/address/print", "expect": 2 });
    let nobody = json!({ "selector": "name=nobody", "command": "/ip/address/print" });
    let wrong = json!({ "selector": "cpu>=", "command": "/ip/address/print" });
    let dry = json!({ "selector": "all", "command": "/ip/address/print", "dry_run": true });

    assert_eq!(start(reboot).await.refused(422).code, ErrorCode::Halted);
    assert_eq!(start(grown).await.refused(422).code, ErrorCode::Halted);
    start(nobody).await.refused(404);
    start(wrong).await.refused(400);
    assert_eq!(start(dry).await.ok::<Run>().targets, 1);
    assert!(poller.asked().is_empty());
}

#[tokio::test]
async fn no_more_devices_are_asked_at_once_than_was_said() {
    let stage = Stage::new().await;
    for n in 1..=6 {
        stage
            .add(&format!("edge-{n}"), &format!("10.0.0.{n}"))
            .await;
    }
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (busy, peak) = (Arc::clone(&now), Arc::clone(&most));
    let poller = Poller::new(&stage.app.bus, move |task| {
        let (busy, peak) = (Arc::clone(&busy), Arc::clone(&peak));
        async move {
            peak.fetch_max(busy.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(50)).await;
            busy.fetch_sub(1, Ordering::SeqCst);
            rows(&task)
        }
    });
    poller.lease(&[]).await;

    let body = json!({ "selector": "all", "command": "/ip/address/print", "parallel": 2 });
    stage
        .app
        .post(&stage.ana, &stage.path("runs"), body)
        .await
        .ok::<Run>();
    let detail = done(&stage).await;

    assert_eq!(detail.run.ok, 6);
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_run_whose_server_died_says_what_was_sent_and_what_was_not() {
    let stage = Stage::new().await;
    for n in 1..=3 {
        stage
            .add(&format!("edge-{n}"), &format!("10.0.0.{n}"))
            .await;
    }
    let poller = Poller::new(&stage.app.bus, async |_| std::future::pending().await);
    poller.lease(&[]).await;
    let body = json!({ "selector": "all", "command": "/ip/address/print", "parallel": 1 });
    stage
        .app
        .post(&stage.ana, &stage.path("runs"), body)
        .await
        .ok::<Run>();
    eventually(async || (poller.asked().len() == 1).then_some(())).await;

    stage.app.app.supervisor.kill();
    stage.app.hands.advance(Duration::from_mins(1));
    let other = stage.app.replica();
    start(&other).await;
    let detail = done(&stage).await;

    assert_eq!((detail.run.failed, detail.run.skipped), (1, 2));
    let failed = detail
        .results
        .iter()
        .find(|result| result.status == ResultStatus::Failed);
    assert!(
        failed
            .unwrap()
            .message
            .clone()
            .unwrap()
            .raw()
            .contains("may have been done")
    );
    assert_eq!(poller.asked().len(), 1, "nothing is sent twice");
    other.supervisor.kill();
}
