//! Server and poller in processes of their own, with NATS between them.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rustix::process::{Pid, Signal, kill_process};
use secrecy::SecretString;
use tod_client::clock::Clock;
use tod_client::secret_key::SecretKey;
use tod_client::sign_in::Enrolment;
use tod_client::store::Store;
use tod_client::tls::Trust;
use tod_client::{Client, Https};
use tod_lab::{Fleet, Lab, Options, Spec};
use tod_proto::api::devices::{Add, Device, NewDevice, Show, Status, TlsMode};
use tod_proto::id::TenantId;
use tod_proto::page::Empty;

use crate::harness::{SOON, Todd, command, folder, wait_until};

const ZONES: &str = "[{ name = \"default\", networks = [\"127.0.0.0/8\"] }]";

/// A child that is killed when the test ends.
struct Guarded(Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn nats(folder: &std::path::Path) -> (Guarded, String) {
    let places = ["/usr/sbin", "/usr/bin", "/usr/local/bin"].map(PathBuf::from);
    let binary = places
        .iter()
        .map(|place| place.join("nats-server"))
        .find(|it| it.exists());
    let binary = binary.expect("nats-server is missing: apt-get install -y nats-server");
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut command = Command::new(binary);
    command.args([
        "--addr",
        "127.0.0.1",
        "--port",
        &port.to_string(),
        "--jetstream",
    ]);
    command.arg("--store_dir").arg(folder.join("nats"));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let server = Guarded(command.spawn().unwrap());
    wait_until("NATS listens", || {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    (server, format!("nats://127.0.0.1:{port}"))
}

async fn administrator(todd: &Todd, data: &std::path::Path) -> (Client, TenantId) {
    let pin = Trust::Pin(todd.fingerprint.parse().unwrap());
    let client = Client::new(Https::new(&format!("https://{}", todd.address), pin).unwrap());
    let client = client.with_store(Arc::new(Store::memory()), Clock::system());
    let token = std::fs::read_to_string(data.join("setup-token")).unwrap();
    let email = "ana@example.org";
    let (key, password) = (
        SecretKey::generate(email),
        SecretString::from("correct horse battery"),
    );
    let who = Enrolment {
        token: token.trim().into(),
        email: email.into(),
        name: "Ana".into(),
        tenant: Some("acme".into()),
    };
    client.enrol(who, &password, &key).await.unwrap();
    let me = client
        .sign_in(email, &password, &key, "test")
        .await
        .unwrap();
    (client, me.tenant.unwrap())
}

async fn until(
    client: &Client,
    tenant: TenantId,
    first: &Device,
    wanted: impl Fn(&Device) -> bool,
) {
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let path = (tenant, first.id);
        let device = client.call(Show, path, Empty {}, Empty {}).await.unwrap();
        if wanted(&device) {
            return;
        }
        let why = device.status_reason;
        assert!(
            tokio::time::Instant::now() < deadline,
            "{} {why:?}",
            device.status.as_str()
        );
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poller_of_its_own_polls_over_nats() {
    let folder = folder();
    let (_nats, url) = nats(folder.path());
    let data = folder.path().join("data");
    let path = data.to_str().unwrap();
    let args = [
        "serve",
        "--target",
        "server",
        "--listen",
        "127.0.0.1:0",
        "--data-dir",
        path,
    ];
    let mut server = command(&args);
    server.args(["--nats", &url]);
    let todd = Todd::spawn(server, &data);
    let (client, tenant) = administrator(&todd, &data).await;
    let address = [127, 20, 9, 9].into();
    let lab = Lab::start(Fleet::one(Spec::new("lone", address)), Options::default())
        .await
        .unwrap();
    let simulated = lab.device("lone").unwrap().summary();
    let device = NewDevice {
        name: Some(simulated.name),
        address: simulated.address.to_string(),
        port: Some(simulated.api_port),
        ssh_port: Some(simulated.ssh_port),
        tls: TlsMode::Plain,
        username: simulated.user,
        password: simulated.password,
        zone: None,
        site: None,
        tags: Vec::new(),
        note: None,
        poll_seconds: Some(5),
    };
    let added = client.call(Add, tenant, Empty {}, device).await.unwrap();

    let mut poller = command(&["serve", "--target", "poller", "--nats", &url]);
    poller
        .env("TOD_POLLER__ZONES", ZONES)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut poller = Guarded(poller.spawn().unwrap());
    until(&client, tenant, &added, |device| {
        device.status == Status::Online
    })
    .await;
    assert_eq!(lab.device("lone").unwrap().counts().logins, 1);

    kill_process(Pid::from_child(&poller.0), Signal::TERM).unwrap();
    assert!(poller.0.wait().unwrap().success());
    drop(client);
    todd.stop();
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_todd_does_not_poll_this_machine() {
    let folder = folder();
    let data = folder.path().join("data");
    let todd = Todd::start(&data);
    let (client, tenant) = administrator(&todd, &data).await;
    let address = [127, 20, 9, 10].into();
    let lab = Lab::start(Fleet::one(Spec::new("near", address)), Options::default())
        .await
        .unwrap();
    let simulated = lab.device("near").unwrap().summary();
    let device = NewDevice {
        name: None,
        address: simulated.address.to_string(),
        port: Some(simulated.api_port),
        ssh_port: None,
        tls: TlsMode::Plain,
        username: simulated.user,
        password: simulated.password,
        zone: None,
        site: None,
        tags: Vec::new(),
        note: None,
        poll_seconds: Some(5),
    };
    let added = client.call(Add, tenant, Empty {}, device).await.unwrap();
    let refused = |device: &Device| {
        let reason = device
            .status_reason
            .as_ref()
            .map(|reason| format!("{reason:?}"));
        reason.is_some_and(|reason| reason.contains("is in no network of the zone"))
    };
    until(&client, tenant, &added, refused).await;
    assert_eq!(lab.device("near").unwrap().counts().connections, 0);
    drop(client);
    todd.stop();
    lab.stop().await;
}
