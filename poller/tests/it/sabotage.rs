//! Changes of devices that go wrong in the middle of them: what each step says, and that what is
//! read in the end is so.

use std::time::Duration;

use futures_util::future::join_all;
use tod_lab::Spec;
use tod_proto::api::changes::GuardKind;
use tod_proto::bus::task::{Report, Seen, SeenConfig};
use tod_proto::error::ErrorCode;
use tod_proto::lab::Fault;

use crate::change::{ADD, Push, WINDOW, failure, is, seen};
use crate::harness::until;
use crate::lab::spec;

/// Ten years.
const FAR: i64 = 10 * 365 * 86_400;

/// When something begins to go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Planning,
    Arming,
    Applying,
    Verifying,
    Confirming,
}

/// Something that goes wrong, and what is said and read then.
#[derive(Debug)]
struct Case {
    when: When,
    faults: Vec<Fault>,
    reboots: bool,
    /// What each step says; after one that fails there is none.
    said: &'static str,
    end: SeenConfig,
}

impl Case {
    fn new(when: When, fault: Fault, said: &'static str, end: SeenConfig) -> Self {
        Self {
            when,
            faults: vec![fault],
            reboots: false,
            said,
            end,
        }
    }
}

/// The device is another one.
fn another() -> Fault {
    let device = "r2".to_owned();
    Fault::CloneOf { device }
}

fn of(command: &str, make: fn(String) -> Fault) -> Fault {
    make(command.to_owned())
}

/// Ways to lose contact in the middle of a command that is carried out.
const LOSSES: [fn(String) -> Fault; 3] = [
    |command| Fault::LoseReplyTo { command },
    |command| Fault::HangMid { command },
    |command| Fault::RebootMid { command },
];

fn cases() -> Vec<Case> {
    let mut cases = losses();
    cases.extend(jumps());
    cases.extend(others());
    cases
}

/// What becomes of a change that is kept.
const KEPT: &str = "armed applied seen kept";

/// Contact is lost in the middle of a command.
fn losses() -> Vec<Case> {
    use SeenConfig::{After, Before};
    use When::{Applying, Arming, Confirming, Verifying};
    let mut cases = Vec::new();
    for loss in LOSSES {
        cases.extend([
            Case::new(Arming, of("/system/scheduler/add", loss), "lost", Before),
            Case::new(Applying, of("/ip/address/add", loss), "armed lost", Before),
            Case::new(
                Confirming,
                of("/system/scheduler/remove", loss),
                "armed applied seen lost",
                After,
            ),
            // What is only read can be lost without harm, but not believed either.
            Case::new(
                Arming,
                of("/system/scheduler/print", loss),
                "refused",
                Before,
            ),
            Case::new(
                Applying,
                of("/ip/address/print", loss),
                "armed refused",
                Before,
            ),
            Case::new(
                Verifying,
                of("/ip/address/print", loss),
                "armed applied refused",
                Before,
            ),
        ]);
    }
    cases
}

/// The clock jumps.
fn jumps() -> Vec<Case> {
    use When::{Applying, Arming, Confirming, Planning, Verifying};
    let mut cases = Vec::new();
    for when in [Planning, Arming, Applying, Verifying, Confirming] {
        for seconds in [FAR, -FAR] {
            cases.push(Case::new(
                when,
                Fault::ClockJump { seconds },
                KEPT,
                SeenConfig::After,
            ));
        }
    }
    cases
}

fn others() -> Vec<Case> {
    use SeenConfig::{After, Before};
    use When::{Applying, Arming, Confirming, Planning, Verifying};
    let dies_and_forgets = Case {
        when: Applying,
        faults: vec![of("/ip/address/add", LOSSES[2]), Fault::ForgetScheduler],
        reboots: false,
        said: "armed lost",
        // It is in force and nothing will undo it: what is to become of it is not ours to say.
        end: After,
    };
    let forgets = |when, said, end| Case {
        reboots: true,
        ..Case::new(when, Fault::ForgetScheduler, said, end)
    };
    vec![
        Case::new(Planning, Fault::FlashFull, KEPT, After),
        Case::new(Planning, Fault::BackupFails, KEPT, After),
        Case::new(Planning, Fault::SafeModeHeld, "refused", Before),
        Case::new(Arming, Fault::SafeModeHeld, "refused", Before),
        Case::new(Arming, Fault::CorruptScheduler, "altered", Before),
        Case::new(Applying, Fault::Silent, "armed refused", Before),
        Case::new(Verifying, Fault::Silent, "armed applied refused", Before),
        // The address is another device's by then: nothing is sent to that one, or believed of it.
        Case::new(Arming, another(), "refused", Before),
        Case::new(Applying, another(), "armed refused", Before),
        Case::new(Verifying, another(), "armed applied refused", Before),
        Case::new(Confirming, another(), "armed applied seen refused", Before),
        dies_and_forgets,
        forgets(Applying, "armed untouched", Before),
        forgets(Verifying, "armed applied unguarded", After),
        forgets(Confirming, "armed applied seen kept", After),
    ]
}

/// What is injected here.
pub(crate) fn faults() -> Vec<Fault> {
    cases().into_iter().flat_map(|case| case.faults).collect()
}

/// What a step said, in a word.
fn word(report: Report) -> &'static str {
    match report {
        Report::Armed => "armed",
        Report::Applied => "applied",
        Report::Seen(seen) if seen == is(SeenConfig::After, true) => "seen",
        Report::Seen(seen) if seen == is(SeenConfig::After, false) => "unguarded",
        Report::Untouched(_) => "untouched",
        Report::Altered(_) => "altered",
        Report::Failed(failure) if failure.may_have_changed => "lost",
        Report::Failed(_) => "refused",
        other => panic!("{other:?}"),
    }
}

/// Lets it go wrong when it is to.
async fn sabotage(push: &Push, case: &Case, now: When) {
    if case.when != now {
        return;
    }
    for fault in &case.faults {
        push.device.inject(fault.clone());
    }
    if case.reboots {
        push.device.reboot();
        until("it is up", || push.device.summary().is_up).await;
    }
}

/// Goes through all steps until one fails; returns what each said.
async fn steps(push: &mut Push, case: &Case) -> String {
    sabotage(push, case, When::Planning).await;
    let prepared = push.prepare().await;
    assert_eq!(prepared.guard, GuardKind::Undo, "{case:?}: {prepared:?}");
    let mut said = Vec::new();
    for (now, good) in [
        (When::Arming, "armed"),
        (When::Applying, "applied"),
        (When::Verifying, "seen"),
        (When::Confirming, "unguarded"),
    ] {
        sabotage(push, case, now).await;
        let report = match now {
            When::Planning | When::Arming => push.arm().await,
            When::Applying => push.apply().await,
            When::Verifying => push.verify().await,
            When::Confirming => push.disarm().await,
        };
        let word = word(report);
        if word != good {
            said.push(word);
            break;
        }
        // In the end, it is to be in force without a timer.
        let is_last = now == When::Confirming;
        said.push(if is_last { "kept" } else { word });
    }
    said.join(" ")
}

/// Lets the window pass and everything heal, and reads the device.
async fn outcome(push: &Push) -> Seen {
    until("it is up", || push.device.summary().is_up).await;
    push.device.clear_faults();
    push.lab.advance(Duration::from_secs(u64::from(WINDOW) + 1));
    until("no timer is left", || !push.has_timer()).await;
    loop {
        if let Report::Seen(seen) = push.read_back().await {
            return seen;
        }
    }
}

/// Goes through all cases, some at the same time, because most of them wait for a deadline.
async fn all_hold(spec: Spec) {
    let cases = cases();
    for some in cases.chunks(8) {
        join_all(some.iter().map(|case| holds(spec.clone(), case))).await;
    }
}

async fn holds(spec: Spec, case: &Case) {
    let what = format!("{} {case:?}", spec.version);
    let mut push = Push::on(spec, ADD).await;
    let (before, files) = (push.device.tree(), push.device.rows("/file").len());

    let said = steps(&mut push, case).await;
    assert_eq!(said, case.said, "{what}");
    if said.contains("kept") {
        assert_eq!(push.device.counts().fired, 0, "{what}");
    }

    let seen = outcome(&push).await;
    assert_eq!((seen.config, seen.timer), (case.end, false), "{what}");
    // The device knows best.
    let is_before = push.device.tree() == before;
    assert_eq!(is_before, seen.config == SeenConfig::Before, "{what}");
    assert_eq!(push.device.rows("/file").len(), files, "{what}");
}

#[tokio::test]
async fn whatever_goes_wrong_is_told_and_what_is_read_is_so() {
    all_hold(spec()).await;
}

#[tokio::test]
async fn it_is_so_on_an_old_release_too() {
    all_hold(spec().version("6.49.18").board("hEX")).await;
}

/// Safe mode covers what all sessions do: a change that is kept would be lost with that of others.
#[tokio::test]
async fn nothing_is_changed_while_somebody_holds_safe_mode() {
    for version in ["6.49.18", "7.15.3", "7.20.8", "7.24"] {
        let mut push = Push::on(spec().version(version).board("CHR"), ADD).await;
        let before = push.device.tree();
        push.prepare().await;
        push.device.inject(Fault::SafeModeHeld);

        let refused = failure(push.arm().await);

        assert_eq!(refused.code, ErrorCode::Conflict, "{version}: {refused:?}");
        assert!(refused.message.raw().contains("safe mode"), "{refused:?}");
        assert!(!refused.may_have_changed, "{version}");
        assert_eq!(push.device.tree(), before, "{version}");

        push.device.clear_faults();
        assert!(matches!(push.arm().await, Report::Armed), "{version}");
    }
}

#[tokio::test]
async fn the_timer_counts_seconds_whatever_the_clock_does() {
    for (seconds, is_armed) in [
        (FAR, false),
        (-FAR, false),
        (FAR, true),
        (-FAR, true),
        (3600, true),
        (-3600, true),
    ] {
        let mut push = Push::of(ADD).await;
        let before = push.device.tree();
        let jump = Fault::ClockJump { seconds };
        if !is_armed {
            push.device.inject(jump.clone());
        }
        push.through().await;
        if is_armed {
            push.device.inject(jump);
        }

        push.lab.advance(Duration::from_secs(u64::from(WINDOW) - 5));
        assert_eq!(seen(push.read_back().await), is(SeenConfig::After, true));
        assert_eq!(push.device.counts().fired, 0, "{seconds}");

        push.lab.advance(Duration::from_secs(10));
        push.timer_fires().await;
        assert_eq!(seen(push.read_back().await), is(SeenConfig::Before, false));
        push.device.clear_faults();
        assert_eq!(push.device.tree(), before, "{seconds}");
    }
}
