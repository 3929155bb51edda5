//! What each endpoint does.

use tod_proto::api::kms::{
    Backend, DataKey, KeyStat, KeyUse, Keys, Log, Progress, Retire, RetireBody, Rewrap, Rotate,
    Show, Stats,
};
use tod_proto::id::TenantId;
use tod_proto::page::{MAX_PAGE, Page};

use super::store::{self, Filter};
use crate::api::Cx;
use crate::api::error::Error;
use crate::api::route::Req;
use crate::db::SystemTx;
use crate::kms::rewrap::{sealed_below, sealed_with};
use crate::kms::{Versions, Wrapped, how_wrapped};
use crate::people;

const DEFAULT_LIMIT: u32 = 100;
const ROTATIONS_AT_ONCE: usize = 20;

pub(super) async fn show(cx: Cx, _: Req<Show>) -> Result<Keys, Error> {
    keys(&cx).await
}

pub(super) async fn rotate(cx: Cx, req: Req<Rotate>) -> Result<Keys, Error> {
    let (tenant, now, kms) = (req.path, cx.app.clock.now(), &cx.app.kms);
    for _ in 0..ROTATIONS_AT_ONCE {
        let key = kms.next_key(&cx.app.db, tenant).await?;
        let mut tx = cx.app.db.system("give a tenant another data key").await?;
        if !kms.store_key(&mut tx, &key, now).await? {
            // Somebody else was faster: the next number.
            continue;
        }
        let detail = serde_json::json!({ "version": key.version });
        cx.commit(tx, tenant, tenant, detail).await?;
        return keys(&cx).await;
    }
    Err(Error::conflict(
        "others rotate this tenant's keys at the same time",
    ))
}

pub(super) async fn rewrap(cx: Cx, req: Req<Rewrap>) -> Result<Progress, Error> {
    let mut tx = cx.begin().await?;
    let (done, left) = cx.app.kms.rewrap(&mut tx).await?;
    if done > 0 {
        let detail = serde_json::json!({ "values": done });
        cx.record(&mut tx, req.path, req.path, detail).await?;
    }
    tx.commit().await?;
    if left == 0 {
        let settled = cx.app.kms.settle(&cx.app.db, req.path, Versions::Keep);
        settled.await?;
    }
    Ok(Progress { done, left })
}

pub(super) async fn retire(cx: Cx, req: Req<Retire>) -> Result<Keys, Error> {
    let (tenant, body) = (req.path, req.body);
    let mut tx = cx.app.db.system("destroy data keys").await?;
    let is_free = async |tx: &mut SystemTx| check_free(tx, tenant, body).await;
    let destroyed = cx
        .app
        .kms
        .retire(&mut tx, tenant, body.below, is_free)
        .await?;
    let detail = serde_json::json!({ "below": body.below, "destroyed": destroyed });
    cx.commit(tx, tenant, tenant, detail).await?;
    cx.app.kms.forget(tenant);
    let settled = cx.app.kms.settle(&cx.app.db, tenant, Versions::Trim);
    settled.await?;
    keys(&cx).await
}

/// Refuses to destroy what something is sealed with.
async fn check_free(tx: &mut SystemTx, tenant: TenantId, body: RetireBody) -> Result<(), Error> {
    let newest = store::newest(tx, tenant).await?;
    if body.below > newest {
        return Err(
            Error::conflict(format!("the newest key is {newest}: it has to stay"))
                .hint("make another first: todctl kms rotate"),
        );
    }
    let (values, records) = sealed_below(tx, tenant, body.below).await?;
    if values > 0 {
        return Err(
            Error::conflict(format!("{values} values are still sealed with those keys"))
                .hint("seal them with the newest: todctl kms rewrap"),
        );
    }
    if records > 0 && !body.lose_audit_details {
        return Err(Error::conflict(format!(
            "the details of {records} audit records would become unreadable"
        ))
        .detail("the chain itself would stay whole")
        .hint("if that is meant: --lose-audit-details"));
    }
    Ok(())
}

pub(super) async fn log(cx: Cx, req: Req<Log>) -> Result<Page<KeyUse>, Error> {
    let query = req.query;
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Error::invalid(format!("limit: 1 to {MAX_PAGE}")));
    }
    let actor = match &query.actor {
        Some(actor) => Some(people::actor(&cx.app, actor).await?),
        None => None,
    };
    let filter = Filter {
        since: query.since,
        actor,
        purpose: query.purpose,
    };
    let mut tx = cx.begin().await?;
    let uses = store::uses(&mut tx, &filter, query.before, i64::from(limit)).await?;
    let total = store::count(&mut tx, &filter).await?;
    tx.commit().await?;
    let user = |used: &KeyUse| people::of_actor(&used.actor);
    let emails = people::emails(&cx.app, uses.iter().filter_map(user)).await?;
    let full = uses.len() == usize::try_from(limit).unwrap_or(usize::MAX);
    let next = uses.last().filter(|_| full).map(|used| used.id.to_string());
    let items = uses.into_iter().map(|used| KeyUse {
        actor_email: user(&used).and_then(|user| emails.get(&user).cloned()),
        ..used
    });
    Ok(Page {
        items: items.collect(),
        next,
        total: u64::try_from(total).unwrap_or(0),
    })
}

pub(super) async fn stats(cx: Cx, req: Req<Stats>) -> Result<Page<KeyStat>, Error> {
    let mut tx = cx.begin().await?;
    let mut items = store::stats(&mut tx, req.query.since).await?;
    tx.commit().await?;
    let actors = items.iter().flat_map(|stat| &stat.who);
    let users: Vec<_> = actors.filter_map(|who| people::of_actor(who)).collect();
    let emails = people::emails(&cx.app, users).await?;
    for who in items.iter_mut().flat_map(|stat| &mut stat.who) {
        let email = people::of_actor(who).and_then(|user| emails.get(&user));
        if let Some(email) = email {
            who.clone_from(email);
        }
    }
    for stat in &mut items {
        // A person and their keys are one.
        stat.who.sort_unstable();
        stat.who.dedup();
    }
    let total = u64::try_from(items.len()).unwrap_or(u64::MAX);
    Ok(Page {
        items,
        next: None,
        total,
    })
}

async fn keys(cx: &Cx) -> Result<Keys, Error> {
    let mut tx = cx.begin().await?;
    let mut keys = Vec::new();
    for (version, created_at, wrapped) in store::versions(&mut tx).await? {
        let (values, audit_records) = sealed_with(&mut tx, cx.tenant()?, version).await?;
        keys.push(DataKey {
            version,
            created_at,
            values,
            audit_records,
            wrapped_by: match how_wrapped(&wrapped) {
                Wrapped::Local => Backend::Local,
                Wrapped::Transit(_) => Backend::Transit,
            },
            wrapped_version: match how_wrapped(&wrapped) {
                Wrapped::Local => None,
                Wrapped::Transit(version) => Some(version),
            },
        });
    }
    tx.commit().await?;
    Ok(Keys { keys })
}
