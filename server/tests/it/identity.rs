//! A device is known by its serial number: another one at its address is not written to.

use serde_json::json;
use tod_proto::api::devices::{Device, Status};
use tod_proto::api::runs::{ResultStatus, Run, RunDetail, RunState};
use tod_proto::bus::sample::Observation;
use tod_proto::bus::task::Report;
use tod_proto::error::ErrorCode;
use tod_proto::id::DeviceId;
use tod_proto::untrusted::Untrusted;

use crate::fake::{Poller, Stage, answered, eventually};

/// Lets a poll say which serial number answers.
async fn seen(stage: &Stage, poller: &Poller, id: DeviceId, serial: &str) -> Device {
    stage.app.hands.advance(std::time::Duration::from_secs(10));
    poller.lease(&[(id, 1)]).await;
    let observation = Observation {
        serial: Some(Untrusted::new(serial)),
        uptime_seconds: Some(1000),
        ..Observation::default()
    };
    let sample = poller.sample(stage.tenant, id, 1, stage.now(), answered(observation));
    stage.publish(&sample).await;
    eventually(async || {
        let device = stage.device(id).await;
        (device.seen_at == Some(sample.at)).then_some(device)
    })
    .await
}

async fn run(stage: &Stage, command: &str) -> RunDetail {
    let body = json!({ "selector": "all", "command": command });
    let run: Run = stage
        .app
        .post(&stage.ana, &stage.path("runs"), body)
        .await
        .ok();
    let path = stage.path(&format!("runs/{}", run.number));
    eventually(async || {
        let detail: RunDetail = stage.app.get(&stage.ana, &path).await.ok();
        (detail.run.state == RunState::Finished).then_some(detail)
    })
    .await
}

#[tokio::test]
async fn another_device_at_the_address_is_watched_and_not_written_to_until_it_is_accepted() {
    let stage = Stage::new().await;
    let id = stage.add("edge", "10.0.0.1").await;
    let poller = Poller::new(&stage.app.bus, |_| {
        std::future::ready(Report::Command {
            rows: Vec::new(),
            ret: None,
            truncated: false,
            duration_ms: 1,
        })
    });
    poller.lease(&[]).await;
    let before = seen(&stage, &poller, id, "AAA").await;
    assert_eq!((before.status, before.other_serial), (Status::Online, None));

    let other = seen(&stage, &poller, id, "BBB").await;

    assert_eq!(other.status, Status::Degraded);
    assert_eq!(other.serial, Some(Untrusted::new("AAA")));
    assert_eq!(other.other_serial, Some(Untrusted::new("BBB")));
    let change = json!({ "device": id, "script": "/ip dns set servers=9.9.9.9" });
    let apply = async || {
        let path = stage.path("changes");
        stage.app.post(&stage.ana, &path, change.clone()).await
    };
    let refused = apply().await.refused(422);
    assert_eq!(refused.code, ErrorCode::Halted);
    assert!(refused.message.contains("BBB"), "{refused:?}");
    // Reading it is how a person finds out what it is.
    let read = run(&stage, "/system/identity/print").await;
    assert_eq!(read.results[0].status, ResultStatus::Ok);
    let written = run(&stage, "/system/identity/set").await;
    assert_eq!(written.results[0].status, ResultStatus::Skipped);
    assert_eq!(poller.asked().len(), 1);

    let accept = async |serial: &str| {
        let path = stage.path(&format!("devices/{id}/accept"));
        let body = json!({ "serial": serial });
        stage.app.post(&stage.ana, &path, body).await
    };
    accept("CCC").await.refused(409);
    let accepted: Device = accept("BBB").await.ok();
    assert_eq!(accepted.serial, Some(Untrusted::new("BBB")));
    assert_eq!(accepted.other_serial, None);
    assert!(apply().await.status.is_success());
    let after = seen(&stage, &poller, id, "BBB").await;
    assert_eq!((after.status, after.other_serial), (Status::Online, None));
}

#[tokio::test]
async fn a_device_that_comes_back_is_itself_again() {
    let stage = Stage::new().await;
    let id = stage.add("edge", "10.0.0.1").await;
    let poller = Poller::idle(&stage.app.bus);
    poller.lease(&[]).await;
    seen(&stage, &poller, id, "AAA").await;
    seen(&stage, &poller, id, "BBB").await;

    let back = seen(&stage, &poller, id, "AAA").await;

    assert_eq!((back.status, back.other_serial), (Status::Online, None));
}
