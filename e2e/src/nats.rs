//! A bus of its own: streams of one test must not be seen by another.

use anyhow::{Context as _, Result};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use xtask::guarded::Guarded;

/// A running `nats-server` with JetStream.
#[derive(Debug)]
pub(crate) struct Nats {
    /// Where it listens.
    pub(crate) url: String,
    _server: Guarded,
}

impl Nats {
    /// Starts one on a free port, with its files in `dir`.
    pub(crate) fn start(dir: &Path) -> Result<Self> {
        Self::start_with(dir, None)
    }

    /// The same; clients are let in as `tod` with a password, if there is one.
    pub(crate) fn start_with(dir: &Path, password: Option<&str>) -> Result<Self> {
        let store = dir.join("nats");
        std::fs::create_dir_all(&store)?;
        let mut command = Command::new("nats-server");
        command
            .args(["-js", "-a", "127.0.0.1", "-p", "-1", "-sd"])
            .arg(store.join("store"));
        if let Some(password) = password {
            let config = dir.join("nats.conf");
            let text = format!("authorization {{ user: tod, password: \"{password}\" }}\n");
            std::fs::write(&config, text)?;
            command.arg("-c").arg(config);
        }
        command.arg("--ports_file_dir").arg(&store);
        let mut server = Guarded::spawn(&command, &dir.join("nats.log"))?;
        let url = server.wait_until("listening", Duration::from_secs(20), || {
            let files = std::fs::read_dir(&store)?.flatten();
            let mut ports =
                files.filter(|file| file.path().extension().is_some_and(|e| e == "ports"));
            let Some(file) = ports.next() else {
                return Ok(None);
            };
            let text = std::fs::read_to_string(file.path())?;
            let Ok(ports) = serde_json::from_str::<Value>(&text) else {
                return Ok(None);
            };
            let url = ports.pointer("/nats/0").and_then(Value::as_str);
            Ok(Some(
                url.context("nats-server did not say where it listens")?
                    .to_owned(),
            ))
        })?;
        Ok(Self {
            url,
            _server: server,
        })
    }
}
