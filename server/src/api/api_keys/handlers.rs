//! What each endpoint does.

use jiff::Timestamp;
use tod_proto::api::api_keys::{ApiKey, Create, CreateBody, List, NewApiKey, Revoke, Rotate};
use tod_proto::endpoint::Role;
use tod_proto::id::ApiKeyId;
use tod_proto::page::Page;

use super::store::{self, NewKey};
use crate::api::Cx;
use crate::api::account::check_name;
use crate::api::error::Error;
use crate::api::route::Req;
use crate::auth::api_key;
use crate::auth::secret;
use crate::people;
use crate::quota::{self, Quota};

/// The most keys of a tenant that are good at a time.
const MOST: i64 = 500;
const MAX_NETWORKS: usize = 32;
/// How much of a key is shown, to tell it from others: what it starts with and four characters.
const HINT: usize = 9;

pub(super) async fn list(cx: Cx, req: Req<List>) -> Result<Page<ApiKey>, Error> {
    let mut tx = cx.begin().await?;
    let good_at = (!req.query.all).then(|| cx.app.clock.now());
    let items = store::list(&mut tx, good_at).await?;
    tx.commit().await?;
    let items = with_emails(&cx, items).await?;
    let total = u64::try_from(items.len()).unwrap_or(u64::MAX);
    Ok(Page {
        items,
        next: None,
        total,
    })
}

pub(super) async fn create(cx: Cx, req: Req<Create>) -> Result<NewApiKey, Error> {
    let (caller, tenant, now) = (cx.caller()?, cx.tenant()?, cx.app.clock.now());
    let body = checked(req.body, now)?;
    let wanted = body.role.unwrap_or(caller.role.min(Role::Admin));
    if wanted > caller.role.min(Role::Admin) {
        return Err(Error::forbidden(format!(
            "a key acts as at most {}; you asked for {wanted}",
            caller.role.min(Role::Admin)
        )));
    }
    let secret = api_key::generate()?;
    let mut tx = cx.begin().await?;
    if store::count(&mut tx, now).await? >= MOST {
        return Err(Error::conflict(format!("the tenant has {MOST} keys"))
            .hint("revoke what is not used: todctl apikey list --sort-by used"));
    }
    quota::check(&mut tx, tenant, Quota::ApiKeys, now).await?;
    let key = NewKey {
        id: ApiKeyId::generate(),
        user: caller.user,
        name: body.name,
        role: wanted,
        scopes: body.scopes,
        networks: body.networks,
        hint: hint(&secret),
        hash: secret::hash(&secret),
        expires_at: body.expires_at,
    };
    let made = store::insert(&mut tx, &key, now).await?;
    let detail = serde_json::json!({
        "name": made.name, "role": made.role, "scopes": made.scopes,
        "networks": made.networks, "expires_at": made.expires_at,
    });
    cx.commit(tx, tenant, made.id, detail).await?;
    let key = ApiKey {
        user_email: Some(caller.email.clone()),
        ..made
    };
    Ok(NewApiKey { key, secret })
}

pub(super) async fn rotate(cx: Cx, req: Req<Rotate>) -> Result<NewApiKey, Error> {
    let ((tenant, id), now) = (req.path, cx.app.clock.now());
    let secret = api_key::generate()?;
    let mut tx = cx.begin().await?;
    let key = store::rotate(&mut tx, id, &hint(&secret), &secret::hash(&secret), now)
        .await?
        .ok_or_else(|| Error::not_found("API key"))?;
    if key.user != cx.caller()?.user {
        return Err(
            Error::forbidden("only who made a key may have its new secret")
                .hint("revoke it, and make one of your own"),
        );
    }
    cx.commit(tx, tenant, id, serde_json::json!({})).await?;
    cx.app.auth.keys.forget(id);
    let mut keys = with_emails(&cx, vec![key]).await?;
    let key = keys.pop().ok_or_else(|| Error::not_found("API key"))?;
    Ok(NewApiKey { key, secret })
}

pub(super) async fn revoke(cx: Cx, req: Req<Revoke>) -> Result<ApiKey, Error> {
    let ((tenant, id), now) = (req.path, cx.app.clock.now());
    let mut tx = cx.begin().await?;
    let key = store::revoke(&mut tx, id, now)
        .await?
        .ok_or_else(|| Error::not_found("API key"))?;
    let detail = serde_json::json!({ "name": key.name });
    cx.commit(tx, tenant, id, detail).await?;
    cx.app.auth.keys.forget(id);
    let mut keys = with_emails(&cx, vec![key]).await?;
    keys.pop().ok_or_else(|| Error::not_found("API key"))
}

/// Whoever made a key may be in no tenant: they are looked up across tenants.
async fn with_emails(cx: &Cx, keys: Vec<ApiKey>) -> Result<Vec<ApiKey>, Error> {
    let emails = people::emails(&cx.app, keys.iter().map(|key| key.user)).await?;
    let named = keys.into_iter().map(|key| ApiKey {
        user_email: emails.get(&key.user).cloned(),
        ..key
    });
    Ok(named.collect())
}

fn checked(body: CreateBody, now: Timestamp) -> Result<CreateBody, Error> {
    let name = check_name(&body.name)?;
    let mut scopes = body.scopes;
    scopes.sort_unstable();
    scopes.dedup();
    if scopes.is_empty() {
        return Err(Error::invalid("scopes: a key without any could do nothing")
            .hint("such as devices:read; see them all: todctl apikey create --help"));
    }
    if body.networks.len() > MAX_NETWORKS {
        return Err(Error::invalid(format!("networks: {MAX_NETWORKS} at most")));
    }
    if body.expires_at.is_some_and(|at| at <= now) {
        return Err(Error::invalid("expires_at: that is in the past"));
    }
    Ok(CreateBody {
        name,
        scopes,
        ..body
    })
}

fn hint(secret: &str) -> String {
    secret.chars().take(HINT).collect()
}
