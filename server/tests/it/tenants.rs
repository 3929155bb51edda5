//! Tenants: limited, suspended, deleted with all they have.

use std::time::Duration;

use serde_json::json;
use tod_proto::api::account::Me;
use tod_proto::api::api_keys::NewApiKey;
use tod_proto::api::devices::Device;
use tod_proto::api::tenants::{Deleted, Tenant};
use tod_proto::endpoint::Role;
use tod_proto::id::TenantId;
use tod_proto::page::Page;

use crate::devices::router;
use crate::fake::{Poller, Stage};
use crate::harness::{Answer, Person, TestApp};

async fn set(app: &TestApp, who: &Person, tenant: TenantId, patch: serde_json::Value) -> Answer {
    app.patch(who, &format!("/api/tenants/{tenant}"), patch)
        .await
}

#[tokio::test]
async fn a_tenant_has_no_more_than_it_may() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let root = app.person(None, Role::SuperAdmin).await;
    let boss = app.member(tenant, Role::Admin).await;
    let quotas = json!({ "quotas": { "devices": 3, "users": 2, "api_keys": 1 } });

    set(&app, &boss, tenant, quotas.clone()).await.refused(403);
    let limited: Tenant = set(&app, &root, tenant, quotas).await.ok();
    assert_eq!(limited.quotas.devices, Some(3));

    // Twenty at once: three get in.
    let devices = format!("/api/tenants/{tenant}/devices");
    let add = |n: usize| {
        let body = router(&format!("core-{n}"), &format!("10.0.0.{n}"));
        let (app, boss, devices) = (&app, &boss, &devices);
        async move { app.post(boss, devices, body).await.status.as_u16() }
    };
    let statuses = futures_util::future::join_all((1..=20).map(add)).await;
    let ok = statuses.iter().filter(|status| **status == 200).count();
    let refused = statuses.iter().filter(|status| **status == 409).count();
    assert_eq!((ok, refused), (3, 17), "{statuses:?}");

    let invite = |email: &str| json!({ "email": email, "name": "X", "role": "viewer" });
    let users = format!("/api/tenants/{tenant}/users");
    let first = app.post(&boss, &users, invite("bo@example.net")).await;
    assert_eq!(first.status, 200, "{first}");
    let second = app.post(&boss, &users, invite("eve@example.net")).await;
    assert!(second.refused(409).message.contains("2 people"), "{second}");
    let again = app.post(&boss, &users, invite("bo@example.net")).await;
    assert_eq!(
        again.status, 200,
        "who is invited again is no more: {again}"
    );
    let keys = format!("/api/tenants/{tenant}/api-keys");
    let key = |name: &str| json!({ "name": name, "scopes": ["devices:read"] });
    app.post(&boss, &keys, key("a")).await.ok::<NewApiKey>();
    app.post(&boss, &keys, key("b")).await.refused(409);

    let none = json!({ "quotas": { "devices": null } });
    let free: Tenant = set(&app, &root, tenant, none).await.ok();
    assert_eq!(free.quotas.users, None);
    assert_eq!(add(21).await, 200);
}

#[tokio::test]
async fn nobody_of_a_suspended_tenant_does_anything_and_nothing_is_lost() {
    let stage = Stage::new().await;
    stage.add("core-1", "10.0.0.1").await;
    let (app, tenant) = (&stage.app, stage.tenant);
    let root = app.person(None, Role::SuperAdmin).await;
    let boss = app.member(tenant, Role::Admin).await;
    let keys = stage.path("api-keys");
    let body = json!({ "name": "ci", "scopes": ["devices:read"] });
    let key: NewApiKey = app.post(&boss, &keys, body).await.ok();
    let poller = Poller::idle(&app.bus);
    let held = poller.lease(&[]).await.assign.remove(0);
    let devices = stage.path("devices");
    app.get(&boss, &devices).await.ok::<Page<Device>>();

    let suspended: Tenant = set(app, &root, tenant, json!({ "suspended": true }))
        .await
        .ok();
    assert!(suspended.suspended_at.is_some());

    let refused = app.get(&boss, &devices).await.refused(403);
    assert!(refused.message.contains("suspended"), "{refused:?}");
    app.send(Some(&key.secret), "GET", &devices, None)
        .await
        .refused(403);
    let gone = poller.lease(&[(held.device, held.revision)]).await;
    assert_eq!(gone.withdraw, [held.device], "it is watched no longer");
    // Who runs the server still sees it.
    assert_eq!(app.get(&root, &devices).await.ok::<Page<Device>>().total, 1);

    set(app, &root, tenant, json!({ "suspended": false }))
        .await
        .ok::<Tenant>();
    app.hands.advance(Duration::from_secs(5));
    app.get(&boss, &devices).await.ok::<Page<Device>>();
    assert_eq!(poller.lease(&[]).await.assign.len(), 1);
}

#[tokio::test]
async fn a_deleted_tenant_leaves_nothing_but_its_chain() {
    let stage = Stage::new().await;
    let device = stage.add("core-1", "10.0.0.1").await;
    let (app, tenant) = (&stage.app, stage.tenant);
    let poller = Poller::idle(&app.bus);
    poller.lease(&[]).await;
    stage.poll(&poller, device).await;
    let other = app.tenant("globex").await;
    let neighbour = app.member(other, Role::Admin).await;
    app.post(
        &neighbour,
        &format!("/api/tenants/{other}/devices"),
        router("theirs", "10.0.0.9"),
    )
    .await
    .ok::<Device>();
    let root = app.person(None, Role::SuperAdmin).await;
    let path = |confirm: &str| format!("/api/tenants/{tenant}?confirm={confirm}");

    app.delete(&root, &path("globex")).await.refused(400);
    let inside = app.member(tenant, Role::SuperAdmin).await;
    app.delete(&inside, &path("acme")).await.refused(409);
    let deleted: Deleted = app.delete(&root, &path("acme")).await.ok();

    assert_eq!(deleted.devices, 1);
    app.get(&root, &stage.path("devices")).await.refused(404);
    app.send(Some(&stage.ana.token), "GET", "/api/auth/whoami", None)
        .await
        .refused(401);
    let mut conn = app.superuser().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select c.relname::text from pg_class c
         join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
         where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace
               and not c.relispartition",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    let mut left = Vec::new();
    for table in tables {
        let sql = format!("select count(*) from {table} where tenant_id = $1");
        let rows: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .bind(tenant.0)
            .fetch_one(&mut conn)
            .await
            .unwrap();
        if rows > 0 {
            left.push(table);
        }
    }
    left.sort();
    left.retain(|table| table != "audit_checkpoints");
    assert_eq!(left, ["audit_heads", "audit_log"]);
    // Its neighbour is as it was.
    app.get(&neighbour, "/api/auth/whoami").await.ok::<Me>();
    let theirs = format!("/api/tenants/{other}/devices");
    let theirs: Page<Device> = app.get(&neighbour, &theirs).await.ok();
    assert_eq!(theirs.total, 1);
    let log: Page<tod_proto::api::audit::Record> = app
        .get(&root, "/api/platform/audit?act=tenant.delete")
        .await
        .ok();
    assert_eq!(log.items[0].detail["name"], "acme");
}

#[tokio::test]
async fn nobody_shuts_the_door_behind_themselves() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let boss = app.member(tenant, Role::SuperAdmin).await;

    set(&app, &boss, tenant, json!({ "suspended": true }))
        .await
        .refused(409);
    let renamed: Tenant = set(&app, &boss, tenant, json!({ "name": "acme-2" }))
        .await
        .ok();
    assert_eq!(renamed.name, "acme-2");
    for bad in [json!({ "name": "a b" }), json!({ "x": 1 })] {
        set(&app, &boss, tenant, bad).await.refused(400);
    }
}
