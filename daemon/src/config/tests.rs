//! What the configuration accepts, and what it says when it does not.

use super::*;

fn load(args: &Common, variables: &[(&str, &str)]) -> anyhow::Result<Config> {
    Ok(Config::load(args, &Environment::of(variables))?.0)
}

fn refusal(args: &Common, variables: &[(&str, &str)]) -> String {
    format!("{:#}", load(args, variables).unwrap_err())
}

#[test]
fn the_commented_default_is_the_default() {
    let file = Layers::new()
        .text(DEFAULT, "default.toml".as_ref())
        .unwrap();
    let written: Config = file.read().unwrap();
    assert_eq!(format!("{written:?}"), format!("{:?}", Config::default()));
    let uncommented: String = DEFAULT
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest)
                if rest
                    .split_once(" = ")
                    .is_some_and(|(key, _)| !key.contains(' ')) =>
            {
                rest
            }
            _ => line,
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    let all = Layers::new()
        .text(&uncommented, "all.toml".as_ref())
        .unwrap();
    all.read::<Config>().unwrap().check().unwrap();
}

#[test]
fn flags_go_before_variables_and_secrets_are_not_shown() {
    let args = Common {
        listen: Some("[::1]:9000".to_owned()),
        ..Common::default()
    };
    let given = [
        ("TOD_HTTP__LISTEN", "127.0.0.1:1"),
        ("TOD_DATABASE__CONNECTIONS", "7"),
        (
            "DATABASE_URL",
            "postgres://someone:geheim@db.example:5433/tod",
        ),
    ];
    let config = load(&args, &given).unwrap();
    assert_eq!(config.http.listen, "[::1]:9000".parse().unwrap());
    assert_eq!(config.database.connections, 7);
    let owner = config.database.connect(Role::Owner).unwrap().unwrap();
    assert_eq!(
        (owner.get_username(), owner.get_host()),
        ("tod_owner", "db.example")
    );
    assert!(!format!("{config:?}").contains("geheim"));
    let bad = refusal(&Common::default(), &[("DATABASE_URL", "mysql:geheim")]);
    assert!(
        !bad.contains("geheim") && bad.contains("begin with postgres://"),
        "{bad}"
    );
}

#[test]
fn openbao_is_given_an_address_and_one_way_in() {
    let transit = ("TOD_KEYS__BACKEND", "transit");
    let address = ("OPENBAO_ADDR", "https://bao.example:8200");
    let token = ("OPENBAO_TOKEN", "s.geheim");
    let none = Common::default();
    let config = load(&none, &[transit, address, token]).unwrap();
    let settings = config.keys.transit.settings().unwrap();
    assert_eq!(settings.address, "https://bao.example:8200");
    assert!(!format!("{config:?} {settings:?}").contains("geheim"));
    load(&none, &[address, token]).unwrap();

    let role = ("TOD_KEYS__TRANSIT__ROLE_ID", "r");
    let secret = ("TOD_KEYS__TRANSIT__SECRET_ID_FILE", "/s");
    load(&none, &[transit, address, role, secret]).unwrap();
    let plain = ("OPENBAO_ADDR", "http://[::1]:8200");
    load(&none, &[transit, plain, token]).unwrap();
    let refused: &[(&[(&str, &str)], &str)] = &[
        (&[token], "`keys.transit.address` is missing"),
        (&[address], "one way into OpenBao"),
        (&[address, role], "one way into OpenBao"),
        (&[address, token, role, secret], "one way into OpenBao"),
        (
            &[("OPENBAO_ADDR", "http://bao.example:8200"), token],
            "http:// is for this machine",
        ),
        (
            &[("OPENBAO_ADDR", "bao.example"), token],
            "begins with https://",
        ),
        (
            &[address, token, ("TOD_KEYS__TRANSIT__PREFIX", "a/b")],
            "keys.transit.prefix",
        ),
        (
            &[address, token, ("TOD_KEYS__TRANSIT__TIMEOUT", "2m")],
            "`keys.transit.timeout` is 1m at most",
        ),
        (
            &[address, token, ("TOD_KEYS__TRANSIT__AUTHORITIES", "/no")],
            "keys.transit.authorities",
        ),
    ];
    for (given, words) in refused {
        let given = [&[transit], *given].concat();
        let said = refusal(&none, &given);
        assert!(
            said.contains(words) && !said.contains("geheim"),
            "{words}: {said}"
        );
    }
}

#[test]
fn what_cannot_work_is_refused_with_advice() {
    let server = Common {
        target: Some("server".to_owned()),
        ..Common::default()
    };
    assert!(refusal(&server, &[]).contains("--nats nats://HOST:4222"));
    load(&server, &[("TOD_BUS__NATS", "nats://h:4222")]).unwrap();
    let half = refusal(&Common::default(), &[("TOD_HTTP__KEY", "/k")]);
    assert!(half.contains("belong together"), "{half}");
    let unknown = refusal(&Common::default(), &[("TOD_HTTP__PORT", "1")]);
    assert!(
        unknown.starts_with("variable TOD_HTTP__PORT: `http.port`: unknown"),
        "{unknown}"
    );
    let target = Common {
        target: Some("everything".to_owned()),
        ..Common::default()
    };
    assert!(refusal(&target, &[]).starts_with("flag --target: "));
    let nobody = refusal(&Common::default(), &[("TOD_POLLER__ZONES", "[]")]);
    assert!(nobody.contains("serve nobody"), "{nobody}");
}

#[test]
fn lists_come_as_toml_or_as_text_with_commas() {
    let given = [
        ("TOD_HTTP__TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1"),
        (
            "TOD_HTTP__CORS_ORIGINS",
            r#"["https://console.example", "http://localhost:3000"]"#,
        ),
        ("TOD_HTTP__LIMITS__HEAD", "3"),
        ("TOD_HTTP__LIMITS__IDLE", "250ms"),
        ("TOD_HTTP__FORWARDED", "forwarded"),
    ];
    let door = load(&Common::default(), &given).unwrap().http.door();
    assert!(door.trusts([10, 1, 2, 3].into()) && door.trusts([192, 0, 2, 1].into()));
    assert!(!door.trusts([192, 0, 2, 2].into()));
    assert_eq!(door.cors_origins.0.len(), 2);
    assert_eq!(door.limits.head.as_secs(), 3);
    assert_eq!(door.limits.idle.as_millis(), 250);
    for (name, value, said) in [
        (
            "TOD_HTTP__TRUSTED_PROXIES",
            "10.0.0.0/33",
            "`10.0.0.0/33`: is no network",
        ),
        (
            "TOD_HTTP__TRUSTED_PROXIES",
            "0.0.0.0/0",
            "would believe everybody",
        ),
        ("TOD_HTTP__CORS_ORIGINS", "console.example", "is no origin"),
        (
            "TOD_HTTP__LIMITS__HEAD",
            "soon",
            "`soon` is no length of time",
        ),
        ("TOD_HTTP__LIMITS__CONNECTIONS", "many", "invalid type"),
        ("TOD_HTTP__FORWARDED", "x-real-ip", "unknown variant"),
    ] {
        let refused = refusal(&Common::default(), &[(name, value)]);
        assert!(
            refused.starts_with(&format!("variable {name}: `http.")),
            "{refused}"
        );
        assert!(refused.contains(said), "{refused}");
    }
}

#[test]
fn a_password_among_the_arguments_is_refused_and_not_repeated() {
    let with = |database: Option<&str>, nats: Option<&str>| Common {
        database_url: database.map(str::to_owned),
        nats: nats.map(str::to_owned),
        ..Common::default()
    };
    for args in [
        with(Some("postgres://tod_app:geheim@db.example/tod"), None),
        with(
            Some("postgres://db.example/tod?user=x&password=geheim"),
            None,
        ),
        with(None, Some("nats://tod:geheim@bus.example:4222")),
        with(None, Some("tod:geheim@bus.example:4222")),
    ] {
        let refused = refusal(&args, &[]);
        assert!(refused.contains("can read the arguments"), "{refused}");
        assert!(!refused.contains("geheim"), "{refused}");
    }
    let fine = with(
        Some("postgres://tod_app@localhost/tod?host=/run/a:b@c"),
        Some("nats://[::1]:4222"),
    );
    load(&fine, &[]).unwrap();
}
