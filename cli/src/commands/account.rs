//! `todctl account`

pub mod kit;
pub mod own;
pub mod totp;

use clap::Subcommand;

use super::session;
use crate::cx::Cx;
use crate::error::CliError;

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show who you are to the server
    Show,
    /// List where you are signed in; `todctl session revoke` ends one
    Sessions,
    /// Change your password, and your Secret Key if you like
    ///
    /// Neither is sent. The server checks a proof of the old ones and keeps a verifier of the new
    /// ones. Your other sessions end.
    #[command(after_help = "Examples:\n  todctl account password\n  \
        todctl account password --new-secret-key --kit new-kit.pdf")]
    Password(own::ChangeArgs),
    /// Write everything that the server keeps about you, as JSON
    Export(own::ExportArgs),
    /// Delete your account
    ///
    /// Your sessions and API keys go, and your address is taken out of everything. The audit log
    /// keeps what you did under an identifier that leads to nobody.
    Delete(own::DeleteArgs),
    /// See to the second step of your sign-in
    #[command(subcommand)]
    Totp(totp::Command),
    /// Show, write and read your Emergency Kit
    #[command(subcommand)]
    Kit(kit::Command),
}

impl Command {
    /// Runs the command.
    pub async fn run(self, cx: &mut Cx) -> Result<(), CliError> {
        match self {
            Self::Show => own::show(cx).await,
            Self::Sessions => session::own(cx).await,
            Self::Password(args) => own::password(args, cx).await,
            Self::Export(args) => own::export(args, cx).await,
            Self::Delete(args) => own::delete(args, cx).await,
            Self::Totp(command) => command.run(cx).await,
            Self::Kit(command) => command.run(cx).await,
        }
    }
}
