//! `todd check`, and what is refused at the start.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::{command, folder, refusal, run, serve};

pub(crate) fn check(data: &Path, args: &[&str], variables: &[(&str, &str)]) -> (i32, Value) {
    let mut check = command(&["check", "-o", "json", "--listen", "127.0.0.1:0"]);
    check
        .args(["--data-dir", data.to_str().unwrap()])
        .args(args);
    check.envs(variables.iter().copied());
    let output = check.output().unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap();
    (output.status.code().unwrap(), report)
}

fn row<'a>(report: &'a Value, key: &str) -> &'a Value {
    let rows = report["settings"].as_array().unwrap();
    rows.iter().find(|row| row["key"] == key).unwrap()
}

pub(crate) fn verdicts(report: &Value, name: &str) -> Vec<(String, String)> {
    let checks = report["checks"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    checks
        .filter(|check| check["name"] == name)
        .map(|check| (text(&check["verdict"]), text(&check["message"])))
        .collect()
}

#[test]
fn every_setting_is_shown_with_its_value_and_its_place() {
    let folder = folder();
    let file = folder.path().join("todd.toml");
    std::fs::write(
        &file,
        "[http]\n\nlisten = \"127.0.0.1:1\"\n[database]\nconnections = 9\n",
    )
    .unwrap();
    let file = file.to_str().unwrap();
    let given = [
        ("POLL_INTERVAL_SECONDS", "120"),
        ("NATS_URL", "nats://me:geheim@127.0.0.1:1"),
        ("DATABASE_URL", "postgres://tod_app:geheim@127.0.0.1:1/tod"),
        (
            "CREDENTIAL_ENCRYPTION_KEY",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        ),
        ("REDIS_URL", "redis://localhost"),
        ("DATABSE_URL", "x"),
    ];

    let (status, report) = check(folder.path(), &["--config", file], &given);

    assert_eq!(status, 1, "{report}");
    assert_eq!(row(&report, "database.connections")["value"], "9");
    assert_eq!(
        row(&report, "database.connections")["from"],
        format!("{file}:5")
    );
    assert_eq!(row(&report, "http.listen")["from"], "flag --listen");
    assert_eq!(row(&report, "poller.every")["value"], "2m");
    assert_eq!(
        row(&report, "poller.every")["from"],
        "variable POLL_INTERVAL_SECONDS"
    );
    assert_eq!(row(&report, "database.url")["value"], "set, not shown");
    assert_eq!(row(&report, "http.limits.idle")["from"], "default");
    let text = report.to_string();
    assert!(
        !text.contains("geheim") && !text.contains("9f86d081"),
        "{text}"
    );
    let names = report["names"].to_string();
    assert!(names.contains("has no effect: limits, locks"), "{names}");
    assert!(names.contains("did you mean DATABASE_URL?"), "{names}");
    for (verdict, message) in verdicts(&report, "database") {
        assert_eq!(verdict, "failure", "{message}");
    }
    assert_eq!(verdicts(&report, "database").len(), 3);
    assert_eq!(verdicts(&report, "bus").first().unwrap().0, "failure");
    assert_eq!(verdicts(&report, "master key").first().unwrap().0, "ok");
}

#[test]
fn a_plain_todd_is_well_and_its_check_changes_nothing() {
    let folder = folder();
    let data = folder.path().join("data");

    let (status, report) = check(&data, &[], &[]);

    assert_eq!(status, 0, "{report}");
    assert_eq!(report["ok"], true);
    assert!(!data.exists(), "nothing is made");
    let said = run(command(&["check", "--data-dir"]).arg(&data));
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.contains("✓ database: a private PostgreSQL"), "{said}");
    assert!(
        said.contains("environment") && said.contains("production"),
        "{said}"
    );
}

#[test]
fn what_cannot_be_read_is_a_fault_of_its_own() {
    let folder = folder();
    let file = folder.path().join("todd.toml");
    std::fs::write(
        &file,
        "[http]\nlisten_on = \"127.0.0.1:1\"\nbase_ur = \"x\"\n",
    )
    .unwrap();

    let (status, report) = check(folder.path(), &["--config", file.to_str().unwrap()], &[]);
    let (number, refused) = check(folder.path(), &[], &[("SSH_MAX_SESSIONS", "many")]);

    assert_eq!((status, number), (2, 2));
    let names = report["names"].to_string();
    assert!(
        names.contains("todd.toml:3); did you mean `http.base_url`?"),
        "{names}"
    );
    let said = verdicts(&report, "configuration");
    assert!(said.first().unwrap().1.contains("todd.toml:"), "{said:?}");
    let said = verdicts(&refused, "configuration");
    assert_eq!(
        said.first().unwrap().1,
        "variable SSH_MAX_SESSIONS: `many` is no whole number"
    );
}

#[test]
fn what_is_fit_for_dev_alone_is_refused_by_name() {
    let folder = folder();
    let data = folder.path();
    let zeros = "0".repeat(64);
    let cases = [
        ("CREDENTIAL_ENCRYPTION_KEY", zeros.as_str()),
        ("JWT_SECRET_KEY", "change-this-in-production"),
        (
            "DATABASE_URL",
            "postgres://postgres:postgres@127.0.0.1:1/tod",
        ),
        (
            "DATABASE_URL",
            "postgres://tod_app:kJ8s0dfLq2vX@192.0.2.1/tod",
        ),
        ("NATS_URL", "nats://192.0.2.1:4222"),
        ("CORS_ORIGINS", "*"),
    ];
    for (name, value) in cases {
        let said = refusal(serve(data).env(name, value));
        assert!(said.starts_with(&format!("  {name}: ")), "{said}");
        assert!(said.contains("; "), "what to do: {said}");
    }
    let mut plain = command(&["serve", "--listen", "0.0.0.0:0", "--data-dir"]);
    let said = refusal(plain.arg(data).env("TOD_HTTP__TLS", "false"));
    assert!(
        said.starts_with("  http.tls: plain HTTP on 0.0.0.0:0"),
        "{said}"
    );
    assert!(
        !data.join("postgres").exists(),
        "refused before anything is made"
    );
    let (status, report) = check(data, &[], &[("CORS_ORIGINS", "*")]);
    assert_eq!(status, 1);
    assert_eq!(verdicts(&report, "safety").first().unwrap().0, "failure");
    let dev = [("CORS_ORIGINS", "*"), ("ENVIRONMENT", "dev")];
    let (status, report) = check(data, &[], &dev);
    assert_eq!(status, 0, "{report}");
    assert_eq!(verdicts(&report, "safety").first().unwrap().0, "warning");
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    let folder = folder();
    let key = folder.path().join("master.key");
    let digits = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    std::fs::write(&key, digits).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let variable = ("TOD_KEYS__MASTER_KEY_FILE", key.to_str().unwrap());

    let (status, report) = check(folder.path(), &[], &[variable]);

    assert_eq!(status, 1);
    let said = verdicts(&report, "master key");
    assert!(said.first().unwrap().1.contains("mode 644"), "{said:?}");
}

/// A database of its own in the cluster of tests.
struct External {
    socket: String,
    name: String,
}

impl External {
    #[expect(clippy::disallowed_methods, reason = "says where the test cluster is")]
    fn create() -> Self {
        let socket = std::env::var("TOD_TEST_PG");
        let socket = socket.expect("TOD_TEST_PG is not set: run `cargo xtask up`");
        let name = format!("d_{}", std::process::id());
        let made = Self { socket, name };
        // The same lock as other tests take to make the roles.
        let lock = format!("select pg_advisory_lock({})", 0x746f_6474);
        let create = format!("create database {} owner tod_owner", made.name);
        made.psql(&[&lock, tod_server::db::ROLES_SQL, &create]);
        made
    }

    fn psql(&self, statements: &[&str]) {
        let mut psql = Command::new("/usr/bin/psql");
        psql.args(["-h", &self.socket, "-U", "tod_super", "-d", "postgres"]);
        psql.args(["-v", "ON_ERROR_STOP=1"]);
        for statement in statements {
            psql.args(["-c", statement]);
        }
        let done = psql.output().unwrap();
        assert!(done.status.success(), "{done:?}");
    }

    fn url(&self, role: &str) -> String {
        let (name, socket) = (&self.name, &self.socket);
        format!("postgres://{role}@localhost/{name}?host={socket}")
    }
}

impl Drop for External {
    fn drop(&mut self) {
        self.psql(&[&format!("drop database {} with (force)", self.name)]);
    }
}

#[test]
fn a_role_that_no_wall_stands_for_is_refused() {
    let folder = folder();
    let database = External::create();
    let url = database.url("tod_app");
    for (role, why) in [
        ("tod_super", "is a superuser"),
        ("tod_owner", "owns the tables"),
    ] {
        let mut serve = serve(folder.path());
        serve.env("DATABASE_URL", &url);
        let said = refusal(serve.env("TOD_DATABASE__SYSTEM_URL", database.url(role)));
        let expected = format!("  database.system_url: the role {role} {why}");
        assert!(said.starts_with(&expected), "{said}");

        let system = database.url(role);
        let given = [
            ("DATABASE_URL", url.as_str()),
            ("TOD_DATABASE__SYSTEM_URL", &system),
        ];
        let (status, report) = check(folder.path(), &[], &given);
        assert_eq!(status, 1, "{report}");
        assert!(report["checks"].to_string().contains(why), "{report}");
    }

    let (status, report) = check(folder.path(), &[], &[("DATABASE_URL", &url)]);

    assert_eq!(status, 0, "{report}");
    assert!(
        report["checks"].to_string().contains("up to date"),
        "{report}"
    );
    assert_eq!(verdicts(&report, "clock").first().unwrap().0, "ok");
}
