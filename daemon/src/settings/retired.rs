//! Names that others know and that have no meaning here.
//!
//! **Invariant:** whoever brings an environment along is told of each name that counts for nothing:
//! what takes its place, or that there is nothing of the kind.

const NO_MAIL: &str = "no mail is sent: invitations and resets are codes that a person hands over; \
                       what happens is followed with todctl events -f";
const NO_VPN: &str = "there is no VPN here: a poller in the network of its devices dials out, \
                      todd serve --target poller";
const NO_BACKUPS: &str = "no backups of configurations are made; one is read with \
                          todctl exec SELECTOR -- /export";
const NO_FIRMWARE: &str = "firmware is neither kept nor looked for; devices fetch their own";
const NO_WINBOX: &str = "WinBox is not served here; terminals: todctl ssh, and TOD_TERMINALS__IDLE, \
                         __MOST, __PER_PERSON and __PER_DEVICE";
const NO_IMAGE: &str = "it is for the image of PostgreSQL; todd reads DATABASE_URL, or makes a \
                        database of its own";

/// Names that have no meaning here: why, and what to use.
pub const RETIRED: &[(&str, &str)] = &[
    (
        "DEBUG",
        "nothing shows more to clients; for the log: LOG_LEVEL=debug",
    ),
    (
        "SYNC_DATABASE_URL",
        "migrations run with DATABASE_URL as tod_owner, or with TOD_DATABASE__OWNER_URL",
    ),
    (
        "APP_USER_DATABASE_URL",
        "requests run with DATABASE_URL as tod_app",
    ),
    ("POLLER_DATABASE_URL", "a poller has no database"),
    ("DB_MAX_OVERFLOW", "the pool has one bound: DB_POOL_SIZE"),
    (
        "DB_ADMIN_POOL_SIZE",
        "half of DB_POOL_SIZE serves background work",
    ),
    (
        "DB_ADMIN_MAX_OVERFLOW",
        "half of DB_POOL_SIZE serves background work",
    ),
    ("DB_POOL_RECYCLE", "connections are renewed by themselves"),
    (
        "REDIS_URL",
        "limits, locks and sessions are in PostgreSQL; nothing to configure",
    ),
    (
        "JWT_SECRET_KEY",
        "keys of tokens are made, sealed and changed here: todctl session rotate-keys",
    ),
    (
        "JWT_ALGORITHM",
        "one algorithm, HS256; a choice would be a way in",
    ),
    (
        "PASSWORD_RESET_TOKEN_EXPIRE_MINUTES",
        "an administrator resets to a one-time enrolment code: todctl user reset",
    ),
    (
        "FIRST_ADMIN_EMAIL",
        "the first administrator enrols with the token in the data directory: todctl setup",
    ),
    (
        "FIRST_ADMIN_PASSWORD",
        "no password ever reaches the server: todctl setup",
    ),
    ("DEVICE_REFRESH_SECONDS", "pollers hear of changes at once"),
    (
        "TUNNEL_PORT_MIN",
        "no ports are opened on the server: clients connect to it alone",
    ),
    (
        "TUNNEL_PORT_MAX",
        "no ports are opened on the server: clients connect to it alone",
    ),
    (
        "TUNNEL_IDLE_TIMEOUT",
        "TOD_TERMINALS__IDLE counts for all that is relayed",
    ),
    (
        "SSH_RELAY_PORT",
        "terminals come in where everything does: TOD_HTTP__LISTEN",
    ),
    ("GUNICORN_BIND", "use TOD_HTTP__LISTEN or --listen"),
    ("GUNICORN_WORKERS", "one process uses all processors"),
    ("GUNICORN_TIMEOUT", "use TOD_HTTP__LIMITS__REQUEST"),
    (
        "GUNICORN_GRACEFUL_TIMEOUT",
        "requests have 10 seconds when todd stops",
    ),
    ("GUNICORN_KEEPALIVE", "use TOD_HTTP__LIMITS__IDLE"),
    (
        "LICENSE_DEVICES",
        "there is no licence to count; quotas of tenants: todctl tenant set",
    ),
    ("TELEMETRY_ENABLED", "nothing is sent to anybody"),
    ("TELEMETRY_COLLECTOR_URL", "nothing is sent to anybody"),
    ("APP_NAME", "it is called tod"),
    ("APP_VERSION", "the program knows its version"),
    ("VITE_API_URL", "there is no web front end"),
    (
        "GIT_STORE_PATH",
        "configurations are not kept in git here; one is read with todctl exec SELECTOR -- /export",
    ),
    (
        "CONFIG_RETENTION_DAYS",
        "no backups of configurations are kept, so none end",
    ),
    ("CONFIG_BACKUP_INTERVAL", NO_BACKUPS),
    ("CONFIG_BACKUP_MAX_CONCURRENT", NO_BACKUPS),
    ("CONFIG_BACKUP_COMMAND_TIMEOUT", NO_BACKUPS),
    ("SMTP_HOST", NO_MAIL),
    ("SMTP_PORT", NO_MAIL),
    ("SMTP_USER", NO_MAIL),
    ("SMTP_PASSWORD", NO_MAIL),
    ("SMTP_USE_TLS", NO_MAIL),
    ("SMTP_FROM_ADDRESS", NO_MAIL),
    ("WIREGUARD_CONFIG_PATH", NO_VPN),
    ("WIREGUARD_GATEWAY", NO_VPN),
    ("FIRMWARE_CACHE_DIR", NO_FIRMWARE),
    ("FIRMWARE_CHECK_INTERVAL_HOURS", NO_FIRMWARE),
    (
        "SIGNAL_DEGRADATION_THRESHOLD_DB",
        "nothing watches signals here; what a device measures is in todctl metrics",
    ),
    (
        "TREND_DETECTION_INTERVAL_SECONDS",
        "nothing looks for trends here; what a device measures is in todctl metrics",
    ),
    (
        "ALERT_EVALUATION_INTERVAL_SECONDS",
        "there are no alert rules; what changes is an event at once: todctl events -f",
    ),
    (
        "MIB_PARSER_PATH",
        "devices are asked over their API; there is no SNMP",
    ),
    ("WINBOX_PATH", NO_WINBOX),
    ("MAX_CONCURRENT_SESSIONS", NO_WINBOX),
    ("IDLE_TIMEOUT_SECONDS", NO_WINBOX),
    ("MAX_LIFETIME_SECONDS", NO_WINBOX),
    ("IDLE_TIMEOUT", NO_WINBOX),
    ("MAX_LIFETIME", NO_WINBOX),
    ("BIND_ADDR", NO_WINBOX),
    ("LISTEN_ADDR", "use TOD_HTTP__LISTEN or --listen"),
    (
        "BAO_ADDR",
        "it is for OpenBao's own programs; todd reads OPENBAO_ADDR",
    ),
    (
        "BAO_TOKEN",
        "it is for OpenBao's own programs; todd reads OPENBAO_TOKEN",
    ),
    (
        "BAO_UNSEAL_KEY",
        "todd never unseals OpenBao, and no key for that should be near it",
    ),
    ("POSTGRES_DB", NO_IMAGE),
    ("POSTGRES_USER", NO_IMAGE),
    ("POSTGRES_PASSWORD", NO_IMAGE),
    ("TOD_VERSION", "the program knows its version"),
];
