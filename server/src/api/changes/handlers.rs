//! What each endpoint does.

use tod_proto::api::changes::{Apply, ApplyBody, Change, ChangeState, Confirm, List, Revert, Show};
use tod_proto::id::ChangeId;
use tod_proto::page::{MAX_PAGE, Page};

use super::view;
use crate::api::Cx;
use crate::api::devices;
use crate::api::error::Error;
use crate::api::route::Req;
use crate::event;
use crate::push::effects;
use crate::push::model::{Event, Push, Then, Wanted};
use crate::push::store::{self, Record, Secret, Which};
use crate::push::transition::{By, Happened, transition};

const MAX_SCRIPT: usize = 256 << 10;
const DEFAULT_WINDOW: u32 = 120;
const DEFAULT_LIMIT: u32 = 100;

pub(super) async fn apply(cx: Cx, req: Req<Apply>) -> Result<Change, Error> {
    let (tenant, now) = (req.path, cx.app.clock.now());
    let (actor, role) = (cx.caller()?.email.clone(), cx.caller()?.role);
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
        secret: Secret {
            script: req.body.script,
            ..Secret::default()
        },
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
    cx.record(&mut tx, tenant, record.id, detail).await?;
    tx.commit().await?;
    effects::spawn(&cx.app, tenant, record.id, record.number);
    Ok(view::change(record, Vec::new(), role))
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
    let role = cx.caller()?.role;
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
    let items = records
        .into_iter()
        .map(|record| view::change(record, Vec::new(), role))
        .collect();
    Ok(Page {
        items,
        next: None,
        total,
    })
}

pub(super) async fn show(cx: Cx, req: Req<Show>) -> Result<Change, Error> {
    read(&cx, req.path.1).await
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
    let record = store::find(&cx.keyring()?, &mut tx, number)
        .await?
        .ok_or_else(|| Error::not_found("change"))?;
    let timeline = store::timeline(&mut tx, record.id).await?;
    tx.commit().await?;
    Ok(view::change(record, timeline, cx.caller()?.role))
}
