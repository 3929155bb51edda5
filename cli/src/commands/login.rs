//! `todctl login`

use secrecy::ExposeSecret as _;
use tod_client::secret_key::SecretKey;

use crate::cx::Cx;
use crate::error::CliError;
use crate::join::{Meeting, ServerArgs};
use crate::secrets::{PasswordArgs, SecretKeyArgs, key_of};

/// Sign in
///
/// The password and the Secret Key stay on this machine. The Secret Key is asked for once on each
/// machine; it is in your Emergency Kit.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  todctl login --server https://tod.example:8443\n  \
    todctl login --email ana@example.org --password-file pw --secret-key-file kit.pdf"
)]
pub struct Args {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    password: PasswordArgs,
    #[command(flatten)]
    key: SecretKeyArgs,
}

pub(super) async fn run(args: Args, cx: &mut Cx) -> Result<(), CliError> {
    let meeting = args.server.meet(cx).await?;
    let email = meeting.email(cx, args.server.email.as_ref())?;
    let key = match args.key.given()? {
        Some(key) => key,
        None => kept(&meeting, cx, &email)?,
    };
    is_of(&key, &email)?;
    let password = args.password.get(cx, "Password:")?;
    meeting.sign_in(cx, &email, &password, &key).await?;
    cx.say.next("todctl device list   or   todctl tui");
    Ok(())
}

/// The Secret Key that is kept here, or that the person types.
fn kept(meeting: &Meeting, cx: &Cx, email: &str) -> Result<SecretKey, CliError> {
    match meeting.store.secret_key()? {
        Some(key) if key.is_for(email) => Ok(key),
        _ => {
            let flag = "--secret-key-file or --secret-key-stdin";
            cx.ask.until(|| {
                let question = "Secret Key (from your Emergency Kit):";
                let key = key_of(cx.ask.secret(question, flag)?.expose_secret())?;
                is_of(&key, email).map(|()| key)
            })
        }
    }
}

fn is_of(key: &SecretKey, email: &str) -> Result<(), CliError> {
    if key.is_for(email) {
        return Ok(());
    }
    Err(CliError::Usage {
        message: format!("this Secret Key belongs to another account than {email}"),
        hint: Some("take the one from the Emergency Kit of this account".to_owned()),
    })
}
