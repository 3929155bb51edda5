//! `todctl logout`

use crate::cx::Cx;
use crate::error::CliError;

/// Sign out
///
/// Ends the session at the server and forgets it here. The Secret Key stays, so that the next
/// sign-in needs the password only.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Forget the Secret Key too
    #[arg(long)]
    forget: bool,
}

pub(super) async fn run(args: Args, cx: &mut Cx) -> Result<(), CliError> {
    let (name, context) = cx.here()?;
    let client = cx.client()?;
    let ended = client.sign_out().await;
    let kind = context.store.unwrap_or(tod_client::store::Kind::Keyring);
    let store = cx.store(kind, &name);
    if args.forget {
        store.keep_secret_key(None)?;
    }
    store.lock_up();
    match ended {
        Ok(true) => cx.say.note(format!("signed out of {name}")),
        Ok(false) => cx.say.note(format!("nobody was signed in to {name}")),
        Err(error) => {
            cx.say
                .warn("forgotten here, but the server could not be told");
            return Err(error.into());
        }
    }
    Ok(())
}
