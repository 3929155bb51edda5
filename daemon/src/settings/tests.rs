//! Names, and what they mean.

use super::*;
use crate::args::Common;
use crate::config::Config;
use crate::environment::Environment;

#[test]
fn every_setting_is_described_and_every_name_means_one() {
    let all = all();
    let keys: Vec<_> = all.iter().map(|it| it.key.as_str()).collect();
    let value = serde_json::to_value(Config::default()).unwrap();
    let mut fields = Vec::new();
    flatten("", &value, &mut fields);
    for field in &fields {
        assert!(keys.contains(&field.as_str()), "{field} is not described");
    }
    for setting in &all {
        assert!(!setting.about.is_empty(), "{}", setting.key);
        assert!(
            fields.contains(&setting.key),
            "{} is no setting",
            setting.key
        );
    }
    for alias in ALIASES {
        assert!(keys.contains(&alias.key), "{}", alias.name);
    }
    for (name, _) in RETIRED {
        assert!(ALIASES.iter().all(|alias| alias.name != *name), "{name}");
    }
}

fn flatten(at: &str, value: &serde_json::Value, fields: &mut Vec<String>) {
    let Some(object) = value.as_object() else {
        fields.push(at.to_owned());
        return;
    };
    for (name, inner) in object {
        let at = if at.is_empty() {
            name.clone()
        } else {
            format!("{at}.{name}")
        };
        flatten(&at, inner, fields);
    }
}

#[test]
fn the_names_of_the_field_work() {
    let given = [
        ("ENVIRONMENT", "staging"),
        ("LOG_LEVEL", "DEBUG"),
        ("APP_BASE_URL", "https://tod.example"),
        ("TLS_CERT", "/c"),
        ("TLS_KEY", "/k"),
        ("TRUSTED_PROXIES", "10.0.0.0/8"),
        ("CORS_ORIGINS", "https://a.example,https://b.example"),
        ("DATABASE_URL", "postgres://x@localhost/tod"),
        ("DB_POOL_SIZE", "7"),
        ("NATS_URL", "nats://127.0.0.1:4222"),
        ("OPENBAO_ADDR", "https://bao.example:8200"),
        ("OPENBAO_TOKEN", "s.geheim"),
        ("JWT_ACCESS_TOKEN_EXPIRE_MINUTES", "5"),
        ("JWT_REFRESH_TOKEN_EXPIRE_DAYS", "3"),
        ("SSH_IDLE_TIMEOUT", "60"),
        ("SSH_MAX_SESSIONS", "11"),
        ("SSH_MAX_PER_USER", "12"),
        ("SSH_MAX_PER_DEVICE", "13"),
        ("POLL_INTERVAL_SECONDS", "90"),
        ("CONNECTION_TIMEOUT_SECONDS", "3"),
        ("COMMAND_TIMEOUT_SECONDS", "21"),
        ("CIRCUIT_BREAKER_MAX_FAILURES", "4"),
        ("CIRCUIT_BREAKER_BASE_BACKOFF_SECONDS", "14"),
        ("CIRCUIT_BREAKER_MAX_BACKOFF_SECONDS", "100"),
    ];
    let (config, _) = Config::load(&Common::default(), &Environment::of(&given)).unwrap();
    let value = serde_json::to_value(&config).unwrap();
    for (key, expected) in [
        ("/environment", "staging"),
        ("/log/level", "DEBUG"),
        ("/http/base_url", "https://tod.example"),
        ("/http/key", "/k"),
        ("/database/url", "set, not shown"),
        ("/bus/nats", "nats://127.0.0.1:4222"),
        ("/keys/transit/address", "https://bao.example:8200"),
        ("/keys/transit/token", "set, not shown"),
        ("/auth/access", "5m"),
        ("/auth/session", "3d"),
        ("/terminals/idle", "1m"),
        ("/poller/every", "90s"),
        ("/poller/connect_timeout", "3s"),
        ("/poller/command_timeout", "21s"),
        ("/poller/breaker_wait", "14s"),
        ("/poller/breaker_longest", "100s"),
    ] {
        assert_eq!(value.pointer(key).unwrap(), expected, "{key}");
    }
    for (key, expected) in [
        ("/database/connections", 7),
        ("/terminals/most", 11),
        ("/terminals/per_person", 12),
        ("/terminals/per_device", 13),
        ("/poller/breaker_failures", 4),
    ] {
        assert_eq!(value.pointer(key).unwrap(), expected, "{key}");
    }
}

#[test]
fn a_name_of_ours_goes_before_one_of_the_field() {
    let both = [("DB_POOL_SIZE", "7"), ("TOD_DATABASE__CONNECTIONS", "8")];
    let (config, layers) = Config::load(&Common::default(), &Environment::of(&both)).unwrap();
    assert_eq!(config.database.connections, 8);
    let origin = layers.origin("database.connections").unwrap().to_string();
    assert_eq!(origin, "variable TOD_DATABASE__CONNECTIONS");
}

#[test]
fn a_number_that_is_none_is_an_error_that_names_the_variable() {
    for (name, value, said) in [
        (
            "POLL_INTERVAL_SECONDS",
            "sixty",
            "variable POLL_INTERVAL_SECONDS: `sixty` is no whole number",
        ),
        (
            "POLL_INTERVAL_SECONDS",
            "60s",
            "variable POLL_INTERVAL_SECONDS: `60s` is no whole number",
        ),
        (
            "SSH_MAX_SESSIONS",
            "-1",
            "variable SSH_MAX_SESSIONS: `-1` is no whole number",
        ),
        (
            "SSH_MAX_SESSIONS",
            "99999999999999999999999",
            "variable SSH_MAX_SESSIONS: `terminals.most`",
        ),
        (
            "SSH_IDLE_TIMEOUT",
            "0",
            "variable SSH_IDLE_TIMEOUT: `terminals.idle`: must be more",
        ),
        (
            "ENVIRONMENT",
            "prod",
            "variable ENVIRONMENT: `environment`: unknown variant",
        ),
        (
            "POLL_INTERVAL_SECONDS",
            "2",
            "`poller.every` must be whole seconds",
        ),
    ] {
        let refused = refusal(name, value);
        assert!(refused.starts_with(said), "{refused}");
    }
}

#[test]
fn tokens_and_sessions_have_bounds_that_are_told() {
    for (name, value, said) in [
        (
            "JWT_ACCESS_TOKEN_EXPIRE_MINUTES",
            "0",
            "variable JWT_ACCESS_TOKEN_EXPIRE_MINUTES: `auth.access`: must be more",
        ),
        (
            "JWT_ACCESS_TOKEN_EXPIRE_MINUTES",
            "61",
            "`auth.access` is 61m; it must be from 1m to 1h",
        ),
        (
            "TOD_AUTH__ACCESS",
            "59s",
            "`auth.access` is 59s; it must be from 1m to 1h",
        ),
        (
            "JWT_REFRESH_TOKEN_EXPIRE_DAYS",
            "366",
            "`auth.session` is 366d; it must be from 1h to 365d",
        ),
        (
            "TOD_AUTH__SESSION",
            "59m",
            "`auth.session` is 59m; it must be from 1h to 365d",
        ),
    ] {
        let refused = refusal(name, value);
        assert!(refused.starts_with(said), "{refused}");
    }
    for (name, value) in [
        ("JWT_ACCESS_TOKEN_EXPIRE_MINUTES", "1"),
        ("JWT_ACCESS_TOKEN_EXPIRE_MINUTES", "60"),
        ("JWT_REFRESH_TOKEN_EXPIRE_DAYS", "365"),
    ] {
        let given = Environment::of(&[(name, value)]);
        assert!(Config::load(&Common::default(), &given).is_ok(), "{value}");
    }
}

fn refusal(name: &str, value: &str) -> String {
    let given = Environment::of(&[(name, value)]);
    let refused = Config::load(&Common::default(), &given).unwrap_err();
    format!("{refused:#}")
}

/// Names of the systems that people come from: each is taken, or told to mean nothing.
const OF_THE_FIELD: &str = "
    ENVIRONMENT DEBUG APP_NAME APP_VERSION DATABASE_URL SYNC_DATABASE_URL APP_USER_DATABASE_URL
    DB_POOL_SIZE DB_MAX_OVERFLOW DB_ADMIN_POOL_SIZE DB_ADMIN_MAX_OVERFLOW DB_POOL_RECYCLE REDIS_URL
    NATS_URL JWT_SECRET_KEY JWT_ALGORITHM JWT_ACCESS_TOKEN_EXPIRE_MINUTES
    JWT_REFRESH_TOKEN_EXPIRE_DAYS PASSWORD_RESET_TOKEN_EXPIRE_MINUTES CREDENTIAL_ENCRYPTION_KEY
    OPENBAO_ADDR OPENBAO_TOKEN FIRST_ADMIN_EMAIL FIRST_ADMIN_PASSWORD CORS_ORIGINS APP_BASE_URL
    GIT_STORE_PATH WIREGUARD_CONFIG_PATH WIREGUARD_GATEWAY FIRMWARE_CACHE_DIR
    FIRMWARE_CHECK_INTERVAL_HOURS SMTP_HOST SMTP_PORT SMTP_USER SMTP_PASSWORD SMTP_USE_TLS
    SMTP_FROM_ADDRESS SIGNAL_DEGRADATION_THRESHOLD_DB ALERT_EVALUATION_INTERVAL_SECONDS
    TREND_DETECTION_INTERVAL_SECONDS CONFIG_RETENTION_DAYS LICENSE_DEVICES MIB_PARSER_PATH LOG_LEVEL
    GUNICORN_BIND GUNICORN_WORKERS GUNICORN_TIMEOUT GUNICORN_GRACEFUL_TIMEOUT GUNICORN_KEEPALIVE
    POLL_INTERVAL_SECONDS DEVICE_REFRESH_SECONDS CONNECTION_TIMEOUT_SECONDS COMMAND_TIMEOUT_SECONDS
    CIRCUIT_BREAKER_MAX_FAILURES CIRCUIT_BREAKER_BASE_BACKOFF_SECONDS
    CIRCUIT_BREAKER_MAX_BACKOFF_SECONDS TUNNEL_PORT_MIN TUNNEL_PORT_MAX TUNNEL_IDLE_TIMEOUT
    SSH_RELAY_PORT SSH_IDLE_TIMEOUT SSH_MAX_SESSIONS SSH_MAX_PER_USER SSH_MAX_PER_DEVICE
    CONFIG_BACKUP_INTERVAL CONFIG_BACKUP_MAX_CONCURRENT CONFIG_BACKUP_COMMAND_TIMEOUT
    MAX_CONCURRENT_SESSIONS IDLE_TIMEOUT_SECONDS MAX_LIFETIME_SECONDS IDLE_TIMEOUT MAX_LIFETIME
    WINBOX_PATH BIND_ADDR LISTEN_ADDR BAO_ADDR BAO_UNSEAL_KEY BAO_TOKEN POSTGRES_DB POSTGRES_USER
    POSTGRES_PASSWORD TOD_VERSION POLLER_DATABASE_URL TELEMETRY_ENABLED TELEMETRY_COLLECTOR_URL
    VITE_API_URL";

#[test]
fn every_name_of_the_field_is_taken_or_told_to_mean_nothing() {
    for name in OF_THE_FIELD.split_whitespace() {
        let taken = ALIASES.iter().filter(|alias| alias.name == name).count()
            + ALONE.iter().filter(|(other, _)| *other == name).count();
        let retired = RETIRED.iter().filter(|(other, _)| *other == name);
        assert_eq!(taken + retired.count(), 1, "{name}");
    }
    let given = [
        ("SMTP_HOST", "mail.example"),
        ("NATS_URL", "nats://127.0.0.1:4222"),
    ];
    let told: Vec<_> = without_effect(&Environment::of(&given)).collect();
    let [(name, reason)] = told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(name, "SMTP_HOST");
    assert!(reason.starts_with("no mail is sent"), "{reason}");
}

#[test]
fn a_slip_of_the_pen_is_understood() {
    let known = ["DATABASE_URL", "NATS_URL", "LOG_LEVEL"];
    assert_eq!(nearest("DATABSE_URL", known), Some("DATABASE_URL"));
    assert_eq!(nearest("LOGLEVEL", known), Some("LOG_LEVEL"));
    assert_eq!(nearest("HOME", known), None);
    assert_eq!(distance("kitten", "sitting"), 3);
    assert_eq!(distance("", "abc"), 3);
}

#[test]
fn the_reference_has_a_row_for_each_name() {
    let text = reference();
    for name in RETIRED
        .iter()
        .map(|(name, _)| *name)
        .chain(ALIASES.iter().map(|it| it.name))
    {
        assert!(text.contains(&format!("`{name}`")), "{name}");
    }
    assert!(text.lines().all(|line| line == line.trim_end()));
}
