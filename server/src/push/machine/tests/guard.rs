//! A guard that is missing, in doubt, or not what it should be.

use tod_proto::bus::task::SeenConfig;

use super::*;

#[test]
fn without_a_guard_a_change_is_refused_unless_it_was_asked_for() {
    let bare = || {
        Event::Prepared(Plan {
            guard: GuardKind::None,
            no_guard_because: Some("device-mode forbids the scheduler".to_owned()),
            is_empty: false,
        })
    };
    let refused = run(guarded(Then::Wait), vec![bare()]);
    let asked = Wanted {
        unguarded: true,
        ..guarded(Then::Wait)
    };

    assert_eq!(refused.state, ChangeState::Refused);
    assert!(refused.reason.unwrap().contains("device-mode"));
    assert_eq!(run(asked, vec![bare()]).asking, Some(StepKind::Apply));
    let events = vec![bare(), Event::Applied, seen(SeenConfig::After, false)];
    assert_eq!(run(asked, events).asking, Some(StepKind::Disarm));
}

#[test]
fn a_change_in_force_whose_timer_vanished_is_unknown_and_never_guessed() {
    let mut events = vec![
        plan(),
        Event::Armed,
        Event::Applied,
        seen(SeenConfig::After, false),
    ];
    events.extend(std::iter::repeat_n(seen(SeenConfig::After, false), 3));
    let push = run(guarded(Then::Wait), events);

    assert_eq!(push.state, ChangeState::Unknown);
    assert!(push.reason.unwrap().contains("nothing will undo it"));
}

#[test]
fn a_timer_that_may_have_been_armed_before_a_crash_is_never_called_refused() {
    let arming = run(guarded(Then::Wait), vec![plan()]);
    let refused = step(&arming, failed(false), at(1)).unwrap().push;
    let mut push = step(&arming, Event::Resumed, at(1)).unwrap().push;
    for _ in 0..3 {
        push = step(&push, failed(false), at(2)).unwrap().push;
    }

    assert_eq!(refused.state, ChangeState::Refused);
    assert_eq!(push.state, ChangeState::Reverting);
    let end = step(&push, seen(SeenConfig::Before, false), at(90)).unwrap();
    assert_eq!(end.push.state, ChangeState::Reverted);
}

#[test]
fn a_change_of_which_nothing_was_sent_is_refused_and_not_called_undone() {
    let begun = run(guarded(Then::Wait), vec![plan(), Event::Armed]);
    let refused = step(&begun, untouched(), at(2)).unwrap();
    let resumed = step(&begun, Event::Resumed, at(2)).unwrap().push;
    let doubted = step(&resumed, untouched(), at(3)).unwrap().push;

    assert_eq!(refused.push.state, ChangeState::Refused);
    assert_eq!(refused.effects, [Effect::Release]);
    assert!(refused.push.reason.unwrap().contains("somebody else"));
    // The server before may have sent something: only the device knows.
    assert_eq!(doubted.state, ChangeState::Reverting);
    assert_eq!(doubted.asking, Some(StepKind::ReadBack));
}

#[test]
fn a_failure_that_leaves_the_timer_on_the_device_is_never_called_refused() {
    let push = run(
        guarded(Then::Wait),
        vec![plan(), Event::Armed, failed(false)],
    );

    assert_eq!(
        (push.state, push.asking),
        (ChangeState::Reverting, Some(StepKind::Revert))
    );
}

#[test]
fn a_device_that_keeps_another_timer_is_unknown_whenever_that_is_seen() {
    for begun in [vec![plan()], vec![plan(), Event::Armed]] {
        let push = run(guarded(Then::Wait), [begun, vec![altered()]].concat());

        assert_eq!(push.state, ChangeState::Unknown);
        assert!(push.reason.unwrap().contains("another script"));
    }
    let push = run(
        guarded(Then::Wait),
        vec![
            plan(),
            Event::Armed,
            Event::Applied,
            seen_altered(SeenConfig::After),
        ],
    );
    assert_eq!(push.state, ChangeState::Reverting, "nothing may wait on it");
    assert!(push.wake_at.unwrap() >= at(60), "the timer has its time");

    // It has had its time, and is still there.
    let early = step(&push, seen_altered(SeenConfig::After), at(65)).unwrap();
    assert_eq!(early.push.state, ChangeState::Reverting);
    let end = step(&early.push, seen_altered(SeenConfig::After), at(72)).unwrap();
    assert_eq!(end.push.state, ChangeState::Unknown);
    assert!(
        end.push
            .reason
            .unwrap()
            .contains("not the one that was put there")
    );
    // Or it ran, and did something else.
    let mut other = early.push;
    for second in [70, 75, 80] {
        let moved = step(&other, seen(SeenConfig::Neither, false), at(second));
        other = moved.unwrap().push;
    }
    assert_eq!(other.state, ChangeState::Unknown);
    assert!(
        other
            .reason
            .unwrap()
            .contains("not the one that was put there")
    );
}
