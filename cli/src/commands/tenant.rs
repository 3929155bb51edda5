//! `todctl tenant`

mod card;

use clap::Subcommand;
use tod_client::Client;
use tod_proto::api::tenants::{
    Create, CreateBody, Delete, DeleteQuery, List, Quotas, Set, Show, Tenant, TenantPatch,
};
use tod_proto::page::Empty;

use crate::args::span::Span;
use crate::cx::{Cx, similar};
use crate::error::CliError;
use crate::output::Listing;

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the tenants that you may enter
    #[command(visible_alias = "ls")]
    List,
    /// Make a tenant
    Create {
        /// Letters, digits, `-` and `_`
        name: String,
    },
    /// Show a tenant, and how much of what it may have it has
    #[command(visible_alias = "quota")]
    Show {
        /// Which [default: the one that you work in]
        name: Option<String>,
    },
    /// Rename, suspend or limit a tenant
    Set {
        /// Which
        name: String,
        /// Give it this name
        #[arg(long, value_name = "NAME")]
        rename: Option<String>,
        /// Let nobody of it do anything; its devices keep their configuration
        #[arg(long, conflicts_with = "resume")]
        suspend: bool,
        /// Lift the suspension
        #[arg(long)]
        resume: bool,
        /// The most devices; `none` is no limit
        #[arg(long, value_name = "N")]
        max_devices: Option<Limit>,
        /// The most people; `none` is no limit
        #[arg(long, value_name = "N")]
        max_users: Option<Limit>,
        /// The most API keys; `none` is no limit
        #[arg(long, value_name = "N")]
        max_api_keys: Option<Limit>,
        /// Whether all its people have to have a second step of sign-in
        #[arg(long, value_name = "on|off", value_parser = switch)]
        require_totp: Option<bool>,
        /// Keep its audit log for so long: 365d; `none` is for ever
        ///
        /// What is older is removed, with the uses of its keys. The rest of the chain can still be
        /// checked, and says where it begins.
        #[arg(long, value_name = "TIME")]
        audit_retention: Option<Retention>,
    },
    /// Delete a tenant with everything in it, for good
    ///
    /// Its data keys are destroyed: what copies of the database hold of its secrets can never be
    /// opened again.
    Delete {
        /// Which
        name: String,
        /// The name once more, instead of typing it
        #[arg(long, value_name = "NAME")]
        confirm: Option<String>,
    },
    /// Work in a tenant from now on
    Use {
        /// Which
        name: String,
    },
}

impl Command {
    /// Runs the command.
    pub async fn run(self, cx: &mut Cx) -> Result<(), CliError> {
        let client = cx.client()?;
        match self {
            Self::List => {
                cx.out.check::<Tenant>()?;
                let page = client.call(List, Empty {}, Empty {}, Empty {}).await?;
                cx.out.list(Listing::all(page.items))
            }
            Self::Create { name } => {
                cx.may_change(&format!("make tenant {name}"))?;
                let body = CreateBody { name };
                let tenant = client.call(Create, Empty {}, Empty {}, body).await?;
                cx.say.next(format!("todctl tenant use {}", tenant.name));
                cx.out.list(Listing::all(vec![tenant]))
            }
            Self::Show { name } => {
                let tenant = match name {
                    Some(name) => find(&client, &name).await?.id,
                    None => cx.tenant().await?.1,
                };
                let tenant = client.call(Show, tenant, Empty {}, Empty {}).await?;
                cx.out.one(tenant, card::card)
            }
            Self::Set {
                name,
                rename,
                suspend,
                resume,
                max_devices,
                max_users,
                max_api_keys,
                require_totp,
                audit_retention,
            } => {
                let tenant = find(&client, &name).await?;
                let limit = |new: Option<Limit>, old| new.map_or(old, |Limit(new)| new);
                let quotas = Quotas {
                    devices: limit(max_devices, tenant.quotas.devices),
                    users: limit(max_users, tenant.quotas.users),
                    api_keys: limit(max_api_keys, tenant.quotas.api_keys),
                };
                let patch = TenantPatch {
                    name: rename,
                    suspended: (suspend || resume).then_some(suspend),
                    quotas: (quotas != tenant.quotas).then_some(quotas),
                    totp_required: require_totp,
                    audit_retention_days: audit_retention.map(|Retention(days)| days),
                };
                set(cx, &tenant, patch).await
            }
            Self::Delete { name, confirm } => delete(cx, &name, confirm).await,
            Self::Use { name } => enter(cx, &name).await,
        }
    }
}

async fn enter(cx: &mut Cx, name: &str) -> Result<(), CliError> {
    let client = cx.client()?;
    let tenant = find(&client, name).await?;
    let (here, mut context) = cx.here()?;
    context.tenant = Some(tenant.name.clone());
    context.tenant_id = Some(tenant.id);
    let mut config = cx.config()?;
    config.put_context(&here, &context)?;
    config.save()?;
    cx.say
        .note(format!("tenant {} in context {here}", tenant.name));
    Ok(())
}

/// A limit, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(Option<u32>);

impl std::str::FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        let number = text.parse().map_err(|_| "give a number, or `none`")?;
        Ok(Self(Some(number)))
    }
}

fn switch(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("it is on or off".to_owned()),
    }
}

/// For how many days something is kept; 0 is for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention(u32);

impl std::str::FromStr for Retention {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(0));
        }
        let days = text.parse::<Span>()?.0.as_secs() / (24 * 60 * 60);
        match u32::try_from(days) {
            Ok(days @ 1..) => Ok(Self(days)),
            _ => Err("give at least a day, such as 365d, or `none`".to_owned()),
        }
    }
}

async fn find(client: &Client, name: &str) -> Result<Tenant, CliError> {
    let page = client.call(List, Empty {}, Empty {}, Empty {}).await?;
    let names: Vec<String> = page.items.iter().map(|t| t.name.clone()).collect();
    let found = page.items.into_iter().find(|t| t.name == name);
    found.ok_or_else(|| CliError::NotFound {
        kind: "tenant",
        like: similar(name, names.iter()),
        name: name.to_owned(),
    })
}

async fn set(cx: &mut Cx, tenant: &Tenant, patch: TenantPatch) -> Result<(), CliError> {
    if patch == TenantPatch::default() {
        return Err(CliError::usage(
            "nothing to change: give --rename, --suspend, --resume, --require-totp, \
             --audit-retention or a limit",
        ));
    }
    cx.may_change(&format!("change the tenant {}", tenant.name))?;
    if patch.suspended == Some(true) {
        cx.ask.confirm(&format!(
            "Suspend {}? {} people can do nothing, {} devices are not watched.",
            tenant.name, tenant.users, tenant.devices
        ))?;
    }
    if let Some(days @ 1..) = patch.audit_retention_days
        && tenant
            .audit_retention_days
            .is_none_or(|before| days < before)
    {
        cx.ask.confirm(&format!(
            "Remove what the audit log of {} has that is older than {days} days, for good?",
            tenant.name
        ))?;
    }
    let client = cx.client()?;
    let tenant = client.call(Set, tenant.id, Empty {}, patch).await?;
    cx.out.list(Listing::all(vec![tenant]))
}

async fn delete(cx: &mut Cx, name: &str, confirm: Option<String>) -> Result<(), CliError> {
    let client = cx.client()?;
    let tenant = find(&client, name).await?;
    cx.may_change(&format!("delete the tenant {}", tenant.name))?;
    if confirm.as_deref() != Some(name) {
        cx.say.loud(format!(
            "{}: {} devices and {} people go with it, and nothing brings them back",
            tenant.name, tenant.devices, tenant.users
        ));
        let question = format!("Type {name} to delete it:");
        cx.ask
            .type_word(&question, name, &format!("--confirm {name}"))?;
    }
    let query = DeleteQuery {
        confirm: name.to_owned(),
    };
    let deleted = client.call(Delete, tenant.id, query, Empty {}).await?;
    cx.say.note(format!(
        "deleted {name} with {} devices and {} people; its data keys are destroyed",
        deleted.devices, deleted.users
    ));
    Ok(())
}
