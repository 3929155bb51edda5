//! What each endpoint does.

use std::time::Duration;

use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::response::Response;
use tod_proto::api::relays::{Dial, Open, RelayKind, Terminal, Ticket};
use tod_proto::bus::FleetNotice;
use tod_proto::bus::task::{Report, What};
use tod_proto::id::RelayId;
use tod_proto::untrusted::plain;

use crate::api::devices;
use crate::api::error::Error;
use crate::api::route::{PipeReq, Req};
use crate::api::{App, Cx};
use crate::ask::ask;
use crate::audit::{self, Act, Origin};
use crate::event::{self, NewEvent};
use crate::lease;
use crate::relay::hub::Expected;
use crate::relay::join::{self, End};
use crate::relay::store::{self, Record};
use crate::relay::ticket;

/// How long a ticket is good.
const TICKET: Duration = Duration::from_mins(1);
/// How long the poller may take to dial back.
const DIAL: Duration = Duration::from_secs(20);
/// How often it is looked whether the person may still do this.
const RECHECK: Duration = Duration::from_secs(4);
/// The longest command line.
const MAX_COMMAND: usize = 64 << 10;
/// The largest message on either socket.
const MAX_MESSAGE: usize = 1 << 20;

pub(super) async fn open(cx: Cx, req: Req<Open>) -> Result<Ticket, Error> {
    let ((tenant, device), now) = (req.path, cx.app.clock.now());
    check(&req.body)?;
    let caller = cx.caller()?;
    let (user, actor) = (caller.user, caller.email.clone());
    let mut tx = cx.begin().await?;
    let device = devices::store::one(&mut tx, device, now)
        .await?
        .ok_or_else(|| Error::not_found("device"))?;
    if lease::holder(&mut tx, device.id, now).await?.is_none() {
        return Err(lease::nobody_holds());
    }
    let most = cx.app.config.policy.terminals_per_person;
    if store::count_open(&mut tx, user, now).await? >= i64::from(most) {
        return Err(
            Error::conflict(format!("you have {most} sessions open")).hint("close one of them")
        );
    }
    let record = Record {
        id: RelayId::generate(),
        tenant,
        device: device.id,
        device_name: device.name,
        user,
        actor,
        kind: req.body,
    };
    let (ticket, expires_at) = (ticket::new(), now + TICKET);
    store::insert(&mut tx, &record, ticket::hash(&ticket), now, expires_at).await?;
    let detail = serde_json::json!({ "relay": record.id, "kind": record.kind });
    cx.commit(tx, tenant, record.device, detail).await?;
    Ok(Ticket {
        relay: record.id,
        ticket,
        expires_at,
        username: device.username,
    })
}

fn check(kind: &RelayKind) -> Result<(), Error> {
    let fits = match kind {
        RelayKind::Shell { term, cols, rows } => {
            let plain = term.bytes().all(|byte| byte.is_ascii_graphic());
            plain && term.len() <= 64 && *cols > 0 && *rows > 0
        }
        RelayKind::Exec { command } => !command.is_empty() && command.len() <= MAX_COMMAND,
    };
    if fits {
        Ok(())
    } else {
        Err(Error::invalid(
            "a terminal needs a type and a size, a command a text",
        ))
    }
}

fn no_such_relay() -> Error {
    Error::not_found("relay, or its ticket was used or is too old")
        .hint("open a new one: todctl ssh")
}

pub(super) async fn terminal(
    cx: Cx,
    req: PipeReq<Terminal>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Error> {
    let mut tx = cx.app.db.system("a ticket is redeemed").await?;
    let hash = ticket::hash(&req.query.ticket);
    let record = store::redeem(&mut tx, req.path, hash, cx.app.clock.now()).await?;
    tx.commit().await?;
    let record = record.ok_or_else(no_such_relay)?;
    let app = cx.app.clone();
    Ok(sized(upgrade).on_upgrade(move |socket| async move {
        if let Err(error) = serve(&app, &record, socket).await {
            tracing::warn!(relay.id = %record.id, %error, "a session is not recorded");
        }
    }))
}

fn sized(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
}

async fn serve(app: &App, record: &Record, client: WebSocket) -> Result<(), Error> {
    let mut expected = app.relays.expect(record.id);
    let poller = match connect(app, record, &mut expected).await {
        Ok(poller) => poller,
        Err((message, hint)) => {
            closed(app, record, &message, None).await?;
            join::refuse(client, &message, hint).await;
            return Ok(());
        }
    };
    drop(expected);
    opened(app, record).await?;
    let end = join::join(
        client,
        poller,
        app.config.policy.terminal_idle,
        over(app, record),
    )
    .await;
    closed(app, record, end.as_str(), Some(end)).await
}

/// Ends when the server stops, or the person may not do this any more.
async fn over(app: &App, record: &Record) -> End {
    loop {
        tokio::select! {
            () = app.stopping.cancelled() => return End::Stopping,
            () = tokio::time::sleep(RECHECK) => {}
        }
        let may = async {
            let mut tx = app.db.system("may a session go on").await?;
            let may = store::may(&mut tx, record.user, record.tenant).await?;
            tx.commit().await?;
            Ok::<_, Error>(may)
        };
        // While the database is away, what was allowed goes on.
        if !may.await.unwrap_or(true) {
            return End::Revoked;
        }
    }
}

/// Has the poller of the device dial, and waits for it.
async fn connect(
    app: &App,
    record: &Record,
    expected: &mut Expected,
) -> Result<WebSocket, (String, Option<String>)> {
    let what = What::Relay {
        relay: record.id,
        kind: record.kind.clone(),
        ticket: expected.ticket.clone(),
        server: app.config.base_url.clone(),
        server_pin: app.config.certificate_pin.clone(),
    };
    let asked = async {
        match ask(app, record.tenant, record.device, what, DIAL).await {
            Ok(Report::Dialling) => std::future::pending().await,
            Ok(Report::Failed(failure)) => (failure.message.to_string(), failure.hint),
            Ok(_) => ("the poller answered another question".to_owned(), None),
            Err(error) => {
                let hint = "a todd that serves the zone of the device has to run; its zone: todctl device show NAME";
                (error.message, Some(hint.to_owned()))
            }
        }
    };
    let late = || {
        let hint = "the poller must reach the server at its advertised address";
        (
            "the poller did not call back in time".to_owned(),
            Some(hint.to_owned()),
        )
    };
    tokio::select! {
        arrived = expected.arrived() => arrived.ok_or_else(late),
        refusal = asked => Err(refusal),
        () = tokio::time::sleep(DIAL) => Err(late()),
    }
}

pub(super) async fn dial(
    cx: Cx,
    req: PipeReq<Dial>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Error> {
    let place = cx
        .app
        .relays
        .take(req.path, &req.query.ticket)
        .ok_or_else(no_such_relay)?;
    Ok(sized(upgrade).on_upgrade(move |socket| async move {
        if place.send(socket).is_err() {
            tracing::debug!("a poller came for a client that has left");
        }
    }))
}

async fn opened(app: &App, record: &Record) -> Result<(), Error> {
    let now = app.clock.now();
    let mut tx = app.db.tenant(record.tenant).await?;
    store::opened(&mut tx, record.id, now).await?;
    let message = format!(
        "{} opened {} on {}",
        record.actor,
        what(&record.kind),
        record.device_name
    );
    event::record(
        &mut tx,
        record.tenant,
        now,
        &[session(record, "session.opened", message)],
    )
    .await?;
    tx.commit().await?;
    app.tell(&FleetNotice::Events {
        tenant: record.tenant,
    })
    .await;
    Ok(())
}

async fn closed(app: &App, record: &Record, why: &str, end: Option<End>) -> Result<(), Error> {
    let now = app.clock.now();
    let why = plain(why);
    let mut tx = app.db.tenant(record.tenant).await?;
    store::closed(&mut tx, record.id, &why, now).await?;
    if end.is_some() {
        let message = format!(
            "the session of {} on {} ended: {why}",
            record.actor, record.device_name
        );
        event::record(
            &mut tx,
            record.tenant,
            now,
            &[session(record, "session.closed", message)],
        )
        .await?;
    }
    let act = Act {
        actor: &record.user.to_string(),
        act: "relay.close",
        target: record.device.to_string(),
        detail: serde_json::json!({ "relay": record.id, "why": why }),
        origin: Origin::default(),
    };
    audit::commit(app, tx, record.tenant, act).await?;
    app.tell(&FleetNotice::Events {
        tenant: record.tenant,
    })
    .await;
    Ok(())
}

fn session(record: &Record, kind: &'static str, message: String) -> NewEvent {
    NewEvent {
        kind,
        device: Some(record.device),
        device_name: Some(record.device_name.clone()),
        message,
        actor: Some(record.actor.clone()),
        ..NewEvent::default()
    }
}

fn what(kind: &RelayKind) -> String {
    match kind {
        RelayKind::Shell { .. } => "a shell".to_owned(),
        RelayKind::Exec { command } => format!("`{}`", plain(command)),
    }
}
