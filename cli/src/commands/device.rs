//! `todctl device`

pub mod accept;
pub mod add;
pub mod delete;
pub mod interfaces;
pub mod list;
pub mod pick;
pub mod set;
pub mod show;

use clap::Subcommand;

use crate::cx::Cx;
use crate::error::CliError;

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List devices
    #[command(visible_alias = "ls")]
    List(list::Args),
    /// Show one device
    #[command(alias = "get")]
    Show(show::Args),
    /// Add devices
    Add(add::Args),
    /// Change the record of devices
    Set(set::Args),
    /// Take another device that answers at a device's address for that device
    Accept(accept::Args),
    /// Delete devices and their history
    #[command(visible_alias = "rm")]
    Delete(delete::Args),
    /// List the interfaces of a device
    Interfaces(interfaces::Args),
}

impl Command {
    /// Runs the command.
    pub async fn run(self, cx: &mut Cx) -> Result<(), CliError> {
        match self {
            Self::List(args) => list::run(args, cx).await,
            Self::Show(args) => show::run(args, cx).await,
            Self::Add(args) => add::run(args, cx).await,
            Self::Set(args) => set::run(args, cx).await,
            Self::Accept(args) => accept::run(args, cx).await,
            Self::Delete(args) => delete::run(args, cx).await,
            Self::Interfaces(args) => interfaces::run(args, cx).await,
        }
    }
}
