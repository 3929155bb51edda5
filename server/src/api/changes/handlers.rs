//! What each endpoint does.

use tod_proto::api::changes::{
    Apply, ApplyBody, Change, ChangeState, ChangeStep, Confirm, List, Revert, Show,
};
use tod_proto::endpoint::Endpoint as _;
use tod_proto::id::ChangeId;
use tod_proto::page::{MAX_PAGE, Page};

use super::view;
use crate::api::Cx;
use crate::api::devices;
use crate::api::error::Error;
use crate::api::route::Req;
use crate::db::TenantTx;
use crate::event;
use crate::kms::Keyring;
use crate::push::effects;
use crate::push::model::{Event, Push, Then, Wanted};
use crate::push::shade::Marks;
use crate::push::store::{self, Record, Secret, Which};
use crate::push::transition::{By, Happened, transition};

const MAX_SCRIPT: usize = 256 << 10;
const DEFAULT_WINDOW: u32 = 120;
const DEFAULT_LIMIT: u32 = 100;
/// What the logs call it when the secrets of a change are shown.
const REVEAL: &str = "change.reveal";

pub(super) async fn apply(cx: Cx, req: Req<Apply>) -> Result<Change, Error> {
    let (tenant, now) = (req.path, cx.app.clock.now());
    let actor = cx.caller()?.email.clone();
    let wanted = wanted(&req.body)?;
    let mut tx = cx.begin().await?;
    let device = devices::store::one(&mut tx, req.body.device, now)
        .await?
        .ok_or_else(|| Error::not_found("device"))?;
    if wanted.then != Then::OnlyPlan {
        devices::check_identity(&device)?;
    }
    let number = event::next(&mut tx, tenant, "change", 1).await?;
    let record = Record {
        id: ChangeId::generate(),
        number: u64::try_from(number).map_err(Error::internal)?,
        device: device.id,
        device_name: device.name,
        push: Push::new(wanted),
        secret: Secret::asked(req.body.script),
        actor,
        created_at: now,
    };
    // A plan alone changes nothing: it needs no lock, and is made beside a change that waits.
    if wanted.then != Then::OnlyPlan
        && let Some(lock) = store::lock(&mut tx, &record).await?
    {
        let (name, number) = (&record.device_name, lock.number);
        return Err(Error::conflict(format!(
            "`{name}` is being changed by c-{number} of {}",
            lock.actor
        ))
        .hint(format!("see how it goes: todctl config show c-{number}")));
    }
    store::insert(&cx.app.kms, &mut tx, &record).await?;
    let detail = serde_json::json!({
        "number": record.number, "device": record.device, "window": wanted.window_seconds,
        "then": wanted.then, "unguarded": wanted.unguarded,
    });
    cx.commit(tx, tenant, record.id, detail).await?;
    effects::spawn(&cx.app, tenant, record.id, record.number);
    Ok(view::change(record, Vec::new(), Some(&marks(&cx)?)))
}

fn wanted(body: &ApplyBody) -> Result<Wanted, Error> {
    let window_seconds = body.window_seconds.unwrap_or(DEFAULT_WINDOW);
    if !(10..=3600).contains(&window_seconds) {
        return Err(Error::invalid("window_seconds: 10 to 3600"));
    }
    if body.script.len() > MAX_SCRIPT {
        return Err(Error::invalid("script: at most 256 KiB"));
    }
    if body.script.trim().is_empty() {
        return Err(Error::invalid("script: is empty"));
    }
    let then = if body.dry_run {
        Then::OnlyPlan
    } else if body.auto_confirm {
        Then::Confirm
    } else {
        Then::Wait
    };
    Ok(Wanted {
        window_seconds,
        then,
        unguarded: body.unguarded,
    })
}

pub(super) async fn list(cx: Cx, req: Req<List>) -> Result<Page<Change>, Error> {
    let limit = req.query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Error::invalid(format!("limit: 1 to {MAX_PAGE}")));
    }
    let which = Which {
        device: req.query.device,
        open: req.query.open,
        number: None,
    };
    let mut tx = cx.begin().await?;
    let total = store::count(&mut tx, which).await?;
    let records = store::list(&cx.keyring()?, &mut tx, which, limit.into()).await?;
    tx.commit().await?;
    let marks = marks(&cx)?;
    let items = records
        .into_iter()
        .map(|record| view::change(record, Vec::new(), Some(&marks)))
        .collect();
    Ok(Page {
        items,
        next: None,
        total,
    })
}

pub(super) async fn show(cx: Cx, req: Req<Show>) -> Result<Change, Error> {
    if req.query.secrets {
        return reveal(&cx, req.path.1).await;
    }
    read(&cx, req.path.1).await
}

/// A change with its secrets: for whoever may make one, and on record.
async fn reveal(cx: &Cx, number: u64) -> Result<Change, Error> {
    let (caller, tenant) = (cx.caller()?, cx.tenant()?);
    cx.check(&Apply::OP).map_err(|error| {
        error.hint("only who may make changes sees their secrets; without them you see the rest")
    })?;
    cx.app.kms.warm(&cx.app.db, tenant).await;
    let keys = (cx.app.kms).keyring(caller.actor(), REVEAL, cx.app.clock.now());
    let mut tx = cx.begin().await?;
    let (record, timeline) = whole(&keys, &mut tx, number).await?;
    let detail = serde_json::json!({ "number": number });
    cx.commit_as((&caller.actor(), REVEAL), tx, tenant, record.id, detail)
        .await?;
    Ok(view::change(record, timeline, None))
}

pub(super) async fn confirm(cx: Cx, req: Req<Confirm>) -> Result<Change, Error> {
    let number = req.path.1;
    let record = find(&cx, number).await?;
    let state = record.push.state;
    // The same confirmation twice is one.
    if matches!(state, ChangeState::Confirming | ChangeState::Confirmed) {
        return read(&cx, number).await;
    }
    let late = record
        .push
        .reverts_at
        .is_some_and(|at| cx.app.clock.now() >= at);
    let too_late = matches!(state, ChangeState::Reverting | ChangeState::Reverted);
    if too_late || (late && state == ChangeState::Pending) {
        return Err(Error::conflict(format!(
            "too late: c-{number} is being undone, or is undone already"
        ))
        .hint(format!(
            "see what the device is now: todctl config show c-{number}"
        )));
    }
    act(&cx, &record, Event::Confirm).await
}

pub(super) async fn revert(cx: Cx, req: Req<Revert>) -> Result<Change, Error> {
    let record = find(&cx, req.path.1).await?;
    if matches!(
        record.push.state,
        ChangeState::Reverting | ChangeState::Reverted
    ) {
        return read(&cx, req.path.1).await;
    }
    act(&cx, &record, Event::Revert).await
}

async fn act(cx: &Cx, record: &Record, event: Event) -> Result<Change, Error> {
    let actor = cx.caller()?.actor();
    let happened = Happened {
        event,
        by: By {
            actor: &actor,
            name: Some(&cx.caller()?.email),
            origin: cx.origin(),
        },
        turn: None,
        plan: None,
    };
    transition(&cx.app, cx.tenant()?, record, happened).await?;
    read(cx, record.number).await
}

async fn find(cx: &Cx, number: u64) -> Result<Record, Error> {
    let mut tx = cx.begin().await?;
    let record = store::find(&cx.keyring()?, &mut tx, number).await?;
    tx.commit().await?;
    record.ok_or_else(|| Error::not_found("change"))
}

async fn read(cx: &Cx, number: u64) -> Result<Change, Error> {
    let mut tx = cx.begin().await?;
    let (record, timeline) = whole(&cx.keyring()?, &mut tx, number).await?;
    tx.commit().await?;
    Ok(view::change(record, timeline, Some(&marks(cx)?)))
}

async fn whole(
    keys: &Keyring<'_>,
    tx: &mut TenantTx,
    number: u64,
) -> Result<(Record, Vec<ChangeStep>), Error> {
    let record = store::find(keys, tx, number).await?;
    let record = record.ok_or_else(|| Error::not_found("change"))?;
    let timeline = store::timeline(tx, record.id).await?;
    Ok((record, timeline))
}

/// What stands for secrets, unless they are asked for.
fn marks(cx: &Cx) -> Result<Marks, Error> {
    Ok(Marks::of(&cx.app.kms, cx.tenant()?)?)
}
