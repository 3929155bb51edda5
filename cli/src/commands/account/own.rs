//! `todctl account show|password|export|delete`: one's own account.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use serde_json::json;
use tod_client::kit::Kit;
use tod_client::secret_key::SecretKey;
use tod_client::store::{Kind, Store};
use tod_client::view::units::rfc3339;
use tod_proto::api::account::{Export, Whoami};
use tod_proto::page::Empty;
use tod_proto::untrusted::plain;

use crate::cx::Cx;
use crate::error::{CliError, exit, file};
use crate::kit::{self, KitArgs};
use crate::secrets::{self, PasswordArgs};

/// A new password, and whether the Secret Key changes too
#[derive(Debug, clap::Args)]
pub struct ChangeArgs {
    #[command(flatten)]
    password: PasswordArgs,
    /// Read the new password from this file; `-` is stdin
    #[arg(long, value_name = "FILE", help_heading = "Secrets")]
    new_password_file: Option<PathBuf>,
    /// Make a new Secret Key, too; the old Emergency Kit is good no longer
    #[arg(long)]
    new_secret_key: bool,
    #[command(flatten)]
    kit: KitArgs,
}

/// What leaves
#[derive(Debug, clap::Args)]
pub struct DeleteArgs {
    #[command(flatten)]
    password: PasswordArgs,
    /// Your e-mail address once more, instead of typing it
    #[arg(long, value_name = "ADDRESS")]
    confirm: Option<String>,
}

/// Where the data goes
#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// Into this new file, which only you can read [default: stdout]
    #[arg(short = 'O', long, value_name = "FILE")]
    output_file: Option<PathBuf>,
}

/// What this machine keeps of the account.
pub(super) struct Kept {
    pub(super) email: String,
    store: Store,
    pub(super) key: SecretKey,
}

impl Kept {
    pub(super) fn here(cx: &mut Cx) -> Result<Self, CliError> {
        let (name, context) = cx.here()?;
        let missing = |what: &str| CliError::Outcome {
            status: exit::NOT_FOUND,
            message: format!("context {name} has no {what}: sign in with todctl login"),
        };
        let email = context.user.clone().ok_or_else(|| missing("account"))?;
        let store = cx.store(context.store.unwrap_or(Kind::Keyring), &name);
        let key = store.secret_key()?.ok_or_else(|| missing("Secret Key"))?;
        Ok(Self { email, store, key })
    }
}

pub(super) async fn show(cx: &mut Cx) -> Result<(), CliError> {
    let client = cx.client()?;
    let me = client.call(Whoami, Empty {}, Empty {}, Empty {}).await?;
    cx.out.value("Account", &me, || {
        format!(
            "e-mail  {}\nname    {}\nrole    {}\ntenant  {}\nid      {}\n",
            plain(&me.email),
            plain(&me.name),
            me.role,
            plain(me.tenant_name.as_deref().unwrap_or("none")),
            me.id,
        )
    })
}

pub(super) async fn password(args: ChangeArgs, cx: &mut Cx) -> Result<(), CliError> {
    let kept = Kept::here(cx)?;
    let old = args.password.get(cx, "Password as it is now:")?;
    let new = match &args.new_password_file {
        Some(path) => secrets::long_enough(secrets::from_file(path)?)?,
        None => PasswordArgs::default().choose(cx)?,
    };
    let new_key = args
        .new_secret_key
        .then(|| SecretKey::generate(&kept.email));
    // As with a new account: the kit is on disk before the server knows the verifier.
    let kit = match &new_key {
        Some(key) => Some(kit::write(&kit_of(cx, &kept.email, key)?, &args.kit)?),
        None => None,
    };
    let client = cx.client()?;
    let changed = {
        let _spinner = cx.say.spinner("Deriving keys");
        let next = new_key.as_ref().unwrap_or(&kept.key);
        client
            .change_password(&kept.email, (&old, &kept.key), (&new, next))
            .await
    };
    let ended = match changed {
        Ok(ended) => ended,
        Err(error) => {
            if let Some(path) = &kit {
                // It is for a Secret Key that the server does not know.
                drop(std::fs::remove_file(path));
            }
            return Err(error.into());
        }
    };
    if let Some(key) = &new_key {
        kept.store.keep_secret_key(Some(key))?;
    }
    if let Some(path) = &kit {
        let path = path.display();
        cx.say.loud(format!(
            "Emergency Kit: {path} (print it, then delete it; the old one is good no longer)"
        ));
    }
    cx.say.note(format!(
        "the password is changed; {ended} other sessions have ended"
    ));
    Ok(())
}

fn kit_of(cx: &mut Cx, email: &str, key: &SecretKey) -> Result<Kit, CliError> {
    let (_, context) = cx.here()?;
    let pin = context.pin_sha256.as_deref().map(str::parse).transpose();
    Ok(Kit {
        server: context.server,
        pin: pin.map_err(CliError::usage_of)?,
        email: email.to_owned(),
        secret_key: key.clone(),
        made_at: cx.clock.now(),
    })
}

pub(super) async fn export(args: ExportArgs, cx: &mut Cx) -> Result<(), CliError> {
    let client = cx.client()?;
    let own = client.call(Export, Empty {}, Empty {}, Empty {}).await?;
    let text = serde_json::to_string_pretty(&own).map_err(std::io::Error::from)? + "\n";
    let Some(path) = args.output_file else {
        return cx.out.write(&crate::output::json_safe(&text));
    };
    let name = path.display().to_string();
    let mut new = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .map_err(file(&name))?;
    new.write_all(text.as_bytes()).map_err(file(&name))?;
    cx.say
        .note(format!("what the server keeps of you is in {name}"));
    Ok(())
}

pub(super) async fn delete(args: DeleteArgs, cx: &mut Cx) -> Result<(), CliError> {
    let kept = Kept::here(cx)?;
    cx.may_change(&format!("delete the account {}", kept.email))?;
    if args.confirm.as_ref() != Some(&kept.email) {
        cx.say.loud(format!(
            "{} and its API keys go for good; the audit log keeps what you did under an \
             identifier",
            plain(&kept.email)
        ));
        let question = format!("Type {} to delete the account:", plain(&kept.email));
        let flag = format!("--confirm {}", plain(&kept.email));
        cx.ask.type_word(&question, &kept.email, &flag)?;
    }
    let password = args.password.get(cx, "Password:")?;
    let client = cx.client()?;
    let receipt = {
        let _spinner = cx.say.spinner("Deriving keys");
        client
            .delete_account(&kept.email, &password, &kept.key)
            .await?
    };
    // What is kept here opens nothing any more.
    drop(client.sign_out().await);
    kept.store.keep_secret_key(None)?;
    let value = json!({
        "user": receipt.user,
        "deleted_at": rfc3339(receipt.deleted_at),
        "email_sha256": receipt.email_sha256,
    });
    cx.out.value("DeletionReceipt", value, || {
        format!(
            "deleted   {}\nat        {}\nreceipt   SHA-256 of the e-mail address {}\n",
            receipt.user,
            rfc3339(receipt.deleted_at),
            receipt.email_sha256,
        )
    })
}
