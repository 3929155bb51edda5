//! What is refused, and what is not.

use super::*;
use crate::args::Common;

fn names(variables: &[(&str, &str)]) -> Vec<String> {
    let environment = Environment::of(variables);
    let (config, _) = Config::load(&Common::default(), &environment).unwrap();
    let found = look(&config, &environment);
    found.into_iter().map(|finding| finding.name).collect()
}

#[test]
fn the_defaults_are_safe() {
    assert!(names(&[]).is_empty());
}

#[test]
fn example_keys_are_refused_and_random_ones_are_not() {
    let key = "CREDENTIAL_ENCRYPTION_KEY";
    for example in [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "abababababababababababababababababababababababababababababababab",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        // "this-is-a-32-byte-key-for-tests!" in base64.
        "dGhpcy1pcy1hLTMyLWJ5dGUta2V5LWZvci10ZXN0cyE=",
        "CHANGE_ME_IN_PRODUCTION",
        "change-me",
    ] {
        assert_eq!(names(&[(key, example)]), [key], "{example}");
    }
    for good in [
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    ] {
        assert!(names(&[(key, good)]).is_empty(), "{good}");
    }
    let token = "JWT_SECRET_KEY";
    for example in [
        "change-this-in-production",
        "your-secret-key",
        "dev-secret",
        "aaaaaaaaaaaaaa",
    ] {
        assert_eq!(names(&[(token, example)]), [token], "{example}");
    }
    assert!(names(&[(token, "kJ8s0dfLq2vX9mPz4tYw7bNc")]).is_empty());
}

#[test]
fn databases_with_known_passwords_or_in_the_clear_are_refused() {
    let url = "DATABASE_URL";
    for bad in [
        "postgres://postgres:postgres@localhost/tod",
        "postgres://tod_app:app_password@127.0.0.1/tod",
        "postgres://tod_app:SECRET@localhost/tod",
        "postgres://tod_app@localhost/tod?password=changeme",
        "postgres://tod_app:kJ8s0dfLq2vX@db.example/tod",
        "postgres://tod_app:kJ8s0dfLq2vX@10.0.0.5/tod?sslmode=prefer",
        "postgres://tod_app:kJ8s0dfLq2vX@db.example/tod?sslmode=disable",
    ] {
        assert_eq!(names(&[(url, bad)]), [url], "{bad}");
    }
    for good in [
        "postgres://tod_app:kJ8s0dfLq2vX@localhost/tod",
        "postgres://tod_app:kJ8s0dfLq2vX@[::1]/tod",
        "postgres://tod_app:kJ8s0dfLq2vX@db.example/tod?sslmode=require",
        "postgres://tod_app:kJ8s0dfLq2vX@db.example/tod?sslmode=verify-full",
        "postgres:///tod?host=/run/postgresql",
    ] {
        assert!(names(&[(url, good)]).is_empty(), "{good}");
    }
}

#[test]
fn a_token_of_openbao_that_everybody_knows_is_refused() {
    let (backend, address) = (
        ("TOD_KEYS__BACKEND", "transit"),
        ("OPENBAO_ADDR", "https://bao.example:8200"),
    );
    let token = "OPENBAO_TOKEN";
    for known in ["root", "dev-openbao-token"] {
        assert_eq!(names(&[backend, address, (token, known)]), [token]);
        assert!(names(&[address, (token, known)]).is_empty(), "not used");
    }
    assert!(names(&[backend, address, (token, "s.kJ8s0dfLq2vX9mPz4tYw7bNc")]).is_empty());
}

#[test]
fn doors_that_are_open_to_others_are_refused() {
    let (listen, tls) = ("TOD_HTTP__LISTEN", "TOD_HTTP__TLS");
    assert_eq!(
        names(&[(listen, "0.0.0.0:80"), (tls, "false")]),
        ["http.tls"]
    );
    assert_eq!(names(&[(listen, "[::]:80"), (tls, "false")]), ["http.tls"]);
    assert!(names(&[(listen, "127.0.0.1:80"), (tls, "false")]).is_empty());
    assert!(names(&[(listen, "0.0.0.0:443")]).is_empty());

    let origins = "CORS_ORIGINS";
    assert_eq!(names(&[(origins, "*")]), [origins]);
    assert_eq!(names(&[(origins, "https://a.example,*")]), [origins]);
    assert!(names(&[(origins, "https://a.example")]).is_empty());

    let nats = "NATS_URL";
    assert_eq!(names(&[(nats, "nats://bus.example:4222")]), [nats]);
    assert_eq!(names(&[(nats, "bus.example")]), [nats]);
    let second = "nats://127.0.0.1:4222,nats://u:p@10.0.0.1:4222";
    assert_eq!(names(&[(nats, second)]), [nats]);
    for good in [
        "tls://bus.example:4222",
        "nats://127.0.0.1:4222",
        "nats://[::1]:4222",
    ] {
        assert!(names(&[(nats, good)]).is_empty(), "{good}");
    }
}

#[test]
fn dev_accepts_what_others_refuse_with_name_and_remedy() {
    let environment = Environment::of(&[("CORS_ORIGINS", "*")]);
    let (config, _) = Config::load(&Common::default(), &environment).unwrap();
    let found = look(&config, &environment);

    refuse(Setting::Dev, &found).unwrap();
    refuse(Setting::Production, &[]).unwrap();
    for setting in [Setting::Staging, Setting::Production] {
        let refused = refuse(setting, &found).unwrap_err().to_string();
        assert!(
            refused.ends_with(
                "\n  CORS_ORIGINS: `*` lets every web page call; list the origins of the pages \
                 that may call, as https://console.example"
            ),
            "{refused}"
        );
    }
}

#[test]
fn a_role_that_may_do_more_than_its_work_is_refused() {
    let seen = |superuser, bypasses, owns| crate::database::Seen {
        user: "tod_app".to_owned(),
        superuser,
        bypasses,
        owns,
        version: 150_000,
        migration: None,
    };
    assert_eq!(of_role(Role::App, &seen(false, false, false)), None);
    assert_eq!(of_role(Role::Owner, &seen(false, false, true)), None);
    for bad in [
        seen(true, false, false),
        seen(false, true, false),
        seen(false, false, true),
    ] {
        assert_eq!(of_role(Role::App, &bad).unwrap().name, "DATABASE_URL");
    }
}
