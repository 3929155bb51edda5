//! Polling: one login, one round trip, and what misbehaving devices cost.

use tod_proto::bus::sample::FailureKind;
use tod_proto::bus::task::{Report, What};

use crate::fake::{Fake, Manner};
use crate::harness::{Setup, World, record, short_deadlines, until};

async fn world() -> (World, Fake) {
    let setup = Setup {
        deadlines: short_deadlines(),
        ..Setup::default()
    };
    let world = World::start(setup);
    let fake = Fake::start(&world.supervisor).await;
    (world, fake)
}

#[tokio::test]
async fn a_poll_is_one_round_trip_and_all_polls_share_one_login() {
    let (mut world, fake) = World::start(Setup::default()).with_fake().await;
    world.grant(&record(fake.address)).await;

    let mut logins = 0;
    for _ in 0..4 {
        let sample = world.sample().await;
        assert_eq!(sample.fence, 7);
        logins += sample.logins;
    }

    assert_eq!(logins, 1);
    assert_eq!(
        (fake.connections(), fake.logins(), fake.bursts()),
        (1, 1, 4)
    );
}

#[tokio::test]
async fn a_poll_tells_what_the_device_said() {
    let (mut world, fake) = world().await;
    world.grant(&record(fake.address)).await;

    let seen = world.answered().await;

    assert_eq!(seen.identity, Some("core".into()));
    assert_eq!(seen.version, Some("7.20.8".into()));
    assert_eq!(seen.uptime_seconds, Some(93_600));
    assert_eq!(seen.interfaces.unwrap()[0].rx_bytes, Some(10));
    assert_eq!(seen.problems, []);
}

#[tokio::test]
async fn what_a_device_can_do_is_asked_once_and_again_after_an_upgrade() {
    let (mut world, fake) = World::start(Setup::default()).with_fake().await;
    fake.lose("/system/routerboard");
    world.grant(&record(fake.address)).await;
    for _ in 0..3 {
        assert_eq!(world.answered().await.problems, []);
    }
    let asks = |burst: &[String], path: &str| burst.iter().filter(|p| *p == path).count();
    let polls = fake.asked();
    assert_eq!(asks(&polls[0], "/system/package/print"), 1);
    assert_eq!(asks(&polls[0], "/system/routerboard/print"), 2);
    for poll in &polls[1..3] {
        assert_eq!(asks(poll, "/system/package/print"), 0);
        assert_eq!(asks(poll, "/system/routerboard/print"), 0);
    }

    fake.upgrade("7.22.3 (stable)");
    while world.answered().await.version != Some("7.22.3".into()) {}
    let before = fake.bursts();
    world.answered().await;

    let again = &fake.asked()[before..];
    assert!(
        again
            .iter()
            .any(|poll| asks(poll, "/system/package/print") == 1)
    );
    assert_eq!(fake.logins(), 1);
}

#[tokio::test]
async fn an_evil_name_arrives_whole_and_prints_harmless() {
    let (mut world, fake) = world().await;
    fake.rename("a\u{1b}]0;owned\u{7}\u{202e}b".as_bytes());
    world.grant(&record(fake.address)).await;

    let identity = world.answered().await.identity.unwrap();

    assert_eq!(identity.raw(), "a\u{1b}]0;owned\u{7}\u{202e}b");
    assert!(!identity.to_string().contains('\u{1b}'));
}

#[tokio::test]
async fn each_kind_of_misbehaviour_fails_by_its_kind_and_within_its_deadline() {
    for (manner, kind) in [
        (Manner::Silent, FailureKind::Timeout),
        (Manner::SilentAfterLogin, FailureKind::Timeout),
        (Manner::Shell, FailureKind::Timeout),
        (Manner::Web, FailureKind::Closed),
        (Manner::Garbage, FailureKind::Protocol),
        (Manner::HugeWord, FailureKind::Protocol),
        (Manner::Drip, FailureKind::Timeout),
        (Manner::Endless, FailureKind::Protocol),
        (Manner::Empty, FailureKind::Protocol),
    ] {
        let (mut world, fake) = world().await;
        fake.behave(manner);
        world.grant(&record(fake.address)).await;

        let failure = world.failed().await;

        let is_expected = failure.kind == kind
            // A flood ends by its size or by its time, whatever comes first.
            || matches!(manner, Manner::Endless | Manner::Empty)
                && failure.kind == FailureKind::Timeout;
        assert!(is_expected, "{manner:?}: {failure:?}");
        assert_eq!(failure.failures, 1);
        assert_eq!(failure.retry_seconds, None);
    }
}

#[tokio::test]
async fn a_sick_device_does_not_hold_up_a_healthy_one() {
    let (mut world, healthy) = world().await;
    for manner in [Manner::Silent, Manner::Drip, Manner::Empty] {
        let sick = Fake::start(&world.supervisor).await;
        sick.behave(manner);
        world.grant(&record(sick.address)).await;
    }
    let device = world.grant(&record(healthy.address)).await;

    until("the healthy device is polled three times", || {
        healthy.bursts() >= 3
    })
    .await;

    loop {
        let sample = world.sample().await;
        if sample.device == device {
            break;
        }
    }
    assert_eq!(healthy.logins(), 1);
}

#[tokio::test]
async fn a_device_that_hangs_up_between_polls_is_signed_in_to_again() {
    let (mut world, fake) = world().await;
    fake.behave(Manner::Leaving);
    world.grant(&record(fake.address)).await;
    world.answered().await;

    fake.behave(Manner::Good);

    world.answered().await;
    world.answered().await;
    assert_eq!(fake.logins(), 2);
}

#[tokio::test]
async fn three_refused_logins_are_the_last_until_the_record_changes() {
    let (mut world, fake) = world().await;
    fake.behave(Manner::Refusing);
    let device = world.grant(&record(fake.address)).await;
    for count in 1..=3 {
        let failure = world.failed().await;
        assert_eq!(failure.kind, FailureKind::LoginRefused);
        assert_eq!(failure.failures, count);
    }

    let report = world.ask(device, What::Poll).await;

    assert!(matches!(report, Report::Failed(_)), "{report:?}");
    assert_eq!(fake.logins(), 3);

    fake.behave(Manner::Good);
    world
        .edit(device, |record| "better".clone_into(&mut record.password))
        .await;
    world.answered().await;
    assert_eq!(fake.logins(), 4);
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    let (mut world, _fake) = world().await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    world.grant(&record(address)).await;

    assert_eq!(world.failed().await.kind, FailureKind::Unreachable);
}
