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
    // Ours go before theirs.
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
        let given = Environment::of(&[(name, value)]);
        let refused = Config::load(&Common::default(), &given).unwrap_err();
        let refused = format!("{refused:#}");
        assert!(refused.starts_with(said), "{refused}");
    }
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
