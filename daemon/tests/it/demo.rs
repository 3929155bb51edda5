//! The demo: ready to sign in to, with every router answering, and gone without a trace.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Child;
use std::sync::Arc;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tod_client::clock::Clock;
use tod_client::profile::{Config, Context, Paths};
use tod_client::store::{AskPassphrase, Store};
use tod_client::{Client, Https};
use tod_proto::api::devices::{List, ListQuery, Status};
use tod_proto::api::tenants;
use tod_proto::endpoint::Role;
use tod_proto::lab::{Answer, Request};
use tod_proto::page::Empty;

use crate::harness::{command, folder, postmasters, refusal, wait_until};

struct Demo {
    child: Child,
    note: Value,
}

impl Demo {
    fn start(folder: &Path) -> Self {
        let data = folder.to_str().unwrap();
        let args = [
            "demo",
            "--data-dir",
            data,
            "--listen",
            "127.0.0.1:0",
            "--devices",
            "6",
        ];
        let child = command(&args)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let file = folder.join("demo.json");
        wait_until("the demo is ready", || file.exists());
        let note = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        Self { child, note }
    }

    fn noted(&self, key: &str) -> &str {
        self.note[key].as_str().unwrap()
    }

    /// The client that `todctl` would be, in a context of the demo.
    fn client(&self, context: &str) -> (Client, Context) {
        let config_dir = Path::new(self.noted("config_dir"));
        let paths = Paths {
            config: config_dir.to_owned(),
            cache: config_dir.to_owned(),
            state: config_dir.to_owned(),
        };
        let config = Config::load(&paths.config_file()).unwrap();
        assert_eq!(config.current(), Some("demo"));
        let entry = config.context(context).unwrap().unwrap();
        let passphrase = std::fs::read_to_string(self.noted("passphrase_file")).unwrap();
        let ask: AskPassphrase = Arc::new(move |_| Ok(passphrase.clone().into()));
        let store = Store::open(entry.store.unwrap(), &paths.config, context, ask);
        let client = Client::new(Https::new(&entry.server, entry.trust().unwrap()).unwrap());
        (client.with_store(Arc::new(store), Clock::system()), entry)
    }

    async fn all_are_online(&self) {
        let (client, _) = self.client("demo-admin");
        let tenants = client
            .call(tenants::List, Empty {}, Empty {}, Empty {})
            .await
            .unwrap();
        assert_eq!(tenants.items.len(), 2);
        let deadline = tokio::time::Instant::now() + crate::harness::SOON;
        loop {
            let mut all = Vec::new();
            for tenant in &tenants.items {
                let query = ListQuery::default();
                all.extend(
                    client
                        .call(List, tenant.id, query, Empty {})
                        .await
                        .unwrap()
                        .items,
                );
            }
            assert_eq!(all.len(), 6);
            if all.iter().all(|device| device.status == Status::Online) {
                return;
            }
            let said: Vec<_> = all
                .iter()
                .map(|it| (&it.name, it.status, &it.status_reason))
                .collect();
            assert!(tokio::time::Instant::now() < deadline, "{said:?}");
            tokio::task::yield_now().await;
        }
    }

    fn stop(mut self, folder: &Path) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
        assert!(postmasters(folder).is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_is_ready_to_use_stops_cleanly_and_comes_back() {
    let folder = folder();
    let demo = Demo::start(folder.path());
    for secret in ["passphrase_file", "config_dir"] {
        let mode = std::fs::metadata(demo.noted(secret))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0, "{secret}");
    }
    demo.all_are_online().await;
    let (operator, context) = demo.client("demo");
    let own = operator
        .call(tenants::List, Empty {}, Empty {}, Empty {})
        .await
        .unwrap();
    assert_eq!(
        own.items.len(),
        1,
        "an operator sees their own tenant alone"
    );
    assert_eq!(
        (own.items[0].role, own.items[0].name.as_str()),
        (Role::Operator, "acme")
    );
    assert_eq!(context.tenant.as_deref(), Some(demo.noted("tenant")));
    let fleet = tod_lab::ask(demo.noted("lab_socket").as_ref(), &Request::Devices)
        .await
        .unwrap();
    assert!(matches!(fleet, Answer::Devices(devices) if devices.len() == 6));
    demo.stop(folder.path());
    assert!(
        !folder.path().join("demo.json").exists(),
        "it is not taken for a running one"
    );

    let again = Demo::start(folder.path());
    again.all_are_online().await;
    again.stop(folder.path());
}

#[test]
fn a_demo_in_a_folder_of_somebody_else_is_refused() {
    let folder = folder();
    std::fs::write(folder.path().join("letter.txt"), "dear").unwrap();
    let said = refusal(&mut command(&[
        "demo",
        "--data-dir",
        folder.path().to_str().unwrap(),
    ]));
    assert!(said.contains("was not made by tod"), "{said}");
}
