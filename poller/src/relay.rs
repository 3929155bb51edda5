//! Terminals into devices, for people.
//!
//! ```text
//! server ◄─ WebSocket, dialled by us ─► pump ◄─ SSH channel ─► device
//! ```
//!
//! **Invariant:** nothing here listens; session bytes never ride the bus; every relay has an idle and
//! an absolute end, and ends with the lease.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use tod_proto::api::devices::TlsMode;
use tod_proto::api::relays::{RelayControl, RelayKind};
use tod_proto::bus::task::Report;
use tod_proto::error::ErrorCode;
use tod_proto::id::{DeviceId, RelayId};
use tod_proto::untrusted::Untrusted;
use tod_service::supervisor::Supervisor;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::device::Target;
use crate::device::dial::{Dialler, Stream};
use crate::startup::Limits;
use crate::task::failed;
use crate::worker::{Ask, Handle, Job};

pub use self::network::Network;
use self::socket::Socket;

mod dial;
mod network;
mod pump;
mod socket;

/// How the server that asked for a relay is reached: over the network ([`Network`]), or in memory
/// when it lives in the same process.
pub trait RelayDial: std::fmt::Debug + Send + Sync {
    /// Connects to `server`, a base address such as `https://10.0.0.5:8443`. With a `pin`, only the
    /// certificate with that SHA-256, in hex, will do.
    fn connect<'a>(
        &'a self,
        server: &'a str,
        pin: Option<&'a str>,
    ) -> BoxFuture<'a, std::io::Result<Box<dyn Stream>>>;
}

/// What is to be opened, and for whom.
pub struct Call {
    /// The relay.
    pub relay: RelayId,
    /// What to open.
    pub kind: RelayKind,
    /// Our ticket.
    pub ticket: String,
    /// The server that asked.
    pub server: String,
    /// SHA-256 of its certificate, in hex, when no authority vouches for it.
    pub server_pin: Option<String>,
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call")
            .field("relay", &self.relay)
            .finish_non_exhaustive()
    }
}

/// Opens relays and ends them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Relays(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    dialler: Arc<Dialler>,
    servers: Arc<dyn RelayDial>,
    limits: Limits,
    supervisor: Supervisor,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    /// How many relays each device has.
    devices: BTreeMap<DeviceId, usize>,
    /// Host keys that were trusted at first use, each for as long as the record stays as it was.
    first_use: BTreeMap<DeviceId, (u64, String)>,
}

impl Relays {
    /// No relays yet.
    pub fn new(
        dialler: Arc<Dialler>,
        servers: Arc<dyn RelayDial>,
        limits: Limits,
        supervisor: Supervisor,
    ) -> Self {
        Self(Arc::new(Shared {
            dialler,
            servers,
            limits,
            supervisor,
            open: Mutex::default(),
        }))
    }

    /// Begins to open a relay to the device of `handle`.
    pub fn open(&self, handle: Handle, call: Call) -> Report {
        let device = handle.target.borrow().device;
        let room = match room(&handle) {
            Ok(room) => room,
            Err(refusal) => return *refusal,
        };
        let place = match self.place(device, room) {
            Ok(place) => place,
            Err(message) => {
                let hint = Some("close one of them");
                return failed(ErrorCode::RateLimited, message, hint, false);
            }
        };
        let this = self.clone();
        self.0.supervisor.spawn_job("poller/relay", async move {
            let relay = call.relay;
            tracing::info!(relay.id = %relay, device.id = %device, "relay begins");
            this.run(handle, call).await;
            tracing::info!(relay.id = %relay, device.id = %device, "relay ends");
            drop(place);
        });
        Report::Dialling
    }

    async fn run(&self, handle: Handle, call: Call) {
        let servers = &*self.0.servers;
        let mut socket = match Socket::open(servers, &call).await {
            Ok(socket) => socket,
            Err(error) => {
                tracing::warn!(relay.id = %call.relay, %error, "the server is not reached");
                return;
            }
        };
        let last_word = tokio::select! {
            biased;
            () = handle.stop.cancelled() => RelayControl::Failed {
                message: Untrusted::new("the device was withdrawn from this poller"),
                hint: Some("connect again".to_owned()),
            },
            end = self.serve(&handle, &call, &mut socket) => end,
        };
        socket.finish(last_word).await;
    }

    async fn serve(&self, handle: &Handle, call: &Call, socket: &mut Socket) -> RelayControl {
        let target = self.target(handle);
        let opened = tokio::select! {
            opened = dial::open(&self.0.dialler, &target.contact, &call.kind) => opened,
            () = socket.gone() => return RelayControl::Exit { status: 255 },
        };
        let shell = match opened {
            Ok(shell) => shell,
            Err(error) => {
                return RelayControl::Failed {
                    message: Untrusted::new(error.to_string()),
                    hint: error.hint().map(str::to_owned),
                };
            }
        };
        if let Some(fingerprint) = &shell.first_use {
            self.trust(handle, &target, fingerprint);
        }
        pump::run(socket, shell, self.0.limits).await
    }

    /// The target, with a host key that was trusted before the server knew of it.
    fn target(&self, handle: &Handle) -> Target {
        let mut target = Target::clone(&handle.target.borrow());
        if target.contact.ssh_pin.is_none() {
            let open = self.lock();
            let known = open.first_use.get(&target.device);
            let known = known.filter(|(revision, _)| *revision == target.revision);
            target.contact.ssh_pin = known.map(|(_, fingerprint)| fingerprint.clone());
        }
        target
    }

    fn trust(&self, handle: &Handle, target: &Target, fingerprint: &str) {
        let known = (target.revision, fingerprint.to_owned());
        self.lock().first_use.insert(target.device, known);
        let (reply, _) = oneshot::channel();
        let ask = Ask {
            job: Job::HostKey(fingerprint.to_owned()),
            deadline: Instant::now() + self.0.limits.relay_total,
            reply,
        };
        if handle.asks.try_send(ask).is_err() {
            tracing::debug!(device.id = %target.device, "a new host key will be told next time");
        }
    }

    /// A place among those that the device has room for, and we.
    fn place(&self, device: DeviceId, room: usize) -> Result<Place, &'static str> {
        let limits = self.0.limits;
        let mut open = self.lock();
        let all: usize = open.devices.values().sum();
        let count = open.devices.entry(device).or_default();
        if all >= limits.relays || *count >= limits.relays_per_device {
            return Err("there are too many relays to the device already");
        }
        if *count >= room {
            return Err("the device takes no more sessions over SSH at once (max-sessions)");
        }
        *count += 1;
        drop(open);
        Ok(Place {
            relays: self.clone(),
            device,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many terminals the device has room for; its refusal, if the account may have none.
fn room(handle: &Handle) -> Result<usize, Box<Report>> {
    let known = handle.known.borrow();
    let Some(known) = known.as_ref() else {
        return Ok(usize::MAX);
    };
    if !known.may("ssh") {
        let hint = "give it to the account's group: /user/group/set GROUP policy=…";
        let message = "the account lacks the policy `ssh`, which a terminal needs";
        return Err(Box::new(failed(
            ErrorCode::Forbidden,
            message,
            Some(hint),
            false,
        )));
    }
    let most = known.most_sessions("ssh").unwrap_or(u32::MAX);
    // One of them is that of the polls, if these go over SSH.
    let ours = u32::from(handle.target.borrow().contact.tls == TlsMode::Ssh);
    Ok(usize::try_from(most.saturating_sub(ours)).unwrap_or(usize::MAX))
}

/// The right to one relay, given back when it is dropped.
struct Place {
    relays: Relays,
    device: DeviceId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.relays.lock();
        if let Some(count) = open.devices.get_mut(&self.device) {
            *count -= 1;
            if *count == 0 {
                open.devices.remove(&self.device);
            }
        }
    }
}
