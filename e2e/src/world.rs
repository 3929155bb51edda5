//! Daemons, a lab, a client: started as a user would start them.

mod daemon;
mod lab;
mod operator;
mod planted;

pub use daemon::Daemon;
pub use planted::plant_secret_key;

use crate::balancer::Balancer;
use crate::binary;
use crate::database::Database;
use crate::eventually::eventually;
use crate::nats::Nats;
use anyhow::{Context as _, Result};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;
use tempfile::TempDir;
use xtask::guarded::Guarded;
use xtask::lab::{Lab, text};
use xtask::tour::{Stage, Todctl};

/// A whole installation. Fields are dropped in this order: daemons before what they use.
#[derive(Debug)]
pub struct World {
    /// Processes that serve; `todctl` calls another one with each connection.
    pub servers: Vec<Daemon>,
    /// Processes that poll; none where the servers do that too.
    pub pollers: Vec<Daemon>,
    /// What really happens.
    pub lab: Lab,
    /// The client, in this world's context.
    pub todctl: Todctl,
    /// Where clients come in.
    url: String,
    balancer: Option<Balancer>,
    _lab: Guarded,
    nats: Option<Nats>,
    database: Option<Database>,
    dir: TempDir,
}

impl World {
    /// One `todd` that is everything, with a private PostgreSQL, and a lab of `devices`.
    pub fn single(devices: u32) -> Result<Self> {
        Self::single_with(devices, &[])
    }

    /// The same, with these variables in its environment.
    pub fn single_with(devices: u32, environment: &[(&str, &str)]) -> Result<Self> {
        let mut world = Self::empty(devices)?;
        let daemon = Daemon::new("todd", &world.dir.path().join("todd"))?;
        let daemon = daemon.with_environment(environment);
        world.servers.push(daemon.started()?);
        world.url = world.servers.first().map(Daemon::url).unwrap_or_default();
        world.enrol()?;
        Ok(world)
    }

    /// So many servers and pollers, over NATS, with one PostgreSQL, behind one address.
    pub fn split(servers: u32, pollers: u32, devices: u32) -> Result<Self> {
        let mut world = Self::empty(devices)?;
        let (nats, database) = (Nats::start(world.dir.path())?, Database::create()?);
        let balancer = Balancer::start()?;
        let daemon = |target: &str, n: u32| -> Result<Daemon> {
            let name = format!("{target}-{n}");
            let daemon = Daemon::new(&name, &world.dir.path().join(&name))?;
            Ok(daemon
                .with_target(target, &nats.url)
                .with_database(&database.url()))
        };
        for n in 1..=servers {
            let mut server = daemon("server", n)?;
            if let Some(first) = world.servers.first() {
                server = server.with_certificate_of(first)?;
            }
            let server = server.started()?;
            balancer.add(server.address()?);
            world.servers.push(server);
        }
        for n in 1..=pollers {
            world.pollers.push(daemon("poller", n)?.started()?);
        }
        (world.nats, world.database) = (Some(nats), Some(database));
        world.url = format!("https://{}", balancer.address);
        world.balancer = Some(balancer);
        world.enrol()?;
        Ok(world)
    }

    fn empty(devices: u32) -> Result<Self> {
        // Short, because sockets lie in it.
        let dir = tempfile::Builder::new()
            .prefix("tod-e2e.")
            .tempdir_in("/tmp")?;
        let (process, lab) = lab::start(dir.path(), devices)?;
        let todctl = operator::client(&dir.path().join("client"))?;
        Ok(Self::of(dir, process, lab, todctl))
    }

    fn of(dir: TempDir, process: Guarded, lab: Lab, todctl: Todctl) -> Self {
        let (servers, pollers, url) = (Vec::new(), Vec::new(), String::new());
        let (nats, database, balancer) = (None, None, None);
        Self {
            servers,
            pollers,
            lab,
            todctl,
            url,
            balancer,
            _lab: process,
            nats,
            database,
            dir,
        }
    }

    /// The first administrator, and every device of the lab.
    fn enrol(&mut self) -> Result<()> {
        let server = self.servers.first().context("a world needs a server")?;
        let entrance = (self.url.as_str(), "file");
        operator::enrol(&self.todctl, entrance, server, self.dir.path())?;
        operator::add_fleet(&self.todctl, &self.lab, self.dir.path())
    }

    /// Names of the devices that were added, in order.
    pub fn devices(&self) -> Result<Vec<String>> {
        let devices = self.todctl.items(&["device", "list"])?;
        Ok(devices
            .iter()
            .map(|device| text(device, "name").to_owned())
            .collect())
    }

    /// A device as `device show` tells it.
    pub fn device(&self, name: &str) -> Result<Value> {
        let shown = self.todctl.json(&["device", "show", name])?;
        Ok(shown.pointer("/items/0").cloned().unwrap_or(shown))
    }

    /// Waits until a device was polled.
    pub fn wait_until_online(&self, name: &str) -> Result<()> {
        eventually(
            &format!("`{name}` is online"),
            Duration::from_mins(1),
            || Ok((text(&self.device(name)?, "status") == "online").then_some(())),
        )
    }

    /// Puts a script on a device, as someone without a terminal does.
    pub fn apply(&self, device: &str, script: &str, window: &str) -> Result<Output> {
        Ok(self.applying(device, script, window)?.output()?)
    }

    /// The command that puts a script on a device.
    pub fn applying(&self, device: &str, script: &str, window: &str) -> Result<Command> {
        let file = self.dir.path().join("change.rsc");
        std::fs::write(&file, script)?;
        let file = file.display().to_string();
        let args = [
            "config", "apply", device, "-f", &file, "--window", window, "--yes",
        ];
        Ok(self.todctl.command(&args))
    }

    /// A change as `config show` tells it.
    pub fn change(&self, change: &str) -> Result<Value> {
        let shown = self.todctl.json(&["config", "show", change])?;
        Ok(shown.pointer("/items/0").cloned().unwrap_or(shown))
    }

    /// How far a change is told to be.
    pub fn state_of(&self, change: &str) -> Result<String> {
        Ok(text(&self.change(change)?, "state").to_owned())
    }

    /// Waits for the end of a change.
    pub fn end_of(&self, change: &str) -> Result<String> {
        eventually(
            &format!("{change} has ended"),
            Duration::from_mins(2),
            || {
                let state = self.state_of(change)?;
                let ends = ["confirmed", "reverted", "unknown", "refused"];
                Ok(ends.contains(&state.as_str()).then_some(state))
            },
        )
    }

    /// The client of another person, who is not signed in; their password is in `password`.
    pub fn person(&self, name: &str) -> Result<Todctl> {
        operator::client(&self.dir.path().join(name))
    }

    /// Where clients come in, and what makes them trust it.
    pub fn entrance(&self) -> Result<(&str, &str)> {
        let server = self.servers.first().context("a world has a server")?;
        Ok((&self.url, server.fingerprint()))
    }

    /// How many connections of clients each server was passed until now.
    pub fn passed(&self) -> Vec<usize> {
        self.balancer
            .as_ref()
            .map(Balancer::passed)
            .unwrap_or_default()
    }

    /// For walking the tour here.
    pub fn stage(&self) -> Result<Stage> {
        let (todctl, lab) = (self.todctl.clone(), self.lab.clone());
        Ok(Stage {
            todctl,
            lab,
            tenant: lab::TENANT.to_owned(),
        })
    }

    /// A folder that goes with the world.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Asks the database as its superuser; only where the database is external.
    pub fn query(&self, sql: &str) -> Result<String> {
        self.database
            .as_ref()
            .context("this world has a private database")?
            .query(sql)
    }
}

/// One of our binaries, of the same build.
fn program(name: &str) -> Result<std::path::PathBuf> {
    binary::path(name)
}
