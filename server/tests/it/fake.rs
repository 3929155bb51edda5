//! A poller that does as a test says, over the real bus.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use jiff::Timestamp;
use serde_json::json;
use tod_proto::api::devices::Device;
use tod_proto::bus::lease::{LeaseReply, LeaseRequest};
use tod_proto::bus::sample::{Failure, FailureKind, Observation, Outcome, Sample};
use tod_proto::bus::task::{Report, Task};
use tod_proto::bus::{self};
use tod_proto::endpoint::Role;
use tod_proto::id::{DeviceId, PollerId, TenantId};
use tod_proto::untrusted::Untrusted;
use tod_server::api::App;
use tod_server::background;
use tod_service::bus::Bus;
use tod_service::reconcile::Board;
use tod_service::sealed::Recipient;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::harness::{Person, TestApp};

/// How long anything may take before a test gives up.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A server with its background work, a tenant and an operator.
pub(crate) struct Stage {
    pub(crate) app: TestApp,
    pub(crate) tenant: TenantId,
    pub(crate) ana: Person,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::on(TestApp::new().await).await
    }

    pub(crate) async fn on(app: TestApp) -> Self {
        start(&app.app).await;
        let tenant = app.tenant("acme").await;
        let ana = app.member(tenant, Role::Operator).await;
        Self { app, tenant, ana }
    }

    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/api/tenants/{}/{rest}", self.tenant)
    }

    pub(crate) async fn add(&self, name: &str, address: &str) -> DeviceId {
        let body = json!({
            "name": name, "address": address, "username": "tod", "password": "hunter2",
        });
        let device: Device = self
            .app
            .post(&self.ana, &self.path("devices"), body)
            .await
            .ok();
        device.id
    }

    pub(crate) async fn device(&self, id: DeviceId) -> Device {
        self.app
            .get(&self.ana, &self.path(&format!("devices/{id}")))
            .await
            .ok()
    }

    /// Makes the device online, as a first poll does.
    pub(crate) async fn poll(&self, poller: &Poller, id: DeviceId) {
        let seen = Observation {
            uptime_seconds: Some(1000),
            ..Observation::default()
        };
        let sample = poller.sample(self.tenant, id, 1, self.now(), answered(seen));
        self.publish(&sample).await;
        eventually(async || (self.device(id).await.seen_at == Some(sample.at)).then_some(())).await;
    }

    pub(crate) async fn publish(&self, sample: &Sample) {
        let subject = bus::sampled(sample.tenant, sample.device);
        let dedup = uuid::Uuid::now_v7().to_string();
        self.app
            .bus
            .publish(&subject, &dedup, sample)
            .await
            .unwrap();
    }

    /// The clock's time, as the database keeps it.
    pub(crate) fn now(&self) -> Timestamp {
        let now = self.app.app.clock.now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap()
    }
}

/// Starts the background work of a server.
pub(crate) async fn start(app: &App) {
    background::start(app, &Board::new(app.clock.clone()))
        .await
        .unwrap();
}

/// Asks until there is an answer.
pub(crate) async fn eventually<T, F: AsyncFnMut() -> Option<T>>(mut look: F) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, looking).await.unwrap()
}

pub(crate) fn answered(seen: Observation) -> Outcome {
    Outcome::Answered(Box::new(seen))
}

pub(crate) fn failed(kind: FailureKind, message: &str) -> Outcome {
    Outcome::Failed(Failure {
        kind,
        message: Untrusted::new(message),
        failures: 1,
        retry_seconds: None,
    })
}

/// A poller.
pub(crate) struct Poller {
    pub(crate) id: PollerId,
    pub(crate) recipient: Arc<Recipient>,
    bus: Bus,
    asked: Arc<Mutex<Vec<Task>>>,
    _stop: DropGuard,
}

impl Poller {
    /// A poller that answers tasks with `answer`.
    pub(crate) fn new<F, Fut>(bus: &Bus, answer: F) -> Self
    where
        F: Fn(Task) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Report> + Send,
    {
        let id = PollerId::generate();
        let stop = CancellationToken::new();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let recipient = Arc::new(Recipient::generate().unwrap());
        let (serving, stopped, log) = (bus.clone(), stop.clone(), Arc::clone(&asked));
        let key = Arc::clone(&recipient);
        #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
        drop(tokio::spawn(async move {
            let answer = |task: Task| {
                log.lock().unwrap().push(task.clone());
                let report = answer(task);
                async move { Ok(report.await) }
            };
            serving
                .serve_sealed(&bus::asked(id), "poller", &key, stopped, answer)
                .await
                .unwrap();
        }));
        Self {
            id,
            recipient,
            bus: bus.clone(),
            asked,
            _stop: stop.drop_guard(),
        }
    }

    /// A poller that is never asked anything.
    pub(crate) fn idle(bus: &Bus) -> Self {
        Self::new(bus, async |_| Report::Polling)
    }

    /// Everything that was asked, in order.
    pub(crate) fn asked(&self) -> Vec<Task> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) async fn lease(&self, holds: &[(DeviceId, u64)]) -> LeaseReply {
        self.request(holds, false).await
    }

    pub(crate) async fn leave(&self) -> LeaseReply {
        self.request(&[], true).await
    }

    async fn request(&self, holds: &[(DeviceId, u64)], leaving: bool) -> LeaseReply {
        let request = LeaseRequest {
            poller: self.id,
            zones: vec!["default".to_owned()],
            public_key: hex::encode(self.recipient.public_key().as_bytes()),
            holds: holds.to_vec(),
            leaving,
        };
        // The server may still be on its way to serve.
        eventually(async || self.bus.request(bus::LEASE, &request, SOON).await.ok()).await
    }

    pub(crate) fn open(&self, device: DeviceId, sealed: &str) -> String {
        let sealed = base64::engine::general_purpose::STANDARD
            .decode(sealed)
            .unwrap();
        let plain = self
            .recipient
            .open(device.to_string().as_bytes(), &sealed)
            .unwrap();
        String::from_utf8(plain.to_vec()).unwrap()
    }

    pub(crate) fn sample(
        &self,
        tenant: TenantId,
        device: DeviceId,
        fence: u64,
        at: Timestamp,
        outcome: Outcome,
    ) -> Sample {
        Sample {
            tenant,
            device,
            poller: self.id,
            fence,
            at,
            poll_ms: 7,
            logins: 1,
            outcome,
        }
    }
}
