//! Followers of the fleet, of events and of runs, on any server.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tod_proto::bus::FleetNotice;
use tod_proto::bus::sample::Observation;
use tod_proto::bus::task::Report;
use tod_proto::id::DeviceId;
use tod_server::ingest;
use tower::ServiceExt as _;

use crate::fake::{Poller, SOON, Stage, answered, start};
use crate::harness::Person;

/// A stream of server-sent events.
struct Sse {
    body: Body,
    text: String,
}

impl Sse {
    async fn open(router: Router, who: &Person, path: &str, last: Option<&str>) -> Self {
        let mut request = Request::builder()
            .uri(path)
            .header("authorization", format!("Bearer {}", who.token));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = router
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        Self {
            body: response.into_body(),
            text: String::new(),
        }
    }

    /// The next item, with its cursor; nothing when the stream has ended.
    async fn next(&mut self) -> Option<(Option<String>, Value)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| {
                    event
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .map(str::to_owned)
                };
                if let Some(data) = field("data: ") {
                    return Some((field("id: "), serde_json::from_str(&data).unwrap()));
                }
                continue;
            }
            let frame = tokio::time::timeout(SOON, self.body.frame())
                .await
                .unwrap()?;
            let data = frame.unwrap().into_data().unwrap();
            self.text.push_str(std::str::from_utf8(&data).unwrap());
        }
    }
}

async fn leased(stage: &Stage) -> (Poller, DeviceId) {
    let id = stage.add("edge", "10.0.0.1").await;
    let poller = Poller::idle(&stage.app.bus);
    poller.lease(&[]).await;
    (poller, id)
}

async fn sample(stage: &Stage, poller: &Poller, id: DeviceId) {
    let seen = answered(Observation {
        cpu_percent: Some(42.0),
        ..Observation::default()
    });
    let sample = poller.sample(stage.tenant, id, 1, stage.now(), seen);
    ingest::take(&stage.app.app, stage.tenant, &[sample])
        .await
        .unwrap();
}

#[tokio::test]
async fn a_poll_is_seen_by_followers_on_every_server() {
    let stage = Stage::new().await;
    let (poller, id) = leased(&stage).await;
    let other = stage.app.replica();
    start(&other).await;
    let path = stage.path("devices/follow");
    let mut here = Sse::open(stage.app.router(), &stage.ana, &path, None).await;
    let mut there = Sse::open(other.router(), &stage.ana, &path, None).await;

    let polls = async {
        loop {
            stage.app.hands.advance(Duration::from_millis(1));
            sample(&stage, &poller, id).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let told = async {
        for stream in [&mut here, &mut there] {
            let mut item = stream.next().await.unwrap().1;
            // The addition may still have been on its way.
            while item["device"]["cpu_percent"] != 42.0 {
                item = stream.next().await.unwrap().1;
            }
            assert_eq!(item["type"], "device");
            assert_eq!(item["device"]["id"], id.to_string());
        }
    };
    tokio::select! {
        () = told => {}
        () = polls => {}
    }
    let device = stage.path(&format!("devices/{id}"));
    stage.app.delete(&stage.ana, &device).await.ok::<Value>();
    let mut item = here.next().await.unwrap().1;
    while item["type"] == "device" {
        item = here.next().await.unwrap().1;
    }
    assert_eq!(item, json!({ "type": "deleted", "device": id.to_string() }));
    other.supervisor.kill();
}

#[tokio::test]
async fn another_tenants_devices_are_not_followed() {
    let stage = Stage::new().await;
    let (poller, id) = leased(&stage).await;
    let foreign = stage.app.tenant("rival").await;
    let eve = stage
        .app
        .member(foreign, tod_proto::endpoint::Role::Admin)
        .await;
    let path = format!("/api/tenants/{foreign}/devices/follow");
    let mut stream = Sse::open(stage.app.router(), &eve, &path, None).await;

    sample(&stage, &poller, id).await;
    // Whoever forges a notice gets no more than the database lets them see.
    let forged = FleetNotice::Devices {
        tenant: foreign,
        devices: vec![id],
    };
    stage.app.app.tell(&forged).await;

    let silent = tokio::time::timeout(Duration::from_secs(1), stream.next()).await;
    assert!(silent.is_err(), "{silent:?}");
}

#[tokio::test]
async fn a_follower_of_events_resumes_where_it_was() {
    let stage = Stage::new().await;
    let (poller, id) = leased(&stage).await;
    let path = stage.path("events/follow?after=0");
    let mut stream = Sse::open(stage.app.router(), &stage.ana, &path, None).await;
    let (first, added) = stream.next().await.unwrap();
    assert_eq!(added["type"], "device.added");
    drop(stream);

    sample(&stage, &poller, id).await;
    let mut stream = Sse::open(stage.app.router(), &stage.ana, &path, first.as_deref()).await;
    let (second, online) = stream.next().await.unwrap();

    assert_eq!(
        (online["type"].as_str(), online["to"].as_str()),
        (Some("device.status"), Some("online"))
    );
    assert_eq!(
        (first.as_deref(), second.as_deref()),
        (Some("1"), Some("2"))
    );
    stage.add("core", "10.0.0.2").await;
    assert_eq!(stream.next().await.unwrap().1["device_name"], "core");
}

#[tokio::test]
async fn a_run_is_followed_to_its_end_and_again_from_the_start() {
    let stage = Stage::new().await;
    stage.add("edge-1", "10.0.0.1").await;
    stage.add("edge-2", "10.0.0.2").await;
    let poller = Poller::new(&stage.app.bus, async |_| Report::Command {
        rows: Vec::new(),
        ret: None,
        truncated: false,
        duration_ms: 1,
    });
    poller.lease(&[]).await;
    let body = json!({ "selector": "all", "command": "/ip/address/print" });
    stage
        .app
        .post(&stage.ana, &stage.path("runs"), body)
        .await
        .ok::<Value>();

    for _ in 0..2 {
        let path = stage.path("runs/1/follow");
        let mut stream = Sse::open(stage.app.router(), &stage.ana, &path, None).await;
        let mut types = Vec::new();
        while let Some((_, item)) = stream.next().await {
            types.push(item["type"].as_str().unwrap().to_owned());
        }
        assert_eq!(types, ["result", "result", "finished"]);
    }
}
