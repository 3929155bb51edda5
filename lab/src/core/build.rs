//! What a device has when it is first touched: ports, services, accounts, a way to its peers.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tod_proto::lab::Counts;
use tokio::sync::Notify;

use super::{Core, Pace, Ports, Power};
use crate::clock::{Clock, moment, spell_date};
use crate::feed::Feed;
use crate::fleet::{SchedulerRule, Spec};
use crate::ledger::Ledger;
use crate::profile::{Board, Release};
use crate::topology::Topology;
use crate::tree::Tree;

/// What all devices of a lab share.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings {
    pub(crate) ports: Ports,
    pub(crate) pace: Pace,
    pub(crate) clock: Arc<Clock>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) topology: Arc<Topology>,
    pub(crate) feed: Arc<Feed>,
}

impl Core {
    pub(crate) fn build(
        spec: Arc<Spec>,
        around: &Surroundings,
        parts: (Release, &'static Board),
        wake: Arc<Notify>,
    ) -> Self {
        let seed = spec.numbers();
        let (release, board) = parts;
        let uptime = spec
            .uptime_s
            .unwrap_or_else(|| 600 + seed.of("uptime").below(9_000_000));
        let mut core = Self {
            release,
            board,
            seed,
            ports: around.ports,
            pace: around.pace,
            clock: Arc::clone(&around.clock),
            ledger: Arc::clone(&around.ledger),
            topology: Arc::clone(&around.topology),
            feed: Arc::clone(&around.feed),
            upgrade: super::upgrade::Upgrade::default(),
            packages: spec.packages.clone(),
            wake,
            notices: None,
            changed: Arc::default(),
            tree: Tree::default(),
            unsaved: VecDeque::new(),
            power: Power::On,
            boot: 0,
            booted: around.clock.now(),
            uptime_before: Duration::from_secs(uptime),
            wall_shift: SignedDuration::ZERO,
            links: BTreeMap::new(),
            timers: BTreeMap::new(),
            log: VecDeque::new(),
            next_line: 0,
            sessions: BTreeMap::new(),
            history: VecDeque::new(),
            undone: Vec::new(),
            next_action: 0,
            safe: None,
            faults: Vec::new(),
            stamina: None,
            cables: BTreeMap::new(),
            watches: BTreeMap::new(),
            counts: Counts::default(),
            script_runs: BTreeMap::new(),
            jobs: BTreeMap::new(),
            next_job: 0,
            spec,
        };
        core.furnish();
        core.say("system,info", "router rebooted".to_owned());
        core.settle();
        let spec = Arc::clone(&core.spec);
        for timed in spec.faults.iter().filter(|t| t.at_s == 0) {
            core.inject(timed.fault.clone());
        }
        core
    }

    fn furnish(&mut self) {
        let base = super::base::of(self.kit(), self.ports, &self.spec);
        self.tree = Tree::on(base);
        let spec = Arc::clone(&self.spec);
        let account = [
            ("name", spec.user.as_str()),
            ("group", spec.group.as_str()),
            ("password", spec.password.as_str()),
        ];
        self.tree.seed("/user", &account, false);
        self.set_single("/system/identity", "name", &spec.name);
        self.furnish_network();
        if self.release.at_least(7, 17) {
            self.furnish_device_mode();
        }
    }

    /// Gives it the address it answers at, and a default route out of the uplink.
    fn furnish_network(&mut self) {
        let [a, b, c, d] = self.spec.address.octets();
        let address = format!("{a}.{b}.{c}.{d}/24");
        let network = format!("{a}.{b}.{c}.0");
        let gateway = if d == 254 { 253 } else { 254 };
        let gateway = format!("{a}.{b}.{c}.{gateway}");
        let props = [
            ("address", address.as_str()),
            ("network", network.as_str()),
            ("interface", "ether1"),
            ("comment", "management"),
        ];
        self.tree.seed("/ip/address", &props, false);
        let props = [("dst-address", "0.0.0.0/0"), ("gateway", gateway.as_str())];
        self.tree.seed("/ip/route", &props, false);
    }

    fn furnish_device_mode(&mut self) {
        let path = "/system/device-mode";
        let is_allowed = self.spec.scheduler == SchedulerRule::Allowed;
        let mode = match is_allowed {
            true => "advanced",
            false if self.board.is_for_homes() || !self.board.is_routerboard() => "home",
            false => "basic",
        };
        self.set_single(path, "mode", mode);
        self.set_single(path, "flagged", "false");
        self.set_single(path, "scheduler", &is_allowed.to_string());
        for feature in ["fetch", "email", "romon", "container"] {
            self.set_single(path, feature, &is_allowed.to_string());
        }
    }

    pub(crate) fn set_single(&mut self, path: &str, name: &str, value: &str) {
        self.tree.ensure(&Self::key(path), true);
        if let Some(row) = self.tree.row_mut(path, 0) {
            row.set(name.into(), value.to_owned());
        }
    }

    /// Goes down: connections meet silence, what was only in memory is gone.
    pub(crate) fn go_down(&mut self, cause: &str) {
        self.unroll("lost with the power");
        self.power = Power::Booting;
        self.jobs.clear();
        self.unsaved.clear();
        self.record(tod_proto::lab::Event::Rebooting {
            cause: cause.to_owned(),
        });
        self.refresh_sessions();
        self.wake.notify_one();
    }

    /// Comes up again, with the configuration that is on its disk.
    pub(crate) fn come_up(&mut self, cause: &str) {
        self.boot += 1;
        self.booted = self.clock.now();
        self.counts.reboots += 1;
        self.power = Power::On;
        self.set_boot_clock();
        self.history.clear();
        self.undone.clear();
        self.log.clear();
        self.script_runs.clear();
        if self.board.has_flash_folder() {
            self.forget_ram_disk();
        }
        let now = self.wall();
        let at = format!("{} {}", spell_date(self.release, now), moment(now).time);
        self.say("system,info", format!("router rebooted by {cause} at {at}"));
        self.say_adopted();
        self.reset_links();
        if self.has_fault(|f| *f == tod_proto::lab::Fault::ForgetScheduler) {
            self.forget_rows("/system/scheduler", |_| true);
        }
        self.record(tod_proto::lab::Event::Booted);
        self.settle();
    }

    /// On boards with a `flash` folder, files outside it live in memory.
    fn forget_ram_disk(&mut self) {
        self.forget_rows("/file", |name| {
            name != "flash" && !name.starts_with("flash/")
        });
    }

    fn forget_rows(&mut self, path: &str, is_lost: impl Fn(&str) -> bool) {
        let rows = self.tree.rows(path).iter();
        let lost: Vec<u32> = rows
            .filter(|r| is_lost(r.get("name").unwrap_or_default()))
            .map(|r| r.id)
            .collect();
        for id in lost {
            self.tree.apply(crate::tree::Change::Remove {
                path: Self::key(path),
                id,
            });
        }
    }
}
