//! Things of a tenant, and things that never were.

use std::collections::BTreeMap;

use jiff_sqlx::ToSqlx as _;
use serde_json::{Value, json};
use tod_proto::api::api_keys::NewApiKey;
use tod_proto::api::devices::Device;
use tod_proto::endpoint::Role;
use tod_proto::id::{ApiKeyId, ChangeId, DeviceId, RelayId, RunId, SessionId, TenantId, UserId};
use uuid::Uuid;

use crate::harness::TestApp;

/// Texts by what they name.
#[derive(Clone, Debug)]
pub(crate) struct Things(BTreeMap<&'static str, String>);

impl Things {
    /// One of each kind in a tenant, whose names begin with `prefix`.
    pub(crate) async fn of(app: &TestApp, tenant: TenantId, prefix: &str) -> Self {
        let person = app.member(tenant, Role::Admin).await;
        let path = |rest: &str| format!("/api/tenants/{tenant}/{rest}");
        let host = if prefix == "own" { 1 } else { 2 };
        let body = json!({
            "name": format!("{prefix}-core"), "address": format!("10.77.0.{host}"),
            "username": "tod", "password": "x", "tags": [format!("{prefix}-tag")],
            "site": format!("{prefix}-site"), "note": format!("{prefix}-note"),
        });
        let device: Device = app.post(&person, &path("devices"), body).await.ok();
        let body = json!({ "name": format!("{prefix}-key"), "scopes": ["devices:read"] });
        let key: NewApiKey = app.post(&person, &path("api-keys"), body).await.ok();
        // What is opened leaves a use of a key.
        app.get(&person, &path("audit")).await.ok::<Value>();
        let start = json!({ "email": person.email });
        let path = "/api/auth/srp/start";
        let begun = app.send(None, "POST", path, Some(start)).await;
        let handshake = begun.ok::<Value>()["handshake"]
            .as_str()
            .unwrap()
            .to_owned();
        let hidden = Hidden::insert(app, tenant, &device, &person).await;

        let text = |text: &dyn std::fmt::Display| text.to_string();
        Self(
            [
                ("tenant", text(&tenant)),
                ("tenant_name", hidden.tenant_name),
                ("device", text(&device.id)),
                ("device_start", text(&device.id)[..20].to_owned()),
                ("name", device.name.clone()),
                ("address", device.address.clone()),
                ("tag", format!("{prefix}-tag")),
                ("site", format!("{prefix}-site")),
                ("note", format!("{prefix}-note")),
                ("serial", hidden.serial),
                ("page", hex::encode(device.name.to_lowercase())),
                ("user", text(&person.user)),
                ("email", person.email.clone()),
                ("session", text(&person.session)),
                ("apikey", text(&key.key.id)),
                ("key_name", key.key.name.clone()),
                ("relay", text(&hidden.relay)),
                ("ticket", hidden.ticket),
                ("change", text(&hidden.change)),
                ("run", text(&hidden.run)),
                ("number", text(&hidden.number)),
                ("seq", text(&hidden.seq)),
                ("cursor", text(&hidden.cursor)),
                ("key_use", text(&hidden.key_use)),
                ("handshake", handshake),
            ]
            .into(),
        )
    }

    /// Texts of the same kinds that name nothing.
    pub(crate) fn unknown(like: &Self) -> Self {
        let mut texts = like.0.clone();
        let device = DeviceId::generate().to_string();
        texts.insert("device_start", device[..20].to_owned());
        texts.insert("device", device);
        for (kind, id) in [
            ("tenant", TenantId::generate().to_string()),
            ("user", UserId::generate().to_string()),
            ("session", SessionId::generate().to_string()),
            ("apikey", ApiKeyId::generate().to_string()),
            ("relay", RelayId::generate().to_string()),
            ("change", ChangeId::generate().to_string()),
            ("run", RunId::generate().to_string()),
            ("key_use", Uuid::now_v7().to_string()),
            ("handshake", Uuid::new_v4().to_string()),
            ("ticket", hex::encode(Uuid::new_v4().as_bytes())),
            (
                "email",
                format!("nobody-{}@example.net", Uuid::new_v4().simple()),
            ),
            ("address", "10.77.0.3".to_owned()),
            ("number", "987654".to_owned()),
            ("seq", "987654".to_owned()),
            ("cursor", "987654".to_owned()),
            ("page", hex::encode("m-nobody-core")),
            ("name", "m-nobody-core".to_owned()),
            ("serial", "NOBODYS".to_owned()),
            ("tenant_name", "nobody".to_owned()),
        ] {
            texts.insert(kind, id);
        }
        for kind in ["tag", "site", "note"] {
            texts.insert(kind, format!("m-nobody-{kind}"));
        }
        texts.insert("key_name", "m-nobody-key".to_owned());
        Self(texts)
    }

    pub(crate) fn get(&self, kind: &str) -> &str {
        &self.0[kind]
    }

    /// Puts texts in the places of `{kinds}`.
    pub(crate) fn fill(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (kind, value) in &self.0 {
            text = text.replace(&format!("{{{kind}}}"), value);
        }
        text
    }

    /// Takes the texts out again, where an answer repeats what was asked.
    pub(crate) fn blank(&self, text: &str) -> String {
        let mut known: Vec<_> = self.0.iter().collect();
        known.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
        let mut text = text.to_owned();
        for (kind, value) in known {
            // A short number is part of too much else.
            if value.len() > 3 {
                text = text.replace(value.as_str(), &format!("<{kind}>"));
            }
        }
        text
    }
}

/// What is put into the database by hand, because making it needs a poller.
struct Hidden {
    tenant_name: String,
    serial: String,
    relay: RelayId,
    ticket: String,
    change: ChangeId,
    run: RunId,
    number: i64,
    seq: i64,
    cursor: i64,
    key_use: Uuid,
}

impl Hidden {
    #[expect(clippy::too_many_lines, reason = "a row in each of six tables")]
    async fn insert(
        app: &TestApp,
        tenant: TenantId,
        device: &Device,
        person: &crate::harness::Person,
    ) -> Self {
        let mut conn = app.superuser().await;
        let (relay, change, run) = (RelayId::generate(), ChangeId::generate(), RunId::generate());
        let ticket = hex::encode(Uuid::new_v4().as_bytes()).repeat(2);
        let now = app.app.clock.now();
        let soon = now + std::time::Duration::from_mins(1);
        let (number, cursor, seq) = if device.name.starts_with("own") {
            (3, 1000, 500)
        } else {
            (7, 4321, 700)
        };
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
            "update device_state set serial = 'SERIAL-{n}' where tenant_id = '{t}';
             insert into events (tenant_id, cursor, at, kind, device_id, device_name, message)
             values ('{t}', {cursor}, '{now}', 'device.status', '{d}', '{n}', 'it happened');
             insert into audit_log (tenant_id, seq, at, actor, act, target, detail, prev_hash,
                                    hash)
             values ('{t}', {seq}, '{now}', 'tod', 'x', 'x', '{{}}', sha256('x'),
                     sha256('x'))",
            t = tenant.0,
            d = device.id.0,
            n = device.name,
        )))
        .execute(&mut conn)
        .await
        .unwrap();
        sqlx::query(
            "insert into changes (tenant_id, id, number, device_id, device_name, state, push,
                                  secret, actor, created_at)
             values ($1, $2, $3, $4, $5, 'confirmed', '{}', '', $6, $7)",
        )
        .bind(tenant.0)
        .bind(change.0)
        .bind(number)
        .bind(device.id.0)
        .bind(&device.name)
        .bind(&person.email)
        .bind(now.to_sqlx())
        .execute(&mut conn)
        .await
        .unwrap();
        sqlx::query(
            "insert into runs (tenant_id, id, number, selector, command, targets, state, actor,
                               created_at, finished_at, worker_until)
             values ($1, $2, $3, 'all', '/x', 0, 'finished', $4, $5, $5, $5)",
        )
        .bind(tenant.0)
        .bind(run.0)
        .bind(number)
        .bind(&person.email)
        .bind(now.to_sqlx())
        .execute(&mut conn)
        .await
        .unwrap();
        sqlx::query(
            "insert into relays (tenant_id, id, device_id, device_name, user_id, actor, kind,
                                 ticket_hash, expires_at, created_at)
             values ($1, $2, $3, $4, $5, $6, '{}', sha256($7), $8, $9)",
        )
        .bind(tenant.0)
        .bind(relay.0)
        .bind(device.id.0)
        .bind(&device.name)
        .bind(person.user.0)
        .bind(&person.email)
        .bind(ticket.as_bytes())
        .bind(soon.to_sqlx())
        .bind(now.to_sqlx())
        .execute(&mut conn)
        .await
        .unwrap();
        let (key_use, tenant_name): (Uuid, String) = sqlx::query_as(
            "select (select id from key_uses where tenant_id = $1 order by id desc limit 1),
                    (select name from tenants where id = $1)",
        )
        .bind(tenant.0)
        .fetch_one(&mut conn)
        .await
        .unwrap();
        Self {
            tenant_name,
            serial: format!("SERIAL-{}", device.name),
            relay,
            ticket,
            change,
            run,
            number,
            seq,
            cursor,
            key_use,
        }
    }
}
