//! After an outage, everybody is due in one moment: they come back in turns.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use tod_lab::{Device, Fleet, Lab, Options};
use tod_poller::startup::Limits;
use tod_proto::bus::sample::Outcome;
use tod_proto::bus::task::{Report, What};
use tod_proto::id::DeviceId;
use tod_proto::lab::Event;

use crate::harness::{Setup, World, within};
use crate::lab::record_of;

const DEVICES: u32 = 60;
/// Connections in a second.
const RATE: u32 = 40;

async fn fleet() -> Lab {
    let options = Options {
        reboot: Duration::from_millis(200),
        ..Options::default()
    };
    let fleet = Fleet::generate(DEVICES as usize, 1);
    Lab::start(fleet, options).await.unwrap()
}

fn paced() -> World {
    World::start(Setup {
        limits: Limits {
            connects_per_second: RATE,
            ..Setup::default().limits
        },
        ..Setup::default()
    })
}

async fn grant_all(world: &World, lab: &Lab) -> Vec<(DeviceId, Device)> {
    let mut granted = Vec::new();
    for device in lab.devices() {
        let mut record = record_of(&device);
        record.assignment.poll_seconds = 1;
        granted.push((world.grant(&record).await, device));
    }
    granted
}

/// Waits until each device has answered.
async fn all_answer(world: &mut World) {
    let mut seen = BTreeSet::new();
    while seen.len() < DEVICES as usize {
        let sample = world.sample().await;
        if matches!(sample.outcome, Outcome::Answered(_)) {
            seen.insert(sample.device);
        }
    }
}

/// Each connection since `begin` came no sooner than its turn; returns when the last one came.
fn in_turns(lab: &Lab, since: u64, begin: Timestamp) -> Duration {
    let connected = lab.log(since).into_iter().filter_map(|entry| {
        let is_it = matches!(entry.event, Event::Connected { .. });
        is_it.then_some(entry.at)
    });
    let mut last = Duration::ZERO;
    let mut count = 0;
    for (at, turn) in connected.zip(0_u32..) {
        let after = Duration::try_from(at.duration_since(begin)).unwrap();
        let earliest = Duration::from_secs(1) * turn / RATE;
        assert!(after >= earliest, "{turn} after {after:?}");
        (last, count) = (after, turn + 1);
    }
    assert_eq!(count, DEVICES, "one connection each");
    last
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poller_that_restarts_connects_no_faster_than_it_may() {
    let lab = fleet().await;
    for _ in 0..2 {
        let (since, begin) = (lab.log(0).last().map_or(0, |e| e.seq), lab.now());
        let mut world = paced();
        grant_all(&world, &lab).await;

        all_answer(&mut world).await;

        let last = in_turns(&lab, since, begin);
        assert!(last < Duration::from_secs(10), "{last:?}");
        world.stop();
        world.lease_request(|request| request.leaving).await;
        drop(world);
        within(gone(&lab)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_that_come_back_at_once_are_signed_in_to_in_turns() {
    let lab = fleet().await;
    let mut world = paced();
    grant_all(&world, &lab).await;
    all_answer(&mut world).await;

    let (since, begin) = (lab.log(0).last().map_or(0, |e| e.seq), lab.now());
    for device in lab.devices() {
        device.reboot();
    }
    world.forget_samples();
    all_answer(&mut world).await;

    in_turns(&lab, since, begin);
    for device in lab.devices() {
        let counts = device.counts();
        assert_eq!((counts.logins, counts.failed_logins), (2, 0), "{device:?}");
    }
}

/// While many wait for their turns, what somebody asks of one of them does not.
#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_asks_for_does_not_wait_for_its_turn() {
    let lab = fleet().await;
    let world = World::start(Setup {
        limits: Limits {
            connects_per_second: 1,
            ..Setup::default().limits
        },
        ..Setup::default()
    });
    let granted = grant_all(&world, &lab).await;
    world
        .lease_request(|request| request.holds.len() == DEVICES as usize)
        .await;
    let mut waiting = granted.into_iter().rev();
    let (id, _) = waiting.find(|(_, d)| d.counts().logins == 0).unwrap();

    let what = What::Command {
        command: "/system/identity/print".to_owned(),
        arguments: Vec::new(),
    };
    let report = world.ask_within(id, 5, what).await;

    assert!(matches!(report, Report::Command { .. }), "{report:?}");
}

/// Waits until no device has a session.
async fn gone(lab: &Lab) {
    for device in lab.devices() {
        while !device.rows("/user/active").is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
