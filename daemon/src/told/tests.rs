//! Every setting arrives at the part that it is for.

mod table;

use std::collections::BTreeSet;

use tod_server::kms::MasterKey;

use self::table::{ARRIVE, RUN};
use super::*;
use crate::args::Common;
use crate::postgres::Role;
use crate::settings;

/// Everything that parts are told.
struct Told {
    config: Config,
    server: tod_server::startup::Config,
    poller: tod_poller::startup::Config,
    nats: NatsOptions,
    cluster: Options,
}

impl Told {
    /// With one setting as a variable, and what it needs beside it.
    fn with(key: &str, value: &str) -> Self {
        let name = settings::variable(key).unwrap();
        let needed = [
            ("TOD_BUS__NATS", "nats://127.0.0.1:4222"),
            ("TOD_DATABASE__URL", "postgres://tod_app@db.example/tod"),
            ("TOD_KEYS__TRANSIT__ADDRESS", "https://bao.example:8200"),
        ];
        let needed = needed.into_iter().filter(|(other, _)| *other != name);
        let given: Vec<_> = needed.chain([(name.as_str(), value)]).collect();
        let environment = Environment::of(&given);
        let (config, _) = Config::load(&Common::default(), &environment).unwrap();
        let address = SocketAddr::from(([192, 0, 2, 1], 8443));
        let made = Made {
            app: PgConnectOptions::new_without_pgpass(),
            system: PgConnectOptions::new_without_pgpass(),
            keys: Keys::Local(MasterKey::from_bytes([7; 32])),
            setup_token: PathBuf::from("/token"),
            base_url: base_url(&config, address).unwrap(),
            pin: None,
            certificate: watch::Sender::new(None).subscribe(),
        };
        Self {
            server: server(&config, made),
            poller: poller(&config, Vec::new()),
            nats: nats(&config, "todd").unwrap(),
            cluster: cluster(&config, &environment),
            config,
        }
    }

    fn host(&self, role: Role) -> String {
        let options = self.config.database.connect(role).unwrap().unwrap();
        format!("{}@{}", options.get_username(), options.get_host())
    }
}

#[test]
fn every_setting_arrives_at_the_part_that_it_is_for() {
    for (key, value, arrived, expected) in ARRIVE {
        let usual = settings::all().into_iter().find(|it| it.key == *key);
        let usual = usual.unwrap().default.unwrap_or_default();
        assert_ne!(
            usual.trim_matches('"'),
            *value,
            "{key}: that is the default"
        );
        assert_eq!(arrived(&Told::with(key, value)), *expected, "{key}");
    }
}

#[test]
fn no_setting_is_left_out() {
    let keys: BTreeSet<_> = settings::all().into_iter().map(|it| it.key).collect();
    let arrive = ARRIVE.iter().map(|(key, ..)| *key);
    let run = RUN.iter().map(|(key, _)| *key);
    let shown: BTreeSet<_> = arrive.chain(run).map(str::to_owned).collect();
    assert_eq!(shown.len(), ARRIVE.len() + RUN.len(), "one is there twice");
    let missing: Vec<_> = keys
        .difference(&shown)
        // Where OpenBao is and how to be let in: the next test.
        .filter(|key| !key.starts_with("keys.transit."))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    let unknown: Vec<_> = shown.difference(&keys).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    for (key, test) in RUN {
        let (file, name) = test.split_once("::").unwrap();
        let path = format!("{}/tests/it/{file}.rs", env!("CARGO_MANIFEST_DIR"));
        let tests = std::fs::read_to_string(path).unwrap();
        assert!(tests.contains(&format!("fn {name}()")), "{key}: {test}");
    }
}

#[test]
fn what_openbao_is_told_arrives() {
    let authorities = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(authorities.path(), "PEM").unwrap();
    let settings = |login: &[(&str, &str)]| {
        let given = [
            ("TOD_KEYS__BACKEND", "transit"),
            ("TOD_KEYS__TRANSIT__ADDRESS", "https://bao.example:8200"),
            ("TOD_KEYS__TRANSIT__MOUNT", "wraps"),
            ("TOD_KEYS__TRANSIT__PREFIX", "ours-"),
            ("TOD_KEYS__TRANSIT__NAMESPACE", "network"),
            (
                "TOD_KEYS__TRANSIT__AUTHORITIES",
                authorities.path().to_str().unwrap(),
            ),
            ("TOD_KEYS__TRANSIT__TIMEOUT", "9s"),
        ];
        let given: Vec<_> = given.iter().chain(login).copied().collect();
        let (config, _) = Config::load(&Common::default(), &Environment::of(&given)).unwrap();
        config.keys.transit.settings().unwrap()
    };

    let told = settings(&[("TOD_KEYS__TRANSIT__TOKEN_FILE", "/run/token")]);
    let shown = format!(
        "{} {} {} {:?} {:?} {:?} {:?}",
        told.address,
        told.mount,
        told.prefix,
        told.namespace,
        told.authorities,
        told.timeout,
        told.login
    );
    let expected = "https://bao.example:8200 wraps ours- Some(\"network\") Some([80, 69, 77]) 9s \
                    TokenFile(\"/run/token\")";
    assert_eq!(shown, expected);
    let told = settings(&[
        ("TOD_KEYS__TRANSIT__ROLE_ID", "role"),
        ("TOD_KEYS__TRANSIT__SECRET_ID_FILE", "/secret"),
    ]);
    let login = format!("{:?}", told.login);
    assert_eq!(
        login,
        "AppRole { role_id: \"role\", secret_id_file: \"/secret\" }"
    );
    let told = settings(&[("TOD_KEYS__TRANSIT__TOKEN", "s.geheim")]);
    assert!(format!("{:?}", told.login).starts_with("Token("));
}
