//! Asks the lab's control socket what really happened.

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A running lab.
#[derive(Debug, Clone)]
pub struct Lab {
    socket: PathBuf,
}

impl Lab {
    /// The lab behind this socket.
    pub fn at(socket: impl AsRef<Path>) -> Self {
        Self {
            socket: socket.as_ref().to_owned(),
        }
    }

    /// Every device, with its counters.
    pub fn devices(&self) -> Result<Vec<Value>> {
        let answer = self.ask(&json!({"verb": "devices"}))?;
        list(&answer, "devices")
    }

    /// One device.
    pub fn device(&self, name: &str) -> Result<Value> {
        self.devices()?
            .into_iter()
            .find(|device| text(device, "name") == name)
            .with_context(|| format!("the lab has no device `{name}`"))
    }

    /// The rows of a menu.
    pub fn rows(&self, device: &str, path: &str) -> Result<Vec<Value>> {
        let answer = self.ask(&json!({"verb": "get", "device": device, "path": path}))?;
        list(&answer, "rows")
    }

    /// The whole configuration, without what moves by itself.
    pub fn tree(&self, device: &str) -> Result<Value> {
        let answer = self.ask(&json!({"verb": "tree", "device": device}))?;
        Ok(answer.get("tree").cloned().unwrap_or(answer))
    }

    /// What was done to devices after entry `since`.
    pub fn log(&self, since: u64) -> Result<Vec<Value>> {
        let answer = self.ask(&json!({"verb": "log", "since": since}))?;
        list(&answer, "log")
    }

    /// Makes something go wrong with a device.
    pub fn fault(&self, device: &str, fault: &Value) -> Result<()> {
        self.ask(&json!({"verb": "fault", "device": device, "fault": fault}))
            .map(drop)
    }

    /// Makes nothing go wrong with a device any more.
    pub fn clear_faults(&self, device: &str) -> Result<()> {
        self.ask(&json!({"verb": "clear-faults", "device": device}))
            .map(drop)
    }

    /// Switches a device off and on.
    pub fn reboot(&self, device: &str) -> Result<()> {
        self.ask(&json!({"verb": "reboot", "device": device}))
            .map(drop)
    }

    /// Changes a row as somebody at the device would.
    pub fn set(&self, device: &str, path: &str, row: Option<&str>, values: &Value) -> Result<()> {
        let request =
            json!({"verb": "set", "device": device, "path": path, "row": row, "values": values});
        self.ask(&request).map(drop)
    }

    fn ask(&self, request: &Value) -> Result<Value> {
        let mut stream = UnixStream::connect(&self.socket)
            .with_context(|| format!("no lab answers on {}", self.socket.display()))?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        stream.write_all(format!("{request}\n").as_bytes())?;
        let mut line = String::new();
        BufReader::new(stream)
            .read_line(&mut line)
            .context("the lab did not answer")?;
        let answer: Value = serde_json::from_str(&line)
            .with_context(|| format!("the lab answered {line:?} to {request}"))?;
        match answer.get("error").and_then(Value::as_str) {
            Some(error) => bail!("the lab says {error:?} to {request}"),
            None => Ok(answer),
        }
    }
}

fn list(answer: &Value, key: &str) -> Result<Vec<Value>> {
    let list = answer.get(key).and_then(Value::as_array);
    list.cloned()
        .with_context(|| format!("the lab's answer has no `{key}`"))
}

/// A text property, empty when it is not there.
pub fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or("")
}

/// A number, 0 when it is not there.
pub fn number(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or(0)
}
