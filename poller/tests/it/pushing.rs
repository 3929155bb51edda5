//! Changes: armed before they are made, verified from outside, undone by the device itself.

use std::time::Duration;

use tod_lab::SchedulerRule;
use tod_proto::api::changes::GuardKind;
use tod_proto::bus::task::{PushStep, Report, SeenConfig, What};
use tod_proto::error::ErrorCode;
use tod_proto::id::ChangeId;
use tod_proto::lab::{Event, Fault};

use crate::change::{ADD, Push, WINDOW, altered, failure, is, seen, untouched};
use crate::lab::spec;

#[tokio::test]
async fn a_change_is_planned_armed_applied_verified_and_kept() {
    let mut push = Push::of(ADD).await;
    let before = push.device.tree();

    let prepared = push.prepare().await;
    assert_eq!(prepared.guard, GuardKind::Undo, "{prepared:?}");
    assert_eq!(prepared.warnings, []);
    assert_eq!(
        (prepared.diff[0].line.sign, &*prepared.diff[0].line.menu),
        ('+', "/ip/address")
    );
    assert_eq!(push.device.tree(), before);

    assert!(matches!(push.arm().await, Report::Armed));
    assert!(push.has_timer());
    assert!(matches!(push.apply().await, Report::Applied));
    let logins = push.device.counts().logins;
    assert_eq!(seen(push.verify().await), is(SeenConfig::After, true));
    assert_eq!(
        push.device.counts().logins,
        logins + 1,
        "verified on a new connection"
    );
    assert_eq!(seen(push.disarm().await), is(SeenConfig::After, false));

    assert!(!push.has_timer());
    push.lab.advance(Duration::from_hours(1));
    assert_eq!(seen(push.read_back().await), is(SeenConfig::After, false));
    assert_eq!(push.device.counts().fired, 0);
}

#[tokio::test]
async fn old_and_new_releases_undo_a_change_alike() {
    for (version, board) in [
        ("6.43.8", "hEX"),
        ("6.49.18", "hAP lite"),
        ("7.1.5", "wAP ac"),
        ("7.24", "CHR"),
    ] {
        let mut push = Push::on(spec().version(version).board(board), ADD).await;
        let before = push.addresses();

        let prepared = push.prepare().await;
        assert_eq!(prepared.guard, GuardKind::Undo, "{version}: {prepared:?}");
        assert!(matches!(push.arm().await, Report::Armed), "{version}");
        assert!(matches!(push.apply().await, Report::Applied), "{version}");
        assert_ne!(push.addresses(), before, "{version}");
        push.lab.advance(Duration::from_secs(WINDOW.into()));
        push.timer_fires().await;

        assert_eq!(push.addresses(), before, "{version}");
    }
}

#[tokio::test]
async fn every_step_may_come_twice() {
    let mut push = Push::of(ADD).await;
    push.prepare().await;
    push.prepare().await;

    for _ in 0..2 {
        assert!(matches!(push.arm().await, Report::Armed));
    }
    assert_eq!(push.device.rows("/system/scheduler").len(), 1);
    let before = push.addresses();
    for _ in 0..2 {
        assert!(matches!(push.apply().await, Report::Applied));
    }
    assert_eq!(push.addresses(), before + 1);
    for _ in 0..2 {
        assert_eq!(seen(push.verify().await), is(SeenConfig::After, true));
    }
    for _ in 0..2 {
        assert_eq!(seen(push.disarm().await), is(SeenConfig::After, false));
    }
}

#[tokio::test]
async fn a_change_that_cuts_the_way_is_undone_by_the_device() {
    let mut push = Push::of("/ip/service/disable api").await;
    let before = push.device.tree();
    let prepared = push.prepare().await;
    assert!(!prepared.warnings.is_empty(), "the cut is foreseen");
    assert!(matches!(push.arm().await, Report::Armed));
    push.apply().await;

    let lost = failure(push.verify().await);
    assert_eq!(lost.code, ErrorCode::DeviceUnreachable);

    push.lab.advance(Duration::from_secs(WINDOW.into()));
    push.timer_fires().await;
    assert_eq!(seen(push.read_back().await), is(SeenConfig::Before, false));
    assert_eq!(push.device.tree(), before);
    assert_eq!(push.device.counts().reboots, 0);
}

#[tokio::test]
async fn a_change_can_be_undone_at_once() {
    let mut push = Push::of(ADD).await;
    let before = push.device.tree();
    push.through().await;

    for _ in 0..2 {
        let report = push.step(PushStep::Revert).await;
        assert!(matches!(report, Report::Reverting), "{report:?}");
    }

    push.lab.advance(Duration::from_secs(3));
    push.timer_fires().await;
    assert_eq!(seen(push.read_back().await), is(SeenConfig::Before, false));
    assert_eq!(push.device.tree(), before);
}

#[tokio::test]
async fn a_timer_that_was_altered_on_the_way_is_not_relied_on() {
    let mut push = Push::of(ADD).await;
    let before = push.device.tree();
    push.prepare().await;
    push.device.inject(Fault::CorruptScheduler);

    let altered = altered(push.arm().await);

    assert_eq!(altered.code, ErrorCode::Halted);
    assert!(
        altered.message.raw().contains("was taken off"),
        "{altered:?}"
    );
    assert_eq!(push.device.tree(), before, "nothing of ours is left behind");
}

#[tokio::test]
async fn a_timer_that_was_altered_after_it_was_armed_is_not_relied_on() {
    let mut push = Push::of(ADD).await;
    let before = push.device.tree();
    push.prepare().await;
    assert!(matches!(push.arm().await, Report::Armed));
    push.alter_timer().await;

    let altered = altered(push.apply().await);

    assert!(
        altered.message.raw().contains("was taken off"),
        "{altered:?}"
    );
    assert_eq!(
        push.device.tree(),
        before,
        "nothing was sent, nothing is left"
    );
}

#[tokio::test]
async fn a_timer_that_was_altered_after_the_change_is_told_at_every_look() {
    let mut push = Push::of(ADD).await;
    push.through().await;
    push.alter_timer().await;

    for report in [push.verify().await, push.read_back().await] {
        let seen = seen(report);
        assert!(seen.timer && seen.timer_altered, "{seen:?}");
    }
}

#[tokio::test]
async fn a_device_that_forbids_timers_has_no_guard_and_none_is_left() {
    for rule in [SchedulerRule::Inactivated, SchedulerRule::Refused] {
        let mut push = Push::on(spec().scheduler(rule), ADD).await;
        let before = push.device.tree();

        let prepared = push.prepare().await;
        let refused = failure(push.arm().await);

        assert_eq!(prepared.guard, GuardKind::None, "{rule:?}");
        assert!(prepared.no_guard_because.is_some());
        assert!(!refused.may_have_changed);
        assert_eq!(push.device.tree(), before, "{rule:?}");
    }
}

#[tokio::test]
async fn without_its_timer_nothing_is_sent() {
    let mut push = Push::of(ADD).await;
    push.prepare().await;
    let before = push.device.tree();

    let refused = untouched(push.apply().await);

    assert_eq!(refused.code, ErrorCode::Conflict);
    assert!(!refused.may_have_changed);
    assert_eq!(push.device.tree(), before);
}

#[tokio::test]
async fn what_others_changed_meanwhile_is_neither_overwritten_nor_undone() {
    let mut push = Push::of(ADD).await;
    push.prepare().await;
    assert!(matches!(push.arm().await, Report::Armed));
    let line = "/ip address add address=10.88.0.1/24 interface=ether3";
    push.device.run(line).await.unwrap();

    let refused = untouched(push.apply().await);

    assert_eq!(refused.code, ErrorCode::Conflict);
    assert!(
        !push.has_timer(),
        "nothing was sent, so nothing may be undone"
    );
}

#[tokio::test]
async fn a_change_that_waits_keeps_others_off() {
    let mut push = Push::of(ADD).await;
    push.prepare().await;
    assert!(matches!(push.arm().await, Report::Armed));

    let script = "/ip/address/add address=10.99.0.1/24 interface=ether3".to_owned();
    let what = What::Push {
        change: ChangeId::generate(),
        number: 18,
        step: Box::new(PushStep::Prepare { script }),
    };
    let refused = failure(push.world.ask(push.id, what).await);

    assert_eq!(refused.code, ErrorCode::Conflict);
    assert!(refused.message.raw().contains("tod-undo-c17"));
}

#[tokio::test]
async fn an_answer_that_is_lost_does_not_add_twice() {
    let mut push = Push::of(ADD).await;
    push.prepare().await;
    assert!(matches!(push.arm().await, Report::Armed));
    let before = push.addresses();
    push.device.inject(Fault::LoseReplyTo {
        command: "/ip/address/add".to_owned(),
    });

    let lost = failure(push.apply().await);
    assert!(lost.may_have_changed);
    push.device.clear_faults();

    assert!(matches!(push.apply().await, Report::Applied));
    assert_eq!(push.addresses(), before + 1);
    assert_eq!(seen(push.read_back().await), is(SeenConfig::After, true));
}

#[tokio::test]
async fn a_refusal_in_the_middle_leaves_the_timer_as_the_way_back() {
    let mut push = Push::of(concat!(
        "/ip/address/add address=10.77.0.1/24 interface=ether2 comment=pushed\n",
        "/ip/address/add address=10.78.0.1/24 interface=nowhere\n",
    ))
    .await;
    let before = push.device.tree();
    push.prepare().await;
    assert!(matches!(push.arm().await, Report::Armed));

    let refused = failure(push.apply().await);
    assert!(refused.may_have_changed);
    assert!(
        refused.message.raw().starts_with("line 2, /ip/address:"),
        "{refused:?}"
    );

    let looked = seen(push.disarm().await);
    assert_eq!(looked.config, SeenConfig::Neither);
    assert!(looked.timer, "the timer is never taken off blindly");
    assert!(!looked.differences.is_empty());

    push.lab.advance(Duration::from_secs(WINDOW.into()));
    push.timer_fires().await;
    assert_eq!(seen(push.read_back().await), is(SeenConfig::Before, false));
    assert_eq!(push.device.tree(), before);
}

#[tokio::test]
async fn a_reboot_in_the_middle_loses_neither_timer_nor_truth() {
    let mut push = Push::of(ADD).await;
    let before = push.device.tree();
    push.through().await;

    push.device.reboot();
    push.device.wait_for(|event| *event == Event::Booted).await;
    assert_eq!(seen(push.read_back().await), is(SeenConfig::After, true));

    push.lab.advance(Duration::from_secs(WINDOW.into()));
    push.timer_fires().await;
    assert_eq!(seen(push.read_back().await), is(SeenConfig::Before, false));
    assert_eq!(push.device.tree(), before);
}

#[tokio::test]
async fn a_clock_that_jumps_does_not_fire_the_timer() {
    let mut push = Push::of(ADD).await;
    push.through().await;

    push.device.inject(Fault::ClockJump {
        seconds: 10 * 365 * 86_400,
    });

    assert_eq!(seen(push.verify().await), is(SeenConfig::After, true));
    assert_eq!(seen(push.disarm().await), is(SeenConfig::After, false));
    assert_eq!(push.device.counts().fired, 0);
}

#[tokio::test]
async fn a_script_that_cannot_be_undone_is_refused_before_anything_happens() {
    for script in [
        "/system/reboot",
        "/user/remove admin",
        "/ip/address/remove *FFFF",
        "x {",
    ] {
        let push = Push::of("").await;
        let before = push.device.tree();

        let script = script.to_owned();
        let refused = failure(push.step(PushStep::Prepare { script }).await);

        assert!(!refused.may_have_changed);
        assert_eq!(push.device.tree(), before);
    }
}
