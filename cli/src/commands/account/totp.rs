//! `todctl account totp`: the second step of sign-in.

use clap::Subcommand;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use tod_client::Error;
use tod_client::kit::Qr;
use tod_client::totp::uri;
use tod_client::view::units::{ago, rfc3339};
use tod_proto::api::totp::{Status, TotpStatus};
use tod_proto::error::ErrorCode;
use tod_proto::page::Empty;
use tod_proto::untrusted::plain;

use super::own::Kept;
use crate::cx::Cx;
use crate::error::CliError;
use crate::join::refused;
use crate::screen;
use crate::secrets::PasswordArgs;

/// How often a code may be typed wrong.
const TRIES: usize = 3;

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Tell whether your sign-in has a second step
    Status,
    /// Have sign-in ask for a code of an authenticator, too
    ///
    /// The secret is shown as a QR code and as text, for any authenticator of RFC 6238. After a
    /// first code, ten recovery codes are written, each good once in the place of a code: keep them
    /// where the authenticator is not.
    Enable(PasswordArgs),
    /// Take the second step away; it takes a code or a recovery code
    Disable {
        #[command(flatten)]
        password: PasswordArgs,
        #[command(flatten)]
        code: CodeArgs,
    },
}

/// A code
#[derive(Clone, Debug, Default, clap::Args)]
pub struct CodeArgs {
    /// What the authenticator shows, or a recovery code; each is good once
    #[arg(long, value_name = "CODE", env = "TODCTL_TOTP", hide_env_values = true)]
    pub totp: Option<String>,
}

impl CodeArgs {
    /// The code; asks for it if no flag has it.
    pub fn get(&self, cx: &Cx) -> Result<SecretString, CliError> {
        match &self.totp {
            Some(code) => Ok(code.as_str().into()),
            None => ask(cx),
        }
    }
}

/// Asks for a code.
pub fn ask(cx: &Cx) -> Result<SecretString, CliError> {
    let question = "Code of your authenticator, or a recovery code:";
    Ok(cx.ask.line(question, "--totp CODE")?.into())
}

impl Command {
    /// Runs the command.
    pub async fn run(self, cx: &mut Cx) -> Result<(), CliError> {
        match self {
            Self::Status => status(cx).await,
            Self::Enable(password) => enable(cx, &password).await,
            Self::Disable { password, code } => disable(cx, &password, &code).await,
        }
    }
}

async fn status(cx: &mut Cx) -> Result<(), CliError> {
    let client = cx.client()?;
    let status = client.call(Status, Empty {}, Empty {}, Empty {}).await?;
    let now = cx.clock.now();
    let TotpStatus {
        since,
        recovery_codes,
        required,
    } = status;
    let value = json!({
        "since": since.map(rfc3339),
        "recovery_codes": recovery_codes,
        "required": required,
    });
    cx.out.value("TotpStatus", value, || {
        let state = match since {
            Some(since) => format!("on, since {}", ago(since, now)),
            None => "off".to_owned(),
        };
        let asked = if required { "yes" } else { "no" };
        format!(
            "second step     {state}\nrecovery codes  {recovery_codes}\nasked of all    {asked}\n"
        )
    })
}

async fn enable(cx: &mut Cx, password: &PasswordArgs) -> Result<(), CliError> {
    let kept = Kept::here(cx)?;
    if !cx.ask.can() {
        // Before a secret is made that nobody would see.
        return Err(CliError::NeedsAnswer {
            question: "Code of your authenticator".to_owned(),
            flag: "a terminal: the secret is shown once, and then its first code is asked for"
                .to_owned(),
        });
    }
    let password = password.get(cx, "Password:")?;
    let client = cx.client()?;
    let secret = {
        let _spinner = cx.say.spinner("Deriving keys");
        client.begin_totp(&kept.email, &password, &kept.key).await?
    };
    let server = cx.here()?.1.server;
    let code = Qr::for_screen(uri(&secret, &kept.email, &server).expose_secret());
    let code = code.map_err(CliError::usage_of)?.lines();
    let mut lines = card(&secret, &kept.email, &code);
    if cx.term.stdin_tty && cx.term.stdout_tty {
        if !screen::fits(&lines)? {
            lines = card(&secret, &kept.email, &[]);
        }
        screen::show(&lines).await?;
    } else {
        for line in lines {
            cx.say.loud(line);
        }
    }
    let mut tries = 1;
    let codes = loop {
        let code = cx.ask.line("Code that it shows:", "a terminal")?;
        match client.enable_totp(&code.into()).await {
            Err(Error::Refused(body)) if body.code == ErrorCode::Invalid && tries < TRIES => {
                tries += 1;
                cx.say.warn(refused(&body));
            }
            done => break done?,
        }
    };
    cx.say.loud(
        "Recovery codes, each good once in the place of a code. They are shown now and never \
         again: keep them where the authenticator is not.",
    );
    let value = json!({ "codes": codes });
    cx.out
        .value("RecoveryCodes", value, || codes.join("\n") + "\n")
}

/// What a terminal shows to an authenticator: a QR code, if there is room, and the secret.
fn card(secret: &SecretString, email: &str, code: &[String]) -> Vec<String> {
    let mut lines = vec![format!("Second step of {}", plain(email))];
    lines.extend_from_slice(code);
    let secret: Vec<_> = secret
        .expose_secret()
        .as_bytes()
        .chunks(4)
        .map(String::from_utf8_lossy)
        .collect();
    lines.push(format!("  or type  {}", secret.join(" ")));
    lines
}

async fn disable(cx: &mut Cx, password: &PasswordArgs, code: &CodeArgs) -> Result<(), CliError> {
    let kept = Kept::here(cx)?;
    cx.may_change("take the second step of your sign-in away")?;
    let password = password.get(cx, "Password:")?;
    let code = code.get(cx)?;
    let client = cx.client()?;
    {
        let _spinner = cx.say.spinner("Deriving keys");
        client
            .disable_totp(&kept.email, &password, &kept.key, &code)
            .await?;
    }
    cx.say.note("your sign-in has no second step any more");
    Ok(())
}
