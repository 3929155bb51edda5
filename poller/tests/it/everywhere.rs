//! The guard on every release, and wherever nobody knows for certain what RouterOS does.

use std::time::Duration;

use tod_lab::{Dead, OverLimit, Spec, Switches};
use tod_proto::api::changes::GuardKind;
use tod_proto::bus::task::{Report, SeenConfig};

use crate::change::{ADD, Push, WINDOW, is, seen};
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

/// All positions of the switches, each turned alone.
fn positions() -> Vec<Switches> {
    let usual = Switches::default;
    vec![
        usual(),
        Switches {
            strict_queries: true,
            ..usual()
        },
        Switches {
            dead: Dead::Yes,
            ..usual()
        },
        Switches {
            dead: Dead::True,
            ..usual()
        },
        Switches {
            over_limit: OverLimit::Close,
            ..usual()
        },
    ]
}

fn devices() -> impl Iterator<Item = Spec> {
    RELEASES.into_iter().flat_map(|(version, board)| {
        positions().into_iter().map(move |switches| {
            let mut spec = spec().version(version).board(board);
            spec.switches = switches;
            spec
        })
    })
}

#[tokio::test]
async fn what_is_confirmed_stays_and_leaves_no_timer() {
    for spec in devices() {
        let what = format!("{} {:?}", spec.version, spec.switches);
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
    for spec in devices() {
        let what = format!("{} {:?}", spec.version, spec.switches);
        let mut push = Push::on(spec, CUT).await;
        let before = push.device.tree();

        let prepared = push.prepare().await;
        assert_eq!(prepared.guard, GuardKind::Undo, "{what}: {prepared:?}");
        assert!(matches!(push.arm().await, Report::Armed), "{what}");
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
