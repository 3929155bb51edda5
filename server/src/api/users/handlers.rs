//! What each endpoint does.

use std::time::Duration;

use tod_proto::api::users::{
    Delete, Invitation, Invite, List, RemoveTotp, Reset, Set, User, UserPatch,
};
use tod_proto::endpoint::Role;
use tod_proto::id::UserId;
use tod_proto::page::{Empty, Page};

use super::store;
use crate::api::account::{check_email, check_name, normal_email};
use crate::api::error::Error;
use crate::api::route::Req;
use crate::api::{Cx, totp};
use crate::auth::secret;
use crate::db::TenantTx;
use crate::people;
use crate::quota::{self, Quota};

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
    let (tenant, now) = (cx.tenant()?, cx.app.clock.now());
    let email = normal_email(&req.body.email);
    check_email(&email)?;
    let name = check_name(&req.body.name)?;
    reaches(&cx, req.body.role)?;
    let (token, expires_at) = (secret::generate("invite")?, now + INVITATION);
    let mut tx = cx.app.db.system("invite a person").await?;
    // Who is invited again is counted already.
    if !store::is_here(&mut tx, tenant, &email).await? {
        quota::check(&mut tx, tenant, Quota::Users, now).await?;
    }
    let user = store::invite(&mut tx, tenant, &email, &name, req.body.role, now).await?;
    store::add_invitation(&mut tx, user.id, &secret::hash(&token), expires_at).await?;
    let detail = serde_json::json!({ "role": user.role });
    cx.commit(tx, tenant, user.id, detail).await?;
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
    let before = below(&cx, &mut tx, user).await?;
    reaches(&cx, patch.role.unwrap_or(before.role))?;
    let after = store::set(&mut tx, user, &patch).await?;
    let UserPatch { role, active } = patch;
    let detail = serde_json::json!({ "role": role, "active": active });
    cx.commit(tx, tenant, user, detail).await?;
    if active == Some(false) {
        // Requests are refused from the commit on; this keeps old sessions from coming back to
        // life with the person.
        let mut tx = cx.app.db.system("end a person's sessions").await?;
        store::revoke_sessions(&mut tx, user, now).await?;
        tx.commit().await?;
    }
    cx.app.auth.forget_user(user);
    Ok(after)
}

pub(super) async fn reset(cx: Cx, req: Req<Reset>) -> Result<Invitation, Error> {
    let ((tenant, user), now) = (req.path, cx.app.clock.now());
    not_oneself(&cx, user, "todctl account password")?;
    let mut tx = cx.begin().await?;
    let before = below(&cx, &mut tx, user).await?;
    tx.commit().await?;
    let (token, expires_at) = (secret::generate("invite")?, now + INVITATION);
    // Signing in is across tenants: the rows that are taken away are no tenant's.
    let mut tx = cx.app.db.system("take a person's way in away").await?;
    store::forget_verifier(&mut tx, user).await?;
    totp::store::forget(&mut tx, user).await?;
    store::revoke_sessions(&mut tx, user, now).await?;
    store::add_invitation(&mut tx, user, &secret::hash(&token), expires_at).await?;
    cx.commit(tx, tenant, user, serde_json::json!({})).await?;
    cx.app.auth.forget_user(user);
    Ok(Invitation {
        user: User {
            enrolled: false,
            totp: false,
            ..before
        },
        token,
        expires_at,
    })
}

pub(super) async fn remove_totp(cx: Cx, req: Req<RemoveTotp>) -> Result<Empty, Error> {
    let (tenant, user) = req.path;
    not_oneself(&cx, user, "todctl account totp disable")?;
    let mut tx = cx.begin().await?;
    below(&cx, &mut tx, user).await?;
    tx.commit().await?;
    let mut tx = cx.app.db.system("take a second step away").await?;
    if !totp::store::forget(&mut tx, user).await? {
        return Err(Error::conflict("their sign-in has no second step"));
    }
    cx.commit(tx, tenant, user, serde_json::json!({})).await?;
    cx.app.auth.forget_user(user);
    Ok(Empty {})
}

pub(super) async fn delete(cx: Cx, req: Req<Delete>) -> Result<Empty, Error> {
    let (tenant, user) = req.path;
    not_oneself(&cx, user, "todctl account delete")?;
    let mut tx = cx.begin().await?;
    below(&cx, &mut tx, user).await?;
    tx.commit().await?;
    let mut tx = cx.app.db.system("remove a person").await?;
    people::forget(&mut tx, user).await?;
    cx.commit(tx, tenant, user, serde_json::json!({})).await?;
    cx.app.auth.forget_user(user);
    Ok(Empty {})
}

/// A person of the tenant whose role is not above the caller's.
async fn below(cx: &Cx, tx: &mut TenantTx, user: UserId) -> Result<User, Error> {
    let found = store::show(tx, user)
        .await?
        .ok_or_else(|| Error::not_found("user"))?;
    reaches(cx, found.role)?;
    Ok(found)
}

/// Nobody gives or takes a role above their own.
fn reaches(cx: &Cx, role: Role) -> Result<(), Error> {
    let own = cx.caller()?.role;
    if role <= own {
        return Ok(());
    }
    Err(Error::forbidden(format!(
        "this needs the role {role}; yours is {own}"
    )))
}

fn not_oneself(cx: &Cx, user: UserId, instead: &str) -> Result<(), Error> {
    if user == cx.caller()?.user {
        return Err(Error::conflict("this is about others; you are that person")
            .hint(format!("for yourself: {instead}")));
    }
    Ok(())
}
