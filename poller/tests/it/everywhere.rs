//! The guard on every release, and wherever nobody knows for certain what RouterOS does.

use std::time::Duration;

use futures_util::StreamExt as _;
use tod_lab::{SchedulerRule, Spec};
use tod_proto::api::changes::GuardKind;
use tod_proto::bus::task::{Report, SeenConfig};
use tod_proto::lab::Event;

use crate::change::{ADD, Push, WINDOW, failure, is, seen};
use crate::harness::until;
use crate::lab::spec;

/// Every release that the lab knows, each on a board that runs it.
const RELEASES: [(&str, &str); 10] = [
    ("6.43.8", "hAP lite"),
    ("6.49.18", "hEX"),
    ("7.1.5", "wAP ac"),
    ("7.10", "CHR"),
    ("7.12.1", "RB4011iGS+"),
    ("7.15.3", "CRS328-24P-4S+"),
    ("7.18.2", "hAP ax^2"),
    ("7.20.8", "CCR2004-16G-2S+"),
    ("7.22.3", "RB5009UG+S+"),
    ("7.24", "CHR"),
];

/// Closes the door that the poller came in by.
const CUT: &str = "/ip/service/disable api";

/// Each release with everything as usual, and each position of each switch on an old release and on
/// a new one.
fn devices() -> impl Iterator<Item = (String, Spec)> {
    let half = RELEASES.len() / 2;
    let all = tod_lab::positions().unwrap().into_iter().enumerate();
    all.flat_map(move |(at, position)| {
        let releases = match at {
            0 => RELEASES.to_vec(),
            _ => vec![RELEASES[at % half], RELEASES[half + at % half]],
        };
        releases.into_iter().map(move |(version, board)| {
            let mut spec = spec().version(version).board(board);
            spec.switches.clone_from(&position.switches);
            (format!("{version} {}", position.text), spec)
        })
    })
}

/// Perhaps an entry runs for the first time when it is made. Then there is no timer to rely on.
fn is_eager(spec: &Spec) -> bool {
    spec.switches.eager_timers
}

#[tokio::test]
async fn what_is_confirmed_stays_and_leaves_no_timer() {
    for (what, spec) in devices().filter(|(_, spec)| !is_eager(spec)) {
        let mut push = Push::on(spec, ADD).await;
        let before = push.addresses();

        push.through().await;
        assert_eq!(
            seen(push.verify().await),
            is(SeenConfig::After, true),
            "{what}"
        );
        assert_eq!(
            seen(push.disarm().await),
            is(SeenConfig::After, false),
            "{what}"
        );

        push.lab.advance(Duration::from_hours(1));
        assert_eq!(push.addresses(), before + 1, "{what}");
        assert_eq!(push.device.counts().fired, 0, "{what}");
        assert!(!push.has_timer(), "{what}");
    }
}

#[tokio::test]
async fn what_cuts_the_way_is_undone_to_the_byte() {
    for (what, spec) in devices().filter(|(_, spec)| !is_eager(spec)) {
        let mut push = Push::on(spec, CUT).await;
        let before = push.device.tree();

        let prepared = push.prepare().await;
        assert_eq!(prepared.guard, GuardKind::Undo, "{what}: {prepared:?}");
        let armed = push.arm().await;
        assert!(matches!(armed, Report::Armed), "{what}: {armed:?}");
        push.apply().await;
        push.lab.advance(Duration::from_secs(WINDOW.into()));
        push.timer_fires().await;

        assert_eq!(push.device.tree(), before, "{what}");
        assert_eq!(
            seen(push.read_back().await),
            is(SeenConfig::Before, false),
            "{what}"
        );
    }
}

#[tokio::test]
async fn a_device_that_forbids_timers_is_not_touched() {
    let rules = [SchedulerRule::Inactivated, SchedulerRule::Refused];
    for ((what, spec), rule) in devices().zip(rules.into_iter().cycle()) {
        let mut push = Push::on(spec.scheduler(rule), ADD).await;
        let before = push.device.tree();

        push.prepare().await;
        let refused = failure(push.arm().await);
        let sent = push.apply().await;

        assert!(!refused.may_have_changed, "{what} {rule:?}: {refused:?}");
        assert!(!matches!(sent, Report::Applied), "{what} {rule:?}");
        assert_eq!(push.device.tree(), before, "{what} {rule:?}");
    }
}

/// The power fails after a change. Whatever the disk, the clock and the scheduler make of that: the
/// change is never there without its timer, and gone when nobody confirms it.
#[tokio::test]
async fn a_change_that_meets_a_power_failure_is_undone_all_the_same() {
    let devices = devices().filter(|(_, spec)| !is_eager(spec));
    // Booting takes a while, in which others can.
    let devices = futures_util::stream::iter(devices);
    devices.for_each_concurrent(4, meet_power_failure).await;
}

async fn meet_power_failure((what, spec): (String, Spec)) {
    let mut push = Push::on(spec, ADD).await;
    let before = push.device.tree();
    push.through().await;

    push.device.reboot();
    push.device.wait_for(|event| *event == Event::Booted).await;
    let sight = seen(push.read_back().await);
    let is_safe = sight.timer || sight.config == SeenConfig::Before;
    assert!(is_safe, "{what}: {sight:?}");

    push.lab.advance(Duration::from_secs(WINDOW.into()));
    until(&format!("the timer has run: {what}"), || !push.has_timer()).await;
    assert_eq!(
        seen(push.read_back().await),
        is(SeenConfig::Before, false),
        "{what}"
    );
    assert_eq!(push.device.tree(), before, "{what}");
}

/// Perhaps an entry runs for the first time when it is made. Then it is gone before its time, which
/// is either noticed before anything is sent or told when the device is looked at.
#[tokio::test]
async fn a_timer_that_runs_at_once_is_never_relied_on() {
    for (version, board) in RELEASES {
        let mut spec = spec().version(version).board(board);
        spec.switches.eager_timers = true;
        let mut push = Push::on(spec, ADD).await;
        let before = push.device.tree();

        push.prepare().await;
        let armed = push.arm().await;
        let applied = push.apply().await;
        until("the timer has run", || {
            push.device.counts().fired > 0 && !push.has_timer()
        })
        .await;

        let sight = seen(push.read_back().await);
        assert!(!sight.timer, "{version}: {sight:?}");
        let is_sent = matches!((armed, applied), (Report::Armed, Report::Applied));
        assert!(
            is_sent || push.device.tree() == before,
            "{version}: {sight:?}"
        );
    }
}

/// Between planning and sending, a boot may have given all rows other ids.
#[tokio::test]
async fn what_is_sent_after_a_boot_goes_to_the_rows_that_were_meant() {
    let set = "/interface/ethernet/set [find where name=ether3] comment=meant";
    let mut spec = spec();
    spec.switches.new_ids = true;
    let mut push = Push::on(spec, set).await;
    push.prepare().await;
    push.device.reboot();
    push.device.wait_for(|event| *event == Event::Booted).await;

    assert!(matches!(push.arm().await, Report::Armed));
    assert!(matches!(push.apply().await, Report::Applied));

    let rows = push.device.rows("/interface/ethernet");
    let meant = rows.iter().filter(|row| row.raw("comment").is_some());
    let names: Vec<_> = meant.map(|row| row.text("name").unwrap()).collect();
    assert_eq!(names, ["ether3"]);
    assert_eq!(seen(push.verify().await), is(SeenConfig::After, true));
}
