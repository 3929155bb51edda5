//! `todctl context`

use clap::Subcommand;
use serde::{Deserialize, Serialize};
use tod_client::profile::Context;
use tod_client::view::{Cell, Column, View};

use crate::args::pairs::Pair;
use crate::cx::{Cx, similar};
use crate::error::CliError;
use crate::join::check_name;
use crate::output::Listing;

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List contexts
    #[command(visible_alias = "ls")]
    List,
    /// Use a context from now on
    Use {
        /// Which
        #[arg(add = clap_complete::ArgValueCandidates::new(crate::complete::contexts))]
        name: String,
    },
    /// Show one context
    Show {
        /// Which [default: the one in use]
        name: Option<String>,
    },
    /// Add a context
    Add {
        /// What to call it
        name: String,
        /// The server's address
        #[arg(long, value_name = "URL")]
        server: String,
        /// Further settings, as for `set`
        settings: Vec<Pair>,
    },
    /// Change a context: label, color, protected, readonly, tenant, server, `pin_sha256`
    Set {
        /// Which
        #[arg(add = clap_complete::ArgValueCandidates::new(crate::complete::contexts))]
        name: String,
        /// Such as label=PROD protected=true
        #[arg(required = true)]
        settings: Vec<Pair>,
    },
    /// Remove a context
    #[command(visible_alias = "rm")]
    Remove {
        /// Which
        #[arg(add = clap_complete::ArgValueCandidates::new(crate::complete::contexts))]
        name: String,
    },
    /// Print context and tenant, for a shell prompt
    Prompt,
}

/// A context with its name, as lists show it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Named {
    current: bool,
    name: String,
    server: String,
    tenant: Option<String>,
    user: Option<String>,
    label: Option<String>,
    color: Option<String>,
    protected: bool,
    readonly: bool,
    pin_sha256: Option<String>,
}

impl View for Named {
    const KIND: &'static str = "Context";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("current", "", |c, _| {
            Cell::pair(if c.current { "*" } else { "" }, c.current)
        }),
        Column::new("name", "NAME", |c, _| Cell::text(&c.name)),
        Column::new("server", "SERVER", |c, _| Cell::text(&c.server)),
        Column::new("tenant", "TENANT", |c, _| {
            Cell::maybe(c.tenant.as_ref(), Cell::text)
        }),
        Column::new("user", "USER", |c, _| {
            Cell::maybe(c.user.as_ref(), Cell::text)
        }),
        Column::new("label", "LABEL", |c, _| {
            Cell::maybe(c.label.as_ref(), Cell::text)
        }),
        Column::new("mode", "MODE", |c, _| match (c.protected, c.readonly) {
            (_, true) => Cell::text("read-only"),
            (true, false) => Cell::text("protected"),
            (false, false) => Cell::absent(),
        }),
        Column::wide("pin", "PIN", |c, _| {
            Cell::maybe(c.pin_sha256.as_ref(), Cell::text)
        }),
    ];

    fn name(&self) -> String {
        self.name.clone()
    }

    fn id(&self) -> String {
        self.name.clone()
    }
}

impl Named {
    fn of(name: &str, context: Context, current: Option<&str>) -> Self {
        Self {
            current: current == Some(name),
            name: name.to_owned(),
            server: context.server,
            tenant: context.tenant,
            user: context.user,
            label: context.label,
            color: context.color,
            protected: context.protected,
            readonly: context.readonly,
            pin_sha256: context.pin_sha256,
        }
    }
}

impl Command {
    /// Runs the command. None of these asks the server.
    #[expect(clippy::unused_async, reason = "like the other nouns")]
    pub async fn run(self, cx: &mut Cx) -> Result<(), CliError> {
        match self {
            Self::List => list(cx, None),
            Self::Show { name } => {
                let name = match name {
                    Some(name) => name,
                    None => cx.context_name()?.ok_or(CliError::NoContext)?,
                };
                find(cx, &name)?;
                list(cx, Some(&name))
            }
            Self::Use { name } => choose(cx, &name),
            Self::Add {
                name,
                server,
                settings,
            } => add(cx, &name, server, &settings),
            Self::Set { name, settings } => {
                let mut context = find(cx, &name)?;
                settings
                    .iter()
                    .try_for_each(|pair| set(&mut context, pair))?;
                put(cx, &name, &context)
            }
            Self::Remove { name } => remove(cx, &name),
            Self::Prompt => {
                let (name, context) = cx.here()?;
                let tenant = context.tenant.as_deref().unwrap_or("-");
                let text = format!("{}/{}\n", context.shown(&name), tenant);
                cx.out.write(&text)
            }
        }
    }
}

fn find(cx: &Cx, name: &str) -> Result<Context, CliError> {
    let mut contexts = cx.config()?.contexts()?;
    contexts.remove(name).ok_or_else(|| CliError::NotFound {
        kind: "context",
        name: name.to_owned(),
        like: similar(name, contexts.keys()),
    })
}

fn list(cx: &mut Cx, only: Option<&str>) -> Result<(), CliError> {
    let config = cx.config()?;
    let current = cx.context_name()?;
    let contexts = config.contexts()?.into_iter();
    let items: Vec<Named> = contexts
        .filter(|(name, _)| only.is_none_or(|only| only == name))
        .map(|(name, context)| Named::of(&name, context, current.as_deref()))
        .collect();
    if items.is_empty() {
        cx.say.next("todctl login --server https://…");
    }
    cx.out.list(Listing::all(items))
}

fn choose(cx: &mut Cx, name: &str) -> Result<(), CliError> {
    find(cx, name)?;
    let mut config = cx.config()?;
    config.set_current(Some(name));
    config.save()?;
    cx.say.note(format!("context {name}"));
    if let Some(other) = cx.env.text("TODCTL_CONTEXT").filter(|other| *other != name) {
        cx.say
            .warn(format!("TODCTL_CONTEXT={other} overrides it in this shell"));
    }
    Ok(())
}

fn add(cx: &mut Cx, name: &str, server: String, settings: &[Pair]) -> Result<(), CliError> {
    check_name(name)?;
    if cx.config()?.context(name)?.is_some() {
        return Err(CliError::Outcome {
            status: crate::error::exit::CONFLICT,
            message: format!("there is a context {name} already"),
        });
    }
    let mut context = Context {
        server,
        ..Context::default()
    };
    settings
        .iter()
        .try_for_each(|pair| set(&mut context, pair))?;
    put(cx, name, &context)
}

fn put(cx: &mut Cx, name: &str, context: &Context) -> Result<(), CliError> {
    // It must be an address, and the pin a fingerprint, before it is written.
    cx.connect(context)?;
    let mut config = cx.config()?;
    config.put_context(name, context)?;
    if config.current().is_none() {
        config.set_current(Some(name));
    }
    config.save()?;
    list(cx, Some(name))
}

fn remove(cx: &mut Cx, name: &str) -> Result<(), CliError> {
    let context = find(cx, name)?;
    cx.ask
        .confirm(&format!("Remove context {name} and forget its session?"))?;
    let store = cx.store(
        context.store.unwrap_or(tod_client::store::Kind::Keyring),
        name,
    );
    // Nothing may be kept there, or the store may be away: the context goes in any case.
    drop(tod_client::store::TokenStore::save(&store, None));
    let mut config = cx.config()?;
    config.remove_context(name);
    config.save()?;
    cx.say.note(format!("removed context {name}"));
    Ok(())
}

fn set(context: &mut Context, pair: &Pair) -> Result<(), CliError> {
    let value = pair.value.clone();
    let text = || (!value.is_empty() && value != "none").then(|| value.clone());
    let yes = || match value.as_str() {
        "true" | "yes" | "on" => Ok(true),
        "false" | "no" | "off" | "" => Ok(false),
        _ => Err(CliError::usage(format!(
            "`{value}` is neither true nor false"
        ))),
    };
    match pair.key.as_str() {
        "server" => context.server.clone_from(&value),
        "tenant" => {
            context.tenant = text();
            context.tenant_id = None;
        }
        "pin_sha256" => context.pin_sha256 = text(),
        "user" => context.user = text(),
        "label" => context.label = text(),
        "color" => context.color = text(),
        "protected" => context.protected = yes()?,
        "readonly" => context.readonly = yes()?,
        key => {
            return Err(CliError::Usage {
                message: format!("a context has no `{key}`"),
                hint: Some(
                    "there are server tenant pin_sha256 user label color protected readonly"
                        .to_owned(),
                ),
            });
        }
    }
    Ok(())
}
