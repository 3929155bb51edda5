//! The chain of acts.

use std::time::Duration;

use serde_json::json;
use tod_proto::api::audit::{Record, Verdict};
use tod_proto::api::devices::Device;
use tod_proto::api::status::Status;
use tod_proto::endpoint::Role;
use tod_proto::error::ErrorCode;
use tod_proto::page::Page;
use tod_server::audit::{self, Act, Chain, Origin};
use tod_server::db::TenantTx;

use crate::devices::{acme, router};
use crate::harness::TestApp;

#[tokio::test]
async fn every_act_is_in_the_chain_and_a_change_behind_its_back_shows() {
    let app = TestApp::new().await;
    let (tenant, ana, devices) = acme(&app).await;
    for n in 1..4 {
        let body = router(&format!("core-{n}"), &format!("10.0.0.{n}"));
        app.post(&ana, &devices, body).await.ok::<Device>();
        app.hands.advance(Duration::from_millis(1));
    }
    let chain = async || {
        let mut tx = app.app.db.tenant(tenant).await.unwrap();
        audit::verify(&mut tx, tenant, |_, _| {}).await.unwrap()
    };
    assert_eq!(chain().await, Chain::Whole(3));
    let mut conn = app.superuser().await;
    let mut meddle = async |sql: &'static str| {
        // The database keeps rows from being removed; whoever owns it can get around that.
        let sql = format!("set session_replication_role = replica; {sql}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
            .execute(&mut conn)
            .await
            .unwrap();
    };

    meddle("update audit_log set actor = 'nobody' where seq = 2").await;
    assert_eq!(chain().await, Chain::BrokenAt(2));
    meddle("delete from audit_log where seq = 2").await;
    assert_eq!(chain().await, Chain::BrokenAt(2));
    meddle("delete from audit_log where seq > 1").await;
    assert_eq!(chain().await, Chain::BrokenAt(2));
}

#[tokio::test]
async fn an_act_that_cannot_be_audited_does_not_happen() {
    let app = TestApp::new().await;
    let (_, ana, devices) = acme(&app).await;
    let mut conn = app.superuser().await;
    sqlx::raw_sql("revoke insert on audit_log from tod_app")
        .execute(&mut conn)
        .await
        .unwrap();

    let refused = app.post(&ana, &devices, router("core-1", "10.0.0.1")).await;

    assert_eq!(refused.refused(503).code, ErrorCode::Unavailable);
    let page: Page<Device> = app.get(&ana, &devices).await.ok();
    assert_eq!(page.total, 0);
}

/// As when its disk is full: the table takes no row any more.
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
#[tokio::test]
async fn while_the_log_takes_nothing_whatever_changes_is_refused_and_reading_goes_on() {
    let app = TestApp::new().await;
    let (tenant, ana, devices) = acme(&app).await;
    let boss = app.member(tenant, Role::Admin).await;
    let device: Device = app
        .post(&ana, &devices, router("core-1", "10.0.0.1"))
        .await
        .ok();
    let of = |rest: &str| format!("/api/tenants/{tenant}/{rest}");
    let alarms = async || {
        let status: Status = app.send(None, "GET", "/api/status", None).await.ok();
        status.alarms
    };
    let mut conn = app.superuser().await;
    let mut arrange = async |sql: &'static str| {
        sqlx::raw_sql(sql).execute(&mut conn).await.unwrap();
    };
    assert_eq!(alarms().await, Vec::<String>::new());
    arrange("alter table audit_log add constraint disk_full check (false) not valid").await;

    let one = of(&format!("devices/{}", device.id));
    let key = json!({ "name": "ci", "scopes": ["devices:read"] });
    let invited = json!({ "email": "x@example.net", "name": "X", "role": "viewer" });
    let run = json!({ "selector": "all", "command": "/system/identity/print" });
    let session = format!("/api/auth/sessions/{}", boss.session);
    for (method, path, body) in [
        ("POST", devices.clone(), Some(router("core-2", "10.0.0.2"))),
        ("PATCH", one.clone(), Some(json!({ "name": "core-9" }))),
        ("DELETE", one.clone(), None),
        ("POST", of("api-keys"), Some(key)),
        ("POST", of("users"), Some(invited)),
        (
            "PATCH",
            of(&format!("users/{}", ana.user)),
            Some(json!({ "role": "viewer" })),
        ),
        (
            "POST",
            of(&format!("users/{}/reset", ana.user)),
            Some(json!({})),
        ),
        ("DELETE", of(&format!("users/{}", ana.user)), None),
        ("POST", of("kms/rotate"), Some(json!({}))),
        ("POST", of("runs"), Some(run)),
        ("DELETE", session, None),
    ] {
        let refused = app.send(Some(&boss.token), method, &path, body).await;
        let said = refused.refused(503);
        assert!(
            said.message.contains("audit log"),
            "{method} {path}: {said:?}"
        );
    }

    let page: Page<Device> = app.get(&ana, &devices).await.ok();
    assert_eq!((page.total, &*page.items[0].name), (1, "core-1"));
    app.get(&boss, &of("users")).await.ok::<serde_json::Value>();
    let log: Page<Record> = app.get(&boss, &of("audit")).await.ok();
    assert_eq!(log.total, 1);
    let said = alarms().await;
    assert!(said[0].contains("cannot be written"), "{said:?}");

    arrange("alter table audit_log drop constraint disk_full").await;
    app.post(&ana, &devices, router("core-2", "10.0.0.2"))
        .await
        .ok::<Device>();
    assert_eq!(alarms().await, Vec::<String>::new());
    let log: Page<Record> = app.get(&boss, &of("audit")).await.ok();
    assert_eq!(log.total, 2, "nothing of what was refused is in it");
}

#[tokio::test]
async fn the_log_is_listed_filtered_and_paged() {
    let app = TestApp::new().await;
    let (tenant, ana, devices) = acme(&app).await;
    for n in 1..=5 {
        let body = router(&format!("core-{n}"), &format!("10.0.0.{n}"));
        app.post(&ana, &devices, body).await.ok::<Device>();
        app.hands.advance(Duration::from_mins(1));
    }
    let boss = app.member(tenant, Role::Admin).await;
    let list = async |query: &str| {
        let path = format!("/api/tenants/{tenant}/audit{query}");
        app.get(&boss, &path).await.ok::<Page<Record>>()
    };

    let all = list("").await;
    assert_eq!((all.items.len(), all.total, all.next), (5, 5, None));
    let newest = &all.items[0];
    assert_eq!((newest.seq, &*newest.act), (5, "device.add"));
    assert_eq!(newest.detail["name"], "core-5");
    assert_eq!(newest.address, "127.0.0.1");
    assert!(newest.request_id.starts_with("rq_"), "{newest:?}");
    assert_eq!(newest.actor_email.as_deref(), Some(&*ana.email));
    let page = list("?limit=2").await;
    assert_eq!(page.next.as_deref(), Some("4"));
    let rest = list("?limit=5&before=4").await;
    assert_eq!(rest.items.len(), 3);
    let since = newest.at - Duration::from_secs(90);
    for (query, count) in [
        (format!("?since={since}"), 2),
        (format!("?until={since}"), 3),
        (format!("?actor={}", ana.email), 5),
        (format!("?actor={}", ana.user), 5),
        ("?actor=nobody@example.net".to_owned(), 0),
        ("?act=device.".to_owned(), 5),
        ("?act=device".to_owned(), 0),
        (format!("?target={}", newest.target), 1),
    ] {
        assert_eq!(list(&query).await.total, count, "{query}");
    }
    let one = format!("/api/tenants/{tenant}/audit/3");
    assert_eq!(app.get(&boss, &one).await.ok::<Record>().seq, 3);
    app.get(&ana, &format!("/api/tenants/{tenant}/audit"))
        .await
        .refused(403);
    let bad = format!("/api/tenants/{tenant}/audit?limit=0");
    app.get(&boss, &bad).await.refused(400);
}

/// Whoever reads the database reads no details, and what they open is on record.
#[tokio::test]
async fn details_are_sealed_and_reading_them_leaves_a_trace() {
    let app = TestApp::new().await;
    let (tenant, ana, devices) = acme(&app).await;
    let secret = router("core-of-the-bank", "10.0.0.1");
    app.post(&ana, &devices, secret).await.ok::<Device>();
    let mut conn = app.superuser().await;
    let row: String = sqlx::query_scalar("select l::text from audit_log l")
        .fetch_one(&mut conn)
        .await
        .unwrap();
    assert!(!row.contains("core-of-the-bank"), "{row}");
    let boss = app.member(tenant, Role::Admin).await;

    app.get(&boss, &format!("/api/tenants/{tenant}/audit"))
        .await
        .ok::<Page<Record>>();

    let used: (String, String, String, i32) = sqlx::query_as(
        "select actor, purpose, place, count from key_uses where purpose = 'audit.list'",
    )
    .fetch_one(&mut conn)
    .await
    .unwrap();
    let place = "audit_log.sealed".to_owned();
    assert_eq!(
        used,
        (boss.user.to_string(), "audit.list".to_owned(), place, 1)
    );
}

/// A chain that was written anew from the first row on agrees with itself, but not with what was
/// vouched for.
#[tokio::test]
async fn a_chain_that_is_rewritten_whole_does_not_hold() {
    let app = TestApp::new().await;
    let (tenant, ana, devices) = acme(&app).await;
    for n in 1..=3 {
        let body = router(&format!("core-{n}"), &format!("10.0.0.{n}"));
        app.post(&ana, &devices, body).await.ok::<Device>();
    }
    assert_eq!(audit::checkpoint::make(&app.app).await.unwrap(), 1);
    assert_eq!(audit::checkpoint::make(&app.app).await.unwrap(), 0);
    let boss = app.member(tenant, Role::Admin).await;
    let verdict = async |query: &str| {
        let path = format!("/api/tenants/{tenant}/audit/verify{query}");
        app.get(&boss, &path).await.ok::<Verdict>()
    };
    let before = verdict("?at=2").await;
    assert!(before.whole, "{before:?}");
    assert_eq!((before.records, before.checkpoints), (3, 1));
    assert_eq!(before.at.as_ref().map(String::len), Some(64));

    let mut conn = app.superuser().await;
    sqlx::raw_sql(include_str!("audit/rewrite.sql"))
        .execute(&mut conn)
        .await
        .unwrap();
    let mut tx = app.app.db.tenant(tenant).await.unwrap();
    let chain = audit::verify(&mut tx, tenant, |_, _| {}).await.unwrap();
    assert_eq!(
        chain,
        Chain::Whole(3),
        "the rewritten chain agrees with itself"
    );

    let after = verdict("?at=2").await;
    assert_eq!((after.whole, after.broken_at), (false, Some(3)));
    assert_ne!(
        after.at, before.at,
        "and with what was noted elsewhere it does not"
    );
    // Nor can a checkpoint be made to fit.
    sqlx::raw_sql(
        "update audit_checkpoints c set hash = h.hash from audit_heads h
         where h.tenant_id = c.tenant_id",
    )
    .execute(&mut conn)
    .await
    .unwrap();
    let forged = verdict("").await;
    assert_eq!((forged.whole, forged.broken_at), (false, Some(3)));
    assert!(forged.reason.unwrap().contains("forged"));
}

/// Fifty writers at once make one chain.
#[tokio::test]
async fn writers_at_once_make_one_chain() {
    let app = TestApp::new().await;
    let (tenant, ana, devices) = acme(&app).await;

    let add = async |n: usize| {
        let body = router(&format!("core-{n}"), &format!("10.0.0.{n}"));
        app.post(&ana, &devices, body).await.ok::<Device>();
    };
    futures_util::future::join_all((1..=50).map(add)).await;

    let mut tx = app.app.db.tenant(tenant).await.unwrap();
    let chain = audit::verify(&mut tx, tenant, |_, _| {}).await.unwrap();
    assert_eq!(chain, Chain::Whole(50));
}

/// A record that goes with the commit is text of a statement: nothing in it ends that text.
#[tokio::test]
async fn whatever_is_named_is_on_record_as_it_is() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let named = [
        "it's",
        r"back\slash \' and $$",
        "'); delete from audit_log; --",
        "\u{202e}edoc ⛔ 東京\r\n\t\u{1b}[31m",
        "",
    ];
    for target in named {
        let act = Act {
            actor: target,
            act: "device.set",
            target: target.to_owned(),
            detail: json!({ "note": target }),
            origin: Origin {
                request: target,
                address: Some([192, 0, 2, 1].into()),
            },
        };
        let tx = app.app.db.tenant(tenant).await.unwrap();
        audit::commit(&app.app, tx, tenant, act).await.unwrap();
    }
    let kept: Vec<(String, String, String, String)> = sqlx::query_as(
        "select actor, target, request_id, address from audit_log where tenant_id = $1 order by seq",
    )
    .bind(tenant.0)
    .fetch_all(&mut app.superuser().await)
    .await
    .unwrap();
    let expected = named.map(|name| {
        let name = name.to_owned();
        (name.clone(), name.clone(), name, "192.0.2.1".to_owned())
    });
    assert_eq!(kept, expected);
    let mut tx = app.app.db.tenant(tenant).await.unwrap();
    let chain = audit::verify(&mut tx, tenant, |_, _| {}).await.unwrap();
    assert_eq!(chain, Chain::Whole(5));
}

/// New connections know the statement: otherwise each would begin with an error in the log of the
/// database. One that has forgotten it learns it again, and loses nothing.
#[tokio::test]
async fn a_connection_that_forgot_how_to_record_learns_it_again() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let backend = async |tx: &mut TenantTx| -> (i32, i64) {
        sqlx::query_as(
            "select pg_backend_pid(), count(*) from pg_prepared_statements
             where name = 'audit_record'",
        )
        .fetch_one(&mut **tx)
        .await
        .unwrap()
    };
    let mut forgot = None;
    for n in 0..3 {
        let mut tx = app.app.db.tenant(tenant).await.unwrap();
        assert_eq!(backend(&mut tx).await.1, 1);
        if n == 1 {
            sqlx::raw_sql("deallocate audit_record")
                .execute(&mut *tx)
                .await
                .unwrap();
            forgot = Some(backend(&mut tx).await);
        }
        let act = Act {
            actor: audit::TOD,
            act: "device.set",
            target: n.to_string(),
            detail: json!({}),
            origin: Origin::default(),
        };
        audit::commit(&app.app, tx, tenant, act).await.unwrap();
    }
    let (forgot, known) = forgot.unwrap();
    assert_eq!(known, 0);
    // All connections of the pool at once, that one among them.
    let mut pool = Vec::new();
    for _ in 0..4 {
        pool.push(app.app.db.tenant(tenant).await.unwrap());
    }
    let mut backends = Vec::new();
    for tx in &mut pool {
        backends.push(backend(tx).await);
    }
    assert!(backends.contains(&(forgot, 1)), "{backends:?}");
    let chain = audit::verify(&mut pool[0], tenant, |_, _| {})
        .await
        .unwrap();
    assert_eq!(chain, Chain::Whole(3));
}

/// What the first servers wrote still verifies.
#[tokio::test]
async fn rows_of_the_first_form_still_hold() {
    let app = TestApp::new().await;
    let (tenant, ana, devices) = acme(&app).await;
    let mut conn = app.superuser().await;
    let sql = include_str!("audit/first_form.sql").replace("TENANT", &tenant.0.to_string());
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
        .execute(&mut conn)
        .await
        .unwrap();

    let body = router("core-1", "10.0.0.1");
    app.post(&ana, &devices, body).await.ok::<Device>();

    let boss = app.member(tenant, Role::Admin).await;
    let path = format!("/api/tenants/{tenant}/audit");
    let verdict: Verdict = app.get(&boss, &format!("{path}/verify")).await.ok();
    assert!(verdict.whole, "{verdict:?}");
    assert_eq!(verdict.records, 2);
    let log: Page<Record> = app.get(&boss, &path).await.ok();
    assert_eq!(log.items[1].detail["name"], "acme");
}
