//! The API inside SSH, by way of doors that others wrote or that behave as a device's: the lab's,
//! which forwards only when its configuration says so, and OpenSSH's server.

use std::net::Ipv4Addr;

use tod_lab::{Device, Spec};
use tod_proto::api::devices::TlsMode;
use tod_proto::bus::sample::FailureKind;
use tod_proto::bus::task::{Report, What};

use crate::harness::{Record, Setup, World, short_deadlines};
use crate::lab::{one, record_of, spec};
use crate::sshd::Sshd;

fn world() -> World {
    World::start(Setup {
        deadlines: short_deadlines(),
        ..Setup::default()
    })
}

fn inside_ssh(device: &Device) -> Record {
    let mut record = record_of(device);
    record.assignment.tls = TlsMode::Ssh;
    record
}

#[tokio::test]
async fn a_device_that_forwards_is_polled_and_commanded_in_one_session() {
    for (version, board) in [
        ("6.43.8", "hEX"),
        ("6.49.18", "hAP lite"),
        ("7.12.1", "hEX"),
        ("7.20.8", "RB5009UG+S+"),
        ("7.24", "CHR"),
    ] {
        let mut world = world();
        let (_lab, device) = one(spec().version(version).board(board)).await;
        let line = "/ip ssh set forwarding-enabled=local";
        device.run(line).await.unwrap();
        let id = world.grant(&inside_ssh(&device)).await;

        let seen = world.answered().await;

        assert_eq!(seen.identity, Some("r1".into()), "{version}");
        assert!(seen.ssh_pin.is_some(), "{version}");
        let what = What::Command {
            command: "/user/active/print".to_owned(),
            arguments: Vec::new(),
        };
        let Report::Command { rows, .. } = world.ask(id, what).await else {
            panic!("{version}: no rows");
        };
        let via: Vec<_> = rows.iter().map(|row| row["via"].raw()).collect();
        assert!(via.contains(&"ssh") && via.contains(&"api"), "{via:?}");
        assert_eq!(device.counts().logins, 2, "{version}");
        assert_eq!(device.counts().connections, 2, "{version}");
    }
}

#[tokio::test]
async fn a_new_device_forwards_nothing_and_the_remedy_is_told() {
    let mut world = world();
    let (_lab, device) = one(spec()).await;
    let id = world.grant(&inside_ssh(&device)).await;

    let failure = world.failed().await;

    assert_eq!(failure.kind, FailureKind::Protocol);
    let Report::Failed(failed) = world
        .ask(
            id,
            What::Command {
                command: "/system/identity/print".to_owned(),
                arguments: Vec::new(),
            },
        )
        .await
    else {
        panic!("it is answered");
    };
    let hint = failed.hint.unwrap();
    assert!(
        hint.contains("/ip/ssh/set forwarding-enabled=local"),
        "{hint}"
    );

    device
        .run("/ip ssh set forwarding-enabled=local")
        .await
        .unwrap();
    world.ask(id, What::Poll).await;
    world.answered().await;
}

#[tokio::test]
async fn a_device_that_reboots_is_found_again_inside_ssh() {
    let mut world = world();
    let (_lab, device) = one(spec()).await;
    let line = "/ip ssh set forwarding-enabled=local";
    device.run(line).await.unwrap();
    let mut often = inside_ssh(&device);
    often.assignment.poll_seconds = 1;
    world.grant(&often).await;
    world.answered().await;

    device.reboot();
    device
        .wait_for(|event| *event == tod_proto::lab::Event::Booted)
        .await;
    world.forget_samples();

    world.answered().await;
    assert_eq!(device.counts().logins, 4);
}

/// A device at the address that OpenSSH's server finds at its own loopback.
async fn behind_sshd() -> (tod_lab::Lab, Device) {
    one(Spec::new("r1", Ipv4Addr::LOCALHOST)).await
}

fn by_way_of(sshd: &Sshd, device: &Device) -> Record {
    let mut record = inside_ssh(device);
    record.assignment.ssh_port = sshd.port;
    record
}

#[tokio::test]
async fn a_device_is_polled_by_way_of_openssh() {
    let mut world = world();
    let (_lab, device) = behind_sshd().await;
    let sshd = Sshd::start("local").await;
    let id = world.grant(&by_way_of(&sshd, &device)).await;

    let seen = world.answered().await;

    assert_eq!(seen.identity, Some("r1".into()));
    assert_eq!(seen.ssh_pin, Some(sshd.fingerprint()));
    for _ in 0..5 {
        world.ask(id, What::Poll).await;
        world.answered().await;
    }
    assert_eq!(device.counts().logins, 1);
    assert_eq!(sshd.log().matches("Accepted password for admin").count(), 1);
}

#[tokio::test]
async fn openssh_that_forwards_nothing_is_told_from_one_that_is_another() {
    let mut world = world();
    let (_lab, device) = behind_sshd().await;
    let closed = Sshd::start("no").await;
    world.grant(&by_way_of(&closed, &device)).await;
    let failure = world.failed().await;
    assert_eq!(failure.kind, FailureKind::Protocol);
    assert!(failure.message.raw().contains("forward"), "{failure:?}");

    let open = Sshd::start("local").await;
    let mut pinned = by_way_of(&open, &device);
    pinned.assignment.ssh_pin = Some(closed.fingerprint());
    world.forget_samples();
    let other = world.grant(&pinned).await;
    let failure = loop {
        let sample = world.sample().await;
        if let tod_proto::bus::sample::Outcome::Failed(failure) = sample.outcome
            && sample.device == other
        {
            break failure;
        }
    };

    assert_eq!(failure.kind, FailureKind::TrustMismatch);
    assert!(!open.log().contains("password"), "{}", open.log());
    assert_eq!(device.counts().connections, 0);
}

#[tokio::test]
async fn openssh_that_is_killed_costs_one_poll_and_no_more() {
    let mut world = world();
    let (_lab, device) = behind_sshd().await;
    let sshd = Sshd::start("local").await;
    let id = world.grant(&by_way_of(&sshd, &device)).await;
    world.answered().await;

    drop(sshd);
    world.ask(id, What::Poll).await;
    assert_eq!(world.failed().await.kind, FailureKind::Unreachable);

    let again = Sshd::start("local").await;
    world
        .edit(id, |record| {
            record.assignment.ssh_port = again.port;
            record.assignment.ssh_pin = Some(again.fingerprint());
        })
        .await;
    world.answered().await;
}
