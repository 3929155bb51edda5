//! The API as a stranger's program takes it: schemathesis reads the description and sends what is in
//! it, and what is not, and holds every answer against it.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tod_proto::api::api_keys::NewApiKey;
use tod_proto::bus::task::{Report, TaskFailure};
use tod_proto::endpoint::Role;
use tod_proto::error::ErrorCode;
use tod_proto::id::{DeviceId, TenantId};
use tod_proto::untrusted::Untrusted;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::fake::{Poller, Stage};

/// A program of the virtual environment.
#[expect(
    clippy::disallowed_methods,
    reason = "says which Python has the packages of `xtask/python.txt`"
)]
fn program(name: &str) -> PathBuf {
    let python = std::env::var_os("TOD_TEST_PYTHON").unwrap_or_else(|| {
        concat!(env!("CARGO_MANIFEST_DIR"), "/../target/venv/bin/python").into()
    });
    PathBuf::from(python).with_file_name(name)
}

/// All paths.
const ALL: [&str; 2] = ["--include-path-regex", "^/"];
/// Paths of things of a tenant that are no people: what makes up about half of the requests.
const OF_A_TENANT: &str = "^/api/tenants/[^/]+/(devices|runs|changes|events|audit|kms)";

/// A server that listens, with things in it and a poller.
struct Served {
    stage: Stage,
    address: String,
    device: DeviceId,
    /// Those may be deleted and suspended.
    spare: (TenantId, DeviceId),
    _poller: Poller,
    _stop: DropGuard,
}

impl Served {
    async fn new() -> Self {
        let stage = Stage::new().await;
        let device = stage.add("core", "10.0.0.1").await;
        let spare = (
            stage.app.tenant("spare").await,
            stage.add("spare", "10.0.0.2").await,
        );
        // Its devices answer nothing, but every command gets that far.
        let poller = Poller::new(&stage.app.bus, async |_| {
            Report::Failed(TaskFailure {
                code: ErrorCode::DeviceUnreachable,
                message: Untrusted::new("nothing came within 5 seconds"),
                hint: None,
                may_have_changed: false,
            })
        });
        poller.lease(&[]).await;
        stage.poll(&poller, device).await;
        for (noun, body) in [
            (
                "runs",
                json!({ "selector": "core", "command": "/system/identity/print" }),
            ),
            (
                "changes",
                json!({ "device": device, "script": "/ip dns set servers=192.0.2.53" }),
            ),
        ] {
            let path = stage.path(noun);
            let made: Value = stage.app.post(&stage.ana, &path, body).await.ok();
            assert_eq!(made["number"], 1, "{noun}");
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (app, stop) = (stage.app.app.clone(), CancellationToken::new());
        let until = stop.clone();
        #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
        drop(tokio::spawn(async move {
            app.serve(listener, None, until).await.unwrap();
        }));
        Self {
            stage,
            address,
            device,
            spare,
            _poller: poller,
            _stop: stop.drop_guard(),
        }
    }

    /// What schemathesis is told: who it is, and what is there.
    fn settings(&self, token: &str) -> String {
        include_str!("strangers/schemathesis.toml")
            .replace("@token@", token)
            .replace("@tenant@", &self.stage.tenant.to_string())
            .replace("@device@", &self.device.to_string())
            .replace("@spare-tenant@", &self.spare.0.to_string())
            .replace("@spare-device@", &self.spare.1.to_string())
    }

    /// Lets time pass five times as fast, so that what is limited for a minute is not for long. A
    /// token is good for three minutes then.
    fn hurry(&self) -> DropGuard {
        let (stop, hands) = (CancellationToken::new(), self.stage.app.hands.clone());
        let until = stop.clone();
        #[expect(clippy::disallowed_methods, reason = "it ends with the run")]
        drop(tokio::spawn(async move {
            let mut tick = tokio::time::interval(Duration::from_millis(200));
            while !until.is_cancelled() {
                tick.tick().await;
                hands.advance(Duration::from_secs(1));
            }
        }));
        stop.drop_guard()
    }

    /// Lets schemathesis loose on some paths. It must have made up at least so many requests.
    async fn stands(&self, token: &str, phases: &str, paths: [&str; 2], least: u64) {
        let dir = tempfile::tempdir().unwrap();
        let settings = dir.path().join("schemathesis.toml");
        std::fs::write(&settings, self.settings(token)).unwrap();
        let report = dir.path().join("report.json");
        let mut command = Command::new(program("st"));
        command
            .arg("--config-file")
            .arg(&settings)
            .args([
                "run",
                "--no-color",
                "--max-examples",
                "1",
                "--phases",
                phases,
            ])
            .args(paths)
            .args(["--report", "json", "--report-json-path"])
            .arg(&report)
            .arg(format!("{}/api/openapi.json", self.address))
            .current_dir(dir.path());
        let _time = self.hurry();
        let output = tokio::task::spawn_blocking(move || command.output()).await;
        let output = output
            .unwrap()
            .unwrap_or_else(|error| panic!("no schemathesis ({error}): run `cargo xtask test`"));
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}");
        let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
        let made_up = report["test_cases"]["generated"].as_u64().unwrap();
        assert_eq!(
            report["operations"]["tested"],
            report["operations"]["selected"]
        );
        assert!(made_up >= least, "only {made_up} requests: {said}");
    }
}

/// One half of all there is, so that two tests run beside each other: it takes Python long.
async fn as_super_administrator(half: [&str; 2]) {
    let served = Served::new().await;
    let root = served.stage.app.person(None, Role::SuperAdmin).await;
    let phases = "examples,coverage,fuzzing";
    served.stands(&root.token, phases, half, 1000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_as_a_super_administrator_finds_all_of_a_tenant_as_described() {
    as_super_administrator(["--include-path-regex", OF_A_TENANT]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_as_a_super_administrator_finds_all_the_rest_as_described() {
    as_super_administrator(["--exclude-path-regex", OF_A_TENANT]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_as_a_viewer_finds_everything_as_described() {
    let served = Served::new().await;
    let viewer = served
        .stage
        .app
        .member(served.stage.tenant, Role::Viewer)
        .await;

    served
        .stands(&viewer.token, "examples,fuzzing", ALL, 90)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_with_an_api_key_finds_everything_as_described() {
    let served = Served::new().await;
    let app = &served.stage.app;
    let boss = app.member(served.stage.tenant, Role::Admin).await;
    let body = json!({
        "name": "stranger",
        "scopes": ["devices:write", "exec:write", "config:write", "events:read", "users:read"],
    });
    let path = served.stage.path("api-keys");
    let key: NewApiKey = app.post(&boss, &path, body).await.ok();

    served
        .stands(&key.secret, "examples,fuzzing", ALL, 90)
        .await;
}

#[test]
fn the_document_is_openapi_3_1_to_a_stranger() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("openapi.json");
    std::fs::write(&file, tod_proto::openapi::document().to_string()).unwrap();

    let output = Command::new(program("python"))
        .args(["-m", "openapi_spec_validator", "--schema", "3.1"])
        .arg(&file)
        .output()
        .unwrap();

    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains(": OK"), "{said}");
}
