//! Which poller has which device, and the credentials that it needs for it.
//!
//! A poller asks every few seconds. Its request is its sign of life, its answer is good for
//! [`TTL`]. Passwords are opened only for the answer and sealed to the poller's own key.
//!
//! **Invariant:** one holder at a time. The fence of a device grows whenever its holder changes;
//! what carries an older fence is ignored.

mod assign;
mod store;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::{SignedDuration, Timestamp};
use tod_proto::bus::lease::{Assignment, LeaseReply, LeaseRequest, MAX_ASSIGNMENTS, Poke};
use tod_proto::bus::{self};
use tod_proto::error::ErrorCode;
use tod_proto::id::{DeviceId, PollerId, TenantId};
use tod_service::bus::Refusal;
use tod_service::sealed::{self, PublicKey};

pub use self::store::{Holder, holder};
use crate::api::error::Error;
use crate::api::{App, devices};
use crate::kms::Sealed;

/// How long a lease is good after the answer.
pub const TTL: Duration = Duration::from_secs(20);
/// A poller that has not asked for so long is gone.
const GONE: Duration = Duration::from_secs(20);
/// The most devices that a poller may say it holds.
const MAX_HOLDS: usize = 20_000;
/// The most zones that a poller may serve.
const MAX_ZONES: usize = 256;

/// Answers a poller's request for leases.
pub async fn answer(app: App, request: LeaseRequest) -> Result<LeaseReply, Refusal> {
    let poller = request.poller;
    lease(&app, request).await.map_err(|error| {
        let code = match error.code() {
            ErrorCode::Invalid => "invalid",
            ErrorCode::Unavailable => "unavailable",
            _ => "internal",
        };
        let message = error.to_string();
        let error = format!("{:#}", anyhow::Error::from(error));
        tracing::warn!(poller.id = %poller, error, "a poller gets no leases now");
        Refusal::new(code, message)
    })
}

async fn lease(app: &App, request: LeaseRequest) -> Result<LeaseReply, Error> {
    let key = public_key(&request)?;
    let now = app.clock.now();
    if request.leaving {
        return leave(app, request.poller).await;
    }
    app.kms.warm_zones(&app.db, &request.zones).await;
    let mut tx = app.db.system("leases of a poller").await?;
    store::sign_of_life(&mut tx, &request, now).await?;
    let live = store::live(&mut tx, ago(now, GONE)).await?;
    let devices = store::devices(&mut tx, &request.zones).await?;
    let mut decision = assign::decide(request.poller, &live, &devices, &request.holds, now);
    let wanted = decision.take.len() + decision.refresh.len();
    decision.take.truncate(MAX_ASSIGNMENTS);
    decision
        .refresh
        .truncate(MAX_ASSIGNMENTS - decision.take.len());
    let until = after(now, TTL);
    store::renew(&mut tx, request.poller, &decision.renew, until).await?;
    store::release(&mut tx, request.poller, &decision.release).await?;
    let taken = store::take(&mut tx, request.poller, &decision.take, now, until).await?;
    let given: Vec<DeviceId> = taken.into_iter().chain(decision.refresh).collect();
    let records = store::records(&mut tx, request.poller, &given).await?;
    let assign = assignments(app, &mut tx, request.poller, &key, records).await?;
    tx.commit().await?;
    if !assign.is_empty() || !decision.withdraw.is_empty() {
        let (given, taken) = (assign.len(), decision.withdraw.len());
        tracing::info!(poller.id = %request.poller, given, taken, "leases moved");
    }
    Ok(LeaseReply {
        ttl_seconds: u32::try_from(TTL.as_secs()).unwrap_or(u32::MAX),
        more: wanted > given.len(),
        assign,
        withdraw: decision.withdraw,
    })
}

fn public_key(request: &LeaseRequest) -> Result<PublicKey, Error> {
    if request.holds.len() > MAX_HOLDS || request.zones.len() > MAX_ZONES {
        return Err(Error::invalid("a poller holds too many devices or zones"));
    }
    store::public_key(&request.public_key)
        .ok_or_else(|| Error::invalid("the public key is not 32 bytes in hex"))
}

/// Gives back everything that a stopping poller has.
async fn leave(app: &App, poller: PollerId) -> Result<LeaseReply, Error> {
    let mut tx = app.db.system("a poller leaves").await?;
    let zones = store::leave(&mut tx, poller).await?;
    let others = store::pollers_of(&mut tx, &zones).await?;
    tx.commit().await?;
    poke(app, &others).await;
    Ok(LeaseReply {
        ttl_seconds: 0,
        assign: Vec::new(),
        withdraw: Vec::new(),
        more: false,
    })
}

/// Opens the passwords and seals them to the poller's key.
async fn assignments(
    app: &App,
    tx: &mut crate::db::SystemTx,
    poller: PollerId,
    key: &PublicKey,
    records: Vec<store::Record>,
) -> Result<Vec<Assignment>, Error> {
    let stored: Vec<_> = records
        .iter()
        .map(|record| Sealed {
            tenant: record.assignment.tenant,
            place: devices::place(record.assignment.device),
            bytes: &record.password,
        })
        .collect();
    let keys = app
        .kms
        .keyring(poller.to_string(), "device.lease", app.clock.now());
    let passwords = keys.each().open_all(tx, &stored).await?;
    let mut assignments = Vec::with_capacity(records.len());
    for (record, password) in records.into_iter().zip(passwords) {
        let device = record.assignment.device;
        // The one device stays unpolled and says why elsewhere; the others are not held up.
        let Ok(password) = password else {
            tracing::error!(device.id = %device, "a stored password cannot be opened");
            continue;
        };
        let sealed =
            sealed::seal(key, device.to_string().as_bytes(), &password).map_err(Error::internal)?;
        assignments.push(Assignment {
            sealed_password: BASE64.encode(sealed),
            ..record.assignment
        });
    }
    Ok(assignments)
}

/// Makes the pollers of a device's zone ask for leases at once, so that an edit counts at once.
pub async fn poke_zone(app: &App, zone: &str) {
    let pollers = async {
        let mut tx = app.db.system("whom to poke").await?;
        let pollers = store::pollers_of(&mut tx, &[zone.to_owned()]).await?;
        tx.commit().await?;
        Ok::<_, Error>(pollers)
    };
    match pollers.await {
        Ok(pollers) => poke(app, &pollers).await,
        Err(error) => tracing::debug!(%error, "pollers are not poked, they will ask by themselves"),
    }
}

/// Forgets pollers that have been gone for a day. Returns how many.
pub async fn forget_gone(app: &App) -> Result<u64, Error> {
    let mut tx = app.db.system("pollers that are gone").await?;
    let since = ago(app.clock.now(), Duration::from_hours(24));
    let gone = store::forget(&mut tx, since).await?;
    tx.commit().await?;
    Ok(gone)
}

async fn poke(app: &App, pollers: &[PollerId]) {
    for poller in pollers {
        if let Err(error) = app.bus.notify(&bus::poked(*poller), &Poke {}).await {
            tracing::debug!(%error, "a poller is not poked, it will ask by itself");
        }
    }
}

/// The holder of a device, or why nothing can be asked of it now.
pub async fn must_hold(app: &App, tenant: TenantId, device: DeviceId) -> Result<Holder, Error> {
    let mut tx = app.db.tenant(tenant).await?;
    let holder = holder(&mut tx, device, app.clock.now()).await?;
    tx.commit().await?;
    holder.ok_or_else(nobody_holds)
}

/// Nothing can be asked of a device that no poller has.
pub fn nobody_holds() -> Error {
    let message = "no poller has this device now";
    Error::new(ErrorCode::DeviceUnreachable, message).hint(
        "a todd that serves the zone of the device has to run; its zone: todctl device show NAME",
    )
}

fn after(at: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

fn ago(at: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    at.saturating_sub(by).unwrap_or(Timestamp::MIN)
}
