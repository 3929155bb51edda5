//! Ways to the API beside TLS with a certificate: without one, and inside SSH.

use russh::Preferred;
use tod_proto::api::devices::TlsMode;
use tod_proto::bus::sample::FailureKind;

use crate::fake::{Fake, Manner};
use crate::harness::{Record, Setup, World, record, short_deadlines};
use crate::ssh::SshDoor;

async fn world() -> (World, Fake) {
    let setup = Setup {
        deadlines: short_deadlines(),
        ..Setup::default()
    };
    World::start(setup).with_fake().await
}

fn by(mode: TlsMode, fake: &Fake) -> Record {
    let mut record = record(fake.address);
    record.assignment.tls = mode;
    record
}

#[tokio::test]
async fn a_device_without_a_certificate_is_polled_and_nothing_is_pinned() {
    for suites in [
        "ADH-AES256-GCM-SHA384:@SECLEVEL=0",
        "ADH-AES128-SHA256:@SECLEVEL=0",
        "AECDH-AES256-SHA:@SECLEVEL=0",
    ] {
        let (mut world, fake) = world().await;
        fake.be_anonymous(suites);
        world.grant(&by(TlsMode::Anonymous, &fake)).await;

        let seen = world.answered().await;

        assert_eq!(seen.identity, Some("core".into()), "{suites}");
        assert_eq!((seen.tls_pin, seen.ssh_pin), (None, None));
        assert_eq!(fake.logins(), 1);
    }
}

#[tokio::test]
async fn a_device_that_is_to_prove_itself_gets_no_password_without_a_certificate() {
    for mode in [TlsMode::Auto, TlsMode::Verified, TlsMode::Pinned] {
        let (mut world, fake) = world().await;
        fake.be_anonymous("ADH:AECDH:@SECLEVEL=0");
        world.grant(&by(mode, &fake)).await;

        assert_eq!(world.failed().await.kind, FailureKind::Protocol);
        assert_eq!(fake.logins(), 0, "{mode:?}");
    }
}

#[tokio::test]
async fn an_anonymous_session_is_not_made_with_a_device_that_has_a_certificate() {
    let (mut world, fake) = world().await;
    fake.new_certificate();
    world.grant(&by(TlsMode::Anonymous, &fake)).await;

    let failure = world.failed().await;

    assert_eq!(failure.kind, FailureKind::Protocol);
    assert!(failure.message.raw().contains("anonymous"), "{failure:?}");
    assert_eq!(fake.logins(), 0);
}

#[tokio::test]
async fn a_silent_device_does_not_hold_up_an_anonymous_session() {
    let (mut world, fake) = world().await;
    fake.behave(Manner::Silent);
    world.grant(&by(TlsMode::Anonymous, &fake)).await;

    assert_eq!(world.failed().await.kind, FailureKind::Protocol);
    assert_eq!(fake.logins(), 0);
}

async fn inside_ssh(world: &World, fake: &Fake) -> (SshDoor, Record) {
    let door = SshDoor::start(&world.supervisor, Preferred::DEFAULT).await;
    let mut record = by(TlsMode::Ssh, fake);
    record.assignment.ssh_port = door.address.port();
    (door, record)
}

#[tokio::test]
async fn the_api_inside_ssh_pins_the_host_key_and_keeps_its_session() {
    let (mut world, fake) = world().await;
    let (door, record) = inside_ssh(&world, &fake).await;
    let device = world.grant(&record).await;

    let seen = world.answered().await;

    assert_eq!(seen.identity, Some("core".into()));
    assert_eq!(seen.tls_pin, None);
    assert_eq!(seen.ssh_pin, Some(door.fingerprint()));
    world
        .edit(device, |record| record.assignment.ssh_pin = seen.ssh_pin)
        .await;
    world
        .lease_request(|request| request.holds == [(device, 2)])
        .await;
    world.forget_samples();
    world.answered().await;
    assert_eq!(world.answered().await.ssh_pin, None);
    assert_eq!((fake.logins(), door.passwords()), (1, 1));
}

#[tokio::test]
async fn a_changed_host_key_gets_no_password() {
    let (mut world, fake) = world().await;
    let (door, mut record) = inside_ssh(&world, &fake).await;
    record.assignment.ssh_pin = Some(door.fingerprint());
    door.new_key();
    world.grant(&record).await;

    assert_eq!(world.failed().await.kind, FailureKind::TrustMismatch);
    assert_eq!((fake.connections(), door.passwords()), (0, 0));
}

#[tokio::test]
async fn a_device_that_forwards_nothing_says_so() {
    let (mut world, fake) = world().await;
    let (door, record) = inside_ssh(&world, &fake).await;
    door.forward_nothing();
    world.grant(&record).await;

    let failure = world.failed().await;

    assert_eq!(failure.kind, FailureKind::Protocol);
    assert!(failure.message.raw().contains("forward"), "{failure:?}");
    assert_eq!(fake.connections(), 0);
}

#[tokio::test]
async fn a_wrong_password_over_ssh_is_a_refused_login() {
    let (mut world, fake) = world().await;
    let (door, mut record) = inside_ssh(&world, &fake).await;
    "other".clone_into(&mut record.password);
    world.grant(&record).await;

    assert_eq!(world.failed().await.kind, FailureKind::LoginRefused);
    assert_eq!((fake.connections(), door.passwords()), (0, 1));
}
