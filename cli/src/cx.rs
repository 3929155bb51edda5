//! What a command may reach.

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use tod_client::clock::Clock;
use tod_client::profile::{Config, Context, Paths};
use tod_client::store::{AskPassphrase, Kind, Purpose, Store, StoreError};
use tod_client::{Client, Https, Transport};
use tod_proto::api::api_keys::PREFIX;
use tod_proto::api::tenants;
use tod_proto::id::TenantId;
use tod_proto::page::Empty;

use crate::args::Globals;
use crate::ask::Ask;
use crate::env::Env;
use crate::error::CliError;
use crate::output::Output;
use crate::say::Say;
use crate::secrets;
use crate::term::Term;

/// What a command may reach.
#[derive(Debug)]
pub struct Cx {
    /// Where results go.
    pub out: Output,
    /// Where talk goes.
    pub say: Say,
    /// Whom to ask.
    pub ask: Ask,
    /// The environment.
    pub env: Env,
    /// Where files are.
    pub paths: Paths,
    /// What time it is.
    pub clock: Clock,
    /// What the terminal can do.
    pub term: Term,
    /// The flags of every command.
    pub globals: Globals,
    client: Option<Client>,
    here: Option<(String, Context)>,
    tenant: Option<TenantId>,
}

impl Cx {
    /// For the process.
    pub fn of_process(globals: Globals, env: Env, term: Term, say: Say) -> Self {
        let clock = match env.text("TODCTL_NOW").and_then(|now| now.parse().ok()) {
            Some(now) => Clock::fixed(now),
            None => Clock::system(),
        };
        let mut args = globals.output.clone();
        if args.format.is_none() && args.json.is_none() {
            let named = env.text("TODCTL_OUTPUT");
            args.format = named.and_then(|name| clap::ValueEnum::from_str(name, true).ok());
        }
        Self {
            out: Output::stdout(&term, args, say.clone(), clock.now()),
            ask: Ask::on(&term, &env, globals.no_input, globals.yes),
            paths: Paths::find(|name| env.os(name)),
            say,
            env,
            clock,
            term,
            globals,
            client: None,
            here: None,
            tenant: None,
        }
    }

    /// For tests: everything goes to `transport`, nothing to the disk or the terminal.
    pub fn for_tests(
        transport: impl Transport + 'static,
        globals: Globals,
        now: jiff::Timestamp,
    ) -> Self {
        let say = Say::captured();
        let context = Context {
            server: "https://tod.example".to_owned(),
            tenant: Some("acme-wisp".to_owned()),
            ..Context::default()
        };
        let nowhere = std::path::PathBuf::from("/nonexistent/tod-test");
        let mut cx = Self {
            out: Output::captured(globals.output.clone(), say.clone(), now),
            ask: Ask::nobody(globals.yes),
            env: Env::default(),
            paths: Paths {
                config: nowhere.clone(),
                cache: nowhere.clone(),
                state: nowhere,
            },
            clock: Clock::fixed(now),
            term: Term::none(),
            say,
            globals,
            client: Some(Client::new(transport).with_token("t")),
            here: Some(("prod".to_owned(), context)),
            tenant: Some(TenantId::generate()),
        };
        cx.out.origin = (Some("prod".to_owned()), Some("acme-wisp".to_owned()));
        cx
    }

    /// The configuration as it is on the disk.
    pub fn config(&self) -> Result<Config, CliError> {
        Ok(Config::load(&self.paths.config_file())?)
    }

    /// The name of the context in use, if there is one.
    pub fn context_name(&self) -> Result<Option<String>, CliError> {
        if let Some(name) = &self.globals.context {
            return Ok(Some(name.clone()));
        }
        if let Some(name) = self.env.text("TODCTL_CONTEXT") {
            return Ok(Some(name.to_owned()));
        }
        Ok(self.config()?.current().map(str::to_owned))
    }

    /// The context in use.
    pub fn here(&mut self) -> Result<(String, Context), CliError> {
        if let Some(here) = &self.here {
            return Ok(here.clone());
        }
        let Some(name) = self.context_name()? else {
            return self.environment_alone().ok_or(CliError::NoContext);
        };
        let mut contexts = self.config()?.contexts()?;
        let Some(context) = contexts.remove(&name) else {
            return Err(CliError::NotFound {
                kind: "context",
                like: similar(&name, contexts.keys()),
                name,
            });
        };
        self.here = Some((name.clone(), context.clone()));
        Ok((name, context))
    }

    /// The store of a context's secrets.
    pub fn store(&self, kind: Kind, context: &str) -> Store {
        let dir = &self.paths.config;
        if self.env.has("TODCTL_STORE_PASSPHRASE_FILE") {
            Store::open(kind, dir, context, self.passphrase())
        } else {
            Store::open_for_person(kind, dir, context, self.passphrase())
        }
    }

    /// Where the passphrase of the encrypted file comes from: a file, or the terminal.
    pub fn passphrase(&self) -> AskPassphrase {
        let path = self.env.os("TODCTL_STORE_PASSPHRASE_FILE");
        let ask = self.ask.clone();
        Arc::new(move |purpose| {
            if let Some(path) = &path {
                if purpose == Purpose::Again {
                    return Err(StoreError::NoPassphrase);
                }
                let read = secrets::from_file(path.as_ref());
                return read.map_err(|error| StoreError::Broken(error.report().message));
            }
            let asked = match purpose {
                Purpose::Open => ask.secret("Passphrase of the store of secrets:", ""),
                Purpose::Again => ask.secret("That is not it. Once more:", ""),
                Purpose::Create => twice(&ask),
            };
            asked.map_err(|_| StoreError::NoPassphrase)
        })
    }

    /// A program on a machine where nobody signed in says everything in its environment.
    fn environment_alone(&self) -> Option<(String, Context)> {
        if !self.env.has("TODCTL_API_KEY_FILE") && !self.env.has("TODCTL_API_KEY") {
            return None;
        }
        let context = Context {
            server: self.env.text("TODCTL_SERVER")?.to_owned(),
            pin_sha256: self.env.text("TODCTL_TRUST_SERVER").map(str::to_owned),
            ..Context::default()
        };
        Some(("environment".to_owned(), context))
    }

    /// The client of the context in use.
    pub fn client(&mut self) -> Result<Client, CliError> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        let (name, context) = self.here()?;
        let client = self.connect(&context)?;
        let client = if let Some(key) = self.api_key()? {
            client.with_token(key.expose_secret())
        } else {
            let kind = context.store.unwrap_or(Kind::Keyring);
            client.with_store(Arc::new(self.store(kind, &name)), self.clock.clone())
        };
        self.client = Some(client.clone());
        Ok(client)
    }

    /// The API key that the environment names: it goes before the session of a person.
    pub fn api_key(&self) -> Result<Option<SecretString>, CliError> {
        let key = match self.env.os("TODCTL_API_KEY_FILE") {
            Some(path) if !path.is_empty() => secrets::from_file(path.as_ref())?,
            _ => match self.env.text("TODCTL_API_KEY") {
                Some(key) => key.into(),
                None => return Ok(None),
            },
        };
        let well_formed = |key: &str| key.starts_with(PREFIX) && key.len() <= 128 && key.is_ascii();
        if well_formed(key.expose_secret()) {
            return Ok(Some(key));
        }
        Err(CliError::Usage {
            message: "what TODCTL_API_KEY_FILE or TODCTL_API_KEY names is no API key".to_owned(),
            hint: Some(format!(
                "a key starts with {PREFIX}; make one: todctl apikey create"
            )),
        })
    }

    /// A client of a server, for nobody in particular.
    pub fn connect(&self, context: &Context) -> Result<Client, CliError> {
        let https = Https::new(&context.server, context.trust()?)?;
        let client = Client::new(https);
        Ok(match self.globals.timeout {
            Some(timeout) => client.with_deadline(timeout.0),
            None => client,
        })
    }

    /// The client, and the tenant to work in.
    pub async fn tenant(&mut self) -> Result<(Client, TenantId), CliError> {
        let client = self.client()?;
        if let Some(tenant) = self.tenant {
            return Ok((client, tenant));
        }
        let (name, context) = self.here()?;
        let flag = self.globals.tenant.clone();
        let wanted = flag.or_else(|| self.env.text("TODCTL_TENANT").map(str::to_owned));
        let (id, shown) = match (wanted.or_else(|| context.tenant.clone()), context.tenant_id) {
            (Some(text), _) if text.parse::<TenantId>().is_ok() => {
                (text.parse().map_err(CliError::usage_of)?, text)
            }
            (Some(text), Some(id)) if context.tenant.as_ref() == Some(&text) => (id, text),
            (wanted, _) => find_tenant(&client, wanted).await?,
        };
        self.tenant = Some(id);
        self.out.origin = (Some(name), Some(shown));
        Ok((client, id))
    }

    /// Whether changes are allowed here at all. In a protected context the person types its name,
    /// unless this very command line names it.
    pub fn may_change(&mut self, effect: &str) -> Result<(), CliError> {
        let (name, context) = self.here()?;
        if context.readonly || self.env.has("TODCTL_READONLY") {
            return Err(CliError::ReadOnly(name));
        }
        if context.protected && self.globals.context.as_deref() != Some(&name) {
            self.say.loud(format!("{}: {effect}", context.shown(&name)));
            let question = format!("Type the name of the context ({name}) to continue:");
            self.ask
                .type_word(&question, &name, &format!("--context {name}"))?;
        }
        Ok(())
    }

    /// `PROD acme-wisp`: what the line before a question starts with.
    pub fn place(&mut self) -> String {
        let Ok((name, context)) = self.here() else {
            return String::new();
        };
        let tenant = self.out.origin.1.clone().or_else(|| context.tenant.clone());
        format!("{} {}", context.shown(&name), tenant.unwrap_or_default())
            .trim_end()
            .to_owned()
    }
}

impl CliError {
    /// A wrong argument.
    pub fn usage_of(error: impl std::fmt::Display) -> Self {
        Self::usage(error.to_string())
    }
}

fn twice(ask: &Ask) -> Result<SecretString, CliError> {
    ask.until(|| {
        let one = ask.secret("Choose a passphrase for the store of secrets:", "")?;
        if one.expose_secret().is_empty() {
            return Err(CliError::usage("a passphrase is not empty"));
        }
        secrets::same_again(ask, one, "")
    })
}

async fn find_tenant(
    client: &Client,
    wanted: Option<String>,
) -> Result<(TenantId, String), CliError> {
    let page = client
        .call(tenants::List, Empty {}, Empty {}, Empty {})
        .await?;
    let names: Vec<&String> = page.items.iter().map(|tenant| &tenant.name).collect();
    let found = match &wanted {
        Some(wanted) => page.items.iter().find(|tenant| tenant.name == *wanted),
        None if page.items.len() == 1 => page.items.first(),
        None => None,
    };
    match (found, wanted) {
        (Some(tenant), _) => Ok((tenant.id, tenant.name.clone())),
        (None, Some(name)) => Err(CliError::NotFound {
            kind: "tenant",
            like: similar(&name, names.into_iter()),
            name,
        }),
        (None, None) => Err(CliError::Usage {
            message: "there is no tenant to work in".to_owned(),
            hint: Some(match names.len() {
                0 => "make one: todctl tenant create NAME".to_owned(),
                _ => "choose one: todctl tenant use NAME, or -t NAME".to_owned(),
            }),
        }),
    }
}

/// Up to three names like this one.
pub fn similar<'a>(name: &str, names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let lower = name.to_lowercase();
    let mut scored: Vec<(usize, &String)> = names
        .map(|other| (distance(&lower, &other.to_lowercase()), other))
        .filter(|(distance, other)| {
            let most = (name.chars().count() / 3).max(1);
            *distance <= most || other.to_lowercase().starts_with(&lower)
        })
        .collect();
    scored.sort();
    scored
        .into_iter()
        .take(3)
        .map(|(_, name)| tod_proto::untrusted::plain(name))
        .collect()
}

/// How many characters to change, add or leave out.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(64).enumerate() {
        let mut corner = i;
        let mut left = i + 1;
        for (y, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let above = *cell;
            left = (corner + usize::from(x != *y)).min(above + 1).min(left + 1);
            corner = above;
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_names_are_near_or_longer() {
        let names: Vec<String> = ["ber-core-01", "ber-core-02", "ham-edge-01", "ber-core-2x"]
            .map(str::to_owned)
            .into();

        assert_eq!(
            similar("ber-core-2", names.iter()),
            ["ber-core-02", "ber-core-2x", "ber-core-01"]
        );
        assert_eq!(similar("zzz", names.iter()), [""; 0]);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
    }
}
