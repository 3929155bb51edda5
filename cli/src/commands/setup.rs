//! `todctl setup`

use std::path::PathBuf;

use tod_client::kit::Kit;
use tod_client::secret_key::SecretKey;
use tod_client::sign_in::Enrolment;
use tod_proto::api::account::Setup;
use tod_proto::page::Empty;

use crate::cx::Cx;
use crate::error::{CliError, exit};
use crate::join::{Meeting, ServerArgs};
use crate::kit::{self, KitArgs};
use crate::secrets::{self, PasswordArgs};

/// Make the first administrator of a new server, and sign in
///
/// The server prints where its setup token is. The password and the Secret Key never leave this
/// machine: the server gets a verifier that signs nobody in. The Emergency Kit is a page with what
/// you need to sign in on another machine; keep it safe.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  todctl setup --server https://tod.example:8443 \
    --token-file /var/lib/tod/setup-token \\\n    --email ana@example.org --tenant acme --kit kit.pdf"
)]
pub struct Args {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    password: PasswordArgs,
    /// Read the setup token from this file; `-` is stdin
    #[arg(long, value_name = "FILE", help_heading = "Secrets")]
    token_file: Option<PathBuf>,
    /// Your name [default: what stands before the @]
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    kit: KitArgs,
}

pub(super) async fn run(args: Args, cx: &mut Cx) -> Result<(), CliError> {
    let tenant = cx.globals.tenant.clone();
    let meeting = args.server.meet(cx).await?;
    let state = meeting
        .client
        .call(Setup, Empty {}, Empty {}, Empty {})
        .await?;
    if !state.needed {
        return Err(CliError::Outcome {
            status: exit::CONFLICT,
            message: "this server is set up already: sign in with todctl login".to_owned(),
        });
    }
    let token = if let Some(path) = &args.token_file {
        secrets::from_file(path)?
    } else {
        if let Some(path) = &state.token_path {
            let path = tod_proto::untrusted::plain(path);
            cx.say
                .note(format!("the server has put its setup token into {path}"));
        }
        cx.ask.secret("Setup token:", "--token-file FILE")?
    };
    let tenant = match tenant {
        Some(tenant) => tenant,
        None => cx.ask.line("Name of the first tenant:", "--tenant NAME")?,
    };
    let newcomer = Newcomer {
        token,
        email: meeting.email(cx, args.server.email.as_ref())?,
        name: args.name,
        tenant: Some(tenant),
        kit: args.kit,
    };
    newcomer.join(cx, meeting, &args.password).await
}

/// Someone who enrols.
pub(super) struct Newcomer {
    pub(super) token: secrecy::SecretString,
    pub(super) email: String,
    pub(super) name: Option<String>,
    pub(super) tenant: Option<String>,
    pub(super) kit: KitArgs,
}

impl Newcomer {
    /// Enrols and signs in. The Emergency Kit is on disk before the server knows the verifier:
    /// there is no moment at which the account exists and the only copy of its key does not.
    pub(super) async fn join(
        self,
        cx: &mut Cx,
        mut meeting: Meeting,
        password: &PasswordArgs,
    ) -> Result<(), CliError> {
        let password = password.choose(cx)?;
        let key = SecretKey::generate(&self.email);
        let pin = meeting.context.pin_sha256.as_deref().map(str::parse);
        let kit = Kit {
            server: meeting.context.server.clone(),
            pin: pin.transpose().map_err(CliError::usage_of)?,
            email: self.email.clone(),
            secret_key: key.clone(),
            made_at: cx.clock.now(),
        };
        let path = kit::write(&kit, &self.kit)?;
        if self.kit.file.is_none() && cx.ask.can() && cx.term.stdout_tty {
            kit::acquaint(cx, &kit).await.inspect_err(|_| {
                drop(std::fs::remove_file(&path));
            })?;
        }
        let name = self.name.unwrap_or_else(|| {
            let before = self.email.split('@').next();
            before.unwrap_or_default().to_owned()
        });
        let enrolment = Enrolment {
            token: self.token,
            email: self.email.clone(),
            name,
            tenant: self.tenant,
        };
        let enrolled = {
            let _spinner = cx.say.spinner("Deriving keys");
            meeting.client.enrol(enrolment, &password, &key).await
        };
        if let Err(error) = enrolled {
            // The kit is for an account that does not exist.
            drop(std::fs::remove_file(&path));
            return Err(error.into());
        }
        cx.say.loud(format!(
            "Emergency Kit: {} (print it, then delete it)",
            path.display()
        ));
        // Whoever enrols anew does not want the tenant of an older context.
        meeting.context.tenant = None;
        meeting
            .sign_in(cx, &self.email, &password, &key, None)
            .await?;
        cx.say
            .next("todctl device add ADDRESS --username admin   or   todctl tui");
        Ok(())
    }
}
