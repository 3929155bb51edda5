//! A poller on an in-process bus, and a server that grants what the test says.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use rustls::pki_types::CertificateDer;
use tod_poller::device::dial::Deadlines;
use tod_poller::relay::{Network, RelayDial};
use tod_poller::startup::{Config, Limits, Parts, Zone, build};
use tod_proto::api::devices::TlsMode;
use tod_proto::bus::lease::{Assignment, LeaseReply, LeaseRequest, Poke};
use tod_proto::bus::sample::{Failure, Observation, Outcome, Sample};
use tod_proto::bus::task::{Report, Task, What};
use tod_proto::bus::{LEASE, asked, poked};
use tod_proto::id::{DeviceId, PollerId, TenantId};
use tod_service::bus::{Bus, Handle, Refusal, SAMPLES, Verdict};
use tod_service::clock::Clock;
use tod_service::sealed::{PublicKey, seal};
use tod_service::supervisor::Supervisor;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Nothing here takes as long, unless it is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A poller and the server's side of its bus.
pub(crate) struct World {
    pub(crate) bus: Bus,
    pub(crate) poller: PollerId,
    pub(crate) supervisor: Supervisor,
    server: Arc<Server>,
    samples: mpsc::Receiver<Sample>,
    stop: CancellationToken,
}

/// What the server says.
struct Server {
    records: Mutex<BTreeMap<DeviceId, Record>>,
    /// Whether it answers at all.
    is_away: Mutex<bool>,
    ttl_seconds: u32,
    asks: watch::Sender<Vec<LeaseRequest>>,
    /// The poller's, once it has asked.
    key: watch::Sender<Option<PublicKey>>,
}

/// A device as the server has it, the password in the clear.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) assignment: Assignment,
    pub(crate) password: String,
}

/// How a world differs from the usual one.
pub(crate) struct Setup {
    pub(crate) deadlines: Deadlines,
    pub(crate) limits: Limits,
    pub(crate) networks: Vec<String>,
    pub(crate) ttl_seconds: u32,
    pub(crate) relay_dial: Arc<dyn RelayDial>,
    pub(crate) authorities: Vec<CertificateDer<'static>>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            deadlines: Deadlines::default(),
            limits: Limits {
                lease_every: Duration::from_millis(200),
                ..Limits::default()
            },
            networks: vec!["127.0.0.0/8".to_owned()],
            ttl_seconds: 30,
            relay_dial: Arc::new(Network::new(&[])),
            authorities: Vec::new(),
        }
    }
}

/// Deadlines that let a test of slowness be quick.
pub(crate) fn short_deadlines() -> Deadlines {
    Deadlines {
        dial: Duration::from_millis(500),
        login: Duration::from_millis(500),
        ssh: Duration::from_secs(5),
        first_byte: Duration::from_millis(300),
        progress: Duration::from_millis(300),
        poll: Duration::from_millis(800),
    }
}

/// A device that stands at `address` and speaks plainly.
pub(crate) fn record(address: SocketAddr) -> Record {
    Record {
        password: "lab".to_owned(),
        assignment: Assignment {
            device: DeviceId::generate(),
            tenant: TenantId::generate(),
            name: "core".to_owned(),
            zone: "lab".to_owned(),
            revision: 1,
            fence: 7,
            address: address.ip().to_string(),
            port: address.port(),
            ssh_port: 22,
            tls: TlsMode::Plain,
            tls_pin: None,
            ssh_pin: None,
            username: "admin".to_owned(),
            sealed_password: String::new(),
            poll_seconds: 1,
            legacy_login: false,
        },
    }
}

impl World {
    /// Starts a poller.
    pub(crate) fn start(setup: Setup) -> Self {
        let (bus, supervisor) = (Bus::in_process(), Supervisor::new());
        let stop = CancellationToken::new();
        let server = Arc::new(Server {
            records: Mutex::default(),
            is_away: Mutex::new(false),
            ttl_seconds: setup.ttl_seconds,
            asks: watch::Sender::default(),
            key: watch::Sender::default(),
        });
        let (seen, samples) = mpsc::channel(10_000);
        supervisor.spawn_job("test/leases", {
            let (bus, server) = (bus.clone(), Arc::clone(&server));
            let stop = supervisor.stop();
            async move {
                let answer = |request| server.answer(request);
                bus.serve(LEASE, "server", stop, answer).await.unwrap();
            }
        });
        supervisor.spawn_job("test/samples", {
            let (bus, stop) = (bus.clone(), supervisor.stop());
            async move { bus.consume(&SAMPLES, Samples(seen), stop).await.unwrap() }
        });
        let config = Config {
            zones: vec![Zone {
                name: "lab".to_owned(),
                networks: setup
                    .networks
                    .iter()
                    .map(|net| net.parse().unwrap())
                    .collect(),
            }],
            limits: setup.limits,
            deadlines: setup.deadlines,
            authorities: setup.authorities,
            ..Config::default()
        };
        let parts = Parts {
            bus: bus.clone(),
            clock: Clock::system(),
            supervisor: supervisor.clone(),
            relay_dial: setup.relay_dial,
        };
        let poller = build(config, parts).unwrap();
        let id = poller.id();
        let polling = poller.run(stop.clone());
        supervisor.spawn_job("test/poller", async move { polling.await.unwrap() });
        Self {
            bus,
            poller: id,
            supervisor,
            server,
            samples,
            stop,
        }
    }

    /// Gives a device to the poller, which is told at once.
    pub(crate) async fn grant(&self, record: &Record) -> DeviceId {
        let device = record.assignment.device;
        self.server
            .records
            .lock()
            .unwrap()
            .insert(device, record.clone());
        self.poke().await;
        device
    }

    /// Changes the record of a device.
    pub(crate) async fn edit(&self, device: DeviceId, change: impl FnOnce(&mut Record)) {
        {
            let mut records = self.server.records.lock().unwrap();
            let record = records.get_mut(&device).unwrap();
            change(record);
            record.assignment.revision += 1;
        }
        self.poke().await;
    }

    /// Takes a device back.
    pub(crate) async fn withdraw(&self, device: DeviceId) {
        self.server.records.lock().unwrap().remove(&device);
        self.poke().await;
    }

    /// Makes the server silent, or answer again.
    pub(crate) fn set_away(&self, is_away: bool) {
        *self.server.is_away.lock().unwrap() = is_away;
    }

    async fn poke(&self) {
        self.bus
            .notify(&poked(self.poller), &Poke {})
            .await
            .unwrap();
    }

    /// Waits for a request for leases that is as wanted.
    pub(crate) async fn lease_request(&self, wanted: impl Fn(&LeaseRequest) -> bool) {
        let mut asks = self.server.asks.subscribe();
        let found = asks.wait_for(|asks| asks.iter().any(&wanted));
        drop(within(found).await.unwrap());
    }

    /// Starts a fake device beside it.
    pub(crate) async fn with_fake(self) -> (Self, crate::fake::Fake) {
        let fake = crate::fake::Fake::start(&self.supervisor).await;
        (self, fake)
    }

    /// Forgets the requests for leases so far.
    pub(crate) fn forget_requests(&self) {
        self.server.asks.send_modify(Vec::clear);
    }

    /// The next sample.
    pub(crate) async fn sample(&mut self) -> Sample {
        within(self.samples.recv()).await.unwrap()
    }

    /// The next answer of a device.
    pub(crate) async fn answered(&mut self) -> Observation {
        loop {
            if let Outcome::Answered(seen) = self.sample().await.outcome {
                return *seen;
            }
        }
    }

    /// The next failure of a device.
    pub(crate) async fn failed(&mut self) -> Failure {
        loop {
            if let Outcome::Failed(failure) = self.sample().await.outcome {
                return failure;
            }
        }
    }

    /// Throws away the samples that are there already.
    pub(crate) fn forget_samples(&mut self) {
        while self.samples.try_recv().is_ok() {}
    }

    /// Asks something of a device.
    pub(crate) async fn ask(&self, device: DeviceId, what: What) -> Report {
        let fence = self.server.records.lock().unwrap()[&device]
            .assignment
            .fence;
        self.ask_under(device, fence, what).await
    }

    /// Asks something of a device that has to be done in so many seconds.
    pub(crate) async fn ask_within(&self, device: DeviceId, seconds: u32, what: What) -> Report {
        let fence = self.server.records.lock().unwrap()[&device]
            .assignment
            .fence;
        self.send(device, fence, seconds, what).await
    }

    /// Asks something of a device under any fence.
    pub(crate) async fn ask_under(&self, device: DeviceId, fence: u64, what: What) -> Report {
        self.send(device, fence, 20, what).await
    }

    async fn send(&self, device: DeviceId, fence: u64, seconds: u32, what: What) -> Report {
        let task = Task {
            device,
            fence,
            deadline_seconds: seconds,
            what,
        };
        let subject = asked(self.poller);
        let mut keys = self.server.key.subscribe();
        let key = within(keys.wait_for(Option::is_some))
            .await
            .unwrap()
            .unwrap();
        self.bus
            .request_sealed(&subject, &key, &task, PATIENCE)
            .await
            .unwrap()
    }

    /// Stops the poller, which gives everything back.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.supervisor.kill();
    }
}

impl Server {
    async fn answer(&self, request: LeaseRequest) -> Result<LeaseReply, Refusal> {
        let bytes: [u8; 32] = hex::decode(&request.public_key)
            .unwrap()
            .try_into()
            .unwrap();
        let key = PublicKey::from(bytes);
        self.key.send_replace(Some(key));
        if *self.is_away.lock().unwrap() {
            std::future::pending::<()>().await;
        }
        let records = self.records.lock().unwrap();
        let known: BTreeMap<_, _> = request.holds.iter().copied().collect();
        let news = records.values().filter(|record| {
            known.get(&record.assignment.device) != Some(&record.assignment.revision)
        });
        let reply = LeaseReply {
            ttl_seconds: self.ttl_seconds,
            assign: news.map(|record| sealed(record, &key)).collect(),
            withdraw: known
                .into_keys()
                .filter(|device| !records.contains_key(device))
                .collect(),
            more: false,
        };
        drop(records);
        self.asks.send_modify(|asks| asks.push(request));
        Ok(reply)
    }
}

fn sealed(record: &Record, key: &PublicKey) -> Assignment {
    let mut assignment = record.assignment.clone();
    let aad = assignment.device.to_string();
    let sealed = seal(key, aad.as_bytes(), record.password.as_bytes()).unwrap();
    assignment.sealed_password = base64::engine::general_purpose::STANDARD.encode(sealed);
    assignment
}

/// Hands the samples to the test.
struct Samples(mpsc::Sender<Sample>);

impl Handle for Samples {
    const NAME: &'static str = "test";
    type Payload = Sample;

    async fn handle(&mut self, sample: Sample) -> Verdict {
        self.0.send(sample).await.unwrap();
        Verdict::Done
    }
}

/// Waits, but not for ever.
pub(crate) async fn within<F: Future>(work: F) -> F::Output {
    tokio::time::timeout(PATIENCE, work)
        .await
        .expect("it takes too long")
}

/// Waits until a condition holds.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "still not so: {what}");
}
