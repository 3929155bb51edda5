//! The HTTP API: what handlers may reach, and all resources merged.

mod cx;
mod decode;
mod envelope;
pub mod error;
mod feed;
pub mod file;
pub mod filter;
pub mod route;

pub mod account;
pub mod api_keys;
pub mod audit;
pub mod changes;
pub mod devices;
pub mod docs;
pub mod events;
pub mod kms;
mod number;
pub mod relays;
pub mod runs;
pub mod sessions;
pub mod status;
pub mod tenants;
pub mod totp;
pub mod users;

use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use bytes::Bytes;
use tod_proto::api::events::{Event, EventQuery};
use tod_proto::id::TenantId;
use tod_service::bus::Bus;
use tod_service::clock::Clock;
use tod_service::health::Health;
use tod_service::supervisor::Supervisor;
use tokio_util::sync::CancellationToken;

pub use self::cx::Cx;
pub use self::envelope::Peer;
use self::route::Routes;
use crate::auth::Auth;
use crate::db::Db;
use crate::fleet::Fleet;
use crate::kms::Kms;
use crate::relay::hub::RelayHub;
use crate::startup::Config;
use crate::together::Together;

/// What every handler and every background job may reach. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App(Arc<Parts>);

/// The parts of an [`App`].
#[derive(Debug)]
pub struct Parts {
    /// What the server was told.
    pub config: Config,
    /// The database.
    pub db: Db,
    /// Keys.
    pub kms: Kms,
    /// The way to pollers and to other servers.
    pub bus: Bus,
    /// The time.
    pub clock: Clock,
    /// What is well and what is not.
    pub health: Health,
    /// Signing in.
    pub auth: Auth,
    /// Whether acts can be recorded.
    pub audit: crate::audit::Alarm,
    /// Starts and stops tasks.
    pub supervisor: Supervisor,
    /// Who follows what on this server.
    pub fleet: Fleet,
    /// Answers that several callers wait for.
    pub answers: Together<String, Bytes>,
    /// Events that several followers wait for.
    pub events: Together<(TenantId, EventQuery), Arc<Vec<Event>>>,
    /// Clients on this server that wait for a poller.
    pub relays: RelayHub,
    /// Is cancelled when the server stops: streams and sockets end then.
    pub stopping: CancellationToken,
}

impl App {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// The whole API, ready to serve.
    pub fn router(&self) -> Router {
        let deadline = self.config.door.limits.request;
        let router = routes().into_router().fallback(envelope::no_route);
        let router = match self.config.door.cors_origins.layer() {
            Some(cors) => router
                .layer(from_fn(move |request, next| {
                    envelope::wrap(deadline, request, next)
                }))
                .layer(cors)
                .layer(from_fn(envelope::stamp)),
            None => router.layer(from_fn(move |request, next| {
                envelope::stamp_and_wrap(deadline, request, next)
            })),
        };
        router.with_state(self.clone())
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// Every resource, one line each.
pub fn routes() -> Routes {
    Routes::new()
        .merge(account::routes())
        .merge(api_keys::routes())
        .merge(audit::routes())
        .merge(changes::routes())
        .merge(devices::routes())
        .merge(docs::routes())
        .merge(events::routes())
        .merge(kms::routes())
        .merge(relays::routes())
        .merge(runs::routes())
        .merge(sessions::routes())
        .merge(status::routes())
        .merge(tenants::routes())
        .merge(totp::routes())
        .merge(users::routes())
}
