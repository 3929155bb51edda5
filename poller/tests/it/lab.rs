//! Against devices of the lab: what a poll sees of a real tree, and what it costs the device.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use tod_lab::{Device, Fleet, Lab, Options, Spec};
use tod_proto::api::devices::TlsMode;
use tod_proto::bus::sample::{FailureKind, Outcome};
use tod_proto::lab::Fault;

use crate::harness::{Record, Setup, World, record, short_deadlines};

/// Where the one device of a lab stands. The lab's doors differ by port, so tests can share it.
const AT: Ipv4Addr = Ipv4Addr::new(127, 20, 0, 7);

/// A device of the usual kind.
pub(crate) fn spec() -> Spec {
    Spec::new("r1", AT)
}

/// Starts a lab of one device.
pub(crate) async fn one(spec: Spec) -> (Lab, Device) {
    let options = Options {
        reboot: Duration::from_millis(200),
        ..Options::default()
    };
    let name = spec.name.clone();
    let lab = Lab::start(Fleet::one(spec), options).await.unwrap();
    let device = lab.device(&name).unwrap();
    (lab, device)
}

/// The device's record, polled when somebody asks.
pub(crate) fn record_of(device: &Device) -> Record {
    let summary = device.summary();
    let mut record = record((summary.address, summary.api_port).into());
    record.password = summary.password;
    record.assignment.username = summary.user;
    record.assignment.ssh_port = summary.ssh_port;
    record.assignment.poll_seconds = 3600;
    record
}

#[tokio::test]
async fn ten_polls_are_one_login_and_ten_round_trips() {
    let mut world = World::start(Setup::default());
    let (_lab, device) = one(spec()).await;
    let id = world.grant(&record_of(&device)).await;
    world.answered().await;
    let turns = device.counts().turns;

    for _ in 0..9 {
        world.ask(id, tod_proto::bus::task::What::Poll).await;
        world.answered().await;
    }

    let counts = device.counts();
    assert_eq!((counts.connections, counts.logins), (1, 1));
    assert_eq!(counts.turns, turns + 9);
}

#[tokio::test]
async fn every_release_is_read_without_a_problem() {
    for (version, board) in [
        ("6.43.8", "hEX"),
        ("6.49.18", "hAP lite"),
        ("7.12.1", "hEX"),
        ("7.15.3", "hAP ac^2"),
        ("7.18.2", "RB5009UG+S+"),
        ("7.20.8", "CCR2004-16G-2S+"),
        ("7.22.3", "cAP ax"),
    ] {
        let mut world = World::start(Setup::default());
        let (_lab, device) = one(spec().version(version).board(board)).await;
        world.grant(&record_of(&device)).await;

        let seen = world.answered().await;

        assert_eq!(seen.problems, [], "{version}");
        assert_eq!(seen.version, Some(version.into()));
        assert_eq!(seen.identity, Some("r1".into()));
        assert_eq!(seen.serial.unwrap().raw(), device.summary().serial);
        assert!(seen.uptime_seconds.is_some() && seen.mem_total_bytes.is_some());
        assert!(!seen.interfaces.unwrap().is_empty());
    }
}

/// Whatever nobody knows for certain: polls read it.
#[tokio::test]
async fn every_position_of_every_switch_is_read_without_a_problem() {
    for (at, position) in tod_lab::positions().unwrap().into_iter().enumerate() {
        let mut world = World::start(Setup::default());
        let (version, board) = [("6.49.18", "hEX"), ("7.20.8", "RB5009UG+S+")][at % 2];
        let mut spec = spec().version(version).board(board);
        spec.switches = position.switches;
        let (_lab, device) = one(spec).await;
        let mut record = record_of(&device);
        if at % 3 == 0 {
            record.assignment.tls = TlsMode::Auto;
            record.assignment.port = device.summary().api_ssl_port;
        }
        let id = world.grant(&record).await;
        world.answered().await;

        world.ask(id, tod_proto::bus::task::What::Poll).await;
        let seen = world.answered().await;

        let what = &position.text;
        assert_eq!(seen.problems, [], "{what}");
        assert_eq!(seen.version, Some(version.into()), "{what}");
        assert!(seen.temperature_celsius.is_some(), "{what}");
        let interfaces = seen.interfaces.unwrap();
        assert!(interfaces.iter().any(|i| i.running), "{what}");
    }
}

#[tokio::test]
async fn a_poll_over_tls_pins_the_certificate_and_refuses_another() {
    let setup = Setup {
        deadlines: short_deadlines(),
        ..Setup::default()
    };
    let mut world = World::start(setup);
    let (_lab, device) = one(spec()).await;
    let mut secured = record_of(&device);
    secured.assignment.tls = TlsMode::Auto;
    secured.assignment.port = device.summary().api_ssl_port;
    let id = world.grant(&secured).await;
    let pin = world.answered().await.tls_pin.unwrap();
    world
        .edit(id, |record| record.assignment.tls_pin = Some(pin.clone()))
        .await;
    world
        .lease_request(|request| request.holds == [(id, 2)])
        .await;
    let before = device.counts();

    device.inject(Fault::HostKeyChanged);
    world
        .edit(id, |record| {
            "other".clone_into(&mut record.assignment.username);
        })
        .await;

    assert_eq!(world.failed().await.kind, FailureKind::TrustMismatch);
    let after = device.counts();
    assert_eq!(
        (after.logins, after.failed_logins),
        (before.logins, before.failed_logins)
    );
}

#[tokio::test]
async fn a_new_device_that_has_no_certificate_is_polled_when_that_is_accepted() {
    let mut world = World::start(Setup::default());
    let (_lab, device) = one(Spec {
        certificate: "none".to_owned(),
        ..spec()
    })
    .await;
    let mut anonymous = record_of(&device);
    anonymous.assignment.tls = TlsMode::Anonymous;
    anonymous.assignment.port = device.summary().api_ssl_port;
    world.grant(&anonymous).await;

    let seen = world.answered().await;

    assert_eq!(seen.identity, Some("r1".into()));
    assert_eq!((seen.problems, seen.tls_pin), (Vec::new(), None));
}

#[tokio::test]
async fn faults_of_the_lab_fail_by_their_kind() {
    for (fault, kind) in [
        (Fault::Silent, FailureKind::Timeout),
        (Fault::Garbage, FailureKind::Protocol),
        (Fault::HugeWord, FailureKind::Protocol),
        (Fault::DripBytes { every_ms: 40 }, FailureKind::Timeout),
        (Fault::WrongPassword, FailureKind::LoginRefused),
    ] {
        let setup = Setup {
            deadlines: short_deadlines(),
            ..Setup::default()
        };
        let mut world = World::start(setup);
        let (_lab, device) = one(spec()).await;
        device.inject(fault.clone());
        world.grant(&record_of(&device)).await;

        let failure = world.failed().await;

        // Bytes that are no sentences may look like the beginning of a long one.
        let may_wait = fault == Fault::Garbage && failure.kind == FailureKind::Timeout;
        assert!(failure.kind == kind || may_wait, "{fault:?}: {failure:?}");
    }
}

#[tokio::test]
async fn a_device_that_reboots_is_found_again() {
    let mut world = World::start(Setup::default());
    let (_lab, device) = one(spec()).await;
    let mut often = record_of(&device);
    often.assignment.poll_seconds = 1;
    world.grant(&often).await;
    world.answered().await;

    device.reboot();
    device
        .wait_for(|event| *event == tod_proto::lab::Event::Booted)
        .await;
    world.forget_samples();

    world.answered().await;
    assert_eq!(device.counts().logins, 2);
}

#[tokio::test]
async fn a_hundred_devices_are_polled_with_one_login_each() {
    let mut world = World::start(Setup::default());
    let fleet = Fleet::generate(100, 1);
    let lab = Lab::start(fleet, Options::default()).await.unwrap();
    for device in lab.devices() {
        world.grant(&record_of(&device)).await;
    }

    let mut seen = BTreeSet::new();
    while seen.len() < 100 {
        let sample = world.sample().await;
        assert!(matches!(sample.outcome, Outcome::Answered(_)), "{sample:?}");
        seen.insert(sample.device);
    }

    for device in lab.devices() {
        let counts = device.counts();
        assert_eq!((counts.logins, counts.failed_logins), (1, 0), "{device:?}");
    }
}
