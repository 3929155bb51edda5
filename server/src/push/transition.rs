//! Moves a change: one transaction with everything that belongs to it.

use jiff::Timestamp;
use tod_proto::api::changes::ChangeState;
use tod_proto::bus::FleetNotice;
use tod_proto::bus::task::Prepared;
use tod_proto::id::TenantId;
use tod_proto::untrusted::Untrusted;

use super::machine;
use super::model::{Effect, Event, Push};
use super::shade::{Marks, Shade};
use super::store::{self, Record, Secret};
use crate::api::App;
use crate::api::error::Error;
use crate::audit::{self, Act, Origin};
use crate::db::TenantTx;
use crate::event::{self, NewEvent};

/// Something that happened to a change.
#[derive(Debug)]
pub struct Happened<'a> {
    /// What.
    pub event: Event,
    /// Who did it.
    pub by: By<'a>,
    /// The turn of the question that this answers; none when a person did it.
    pub turn: Option<u32>,
    /// The plan, if that is what came.
    pub plan: Option<Prepared>,
}

/// Who moves a change.
#[derive(Clone, Copy, Debug)]
pub struct By<'a> {
    /// As the audit log knows them.
    pub actor: &'a str,
    /// For people to read; nothing if nobody did it by hand.
    pub name: Option<&'a str>,
    /// Which request it was.
    pub origin: Origin<'a>,
}

impl By<'_> {
    /// Nobody: tod itself.
    pub const TOD: By<'static> = By {
        actor: audit::TOD,
        name: None,
        origin: Origin {
            request: "",
            address: None,
        },
    };
}

/// Moves the change of `record`. `None` if the answer came too late: the change has moved on.
pub async fn transition(
    app: &App,
    tenant: TenantId,
    record: &Record,
    happened: Happened<'_>,
) -> Result<Option<Push>, Error> {
    let now = app.clock.now();
    let mut tx = app.db.tenant(tenant).await?;
    let before = store::hold(&mut tx, record.id)
        .await?
        .ok_or_else(|| Error::not_found("change"))?;
    if happened.turn.is_some_and(|turn| turn != before.turn) {
        return Ok(None);
    }
    let moved = machine::step(&before, happened.event, now)
        .map_err(|illegal| Error::conflict(format!("c-{}: {illegal}", record.number)))?;
    // What a device said may repeat what it was told, and is stored in the clear.
    let marks = Marks::of(&app.kms, tenant)?;
    let shade = Shade::of(&record.secret, &marks);
    let said = shade.hide(&Untrusted::new(moved.said).to_string());
    let mut push = moved.push;
    push.reason = push.reason.map(|reason| shade.hide(&reason));
    store::moved(&mut tx, record.id, &push, &said, now).await?;
    if let Some(plan) = happened.plan {
        keep_plan(app, &mut tx, record, plan, &marks).await?;
    }
    if moved.effects.contains(&Effect::Release) {
        store::unlock(&mut tx, record.id).await?;
    }
    let pends = |state| state == ChangeState::Pending;
    let shown = pends(before.state) != pends(push.state);
    if shown {
        let number = pends(push.state).then_some(record.number);
        store::show_pending(&mut tx, record.device, number).await?;
    }
    let entered = before.state != push.state;
    if entered {
        note(
            app,
            &mut tx,
            record,
            happened.by,
            (before.state, push.state),
            &said,
            now,
        )
        .await?;
    }
    tx.commit().await?;
    tracing::info!(change = record.number, device.id = %record.device, state = push.state.as_str(), said, "change moved");
    tell(app, tenant, record, entered, shown).await;
    Ok(Some(push))
}

/// Tells followers that a change moved, whether it is in another state, and whether its device
/// shows it otherwise.
async fn tell(app: &App, tenant: TenantId, record: &Record, entered: bool, shown: bool) {
    app.tell(&FleetNotice::Change {
        tenant,
        number: record.number,
    })
    .await;
    if entered {
        app.tell(&FleetNotice::Events { tenant }).await;
    }
    if shown {
        app.tell(&FleetNotice::Devices {
            tenant,
            devices: vec![record.device],
        })
        .await;
    }
}

async fn keep_plan(
    app: &App,
    tx: &mut TenantTx,
    record: &Record,
    plan: Prepared,
    marks: &Marks,
) -> Result<(), Error> {
    let (secret, before) = Secret::planned(&record.secret.script, plan, marks);
    store::planned(&app.kms, tx, record.id, &secret, &before).await
}

/// The state entered, for auditors and followers.
async fn note(
    app: &App,
    tx: &mut TenantTx,
    record: &Record,
    by: By<'_>,
    (from, to): (ChangeState, ChangeState),
    said: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let tenant = tx.tenant();
    let act = Act {
        actor: by.actor,
        act: "change.state",
        target: record.id.to_string(),
        detail: serde_json::json!({ "from": from.as_str(), "to": to.as_str(), "said": said }),
        origin: by.origin,
    };
    audit::record(app, tx, tenant, act).await?;
    let event = state_event(record, by.name, from, to, said);
    event::record(tx, tenant, now, &[event]).await?;
    Ok(())
}

fn state_event(
    record: &Record,
    by: Option<&str>,
    from: ChangeState,
    to: ChangeState,
    said: &str,
) -> NewEvent {
    NewEvent {
        kind: "change.state",
        device: Some(record.device),
        device_name: Some(record.device_name.clone()),
        from: Some(from.as_str().to_owned()),
        to: Some(to.as_str().to_owned()),
        message: format!(
            "c-{} of {} is {}: {said}",
            record.number,
            record.device_name,
            to.as_str()
        ),
        actor: by.map(str::to_owned),
    }
}
