//! Leases: taken, edited, withdrawn, lapsed, given back; and which addresses they may name.

use std::time::Duration;

use tod_proto::bus::sample::FailureKind;
use tod_proto::bus::task::{Report, What};
use tod_proto::error::ErrorCode;

use crate::fake::Fake;
use crate::harness::{Setup, World, record, short_deadlines};

#[tokio::test]
async fn an_edit_of_the_address_is_felt_at_once() {
    let mut world = World::start(Setup::default());
    let (old, new) = (
        Fake::start(&world.supervisor).await,
        Fake::start(&world.supervisor).await,
    );
    let mut slow = record(old.address);
    slow.assignment.poll_seconds = 3600;
    let device = world.grant(&slow).await;
    world.answered().await;

    world
        .edit(device, |record| record.assignment.port = new.address.port())
        .await;

    world.answered().await;
    assert_eq!((old.logins(), new.logins()), (1, 1));
}

#[tokio::test]
async fn an_edit_that_does_not_touch_the_contact_keeps_the_session() {
    let mut world = World::start(Setup::default());
    let fake = Fake::start(&world.supervisor).await;
    let device = world.grant(&record(fake.address)).await;
    world.answered().await;

    world
        .edit(device, |record| {
            record.assignment.name = "renamed".to_owned();
        })
        .await;
    world
        .lease_request(|request| request.holds == [(device, 2)])
        .await;

    world.forget_samples();
    world.answered().await;
    assert_eq!(fake.logins(), 1);
}

#[tokio::test]
async fn a_withdrawn_device_is_let_go_of_at_once() {
    let mut world = World::start(Setup::default());
    let fake = Fake::start(&world.supervisor).await;
    let device = world.grant(&record(fake.address)).await;
    world.answered().await;

    world.withdraw(device).await;
    world.forget_requests();
    world
        .lease_request(|request| request.holds.is_empty())
        .await;

    let report = world.ask_under(device, 7, What::Poll).await;
    assert!(matches!(&report, Report::Failed(failure) if failure.code == ErrorCode::Unavailable));
}

#[tokio::test]
async fn without_an_answer_from_a_server_leases_lapse_and_come_back() {
    let setup = Setup {
        ttl_seconds: 1,
        ..Setup::default()
    };
    let mut world = World::start(setup);
    let fake = Fake::start(&world.supervisor).await;
    let device = world.grant(&record(fake.address)).await;
    world.answered().await;

    world.set_away(true);
    let is_gone = async {
        while !matches!(world.ask(device, What::Poll).await, Report::Failed(_)) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    crate::harness::within(is_gone).await;
    let before = fake.bursts();
    world.forget_samples();

    world.set_away(false);
    world.answered().await;
    assert_eq!(fake.logins(), 2);
    assert!(fake.bursts() > before, "it is polled again");
}

#[tokio::test]
async fn a_stopping_poller_gives_everything_back() {
    let mut world = World::start(Setup::default());
    let fake = Fake::start(&world.supervisor).await;
    let device = world.grant(&record(fake.address)).await;
    world.answered().await;

    world.stop();

    world
        .lease_request(|request| request.leaving && request.holds == [(device, 1)])
        .await;
}

#[tokio::test]
async fn an_address_outside_the_networks_of_the_zone_is_never_connected() {
    let setup = Setup {
        networks: vec!["0.0.0.0/0".to_owned()],
        deadlines: short_deadlines(),
        ..Setup::default()
    };
    let mut world = World::start(setup);
    let fake = Fake::start(&world.supervisor).await;
    world.grant(&record(fake.address)).await;

    let failure = world.failed().await;

    assert_eq!(failure.kind, FailureKind::AddressRefused);
    assert_eq!(fake.connections(), 0);
}

#[tokio::test]
async fn a_name_that_resolves_to_this_machine_is_refused_too() {
    let setup = Setup {
        networks: vec!["0.0.0.0/0".to_owned(), "::/0".to_owned()],
        ..Setup::default()
    };
    let mut world = World::start(setup);
    let fake = Fake::start(&world.supervisor).await;
    let mut named = record(fake.address);
    "localhost".clone_into(&mut named.assignment.address);
    world.grant(&named).await;

    assert_eq!(world.failed().await.kind, FailureKind::AddressRefused);
    assert_eq!(fake.connections(), 0);
}

#[tokio::test]
async fn an_assignment_that_cannot_be_taken_says_why_and_does_not_come_again() {
    let mut world = World::start(Setup::default());
    let fake = Fake::start(&world.supervisor).await;
    let mut foreign = record(fake.address);
    "elsewhere".clone_into(&mut foreign.assignment.zone);
    let device = world.grant(&foreign).await;

    let failure = world.failed().await;

    assert_eq!(failure.kind, FailureKind::Other);
    assert!(failure.message.raw().contains("elsewhere"), "{failure:?}");
    world
        .lease_request(|request| request.holds == [(device, 1)])
        .await;
    assert_eq!(fake.connections(), 0);

    world
        .edit(device, |record| {
            "lab".clone_into(&mut record.assignment.zone);
        })
        .await;
    world.answered().await;
}
