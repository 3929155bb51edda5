//! The machine of a change, by example and by law.

use tod_proto::bus::task::SeenConfig;

use super::super::model::{Plan, Sight, Then};
use super::*;

mod guard;
mod laws;

const STATES: [ChangeState; 12] = ChangeState::ALL;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + seconds).unwrap()
}

fn guarded(then: Then) -> Wanted {
    Wanted {
        window_seconds: 60,
        then,
        unguarded: false,
    }
}

fn plan() -> Event {
    Event::Prepared(Plan {
        guard: GuardKind::Undo,
        no_guard_because: None,
        is_empty: false,
    })
}

fn seen(config: SeenConfig, timer: bool) -> Event {
    Event::Seen(Sight {
        config,
        timer,
        timer_altered: false,
        differences: "a line".to_owned(),
    })
}

/// The timer is on the device with another script.
fn seen_altered(config: SeenConfig) -> Event {
    Event::Seen(Sight {
        config,
        timer: true,
        timer_altered: true,
        differences: "a line".to_owned(),
    })
}

fn untouched() -> Event {
    Event::Untouched {
        message: "somebody else has changed it".to_owned(),
    }
}

fn altered() -> Event {
    Event::Altered {
        message: "it holds another script".to_owned(),
    }
}

fn failed(may_have_changed: bool) -> Event {
    Event::Failed {
        message: "no such item".to_owned(),
        may_have_changed,
    }
}

fn lost() -> Event {
    Event::Lost {
        message: "no answer".to_owned(),
        sent: true,
    }
}

/// One event of each kind.
fn one_of_each() -> Vec<(&'static str, Event)> {
    vec![
        ("prepared", plan()),
        ("armed", Event::Armed),
        ("applied", Event::Applied),
        ("untouched", untouched()),
        ("altered", altered()),
        ("undoing", Event::Undoing),
        ("seen", seen(SeenConfig::After, true)),
        ("failed", failed(true)),
        ("lost", lost()),
        ("due", Event::Due),
        ("resumed", Event::Resumed),
        ("confirm", Event::Confirm),
        ("revert", Event::Revert),
    ]
}

/// Feeds events, one a second; panics at an illegal one.
fn run(wanted: Wanted, events: Vec<Event>) -> Push {
    let mut push = Push::new(wanted);
    for (second, event) in (0..).zip(events) {
        push = step(&push, event, at(second)).unwrap().push;
    }
    push
}

fn in_state(state: ChangeState) -> Push {
    let mut push = run(guarded(Then::Wait), vec![plan(), Event::Armed]);
    push.state = state;
    push.until = Some(at(120));
    push.asking = match state {
        ChangeState::Preparing => Some(StepKind::Prepare),
        ChangeState::Arming => Some(StepKind::Arm),
        ChangeState::Applying => Some(StepKind::Apply),
        ChangeState::Verifying => Some(StepKind::Verify),
        ChangeState::Confirming => Some(StepKind::Disarm),
        ChangeState::Reverting => Some(StepKind::ReadBack),
        ChangeState::Planned
        | ChangeState::Pending
        | ChangeState::Confirmed
        | ChangeState::Reverted
        | ChangeState::Refused
        | ChangeState::Unknown => None,
    };
    push
}

/// What each state takes, and where that leads.
const LEGAL: &[(ChangeState, &[(&str, ChangeState)])] = &[
    (
        ChangeState::Preparing,
        &[
            ("resumed", ChangeState::Preparing),
            ("prepared", ChangeState::Arming),
            ("failed", ChangeState::Refused),
            ("lost", ChangeState::Preparing),
        ],
    ),
    (
        ChangeState::Arming,
        &[
            ("resumed", ChangeState::Arming),
            ("armed", ChangeState::Applying),
            ("altered", ChangeState::Unknown),
            ("failed", ChangeState::Arming),
            ("lost", ChangeState::Arming),
        ],
    ),
    (
        ChangeState::Applying,
        &[
            ("resumed", ChangeState::Applying),
            ("applied", ChangeState::Verifying),
            ("untouched", ChangeState::Refused),
            ("altered", ChangeState::Unknown),
            ("failed", ChangeState::Reverting),
            ("lost", ChangeState::Reverting),
        ],
    ),
    (
        ChangeState::Verifying,
        &[
            ("resumed", ChangeState::Verifying),
            ("seen", ChangeState::Pending),
            ("failed", ChangeState::Reverting),
            ("lost", ChangeState::Verifying),
        ],
    ),
    (
        ChangeState::Pending,
        &[
            ("resumed", ChangeState::Pending),
            ("confirm", ChangeState::Confirming),
            ("revert", ChangeState::Reverting),
        ],
    ),
    (
        ChangeState::Confirming,
        &[
            ("resumed", ChangeState::Confirming),
            ("seen", ChangeState::Confirming),
            ("failed", ChangeState::Confirming),
            ("lost", ChangeState::Confirming),
        ],
    ),
    (
        ChangeState::Reverting,
        &[
            ("resumed", ChangeState::Reverting),
            ("undoing", ChangeState::Reverting),
            ("seen", ChangeState::Reverting),
            ("failed", ChangeState::Reverting),
            ("lost", ChangeState::Reverting),
        ],
    ),
];

#[test]
fn every_state_takes_these_events_and_no_others() {
    for state in STATES {
        let row = LEGAL
            .iter()
            .find(|(of, _)| *of == state)
            .map_or(&[][..], |(_, row)| row);
        for (name, event) in one_of_each() {
            let next = step(&in_state(state), event, at(5)).map(|moved| moved.push.state);
            let wanted = row
                .iter()
                .find(|(of, _)| *of == name)
                .map(|(_, next)| *next);
            assert_eq!(next.ok(), wanted, "{state:?} × {name}");
        }
    }
}

#[test]
fn when_the_time_is_over_nothing_is_confirmed() {
    for state in STATES {
        let waits = matches!(
            state,
            ChangeState::Applying
                | ChangeState::Verifying
                | ChangeState::Pending
                | ChangeState::Confirming
        );
        let push = in_state(state);
        assert_eq!(push.is_overdue(at(60)), waits, "{state:?}");
        assert!(!push.is_overdue(at(59)), "{state:?}");
        let due = step(&push, Event::Due, at(60)).map(|moved| moved.push.state);
        assert_eq!(
            due.ok(),
            waits.then_some(ChangeState::Reverting),
            "{state:?}"
        );
    }
    assert!(step(&in_state(ChangeState::Pending), Event::Confirm, at(60)).is_err());
    assert!(step(&in_state(ChangeState::Pending), Event::Confirm, at(59)).is_ok());
}

#[test]
fn a_change_that_a_person_confirms_is_confirmed_when_the_timer_is_seen_gone() {
    let push = run(
        guarded(Then::Wait),
        vec![
            plan(),
            Event::Armed,
            Event::Applied,
            seen(SeenConfig::After, true),
            Event::Confirm,
            seen(SeenConfig::After, true),
            seen(SeenConfig::After, false),
        ],
    );

    assert_eq!(push.state, ChangeState::Confirmed);
    assert_eq!(push.reason, None);
}

#[test]
fn a_plan_alone_asks_for_nothing_more() {
    let moved = step(&Push::new(guarded(Then::OnlyPlan)), plan(), at(0)).unwrap();

    assert_eq!(moved.push.state, ChangeState::Planned);
    assert_eq!(moved.effects, [Effect::Release]);
}

#[test]
fn a_refusal_halfway_is_undone_at_once_and_silence_by_the_devices_own_timer() {
    let begun = vec![plan(), Event::Armed];
    let refused = run(
        guarded(Then::Wait),
        [begun.clone(), vec![failed(true)]].concat(),
    );
    let silent = run(guarded(Then::Wait), [begun, vec![lost()]].concat());

    assert_eq!(
        (refused.asking, refused.wake_at),
        (Some(StepKind::Revert), None)
    );
    assert_eq!(silent.asking, Some(StepKind::ReadBack));
    assert!(silent.wake_at.unwrap() >= at(60));
    let events = vec![
        plan(),
        Event::Armed,
        failed(true),
        Event::Undoing,
        seen(SeenConfig::Before, true),
        seen(SeenConfig::Before, false),
    ];
    assert_eq!(
        run(guarded(Then::Wait), events).state,
        ChangeState::Reverted
    );
}

#[test]
fn a_silent_device_is_read_at_least_three_times_and_then_given_up() {
    let mut push = run(guarded(Then::Wait), vec![plan(), Event::Armed, lost()]);
    let long_after = at(100_000);
    for _ in 0..2 {
        push = step(&push, lost(), long_after).unwrap().push;
        assert_eq!(push.state, ChangeState::Reverting);
    }
    push = step(&push, lost(), long_after).unwrap().push;

    assert_eq!(push.state, ChangeState::Unknown);
    assert!(push.reason.unwrap().contains("look at it"));
}

#[test]
fn a_lost_confirmation_is_believed_only_from_the_device() {
    let begun = || {
        vec![
            plan(),
            Event::Armed,
            Event::Applied,
            seen(SeenConfig::After, true),
            Event::Confirm,
        ]
    };
    let push = run(guarded(Then::Wait), begun());
    let push = step(&push, lost(), at(61)).unwrap().push;
    assert_eq!(
        (push.state, push.asking),
        (ChangeState::Reverting, Some(StepKind::ReadBack))
    );

    let kept = step(&push, seen(SeenConfig::After, false), at(62))
        .unwrap()
        .push;
    let undone = step(&push, seen(SeenConfig::Before, false), at(62))
        .unwrap()
        .push;
    assert_eq!(kept.state, ChangeState::Confirmed);
    assert_eq!(undone.state, ChangeState::Reverted);
}
