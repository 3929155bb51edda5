//! The command line of `tod-lab`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, Parser, Subcommand};
use routeros::value::Value as _;
use tod_proto::lab::{Answer, Fault, Request};

use crate::control::ask;
use crate::fleet::Fleet;
use crate::lab::{Lab, Options};

/// RouterOS devices that are not there.
#[derive(Debug, Parser)]
#[command(name = "tod-lab", version)]
pub struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Serve devices until interrupted
    Serve(Serve),
    /// Look into a running lab, or disturb it
    Ctl(Ctl),
}

#[derive(Debug, Args)]
struct Serve {
    /// How many devices to generate
    #[arg(long, default_value_t = 24)]
    devices: usize,
    /// What they are generated from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A file that describes the devices, instead of generating them
    #[arg(long, value_name = "FILE")]
    fleet: Option<PathBuf>,
    /// Where to listen for `ctl`
    #[arg(long, value_name = "SOCKET")]
    control: Option<PathBuf>,
    /// Port of the API
    #[arg(long, default_value_t = 8728)]
    api_port: u16,
    /// Port of the API over TLS
    #[arg(long, default_value_t = 8729)]
    api_ssl_port: u16,
    /// Port of SSH
    #[arg(long, default_value_t = 2222)]
    ssh_port: u16,
    /// Port of SNMP, over UDP
    #[arg(long, default_value_t = 1161)]
    snmp_port: u16,
    /// Port of telnet, which refuses everybody
    #[arg(long, default_value_t = 2323)]
    telnet_port: u16,
    /// Port of MNDP, if devices are to announce themselves; others listen at 5678
    #[arg(long)]
    mndp_port: Option<u16>,
    /// Port of the feed of releases, over HTTP, if others are to read it
    #[arg(long)]
    feed_port: Option<u16>,
    /// Take the ports of real devices: SSH 22, telnet 23, SNMP 161, MNDP 5678
    #[arg(long)]
    standard_ports: bool,
    /// How long a boot takes, in milliseconds
    #[arg(long, default_value_t = 3000, value_name = "MS")]
    reboot: u64,
}

#[derive(Debug, Args)]
struct Ctl {
    /// Where the lab listens
    #[arg(long, value_name = "SOCKET")]
    control: PathBuf,
    #[command(subcommand)]
    verb: CtlVerb,
}

#[derive(Debug, Subcommand)]
enum CtlVerb {
    /// List the devices
    Devices,
    /// Show the rows of a menu
    Get { device: String, path: String },
    /// Set properties, as somebody at the device would
    Set {
        device: String,
        path: String,
        /// Properties, as `name=value`
        #[arg(required = true)]
        values: Vec<String>,
        /// Which row, by id or name
        #[arg(long)]
        row: Option<String>,
    },
    /// Run a console command
    Run {
        device: String,
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// Show what was done to devices
    Log {
        device: Option<String>,
        /// Only what came after this number
        #[arg(long)]
        since: Option<u64>,
    },
    /// Dump a device's configuration
    Tree { device: String },
    /// Make something go wrong, such as `silent` or `drip-bytes every_ms=5`
    Fault {
        /// Which device; `all` means every one
        device: String,
        kind: String,
        /// Its parameters, as `name=value`
        values: Vec<String>,
    },
    /// Take faults away, from one device or from all
    ClearFaults { device: Option<String> },
    /// Switch a device off and on, or all with `all`
    Reboot { device: String },
    /// Pull a cable out of a port
    Cut { device: String, port: String },
    /// Plug a cable into a port
    Plug { device: String, port: String },
    /// Offer a release in a channel, such as `stable 7.23`
    Feed { channel: String, version: String },
    /// Show the lab's time, or let time pass
    Time {
        /// How much passes at once, such as `90s`
        #[arg(long, value_name = "DURATION")]
        advance: Option<String>,
    },
}

impl Command {
    /// Does what was asked for.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        match self.verb {
            Verb::Serve(serve) => serve.run().await,
            Verb::Ctl(ctl) => ctl.run().await,
        }
    }
}

impl Serve {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let fleet = match &self.fleet {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                Fleet::parse(&text)?
            }
            None => Fleet::generate(self.devices, self.seed),
        };
        let mut options = Options {
            api_port: self.api_port,
            api_ssl_port: self.api_ssl_port,
            ssh_port: self.ssh_port,
            snmp_port: self.snmp_port,
            telnet_port: self.telnet_port,
            mndp_port: self.mndp_port,
            feed_port: self.feed_port,
            reboot: Duration::from_millis(self.reboot),
            ..Options::default()
        };
        if self.standard_ports {
            options = Options {
                api_port: 8728,
                api_ssl_port: 8729,
                ssh_port: 22,
                snmp_port: 161,
                telnet_port: 23,
                mndp_port: Some(5678),
                ..options
            };
        }
        let lab = Lab::start(fleet, options).await?;
        if let Some(path) = &self.control {
            lab.control(path)?;
        }
        let devices = lab.devices();
        if let Some(first) = devices.first().map(crate::Device::summary) {
            say(&format!(
                "{} devices, the first is {} at {}: api {}, api-ssl {}, ssh {}, snmp {}; {} / {}",
                devices.len(),
                first.name,
                first.address,
                first.api_port,
                first.api_ssl_port,
                first.ssh_port,
                first.snmp_port,
                first.user,
                first.password,
            ))?;
        }
        interrupted().await?;
        lab.stop().await;
        if let Some(path) = &self.control
            && let Err(error) = std::fs::remove_file(path)
        {
            tracing::debug!(%error, "the control socket is gone already");
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn interrupted() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for signals")?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result.context("cannot wait for signals"),
        _ = terminate.recv() => Ok(()),
    }
}

impl Ctl {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let request = self.verb.request()?;
        match ask(&self.control, &request).await? {
            Answer::Error(message) => bail!("{message}"),
            Answer::Text(text) => say(text.trim_end())?,
            Answer::Done => {}
            Answer::Devices(devices) => say_json(&devices)?,
            Answer::Rows(rows) => say_json(&rows)?,
            Answer::Log(log) => say_json(&log)?,
            Answer::Tree(tree) => say_json(&tree)?,
            Answer::Time(time) => say(&time.to_string())?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl CtlVerb {
    fn request(self) -> anyhow::Result<Request> {
        Ok(match self {
            Self::Devices => Request::Devices,
            Self::Get { device, path } => Request::Get { device, path },
            Self::Set {
                device,
                path,
                values,
                row,
            } => Request::Set {
                device,
                path,
                row,
                values: pairs(&values)?,
            },
            Self::Run { device, command } => Request::Run {
                device,
                command: command.join(" "),
            },
            Self::Log { device, since } => Request::Log { device, since },
            Self::Tree { device } => Request::Tree { device },
            Self::Fault {
                device,
                kind,
                values,
            } if device == "all" => Request::FaultAll {
                fault: fault(kind, &values)?,
            },
            Self::Fault {
                device,
                kind,
                values,
            } => Request::Fault {
                device,
                fault: fault(kind, &values)?,
            },
            Self::ClearFaults { device } => Request::ClearFaults { device },
            Self::Reboot { device } if device == "all" => Request::RebootAll,
            Self::Reboot { device } => Request::Reboot { device },
            Self::Feed { channel, version } => Request::Feed { channel, version },
            Self::Cut { device, port } => cable(device, port, false),
            Self::Plug { device, port } => cable(device, port, true),
            Self::Time { advance } => {
                let by = advance.unwrap_or_else(|| "0s".to_owned());
                let by = Duration::parse(by.as_bytes());
                let by = by.context("not a duration; say it like 90s or 1h30m")?;
                Request::Time {
                    advance_ms: u64::try_from(by.as_millis())?,
                }
            }
        })
    }
}

fn cable(device: String, port: String, plugged: bool) -> Request {
    Request::Cable {
        device,
        port,
        plugged,
    }
}

/// Reads a fault from its kind and its parameters.
fn fault(kind: String, values: &[String]) -> anyhow::Result<Fault> {
    let mut object = serde_json::Map::new();
    object.insert("kind".to_owned(), kind.into());
    for (name, value) in pairs(values)? {
        let number = value.parse::<i64>().map(Into::into);
        object.insert(name, number.unwrap_or_else(|_| value.into()));
    }
    serde_json::from_value(object.into()).context("no such fault")
}

fn pairs(values: &[String]) -> anyhow::Result<BTreeMap<String, String>> {
    values
        .iter()
        .map(|word| {
            let (name, value) = word
                .split_once('=')
                .with_context(|| format!("not a property: {word}; say it like name=value"))?;
            Ok((name.to_owned(), value.to_owned()))
        })
        .collect()
}

fn say_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    say(&serde_json::to_string_pretty(value)?)
}

fn say(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").context("cannot write the answer")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use tod_proto::lab::Fault;

    #[test]
    fn the_command_tree_is_sound() {
        super::Command::command().debug_assert();
    }

    #[test]
    fn faults_are_read_with_their_parameters() {
        let drip = super::fault("drip-bytes".to_owned(), &["every_ms=5".to_owned()]).unwrap();
        let silent = super::fault("silent".to_owned(), &[]).unwrap();

        assert_eq!(
            (drip, silent),
            (Fault::DripBytes { every_ms: 5 }, Fault::Silent)
        );
        assert!(super::fault("boring".to_owned(), &[]).is_err());
    }
}
