//! The devices that are held, with a worker for each.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tod_proto::id::DeviceId;
use tod_proto::untrusted::plain;
use tod_service::supervisor::Supervisor;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::device::Target;
use crate::worker::{Ask, Handle, Kit, Worker};

/// For each device that is held, the first polls are spread by this much more, so that ten thousand
/// do not come in one moment.
const SPREAD: Duration = Duration::from_millis(1);
/// How many things may be asked of one device at once.
const ASKS: usize = 16;

/// The workers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Fleet {
    kit: Arc<Kit>,
    supervisor: Supervisor,
    workers: Arc<Mutex<BTreeMap<DeviceId, Handle>>>,
}

impl Fleet {
    /// An empty fleet.
    pub fn new(kit: Arc<Kit>, supervisor: Supervisor) -> Self {
        Self {
            kit,
            supervisor,
            workers: Arc::default(),
        }
    }

    /// Starts on a device, or takes what has changed about it.
    pub fn hold(&self, target: Target) {
        let (device, target) = (target.device, Arc::new(target));
        let mut workers = self.lock();
        if let Some(handle) = workers.get(&device).filter(|handle| handle.is_alive()) {
            handle.target.send_replace(target);
            return;
        }
        let spread = SPREAD.saturating_mul(u32::try_from(workers.len()).unwrap_or(u32::MAX));
        let phase = spread
            .min(target.period)
            .mul_f64(rand::random_range(0.0..=1.0));
        workers.insert(device, self.start(target, phase));
    }

    /// Lets go of a device, now.
    pub fn release(&self, device: DeviceId) {
        let handle = self.lock().remove(&device);
        if let Some(handle) = handle {
            handle.stop.cancel();
        }
    }

    /// Lets go of all devices, now.
    pub fn clear(&self) {
        let workers = std::mem::take(&mut *self.lock());
        for handle in workers.into_values() {
            handle.stop.cancel();
        }
    }

    /// Which devices are held, with the revision that is known of each.
    ///
    /// One whose worker has died is not: it will be assigned anew.
    pub fn holds(&self) -> Vec<(DeviceId, u64)> {
        let mut workers = self.lock();
        workers.retain(|_, handle| handle.is_alive());
        workers
            .iter()
            .map(|(&device, handle)| (device, handle.target.borrow().revision))
            .collect()
    }

    /// The worker of a device that is held.
    pub fn find(&self, device: DeviceId) -> Option<Handle> {
        self.lock()
            .get(&device)
            .filter(|handle| handle.is_alive())
            .cloned()
    }

    /// How many devices are held.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn start(&self, target: Arc<Target>, phase: Duration) -> Handle {
        let stop = CancellationToken::new();
        let (asks, asked) = mpsc::channel::<Ask>(ASKS);
        let name = plain(&target.name);
        tracing::debug!(device.id = %target.device, "holding `{name}`");
        let (sender, edits) = watch::channel(target);
        let worker = Worker::new(Arc::clone(&self.kit), edits, asked, stop.clone(), phase);
        let known = worker.known();
        self.supervisor.spawn_job("poller/worker", worker.run());
        Handle {
            target: sender,
            known,
            asks,
            stop,
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<DeviceId, Handle>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
