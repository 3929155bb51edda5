//! Data keys: rotated, sealed anew, destroyed; and who used them.

use serde_json::json;
use tod_proto::api::devices::Device;
use tod_proto::api::kms::{KeyUse, Keys, Progress};
use tod_proto::endpoint::Role;
use tod_proto::page::Page;
use tod_server::api::App;
use tod_server::api::error::Error;
use tod_server::audit::{self, Act, Origin, TOD};
use tod_server::db::TenantTx;
use tod_server::kms::rewrap::SEALED;

use crate::devices::{acme, router};
use crate::fake::{Poller, Stage, eventually};
use crate::harness::TestApp;

#[tokio::test]
async fn a_rotated_key_seals_what_comes_and_then_what_was() {
    let app = TestApp::new().await;
    let (tenant, ana, devices) = acme(&app).await;
    let add = async |n: usize| {
        let body = router(&format!("core-{n}"), &format!("10.0.0.{n}"));
        app.post(&ana, &devices, body).await.ok::<Device>()
    };
    add(1).await;
    add(2).await;
    let boss = app.member(tenant, Role::Admin).await;
    let path = |verb: &str| format!("/api/tenants/{tenant}/kms{verb}");
    let versions = |keys: &Keys| -> Vec<(i32, i64)> {
        keys.keys
            .iter()
            .map(|key| (key.version, key.values))
            .collect()
    };
    let post = async |verb: &str, body| app.post(&boss, &path(verb), body).await;

    let keys: Keys = app.get(&boss, &path("")).await.ok();
    assert_eq!(versions(&keys), [(1, 2)]);
    let keys: Keys = post("/rotate", json!({})).await.ok();
    assert_eq!(versions(&keys), [(2, 0), (1, 2)]);
    add(3).await;
    let keys: Keys = app.get(&boss, &path("")).await.ok();
    assert_eq!(versions(&keys), [(2, 1), (1, 2)]);

    // A key that something is sealed with stays.
    post("/retire", json!({ "below": 2 })).await.refused(409);
    post("/retire", json!({ "below": 3 })).await.refused(409);
    let step: Progress = post("/rewrap", json!({})).await.ok();
    assert_eq!((step.done, step.left), (2, 0));
    let step: Progress = post("/rewrap", json!({})).await.ok();
    assert_eq!((step.done, step.left), (0, 0), "and again does nothing");
    let keys: Keys = app.get(&boss, &path("")).await.ok();
    assert_eq!(versions(&keys), [(2, 3), (1, 0)]);
    // So does one that the log is sealed with, unless that is meant.
    let refused = post("/retire", json!({ "below": 2 })).await.refused(409);
    assert!(refused.message.contains("audit"), "{refused:?}");
    let meant = json!({ "below": 2, "lose_audit_details": true });
    let keys: Keys = post("/retire", meant).await.ok();
    assert_eq!(versions(&keys), [(2, 3)]);

    // Everything still opens, on a server that has never seen these keys, too.
    let fresh = app.replica();
    for kms in [&app.app.kms, &fresh.kms] {
        assert_eq!(passwords(&app, kms).await, ["hunter2"; 3]);
    }
    let verdict = format!("/api/tenants/{tenant}/audit/verify");
    let verdict: tod_proto::api::audit::Verdict = app.get(&boss, &verdict).await.ok();
    assert!(verdict.whole, "{verdict:?}");
    let log = format!("/api/tenants/{tenant}/audit?act=device.add");
    let log: Page<tod_proto::api::audit::Record> = app.get(&boss, &log).await.ok();
    assert_eq!(log.items[0].detail["name"], "core-3");
    assert_eq!(log.items[2].detail, json!(null), "its key is gone");
}

pub(crate) async fn passwords(app: &TestApp, kms: &tod_server::kms::Kms) -> Vec<String> {
    let mut conn = app.superuser().await;
    let rows: Vec<(uuid::Uuid, uuid::Uuid, Vec<u8>)> =
        sqlx::query_as("select tenant_id, id, password from devices order by name")
            .fetch_all(&mut conn)
            .await
            .unwrap();
    let mut tx = app.app.db.system("look").await.unwrap();
    let keys = kms.keyring("a test", "look", app.app.clock.now());
    let mut passwords = Vec::new();
    for (tenant, row, bytes) in &rows {
        let sealed = tod_server::kms::Sealed {
            tenant: tod_proto::id::TenantId(*tenant),
            place: tod_server::kms::Place {
                table: "devices",
                column: "password",
                row: *row,
            },
            bytes,
        };
        let plain = keys.open(&mut tx, sealed).await.unwrap();
        passwords.push(String::from_utf8(plain.to_vec()).unwrap());
    }
    passwords
}

/// Five rotations and writers at once: nothing is lost, and every value opens.
#[tokio::test]
async fn rotations_and_writers_at_once_lose_nothing() {
    let app = TestApp::new().await;
    let (tenant, ana, devices) = acme(&app).await;
    let boss = app.member(tenant, Role::Admin).await;
    let rotate = format!("/api/tenants/{tenant}/kms/rotate");
    let rewrap = format!("/api/tenants/{tenant}/kms/rewrap");

    let work = async |n: usize| {
        let body = router(&format!("core-{n}"), &format!("10.0.0.{n}"));
        app.post(&ana, &devices, body).await.ok::<Device>();
        if n.is_multiple_of(4) {
            app.post(&boss, &rotate, json!({})).await.ok::<Keys>();
        }
        app.post(&boss, &rewrap, json!({})).await.ok::<Progress>();
    };
    futures_util::future::join_all((1..=20).map(work)).await;

    let last: Progress = app.post(&boss, &rewrap, json!({})).await.ok();
    assert_eq!(last.left, 0);
    assert_eq!(passwords(&app, &app.app.kms).await, ["hunter2"; 20]);
}

/// A new column that holds sealed values has to be sealed anew, too.
#[tokio::test]
async fn every_sealed_column_is_known() {
    let app = TestApp::new().await;
    let mut conn = app.superuser().await;
    let columns: Vec<(String, String)> = sqlx::query_as(
        "select c.relname::text, a.attname::text
         from pg_attribute a
         join pg_class c on c.oid = a.attrelid
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
               and c.relname <> '_sqlx_migrations' and not c.relispartition
               and a.atttypid = 'bytea'::regtype and a.attnum > 0
         order by 1, 2",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    // Hashes, keys themselves, what belongs to no tenant, and what is not sealed.
    let others = [
        "api_keys.key_hash",
        "audit_anchors.hash",
        "audit_anchors.mac",
        "audit_checkpoints.hash",
        "audit_checkpoints.mac",
        "audit_heads.hash",
        "audit_heads.prev",
        "audit_log.hash",
        "audit_log.prev_hash",
        "audit_log.sealed",
        "handshakes.secret",
        "invitations.token_hash",
        "master_key_checks.sealed",
        "refresh_tokens.token_hash",
        "recovery_codes.code_hash",
        "relays.ticket_hash",
        "run_results.answer",
        "second_steps.ticket_hash",
        "setup_tokens.token_hash",
        "signing_keys.sealed",
        "sign_in_tries.key",
        "signing_keys.sealed",
        "tenant_keys.wrapped",
        "totp_secrets.sealed",
        "verifiers.kdf_salt",
        "verifiers.srp_salt",
        "verifiers.verifier",
    ];

    let found: Vec<String> = columns
        .iter()
        .map(|(table, column)| format!("{table}.{column}"))
        .filter(|name| !others.contains(&&**name))
        .collect();
    let mut known: Vec<String> = SEALED
        .iter()
        .map(|(table, column)| format!("{table}.{column}"))
        .collect();
    known.sort();
    assert_eq!(found, known);
}

#[tokio::test]
async fn every_opening_is_on_record() {
    let stage = Stage::new().await;
    let device = stage.add("core-1", "10.0.0.1").await;
    let poller = Poller::idle(&stage.app.bus);
    poller.lease(&[]).await;
    let (app, ana, tenant) = (&stage.app, &stage.ana, stage.tenant);
    let boss = app.member(tenant, Role::Admin).await;

    let path = format!("/api/tenants/{tenant}/kms/log?purpose=device.lease");
    let log: Page<KeyUse> = app.get(&boss, &path).await.ok();

    assert_eq!(log.total, 1, "{log:?}");
    let used = &log.items[0];
    assert_eq!(used.place, "devices.password");
    assert_eq!(used.resource, Some(device.to_string()));
    assert!(used.actor.starts_with("pl_"), "{used:?}");
    app.get(ana, &path).await.refused(403);
    // Nobody takes it back.
    let mut tx = app.app.db.tenant(tenant).await.unwrap();
    for sql in ["delete from key_uses", "update key_uses set actor = 'x'"] {
        let refused = sqlx::raw_sql(sql).execute(&mut *tx).await.unwrap_err();
        let code = refused.as_database_error().unwrap().code().unwrap();
        assert!(["42501", "25P02"].contains(&&*code), "{sql}: {code}");
    }
}

/// Without its key a tenant's secrets are refused, never shown or stored in the clear.
#[tokio::test]
async fn without_a_key_nothing_is_stored_or_opened() {
    let stage = Stage::new().await;
    stage.add("core-1", "10.0.0.1").await;
    let (app, tenant) = (&stage.app, stage.tenant);
    let mut conn = app.superuser().await;
    sqlx::raw_sql("delete from tenant_keys")
        .execute(&mut conn)
        .await
        .unwrap();
    app.app.kms.forget(tenant);

    let body = router("core-2", "10.0.0.2");
    let refused = app.post(&stage.ana, &stage.path("devices"), body).await;

    refused.refused(503);
    let stored: i64 = sqlx::query_scalar("select count(*) from devices")
        .fetch_one(&mut conn)
        .await
        .unwrap();
    assert_eq!(stored, 1);
    let poller = Poller::idle(&app.bus);
    assert!(poller.lease(&[]).await.assign.is_empty());
}

/// Whoever seals has committed before a key goes: otherwise a secret could be sealed with a key
/// that is destroyed in the same moment.
#[tokio::test]
async fn a_key_waits_for_whoever_seals_with_it() {
    let app = TestApp::new().await;
    let (tenant, _, _) = acme(&app).await;
    let place = tod_server::kms::Place {
        table: "devices",
        column: "password",
        row: uuid::Uuid::nil(),
    };
    let mut sealing = app.app.db.tenant(tenant).await.unwrap();
    app.app
        .kms
        .seal(&mut sealing, tenant, place, b"secret")
        .await
        .unwrap();

    assert_eq!(rotated_after(&app, sealing).await, 2);
}

/// Rotates the key of a tenant, which has to wait for the end of `sealing`.
async fn rotated_after(app: &TestApp, sealing: TenantTx) -> i32 {
    let tenant = sealing.tenant();
    let boss = app.member(tenant, Role::Admin).await;
    let rotate = format!("/api/tenants/{tenant}/kms/rotate");
    let rotating = app.post(&boss, &rotate, json!({}));
    let mut conn = app.superuser().await;
    let waits = async {
        eventually(async || {
            let waiting: i64 = sqlx::query_scalar(
                "select count(*) from pg_locks l join pg_database d on d.oid = l.database
                 where l.locktype = 'advisory' and not l.granted
                       and d.datname = current_database()",
            )
            .fetch_one(&mut conn)
            .await
            .unwrap();
            (waiting == 1).then_some(())
        })
        .await;
        sealing.commit().await.unwrap();
    };
    let (rotated, ()) = tokio::join!(rotating, waits);
    rotated.ok::<Keys>().keys[0].version
}

async fn record(server: &App, tx: &mut TenantTx, target: &str) -> Result<(), Error> {
    let act = Act {
        actor: TOD,
        act: "device.set",
        target: target.to_owned(),
        detail: json!({ "note": target }),
        origin: Origin::default(),
    };
    let tenant = tx.tenant();
    audit::record(server, tx, tenant, act).await
}

/// The key that a record is sealed with is remembered from the one before.
#[tokio::test]
async fn a_record_is_sealed_with_the_newest_key_by_a_server_that_nobody_told_of_it() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let replica = app.replica();
    let mut conn = app.superuser().await;
    for n in 0..4 {
        if n == 2 {
            let key = app.app.kms.next_key(&app.app.db, tenant).await.unwrap();
            let mut tx = app.app.db.system("a test").await.unwrap();
            let now = app.app.clock.now();
            assert!(app.app.kms.store_key(&mut tx, &key, now).await.unwrap());
            tx.commit().await.unwrap();
        }
        let mut tx = replica.db.tenant(tenant).await.unwrap();
        record(&replica, &mut tx, &format!("row-{n}"))
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
    let versions: Vec<(i64, String)> = sqlx::query_as(
        "select seq, encode(substr(sealed, 2, 4), 'hex') from audit_log
         where tenant_id = $1 order by seq",
    )
    .bind(tenant.0)
    .fetch_all(&mut conn)
    .await
    .unwrap();
    let [old, new] = ["00000001", "00000002"].map(str::to_owned);
    let expected = [(1, old.clone()), (2, old), (3, new.clone()), (4, new)];
    assert_eq!(versions, expected);
    let mut tx = app.app.db.tenant(tenant).await.unwrap();
    let chain = audit::verify(&mut tx, tenant, |_, _| {}).await.unwrap();
    assert_eq!(chain, audit::Chain::Whole(4));

    // A tenant whose keys are gone records nothing, whatever a server remembers of them.
    sqlx::raw_sql("delete from tenant_keys")
        .execute(&mut conn)
        .await
        .unwrap();
    let mut tx = replica.db.tenant(tenant).await.unwrap();
    assert!(record(&replica, &mut tx, "row-4").await.is_err());
}

#[tokio::test]
async fn a_key_waits_for_whoever_has_recorded_with_it() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    for n in 0..2 {
        let mut tx = app.app.db.tenant(tenant).await.unwrap();
        record(&app.app, &mut tx, "a row").await.unwrap();
        if n == 1 {
            // This one was sealed with a key that was remembered.
            assert_eq!(rotated_after(&app, tx).await, 2);
        } else {
            tx.commit().await.unwrap();
        }
    }
}
