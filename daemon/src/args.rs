//! The command line of `todd`.

use std::path::PathBuf;

use clap::{Args as Arguments, Parser, Subcommand, ValueEnum};

use crate::config::Backend;

/// The tod daemon: watches and changes a fleet of MikroTik routers.
#[derive(Debug, Parser)]
#[command(
    name = "todd",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What `todd` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve until stopped.
    Serve(Common),
    /// Show tod with simulated routers, ready to sign in.
    Demo(Demo),
    /// Explain every setting, and look whether a start would go well.
    #[command(after_help = CHECK_HELP)]
    Check(CheckArgs),
    /// Look at the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Move the keys of tenants to where they are to be wrapped.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Print the version.
    Version,
    /// Write what is generated from the program.
    #[command(name = "__gen", hide = true, subcommand)]
    Generate(Generate),
}

/// Examples, and what the exit status says.
const CHECK_HELP: &str = "\
Examples:
  todd check
  todd check --config /etc/tod/todd.toml
  todd check -o json | jq -r '.checks[] | select(.verdict != \"ok\") | .message'

Nothing is changed. Exit status: 0 all is well or a warning, 1 a start would go wrong, 2 the
configuration cannot be read.";

/// What `todd check` can be told.
#[derive(Clone, Debug, Arguments)]
pub struct CheckArgs {
    /// What a start would be told.
    #[command(flatten)]
    pub common: Common,
    /// How it is said: text or json.
    #[arg(
        short = 'o',
        long,
        value_name = "FORMAT",
        value_enum,
        default_value = "text"
    )]
    pub output: Output,
}

/// How something is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// What is generated from the program.
#[derive(Debug, Subcommand)]
pub enum Generate {
    /// The reference of the API.
    ApiReference,
    /// The API as OpenAPI 3.1.
    Openapi,
    /// The reference of the settings.
    SettingsReference,
}

/// What `todd config` can do.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Read everything, and say what is not the default and where it is from.
    Check(Common),
    /// Print the commented default configuration.
    Default,
}

/// What `todd keys` can do.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Wrap all data keys the other way: by OpenBao instead of a master key, or back.
    ///
    /// No server may run meanwhile. Interrupted, it goes on when it is run again.
    Move {
        /// Where to: local or transit.
        #[arg(long, value_name = "BACKEND", value_enum)]
        to: Backend,
        /// The configuration, as it is before the move.
        #[command(flatten)]
        common: Common,
    },
}

/// What can be said at the start.
#[derive(Clone, Debug, Default, Arguments)]
pub struct Common {
    /// What to be: all, server or poller.
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
    /// A configuration file.
    #[arg(long, value_name = "FILE", env = "TOD_CONFIG")]
    pub config: Option<PathBuf>,
    /// Where to keep data [default: /var/lib/tod as root, else ~/.local/share/tod].
    #[arg(long, value_name = "DIR", env = "TOD_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// Where to listen [default: 127.0.0.1:8443].
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// A PostgreSQL to use instead of a private one; `DATABASE_URL` works, too.
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,
    /// A NATS server to talk to other processes over.
    #[arg(long, value_name = "URL")]
    pub nats: Option<String>,
    /// What to log: error, warn, info, debug, trace, or directives.
    #[arg(long, value_name = "LEVEL")]
    pub log: Option<String>,
    /// How log lines look: auto, pretty or json.
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<String>,
}

/// What can be said to the demo.
#[derive(Clone, Debug, Arguments)]
pub struct Demo {
    /// Where to keep data; without it, everything is gone at the end.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Where to listen [default: 127.0.0.1:8443, or another port when that is taken].
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// How many routers to simulate.
    #[arg(long, value_name = "NUMBER", default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=250))]
    pub devices: u16,
    /// What to log: error, warn, info, debug, trace, or directives.
    #[arg(long, value_name = "LEVEL", default_value = "warn")]
    pub log: String,
    /// How log lines look: auto, pretty or json.
    #[arg(long, value_name = "FORMAT", default_value = "auto")]
    pub log_format: String,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_tree_is_sound() {
        Args::command().debug_assert();
    }
}
