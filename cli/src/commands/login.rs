//! `todctl login`

use secrecy::ExposeSecret as _;
use tod_client::secret_key::SecretKey;

use super::account::totp::CodeArgs;
use crate::ask::Ask;
use crate::cx::Cx;
use crate::error::CliError;
use crate::join::{Meeting, ServerArgs};
use crate::secrets::{PasswordArgs, SecretKeyArgs, key_of};

/// Sign in
///
/// The password and the Secret Key stay on this machine. The Secret Key is asked for once on each
/// machine; it is in your Emergency Kit. A sign-in with a second step asks for a code, too.
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
    #[command(flatten)]
    code: CodeArgs,
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
    let code = Some(&args.code);
    meeting.sign_in(cx, &email, &password, &key, code).await?;
    cx.say.next("todctl device list   or   todctl tui");
    Ok(())
}

/// The Secret Key that is kept here, or that the person types.
fn kept(meeting: &Meeting, cx: &Cx, email: &str) -> Result<SecretKey, CliError> {
    match meeting.store.secret_key()? {
        Some(key) if key.is_for(email) => Ok(key),
        _ => typed(&cx.ask, email),
    }
}

/// The Secret Key that the person types. A mistake is told, and it is asked for again.
fn typed(ask: &Ask, email: &str) -> Result<SecretKey, CliError> {
    let flag = "--secret-key-file or --secret-key-stdin";
    ask.until(|| {
        let question = "Secret Key (from your Emergency Kit):";
        let key = key_of(ask.secret(question, flag)?.expose_secret())?;
        is_of(&key, email).map(|()| key)
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_key_with_a_typing_mistake_is_asked_for_again() {
        let key = SecretKey::generate("ana@example.org").reveal();
        let bos = SecretKey::generate("bo@example.org").reveal();
        let (head, tail) = key.split_at(key.len() - 3);
        let swapped: String = tail.chars().rev().collect();
        let other = if tail.ends_with('7') { "8" } else { "7" };
        let wrong = format!("{}{other}", &key[..key.len() - 1]);
        let typed = |answers: &[&str]| typed(&Ask::scripted(answers), "ana@example.org");

        let read = typed(&[&wrong, &bos, &key.to_lowercase()]).unwrap();
        assert_eq!(*read.reveal(), *key);
        if swapped != tail {
            assert!(typed(&[&format!("{head}{swapped}")]).is_err());
        }
        let error = typed(&[&wrong, &wrong, &wrong, &key]).unwrap_err();
        assert!(error.to_string().contains("typing mistake"), "{error}");
    }
}
