//! Meeting a server: whose certificate it shows, where secrets go, who we are there.
//!
//! Shared by `setup`, `enrol` and `login`.

use secrecy::SecretString;
use tod_client::profile::Context;
use tod_client::secret_key::SecretKey;
use tod_client::sign_in::{Begun, SecondStep};
use tod_client::store::{Kind, Store};
use tod_client::tls::{Fingerprint, introduce};
use tod_client::{Client, Error};
use tod_proto::api::account::Me;
use tod_proto::error::{ErrorBody, ErrorCode};
use tod_proto::untrusted::plain;

use crate::commands::account::totp::CodeArgs;
use crate::cx::Cx;
use crate::error::CliError;
use crate::term::Paint;

/// Which server, and how to recognise it.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ServerArgs {
    /// The server's address
    #[arg(long, value_name = "URL", env = "TODCTL_SERVER")]
    pub server: Option<String>,
    /// Trust the server that shows the certificate with this SHA-256
    #[arg(long, value_name = "SHA256")]
    pub trust_server: Option<Fingerprint>,
    /// Where to keep secrets: keyring, file, insecure or memory
    #[arg(long, value_name = "STORE")]
    pub store: Option<Kind>,
    /// The e-mail address
    #[arg(long, value_name = "ADDRESS")]
    pub email: Option<String>,
}

/// A server that we have met.
#[derive(Debug)]
pub struct Meeting {
    /// What the context will be called.
    pub name: String,
    /// What will be written about it.
    pub context: Context,
    /// Where its secrets go.
    pub store: Store,
    /// A client for nobody in particular.
    pub client: Client,
}

impl ServerArgs {
    /// Meets the server: checks or pins its certificate, and finds a place for secrets.
    pub async fn meet(&self, cx: &mut Cx) -> Result<Meeting, CliError> {
        let name = cx.context_name()?.unwrap_or_else(|| "default".to_owned());
        check_name(&name)?;
        let mut context = cx.config()?.context(&name)?.unwrap_or_default();
        if let Some(server) = &self.server {
            if context.server != *server {
                context.pin_sha256 = None;
            }
            context.server.clone_from(server);
        }
        if context.server.is_empty() {
            context.server = cx.ask.line("Server:", "--server URL")?;
        }
        self.trust(cx, &mut context).await?;
        let kind = place(cx, self.store, &context)?;
        context.store = Some(kind);
        let store = cx.store(kind, &name);
        // Now, and not under a spinner when half is done.
        store.unlock()?;
        let client = cx
            .connect(&context)?
            .with_store(std::sync::Arc::new(store.clone()), cx.clock.clone());
        Ok(Meeting {
            name,
            context,
            store,
            client,
        })
    }

    /// Decides whether the server is the one that is meant. A certificate that an authority
    /// vouches for is not pinned: it will be renewed.
    async fn trust(&self, cx: &Cx, context: &mut Context) -> Result<(), CliError> {
        let Some(shown) = introduce(&context.server).await? else {
            return Ok(());
        };
        let seen = shown.fingerprint;
        if let Some(wanted) = self.trust_server {
            if wanted != seen {
                return Err(CliError::Call(Error::PinMismatch {
                    expected: wanted.to_string(),
                    seen: seen.to_string(),
                }));
            }
            context.pin_sha256 = Some(seen.to_string());
            return Ok(());
        }
        if let Some(pin) = &context.pin_sha256 {
            if *pin != seen.to_string() {
                return Err(CliError::Call(Error::PinMismatch {
                    expected: pin.clone(),
                    seen: seen.to_string(),
                }));
            }
            return Ok(());
        }
        let Some(reason) = shown.untrusted else {
            return Ok(());
        };
        let server = &context.server;
        cx.say
            .loud(format!("Server   {server}   not vouched for: {reason}"));
        cx.say.loud(format!(
            "         certificate SHA-256 {seen} (first time seen)"
        ));
        let question = "Is that the fingerprint that the server printed? Pin it? [y/N]";
        let answer = cx.ask.line(question, &format!("--trust-server {seen}"))?;
        if !matches!(answer.to_lowercase().as_str(), "y" | "yes") {
            return Err(CliError::Declined("the server is not trusted".to_owned()));
        }
        context.pin_sha256 = Some(seen.to_string());
        Ok(())
    }
}

/// Finds a place for secrets: what was asked for, what was used before, the OS keyring, or an
/// encrypted file.
pub fn place(cx: &Cx, asked: Option<Kind>, context: &Context) -> Result<Kind, CliError> {
    if let Some(kind) = asked.or(context.store) {
        if kind == Kind::Keyring {
            Store::probe_keyring()?;
        }
        return Ok(kind);
    }
    match Store::probe_keyring() {
        Ok(()) => Ok(Kind::Keyring),
        Err(error) => {
            if cx.ask.can() || cx.env.has("TODCTL_STORE_PASSPHRASE_FILE") {
                cx.say.note(
                    "no OS keyring answers here: secrets go into a file, encrypted with a passphrase",
                );
                Ok(Kind::File)
            } else {
                Err(error.into())
            }
        }
    }
}

impl Meeting {
    /// The e-mail address, from a flag, the context or the person.
    pub fn email(&self, cx: &Cx, flag: Option<&String>) -> Result<String, CliError> {
        match flag.or(self.context.user.as_ref()) {
            Some(email) => account(email),
            None => cx
                .ask
                .until(|| account(&cx.ask.line("Email:", "--email ADDRESS")?)),
        }
    }

    /// Signs in, and writes down where and as whom.
    pub async fn sign_in(
        mut self,
        cx: &mut Cx,
        email: &str,
        password: &SecretString,
        key: &SecretKey,
        code: Option<&CodeArgs>,
    ) -> Result<Me, CliError> {
        let begun = {
            let _spinner = cx.say.spinner("Deriving keys");
            self.client
                .begin_sign_in(email, password, key, &label(cx))
                .await?
        };
        let me = match (begun, code) {
            (Begun::SignedIn(me), _) => *me,
            (Begun::SecondStep(step), Some(code)) => {
                second_step(&self.client, cx, &step, code).await?
            }
            (Begun::SecondStep(_), None) => return Err(Error::SecondStep.into()),
        };
        self.store.keep_secret_key(Some(key))?;
        self.context.user = Some(email.to_owned());
        if self.context.tenant.is_none() {
            self.context.tenant.clone_from(&me.tenant_name);
        }
        if self.context.tenant == me.tenant_name {
            self.context.tenant_id = me.tenant;
        }
        let mut config = cx.config()?;
        config.put_context(&self.name, &self.context)?;
        if config.current().is_none() || cx.globals.context.is_some() {
            config.set_current(Some(&self.name));
        }
        config.save()?;
        let tenant = self.context.tenant.as_deref().unwrap_or("none");
        cx.say.note(format!(
            "{} Signed in as {} ({}), tenant {tenant}, context {}. Secrets: {}.",
            Paint::tone(tod_client::view::Tone::Good, "✓"),
            me.email,
            me.role,
            self.name,
            self.store.kind().describe(),
        ));
        if self.store.kind() == Kind::Insecure {
            cx.say.warn("whoever can read your files can act as you");
        }
        Ok(me)
    }
}

/// Gives the code that was given, or asks for one until it is right or the server has had enough.
async fn second_step(
    client: &Client,
    cx: &Cx,
    step: &SecondStep,
    given: &CodeArgs,
) -> Result<Me, CliError> {
    loop {
        let code = given.get(cx)?;
        match client.second_step(step, &code).await {
            Err(Error::Refused(body))
                if given.totp.is_none()
                    && body.code == ErrorCode::Unauthenticated
                    && body
                        .detail
                        .as_deref()
                        .is_some_and(|why| why.contains("more")) =>
            {
                cx.say.warn(refused(&body));
            }
            done => return Ok(done?),
        }
    }
}

/// What the server says of a code that it refuses, and what to do.
pub fn refused(body: &ErrorBody) -> String {
    let more = [(": ", &body.detail), ("; ", &body.hint)];
    more.into_iter()
        .filter_map(|(between, text)| Some((between, text.as_deref()?)))
        .fold(plain(&body.message), |said, (between, text)| {
            said + between + &plain(text)
        })
}

fn account(email: &str) -> Result<String, CliError> {
    let parts = email.split_once('@');
    if parts.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty()) {
        Ok(tod_client::srp::account(email))
    } else {
        let email = plain(email);
        Err(CliError::usage(format!(
            "`{email}` is not an e-mail address"
        )))
    }
}

/// Names of contexts are names of directories too.
pub fn check_name(name: &str) -> Result<(), CliError> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if (1..=64).contains(&name.len()) && name.chars().all(fine) && !name.starts_with('.') {
        Ok(())
    } else {
        Err(CliError::usage(
            "a context's name has letters, digits, `-`, `_` and `.`",
        ))
    }
}

/// What the person's list of sessions shows.
fn label(cx: &Cx) -> String {
    let file = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let host = cx.env.text("HOSTNAME").map(str::to_owned).or_else(file);
    let host = host.as_deref().map_or("somewhere", str::trim);
    format!("todctl on {host}")
}
