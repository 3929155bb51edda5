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
    #[command(visible_alias = "ls")]
    List(list::Args),
    #[command(alias = "get")]
    Show(show::Args),
    Add(add::Args),
    Set(set::Args),
    Accept(accept::Args),
    #[command(visible_alias = "rm")]
    Delete(delete::Args),
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
