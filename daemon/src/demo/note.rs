//! `demo.json`: what others need to use a running demo, and what the next one in its folder keeps.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use tod_lab::Lab;

use crate::data_dir::write_private;
use crate::targets::Door;

/// Where the note of a running demo is.
const NAME: &str = "demo.json";
/// Where it is kept between two demos.
const ASIDE: &str = "demo.json.before";

/// Everything that there is to know about a demo.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Note {
    /// The process.
    pub(super) pid: u32,
    /// The server.
    pub(super) server: String,
    /// SHA-256 of its certificate, in hex.
    pub(super) fingerprint: String,
    /// Where it listens.
    pub(super) listen: SocketAddr,
    /// The configuration of `todctl`.
    pub(super) config_dir: PathBuf,
    /// The file with the passphrase of its secrets.
    pub(super) passphrase_file: PathBuf,
    /// The context in use.
    pub(super) context: String,
    /// The tenant of that context.
    pub(super) tenant: String,
    /// Every tenant.
    pub(super) tenants: Vec<String>,
    /// Who is signed in, by context.
    pub(super) signed_in: Vec<SignedIn>,
    /// The control socket of the lab.
    pub(super) lab_socket: PathBuf,
    /// How many routers are simulated.
    pub(super) devices: u16,
    /// The ports of the simulated routers.
    pub(super) ports: Ports,
}

/// Who is signed in, in one context.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SignedIn {
    pub(super) context: String,
    pub(super) email: String,
    pub(super) role: String,
}

/// The ports of the simulated routers.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Ports {
    pub(super) api: u16,
    pub(super) api_ssl: u16,
    pub(super) ssh: u16,
}

impl Note {
    pub(super) fn new(folder: &Path, door: &Door, lab: &Lab) -> Self {
        let devices = u16::try_from(lab.devices().len()).unwrap_or(u16::MAX);
        let first = lab.devices().first().map(tod_lab::Device::summary);
        let ports = first.map(|device| Ports {
            api: device.api_port,
            api_ssl: device.api_ssl_port,
            ssh: device.ssh_port,
        });
        Self {
            pid: std::process::id(),
            server: format!("https://{}", door.address),
            fingerprint: door.fingerprint.clone().unwrap_or_default(),
            listen: door.address,
            config_dir: folder.join("todctl"),
            passphrase_file: folder.join("passphrase"),
            context: "demo".to_owned(),
            tenant: "acme".to_owned(),
            tenants: vec!["acme".to_owned(), "nordlink".to_owned()],
            signed_in: Vec::new(),
            lab_socket: folder.join("lab.sock"),
            devices,
            ports: ports.unwrap_or_default(),
        }
    }

    /// The same in this process, where clients may come in elsewhere.
    pub(super) fn moved_to(self, door: &Door) -> Self {
        Self {
            pid: std::process::id(),
            server: format!("https://{}", door.address),
            fingerprint: door.fingerprint.clone().unwrap_or_default(),
            listen: door.address,
            ..self
        }
    }

    /// Reads the note of the demo that was here before. There is none at its usual place
    /// afterwards: this demo is not ready.
    pub(super) fn take(folder: &Path) -> anyhow::Result<Option<Self>> {
        Self::set_aside(folder)?;
        let path = folder.join(ASIDE);
        let Ok(text) = std::fs::read_to_string(&path) else {
            return Ok(None);
        };
        let note = serde_json::from_str(&text);
        note.map(Some)
            .with_context(|| format!("{} is damaged", path.display()))
    }

    /// Keeps the note for the next demo in the folder. This one is not there any more.
    pub(super) fn set_aside(folder: &Path) -> anyhow::Result<()> {
        match std::fs::rename(folder.join(NAME), folder.join(ASIDE)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).context("cannot set the note of the demo aside")
            }
            _ => Ok(()),
        }
    }

    /// Writes the note: the demo is ready.
    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        write_private(&folder.join(NAME), &serde_json::to_vec_pretty(self)?)
    }

    /// What is said when the demo is ready.
    pub(super) fn welcome(&self) -> String {
        let mut lines = vec![
            format!(
                "tod demo: {} simulated routers, tenants {}",
                self.devices,
                self.tenants.join(", ")
            ),
            String::new(),
            format!("  server       {}", self.server),
            format!("  certificate  sha256 {}", self.fingerprint),
        ];
        for one in &self.signed_in {
            let SignedIn {
                context,
                email,
                role,
            } = one;
            lines.push(format!(
                "  signed in    {email} ({role}), context {context}"
            ));
        }
        lines.extend([
            String::new(),
            "In another terminal:".to_owned(),
            String::new(),
            format!("  export TODCTL_CONFIG_DIR={}", self.config_dir.display()),
            format!(
                "  export TODCTL_STORE_PASSPHRASE_FILE={}",
                self.passphrase_file.display()
            ),
            "  todctl tui".to_owned(),
            "  todctl device list".to_owned(),
            "  todctl exec tag=core -- /system/resource/print".to_owned(),
            String::new(),
            "Ctrl-C ends it.".to_owned(),
        ]);
        lines.join("\n")
    }
}
