//! What is set, and what a part knows then.

use super::Told;
use crate::postgres::Role;

/// A setting, a value that is not the default, and what has become of it.
pub(super) type Arrival = (
    &'static str,
    &'static str,
    fn(&Told) -> String,
    &'static str,
);

/// Settings that a part is told.
pub(super) const ARRIVE: &[Arrival] = &[
    (
        "log.format",
        "json",
        |told| format!("{:?}", told.config.log.format),
        "Json",
    ),
    (
        "log.level",
        "warn",
        |told| told.config.log.level.clone(),
        "warn",
    ),
    (
        "http.base_url",
        "https://tod.example",
        |told| told.server.base_url.clone(),
        "https://tod.example",
    ),
    (
        "http.tls",
        "false",
        |told| told.server.base_url.clone(),
        "http://192.0.2.1:8443",
    ),
    (
        "http.trusted_proxies",
        "10.0.0.0/8",
        |told| format!("{:?}", told.server.door.trusted_proxies),
        "[10.0.0.0/8]",
    ),
    (
        "http.forwarded",
        "forwarded",
        |told| format!("{:?}", told.server.door.forwarded),
        "Forwarded",
    ),
    (
        "http.cors_origins",
        "https://a.example",
        |told| told.server.door.cors_origins.0.len().to_string(),
        "1",
    ),
    (
        "http.limits.head",
        "7s",
        |told| format!("{:?}", told.server.door.limits.head),
        "7s",
    ),
    (
        "http.limits.body",
        "8s",
        |told| format!("{:?}", told.server.door.limits.body),
        "8s",
    ),
    (
        "http.limits.request",
        "9s",
        |told| format!("{:?}", told.server.door.limits.request),
        "9s",
    ),
    (
        "http.limits.idle",
        "11s",
        |told| format!("{:?}", told.server.door.limits.idle),
        "11s",
    ),
    (
        "http.limits.stall",
        "12s",
        |told| format!("{:?}", told.server.door.limits.stall),
        "12s",
    ),
    (
        "http.limits.connections",
        "77",
        |told| told.server.door.limits.connections.to_string(),
        "77",
    ),
    (
        "http.limits.connections_per_address",
        "78",
        |told| told.server.door.limits.connections_per_address.to_string(),
        "78",
    ),
    (
        "database.url",
        "postgres://x@other.example/tod",
        |told| told.host(Role::App),
        "tod_app@other.example",
    ),
    (
        "database.owner_url",
        "postgres://boss@o.example/tod",
        |told| told.host(Role::Owner),
        "boss@o.example",
    ),
    (
        "database.system_url",
        "postgres://sys@s.example/tod",
        |told| told.host(Role::System),
        "sys@s.example",
    ),
    (
        "database.connections",
        "7",
        |told| told.server.database_connections.to_string(),
        "7",
    ),
    (
        "database.durable",
        "false",
        |told| told.cluster.durable.to_string(),
        "false",
    ),
    (
        "database.programs",
        "/pg/bin",
        |told| format!("{:?}", told.cluster.places.only),
        "Some(\"/pg/bin\")",
    ),
    (
        "bus.nats",
        "nats://n.example:1",
        |told| told.nats.url.clone(),
        "nats://n.example:1",
    ),
    (
        "bus.credentials",
        "/n.creds",
        |told| format!("{:?}", told.nats.credentials),
        "Some(\"/n.creds\")",
    ),
    (
        "bus.authorities",
        "/n.pem",
        |told| format!("{:?}", told.nats.authorities),
        "Some(\"/n.pem\")",
    ),
    (
        "bus.replicas",
        "3",
        |told| told.nats.replicas.to_string(),
        "3",
    ),
    (
        "auth.access",
        "5m",
        |told| format!("{:?}", told.server.policy.access),
        "300s",
    ),
    (
        "auth.session",
        "2h",
        |told| format!("{:?}", told.server.policy.session),
        "7200s",
    ),
    (
        "terminals.idle",
        "40s",
        |told| {
            format!(
                "{:?} {:?}",
                told.server.policy.terminal_idle, told.poller.limits.relay_idle
            )
        },
        "40s 80s",
    ),
    (
        "terminals.most",
        "21",
        |told| told.poller.limits.relays.to_string(),
        "21",
    ),
    (
        "terminals.per_person",
        "22",
        |told| told.server.policy.terminals_per_person.to_string(),
        "22",
    ),
    (
        "terminals.per_device",
        "23",
        |told| told.poller.limits.relays_per_device.to_string(),
        "23",
    ),
    (
        "audit.platform_retention_days",
        "9",
        |told| format!("{:?}", told.server.platform_audit_days),
        "Some(9)",
    ),
    (
        "poller.every",
        "90s",
        |told| told.server.policy.poll_seconds.to_string(),
        "90",
    ),
    (
        "poller.connect_timeout",
        "3s",
        |told| format!("{:?}", told.poller.deadlines.dial),
        "3s",
    ),
    (
        "poller.command_timeout",
        "31s",
        |told| format!("{:?}", told.poller.deadlines.poll),
        "31s",
    ),
    (
        "poller.breaker_failures",
        "2",
        |told| told.poller.breaker.patience.to_string(),
        "2",
    ),
    (
        "poller.breaker_wait",
        "32s",
        |told| format!("{:?}", told.poller.breaker.base),
        "32s",
    ),
    (
        "poller.breaker_longest",
        "33s",
        |told| format!("{:?}", told.poller.breaker.cap),
        "33s",
    ),
    (
        "poller.zones",
        "[{ name = \"z\", networks = [\"10.0.0.0/8\"] }]",
        |told| {
            let zones = told.poller.zones.iter();
            let shown: Vec<_> = zones.map(|zone| (&zone.name, &zone.networks)).collect();
            format!("{shown:?}")
        },
        "[(\"z\", [10.0.0.0/8])]",
    ),
];

/// Settings that a `todd` which runs shows to have an effect, and the tests of that.
pub(super) const RUN: &[(&str, &str)] = &[
    (
        "environment",
        "check::what_is_fit_for_dev_alone_is_refused_by_name",
    ),
    ("target", "split::a_poller_of_its_own_polls_over_nats"),
    (
        "data_dir",
        "private_database::the_first_start_makes_it_and_a_stop_leaves_no_process",
    ),
    (
        "http.listen",
        "start::a_port_in_use_is_named_with_the_way_out",
    ),
    (
        "http.certificate",
        "certificate::a_renewed_certificate_is_shown_after_a_hangup",
    ),
    (
        "http.key",
        "certificate::a_renewed_certificate_is_shown_after_a_hangup",
    ),
    (
        "keys.backend",
        "openbao::a_todd_lives_on_openbao_and_its_keys_move_to_a_file_and_back",
    ),
    (
        "keys.master_key_file",
        "check::a_key_file_that_others_can_read_is_refused",
    ),
];
