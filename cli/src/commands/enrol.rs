//! `todctl enrol`

use std::path::PathBuf;

use super::setup::Newcomer;
use crate::cx::Cx;
use crate::error::CliError;
use crate::join::ServerArgs;
use crate::kit::KitArgs;
use crate::secrets::{self, PasswordArgs};

/// Join with an invitation, and sign in
///
/// An administrator gets the invitation from `todctl user invite`. You choose your password here;
/// nobody else ever knows it.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    password: PasswordArgs,
    /// Read the invitation from this file; `-` is stdin
    #[arg(long, value_name = "FILE", help_heading = "Secrets")]
    token_file: Option<PathBuf>,
    /// Your name [default: what stands before the @]
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    kit: KitArgs,
}

pub(super) async fn run(args: Args, cx: &mut Cx) -> Result<(), CliError> {
    let meeting = args.server.meet(cx).await?;
    let token = match &args.token_file {
        Some(path) => secrets::from_file(path)?,
        None => cx.ask.secret("Invitation:", "--token-file FILE")?,
    };
    let newcomer = Newcomer {
        token,
        email: meeting.email(cx, args.server.email.as_ref())?,
        name: args.name,
        tenant: None,
        kit: args.kit,
    };
    newcomer.join(cx, meeting, &args.password).await
}
