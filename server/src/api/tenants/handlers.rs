//! What each endpoint does.

use tod_proto::api::tenants::{Create, List, Tenant};
use tod_proto::endpoint::Role;
use tod_proto::page::Page;

use super::store;
use crate::api::Cx;
use crate::api::error::Error;
use crate::api::route::Req;
use crate::audit::{self, Act};

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
    let (caller, now) = (cx.caller()?, cx.app.clock.now());
    let mut tx = cx.app.db.system("make a tenant").await?;
    let tenant = store::create(&cx.app, &mut tx, &req.body.name, now).await?;
    for chain in [audit::PLATFORM, tenant] {
        let act = Act {
            actor: &caller.email,
            act: "tenant.create",
            target: tenant.to_string(),
            detail: serde_json::json!({ "name": req.body.name }),
        };
        audit::record(&mut tx, chain, now, act).await?;
    }
    tx.commit().await?;
    Ok(Tenant {
        id: tenant,
        name: req.body.name,
        role: caller.role,
        devices: 0,
        created_at: now,
    })
}
