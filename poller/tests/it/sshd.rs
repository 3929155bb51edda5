//! OpenSSH's own server, with one account and a host key that are nobody else's.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::harness::until;

/// What the password `lab` is kept as.
const HASH: &str = "$6$todtodtod$XEUiGXpNCKvUmLV9dKa2Pr7u2FC2r9/\
                    jFOeU4ND1cu4JiTX1skDJd8yzWiudpeVPokHhFkBViQwH1YwZkF4Xd.";

/// A server on loopback that ends with this.
pub(crate) struct Sshd {
    pub(crate) port: u16,
    child: Child,
    dir: TempDir,
}

impl Sshd {
    /// Starts one whose account is `admin` with the password `lab`.
    pub(crate) async fn start(forwarding: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).display().to_string();
        let port = free_port();
        make_host_key(&at("host_key"));
        make_accounts(dir.path());
        let config = format!(
            "Port {port}\n\
             ListenAddress 127.0.0.1\n\
             HostKey {}\n\
             PidFile none\n\
             UsePAM no\n\
             StrictModes no\n\
             PasswordAuthentication yes\n\
             KbdInteractiveAuthentication no\n\
             AllowTcpForwarding {forwarding}\n\
             LogLevel VERBOSE\n",
            at("host_key")
        );
        fs::write(at("config"), config).unwrap();
        let log = fs::File::create(at("log")).unwrap();
        let child = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f", &at("config")])
            .env("LD_PRELOAD", "libnss_wrapper.so")
            .env("NSS_WRAPPER_PASSWD", at("passwd"))
            .env("NSS_WRAPPER_GROUP", at("group"))
            .env("NSS_WRAPPER_SHADOW", at("shadow"))
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let sshd = Self { port, child, dir };
        until("sshd listens", || sshd.log().contains("Server listening")).await;
        sshd
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    /// The fingerprint of its host key.
    pub(crate) fn fingerprint(&self) -> String {
        let key = self.dir.path().join("host_key.pub");
        let output = Command::new("ssh-keygen").arg("-lf").arg(key).output();
        let line = String::from_utf8(output.unwrap().stdout).unwrap();
        line.split(' ').nth(1).unwrap().to_owned()
    }
}

/// The processes that a process has started, and what they have.
fn descendants(of: u32) -> Vec<u32> {
    let children = format!("/proc/{of}/task/{of}/children");
    let children = fs::read_to_string(children).unwrap_or_default();
    let children = children.split_whitespace().map(|pid| pid.parse().unwrap());
    children
        .flat_map(|child| [vec![child], descendants(child)].concat())
        .collect()
}

impl Drop for Sshd {
    fn drop(&mut self) {
        // Each connection has processes of its own, which would live on.
        for pid in descendants(self.child.id()) {
            drop(Command::new("kill").arg("-9").arg(pid.to_string()).status());
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn free_port() -> u16 {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    free.local_addr().unwrap().port()
}

fn make_host_key(path: &str) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f", path])
        .status();
    assert!(made.unwrap().success());
}

/// The machine's accounts, and one more.
fn make_accounts(dir: &Path) {
    let me = fs::metadata(dir).unwrap();
    // Only root can become somebody else, and only root needs a place to lock itself into.
    let (user, group) = match me.uid() {
        0 => (65534, 65534),
        _ => (me.uid(), me.gid()),
    };
    if me.uid() == 0 {
        fs::create_dir_all("/run/sshd").unwrap();
    }
    let accounts = fs::read_to_string("/etc/passwd").unwrap();
    let home = dir.display();
    let admin = format!("admin:x:{user}:{group}::{home}:/bin/sh\n");
    fs::write(dir.join("passwd"), accounts + &admin).unwrap();
    fs::copy("/etc/group", dir.join("group")).unwrap();
    fs::write(
        dir.join("shadow"),
        format!("admin:{HASH}:19000:0:99999:7:::\n"),
    )
    .unwrap();
}
