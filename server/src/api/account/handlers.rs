//! What happens to sessions after the sign-in.

use tod_proto::api::account::{
    Me, Refresh, RevokeSession, Session, Sessions, SignOut, Tokens, Whoami,
};
use tod_proto::page::{Empty, Page};

use super::store;
use crate::api::Cx;
use crate::api::error::Error;
use crate::api::route::Req;
use crate::audit::{self, Act};

pub(super) async fn refresh(cx: Cx, req: Req<Refresh>) -> Result<Tokens, Error> {
    let (app, now) = (&cx.app, cx.app.clock.now());
    let ended = || Error::unauthenticated("the session has ended");
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
        let act = Act {
            actor: &presented.email,
            act: "session.refresh_reused",
            target: session.to_string(),
            detail: serde_json::json!({ "address": cx.peer }),
        };
        audit::record(
            &mut tx,
            presented.tenant.unwrap_or(audit::PLATFORM),
            now,
            act,
        )
        .await?;
        tx.commit().await?;
        app.auth.sessions.forget(session);
        tracing::warn!(session.id = %session, peer = %cx.peer, "a used refresh token came back");
        return Err(Error::unauthenticated("this refresh token was used before")
            .detail("someone else may hold it, so its session has been ended")
            .hint("sign in again: todctl auth login"));
    }
    let expires = now + store::SESSION;
    let tokens = store::issue(app, &mut tx, session, user, now, expires).await?;
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
        let act = Act {
            actor: &presented.email,
            act: "account.sign_out",
            target: presented.session.to_string(),
            detail: serde_json::json!({}),
        };
        audit::record(
            &mut tx,
            presented.tenant.unwrap_or(audit::PLATFORM),
            now,
            act,
        )
        .await?;
    }
    tx.commit().await?;
    app.auth.sessions.forget(presented.session);
    Ok(Empty {})
}

pub(super) async fn whoami(cx: Cx, _: Req<Whoami>) -> Result<Me, Error> {
    let caller = cx.caller()?;
    Ok(Me {
        id: caller.user,
        email: caller.email.clone(),
        name: caller.name.clone(),
        role: caller.role,
        tenant: caller.tenant,
        tenant_name: caller.tenant_name.clone(),
    })
}

pub(super) async fn sessions(cx: Cx, _: Req<Sessions>) -> Result<Page<Session>, Error> {
    let caller = cx.caller()?;
    let mut tx = cx.app.db.system("list a person's sessions").await?;
    let now = cx.app.clock.now();
    let items = store::sessions(&mut tx, caller.user, caller.session, now).await?;
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
    let act = Act {
        actor: &caller.email,
        act: "session.revoke",
        target: req.path.to_string(),
        detail: serde_json::json!({}),
    };
    audit::record(&mut tx, caller.tenant.unwrap_or(audit::PLATFORM), now, act).await?;
    tx.commit().await?;
    cx.app.auth.sessions.forget(req.path);
    Ok(Empty {})
}
