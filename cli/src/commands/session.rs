//! `todctl session`

use clap::Subcommand;
use tod_proto::api::account::{RevokeSession, Session, Sessions};
use tod_proto::id::SessionId;
use tod_proto::page::Empty;

use crate::cx::Cx;
use crate::error::CliError;
use crate::output::Listing;

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List your sign-in sessions
    #[command(visible_alias = "ls")]
    List,
    /// End one of your sign-in sessions
    Revoke {
        /// Which, as `session list` shows it
        id: SessionId,
    },
}

impl Command {
    /// Runs the command.
    pub async fn run(self, cx: &mut Cx) -> Result<(), CliError> {
        let client = cx.client()?;
        match self {
            Self::List => {
                cx.out.check::<Session>()?;
                let page = client.call(Sessions, Empty {}, Empty {}, Empty {}).await?;
                cx.out.list(Listing::all(page.items))
            }
            Self::Revoke { id } => {
                cx.ask.confirm(&format!("End session {id}?"))?;
                client.call(RevokeSession, id, Empty {}, Empty {}).await?;
                cx.say.note(format!("ended session {id}"));
                Ok(())
            }
        }
    }
}
