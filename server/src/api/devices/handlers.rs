//! What each endpoint does.

use std::time::Duration;

use tod_proto::api::devices::{
    Accept, Add, Delete, Device, Interface, Interfaces, ListQuery, Point, Series, Set, Show,
};
use tod_proto::id::{DeviceId, TenantId};
use tod_proto::page::{Empty, MAX_PAGE, Page};
use tod_proto::untrusted::Untrusted;

use super::check::{self, Record};
use super::store;
use crate::api::error::Error;
use crate::api::filter::Filter;
use crate::api::route::Req;
use crate::api::{App, Cx};
use crate::db::TenantTx;
use crate::event::{self, NewEvent};
use crate::kms::Place;
use crate::metrics;
use crate::quota::{self, Quota};

/// How many points are returned when nobody says how many.
const DEFAULT_POINTS: u32 = 500;
const MAX_POINTS: u32 = 5000;

pub(super) async fn list(
    app: App,
    tenant: TenantId,
    query: ListQuery,
) -> Result<Page<Device>, Error> {
    let now = app.clock.now();
    let filter = match query.selector.as_deref().map(str::trim) {
        None | Some("") => Filter::all(now),
        Some(text) => Filter::parse(text, now)?,
    };
    let limit = query.limit.unwrap_or(MAX_PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Error::invalid(format!("limit: 1 to {MAX_PAGE}")));
    }
    let mut tx = app.db.tenant(tenant).await?;
    // Nothing was written: without a commit there is one round trip less.
    store::page(&mut tx, &filter, limit, query.cursor.as_deref(), now).await
}

pub(super) async fn show(cx: Cx, req: Req<Show>) -> Result<Device, Error> {
    let mut tx = cx.begin().await?;
    let device = read(&cx, &mut tx, req.path.1).await?;
    tx.commit().await?;
    Ok(device)
}

pub(super) async fn add(cx: Cx, req: Req<Add>) -> Result<Device, Error> {
    let now = cx.app.clock.now();
    let (tenant, id) = (req.path, DeviceId::generate());
    let password = check::password(&req.body.password)?.to_owned();
    let mut device = req.body;
    device
        .poll_seconds
        .get_or_insert(cx.app.config.policy.poll_seconds);
    let record = Record::new(device)?;
    let mut tx = cx.begin().await?;
    store::check_address_is_free(&mut tx, None, &record).await?;
    quota::check(&mut tx, tenant, Quota::Devices, now).await?;
    let sealed = cx
        .app
        .kms
        .seal(&mut tx, tenant, place(id), password.as_bytes())
        .await?;
    store::insert(&mut tx, id, &record, &sealed, now).await?;
    let detail = serde_json::json!({
        "name": record.name, "address": record.address, "port": record.port,
        "zone": record.zone, "username": record.username,
    });
    let message = format!("{} was added", record.name);
    happened(&cx, &mut tx, "device.added", id, &record.name, message).await?;
    let device = read(&cx, &mut tx, id).await?;
    cx.commit(tx, cx.tenant()?, id, detail).await?;
    cx.app.device_changed(tenant, id, &[&record.zone]).await;
    Ok(device)
}

pub(super) async fn set(cx: Cx, req: Req<Set>) -> Result<Device, Error> {
    let ((tenant, id), patch) = (req.path, req.body);
    let mut tx = cx.begin().await?;
    let before = store::record(&mut tx, id)
        .await?
        .ok_or_else(|| Error::not_found("device"))?;
    let after = before.clone().patched(&patch)?;
    store::check_address_is_free(&mut tx, Some(id), &after).await?;
    let sealed = match &patch.password {
        Some(password) => {
            let password = check::password(password)?.as_bytes();
            Some(
                cx.app
                    .kms
                    .seal(&mut tx, tenant, place(id), password)
                    .await?,
            )
        }
        None => None,
    };
    store::update(&mut tx, id, &after, sealed.as_deref(), patch.forget_pins).await?;
    let detail = serde_json::json!({
        "changed": differences(&before, &after),
        "password": patch.password.is_some(), "forget_pins": patch.forget_pins,
    });
    let device = read(&cx, &mut tx, id).await?;
    cx.commit(tx, cx.tenant()?, id, detail).await?;
    let mut zones = vec![before.zone.as_str(), after.zone.as_str()];
    zones.dedup();
    cx.app.device_changed(tenant, id, &zones).await;
    Ok(device)
}

pub(super) async fn delete(cx: Cx, req: Req<Delete>) -> Result<Empty, Error> {
    let (tenant, id) = req.path;
    let mut tx = cx.begin().await?;
    let device = read(&cx, &mut tx, id).await?;
    if let Some(number) = device.pending_change {
        return Err(Error::conflict(format!(
            "change c-{number} of `{}` waits for confirmation",
            device.name
        ))
        .hint(format!(
            "first: todctl config confirm c-{number}, or revert it"
        )));
    }
    store::delete(&mut tx, id).await?;
    let detail = serde_json::json!({ "name": device.name, "address": device.address });
    let message = format!("{} was deleted", device.name);
    happened(&cx, &mut tx, "device.deleted", id, &device.name, message).await?;
    cx.commit(tx, cx.tenant()?, id, detail).await?;
    cx.app.device_deleted(tenant, id, &device.zone).await;
    Ok(Empty {})
}

pub(super) async fn interfaces(cx: Cx, req: Req<Interfaces>) -> Result<Page<Interface>, Error> {
    let mut tx = cx.begin().await?;
    read(&cx, &mut tx, req.path.1).await?;
    let items = store::interfaces(&mut tx, req.path.1).await?;
    tx.commit().await?;
    let total = u64::try_from(items.len()).unwrap_or(u64::MAX);
    Ok(Page {
        items,
        next: None,
        total,
    })
}

pub(super) async fn series(cx: Cx, req: Req<Series>) -> Result<Page<Point>, Error> {
    let ((tenant, device), query) = (req.path, req.query);
    let now = cx.app.clock.now();
    check::metric(&query.metric)?;
    let since = query.since.unwrap_or(now - Duration::from_hours(1));
    let limit = query.limit.unwrap_or(DEFAULT_POINTS);
    if !(1..=MAX_POINTS).contains(&limit) {
        return Err(Error::invalid(format!("limit: 1 to {MAX_POINTS}")));
    }
    let mut tx = cx.begin().await?;
    read(&cx, &mut tx, device).await?;
    let span = metrics::store::Span { since, now };
    let items = metrics::store::series(&mut tx, tenant, device, &query.metric, span, limit).await?;
    tx.commit().await?;
    let total = u64::try_from(items.len()).unwrap_or(u64::MAX);
    Ok(Page {
        items,
        next: None,
        total,
    })
}

async fn read(cx: &Cx, tx: &mut TenantTx, id: DeviceId) -> Result<Device, Error> {
    let now = cx.app.clock.now();
    store::one(tx, id, now)
        .await?
        .ok_or_else(|| Error::not_found("device"))
}

/// Where a device's password lies.
pub(crate) fn place(device: DeviceId) -> Place {
    Place {
        table: "devices",
        column: "password",
        row: device.0,
    }
}

pub(super) async fn accept(cx: Cx, req: Req<Accept>) -> Result<Device, Error> {
    let ((tenant, id), now) = (req.path, cx.app.clock.now());
    let mut tx = cx.begin().await?;
    let before = read(&cx, &mut tx, id).await?;
    let other = before.other_serial.as_ref().map(Untrusted::raw);
    if other != Some(&*req.body.serial) {
        return Err(Error::conflict(format!(
            "no device with that serial number answers as `{}` now",
            before.name
        ))
        .hint("see what does: todctl device show"));
    }
    store::accept_other(&mut tx, id).await?;
    let detail = serde_json::json!({
        "name": before.name, "serial": req.body.serial,
        "before": before.serial.as_ref().map(Untrusted::raw),
    });
    let message = format!(
        "{} is now the device with the serial number {}",
        before.name, req.body.serial
    );
    happened(&cx, &mut tx, "device.identity", id, &before.name, message).await?;
    let device = store::one(&mut tx, id, now)
        .await?
        .ok_or_else(|| Error::not_found("device"))?;
    cx.commit(tx, tenant, id, detail).await?;
    cx.app.device_changed(tenant, id, &[]).await;
    Ok(device)
}

/// Refuses to write to what is not the device that is meant.
pub(crate) fn check_identity(device: &Device) -> Result<(), Error> {
    let Some(other) = &device.other_serial else {
        return Ok(());
    };
    let known = device.serial.as_ref().map(ToString::to_string);
    Err(Error::halted(format!(
        "another device answers as `{}`: serial number {other}, not {}",
        device.name,
        known.unwrap_or_default()
    ))
    .detail("nothing is written to it")
    .hint(format!(
        "if it has been replaced: todctl device accept {}",
        device.name
    )))
}

async fn happened(
    cx: &Cx,
    tx: &mut TenantTx,
    kind: &'static str,
    id: DeviceId,
    name: &str,
    message: String,
) -> Result<(), Error> {
    let event = NewEvent {
        kind,
        device: Some(id),
        device_name: Some(name.to_owned()),
        message: Untrusted::new(message).to_string(),
        actor: Some(cx.caller()?.email.clone()),
        ..NewEvent::default()
    };
    event::record(tx, cx.tenant()?, cx.app.clock.now(), &[event]).await?;
    Ok(())
}

/// Which fields changed, with the values before and after. The password is not in a record.
fn differences(before: &Record, after: &Record) -> serde_json::Value {
    let (before, after) = (fields(before), fields(after));
    before
        .into_iter()
        .zip(after)
        .filter(|((_, old), (_, new))| old != new)
        .map(|((name, old), (_, new))| {
            (
                name.to_owned(),
                serde_json::json!({ "from": old, "to": new }),
            )
        })
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn fields(record: &Record) -> [(&'static str, serde_json::Value); 11] {
    [
        ("name", record.name.as_str().into()),
        ("address", record.address.as_str().into()),
        ("port", record.port.into()),
        ("ssh_port", record.ssh_port.into()),
        ("tls", serde_json::json!(record.tls)),
        ("username", record.username.as_str().into()),
        ("zone", record.zone.as_str().into()),
        ("site", record.site.as_deref().into()),
        ("tags", record.tags.as_slice().into()),
        ("note", record.note.as_deref().into()),
        ("poll_seconds", record.poll_seconds.into()),
    ]
}
