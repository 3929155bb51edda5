//! From what a poller saw to what people see.

use std::time::Duration;

use tod_proto::api::devices::{Interface, Point, Status};
use tod_proto::api::events::Event;
use tod_proto::bus::sample::{FailureKind, InterfaceCounters, Observation};
use tod_proto::id::DeviceId;
use tod_proto::page::Page;
use tod_proto::untrusted::Untrusted;
use tod_server::ingest;
use tod_server::reconcile::{Rollups, Stale};
use tod_service::reconcile::Reconcile as _;

use crate::fake::{Poller, Stage, answered, eventually, failed};

async fn leased(stage: &Stage) -> (Poller, DeviceId) {
    let id = stage.add("edge", "10.0.0.1").await;
    let poller = Poller::idle(&stage.app.bus);
    poller.lease(&[]).await;
    (poller, id)
}

fn seen(uptime: u64, rx_bytes: u64) -> Observation {
    Observation {
        identity: Some(Untrusted::new("edge\0\x1b[2J")),
        version: Some(Untrusted::new("7.15.3")),
        uptime_seconds: Some(uptime),
        cpu_percent: Some(12.0),
        mem_free_bytes: Some(25),
        mem_total_bytes: Some(100),
        interfaces: Some(vec![InterfaceCounters {
            name: Untrusted::new("ether1"),
            kind: Untrusted::new("ether"),
            running: true,
            rx_bytes: Some(rx_bytes),
            tx_bytes: Some(0),
            ..InterfaceCounters::default()
        }]),
        tls_pin: Some("ab".repeat(32)),
        ..Observation::default()
    }
}

async fn events(stage: &Stage) -> Vec<Event> {
    let page: Page<Event> = stage.app.get(&stage.ana, &stage.path("events")).await.ok();
    page.items
}

async fn points(stage: &Stage, id: DeviceId, metric: &str) -> Vec<Point> {
    let path = stage.path(&format!("devices/{id}/series?metric={metric}"));
    let page: Page<Point> = stage.app.get(&stage.ana, &path).await.ok();
    page.items
}

#[tokio::test]
async fn a_sample_on_the_bus_is_what_people_see() {
    let stage = Stage::new().await;
    let (poller, id) = leased(&stage).await;
    let first = poller.sample(stage.tenant, id, 1, stage.now(), answered(seen(100, 0)));

    stage.publish(&first).await;
    let device = eventually(async || {
        let device = stage.device(id).await;
        (device.status == Status::Online).then_some(device)
    })
    .await;

    assert_eq!(device.identity, Some(Untrusted::new("edge\x1b[2J")));
    assert_eq!(
        (device.cpu_percent, device.mem_percent),
        (Some(12.0), Some(75.0))
    );
    assert_eq!((device.poll_ms, device.logins_today), (Some(7), 1));
    assert_eq!((device.seen_at, device.rx_bps), (Some(first.at), None));
    let events = events(&stage).await;
    assert_eq!(events.last().unwrap().kind, "device.status");
    // What was trusted at first use comes back with the lease.
    let assignment = poller.lease(&[(id, 1)]).await.assign.remove(0);
    assert_eq!(assignment.tls_pin, Some("ab".repeat(32)));
}

#[tokio::test]
async fn a_sample_counts_once_and_a_reset_counter_gives_no_rate() {
    let stage = Stage::new().await;
    let (poller, id) = leased(&stage).await;
    let mut samples = Vec::new();
    for (uptime, rx) in [(100, 0), (110, 1250), (5, 10)] {
        samples.push(poller.sample(stage.tenant, id, 1, stage.now(), answered(seen(uptime, rx))));
        stage.app.hands.advance(Duration::from_secs(10));
    }

    for _ in 0..3 {
        ingest::take(&stage.app.app, stage.tenant, &samples[..2])
            .await
            .unwrap();
    }
    let rated = stage.device(id).await;
    let points_rated = points(&stage, id, "rx").await;
    ingest::take(&stage.app.app, stage.tenant, &samples)
        .await
        .unwrap();
    let reset = stage.device(id).await;

    assert_eq!(rated.rx_bps, Some(1000));
    assert_eq!(
        points_rated,
        [Point {
            at: samples[1].at,
            value: 1000.0
        }]
    );
    assert_eq!(points(&stage, id, "iface:ether1:rx").await.len(), 1);
    assert_eq!(points(&stage, id, "cpu").await.len(), 3);
    assert_eq!((rated.logins_today, reset.logins_today), (2, 3));
    assert_eq!(reset.rx_bps, None);
    let kinds: Vec<_> = events(&stage)
        .await
        .into_iter()
        .map(|event| event.kind)
        .collect();
    assert_eq!(kinds, ["device.added", "device.status", "device.rebooted"]);
}

#[tokio::test]
async fn two_lost_polls_are_an_outage_and_interfaces_that_are_gone_vanish() {
    let stage = Stage::new().await;
    let (poller, id) = leased(&stage).await;
    let mut gone = seen(110, 1);
    gone.interfaces = Some(Vec::new());
    let lost = || failed(FailureKind::Timeout, "no answer in 10 s");
    let mut statuses = Vec::new();
    for outcome in [answered(seen(100, 0)), answered(gone), lost(), lost()] {
        let sample = poller.sample(stage.tenant, id, 1, stage.now(), outcome);
        ingest::take(&stage.app.app, stage.tenant, &[sample])
            .await
            .unwrap();
        statuses.push(stage.device(id).await.status);
        stage.app.hands.advance(Duration::from_secs(10));
    }

    let (up, down) = (Status::Online, Status::Offline);
    assert_eq!(statuses, [up, up, up, down]);
    let device = stage.device(id).await;
    assert_eq!(
        device.status_reason,
        Some(Untrusted::new("no answer in 10 s"))
    );
    let path = stage.path(&format!("devices/{id}/interfaces"));
    let interfaces: Page<Interface> = stage.app.get(&stage.ana, &path).await.ok();
    assert_eq!(interfaces.items, []);
}

#[tokio::test]
async fn a_device_that_nobody_holds_is_unknown_and_says_why() {
    let stage = Stage::new().await;
    let (poller, id) = leased(&stage).await;
    stage.poll(&poller, id).await;
    let mut stale = Stale::new(stage.app.app.clone());
    assert_eq!(stale.run().await.unwrap(), 0);

    stage.app.hands.advance(Duration::from_secs(40));
    stale.run().await.unwrap();

    let device = stage.device(id).await;
    assert_eq!(device.status, Status::Unknown);
    assert!(device.status_reason.unwrap().raw().contains("zone default"));
    assert_eq!(stale.run().await.unwrap(), 0, "it is said once");
}

#[tokio::test]
async fn values_are_rolled_up_and_rolling_up_twice_changes_nothing() {
    let stage = Stage::new().await;
    let (poller, id) = leased(&stage).await;
    let mut sent = Vec::new();
    for load in [10.0, 20.0, 60.0] {
        let seen = Observation {
            cpu_percent: Some(load),
            ..Observation::default()
        };
        sent.push(poller.sample(stage.tenant, id, 1, stage.now(), answered(seen)));
        stage.app.hands.advance(Duration::from_mins(7));
    }
    ingest::take(&stage.app.app, stage.tenant, &sent)
        .await
        .unwrap();
    let mut rollups = Rollups::new(stage.app.app.clone());

    rollups.run().await.unwrap();
    rollups.run().await.unwrap();

    let mut conn = stage.app.superuser().await;
    let (rows, mean): (i64, f64) =
        sqlx::query_as("select count(*), avg(mean) from rollups_5m where series = 'cpu'")
            .fetch_one(&mut conn)
            .await
            .unwrap();
    assert_eq!((rows, mean), (3, 30.0));
}
