//! Every way in which the lab lets a device go wrong, as a poll meets it; what is about changes is
//! in [`crate::sabotage`].

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use tod_lab::{Device, Fleet, Lab, Options, Spec};
use tod_proto::api::devices::TlsMode;
use tod_proto::bus::sample::{FailureKind, Observation, Outcome};
use tod_proto::bus::task::What;
use tod_proto::id::DeviceId;
use tod_proto::lab::Fault;

use crate::harness::{PATIENCE, Setup, World, short_deadlines, until};
use crate::lab::{one, record_of, spec};
use crate::sabotage;

/// What a poll meets.
#[derive(Clone, Copy, Debug)]
enum Meets {
    /// An answer, of which this is true.
    Answer(fn(&Observation) -> bool),
    /// A failure of one of these kinds.
    Failure(&'static [FailureKind]),
}

use FailureKind::{Closed, LoginRefused, Protocol, Timeout, TrustMismatch, Unreachable};
use Meets::{Answer, Failure};

fn whole(seen: &Observation) -> bool {
    seen.problems.is_empty() && seen.identity == Some("r1".into()) && has_ports(seen)
}

fn has_ports(seen: &Observation) -> bool {
    seen.interfaces.as_ref().is_some_and(|all| all.len() >= 8)
}

/// What is wrong with a device that is polled without TLS, and what comes of it.
fn plainly() -> Vec<(Fault, Meets)> {
    let text = "session closed".to_owned();
    let menu = "/interface".to_owned();
    let device = "r2".to_owned();
    vec![
        (Fault::Silent, Failure(&[Timeout])),
        (Fault::Refuse, Failure(&[Closed, Unreachable])),
        (Fault::DripBytes { every_ms: 40 }, Failure(&[Timeout])),
        (Fault::ResetAfter { bytes: 40 }, Failure(&[Closed])),
        (Fault::MuteAfter { bytes: 20 }, Failure(&[Timeout])),
        // What came before it is taken.
        (
            Fault::MuteAfter { bytes: 200 },
            Answer(|seen| !seen.problems.is_empty() && seen.identity.is_some()),
        ),
        (Fault::SpeaksHttp, Failure(&[Closed, Protocol])),
        (Fault::SpeaksSsh, Failure(&[Timeout, Protocol])),
        (
            Fault::SlowCpu {
                burst: 3,
                then_ms: 5,
            },
            Answer(whole),
        ),
        // Bytes that are no sentences may look like the beginning of a long one.
        (Fault::Garbage, Failure(&[Protocol, Timeout])),
        (Fault::HugeWord, Failure(&[Protocol])),
        (Fault::ControlByte, Failure(&[Protocol])),
        (Fault::LongLengths, Failure(&[Protocol])),
        // A flood ends by its size or by its time.
        (Fault::EndlessRows, Failure(&[Protocol, Timeout])),
        (Fault::EndlessWords, Failure(&[Protocol, Timeout])),
        (Fault::EndlessEmpty, Failure(&[Protocol, Timeout])),
        (Fault::UnknownReply, Answer(whole)),
        (Fault::EmptyAlways, Answer(whole)),
        (Fault::FatalText { text }, Failure(&[Closed])),
        (Fault::NoDone, Failure(&[Timeout])),
        (Fault::ForeignTag, Failure(&[Timeout])),
        (Fault::RepliesAfterCancel, Answer(whole)),
        (
            Fault::EvilNames,
            Answer(|seen| has_ports(seen) && is_harmless(seen)),
        ),
        (Fault::EvilComments, Answer(whole)),
        (
            Fault::OddNumbers,
            Answer(|seen| !seen.problems.is_empty() && has_ports(seen)),
        ),
        (Fault::CounterReset, Answer(whole)),
        (Fault::CounterWrap, Answer(whole)),
        (
            Fault::PartialRows { menu },
            Answer(|seen| seen.problems.is_empty() && !has_ports(seen)),
        ),
        (Fault::CloneOf { device }, Answer(whole)),
        (Fault::WrongPassword, Failure(&[LoginRefused])),
        (Fault::RadiusTimeout, Failure(&[Timeout])),
    ]
}

/// What is wrong with a device that is polled over TLS and whose certificate is known.
fn secured() -> Vec<(Fault, FailureKind)> {
    vec![
        (Fault::HostKeyChanged, TrustMismatch),
        (Fault::CertificateExpired, TrustMismatch),
        (Fault::CertificateOtherName, TrustMismatch),
        (Fault::TlsStall, Protocol),
        (Fault::Downgrade, Protocol),
    ]
}

/// What polls and changes never meet: the lab's own tests have it.
const ELSEWHERE: &[&str] = &["export-timeout"];

fn is_harmless(seen: &Observation) -> bool {
    let shown = seen.identity.as_ref().map(ToString::to_string);
    shown.is_some_and(|shown| !shown.contains(['\u{1b}', '\u{7}', '\n']))
}

/// A device `r1`, and another one that it may pretend to be.
async fn two() -> (Lab, Device, Device) {
    let other = Spec::new("r2", Ipv4Addr::new(127, 20, 0, 8));
    let devices = vec![spec(), other];
    let lab = Lab::start(Fleet { devices }, Options::default()).await;
    let lab = lab.unwrap();
    let (one, two) = (lab.device("r1").unwrap(), lab.device("r2").unwrap());
    (lab, one, two)
}

fn world() -> World {
    World::start(Setup {
        deadlines: short_deadlines(),
        ..Setup::default()
    })
}

#[tokio::test]
async fn each_fault_is_met_as_it_should_be_and_is_over_when_it_is_cleared() {
    for (fault, meets) in plainly() {
        let what = format!("{fault:?}");
        let met = is_met_and_heals(fault, meets);
        let met = tokio::time::timeout(PATIENCE / 2, met).await;
        assert!(met.is_ok(), "{what}: it takes too long");
    }
}

async fn is_met_and_heals(fault: Fault, meets: Meets) {
    let mut world = world();
    let (_lab, device, other) = two().await;
    device.inject(fault.clone());
    let id = world.grant(&record_of(&device)).await;

    match meets {
        Answer(holds) => {
            let seen = world.answered().await;
            assert!(holds(&seen), "{fault:?}: {seen:?}");
            let serial = seen.serial.map(|serial| serial.raw().to_owned());
            let is_clone = serial == Some(other.summary().serial);
            assert_eq!(is_clone, matches!(fault, Fault::CloneOf { .. }));
        }
        Failure(kinds) => {
            let failure = world.failed().await;
            assert!(kinds.contains(&failure.kind), "{fault:?}: {failure:?}");
        }
    }

    device.clear_faults();
    world.forget_samples();
    // The session may have to be found dead before a new one is opened.
    while !is_polled_whole(&mut world, id).await {}
}

async fn is_polled_whole(world: &mut World, id: DeviceId) -> bool {
    world.ask(id, What::Poll).await;
    matches!(world.sample().await.outcome, Outcome::Answered(seen) if whole(&seen))
}

#[tokio::test]
async fn no_password_goes_to_a_device_that_is_not_the_one_that_is_known() {
    for (fault, kind) in secured() {
        let mut world = world();
        let (_lab, device) = one(spec()).await;
        let mut record = record_of(&device);
        record.assignment.tls = TlsMode::Auto;
        record.assignment.port = device.summary().api_ssl_port;
        let id = world.grant(&record).await;
        let pin = world.answered().await.tls_pin.unwrap();
        let before = device.counts();

        device.inject(fault.clone());
        world
            .edit(id, |record| {
                record.assignment.tls_pin = Some(pin);
                "other".clone_into(&mut record.assignment.username);
            })
            .await;

        assert_eq!(world.failed().await.kind, kind, "{fault:?}");
        let after = device.counts();
        assert_eq!(
            (after.logins, after.failed_logins),
            (before.logins, before.failed_logins),
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn an_account_that_is_refused_is_tried_three_times_and_not_once_more() {
    let mut world = world();
    let (_lab, device) = one(spec()).await;
    let mut often = record_of(&device);
    often.assignment.poll_seconds = 1;
    let id = world.grant(&often).await;
    world.answered().await;

    // A session that is signed in stays so, whatever becomes of the password.
    device
        .run("/user set admin password=changed")
        .await
        .unwrap();
    world.forget_samples();
    world.answered().await;
    device.reboot();
    for _ in 0..3 {
        while world.failed().await.kind != LoginRefused {}
    }
    for _ in 0..5 {
        world.ask(id, What::Poll).await;
    }

    assert_eq!(device.counts().failed_logins, 3);
    world
        .edit(id, |record| "changed".clone_into(&mut record.password))
        .await;
    world.answered().await;
}

#[tokio::test]
async fn an_account_without_the_right_to_the_api_is_refused_like_a_wrong_password() {
    for version in ["6.49.18", "7.20.8"] {
        let mut world = world();
        let (_lab, device) = one(spec().version(version)).await;
        device
            .run("/user group add name=dumb policy=read,ssh")
            .await
            .unwrap();
        device
            .run("/user add name=dumb password=lab group=dumb")
            .await
            .unwrap();
        let mut record = record_of(&device);
        "dumb".clone_into(&mut record.assignment.username);
        world.grant(&record).await;

        assert_eq!(world.failed().await.kind, LoginRefused, "{version}");
    }
}

#[tokio::test]
async fn a_silent_authority_is_no_refusal() {
    let mut world = world();
    let (_lab, device) = one(spec()).await;
    device.inject(Fault::RadiusTimeout);
    let mut often = record_of(&device);
    often.assignment.poll_seconds = 1;
    world.grant(&often).await;
    for _ in 0..4 {
        assert_eq!(world.failed().await.kind, Timeout);
    }

    device.clear_faults();

    world.answered().await;
}

#[tokio::test]
async fn a_device_that_goes_on_replying_to_what_was_given_up_confuses_nobody() {
    let mut world = world();
    let (_lab, device) = one(spec()).await;
    device.inject(Fault::NoDone);
    device.inject(Fault::RepliesAfterCancel);
    let id = world.grant(&record_of(&device)).await;
    world.failed().await;

    device.clear_fault(&Fault::NoDone);
    for _ in 0..3 {
        world.ask(id, What::Poll).await;
        let seen = world.answered().await;
        assert!(whole(&seen), "{seen:?}");
    }
    until("it is told to stop", || device.counts().commands > 0).await;
}

/// A new way of going wrong has to be met here before it can come into the lab.
#[test]
fn every_fault_of_the_lab_is_in_a_table() {
    let kind = |fault: &Fault| {
        let value = serde_json::to_value(fault).unwrap();
        value["kind"].as_str().unwrap().to_owned()
    };
    let mut met: BTreeSet<String> = ELSEWHERE.iter().map(|&kind| kind.to_owned()).collect();
    met.extend(plainly().iter().map(|(fault, _)| kind(fault)));
    met.extend(secured().iter().map(|(fault, _)| kind(fault)));
    met.extend(sabotage::faults().iter().map(kind));

    // What serde expects in place of a kind that there is not.
    let error = serde_json::from_str::<Fault>(r#"{"kind":"?"}"#).unwrap_err();
    let error = error.to_string();
    let all: BTreeSet<String> = error
        .split('`')
        .skip(3)
        .step_by(2)
        .map(str::to_owned)
        .collect();

    assert!(all.len() > 40, "{error}");
    assert_eq!(met, all);
}
