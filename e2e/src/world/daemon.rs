//! A `todd` process that can be killed and started again with what it had.

use super::program;
use anyhow::{Context as _, Result};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;
use xtask::guarded::Guarded;

/// Making a cluster and migrating, on a machine that is busy.
const READY_WITHIN: Duration = Duration::from_mins(1);
const STOPPED_WITHIN: Duration = Duration::from_secs(30);

/// The key that wraps all others: servers of one installation share it.
const MASTER_KEY: &str = "3c0f9e7d5b1a48c6f2e0d4b8a69713573c0f9e7d5b1a48c6f2e0d4b8a6971357";

/// A daemon.
#[derive(Debug)]
pub struct Daemon {
    name: String,
    data: PathBuf,
    log: PathBuf,
    listen: String,
    fingerprint: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    level: &'static str,
    /// Whether its configuration says where the master key is.
    has_key_file: bool,
    process: Option<Guarded>,
}

impl Daemon {
    /// One that is everything, with its data in `data`.
    pub(super) fn new(name: &str, data: &Path) -> Result<Self> {
        std::fs::create_dir_all(data)?;
        let config = data.with_extension("toml");
        // The lab lives on addresses that a poller refuses unless they are listed.
        let zones = "[[poller.zones]]\nname = \"default\"\nnetworks = [\"127.0.0.0/8\"]\n";
        std::fs::write(&config, zones)?;
        let config = config.display().to_string();
        Ok(Self {
            name: name.to_owned(),
            data: data.to_owned(),
            log: data.with_extension("log"),
            listen: "127.0.0.1:0".to_owned(),
            fingerprint: String::new(),
            arguments: vec!["--config".to_owned(), config],
            environment: Vec::new(),
            level: "info",
            has_key_file: false,
            process: None,
        })
    }

    pub(super) fn with_environment(mut self, variables: &[(&str, &str)]) -> Self {
        let variables = variables.iter();
        self.environment
            .extend(variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self
    }

    /// Logs everything, and takes its secrets from its configuration: `settings` come before the
    /// zones, and name a file with the master key.
    pub(super) fn with_secrets(mut self, settings: &str) -> Result<Self> {
        let config = self.data.with_extension("toml");
        let zones = std::fs::read_to_string(&config)?;
        std::fs::write(&config, format!("{settings}\n{zones}"))?;
        (self.level, self.has_key_file) = ("trace", true);
        Ok(self)
    }

    /// Serves or polls only, over the bus that its configuration names.
    pub(super) fn being(mut self, target: &str) -> Self {
        self.arguments
            .extend(["--target", target].map(str::to_owned));
        self
    }

    pub(super) fn with_target(mut self, target: &str, nats: &str) -> Self {
        self.arguments
            .extend(["--target", target, "--nats", nats].map(str::to_owned));
        self
    }

    pub(super) fn with_database(mut self, url: &str) -> Self {
        self.arguments
            .extend(["--database-url", url].map(str::to_owned));
        self
    }

    /// Gives it the certificate of another, as servers behind one address have.
    pub(super) fn with_certificate_of(mut self, other: &Self) -> Result<Self> {
        // A folder that tod did not make is refused, so tod makes it.
        self.start()?;
        self.stop()?;
        "127.0.0.1:0".clone_into(&mut self.listen);
        let (from, to) = (other.data.join("tls"), self.data.join("tls"));
        for file in ["cert.pem", "key.pem"] {
            std::fs::copy(from.join(file), to.join(file))
                .with_context(|| format!("{} has no {file}", other.name))?;
        }
        Ok(self)
    }

    pub(super) fn started(mut self) -> Result<Self> {
        self.start()?;
        Ok(self)
    }

    /// Starts it, again with the same data, address and arguments; a server answers afterwards.
    pub fn start(&mut self) -> Result<()> {
        let mut command = Command::new(program("todd")?);
        command
            .arg("serve")
            .args(["--log", self.level, "--log-format", "json"]);
        command
            .arg("--data-dir")
            .arg(&self.data)
            .args(&self.arguments);
        if !self.has_key_file {
            command.env("CREDENTIAL_ENCRYPTION_KEY", MASTER_KEY);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let serves = !self.is_poller();
        if serves {
            command.args(["--listen", &self.listen]);
        }
        std::fs::write(&self.log, "")?;
        let mut process = Guarded::spawn(&command, &self.log)?;
        if serves {
            let said = process.wait_until("ready", READY_WITHIN, || {
                let log = std::fs::read_to_string(&self.log)?;
                let words = ["listening on https://", "certificate sha256 "];
                let [address, fingerprint] = words.map(|word| after(&log, word));
                Ok(address.zip(fingerprint))
            })?;
            (self.listen, self.fingerprint) = said;
        }
        self.process = Some(process);
        Ok(())
    }

    fn is_poller(&self) -> bool {
        self.arguments.iter().any(|argument| argument == "poller")
    }

    /// Where it serves: `https://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("https://{}", self.listen)
    }

    /// Where it listens.
    pub(super) fn address(&self) -> Result<SocketAddr> {
        Ok(self.listen.parse()?)
    }

    /// SHA-256 of the certificate that it shows.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Its name in this world.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// What it printed since it was last started.
    pub fn log(&self) -> Result<String> {
        Ok(std::fs::read_to_string(&self.log)?)
    }

    /// Its process id.
    pub fn pid(&self) -> Result<u32> {
        Ok(self
            .process
            .as_ref()
            .with_context(|| format!("{} does not run", self.name))?
            .pid())
    }

    /// SIGKILL.
    pub fn kill(&mut self) -> Result<()> {
        let process = self.process.take();
        process
            .with_context(|| format!("{} does not run", self.name))?
            .kill()
    }

    /// SIGTERM; returns how it ended.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        let process = self.process.take();
        process
            .with_context(|| format!("{} does not run", self.name))?
            .stop(STOPPED_WITHIN)
    }
}

/// The word that follows `what` in a log.
fn after(log: &str, what: &str) -> Option<String> {
    let (_, rest) = log.split_once(what)?;
    let end = rest.find(char::is_whitespace)?;
    rest.get(..end).map(str::to_owned)
}
