//! A change of a device of the lab, step by step.

use tod_lab::{Device, Lab};
use tod_proto::api::changes::GuardKind;
use tod_proto::bus::task::{
    ConfigSnapshot, Prepared, PushStep, Report, Seen, SeenConfig, TaskFailure, What,
};
use tod_proto::id::{ChangeId, DeviceId};
use tod_proto::lab::Event;

use crate::harness::{Setup, World, short_deadlines};
use crate::lab::{one, record_of, spec};

pub(crate) const ADD: &str = "/ip/address/add address=10.77.0.1/24 interface=ether2 comment=pushed";
pub(crate) const WINDOW: u32 = 60;

/// A change of a device of the lab.
pub(crate) struct Push {
    pub(crate) world: World,
    pub(crate) lab: Lab,
    pub(crate) device: Device,
    pub(crate) id: DeviceId,
    change: ChangeId,
    script: &'static str,
    before: ConfigSnapshot,
    undo_script: String,
}

impl Push {
    pub(crate) async fn of(script: &'static str) -> Self {
        Self::on(spec(), script).await
    }

    pub(crate) async fn on(spec: tod_lab::Spec, script: &'static str) -> Self {
        let setup = Setup {
            deadlines: short_deadlines(),
            ..Setup::default()
        };
        let mut world = World::start(setup);
        let (lab, device) = one(spec).await;
        let id = world.grant(&record_of(&device)).await;
        world.answered().await;
        Self {
            world,
            lab,
            device,
            id,
            change: ChangeId::generate(),
            script,
            before: ConfigSnapshot::default(),
            undo_script: String::new(),
        }
    }

    pub(crate) async fn step(&self, step: PushStep) -> Report {
        let what = What::Push {
            change: self.change,
            number: 17,
            step: Box::new(step),
        };
        self.world.ask_within(self.id, 3, what).await
    }

    pub(crate) async fn prepare(&mut self) -> Prepared {
        let script = self.script.to_owned();
        let report = self.step(PushStep::Prepare { script }).await;
        let Report::Prepared(prepared) = report else {
            panic!("{report:?}");
        };
        self.before.clone_from(&prepared.before);
        self.undo_script.clone_from(&prepared.undo_script);
        *prepared
    }

    pub(crate) async fn arm(&self) -> Report {
        let undo_script = self.undo_script.clone();
        let window_seconds = WINDOW;
        self.step(PushStep::Arm {
            undo_script,
            window_seconds,
            serial: self.before.serial.clone(),
        })
        .await
    }

    pub(crate) async fn apply(&self) -> Report {
        self.step(PushStep::Apply {
            script: self.script.to_owned(),
            before: self.before.clone(),
            guard: GuardKind::Undo,
            undo_script: Some(self.undo_script.clone()),
        })
        .await
    }

    pub(crate) async fn verify(&self) -> Report {
        let (before, script) = (self.before.clone(), self.script.to_owned());
        let undo_script = Some(self.undo_script.clone());
        self.step(PushStep::Verify {
            before,
            script,
            undo_script,
        })
        .await
    }

    pub(crate) async fn read_back(&self) -> Report {
        let (before, script) = (self.before.clone(), self.script.to_owned());
        let undo_script = Some(self.undo_script.clone());
        self.step(PushStep::ReadBack {
            before,
            script,
            undo_script,
        })
        .await
    }

    pub(crate) async fn disarm(&self) -> Report {
        let (before, script) = (self.before.clone(), self.script.to_owned());
        self.step(PushStep::Disarm { before, script }).await
    }

    /// Prepares, arms and applies.
    pub(crate) async fn through(&mut self) {
        self.prepare().await;
        assert!(matches!(self.arm().await, Report::Armed));
        assert!(matches!(self.apply().await, Report::Applied));
    }

    /// One line of what the timer holds is not what was put there any more.
    pub(crate) async fn alter_timer(&self) {
        let timer = &self.device.rows("/system/scheduler")[0];
        let script = timer.text("on-event").unwrap();
        let altered = script.replacen("remove", "xremove", 1);
        assert_ne!(altered, *script);
        let altered = routeros::quote::quoted(altered.as_bytes());
        let line = format!("/system scheduler set [find] on-event={altered}");
        self.device.run(&line).await.unwrap();
    }

    pub(crate) async fn timer_fires(&self) {
        self.device
            .wait_for(|event| matches!(event, Event::Fired { .. }))
            .await;
    }

    pub(crate) fn has_timer(&self) -> bool {
        !self.device.rows("/system/scheduler").is_empty()
    }

    pub(crate) fn addresses(&self) -> usize {
        self.device.rows("/ip/address").len()
    }
}

pub(crate) fn seen(report: Report) -> Seen {
    match report {
        Report::Seen(seen) => seen,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn failure(report: Report) -> TaskFailure {
    match report {
        Report::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}

/// What is said of a device to which nothing was sent.
pub(crate) fn untouched(report: Report) -> TaskFailure {
    match report {
        Report::Untouched(failure) => failure,
        other => panic!("{other:?}"),
    }
}

/// What is said of a device that keeps another timer.
pub(crate) fn altered(report: Report) -> TaskFailure {
    match report {
        Report::Altered(failure) => failure,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn is(config: SeenConfig, timer: bool) -> Seen {
    Seen {
        config,
        timer,
        timer_altered: false,
        differences: Vec::new(),
    }
}
