//! What holds of every change, whatever happens to it.

use proptest::prelude::*;
use tod_proto::bus::task::SeenConfig;

use super::*;

fn any_event() -> impl Strategy<Value = Event> {
    let config = prop_oneof![
        Just(SeenConfig::Before),
        Just(SeenConfig::After),
        Just(SeenConfig::Same),
        Just(SeenConfig::Neither),
    ];
    prop_oneof![
        (any::<bool>(), any::<bool>()).prop_map(|(guard, is_empty)| Event::Prepared(Plan {
            guard: if guard {
                GuardKind::Undo
            } else {
                GuardKind::None
            },
            no_guard_because: None,
            is_empty,
        })),
        Just(Event::Armed),
        Just(Event::Applied),
        Just(untouched()),
        Just(altered()),
        Just(Event::Undoing),
        (config.clone(), any::<bool>()).prop_map(|(config, timer)| seen(config, timer)),
        config.prop_map(seen_altered),
        any::<bool>().prop_map(failed),
        any::<bool>().prop_map(|sent| Event::Lost {
            message: "lost".to_owned(),
            sent
        }),
        Just(Event::Due),
        Just(Event::Resumed),
        Just(Event::Confirm),
        Just(Event::Revert),
    ]
}

fn any_wanted() -> impl Strategy<Value = Wanted> {
    let then = prop_oneof![Just(Then::OnlyPlan), Just(Then::Wait), Just(Then::Confirm)];
    (10_u32..3600, then, any::<bool>()).prop_map(|(window_seconds, then, unguarded)| Wanted {
        window_seconds,
        then,
        unguarded,
    })
}

proptest! {
    #[test]
    fn whatever_happens_the_end_is_read_from_the_device(
        wanted in any_wanted(),
        events in prop::collection::vec((any_event(), 0_i64..40), 1..60),
    ) {
        let (mut push, mut now) = (Push::new(wanted), 0);
        let (mut last_seen, mut confirmed_by_person, mut armed) = (None, false, false);
        for (event, pause) in events {
            now += pause;
            let Ok(moved) = step(&push, event.clone(), at(now)) else { continue };
            confirmed_by_person |= event == Event::Confirm;
            armed |= event == Event::Armed;
            if let Event::Seen(sight) = &event {
                last_seen = Some((sight.config, sight.timer));
            }
            let next = moved.push;
            prop_assert_eq!(next.turn, push.turn + 1);
            match next.state {
                ChangeState::Confirmed => {
                    prop_assert!(matches!(
                        last_seen,
                        Some((SeenConfig::After | SeenConfig::Same, false))
                    ));
                    let asked = confirmed_by_person
                        || wanted.then == Then::Confirm
                        || wanted.unguarded;
                    prop_assert!(asked);
                }
                ChangeState::Reverted => prop_assert!(matches!(
                    last_seen,
                    Some((SeenConfig::Before | SeenConfig::Same, false))
                )),
                ChangeState::Unknown | ChangeState::Refused => {
                    prop_assert!(next.reason.is_some());
                }
                ChangeState::Applying => prop_assert!(wanted.unguarded || armed),
                ChangeState::Preparing
                | ChangeState::Planned
                | ChangeState::Arming
                | ChangeState::Verifying
                | ChangeState::Pending
                | ChangeState::Confirming
                | ChangeState::Reverting => {}
            }
            if armed {
                prop_assert_ne!(next.state, ChangeState::Planned);
                let is_refused = next.state == ChangeState::Refused;
                let is_untouched = matches!(event, Event::Untouched { .. });
                prop_assert!(!is_refused || is_untouched);
            }
            if matches!(event, Event::Altered { .. }) {
                prop_assert_eq!(next.state, ChangeState::Unknown);
            }
            let goes_on = next.asking.is_some() || next.wake_at.is_some();
            prop_assert_eq!(goes_on, !next.state.is_final());
            prop_assert_eq!(moved.effects == [Effect::Release], next.state.is_final());
            push = next;
        }
    }

    #[test]
    fn a_push_that_gets_no_answers_still_ends(wanted in any_wanted(), until in 0_usize..6) {
        let steps = [plan(), Event::Armed, Event::Applied, seen(SeenConfig::After, true)];
        let (mut push, mut now) = (Push::new(wanted), at(0));
        for event in steps.into_iter().take(until) {
            push = step(&push, event, now).map_or(push, |moved| moved.push);
        }
        for _ in 0..1000 {
            if push.state.is_final() {
                break;
            }
            now = push.wake_at.unwrap_or(now).max(now);
            let event = if push.is_overdue(now) { Event::Due } else { lost() };
            push = step(&push, event, now).unwrap().push;
        }
        prop_assert!(push.state.is_final());
        // From the moment the timer is known to run: the window and a minute.
        let spare = if until >= 2 { 60 } else { 75 };
        let limit = at(i64::from(wanted.window_seconds) + spare);
        prop_assert!(now <= limit, "{now} {limit}");
    }
}
