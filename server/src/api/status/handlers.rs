//! What each endpoint does.

use std::collections::BTreeMap;

use tod_proto::api::API_VERSION;
use tod_proto::api::status::{Health, Live, Ready, Show, Status};

use crate::api::error::Error;
use crate::api::route::Req;
use crate::api::{App, Cx};

pub(super) async fn live(_: Cx, _: Req<Live>) -> Result<Health, Error> {
    Ok(Health {
        status: "ok".to_owned(),
        checks: BTreeMap::new(),
    })
}

pub(super) async fn ready(cx: Cx, _: Req<Ready>) -> Result<Health, Error> {
    let mut checks = BTreeMap::new();
    for (name, problem) in cx.app.health.report().checks {
        checks.insert(name, problem.unwrap_or_else(|| "ok".to_owned()));
    }
    checks.insert("database".to_owned(), database(&cx.app).await);
    let bus = if cx.app.bus.is_up() {
        "ok"
    } else {
        "the bus cannot be reached"
    };
    checks.insert("bus".to_owned(), bus.to_owned());
    let bad: Vec<_> = checks
        .iter()
        .filter(|(_, state)| *state != "ok")
        .map(|(name, _)| name.as_str())
        .collect();
    if bad.is_empty() {
        // Without the key service most still works, and other servers would not do better.
        let (status, keys) = if cx.app.kms.is_well() {
            ("ok", "ok")
        } else {
            ("degraded", "the key service cannot be used")
        };
        checks.insert("keys".to_owned(), keys.to_owned());
        return Ok(Health {
            status: status.to_owned(),
            checks,
        });
    }
    Err(Error::unavailable(format!("not ready: {}", bad.join(", "))))
}

async fn database(app: &App) -> String {
    let asked = async {
        let mut tx = app.db.system("health").await?;
        app.kms.check(&mut tx).await?;
        tx.commit().await
    };
    match asked.await {
        Ok(()) => "ok".to_owned(),
        Err(error) => error.to_string(),
    }
}

pub(super) async fn show(cx: Cx, _: Req<Show>) -> Result<Status, Error> {
    Ok(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        api_version: API_VERSION.to_owned(),
        time: cx.app.clock.now(),
        alarms: alarms(&cx.app),
        certificate: cx.app.config.certificate.borrow().clone(),
    })
}

fn alarms(app: &App) -> Vec<String> {
    let audit = app.audit.since().map(|since| {
        format!(
            "since {since:.0} the audit log cannot be written: whatever must be recorded is refused"
        )
    });
    audit.into_iter().collect()
}
