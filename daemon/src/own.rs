//! The sockets of the control plane that are known here: they are no devices, whatever a zone lists.

use std::net::SocketAddr;
use std::time::Duration;

use crate::config::Config;
use crate::postgres::Role;

/// The port of NATS when none is said.
const NATS: u16 = 4222;
/// How long a name may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Database and bus, as they are known at the start.
pub(crate) async fn sockets(config: &Config) -> Vec<SocketAddr> {
    let mut found = Vec::new();
    for (host, port) in places(config) {
        let lookup = tokio::net::lookup_host((host.as_str(), port));
        if let Ok(Ok(addresses)) = tokio::time::timeout(PATIENCE, lookup).await {
            found.extend(addresses);
        } else {
            // Whoever connects there says it louder.
            tracing::debug!(host, "a name of the control plane is not known yet");
        }
    }
    found
}

fn places(config: &Config) -> Vec<(String, u16)> {
    let mut places = Vec::new();
    for role in [Role::App, Role::Owner, Role::System] {
        if let Ok(Some(options)) = config.database.connect(role)
            && options.get_socket().is_none()
            && !options.get_host().starts_with('/')
        {
            places.push((options.get_host().to_owned(), options.get_port()));
        }
    }
    for server in config.bus.nats.iter().flat_map(|nats| nats.split(',')) {
        places.extend(nats(server));
    }
    places.dedup();
    places
}

fn nats(server: &str) -> Option<(String, u16)> {
    let server = server.trim();
    let rest = server.split_once("://").map_or(server, |(_, rest)| rest);
    let place = rest.rsplit('@').next()?.trim_end_matches('/');
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !place.ends_with(']') => (host, port.parse().ok()?),
        _ => (place, NATS),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Some((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Common;
    use crate::environment::Environment;

    #[tokio::test]
    async fn database_and_bus_are_no_devices() {
        let given = [
            ("DATABASE_URL", "postgres://x@127.0.0.3:5432/tod"),
            (
                "NATS_URL",
                "nats://u:p@127.0.0.4:4223, tls://[::1], nats://127.0.0.5",
            ),
        ];
        let environment = Environment::of(&given);
        let (config, _) = Config::load(&Common::default(), &environment).unwrap();

        let own = sockets(&config).await;

        let texts: Vec<_> = own.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "127.0.0.3:5432",
                "127.0.0.4:4223",
                "[::1]:4222",
                "127.0.0.5:4222"
            ]
        );
    }
}
