//! Audit logs that are cut to what a policy keeps.

use std::time::Duration;

use serde_json::json;
use tod_proto::api::audit::{Record, Verdict};
use tod_proto::api::devices::Device;
use tod_proto::api::kms::KeyUse;
use tod_proto::api::tenants::Tenant;
use tod_proto::endpoint::Role;
use tod_proto::id::TenantId;
use tod_proto::page::Page;
use tod_server::audit::PLATFORM;
use tod_server::audit::checkpoint;
use tod_server::audit::retention::{self, Retention};
use tod_service::reconcile::Reconcile as _;

use crate::devices::router;
use crate::harness::{Person, TestApp};

const DAY: Duration = Duration::from_hours(24);

/// A tenant whose log has one record for each of ten days, with uses of keys and checkpoints.
struct Scene {
    app: TestApp,
    tenant: TenantId,
    /// Who runs the server, who is in no tenant.
    root: Person,
}

impl Scene {
    async fn new() -> Self {
        let app = TestApp::new().await;
        let tenant = app.tenant("acme").await;
        let mut scene = Self {
            root: app.person(None, Role::SuperAdmin).await,
            app,
            tenant,
        };
        for n in 1..=10 {
            scene.day(n).await;
        }
        scene
    }

    async fn day(&mut self, n: usize) {
        self.sign_in().await;
        let body = router(&format!("core-{n}"), &format!("10.0.0.{n}"));
        let path = self.path("devices");
        self.app.post(&self.root, &path, body).await.ok::<Device>();
        self.log().await;
        checkpoint::make(&self.app.app).await.unwrap();
        self.app.hands.advance(DAY);
        self.sign_in().await;
    }

    /// Tokens live for a quarter of an hour, and sessions for a week.
    async fn sign_in(&mut self) {
        self.root = self.app.person(None, Role::SuperAdmin).await;
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/tenants/{}/{rest}", self.tenant)
    }

    async fn log(&self) -> Page<Record> {
        self.app.get(&self.root, &self.path("audit")).await.ok()
    }

    async fn verdict(&self) -> Verdict {
        let path = self.path("audit/verify");
        self.app.get(&self.root, &path).await.ok()
    }

    async fn keep(&self, days: u32) -> Tenant {
        let path = format!("/api/tenants/{}", self.tenant);
        let body = json!({ "audit_retention_days": days });
        self.app.patch(&self.root, &path, body).await.ok()
    }

    async fn run(&self) {
        Retention::new(self.app.app.clone()).run().await.unwrap();
    }

    async fn meddle(&self, sql: &str) {
        let mut conn = self.app.superuser().await;
        let sql = format!("set session_replication_role = replica; {sql}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
            .execute(&mut conn)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn without_a_policy_everything_is_kept() {
    let scene = Scene::new().await;
    let before = scene.log().await;

    scene.run().await;

    assert_eq!(scene.log().await, before);
    assert_eq!(scene.verdict().await.cut, None);
}

#[tokio::test]
async fn a_log_is_cut_by_policy_and_the_rest_still_holds() {
    let scene = Scene::new().await;
    let before = scene.log().await;
    assert_eq!((before.total, before.items[9].seq), (10, 1));
    let kept = scene.keep(4).await;
    assert_eq!(kept.audit_retention_days, Some(4));

    scene.run().await;

    // Ten days, the policy, and the cut itself.
    let log = scene.log().await;
    let seqs: Vec<i64> = log.items.iter().map(|record| record.seq).collect();
    assert_eq!(seqs, [12, 11, 10, 9, 8, 7]);
    assert_eq!((log.total, log.next), (6, None));
    let cut = &log.items[0];
    assert_eq!((&*cut.act, &*cut.actor), ("audit.cut", "tod"));
    assert_eq!(cut.detail["through"], 6);
    assert_eq!(cut.detail["records"], 6);
    assert_eq!(cut.detail["hash"], before.items[4].hash);
    let verdict = scene.verdict().await;
    assert!(verdict.whole, "{verdict:?}");
    assert_eq!((verdict.records, verdict.broken_at), (6, None));
    let cut = verdict.cut.unwrap();
    assert_eq!((cut.through, &cut.hash), (6, &before.items[4].hash));
    let first = log.items.last().unwrap();
    assert_eq!(
        first.prev_hash, cut.hash,
        "and the first that is left follows it"
    );
    let gone = scene.path("audit/6");
    scene.app.get(&scene.root, &gone).await.refused(404);

    // Uses of keys and checkpoints go with it, the newest checkpoint never.
    let uses: Page<KeyUse> = {
        let path = scene.path("kms/log");
        scene.app.get(&scene.root, &path).await.ok()
    };
    assert!(uses.items.iter().all(|used| used.at >= cut.before));
    let mut conn = scene.app.superuser().await;
    let checkpoints: Vec<i64> =
        sqlx::query_scalar("select seq from audit_checkpoints where tenant_id = $1 order by seq")
            .bind(scene.tenant.0)
            .fetch_all(&mut conn)
            .await
            .unwrap();
    assert!(checkpoints.ends_with(&[10]), "{checkpoints:?}");

    // Again the same day it does nothing; later it goes on, from cut to cut.
    scene.run().await;
    assert_eq!(scene.log().await.total, 6);
    scene.app.hands.advance(DAY * 2);
    scene.run().await;
    let mut later = scene;
    later.sign_in().await;
    let verdict = later.verdict().await;
    assert!(verdict.whole, "{verdict:?}");
    assert_eq!(verdict.cut.unwrap().through, 8);
    // For ever again: nothing more goes.
    assert_eq!(later.keep(0).await.audit_retention_days, None);
    later.app.hands.advance(DAY * 100);
    later.run().await;
    later.sign_in().await;
    assert_eq!(later.verdict().await.cut.unwrap().through, 8);
}

/// A log from which a record was taken is evidence: it stays as it is.
#[tokio::test]
async fn a_log_that_does_not_hold_is_not_cut() {
    let scene = Scene::new().await;
    scene.keep(4).await;
    scene.meddle("delete from audit_log where seq = 3").await;

    scene.run().await;

    let verdict = scene.verdict().await;
    assert_eq!((verdict.whole, verdict.broken_at), (false, Some(3)));
    assert_eq!(verdict.cut, None);
    assert_eq!(scene.log().await.items.last().unwrap().seq, 1);
}

/// Whoever has the database but not the key cannot make a hole look like a policy.
#[tokio::test]
async fn a_beginning_that_somebody_else_removed_shows() {
    let scene = Scene::new().await;
    scene.meddle("delete from audit_log where seq <= 3").await;
    assert_eq!(scene.verdict().await.broken_at, Some(1));

    let forged = format!(
        "insert into audit_anchors (tenant_id, at, seq, hash, until, mac)
         select tenant_id, at, 3, prev_hash, at, sha256('x') from audit_log
         where seq = 4 and tenant_id = '{}'",
        scene.tenant.0
    );
    scene.meddle(&forged).await;

    let verdict = scene.verdict().await;
    assert_eq!((verdict.whole, verdict.broken_at), (false, Some(4)));
    assert!(verdict.reason.unwrap().contains("not by policy"));
}

/// An honest anchor does not hide what was removed after it.
#[tokio::test]
async fn what_is_removed_behind_a_cut_shows() {
    let scene = Scene::new().await;
    scene.keep(4).await;
    scene.run().await;

    scene.meddle("delete from audit_log where seq <= 8").await;

    let verdict = scene.verdict().await;
    assert_eq!((verdict.whole, verdict.broken_at), (false, Some(7)));
}

/// The database itself removes nothing but what an anchor covers, whoever in the product asks.
#[tokio::test]
async fn no_role_of_the_product_removes_what_no_anchor_covers() {
    let scene = Scene::new().await;
    scene.keep(4).await;
    scene.run().await;
    for (role, sql) in [
        ("tod_app", "delete from audit_log"),
        ("tod_app", "delete from audit_anchors"),
        ("tod_app", "delete from key_uses"),
        ("tod_system", "delete from audit_log where seq = 8"),
        ("tod_system", "delete from audit_log"),
        ("tod_system", "delete from audit_anchors"),
        ("tod_system", "update audit_anchors set seq = 99"),
        ("tod_system", "update audit_log set actor = 'x'"),
        ("tod_system", "delete from audit_checkpoints"),
        ("tod_system", "delete from key_uses"),
        ("tod_system", "truncate audit_log"),
        ("tod_system", "alter table audit_log disable trigger all"),
        ("tod_system", "set session_replication_role = replica"),
    ] {
        use sqlx::Connection as _;
        let options = scene.app.db.options(role);
        let mut conn = sqlx::PgConnection::connect_with(&options).await.unwrap();
        let result = sqlx::raw_sql(sql).execute(&mut conn).await.map(drop);
        let error = result.unwrap_err();
        let code = error
            .as_database_error()
            .unwrap()
            .code()
            .unwrap()
            .into_owned();
        assert_eq!(code, "42501", "{role}: {sql}: {error}");
    }
    assert!(scene.verdict().await.whole);
}

/// The chain of what belongs to no tenant has the server's own policy: thirty days here.
#[tokio::test]
async fn the_platforms_log_is_cut_to_what_the_server_was_told() {
    let mut scene = Scene::new().await;
    let rename = async |scene: &Scene, name: &str| {
        let path = format!("/api/tenants/{}", scene.tenant);
        let body = json!({ "name": name });
        scene
            .app
            .patch(&scene.root, &path, body)
            .await
            .ok::<Tenant>();
    };
    rename(&scene, "one").await;
    scene.app.hands.advance(DAY * 31);
    scene.sign_in().await;
    rename(&scene, "two").await;

    scene.run().await;

    let verdict: Verdict = {
        let path = "/api/platform/audit/verify";
        scene.app.get(&scene.root, path).await.ok()
    };
    assert!(verdict.whole, "{verdict:?}");
    assert_eq!((verdict.cut.unwrap().through, verdict.records), (1, 2));
    let log: Page<Record> = scene.app.get(&scene.root, "/api/platform/audit").await.ok();
    assert_eq!(log.items[0].act, "audit.cut");
    let tenants_own = scene.verdict().await;
    assert_eq!(tenants_own.cut, None, "{PLATFORM} alone");
}

/// Two servers at once cut once.
#[tokio::test]
async fn two_servers_at_once_cut_once() {
    let scene = Scene::new().await;
    scene.keep(4).await;
    let other = scene.app.replica();

    let (one, two) = tokio::join!(
        retention::cut(&scene.app.app, scene.tenant, 4),
        retention::cut(&other, scene.tenant, 4)
    );

    assert_eq!(one.unwrap().0 + two.unwrap().0, 6);
    let cuts = scene.log().await.items;
    let cuts = cuts.iter().filter(|record| record.act == "audit.cut");
    assert_eq!(cuts.count(), 1);
    assert!(scene.verdict().await.whole);
}
