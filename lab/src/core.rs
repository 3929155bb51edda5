//! The inside of a device: what it is, what it knows, and the one way to change it.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tod_proto::lab::{Counts, Event, Fault};
use tokio::sync::{Notify, broadcast};
use tokio::time::Instant;

use crate::clock::{Clock, Tick};
use crate::feed::Feed;
use crate::fleet::Spec;
use crate::gate::{Gate, Mode};
use crate::ledger::Ledger;
use crate::profile::{Board, Kit, Release};
use crate::schema::{Menu, SCHEMA, Storage};
use crate::seed::Seed;
use crate::switches::OverLimit;
use crate::topology::Topology;
use crate::tree::{Change, Key, Tree};

mod base;
mod build;
mod commit;
mod convert;
mod files;
mod flash;
mod login;
mod net;
mod netwatch;
mod reach;
mod setup;
mod timers;
mod upgrade;

pub(crate) use build::Surroundings;
pub(crate) use commit::{Caller, SafeMode};
pub(crate) use files::{Obstacle, Stat};
pub(crate) use login::Proof;
pub(crate) use net::{Interface, whole};
pub(crate) use reach::Verdict;
pub(crate) use timers::Job;

/// The ports at which the lab's doors listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ports {
    pub(crate) api: u16,
    pub(crate) api_ssl: u16,
    pub(crate) ssh: u16,
    pub(crate) snmp: u16,
    pub(crate) telnet: u16,
}

/// How fast things go that take minutes on a real device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) reboot: Duration,
    pub(crate) session_death: Duration,
}

/// Whether the device is running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Power {
    On,
    Booting,
}

/// A line of `/log`.
#[derive(Debug, Clone)]
pub(crate) struct LogLine {
    pub(crate) id: u32,
    pub(crate) at: Timestamp,
    pub(crate) topics: &'static str,
    pub(crate) message: String,
}

/// A connection to the device, signed in or not.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) via: &'static str,
    pub(crate) peer: SocketAddr,
    pub(crate) port: u16,
    pub(crate) is_inside: bool,
    pub(crate) gate: Gate,
    pub(crate) user: Option<String>,
    pub(crate) since: Tick,
    /// The device answered it once; before that, it is a knock that may meet silence.
    pub(crate) is_established: bool,
    /// The boot it belongs to; later ones do not know it.
    pub(crate) boot: u64,
}

impl Session {
    fn ends(&self) -> Ends {
        Ends {
            peer: self.peer,
            port: self.port,
            is_inside: self.is_inside,
        }
    }
}

/// A line that appears on terminals in the middle of what they show.
#[derive(Debug, Clone)]
pub(crate) struct Notice {
    /// The terminal of one session alone; all of them if absent.
    pub(crate) session: Option<u64>,
    pub(crate) text: String,
}

/// Notices that a terminal may be behind with.
const NOTICES: usize = 32;

/// An entry of `/system/history`, with what takes it back.
#[derive(Debug, Clone)]
pub(crate) struct Action {
    pub(crate) id: u32,
    pub(crate) text: String,
    pub(crate) by: String,
    pub(crate) at: Timestamp,
    pub(crate) inverse: Vec<Change>,
}

/// A device, locked.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) spec: Arc<Spec>,
    pub(crate) release: Release,
    pub(crate) board: &'static Board,
    pub(crate) seed: Seed,
    pub(crate) ports: Ports,
    pub(crate) pace: Pace,
    pub(crate) clock: Arc<Clock>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) topology: Arc<Topology>,
    pub(crate) feed: Arc<Feed>,
    pub(crate) upgrade: upgrade::Upgrade,
    /// The packages that it has, if not the usual ones of its board.
    pub(crate) packages: Vec<String>,
    /// Woken when schedulers or sessions may have something new to wait for.
    pub(crate) wake: Arc<Notify>,
    /// Where terminals hear of what concerns them, once there are some.
    pub(crate) notices: Option<broadcast::Sender<Notice>>,
    /// Told whenever rows may have changed, for those who listen.
    pub(crate) changed: Arc<Notify>,
    pub(crate) tree: Tree,
    /// What was on the disk before each of the latest changes, when that is not what is in `tree`.
    pub(crate) unsaved: VecDeque<(Tick, Tree)>,
    pub(crate) power: Power,
    pub(crate) boot: u64,
    pub(crate) booted: Tick,
    pub(crate) uptime_before: Duration,
    pub(crate) wall_shift: SignedDuration,
    pub(crate) links: BTreeMap<u32, net::Link>,
    pub(crate) timers: BTreeMap<u32, timers::Timer>,
    pub(crate) log: VecDeque<LogLine>,
    pub(crate) next_line: u32,
    pub(crate) sessions: BTreeMap<u64, Session>,
    pub(crate) history: VecDeque<Action>,
    /// What was taken back, to be done again.
    pub(crate) undone: Vec<Action>,
    pub(crate) next_action: u32,
    pub(crate) safe: Option<SafeMode>,
    pub(crate) faults: Vec<Fault>,
    /// Commands that a slow processor can still answer at once, and since when it rests.
    pub(crate) stamina: Option<(f64, Instant)>,
    /// Ports whose cable somebody has pulled or plugged in.
    pub(crate) cables: BTreeMap<String, bool>,
    pub(crate) watches: BTreeMap<u32, netwatch::Watch>,
    pub(crate) counts: Counts,
    pub(crate) script_runs: BTreeMap<u32, (u64, Tick)>,
    pub(crate) jobs: BTreeMap<u32, Job>,
    pub(crate) next_job: u32,
}

/// Lines that `/log` keeps in memory.
const LOG_LINES: usize = 1000;

impl Core {
    /// Returns what the device's own clock shows.
    pub(crate) fn wall(&self) -> Timestamp {
        let now = self.clock.wall(self.clock.now());
        now.checked_add(self.wall_shift).unwrap_or(now)
    }

    pub(crate) fn uptime(&self) -> Duration {
        let up = self.clock.now().since(self.booted);
        if self.boot == 0 {
            up + self.uptime_before
        } else {
            up
        }
    }

    /// Writes to the device's own log.
    pub(crate) fn say(&mut self, topics: &'static str, message: String) {
        self.next_line += 1;
        let line = LogLine {
            id: self.next_line,
            at: self.wall(),
            topics,
            message,
        };
        if topics.contains("critical") {
            let time = crate::clock::moment(line.at).time;
            let text = format!("{time} echo: {topics} {}", line.message);
            self.tell(Notice {
                session: None,
                text,
            });
        }
        self.log.push_back(line);
        self.changed.notify_waiters();
        if self.log.len() > LOG_LINES {
            self.log.pop_front();
        }
    }

    /// Returns what tells a terminal of notices.
    pub(crate) fn notices(&mut self) -> broadcast::Receiver<Notice> {
        let sender = self
            .notices
            .get_or_insert_with(|| broadcast::channel(NOTICES).0);
        sender.subscribe()
    }

    fn tell(&self, notice: Notice) {
        // Without terminals nobody hears it.
        if let Some(notices) = &self.notices
            && notices.send(notice).is_err()
        {
            tracing::trace!("no terminal is open");
        }
    }

    /// Writes to the lab's record.
    pub(crate) fn record(&self, event: Event) {
        let at = self.clock.wall(self.clock.now());
        self.ledger.write(at, &self.spec.name, event);
    }

    pub(crate) fn has_fault(&self, is_it: impl Fn(&Fault) -> bool) -> bool {
        self.faults.iter().any(is_it)
    }

    /// Says whether a menu is there, by schema or because an export brought it.
    pub(crate) fn has_menu(&self, path: &str) -> bool {
        match SCHEMA.menu(path) {
            Some(menu) => {
                menu.storage != Storage::Hidden
                    && (self.offers(menu) || self.tree.table(path).is_some())
            }
            None => self.tree.table(path).is_some(),
        }
    }

    /// Returns what decides over the menus it has.
    pub(crate) fn kit(&self) -> Kit<'_> {
        Kit {
            release: self.release,
            board: self.board,
            chosen: &self.packages,
        }
    }

    /// Says whether release, board and packages bring a menu.
    pub(crate) fn offers(&self, menu: &Menu) -> bool {
        self.kit().offers(menu)
    }

    /// Says whether some menu lies below a path, so that it can be walked through.
    pub(crate) fn has_menu_below(&self, path: &str) -> bool {
        let below = format!("{path}/");
        let mut below_it = SCHEMA.menus.iter().filter(|m| m.path.starts_with(&below));
        below_it.any(|m| self.offers(m) && m.storage != Storage::Hidden)
            || self.tree.tables().any(|(p, _)| p.starts_with(&below))
    }

    /// Says whether a menu holds configuration, which is undone, exported and restored.
    pub(crate) fn is_config(path: &str) -> bool {
        SCHEMA
            .menu(path)
            .is_none_or(|m| m.storage == Storage::Config)
    }

    /// Brings everything that follows from the tree up to date with it.
    pub(crate) fn settle(&mut self) {
        self.refresh_links();
        self.refresh_timers();
        self.refresh_watches();
        self.refresh_sessions();
        self.wake.notify_one();
        self.changed.notify_waiters();
    }

    /// Decides again over every connection: open, silent or reset.
    pub(crate) fn refresh_sessions(&mut self) {
        self.publish();
        let ids: Vec<u64> = self.sessions.keys().copied().collect();
        for id in ids {
            self.refresh_session(id);
        }
    }

    /// Shows the others what they see of the device.
    fn publish(&self) {
        self.topology.publish(self.presence());
    }

    fn verdict(&self, session: &Session) -> Verdict {
        let ends = session.ends();
        if self.has_fault(|f| *f == Fault::Silent) {
            Verdict::Silent("a fault".to_owned())
        } else if self.power == Power::Booting {
            Verdict::Silent("the device is booting".to_owned())
        } else if session.is_established && session.boot != self.boot {
            Verdict::Refused("the device has rebooted since".to_owned())
        } else if session.is_established {
            let is_over = self.spec.switches.ends_sessions && !self.serves(ends.port);
            if is_over {
                Verdict::Refused("its service is gone".to_owned())
            } else {
                self.path_of_established(ends)
            }
        } else {
            match self.knock(ends) {
                Verdict::Refused(why)
                    if why == reach::TOO_MANY
                        && self.spec.switches.over_limit == OverLimit::Silent =>
                {
                    Verdict::Silent(why)
                }
                verdict => verdict,
            }
        }
    }

    fn refresh_session(&mut self, id: u64) {
        let Some(session) = self.sessions.get(&id) else {
            return;
        };
        let peer = session.peer.ip();
        let (was, via) = (session.gate.mode(), session.via);
        let verdict = self.verdict(session);
        let boot = self.boot;
        let over_limit = self.spec.switches.over_limit;
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let event = match verdict {
            Verdict::Open => {
                let is_first = !session.is_established;
                session.is_established = true;
                session.gate.set(Mode::Open);
                if is_first {
                    session.boot = boot;
                    self.counts.connections += 1;
                    Some(Event::Connected {
                        session: id,
                        via: via.to_owned(),
                        peer,
                    })
                } else {
                    (was == Mode::Muted).then_some(Event::Restored { session: id })
                }
            }
            Verdict::Silent(why) => {
                let is_new =
                    was == Mode::Open || !session.is_established && !session.gate.is_told();
                session.gate.set(Mode::Muted);
                session.gate.tell();
                is_new.then(|| Event::Silenced {
                    session: id,
                    via: via.to_owned(),
                    why,
                })
            }
            Verdict::Refused(why) => {
                if why == reach::TOO_MANY && over_limit == OverLimit::Close {
                    session.gate.be_gentle();
                }
                session.gate.set(Mode::Cut);
                Some(Event::Refused {
                    session: id,
                    via: via.to_owned(),
                    peer,
                    why,
                })
            }
        };
        if let Some(event) = event {
            self.record(event);
        }
    }

    /// Lets a connection in, to be answered, to meet silence, or to be refused.
    pub(crate) fn open_session(&mut self, id: u64, via: &'static str, ends: Ends) -> Gate {
        let gate = Gate::new(Mode::Muted);
        for fault in &self.faults {
            match fault {
                Fault::DripBytes { every_ms } => {
                    gate.drip(Some(Duration::from_millis(*every_ms)));
                }
                Fault::ResetAfter { bytes } => gate.limit(*bytes, Mode::Cut),
                Fault::MuteAfter { bytes } => gate.limit(*bytes, Mode::Muted),
                _ => {}
            }
        }
        let session = Session {
            via,
            peer: ends.peer,
            port: ends.port,
            is_inside: ends.is_inside,
            gate: gate.clone(),
            user: None,
            since: self.clock.now(),
            is_established: false,
            boot: self.boot,
        };
        self.sessions.insert(id, session);
        self.refresh_session(id);
        gate
    }

    /// Forgets a connection; safe mode held by it is undone.
    pub(crate) fn close_session(&mut self, id: u64) {
        let Some(session) = self.sessions.remove(&id) else {
            return;
        };
        if self.safe.as_ref().is_some_and(|s| s.holder == id) {
            self.unroll("lost with its session");
        }
        if session.is_established {
            self.record(Event::Closed {
                session: id,
                via: session.via.to_owned(),
            });
        }
        if let Some(user) = session.user {
            let (peer, via) = (session.peer.ip(), shown_via(session.via));
            let message = format!("user {user} logged out from {peer} via {via}");
            self.say("system,info,account", message);
        }
    }

    /// Says whether a connection hears nothing at the moment.
    pub(crate) fn has_muted_sessions(&self) -> bool {
        self.sessions.values().any(|s| s.gate.mode() == Mode::Muted)
    }

    /// Gives up connections that have heard nothing for too long.
    pub(crate) fn bury_sessions(&mut self) {
        let death = self.pace.session_death;
        let dead: Vec<u64> = self
            .sessions
            .iter()
            .filter(|(_, s)| s.gate.muted_for().is_some_and(|d| d >= death))
            .map(|(id, _)| *id)
            .collect();
        for id in dead {
            if let Some(session) = self.sessions.get(&id) {
                session.gate.set(Mode::Cut);
            }
            // Its task may hang in a computation; safe mode must not wait for that.
            if self.safe.as_ref().is_some_and(|s| s.holder == id) {
                self.unroll("lost with its session");
            }
        }
    }

    /// Returns the key under which the rows of a menu are stored.
    pub(crate) fn key(path: &str) -> Key {
        SCHEMA
            .menu(path)
            .map_or_else(|| Key::from(path), |m| Key::clone(&m.path))
    }

    /// Returns the address the device answers at.
    pub(crate) fn address(&self) -> IpAddr {
        IpAddr::V4(self.spec.address)
    }
}

/// Where a connection comes from, and at which port it knocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) peer: SocketAddr,
    pub(crate) port: u16,
    /// The device connects to itself, for somebody who is inside it already.
    pub(crate) is_inside: bool,
}

/// RouterOS calls API over TLS `api` as well.
pub(crate) fn shown_via(via: &str) -> &str {
    if via == "api-ssl" { "api" } else { via }
}
