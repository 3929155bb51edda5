//! Data keys: rotated, sealed anew, destroyed; and who used them.

use serde_json::json;
use tod_proto::api::devices::Device;
use tod_proto::api::kms::{KeyUse, Keys, Progress};
use tod_proto::endpoint::Role;
use tod_proto::id::TenantId;
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
            tenant: TenantId(*tenant),
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

    // Once a record is sealed with a key, none after it is sealed with an older one.
    let mut tx = app.app.db.tenant(tenant).await.unwrap();
    let chain = audit::verify(&mut tx, tenant, |_, _| {}).await.unwrap();
    let versions = sealed_with(&app, tenant).await;
    let records = i64::try_from(versions.len()).unwrap();
    assert_eq!(chain, audit::Chain::Whole(records));
    assert!(versions.is_sorted(), "{versions:?}");
    assert_eq!(versions.last(), Some(&6));
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
                "select count(*) from pg_stat_activity
                 where wait_event_type = 'Lock' and datname = current_database()",
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

fn act(target: &str) -> Act<'static> {
    Act {
        actor: TOD,
        act: "device.set",
        target: target.to_owned(),
        detail: json!({ "note": target }),
        origin: Origin::default(),
    }
}

/// How a record is written: with the commit of the act, or before it.
#[derive(Clone, Copy)]
enum Way {
    With,
    Before,
}

async fn record(server: &App, tenant: TenantId, target: &str, way: Way) -> Result<(), Error> {
    let mut tx = server.db.tenant(tenant).await?;
    match way {
        Way::With => audit::commit(server, tx, tenant, act(target)).await,
        Way::Before => {
            audit::record(server, &mut tx, tenant, act(target)).await?;
            tx.commit().await
        }
    }
}

/// The numbers of the keys that a tenant's records are sealed with, the first record first.
async fn sealed_with(app: &TestApp, tenant: TenantId) -> Vec<i32> {
    sqlx::query_scalar(
        "select ('x' || encode(substr(sealed, 2, 4), 'hex'))::bit(32)::integer from audit_log
         where tenant_id = $1 order by seq",
    )
    .bind(tenant.0)
    .fetch_all(&mut app.superuser().await)
    .await
    .unwrap()
}

/// The key that a record is sealed with is remembered from the one before.
async fn newest_key_that_nobody_told_of(way: Way) {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let replica = app.replica();
    for n in 0..4 {
        if n == 2 {
            let key = app.app.kms.next_key(&app.app.db, tenant).await.unwrap();
            let mut tx = app.app.db.system("a test").await.unwrap();
            let now = app.app.clock.now();
            assert!(app.app.kms.store_key(&mut tx, &key, now).await.unwrap());
            tx.commit().await.unwrap();
        }
        let target = format!("row-{n}");
        record(&replica, tenant, &target, way).await.unwrap();
    }
    assert_eq!(sealed_with(&app, tenant).await, [1, 1, 2, 2]);
    let mut tx = app.app.db.tenant(tenant).await.unwrap();
    let chain = audit::verify(&mut tx, tenant, |_, _| {}).await.unwrap();
    assert_eq!(chain, audit::Chain::Whole(4));

    // A tenant whose keys are gone records nothing, whatever a server remembers of them.
    sqlx::raw_sql("delete from tenant_keys")
        .execute(&mut app.superuser().await)
        .await
        .unwrap();
    assert!(record(&replica, tenant, "row-4", way).await.is_err());
    assert_eq!(sealed_with(&app, tenant).await.len(), 4);
}

#[tokio::test]
async fn a_record_is_sealed_with_the_newest_key_by_a_server_that_nobody_told_of_it() {
    newest_key_that_nobody_told_of(Way::With).await;
}

#[tokio::test]
async fn so_is_one_in_a_transaction_that_goes_on() {
    newest_key_that_nobody_told_of(Way::Before).await;
}

/// A server that remembers a key of a deleted tenant seals no record with it: the head of the chain,
/// which stays, names none.
#[tokio::test]
async fn the_chain_of_a_deleted_tenant_forgets_its_key() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let key = async || -> Option<i32> {
        sqlx::query_scalar("select key_version from audit_heads where tenant_id = $1")
            .bind(tenant.0)
            .fetch_one(&mut app.superuser().await)
            .await
            .unwrap()
    };
    record(&app.app, tenant, "a row", Way::With).await.unwrap();
    assert_eq!(key().await, Some(1));

    let root = app.person(None, Role::SuperAdmin).await;
    let path = format!("/api/tenants/{tenant}?confirm=acme");
    app.delete(&root, &path).await.ok::<serde_json::Value>();
    assert_eq!(key().await, None);
    assert!(record(&app.app, tenant, "a row", Way::With).await.is_err());
}

/// Between the record and its commit there is no moment in which a test could look: this is the
/// lock that is held then.
#[tokio::test]
async fn a_key_waits_for_whoever_commits_with_it() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    record(&app.app, tenant, "a row", Way::With).await.unwrap();

    let mut tx = app.app.db.tenant(tenant).await.unwrap();
    sqlx::raw_sql("select from audit_heads for update")
        .execute(&mut *tx)
        .await
        .unwrap();
    assert_eq!(rotated_after(&app, tx).await, 2);
}

#[tokio::test]
async fn a_key_waits_for_whoever_has_recorded_with_it() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let mut tx = app.app.db.tenant(tenant).await.unwrap();
    let act = act("a row");
    audit::record(&app.app, &mut tx, tenant, act).await.unwrap();
    assert_eq!(rotated_after(&app, tx).await, 2);
}
