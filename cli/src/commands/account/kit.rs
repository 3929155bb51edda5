//! `todctl account kit`

use std::path::{Path, PathBuf};

use clap::Subcommand;
use secrecy::ExposeSecret as _;
use serde_json::json;
use tod_client::kit::{Found, Kit, Paper};
use tod_client::profile::Context;
use tod_client::secret_key::SecretKey;
use tod_client::store::Kind;
use tod_client::view::units::rfc3339;
use tod_proto::untrusted::plain;

use crate::cx::Cx;
use crate::error::{CliError, exit};
use crate::join::{check_name, place};
use crate::kit::{self, KitArgs};
use crate::{screen, secrets};

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the Secret Key that is kept here, on a screen that leaves nothing behind
    ///
    /// On a terminal it is shown on the alternate screen, so that it does not stay in the
    /// scrollback. Anywhere else it is written after a yes.
    Show {
        /// As a QR code, for a scanner
        #[arg(long)]
        qr: bool,
    },
    /// Write an Emergency Kit again, from the Secret Key that is kept here
    Save {
        /// The new file: a PDF if its name ends in .pdf, else text [default: tod-emergency-kit.pdf]
        file: Option<PathBuf>,
        /// The paper of the PDF: a4 or letter
        #[arg(long, value_name = "PAPER", default_value = "a4")]
        paper: Paper,
    },
    /// Keep the Secret Key of an Emergency Kit on this machine
    ///
    /// The server is not asked: what the kit says is written down, and signing in then takes no
    /// more than the password.
    #[command(
        after_help = "Examples:\n  todctl account kit import --from tod-emergency-kit.pdf\n  \
        zbarcam --raw --oneshot | todctl account kit import --from -"
    )]
    Import {
        /// A kit as PDF or text, or what its QR code says; `-` is stdin [default: ask]
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
        /// Where to keep secrets: keyring, file, insecure or memory
        #[arg(long, value_name = "STORE")]
        store: Option<Kind>,
    },
}

impl Command {
    /// Runs the command.
    pub async fn run(self, cx: &mut Cx) -> Result<(), CliError> {
        match self {
            Self::Show { qr } => show(cx, qr).await,
            Self::Save { file, paper } => {
                let kit = kept(cx)?;
                let path = kit::write(&kit, &KitArgs { file, paper })?;
                cx.say.loud(format!(
                    "Emergency Kit: {} (print it, then delete it)",
                    path.display()
                ));
                Ok(())
            }
            Self::Import { from, store } => import(cx, from.as_deref(), store),
        }
    }
}

/// The kit of the context in use, from what is kept here.
fn kept(cx: &mut Cx) -> Result<Kit, CliError> {
    let (name, context) = cx.here()?;
    let missing = |what: &str| CliError::Outcome {
        status: exit::NOT_FOUND,
        message: format!(
            "context {name} has no {what}: todctl account kit import, or todctl login"
        ),
    };
    let email = context.user.clone().ok_or_else(|| missing("account"))?;
    let store = cx.store(context.store.unwrap_or(Kind::Keyring), &name);
    let key = store.secret_key()?.ok_or_else(|| missing("Secret Key"))?;
    let pin = context.pin_sha256.as_deref().map(str::parse).transpose();
    Ok(Kit {
        server: context.server,
        pin: pin.map_err(CliError::usage_of)?,
        email,
        secret_key: key,
        made_at: cx.clock.now(),
    })
}

async fn show(cx: &mut Cx, qr: bool) -> Result<(), CliError> {
    let kit = kept(cx)?;
    let code = kit.qr().map_err(CliError::usage_of)?.lines();
    if cx.out.is_for_people() && cx.term.stdin_tty && cx.term.stdout_tty {
        let lines = if qr { code } else { kit::card(&kit) };
        return screen::show(&lines).await;
    }
    cx.ask
        .confirm("Write the Secret Key to where others may read it?")?;
    let key = kit.secret_key.reveal();
    let value = json!({
        "server": kit.server,
        "email": kit.email,
        "secret_key": key.as_str(),
        "pin_sha256": kit.pin.map(|pin| pin.to_string()),
        "line": kit.line().as_str(),
        "made_at": rfc3339(kit.made_at),
    });
    cx.out.value("EmergencyKit", value, || {
        if qr {
            code.join("\n") + "\n"
        } else {
            kit.text().to_string()
        }
    })
}

fn import(cx: &Cx, from: Option<&Path>, asked: Option<Kind>) -> Result<(), CliError> {
    let found = match from {
        Some(path) => kit::read(&secrets::bytes_from(path)?, path)?,
        None => cx.ask.until(|| {
            let question = "Secret Key, or what the code of the kit says:";
            let typed = cx.ask.secret(question, "--from FILE")?;
            kit::read(
                typed.expose_secret().as_bytes(),
                Path::new("what you typed"),
            )
        })?,
    };
    let name = cx.context_name()?.unwrap_or_else(|| "default".to_owned());
    check_name(&name)?;
    let mut config = cx.config()?;
    let mut context = config.context(&name)?.unwrap_or_default();
    adopt(&mut context, &found, &name)?;
    let kind = place(cx, asked, &context)?;
    context.store = Some(kind);
    let store = cx.store(kind, &name);
    store.unlock()?;
    keep(cx, &store, found.secret_key())?;
    config.put_context(&name, &context)?;
    if config.current().is_none() || cx.globals.context.is_some() {
        config.set_current(Some(&name));
    }
    config.save()?;
    cx.say.note(format!(
        "the Secret Key of {} is kept in context {name} ({}); {} can be deleted",
        context
            .user
            .as_deref()
            .map_or("this account".to_owned(), plain),
        kind.describe(),
        from.map_or("nothing".to_owned(), |path| path.display().to_string()),
    ));
    cx.say.next("todctl login");
    Ok(())
}

/// Takes into the context what the kit says. A context that says something else stays as it is.
fn adopt(context: &mut Context, found: &Found, name: &str) -> Result<(), CliError> {
    let other = |what: &str, there: &str| CliError::Usage {
        message: format!("context {name} is of another {what}: {}", plain(there)),
        hint: Some("keep it apart: todctl account kit import --context NAME".to_owned()),
    };
    if let Found::Kit(kit) = found {
        if context.server.is_empty() {
            context.server.clone_from(&kit.server);
            context.pin_sha256 = kit.pin.map(|pin| pin.to_string());
        }
        if context.server != kit.server {
            return Err(other("server", &context.server));
        }
        let user = context.user.get_or_insert_with(|| kit.email.clone());
        if tod_client::srp::account(user) != tod_client::srp::account(&kit.email) {
            return Err(other("account", user));
        }
    }
    if context.server.is_empty() {
        return Err(CliError::Usage {
            message: "that is a Secret Key without a server".to_owned(),
            hint: Some("sign in with it: todctl login --server URL --email ADDRESS".to_owned()),
        });
    }
    match &context.user {
        Some(user) if !found.secret_key().is_for(user) => Err(other("account", user)),
        _ => Ok(()),
    }
}

/// Keeps the key. Another one that is there is replaced after a yes.
fn keep(cx: &Cx, store: &tod_client::store::Store, key: &SecretKey) -> Result<(), CliError> {
    let is_other = store
        .secret_key()?
        .is_some_and(|kept| *kept.reveal() != *key.reveal());
    if is_other {
        cx.ask
            .confirm("Another Secret Key is kept here. Replace it?")?;
    }
    Ok(store.keep_secret_key(Some(key))?)
}
