//! `todd`: the daemon. Puts server, poller, bus and database together; decides nothing itself.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use tod_service::telemetry::Logging;

use crate::args::{Args, Command, Common, ConfigCommand, Generate, KeysCommand};
use crate::config::Config;
use crate::environment::Environment;

pub mod args;
mod check;
pub mod config;
pub mod data_dir;
pub mod database;
pub mod demo;
mod door;
pub mod environment;
mod files;
mod in_process;
pub mod insecure;
mod keys;
mod notify;
mod own;
pub mod postgres;
pub mod reference;
pub mod settings;
pub mod targets;
pub mod tls;
mod told;

/// Does what the command line says.
pub fn run(args: &Args) -> ExitCode {
    let environment = Environment::capture();
    let done = match &args.command {
        Command::Check(args) => check::run(args, &environment),
        _ => command(args, &environment).map(|()| ExitCode::SUCCESS),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            match writeln!(std::io::stderr().lock(), "todd: {error:#}") {
                Ok(()) => ExitCode::FAILURE,
                // Nobody hears it.
                Err(_) => ExitCode::from(2),
            }
        }
    }
}

fn command(args: &Args, environment: &Environment) -> anyhow::Result<()> {
    leave_no_core();
    match &args.command {
        Command::Serve(common) => {
            let (config, _) = Config::load(common, environment)?;
            tod_service::telemetry::init(&config.log)?;
            for (name, reason) in settings::without_effect(environment) {
                tracing::warn!(name, "a variable has no effect: {reason}");
            }
            block_on(targets::serve(&config, environment))
        }
        Command::Demo(args) => {
            let format = args.log_format.parse().map_err(anyhow::Error::msg)?;
            let level = args.log.clone();
            tod_service::telemetry::init(&Logging { format, level })?;
            block_on(demo::run(args, environment))
        }
        Command::Config(ConfigCommand::Check(common)) => check_config(common, environment),
        Command::Keys(KeysCommand::Move { to, common }) => {
            let (config, _) = Config::load(common, environment)?;
            tod_service::telemetry::init(&config::early_logging())?;
            block_on(keys::run_move(&config, environment, *to))
        }
        Command::Config(ConfigCommand::Default) => say(config::DEFAULT.trim_end()),
        // Its exit status says more than whether it went well.
        Command::Check(_) => Ok(()),
        Command::Generate(Generate::SettingsReference) => say(settings::reference().trim_end()),
        Command::Generate(Generate::ApiReference) => say(reference::api().trim_end()),
        Command::Generate(Generate::Openapi) => say(&reference::openapi()?),
        Command::Version => say(&format!("todd {}", data_dir::VERSION)),
    }
}

/// Keeps keys and passwords out of a file that a crash would leave behind. What this process starts
/// has no such files either.
fn leave_no_core() {
    let none = rustix::process::Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let set = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    if let Err(error) = set {
        // Nothing is logged yet.
        drop(writeln!(
            std::io::stderr().lock(),
            "todd: core files cannot be switched off: {error}"
        ));
    }
}

fn check_config(common: &Common, environment: &Environment) -> anyhow::Result<()> {
    let (config, layers) = Config::load(common, environment)?;
    let mut lines = vec![format!(
        "data directory: {}",
        config.data_dir(environment)?.display()
    )];
    lines.extend(
        layers
            .origins()
            .map(|(key, origin)| format!("{key}: from {origin}")),
    );
    lines.push("the configuration is sound".to_owned());
    say(&lines.join("\n"))
}

fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    runtime.context("cannot start the runtime")?.block_on(work)
}

/// Says something to whoever started us.
pub(crate) fn say(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .context("cannot write")
}
