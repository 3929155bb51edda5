//! What each endpoint does.

use tod_proto::api::sessions::{
    Ended, ListAll, PersonSession, RevokeAll, RevokeOne, RotateKeys, SigningKey, SigningKeys,
};
use tod_proto::page::{Empty, MAX_PAGE, Page};

use super::store::{self, Reach};
use crate::api::Cx;
use crate::api::error::Error;
use crate::api::route::Req;
use crate::audit::PLATFORM;
use crate::auth::{Credential, signing};
use crate::db::SystemTx;

const DEFAULT_LIMIT: u32 = 100;

pub(super) async fn list(cx: Cx, req: Req<ListAll>) -> Result<Page<PersonSession>, Error> {
    let (reach, query) = (reach(&cx)?, req.query);
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Error::invalid(format!("limit: 1 to {MAX_PAGE}")));
    }
    let mut tx = cx.app.db.system("list the sessions of a tenant").await?;
    if let Some(user) = query.user {
        store::check_person(&mut tx, &reach, user).await?;
    }
    let page = store::list(&mut tx, &reach, &query, limit).await?;
    tx.commit().await?;
    Ok(page)
}

pub(super) async fn revoke_one(cx: Cx, req: Req<RevokeOne>) -> Result<Empty, Error> {
    let ((tenant, session), reach) = (req.path, reach(&cx)?);
    let mut tx = cx.app.db.system("end a session of another").await?;
    let user = store::revoke_one(&mut tx, &reach, session)
        .await?
        .ok_or_else(|| Error::not_found("session"))?;
    let detail = serde_json::json!({ "user": user });
    cx.commit(tx, tenant, session, detail).await?;
    cx.app.auth.sessions.forget(session);
    Ok(Empty {})
}

pub(super) async fn revoke_all(cx: Cx, req: Req<RevokeAll>) -> Result<Ended, Error> {
    let (tenant, reach, whose) = (req.path, reach(&cx)?, req.body.user);
    let mut tx = cx.app.db.system("end sessions of others").await?;
    if let Some(user) = whose {
        store::check_person(&mut tx, &reach, user).await?;
    }
    let sessions = store::revoke_all(&mut tx, &reach, whose).await?;
    let ended = u64::try_from(sessions.len()).unwrap_or(u64::MAX);
    let detail = serde_json::json!({ "ended": ended });
    let target = whose.map_or_else(|| tenant.to_string(), |user| user.to_string());
    cx.commit(tx, tenant, target, detail).await?;
    for session in sessions {
        cx.app.auth.sessions.forget(session);
    }
    Ok(Ended { ended })
}

pub(super) async fn keys(cx: Cx, _: Req<SigningKeys>) -> Result<Page<SigningKey>, Error> {
    let mut tx = cx.app.db.system("list the keys of access tokens").await?;
    let page = all_keys(&cx, &mut tx).await?;
    tx.commit().await?;
    Ok(page)
}

pub(super) async fn rotate_keys(cx: Cx, req: Req<RotateKeys>) -> Result<Page<SigningKey>, Error> {
    let (app, now, at_once) = (&cx.app, cx.app.clock.now(), req.body.at_once);
    let mut tx = app.db.system("renew the keys of access tokens").await?;
    let key = signing::rotate(&app.kms, &mut tx, now, at_once).await?;
    let detail = serde_json::json!({ "at_once": at_once });
    let page = all_keys(&cx, &mut tx).await?;
    cx.commit(tx, PLATFORM, key, detail).await?;
    app.auth.keys_of_tokens.forget();
    Ok(page)
}

async fn all_keys(cx: &Cx, tx: &mut SystemTx) -> Result<Page<SigningKey>, Error> {
    let items = signing::list(tx, cx.app.clock.now()).await?;
    let total = u64::try_from(items.len()).unwrap_or(u64::MAX);
    Ok(Page {
        items,
        next: None,
        total,
    })
}

/// Whose sessions the caller may see and end.
fn reach(cx: &Cx) -> Result<Reach, Error> {
    let caller = cx.caller()?;
    let own = match caller.credential {
        Credential::Session(session) => Some(session),
        Credential::Key(..) => None,
    };
    Ok(Reach::new(
        cx.tenant()?,
        caller.role,
        own,
        cx.app.clock.now(),
    ))
}
