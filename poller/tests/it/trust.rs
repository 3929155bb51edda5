//! TLS: pinned at first use, refused when it changes, and then no password is sent.

use tod_proto::api::devices::TlsMode;
use tod_proto::bus::sample::FailureKind;
use tod_service::supervisor::Supervisor;

use crate::fake::Fake;
use crate::harness::{Record, Setup, World, record, short_deadlines};

fn over_tls(fake: &Fake) -> Record {
    let mut record = record(fake.address);
    record.assignment.tls = TlsMode::Auto;
    record
}

async fn world() -> (World, Fake) {
    let setup = Setup {
        deadlines: short_deadlines(),
        ..Setup::default()
    };
    let world = World::start(setup);
    let fake = Fake::start(&world.supervisor).await;
    (world, fake)
}

fn fingerprint(certificate: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, certificate);
    hex::encode(digest)
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_trusted_once_and_reported() {
    let (mut world, fake) = world().await;
    let certificate = fake.new_certificate();
    let device = world.grant(&over_tls(&fake)).await;

    let pin = world.answered().await.tls_pin;

    assert_eq!(pin, Some(fingerprint(&certificate)));
    world
        .edit(device, |record| record.assignment.tls_pin = pin)
        .await;
    world
        .lease_request(|request| request.holds == [(device, 2)])
        .await;
    world.forget_samples();
    world.answered().await;
    assert_eq!(world.answered().await.tls_pin, None);
    assert_eq!(fake.logins(), 1, "pinning what was seen keeps the session");
}

#[tokio::test]
async fn a_changed_certificate_gets_no_password() {
    let (mut world, fake) = world().await;
    fake.new_certificate();
    let mut pinned = over_tls(&fake);
    pinned.assignment.tls_pin = Some("00".repeat(32));
    world.grant(&pinned).await;

    let failure = world.failed().await;

    assert_eq!(failure.kind, FailureKind::TrustMismatch);
    assert!(fake.connections() > 0);
    assert_eq!(fake.logins(), 0);
}

#[tokio::test]
async fn what_was_trusted_at_first_use_holds_before_the_server_has_pinned_it() {
    let (mut world, fake) = world().await;
    fake.new_certificate();
    fake.behave(crate::fake::Manner::Leaving);
    world.grant(&over_tls(&fake)).await;
    world.answered().await;

    fake.new_certificate();

    assert_eq!(world.failed().await.kind, FailureKind::TrustMismatch);
    assert_eq!(fake.logins(), 1);
}

#[tokio::test]
async fn forgetting_the_pin_trusts_the_next_certificate() {
    let (mut world, fake) = world().await;
    let certificate = fake.new_certificate();
    let mut pinned = over_tls(&fake);
    pinned.assignment.tls_pin = Some("00".repeat(32));
    let device = world.grant(&pinned).await;
    world.failed().await;

    world
        .edit(device, |record| record.assignment.tls_pin = None)
        .await;

    assert_eq!(
        world.answered().await.tls_pin,
        Some(fingerprint(&certificate))
    );
}

#[tokio::test]
async fn a_device_that_must_be_verified_is_not_trusted_at_first_use() {
    let (mut world, fake) = world().await;
    fake.new_certificate();
    let mut verified = over_tls(&fake);
    verified.assignment.tls = TlsMode::Verified;
    world.grant(&verified).await;

    assert_eq!(world.failed().await.kind, FailureKind::TrustMismatch);
    assert_eq!(fake.logins(), 0);
}

#[tokio::test]
async fn an_authority_vouches_for_a_name_and_for_a_time() {
    for (name, until, is_trusted) in [
        ("127.0.0.1", 4000, true),
        ("127.0.0.2", 4000, false),
        ("127.0.0.1", 2020, false),
    ] {
        let supervisor = Supervisor::new();
        let fake = Fake::start(&supervisor).await;
        let authorities = vec![fake.certificate_for(name, until)];
        let mut world = World::start(Setup {
            deadlines: short_deadlines(),
            authorities,
            ..Setup::default()
        });
        let mut verified = over_tls(&fake);
        verified.assignment.tls = TlsMode::Verified;
        world.grant(&verified).await;

        if is_trusted {
            assert_eq!(world.answered().await.tls_pin, None);
        } else {
            assert_eq!(world.failed().await.kind, FailureKind::TrustMismatch);
            assert_eq!(fake.logins(), 0, "{name} {until}");
        }
        supervisor.kill();
    }
}

#[tokio::test]
async fn a_device_without_tls_gets_no_password_when_tls_is_wanted() {
    let (mut world, fake) = world().await;
    world.grant(&over_tls(&fake)).await;

    let failure = world.failed().await;

    assert_eq!(failure.kind, FailureKind::Protocol);
    assert_eq!(fake.logins(), 0);
}
