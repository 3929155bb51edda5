//! What happens to sessions after the sign-in.

use tod_proto::api::account::{
    Me, Refresh, RevokeSession, Session, Sessions, SignOut, Tokens, Whoami,
};
use tod_proto::page::{Empty, Page};

use super::{chain, store};
use crate::api::Cx;
use crate::api::error::Error;
use crate::api::route::Req;
use crate::auth::{Credential, Principal, signing};

pub(super) async fn refresh(cx: Cx, req: Req<Refresh>) -> Result<Tokens, Error> {
    let (app, now) = (&cx.app, cx.app.clock.now());
    let ended = || Error::unauthenticated("the session has ended");
    let ring = signing::ring(app).await?;
    let mut tx = app.db.system("refresh a session").await?;
    let presented = store::present(&mut tx, &req.body.refresh_token, now)
        .await?
        .ok_or_else(ended)?;
    if !presented.live {
        return Err(ended());
    }
    let (session, user) = (presented.session, presented.user);
    if presented.used {
        store::revoke(&mut tx, session, user, now).await?;
        let (chain, actor) = (chain(presented.tenant), user.to_string());
        let act = "session.refresh_reused";
        let nothing = serde_json::json!({});
        cx.commit_as((&actor, act), tx, chain, session, nothing)
            .await?;
        app.auth.sessions.forget(session);
        tracing::warn!(session.id = %session, peer = %cx.peer, "a used refresh token came back");
        return Err(Error::unauthenticated("this refresh token was used before")
            .detail("someone else may hold it, so its session has been ended")
            .hint("sign in again: todctl login"));
    }
    let tokens = store::issue(app, &mut tx, &ring, session, user, now).await?;
    tx.commit().await?;
    Ok(tokens)
}

pub(super) async fn sign_out(cx: Cx, req: Req<SignOut>) -> Result<Empty, Error> {
    let (app, now) = (&cx.app, cx.app.clock.now());
    let mut tx = app.db.system("sign out").await?;
    let Some(presented) = store::present(&mut tx, &req.body.refresh_token, now).await? else {
        return Ok(Empty {});
    };
    if store::revoke(&mut tx, presented.session, presented.user, now).await? {
        let (chain, actor) = (chain(presented.tenant), presented.user.to_string());
        let nothing = serde_json::json!({});
        let (act, session) = ("account.sign_out", presented.session);
        cx.commit_as((&actor, act), tx, chain, session, nothing)
            .await?;
    } else {
        tx.commit().await?;
    }
    app.auth.sessions.forget(presented.session);
    Ok(Empty {})
}

pub(super) async fn whoami(cx: Cx, _: Req<Whoami>) -> Result<Me, Error> {
    Ok(me(cx.caller()?))
}

pub(super) fn me(caller: &Principal) -> Me {
    let (api_key, scopes) = match &caller.credential {
        Credential::Session(_) => (None, Vec::new()),
        Credential::Key(key, scopes) => (Some(*key), scopes.clone()),
    };
    Me {
        id: caller.user,
        email: caller.email.clone(),
        name: caller.name.clone(),
        role: caller.role,
        tenant: caller.tenant,
        tenant_name: caller.tenant_name.clone(),
        api_key,
        scopes,
    }
}

pub(super) async fn sessions(cx: Cx, _: Req<Sessions>) -> Result<Page<Session>, Error> {
    let caller = cx.caller()?;
    let mut tx = cx.app.db.system("list a person's sessions").await?;
    let now = cx.app.clock.now();
    let items = store::sessions(&mut tx, caller.user, caller.session()?, now).await?;
    tx.commit().await?;
    let total = u64::try_from(items.len()).unwrap_or(u64::MAX);
    Ok(Page {
        items,
        next: None,
        total,
    })
}

pub(super) async fn revoke_session(cx: Cx, req: Req<RevokeSession>) -> Result<Empty, Error> {
    let (caller, now) = (cx.caller()?, cx.app.clock.now());
    let mut tx = cx.app.db.system("end a person's session").await?;
    if !store::revoke(&mut tx, req.path, caller.user, now).await? {
        return Err(Error::not_found("session"));
    }
    let nothing = serde_json::json!({});
    cx.commit(tx, chain(caller.tenant), req.path, nothing)
        .await?;
    cx.app.auth.sessions.forget(req.path);
    Ok(Empty {})
}
