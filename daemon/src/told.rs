//! What each part is told: the one place where settings become what a part knows.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::bail;
use sqlx::postgres::PgConnectOptions;
use tod_poller::device::dial::Deadlines;
use tod_poller::startup::Limits;
use tod_poller::worker::machine::Breaker;
use tod_proto::certificate::Certificate;
use tod_server::kms::Keys;
use tod_server::startup::Policy;
use tod_service::bus::NatsOptions;
use tokio::sync::watch;

use crate::config::{Config, Target};
use crate::environment::Environment;
use crate::postgres::{Options, Places};

/// What a server is told besides the settings: what was made or opened for it.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) app: PgConnectOptions,
    pub(crate) system: PgConnectOptions,
    pub(crate) keys: Keys,
    pub(crate) setup_token: PathBuf,
    pub(crate) base_url: String,
    pub(crate) pin: Option<String>,
    pub(crate) certificate: watch::Receiver<Option<Certificate>>,
}

pub(crate) fn server(config: &Config, made: Made) -> tod_server::startup::Config {
    tod_server::startup::Config {
        database_app: made.app,
        database_system: made.system,
        database_connections: config.database.connections,
        keys: made.keys,
        setup_token: made.setup_token,
        base_url: made.base_url,
        platform_audit_days: config.audit.platform_retention_days,
        certificate_pin: made.pin,
        certificate: made.certificate,
        door: config.http.door(),
        policy: Policy {
            poll_seconds: u32::try_from(config.poller.every.0.as_secs()).unwrap_or(u32::MAX),
            access: config.auth.access.0,
            session: config.auth.session.0,
            terminals_per_person: config.terminals.per_person,
            terminal_idle: config.terminals.idle.0,
        },
    }
}

/// Addresses in `own` are no devices.
pub(crate) fn poller(config: &Config, own: Vec<SocketAddr>) -> tod_poller::startup::Config {
    let (poller, terminals) = (&config.poller, &config.terminals);
    tod_poller::startup::Config {
        zones: poller.zones.clone(),
        own,
        limits: Limits {
            relays: terminals.most,
            relays_per_device: terminals.per_device,
            // The server ends what is silent; this is for when it does not.
            relay_idle: terminals.idle.0 * 2,
            ..Limits::default()
        },
        deadlines: Deadlines {
            dial: poller.connect_timeout.0,
            poll: poller.command_timeout.0,
            ..Deadlines::default()
        },
        breaker: Breaker {
            patience: poller.breaker_failures,
            base: poller.breaker_wait.0,
            cap: poller.breaker_longest.0,
        },
        ..tod_poller::startup::Config::default()
    }
}

/// How to reach NATS, if there is one; `name` is what people see there.
pub(crate) fn nats(config: &Config, name: &str) -> Option<NatsOptions> {
    let bus = &config.bus;
    Some(NatsOptions {
        url: bus.nats.clone()?,
        name: name.to_owned(),
        credentials: bus.credentials.clone(),
        authorities: bus.authorities.clone(),
        replicas: bus.replicas,
    })
}

/// How to run a private database.
pub(crate) fn cluster(config: &Config, environment: &Environment) -> Options {
    let mut places = Places::usual(environment.path());
    places.only.clone_from(&config.database.programs);
    Options {
        places,
        durable: config.database.durable,
    }
}

/// How pollers reach a server that listens at `address`.
pub(crate) fn base_url(config: &Config, address: SocketAddr) -> anyhow::Result<String> {
    if let Some(url) = &config.http.base_url {
        return Ok(url.clone());
    }
    let scheme = config.http.scheme();
    if !address.ip().is_unspecified() {
        return Ok(format!("{scheme}://{address}"));
    }
    if config.target == Target::Server {
        bail!(
            "listening on all addresses, the server does not know which one its pollers can \
             reach: say it with TOD_HTTP__BASE_URL=https://HOST:{}",
            address.port()
        );
    }
    Ok(format!("{scheme}://127.0.0.1:{}", address.port()))
}

#[cfg(test)]
mod tests;
