//! Leases: one holder for a device, and its password for the holder alone.

use std::time::Duration;

use serde_json::json;
use tod_proto::bus::sample::Observation;
use tod_proto::untrusted::Untrusted;
use tod_server::ingest;

use crate::fake::{Poller, Stage, answered};

#[tokio::test]
async fn a_poller_gets_the_device_and_its_password_sealed_for_itself() {
    let stage = Stage::new().await;
    let id = stage.add("edge", "10.0.0.1").await;
    let poller = Poller::idle(&stage.app.bus);

    let reply = poller.lease(&[]).await;

    let [assignment] = reply.assign.as_slice() else {
        panic!("{reply:?}");
    };
    assert_eq!((assignment.device, assignment.fence), (id, 1));
    assert_eq!(assignment.zone, "default");
    assert_eq!(poller.open(id, &assignment.sealed_password), "hunter2");
    assert!(!serde_json::to_string(&reply).unwrap().contains("hunter2"));
    let again = poller.lease(&[(id, assignment.revision)]).await;
    assert!(again.assign.is_empty() && again.withdraw.is_empty());
}

#[tokio::test]
async fn an_edit_comes_with_the_next_lease_and_a_deleted_device_is_withdrawn() {
    let stage = Stage::new().await;
    let id = stage.add("edge", "10.0.0.1").await;
    let poller = Poller::idle(&stage.app.bus);
    let before = poller.lease(&[]).await.assign.remove(0);
    let device = stage.path(&format!("devices/{id}"));

    let patch = json!({ "address": "10.0.0.2", "password": "new" });
    stage
        .app
        .patch(&stage.ana, &device, patch)
        .await
        .ok::<serde_json::Value>();
    let after = poller
        .lease(&[(id, before.revision)])
        .await
        .assign
        .remove(0);
    stage
        .app
        .delete(&stage.ana, &device)
        .await
        .ok::<serde_json::Value>();
    let gone = poller.lease(&[(id, after.revision)]).await;

    assert!(after.revision > before.revision);
    assert_eq!(
        (after.fence, after.address.as_str()),
        (before.fence, "10.0.0.2")
    );
    assert_eq!(poller.open(id, &after.sealed_password), "new");
    assert_eq!(gone.withdraw, [id]);
}

#[tokio::test]
async fn the_fence_grows_with_the_holder_and_the_word_of_the_old_one_is_ignored() {
    let stage = Stage::new().await;
    let id = stage.add("edge", "10.0.0.1").await;
    let (old, new) = (Poller::idle(&stage.app.bus), Poller::idle(&stage.app.bus));
    old.lease(&[]).await;
    assert!(new.lease(&[]).await.assign.is_empty(), "it is held");

    stage.app.hands.advance(Duration::from_secs(21));
    let taken = new.lease(&[]).await.assign.remove(0);
    let named = |name: &str| {
        answered(Observation {
            identity: Some(Untrusted::new(name)),
            ..Observation::default()
        })
    };
    let late = old.sample(stage.tenant, id, 1, stage.now(), named("late"));
    ingest::take(&stage.app.app, stage.tenant, &[late])
        .await
        .unwrap();
    let unmoved = stage.device(id).await;
    let good = new.sample(stage.tenant, id, 2, stage.now(), named("good"));
    ingest::take(&stage.app.app, stage.tenant, &[good])
        .await
        .unwrap();

    assert_eq!(taken.fence, 2);
    assert_eq!(unmoved.identity, None);
    assert_eq!(
        stage.device(id).await.identity,
        Some(Untrusted::new("good"))
    );
    assert_eq!(old.lease(&[(id, 1)]).await.withdraw, [id]);
}

#[tokio::test]
async fn a_poller_that_leaves_gives_everything_back_at_once() {
    let stage = Stage::new().await;
    stage.add("edge", "10.0.0.1").await;
    let (old, new) = (Poller::idle(&stage.app.bus), Poller::idle(&stage.app.bus));
    old.lease(&[]).await;

    old.leave().await;
    let taken = new.lease(&[]).await.assign.remove(0);

    assert_eq!(taken.fence, 2);
}

#[tokio::test]
async fn many_devices_come_in_pages() {
    let stage = Stage::new().await;
    let mut tx = stage.app.app.db.system("arrange a test").await.unwrap();
    let first = stage.add("edge-0", "10.0.0.1").await;
    sqlx::query(
        "insert into devices (tenant_id, id, name, address, port, ssh_port, tls, username, password,
                              zone, poll_seconds, created_at)
         select tenant_id, gen_random_uuid(), 'edge-' || n, '10.1.' || n / 250 || '.' || n % 250,
                port, ssh_port, tls, username, password, zone, poll_seconds, created_at
         from devices, generate_series(1, 300) n
         where id = $1",
    )
    .bind(first.0)
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let poller = Poller::idle(&stage.app.bus);

    // The copies' passwords are sealed for another row, so only the first can be given out.
    let page = poller.lease(&[]).await;

    assert!(page.more);
    assert!(page.assign.len() <= 250);
}
