//! A NATS server of our own on a free loopback port.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A running server, ended when dropped.
pub(crate) struct Server {
    child: Child,
    port: u16,
    store: TempDir,
}

impl Server {
    pub(crate) fn start() -> Self {
        let store = TempDir::new().unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let child = launch(port, &store);
        let server = Self { child, port, store };
        server.wait_until_it_listens();
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Kills it, as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again on the same port with the same store.
    pub(crate) fn restart(&mut self) {
        self.child = launch(self.port, &self.store);
        self.wait_until_it_listens();
    }

    fn wait_until_it_listens(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "nats-server does not listen");
            std::thread::yield_now();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            self.child.wait().unwrap();
        }
    }
}

fn launch(port: u16, store: &TempDir) -> Child {
    let mut command = Command::new(binary());
    command.args([
        "--addr",
        "127.0.0.1",
        "--port",
        &port.to_string(),
        "--jetstream",
    ]);
    command.arg("--store_dir").arg(store.path());
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().unwrap()
}

fn binary() -> PathBuf {
    let path = std::env::vars_os()
        .find(|(name, _)| name == "PATH")
        .unwrap_or_default()
        .1;
    let mut folders: Vec<_> = std::env::split_paths(&path).collect();
    folders.push("/usr/sbin".into());
    let found = folders
        .into_iter()
        .map(|folder| folder.join("nats-server"))
        .find(|it| it.is_file());
    found.unwrap_or_else(|| panic!("nats-server is missing: apt-get install -y nats-server"))
}
