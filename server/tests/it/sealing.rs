//! Secrets of tenants whose data keys OpenBao wraps: through the real server, against the double.

use std::time::Duration;

use serde_json::json;
use tod_proto::api::audit::Record;
use tod_proto::api::devices::Device;
use tod_proto::api::kms::{Backend, Keys, Progress};
use tod_proto::api::status::Health;
use tod_proto::api::tenants::{Deleted, Tenant};
use tod_proto::endpoint::Role;
use tod_proto::id::TenantId;
use tod_proto::page::Page;
use tod_server::api::App;
use tod_server::db::Db;
use tod_server::kms::{self, MasterKey, Moved, Upkeep, move_keys};
use tod_server::startup;
use tod_service::reconcile::Reconcile as _;

use crate::devices::{acme, router};
use crate::fake::{Poller, eventually, start};
use crate::harness::{Person, TestApp, send};
use crate::keys::passwords;
use crate::openbao::{Double, Fault};
use crate::transit::client;

/// How long a data key is kept in memory.
const KEEP: Duration = Duration::from_mins(5);

/// A server over the double, with a tenant.
struct Scene {
    double: Double,
    app: TestApp,
    tenant: TenantId,
    ana: Person,
    devices: String,
}

impl Scene {
    async fn new() -> Self {
        let double = Double::start().await;
        let app = TestApp::over(client(&double)).await;
        let (tenant, ana, devices) = acme(&app).await;
        Self {
            double,
            app,
            tenant,
            ana,
            devices,
        }
    }

    async fn add(&self, n: usize) -> crate::harness::Answer {
        let body = router(&format!("core-{n}"), &format!("10.0.0.{n}"));
        self.app.post(&self.ana, &self.devices, body).await
    }

    async fn wrapped(&self) -> Vec<String> {
        let sql = "select convert_from(wrapped, 'utf8') from tenant_keys order by version";
        let mut conn = self.app.superuser().await;
        sqlx::query_scalar(sql).fetch_all(&mut conn).await.unwrap()
    }

    async fn count(&self, sql: &'static str) -> i64 {
        let mut conn = self.app.superuser().await;
        sqlx::query_scalar(sql).fetch_one(&mut conn).await.unwrap()
    }

    async fn run(&self, sql: &'static str) {
        let mut conn = self.app.superuser().await;
        sqlx::raw_sql(sql).execute(&mut conn).await.unwrap();
    }

    /// Whether the double has the key of the tenant.
    fn has_key(&self, tenant: TenantId) -> bool {
        let name = format!("tod-{}", tenant.0);
        self.double
            .with(|state| state.engine.keys.contains_key(&name))
    }

    async fn upkeep(&self) -> anyhow::Result<usize> {
        Upkeep::new(self.app.app.clone()).run().await
    }

    /// Opens the first password anew, as a server does that has no key in memory.
    async fn opens(&self) -> bool {
        self.app.app.kms.forget(self.tenant);
        opens(&self.app.app).await
    }
}

/// Whether a server opens the first password.
async fn opens(app: &App) -> bool {
    let mut tx = app.db.system("look").await.unwrap();
    let (tenant, row, bytes): (uuid::Uuid, uuid::Uuid, Vec<u8>) =
        sqlx::query_as("select tenant_id, id, password from devices order by name limit 1")
            .fetch_one(&mut *tx)
            .await
            .unwrap();
    let place = kms::Place {
        table: "devices",
        column: "password",
        row,
    };
    let sealed = kms::Sealed {
        tenant: TenantId(tenant),
        place,
        bytes: &bytes,
    };
    let keys = app.kms.keyring("a test", "look", app.clock.now());
    let opened = keys.open(&mut tx, sealed).await;
    tx.commit().await.unwrap();
    opened.is_ok_and(|plain| *plain == b"hunter2")
}

#[tokio::test]
async fn secrets_are_sealed_under_a_key_of_the_tenants_own_in_the_key_service() {
    let scene = Scene::new().await;
    scene.add(1).await.ok::<Device>();
    let app = &scene.app;
    let boss = app.member(scene.tenant, Role::Admin).await;

    let wrapped = scene.wrapped().await;
    assert!(wrapped[0].starts_with("vault:v1:"), "{wrapped:?}");
    assert!(scene.has_key(scene.tenant));
    let keys: Keys = app
        .get(&boss, &format!("/api/tenants/{}/kms", scene.tenant))
        .await
        .ok();
    assert_eq!(keys.keys[0].wrapped_by, Backend::Transit);
    assert_eq!(keys.keys[0].wrapped_version, Some(1));
    // A server that comes later has the same root secret, from the database and the service alone.
    let options = app.db.options("tod_system");
    let keys = startup::unlock(client(&scene.double), &options).await;
    let mut config = app.app.config.clone();
    config.keys = keys.unwrap();
    let later = startup::build(config, app.shared()).unwrap();
    later.prepare().await.unwrap();
    assert_eq!(passwords(app, &later.kms).await, ["hunter2"]);
    let log = format!("/api/tenants/{}/audit", scene.tenant);
    let log = send(later.router(), Some(&boss.token), "GET", &log, None).await;
    let log: Page<Record> = log.ok();
    assert_eq!(log.items[0].detail["name"], "core-1");

    // A wrapped key that is put in another tenant's place opens nothing there.
    let other = app.tenant("other").await;
    let mut conn = app.superuser().await;
    let moved = sqlx::query(
        "update tenant_keys set wrapped = (select wrapped from tenant_keys where tenant_id = $1)
         where tenant_id = $2",
    )
    .bind(other.0)
    .bind(scene.tenant.0)
    .execute(&mut conn)
    .await
    .unwrap();
    assert_eq!(moved.rows_affected(), 1);
    assert!(!scene.opens().await);
}

#[tokio::test]
async fn a_rotation_reaches_the_key_service_and_retired_versions_open_never_again() {
    let scene = Scene::new().await;
    let app = &scene.app;
    scene.add(1).await.ok::<Device>();
    scene.add(2).await.ok::<Device>();
    let boss = app.member(scene.tenant, Role::Admin).await;
    let path = |verb: &str| format!("/api/tenants/{}/kms/{verb}", scene.tenant);
    let post = async |verb: &str, body| app.post(&boss, &path(verb), body).await;
    scene
        .run("create table dump as select * from tenant_keys")
        .await;
    scene
        .run("create table dumped as select * from devices")
        .await;

    let keys: Keys = post("rotate", json!({})).await.ok();
    assert_eq!(keys.keys[0].wrapped_version, Some(2));
    assert_eq!(keys.keys[1].wrapped_version, Some(1));
    let step: Progress = post("rewrap", json!({})).await.ok();
    assert_eq!((step.done, step.left), (2, 0));
    let wrapped = scene.wrapped().await;
    assert!(
        wrapped.iter().all(|one| one.starts_with("vault:v2:")),
        "{wrapped:?}"
    );
    let meant = json!({ "below": 2, "lose_audit_details": true });
    let keys: Keys = post("retire", meant).await.ok();
    assert_eq!(keys.keys.len(), 1);

    let name = format!("tod-{}", scene.tenant.0);
    let least = scene
        .double
        .with(|state| state.engine.keys[&name].min_available);
    assert_eq!(
        least, 2,
        "the first version is gone from the key service, too"
    );
    assert!(scene.opens().await);
    // Whoever puts a copy of the database back has nothing of it.
    scene.run("delete from tenant_keys").await;
    scene
        .run("insert into tenant_keys select * from dump")
        .await;
    scene
        .run("update devices d set password = o.password from dumped o where o.id = d.id")
        .await;
    assert!(!scene.opens().await);
}

#[tokio::test]
async fn a_deleted_tenants_key_is_destroyed_in_the_key_service_even_after_an_outage() {
    let mut scene = Scene::new().await;
    scene.add(1).await.ok::<Device>();
    let root = scene.app.person(None, Role::SuperAdmin).await;
    let other = scene.app.tenant("other").await;
    let late = scene.app.tenant("late").await;
    let bo = scene.app.member(late, Role::Operator).await;
    let devices = format!("/api/tenants/{late}/devices");
    let added = scene.app.post(&bo, &devices, router("a", "10.0.0.9")).await;
    added.ok::<Device>();
    scene
        .run("create table dump as select * from tenant_keys")
        .await;
    let delete = async |scene: &Scene, tenant: TenantId, name: &str| {
        let path = format!("/api/tenants/{tenant}?confirm={name}");
        scene.app.delete(&root, &path).await
    };

    delete(&scene, scene.tenant, "acme").await.ok::<Deleted>();
    assert!(!scene.has_key(scene.tenant));
    assert!(scene.has_key(other), "others stay");
    // Sealing again with its name would not bring it back, nor open what it has sealed.
    let transit = client(&scene.double);
    let name = transit.name(&scene.tenant.0.to_string());
    transit.seal(&name, b"x", b"x").await.unwrap_err();
    let sql = "select convert_from(wrapped, 'utf8') from dump where tenant_id = $1";
    let dumped: String = sqlx::query_scalar(sql)
        .bind(scene.tenant.0)
        .fetch_one(&mut scene.app.superuser().await)
        .await
        .unwrap();
    let context = format!("tod/v1 key {} 1", scene.tenant.0);
    transit.create(&name).await.unwrap();
    transit
        .open(&name, context.as_bytes(), &dumped)
        .await
        .unwrap_err();

    // The service is away when the next one goes: the tenant goes, and its key as soon as it can.
    scene.double.down().await;
    delete(&scene, late, "late").await.ok::<Deleted>();
    assert_eq!(scene.count("select count(*) from doomed_keys").await, 1);
    scene.upkeep().await.unwrap_err();
    scene.double.up().await;
    assert!(scene.has_key(late));
    eventually(async || scene.upkeep().await.ok()).await;
    assert!(!scene.has_key(late));
    assert!(scene.has_key(other));
    assert_eq!(scene.count("select count(*) from doomed_keys").await, 0);
}

#[tokio::test]
async fn a_tenant_that_does_not_come_about_leaves_no_key() {
    let scene = Scene::new().await;
    let root = scene.app.person(None, Role::SuperAdmin).await;
    let keys = || scene.double.with(|state| state.engine.keys.len());
    let before = keys();

    let taken = scene
        .app
        .post(&root, "/api/tenants", json!({ "name": "acme" }));
    taken.await.refused(409);
    let made: Tenant = scene
        .app
        .post(&root, "/api/tenants", json!({ "name": "fine" }))
        .await
        .ok();

    assert_eq!(keys(), before + 2);
    assert_eq!(scene.upkeep().await.unwrap(), 0, "it could still be stored");
    scene.app.hands.advance(Duration::from_mins(11));
    scene.upkeep().await.unwrap();
    assert_eq!(keys(), before + 1);
    assert!(scene.has_key(made.id));
    assert!(scene.has_key(scene.tenant));
}

/// Fault C3: what is in memory serves for its five minutes, then everything that needs a key is
/// refused, and nothing is stored instead.
#[tokio::test]
async fn without_the_key_service_nothing_is_sealed_opened_or_stored_in_the_clear() {
    let mut scene = Scene::new().await;
    scene.add(1).await.ok::<Device>();
    start(&scene.app.app).await;
    scene.double.down().await;

    // In memory.
    scene.add(2).await.ok::<Device>();
    scene.upkeep().await.unwrap_err();
    let health: Health = scene
        .app
        .send(None, "GET", "/health/ready", None)
        .await
        .ok();
    assert_eq!(health.status, "degraded");
    assert!(
        health.checks["keys"].contains("cannot be used"),
        "{health:?}"
    );

    // Not any more.
    scene.app.hands.advance(KEEP);
    let refused = scene.add(3).await.refused(503);
    assert!(
        refused.message.starts_with("credentials are unavailable"),
        "{refused:?}"
    );
    assert!(refused.hint.is_some(), "{refused:?}");
    assert_eq!(scene.count("select count(*) from devices").await, 2);
    let root = scene.app.person(None, Role::SuperAdmin).await;
    let tenant = scene
        .app
        .post(&root, "/api/tenants", json!({ "name": "new" }));
    tenant.await.refused(503);
    let boss = scene.app.member(scene.tenant, Role::Admin).await;
    for verb in ["rotate", "rewrap", "retire"] {
        let path = format!("/api/tenants/{}/kms/{verb}", scene.tenant);
        let body = if verb == "retire" {
            json!({ "below": 1 })
        } else {
            json!({})
        };
        scene.app.post(&boss, &path, body).await.refused(503);
    }
    let poller = Poller::idle(&scene.app.bus);
    assert!(
        poller.lease(&[]).await.assign.is_empty(),
        "no password goes out"
    );
    // What needs no key goes on.
    let listed: Page<Device> = scene.app.get(&scene.ana, &scene.devices).await.ok();
    assert_eq!(listed.items.len(), 2);

    scene.double.up().await;
    eventually(async || (scene.add(4).await.status == 200).then_some(())).await;
    eventually(async || (poller.lease(&[]).await.assign.len() == 3).then_some(())).await;
}

#[tokio::test]
async fn a_sealed_slow_or_lying_key_service_is_an_outage() {
    let scene = Scene::new().await;
    scene.add(1).await.ok::<Device>();
    let faults = [
        Fault::Slow(Duration::from_mins(1)),
        Fault::Garbage,
        Fault::Huge,
        Fault::Status(503, usize::MAX),
    ];
    for (n, fault) in faults.into_iter().enumerate() {
        scene.app.app.kms.forget(scene.tenant);
        scene.double.fault(fault.clone());
        let refused = scene.add(99).await.refused(503);
        assert!(
            refused.message.contains("does not answer"),
            "{fault:?}: {refused:?}"
        );
        scene.double.fault(None);
        eventually(async || (scene.add(n + 2).await.status == 200).then_some(())).await;
    }
    assert_eq!(scene.count("select count(*) from devices").await, 5);
}

#[tokio::test]
async fn a_key_that_somebody_deleted_in_the_service_is_missed_and_not_made_anew() {
    let scene = Scene::new().await;
    scene.add(1).await.ok::<Device>();
    scene.app.app.kms.forget(scene.tenant);
    scene
        .double
        .with(|state| state.engine.keys.remove(&format!("tod-{}", scene.tenant.0)));

    let refused = scene.add(2).await.refused(503);

    assert!(refused.message.contains("refuses"), "{refused:?}");
    let boss = scene.app.member(scene.tenant, Role::Admin).await;
    let rotate = format!("/api/tenants/{}/kms/rotate", scene.tenant);
    scene.app.post(&boss, &rotate, json!({})).await.refused(503);
    assert!(!scene.has_key(scene.tenant));
    assert_eq!(scene.count("select count(*) from devices").await, 1);
    // The tenant can still be deleted, and nobody else is touched.
    let root = scene.app.person(None, Role::SuperAdmin).await;
    let path = format!("/api/tenants/{}?confirm=acme", scene.tenant);
    scene.app.delete(&root, &path).await.ok::<Deleted>();
    let other = scene.app.tenant("other").await;
    let bo = scene.app.member(other, Role::Operator).await;
    let devices = format!("/api/tenants/{other}/devices");
    let added = scene.app.post(&bo, &devices, router("a", "10.0.0.9")).await;
    added.ok::<Device>();
}

#[tokio::test]
async fn a_database_is_not_opened_with_the_other_kind_of_keys() {
    let scene = Scene::new().await;
    let mut config = scene.app.app.config.clone();
    config.keys = kms::Keys::Local(MasterKey::from_bytes([42; 32]));
    let local = startup::build(config, scene.app.shared()).unwrap();
    let refused = local.prepare().await.unwrap_err().to_string();
    assert!(
        refused.contains("wrapped by OpenBao") && refused.contains("keys.backend"),
        "{refused}"
    );

    let app = TestApp::new().await;
    let other = startup::unlock(client(&scene.double), &app.db.options("tod_system")).await;
    let refused = other.unwrap_err().to_string();
    assert!(
        refused.contains("a master key") && refused.contains("keys.backend"),
        "{refused}"
    );
}

/// Waits until PostgreSQL has seen that a server that was stopped is gone.
async fn gone(app: &TestApp) {
    let mut conn = app.superuser().await;
    eventually(async || {
        let asked = "select count(*) from pg_stat_activity
                     where datname = current_database() and usename = 'tod_app'";
        let left: i64 = sqlx::query_scalar(asked)
            .fetch_one(&mut conn)
            .await
            .unwrap();
        (left == 0).then_some(())
    })
    .await;
}

/// There and back; the first time with an interruption in the middle.
#[tokio::test]
async fn keys_move_between_a_master_key_and_the_key_service() {
    let double = Double::start().await;
    let app = TestApp::new().await;
    let (_, ana, devices) = acme(&app).await;
    app.post(&ana, &devices, router("core-1", "10.0.0.1"))
        .await
        .ok::<Device>();
    for name in ["b", "c", "d"] {
        app.tenant(name).await;
    }
    let master = MasterKey::from_bytes([42; 32]);
    let (transit, options) = (client(&double), app.db.options("tod_system"));
    let local = kms::Keys::Local(master.clone());
    let away = kms::Keys::Transit(transit.clone(), master);
    let db = Db::new(options.clone(), options.clone(), 2);

    let refused = move_keys(&db, &local, &away, |_| {}).await.unwrap_err();
    assert!(
        refused.to_string().contains("stop all servers"),
        "{refused}"
    );
    app.app.db.close().await;
    gone(&app).await;
    let stop = |moved: Moved| double.fault((moved.done == 2).then_some(Fault::Garbage));
    move_keys(&db, &local, &away, stop).await.unwrap_err();
    double.fault(None);
    eventually(async || transit.create("tod-root").await.ok()).await;
    let mut seen = Vec::new();
    let moved = move_keys(&db, &local, &away, |moved| seen.push(moved))
        .await
        .unwrap();
    assert_eq!(moved, Moved { done: 4, total: 4 });
    assert_eq!(seen.len(), 5);

    let unlocked = startup::unlock(transit, &options).await.unwrap();
    let works = async |keys: &kms::Keys| {
        let mut config = app.app.config.clone();
        config.keys = keys.clone();
        let server = startup::build(config, app.shared()).unwrap();
        server.prepare().await.unwrap();
        assert!(opens(&server).await);
        // Whoever was signed in still is: what derives from the root secret is as it was.
        let whoami = send(
            server.router(),
            Some(&ana.token),
            "GET",
            "/api/auth/whoami",
            None,
        );
        assert_eq!(whoami.await.status, 200);
        server.db.close().await;
    };
    works(&unlocked).await;
    move_keys(&db, &unlocked, &local, |_| {}).await.unwrap();
    works(&local).await;
    db.close().await;
}
