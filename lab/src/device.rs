//! A device: its inside behind one lock, and the tasks that make time pass in it.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use routeros::error::Trap;
use routeros::row::Row as Record;
use tod_proto::lab::{self, Counts, Entry, Event, Fault};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::core::{Caller, Core, Ends, Power, Surroundings};
use crate::fleet::Spec;
use crate::gate::Gate;
use crate::import::{self, Manner};
use crate::lock;
use crate::profile::{Board, Release};
use crate::script::{self, Ran};
use crate::tree::Tree;
use crate::verb::{After, Order, Outcome};

mod echo;
mod pings;

pub(crate) use pings::Pings;

/// Owns every task of a lab.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tasks {
    pub(crate) tracker: TaskTracker,
    pub(crate) stop: CancellationToken,
}

impl Tasks {
    /// Runs a task until it ends or the lab stops.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        let task = self.tracker.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = task => {}
            }
        });
        drop(task);
    }
}

/// A device of a lab.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) spec: Arc<Spec>,
    parts: (Release, &'static Board),
    /// What it runs now, which a boot may change.
    release: Mutex<Release>,
    pub(crate) around: Surroundings,
    pub(crate) tasks: Tasks,
    core: OnceLock<Mutex<Core>>,
    wake: Arc<Notify>,
    pub(crate) tls: Mutex<Option<crate::tls::Kept>>,
}

impl Inner {
    pub(crate) fn new(spec: Spec, around: Surroundings, tasks: Tasks) -> anyhow::Result<Arc<Self>> {
        let parts = spec.parts()?;
        Ok(Arc::new(Self {
            spec: Arc::new(spec),
            parts,
            release: Mutex::new(parts.0),
            around,
            tasks,
            core: OnceLock::new(),
            wake: Arc::default(),
            tls: Mutex::default(),
        }))
    }

    /// Says whether anybody has touched it.
    pub(crate) fn is_touched(&self) -> bool {
        self.core.get().is_some()
    }

    /// Returns the inside, made on first touch.
    pub(crate) fn core(self: &Arc<Self>) -> MutexGuard<'_, Core> {
        lock(self.made())
    }

    /// Makes the inside if nobody has, without looking into it.
    pub(crate) fn touch(self: &Arc<Self>) {
        self.made();
    }

    fn made(self: &Arc<Self>) -> &Mutex<Core> {
        self.core.get_or_init(|| {
            let spec = Arc::clone(&self.spec);
            let wake = Arc::clone(&self.wake);
            let mut core = Core::build(spec, &self.around, self.parts, wake);
            if let Some(path) = &self.spec.export
                && let Err(error) = crate::load::load_file(&mut core, path)
            {
                tracing::warn!(device.name = %self.spec.name, error = format!("{error:#}"),
                    "cannot load the export");
            }
            self.tasks.spawn(Arc::clone(self).tick());
            Mutex::new(core)
        })
    }

    /// Lets it look again at what is around it, if anybody has touched it.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    pub(crate) fn release(&self) -> Release {
        *lock(&self.release)
    }

    pub(crate) fn board(&self) -> &'static Board {
        self.parts.1
    }

    /// Lets a connection in.
    pub(crate) fn open(self: &Arc<Self>, id: u64, via: &'static str, ends: Ends) -> Gate {
        self.core().open_session(id, via, ends)
    }

    /// Runs scheduler entries when they are due, and gives up connections that are dead.
    async fn tick(self: Arc<Self>) {
        loop {
            let (due, deaths) = {
                let core = self.core();
                let due = core.next_due().into_iter().chain(core.next_look()).min();
                (due, core.has_muted_sessions())
            };
            let death = self.around.pace.session_death;
            tokio::select! {
                () = self.wake.notified() => {
                    if self.around.topology.has_above(&self.spec.name) {
                        self.core().refresh_sessions();
                    }
                }
                () = wait(&self.around.clock, due) => {}
                () = tokio::time::sleep(death.min(Duration::from_secs(1))), if deaths => {
                    self.core().bury_sessions();
                }
            }
            self.look();
            let jobs = self.core().take_due();
            for job in jobs {
                let device = Arc::clone(&self);
                self.tasks.spawn(async move { device.fire(job).await });
            }
        }
    }

    async fn fire(self: Arc<Self>, job: crate::tree::Row) {
        let name = job.get("name").unwrap_or_default().to_owned();
        let event = job.get("on-event").unwrap_or_default().to_owned();
        let owner = job.get("owner").unwrap_or("system").to_owned();
        let (label, source) = {
            let mut core = self.core();
            core.counts.fired += 1;
            core.source_of(&event)
        };
        let caller = Caller {
            user: owner,
            cause: format!("scheduler:{name}"),
            session: None,
            columns: None,
            watches: false,
        };
        let ran = Arc::clone(&self).run(caller, label.clone(), source).await;
        let error = ran.error.as_ref().map(script::shown);
        let mut core = self.core();
        if let Some(error) = &error {
            let script = if label.is_empty() {
                String::new()
            } else {
                format!(" {label}")
            };
            core.say("script,error", format!(
                "executing script{script} from scheduler ({name}) failed, please check it manually"
            ));
            core.say("script,error,debug", error.clone());
        }
        core.record(Event::Fired { job: name, error });
    }

    /// Runs a script to its end, on a thread of its own because it may wait.
    pub(crate) async fn run(self: Arc<Self>, caller: Caller, name: String, source: Vec<u8>) -> Ran {
        self.work(caller, &name, move |device, runtime, caller| {
            script::run(device, runtime, caller, &source)
        })
        .await
    }

    /// Imports a file.
    pub(crate) async fn import(
        self: Arc<Self>,
        caller: Caller,
        file: String,
        source: Vec<u8>,
        manner: Manner,
    ) -> Ran {
        self.work(caller, &file, move |device, runtime, caller| {
            import::run(device, runtime, &caller, &source, manner)
        })
        .await
    }

    async fn work(
        self: Arc<Self>,
        caller: Caller,
        name: &str,
        work: impl FnOnce(&Arc<Self>, &tokio::runtime::Handle, Caller) -> Ran + Send + 'static,
    ) -> Ran {
        let job = self.core().start_job(name, &caller.user);
        let device = Arc::clone(&self);
        let runtime = tokio::runtime::Handle::current();
        let run = tokio::task::spawn_blocking(move || work(&device, &runtime, caller));
        let ran = run.await.unwrap_or_default();
        self.core().jobs.remove(&job);
        // Boxed, because a script can run scripts.
        if let Some((caller, after)) = ran.after.clone() {
            drop(Box::pin(Arc::clone(&self).follow(caller, after)).await);
        }
        ran
    }

    /// Does what takes longer than a command; the text is what a console would show.
    pub(crate) async fn follow(
        self: Arc<Self>,
        caller: Caller,
        after: Late,
    ) -> Result<String, Trap> {
        match after {
            Late::Reboot { cause, load } => {
                self.reboot(&cause, load);
                Ok(String::new())
            }
            Late::Off => {
                self.core().go_down(&caller.cause);
                Ok(String::new())
            }
            Late::Run { name, source } => {
                let cause = format!("{}/script:{name}", caller.cause);
                let ran = self.run(Caller { cause, ..caller }, name, source).await;
                ran.into_text()
            }
            Late::Import {
                file,
                source,
                manner,
            } => {
                let cause = format!("{}/script:{file}", caller.cause);
                let caller = Caller { cause, ..caller };
                self.import(caller, file, source, manner).await.into_text()
            }
        }
    }

    /// Goes down, and comes up again after the time a boot takes.
    pub(crate) fn reboot(self: &Arc<Self>, cause: &str, load: Option<Box<Tree>>) {
        {
            let mut core = self.core();
            if core.power == Power::Booting {
                return;
            }
            core.go_down(cause);
            if let Some(tree) = load {
                core.tree.restore(*tree);
            }
        }
        let device = Arc::clone(self);
        let cause = cause.to_owned();
        self.tasks.spawn(async move {
            let clock = Arc::clone(&device.around.clock);
            clock.sleep(device.around.pace.reboot).await;
            let mut core = device.core();
            // Whoever hears that it is up finds the release it is up with.
            *lock(&device.release) = core.adopt();
            core.come_up(&cause);
        });
    }

    /// Is switched off and on: what is not on its disk yet never gets there.
    pub(crate) fn lose_power(self: &Arc<Self>, cause: &str) {
        let mut core = self.core();
        if core.power == Power::On {
            core.unroll("lost with the power");
            core.lose_unsaved();
        }
        drop(core);
        self.reboot(cause, None);
    }

    /// Carries out a command, and what it leads to.
    pub(crate) fn perform(
        self: &Arc<Self>,
        caller: &Caller,
        order: &Order,
    ) -> Result<Outcome, Trap> {
        self.core().perform(caller, order)
    }
}

/// What takes longer than a command and can be kept for later.
#[derive(Debug, Clone)]
pub(crate) enum Late {
    Reboot {
        cause: String,
        load: Option<Box<Tree>>,
    },
    Off,
    Run {
        name: String,
        source: Vec<u8>,
    },
    Import {
        file: String,
        source: Vec<u8>,
        manner: Manner,
    },
}

impl Late {
    /// Takes what can wait out of what a command leads to.
    pub(crate) fn of(after: After) -> Result<Self, After> {
        match after {
            After::Reboot { cause, load } => Ok(Self::Reboot { cause, load }),
            After::Off => Ok(Self::Off),
            After::Run { name, source } => Ok(Self::Run { name, source }),
            After::Import {
                file,
                source,
                manner,
            } => Ok(Self::Import {
                file,
                source,
                manner,
            }),
            other => Err(other),
        }
    }
}

async fn wait(clock: &crate::clock::Clock, due: Option<crate::clock::Tick>) {
    match due {
        Some(due) => clock.until(due).await,
        None => std::future::pending().await,
    }
}

/// A device of a running lab, for looking into it and disturbing it.
#[derive(Debug, Clone)]
pub struct Device(pub(crate) Arc<Inner>);

impl Device {
    /// Returns all that is needed to reach it.
    pub fn summary(&self) -> lab::Device {
        let Inner { spec, around, .. } = &*self.0;
        let (is_up, counts) = if self.0.is_touched() {
            let core = self.0.core();
            (core.power == Power::On, core.counts)
        } else {
            (true, Counts::default())
        };
        lab::Device {
            name: spec.name.clone(),
            address: IpAddr::V4(spec.address),
            api_port: around.ports.api,
            api_ssl_port: around.ports.api_ssl,
            ssh_port: around.ports.ssh,
            snmp_port: around.ports.snmp,
            telnet_port: around.ports.telnet,
            user: spec.user.clone(),
            password: spec.password.clone(),
            version: self.0.release().to_string(),
            board: self.0.board().name.to_owned(),
            serial: spec.serial(),
            site: spec.site.clone(),
            tenant: spec.tenant.clone(),
            is_up,
            counts,
        }
    }

    /// Returns what was counted since the lab was started.
    pub fn counts(&self) -> Counts {
        self.summary().counts
    }

    /// Returns what was done to it, oldest first.
    pub fn log(&self) -> Vec<Entry> {
        self.0.around.ledger.read(Some(&self.0.spec.name), 0)
    }

    /// Waits until something has been done to it, and returns that.
    pub async fn wait_for(&self, is_it: impl Fn(&Event) -> bool) -> Entry {
        self.0.around.ledger.find(&self.0.spec.name, is_it).await
    }

    /// Returns its whole configuration, without what moves by itself.
    pub fn tree(&self) -> lab::Tree {
        self.0.core().dump()
    }

    /// Returns the rows of a menu, with everything that it shows.
    pub fn rows(&self, path: &str) -> Vec<Record> {
        self.0.core().records(path)
    }

    /// Returns the lines of the device's own log.
    pub fn own_log(&self) -> Vec<String> {
        let core = self.0.core();
        core.log
            .iter()
            .map(|l| format!("{} {}", l.topics, l.message))
            .collect()
    }

    /// Runs console commands as somebody at the device, with all rights.
    pub async fn run(&self, command: &str) -> Result<String, Trap> {
        let caller = Caller::control();
        let inner = Arc::clone(&self.0);
        let ran = inner
            .run(caller, String::new(), crate::text::encode(command))
            .await;
        ran.into_text()
    }

    /// Says what its console has against a script before it would run any of it.
    pub fn parse(&self, script: &[u8]) -> Option<String> {
        let read = self.0.core().understand(script);
        read.err().map(|error| error.to_string())
    }

    /// Makes something go wrong from now on.
    pub fn inject(&self, fault: Fault) {
        self.0.core().inject(fault);
    }

    /// Makes one thing go right again.
    pub fn clear_fault(&self, fault: &Fault) {
        self.0.core().clear_fault(fault);
    }

    /// Plugs a cable into a port or pulls it; returns whether there is such a port.
    pub fn cable(&self, port: &str, is_plugged: bool) -> bool {
        let mut core = self.0.core();
        let mut ports = core.tree.rows("/interface/ethernet").iter();
        if !ports.any(|r| r.get("default-name") == Some(port)) {
            return false;
        }
        core.cables.insert(port.to_owned(), is_plugged);
        core.settle();
        true
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) {
        self.0.core().clear_faults();
    }

    /// Switches it off and on.
    pub fn reboot(&self) {
        self.0.lose_power("power-on");
    }
}
