//! `todctl account`

pub mod kit;

use clap::Subcommand;

use crate::cx::Cx;
use crate::error::CliError;

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show, write and read your Emergency Kit
    #[command(subcommand)]
    Kit(kit::Command),
}

impl Command {
    /// Runs the command.
    pub async fn run(self, cx: &mut Cx) -> Result<(), CliError> {
        match self {
            Self::Kit(command) => command.run(cx).await,
        }
    }
}
