//! `todctl tenant`

use clap::Subcommand;
use tod_proto::api::tenants::{Create, CreateBody, List, Tenant};
use tod_proto::page::Empty;

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
            Self::Use { name } => {
                let page = client.call(List, Empty {}, Empty {}, Empty {}).await?;
                let names: Vec<String> = page.items.iter().map(|t| t.name.clone()).collect();
                let found = page.items.into_iter().find(|t| t.name == name);
                let tenant = found.ok_or_else(|| CliError::NotFound {
                    kind: "tenant",
                    like: similar(&name, names.iter()),
                    name,
                })?;
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
        }
    }
}
