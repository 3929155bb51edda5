//! `todctl auth`

use clap::Subcommand;
use serde_json::json;
use tod_proto::access::Grant;
use tod_proto::api::account::Whoami;
use tod_proto::api::{OPS, tenants};
use tod_proto::endpoint::{Op, Role, Scope};
use tod_proto::page::Empty;

use crate::cx::{Cx, similar};
use crate::error::{CliError, exit};

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Tell whether you may do something; without a verb, list everything
    CanI {
        /// Such as device.add
        verb: Option<String>,
    },
}

impl Command {
    /// Runs the command.
    pub async fn run(self, cx: &mut Cx) -> Result<(), CliError> {
        let Self::CanI { verb } = self;
        let client = cx.client()?;
        let me = client.call(Whoami, Empty {}, Empty {}, Empty {}).await?;
        let (client, tenant) = cx.tenant().await?;
        let page = client
            .call(tenants::List, Empty {}, Empty {}, Empty {})
            .await?;
        let role = page
            .items
            .iter()
            .find(|t| t.id == tenant)
            .map_or(me.role, |t| t.role);
        let caller = Caller {
            role,
            key: me.api_key.map(|_| me.scopes),
        };
        match verb {
            Some(verb) => one(cx, &verb, &caller),
            None => all(cx, &caller),
        }
    }
}

/// Who asks.
struct Caller {
    role: Role,
    /// The scopes of the key that is used, if it is one.
    key: Option<Vec<Grant>>,
}

/// What role and key allow. The server decides anew with each call; this says what to expect.
fn may(op: &Op, caller: &Caller) -> bool {
    let role = caller.role;
    let in_scope = match &caller.key {
        Some(grants) => op.need().is_met_by(grants),
        None => true,
    };
    in_scope
        && match op.scope {
            Scope::Public | Scope::Account => true,
            Scope::Tenant(least) => role >= least,
            Scope::Platform => role == Role::SuperAdmin,
        }
}

fn one(cx: &mut Cx, verb: &str, caller: &Caller) -> Result<(), CliError> {
    let Some(op) = OPS.iter().find(|op| op.name == verb) else {
        let names: Vec<String> = OPS.iter().map(|op| op.name.to_owned()).collect();
        return Err(CliError::NotFound {
            kind: "verb",
            name: verb.to_owned(),
            like: similar(verb, names.iter()),
        });
    };
    let allowed = may(op, caller);
    let answer = if allowed { "yes" } else { "no" };
    let value = json!({"verb": verb, "allowed": allowed, "role": caller.role, "scope": op.need().to_string()});
    cx.out
        .value("Permission", value, || format!("{answer}\n"))?;
    if allowed {
        Ok(())
    } else {
        Err(CliError::outcome(exit::FORBIDDEN))
    }
}

fn all(cx: &mut Cx, caller: &Caller) -> Result<(), CliError> {
    let verbs: Vec<_> = OPS
        .iter()
        .map(|op| json!({"verb": op.name, "allowed": may(op, caller), "scope": op.need().to_string()}))
        .collect();
    cx.out.value(
        "Permission",
        json!({"role": caller.role, "verbs": verbs}),
        || {
            OPS.iter().fold(String::new(), |text, op| {
                let answer = if may(op, caller) { "yes" } else { "no" };
                format!("{text}{answer:<4} {}\n", op.name)
            })
        },
    )
}
