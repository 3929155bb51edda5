//! `todctl whoami`

use serde_json::json;
use tod_client::profile::Context;
use tod_client::store::Kind;
use tod_client::view::units::{ago, rfc3339};
use tod_proto::api::account::Whoami;
use tod_proto::page::Empty;
use tod_proto::untrusted::plain;

use crate::cx::Cx;
use crate::error::CliError;

/// Show who is signed in, where, and until when
#[derive(Debug, clap::Args)]
pub struct Args {}

pub(super) async fn run(Args {}: Args, cx: &mut Cx) -> Result<(), CliError> {
    let (name, context) = cx.here()?;
    let client = cx.client()?;
    let me = client.call(Whoami, Empty {}, Empty {}, Empty {}).await?;
    let grant = client.grant().await?;
    let expires = grant.map(|grant| grant.tokens.refresh_expires);
    let kind = context.store.unwrap_or(Kind::Keyring);
    let tenant = context.tenant.clone().or_else(|| me.tenant_name.clone());
    cx.out.origin = (Some(name.clone()), tenant.clone());
    let now = cx.out.now();
    let value = json!({
        "id": me.id,
        "email": me.email,
        "name": me.name,
        "role": me.role,
        "tenant": tenant,
        "context": name,
        "server": context.server,
        "protected": context.protected,
        "readonly": context.readonly,
        "session_expires_at": expires.map(rfc3339),
        "storage": kind,
        "api_key": me.api_key,
        "scopes": me.scopes,
    });
    let modes = modes(&context);
    let until = expires.map_or("unknown".to_owned(), |at| ago(at, now));
    let shown = match me.api_key {
        Some(key) => {
            let scopes: Vec<_> = me.scopes.iter().map(ToString::to_string).collect();
            format!("API key  {key}   scopes {}", scopes.join(", "))
        }
        None => format!(
            "session  ends {until} unless it is used   storage {}",
            kind.describe()
        ),
    };
    cx.out.value("Whoami", value, || {
        format!(
            "user     {} ({})   tenant {}   context {name}{modes}\n\
             server   {}\n\
             {shown}\n",
            plain(&me.email),
            me.role,
            plain(tenant.as_deref().unwrap_or("none")),
            context.server,
        )
    })?;
    if me.api_key.is_none() && kind == Kind::Insecure {
        cx.say
            .warn("the session is kept in a file that only its mode protects");
    }
    Ok(())
}

/// ` (PROD, protected)`: what is special about a context.
fn modes(context: &Context) -> String {
    let mut modes: Vec<&str> = context.label.as_deref().into_iter().collect();
    modes.extend(context.protected.then_some("protected"));
    modes.extend(context.readonly.then_some("read-only"));
    if modes.is_empty() {
        String::new()
    } else {
        format!(" ({})", modes.join(", "))
    }
}
