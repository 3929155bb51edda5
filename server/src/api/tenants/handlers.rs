//! What each endpoint does.

use tod_proto::api::tenants::{Create, Delete, Deleted, List, Set, Show, Tenant};
use tod_proto::endpoint::Role;
use tod_proto::id::TenantId;
use tod_proto::page::Page;

use super::store;
use crate::api::Cx;
use crate::api::error::Error;
use crate::api::route::Req;
use crate::audit::PLATFORM;
use crate::db::SystemTx;
use crate::lease;

pub(super) async fn list(cx: Cx, _: Req<List>) -> Result<Page<Tenant>, Error> {
    let caller = cx.caller()?;
    let only = if caller.role == Role::SuperAdmin {
        None
    } else {
        Some(caller.tenant)
    };
    let mut tx = cx.app.db.system("list the tenants of a person").await?;
    let items = match only {
        None => store::all(&mut tx, caller.role).await?,
        Some(Some(own)) => store::one(&mut tx, own, caller.role)
            .await?
            .into_iter()
            .collect(),
        Some(None) => Vec::new(),
    };
    tx.commit().await?;
    let total = u64::try_from(items.len()).unwrap_or(u64::MAX);
    Ok(Page {
        items,
        next: None,
        total,
    })
}

pub(super) async fn create(cx: Cx, req: Req<Create>) -> Result<Tenant, Error> {
    let (app, now) = (&cx.app, cx.app.clock.now());
    store::check_name(&req.body.name)?;
    let key = app
        .kms
        .first_key(&app.db, TenantId::generate(), now)
        .await?;
    let mut tx = app.db.system("make a tenant").await?;
    let tenant = store::create(app, &mut tx, &key, &req.body.name, now).await?;
    for chain in [PLATFORM, tenant] {
        let detail = serde_json::json!({ "name": req.body.name });
        cx.record(&mut tx, chain, tenant, detail).await?;
    }
    let made = one(&cx, &mut tx, tenant).await?;
    tx.commit().await?;
    Ok(made)
}

pub(super) async fn show(cx: Cx, req: Req<Show>) -> Result<Tenant, Error> {
    let mut tx = cx.app.db.system("show a tenant").await?;
    let tenant = one(&cx, &mut tx, req.path).await?;
    tx.commit().await?;
    Ok(tenant)
}

pub(super) async fn set(cx: Cx, req: Req<Set>) -> Result<Tenant, Error> {
    let (tenant, patch, now) = (req.path, req.body, cx.app.clock.now());
    let mut tx = cx.app.db.system("change a tenant").await?;
    if patch.suspended == Some(true) && cx.caller()?.tenant == Some(tenant) {
        return Err(Error::conflict("you cannot suspend your own tenant")
            .hint("you could not lift it again; ask another super administrator"));
    }
    store::set(&mut tx, tenant, &patch, now).await?;
    let detail = serde_json::json!({
        "name": patch.name, "suspended": patch.suspended, "quotas": patch.quotas,
        "totp_required": patch.totp_required,
        "audit_retention_days": patch.audit_retention_days,
    });
    for chain in [PLATFORM, tenant] {
        cx.record(&mut tx, chain, tenant, detail.clone()).await?;
    }
    let after = one(&cx, &mut tx, tenant).await?;
    let (people, zones) = (
        store::people(&mut tx, tenant).await?,
        store::zones(&mut tx, tenant).await?,
    );
    tx.commit().await?;
    if patch.suspended.is_some() || patch.totp_required.is_some() {
        for user in people {
            cx.app.auth.forget_user(user);
        }
    }
    if patch.suspended.is_some() {
        for zone in zones {
            lease::poke_zone(&cx.app, &zone).await;
        }
    }
    Ok(after)
}

pub(super) async fn delete(cx: Cx, req: Req<Delete>) -> Result<Deleted, Error> {
    let tenant = req.path;
    let mut tx = cx.app.db.system("delete a tenant").await?;
    let before = one(&cx, &mut tx, tenant).await?;
    if req.query.confirm != before.name {
        return Err(
            Error::invalid("confirm: not the name of the tenant").hint(format!(
                "`{}` would be deleted with all it has",
                before.name
            )),
        );
    }
    if cx.caller()?.tenant == Some(tenant) {
        return Err(
            Error::conflict("you cannot delete your own tenant: your account is in it")
                .hint("ask a super administrator who is in another tenant, or in none"),
        );
    }
    let (people, zones) = (
        store::people(&mut tx, tenant).await?,
        store::zones(&mut tx, tenant).await?,
    );
    let detail = serde_json::json!({
        "name": before.name, "devices": before.devices, "users": before.users,
    });
    // One that stays readable, and the last record of its own chain, sealed with a key that goes in
    // the same moment. In the order of all who write into both.
    cx.record(&mut tx, PLATFORM, tenant, detail.clone()).await?;
    if !cx.app.kms.is_lost(&mut tx, tenant).await? {
        cx.record(&mut tx, tenant, tenant, detail).await?;
    }
    store::delete(&mut tx, tenant).await?;
    cx.app
        .kms
        .doom_tenant(&mut tx, tenant, cx.app.clock.now())
        .await?;
    tx.commit().await?;
    cx.app.kms.forget(tenant);
    // At once if that is possible; otherwise later, as often as it takes.
    if let Err(error) = cx.app.kms.shred(&cx.app.db, cx.app.clock.now()).await {
        tracing::warn!(tenant.id = %tenant, %error, "its key will be destroyed later");
    }
    for user in people {
        cx.app.auth.forget_user(user);
    }
    for zone in zones {
        lease::poke_zone(&cx.app, &zone).await;
    }
    Ok(Deleted {
        id: tenant,
        devices: before.devices,
        users: before.users,
    })
}

async fn one(cx: &Cx, tx: &mut SystemTx, tenant: TenantId) -> Result<Tenant, Error> {
    store::one(tx, tenant, cx.caller()?.role)
        .await?
        .ok_or_else(|| Error::not_found("tenant"))
}
