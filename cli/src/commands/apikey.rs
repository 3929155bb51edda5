//! `todctl apikey`

use clap::Subcommand;
use ipnet::IpNet;
use serde_json::json;
use tod_client::Client;
use tod_client::view::units::rfc3339;
use tod_proto::access::Grant;
use tod_proto::api::api_keys::{
    ApiKey, Create, CreateBody, List, ListQuery, NewApiKey, Revoke, Rotate,
};
use tod_proto::endpoint::Role;
use tod_proto::id::TenantId;
use tod_proto::page::Empty;

use crate::args::span::Span;
use crate::cx::{Cx, similar};
use crate::error::CliError;
use crate::output::Listing;

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the keys of the tenant
    #[command(visible_alias = "ls")]
    List {
        /// Also those that are revoked or have expired
        #[arg(long)]
        all: bool,
    },
    /// Make a key; stdout is the key and nothing else
    #[command(
        after_help = "Scopes are AREA:read or AREA:write; who may write may read. Areas: devices, \
        events, exec,\nconfig, ssh, users, audit. A key never does what its maker may not.\n\n\
        Examples:\n  todctl apikey create ci --scope devices:read > ci.key\n  \
        todctl apikey create nightly --scope config:write --role operator --expires 90d \\\n      \
        --cidr 192.0.2.0/24\n  TODCTL_API_KEY_FILE=ci.key todctl device list -o json"
    )]
    Create {
        /// What to call it
        name: String,
        /// Where it may do something; may be given several times
        #[arg(
            long = "scope",
            value_name = "SCOPE",
            required = true,
            value_delimiter = ','
        )]
        scopes: Vec<Grant>,
        /// What it may do at most [default: what you may do]
        #[arg(long)]
        role: Option<Role>,
        /// End it by itself after this time
        #[arg(long, value_name = "TIME")]
        expires: Option<Span>,
        /// Let it be used only from this network; may be given several times
        #[arg(long = "cidr", value_name = "NETWORK", value_delimiter = ',')]
        networks: Vec<IpNet>,
    },
    /// Show a key
    Show {
        /// Its name or identifier
        key: String,
    },
    /// Give a key a new secret; stdout is the key and nothing else
    Rotate {
        /// Its name or identifier
        key: String,
    },
    /// End a key; programs that use it are refused within seconds
    Revoke {
        /// Its name or identifier
        key: String,
    },
}

impl Command {
    /// Runs the command.
    pub async fn run(self, cx: &mut Cx) -> Result<(), CliError> {
        let (client, tenant) = cx.tenant().await?;
        match self {
            Self::List { all } => {
                cx.out.check::<ApiKey>()?;
                let query = ListQuery { all };
                let page = client.call(List, tenant, query, Empty {}).await?;
                cx.out.list(Listing::all(page.items))
            }
            Self::Create {
                name,
                scopes,
                role,
                expires,
                networks,
            } => {
                cx.may_change(&format!("make the API key {name}"))?;
                let expires_at = expires.map(|span| cx.clock.now() + span.0);
                let body = CreateBody {
                    name,
                    scopes,
                    role,
                    networks,
                    expires_at,
                };
                let made = client.call(Create, tenant, Empty {}, body).await?;
                shown_once(cx, &made)
            }
            Self::Show { key } => {
                let key = find(&client, tenant, &key).await?;
                cx.out.list(Listing::all(vec![key]))
            }
            Self::Rotate { key } => {
                let key = find(&client, tenant, &key).await?;
                cx.may_change(&format!("give the API key {} a new secret", key.name))?;
                cx.ask.confirm(&format!(
                    "Give `{}` a new secret? The old one is good no longer.",
                    key.name
                ))?;
                let path = (tenant, key.id);
                let made = client.call(Rotate, path, Empty {}, Empty {}).await?;
                shown_once(cx, &made)
            }
            Self::Revoke { key } => {
                let key = find(&client, tenant, &key).await?;
                cx.may_change(&format!("revoke the API key {}", key.name))?;
                cx.ask.confirm(&format!("Revoke `{}`?", key.name))?;
                let path = (tenant, key.id);
                let key = client.call(Revoke, path, Empty {}, Empty {}).await?;
                cx.say.note(format!("revoked {}", key.name));
                cx.out.list(Listing::all(vec![key]))
            }
        }
    }
}

fn shown_once(cx: &mut Cx, made: &NewApiKey) -> Result<(), CliError> {
    let key = &made.key;
    let until = key.expires_at.map(rfc3339);
    cx.say.note(format!(
        "{} is shown once, now; it ends {}",
        key.name,
        until.as_deref().unwrap_or("when it is revoked")
    ));
    cx.say
        .next("TODCTL_API_KEY_FILE=FILE todctl whoami   (with the key in FILE)");
    let value = json!({ "key": key, "secret": made.secret });
    cx.out
        .value("NewApiKey", value, || format!("{}\n", made.secret))
}

/// Finds a key that is good by its name, or any by its identifier.
async fn find(client: &Client, tenant: TenantId, wanted: &str) -> Result<ApiKey, CliError> {
    let query = ListQuery { all: true };
    let page = client.call(List, tenant, query, Empty {}).await?;
    let names: Vec<String> = page.items.iter().map(|key| key.name.clone()).collect();
    let is_it = |key: &&ApiKey| key.id.to_string() == wanted || key.name == wanted;
    // The newest of a name comes first, and a revoked one only if there is no other.
    let mut matching: Vec<ApiKey> = page.items.iter().filter(is_it).cloned().collect();
    matching.sort_by_key(|key| key.revoked_at.is_some());
    matching
        .into_iter()
        .next()
        .ok_or_else(|| CliError::NotFound {
            kind: "API key",
            name: wanted.to_owned(),
            like: similar(wanted, names.iter()),
        })
}
