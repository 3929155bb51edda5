//! One module for each noun, one file in it for each verb.

pub mod account;
pub mod apikey;
pub mod audit;
pub mod auth;
pub mod completion;
pub mod config;
pub mod context;
pub mod device;
pub mod doctor;
pub mod enrol;
pub mod events;
pub mod exec;
pub mod help;
pub mod kms;
pub mod login;
pub mod logout;
pub mod man;
pub mod metrics;
pub mod run;
pub mod session;
pub mod setup;
pub mod ssh;
pub mod tenant;
pub mod top;
pub mod tui;
pub mod user;
pub mod version;
pub mod whoami;

use clap::Subcommand;

use crate::cx::Cx;
use crate::error::CliError;

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    Setup(setup::Args),
    Enrol(enrol::Args),
    Login(login::Args),
    Logout(logout::Args),
    Whoami(whoami::Args),
    /// Choose between servers and tenants
    #[command(subcommand)]
    Context(context::Command),
    /// See and end sign-in sessions
    #[command(subcommand)]
    Session(session::Command),
    /// See to your own account
    #[command(subcommand)]
    Account(account::Command),
    /// Ask what you may do
    #[command(subcommand)]
    Auth(auth::Command),
    #[command(visible_alias = "dash")]
    Tui(tui::Args),
    Doctor(doctor::Args),
    /// See, add and change devices
    #[command(subcommand)]
    Device(device::Command),
    Events(events::Args),
    Top(top::Args),
    /// See values over time
    #[command(subcommand)]
    Metrics(metrics::Command),
    Exec(exec::Args),
    /// See earlier runs of commands
    #[command(subcommand)]
    Run(run::Command),
    /// Change configuration under guard
    #[command(subcommand)]
    Config(config::Command),
    Ssh(ssh::Args),
    /// See, make and choose tenants
    #[command(subcommand)]
    Tenant(tenant::Command),
    /// See and invite people
    #[command(subcommand)]
    User(user::Command),
    /// Make and end keys for programs
    #[command(name = "apikey", subcommand)]
    ApiKey(apikey::Command),
    /// See who did what, and that nobody changed it
    #[command(subcommand)]
    Audit(audit::Command),
    /// See and renew the keys that stored secrets are sealed with
    #[command(subcommand)]
    Kms(kms::Command),
    Version(version::Args),
    Completion(completion::Args),
    Man(man::Args),
    Help(help::Args),
    /// Write what other files are made from
    #[command(name = "__gen", hide = true, subcommand)]
    Gen(man::Gen),
}

impl Command {
    /// Runs the command.
    pub async fn run(self, cx: &mut Cx) -> Result<(), CliError> {
        match self {
            Self::Setup(args) => setup::run(args, cx).await,
            Self::Enrol(args) => enrol::run(args, cx).await,
            Self::Login(args) => login::run(args, cx).await,
            Self::Logout(args) => logout::run(args, cx).await,
            Self::Whoami(args) => whoami::run(args, cx).await,
            Self::Context(command) => command.run(cx).await,
            Self::Session(command) => command.run(cx).await,
            Self::Account(command) => command.run(cx).await,
            Self::Auth(command) => command.run(cx).await,
            Self::Tui(args) => tui::run(args, cx).await,
            Self::Doctor(args) => doctor::run(args, cx).await,
            Self::Device(command) => command.run(cx).await,
            Self::Events(args) => events::run(args, cx).await,
            Self::Top(args) => top::run(args, cx).await,
            Self::Metrics(command) => command.run(cx).await,
            Self::Exec(args) => exec::run(args, cx).await,
            Self::Run(command) => command.run(cx).await,
            Self::Config(command) => command.run(cx).await,
            Self::Ssh(args) => ssh::run(args, cx).await,
            Self::Tenant(command) => command.run(cx).await,
            Self::User(command) => command.run(cx).await,
            Self::ApiKey(command) => command.run(cx).await,
            Self::Audit(command) => command.run(cx).await,
            Self::Kms(command) => command.run(cx).await,
            Self::Version(args) => version::run(args, cx).await,
            Self::Completion(args) => completion::run(&args, cx),
            Self::Man(args) => man::run(&args, cx),
            Self::Help(args) => help::run(&args, cx),
            Self::Gen(command) => command.run(cx),
        }
    }
}
