//! A device as a change sees it, played by a poller of a test.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tod_proto::api::changes::{Change, ChangeState, DiffLine, GuardKind};
use tod_proto::bus::task::{
    ConfigSnapshot, MenuSnapshot, PlannedLine, Prepared, PushStep, Report, Seen, SeenConfig, Task,
    TaskFailure, What,
};
use tod_proto::error::ErrorCode;
use tod_proto::id::DeviceId;
use tod_proto::untrusted::Untrusted;

use crate::fake::{Poller, Stage, eventually};

/// A device as far as a change sees it.
#[derive(Clone)]
pub(super) struct Router(pub(super) Arc<Mutex<State>>);

pub(super) struct State {
    pub(super) config: SeenConfig,
    pub(super) timer: bool,
    pub(super) guard: GuardKind,
    /// This step goes wrong, in this way.
    pub(super) trouble: Option<(&'static str, Trouble)>,
    /// How it refuses.
    pub(super) says: &'static str,
}

#[derive(Clone, Copy)]
pub(super) enum Trouble {
    /// The device says no halfway.
    Refuses,
    /// It is done, and the answer never comes; only the first time.
    HangsOnce,
    /// Nothing is sent, and the timer is taken off.
    LeavesAlone,
    /// The device keeps another timer than it was given; it is taken off.
    Alters,
}

impl Router {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            config: SeenConfig::Before,
            timer: false,
            guard: GuardKind::Undo,
            trouble: None,
            says: "failure: already have such address",
        })))
    }

    pub(super) fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.lock().unwrap());
    }

    /// The device's own timer fires.
    pub(super) fn fire(&self) {
        self.set(|state| {
            if std::mem::take(&mut state.timer) {
                state.config = SeenConfig::Before;
            }
        });
    }

    async fn answer(self, task: Task) -> Report {
        let What::Push { step, .. } = task.what else {
            panic!("{task:?}");
        };
        let (report, hangs) = self.perform(&step);
        if hangs {
            std::future::pending::<()>().await;
        }
        report
    }

    fn perform(&self, step: &PushStep) -> (Report, bool) {
        let mut state = self.0.lock().unwrap();
        let trouble = state
            .trouble
            .filter(|(of, _)| *of == name(step))
            .map(|(_, how)| how);
        match trouble {
            Some(Trouble::Refuses) => return (refused(state.says), false),
            Some(Trouble::HangsOnce) => state.trouble = None,
            Some(Trouble::LeavesAlone) => {
                state.timer = false;
                return (
                    Report::Untouched(failure("somebody changed the device")),
                    false,
                );
            }
            Some(Trouble::Alters) => {
                state.timer = false;
                return (Report::Altered(failure("it keeps another script")), false);
            }
            None => {}
        }
        let report = match step {
            PushStep::Prepare { .. } => prepared(state.guard),
            PushStep::Arm { .. } => {
                state.timer = true;
                Report::Armed
            }
            PushStep::Apply { .. } => {
                state.config = SeenConfig::After;
                Report::Applied
            }
            PushStep::Disarm { .. } => {
                state.timer = false;
                seen(&state)
            }
            PushStep::Revert => {
                (state.timer, state.config) = (false, SeenConfig::Before);
                Report::Reverting
            }
            PushStep::Verify { .. } | PushStep::ReadBack { .. } => seen(&state),
        };
        (report, trouble.is_some())
    }
}

fn name(step: &PushStep) -> &'static str {
    match step {
        PushStep::Prepare { .. } => "prepare",
        PushStep::Arm { .. } => "arm",
        PushStep::Apply { .. } => "apply",
        PushStep::Verify { .. } => "verify",
        PushStep::Disarm { .. } => "disarm",
        PushStep::Revert => "revert",
        PushStep::ReadBack { .. } => "read_back",
    }
}

fn seen(state: &State) -> Report {
    let differences = match state.config {
        SeenConfig::Neither => vec![Untrusted::new("/ip/address: one more row")],
        SeenConfig::Before | SeenConfig::After | SeenConfig::Same => Vec::new(),
    };
    Report::Seen(Seen {
        config: state.config,
        timer: state.timer,
        timer_altered: false,
        differences,
    })
}

fn refused(says: &str) -> Report {
    Report::Failed(TaskFailure {
        may_have_changed: true,
        ..failure(says)
    })
}

fn failure(message: &str) -> TaskFailure {
    TaskFailure {
        code: ErrorCode::Invalid,
        message: Untrusted::new(message),
        hint: None,
        may_have_changed: false,
    }
}

fn prepared(guard: GuardKind) -> Report {
    Report::Prepared(Box::new(Prepared {
        diff: vec![PlannedLine {
            line: DiffLine {
                sign: '+',
                menu: "/ip/address".to_owned(),
                text: Untrusted::new("10.9.9.1/24 on ether1"),
            },
            secrets: Vec::new(),
        }],
        warnings: Vec::new(),
        guard,
        no_guard_because: (guard == GuardKind::None)
            .then(|| Untrusted::new("device-mode forbids the scheduler")),
        undo_script: "/ip/address/remove [find comment=x]; /snmp/community/set 0 name=meadow-lark"
            .to_owned(),
        before: ConfigSnapshot {
            menus: vec![MenuSnapshot {
                path: "/snmp/community".to_owned(),
                rows: vec![vec![("name".to_owned(), hex::encode("meadow-lark"))]],
            }],
            serial: None,
        },
    }))
}

pub(super) struct Play {
    pub(super) stage: Stage,
    pub(super) router: Router,
    pub(super) poller: Poller,
    pub(super) device: DeviceId,
}

impl Play {
    pub(super) async fn new() -> Self {
        let (stage, router) = (Stage::new().await, Router::new());
        let device = stage.add("edge", "10.0.0.1").await;
        let answering = router.clone();
        let poller = Poller::new(&stage.app.bus, move |task| answering.clone().answer(task));
        poller.lease(&[]).await;
        Self {
            stage,
            router,
            poller,
            device,
        }
    }

    pub(super) async fn apply(&self, more: serde_json::Value) -> Change {
        let mut body = json!({
            "device": self.device, "window_seconds": 60,
            "script": "/ip/address/add address=10.9.9.1/24 interface=ether1 comment=canary-secret",
        });
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        self.stage
            .app
            .post(&self.stage.ana, &self.stage.path("changes"), body)
            .await
            .ok()
    }

    pub(super) async fn show(&self) -> Change {
        self.stage
            .app
            .get(&self.stage.ana, &self.stage.path("changes/1"))
            .await
            .ok()
    }

    pub(super) async fn reach(&self, state: ChangeState) -> Change {
        let change = eventually(async || {
            let change = self.show().await;
            (change.state == state || change.state.is_final()).then_some(change)
        })
        .await;
        assert_eq!(change.state, state, "{change:#?}");
        change
    }

    pub(super) async fn post(&self, what: &str) -> crate::harness::Answer {
        let path = self.stage.path(&format!("changes/1/{what}"));
        self.stage.app.post(&self.stage.ana, &path, json!({})).await
    }

    pub(super) async fn pass(&self, seconds: u64) {
        self.stage.app.hands.advance(Duration::from_secs(seconds));
        self.poller.lease(&[(self.device, 1)]).await;
    }

    /// Lets time pass, a few seconds at a time, until the change has ended.
    pub(super) async fn end(&self) -> Change {
        eventually(async || {
            let change = self.show().await;
            if change.state.is_final() {
                return Some(change);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
            self.pass(3).await;
            None
        })
        .await
    }

    pub(super) fn steps(&self) -> Vec<&'static str> {
        let tasks = self.poller.asked();
        let steps = tasks.iter().map(|task| match &task.what {
            What::Push { step, .. } => name(step),
            other => panic!("{other:?}"),
        });
        steps.collect()
    }
}
