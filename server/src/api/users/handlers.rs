//! What each endpoint does.

use std::time::Duration;

use tod_proto::api::users::{Invitation, Invite, List, Set, User, UserPatch};
use tod_proto::page::Page;

use super::store;
use crate::api::Cx;
use crate::api::account::{check_email, check_name, normal_email};
use crate::api::error::Error;
use crate::api::route::Req;
use crate::audit::{self, Act};
use crate::auth::secret;

/// How long an invitation is good.
const INVITATION: Duration = Duration::from_hours(72);

pub(super) async fn list(cx: Cx, _: Req<List>) -> Result<Page<User>, Error> {
    let mut tx = cx.begin().await?;
    let items = store::list(&mut tx).await?;
    tx.commit().await?;
    let total = u64::try_from(items.len()).unwrap_or(u64::MAX);
    Ok(Page {
        items,
        next: None,
        total,
    })
}

pub(super) async fn invite(cx: Cx, req: Req<Invite>) -> Result<Invitation, Error> {
    let (caller, tenant, now) = (cx.caller()?, cx.tenant()?, cx.app.clock.now());
    let email = normal_email(&req.body.email);
    check_email(&email)?;
    let name = check_name(&req.body.name)?;
    if req.body.role > caller.role {
        return Err(Error::forbidden(format!(
            "you cannot give the role {}: yours is {}",
            req.body.role, caller.role
        )));
    }
    let (token, expires_at) = (secret::generate("invite")?, now + INVITATION);
    let mut tx = cx.app.db.system("invite a person").await?;
    let user = store::invite(&mut tx, tenant, &email, &name, req.body.role, now).await?;
    store::add_invitation(&mut tx, user.id, &secret::hash(&token), expires_at).await?;
    let act = Act {
        actor: &caller.email,
        act: "user.invite",
        target: user.id.to_string(),
        detail: serde_json::json!({ "email": email, "role": user.role }),
    };
    audit::record(&mut tx, tenant, now, act).await?;
    tx.commit().await?;
    Ok(Invitation {
        user,
        token,
        expires_at,
    })
}

pub(super) async fn set(cx: Cx, req: Req<Set>) -> Result<User, Error> {
    let (caller, now) = (cx.caller()?, cx.app.clock.now());
    let ((tenant, user), patch) = (req.path, req.body);
    if user == caller.user {
        return Err(
            Error::conflict("you cannot change your own role or switch yourself off")
                .hint("ask another administrator"),
        );
    }
    let mut tx = cx.begin().await?;
    let before = store::show(&mut tx, user)
        .await?
        .ok_or_else(|| Error::not_found("user"))?;
    let highest = patch.role.unwrap_or(before.role).max(before.role);
    if highest > caller.role {
        return Err(Error::forbidden(format!(
            "this needs the role {highest}; yours is {}",
            caller.role
        )));
    }
    let after = store::set(&mut tx, user, &patch).await?;
    let UserPatch { role, active } = patch;
    let act = Act {
        actor: &caller.email,
        act: "user.set",
        target: user.to_string(),
        detail: serde_json::json!({ "role": role, "active": active }),
    };
    audit::record(&mut tx, tenant, now, act).await?;
    tx.commit().await?;
    if active == Some(false) {
        // Requests are refused from the commit on; this keeps old sessions from coming back to
        // life with the person.
        let mut tx = cx.app.db.system("end a person's sessions").await?;
        store::revoke_sessions(&mut tx, user, now).await?;
        tx.commit().await?;
    }
    cx.app.auth.sessions.forget_user(user);
    Ok(after)
}
