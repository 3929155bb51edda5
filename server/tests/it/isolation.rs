//! What keeps tenants apart, shown on the database itself.

mod checklist;
mod plans;

use sqlx::{Connection as _, Row as _};
use tod_proto::endpoint::Role;
use tod_server::audit::{self, Act, Origin};

use crate::harness::TestApp;

#[tokio::test]
async fn a_tenant_sees_only_its_own_rows() {
    let app = TestApp::new().await;
    let (ours, theirs) = (app.tenant("ours").await, app.tenant("theirs").await);
    app.member(ours, Role::Viewer).await;
    app.member(theirs, Role::Viewer).await;

    let mut tx = app.app.db.tenant(ours).await.unwrap();
    let seen: Vec<uuid::Uuid> = sqlx::query_scalar("select tenant_id from users")
        .fetch_all(&mut *tx)
        .await
        .unwrap();

    assert_eq!(seen, [ours.0]);
}

/// After a scope ends, the setting is an empty text on that connection, not null.
#[tokio::test]
async fn a_connection_outside_any_scope_sees_nothing() {
    let app = TestApp::new().await;
    let tenant = app.tenant("ours").await;
    app.member(tenant, Role::Viewer).await;
    let mut conn = sqlx::PgConnection::connect_with(&app.db.options("tod_app"))
        .await
        .unwrap();

    let begin = format!(
        "begin; set local app.current_tenant = '{}'; commit",
        tenant.0
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(begin))
        .execute(&mut conn)
        .await
        .unwrap();
    let row = sqlx::query(
        "select current_setting('app.current_tenant', true) as left_over, count(*) from users",
    )
    .fetch_one(&mut conn)
    .await
    .unwrap();

    assert_eq!(row.get::<Option<String>, _>(0).as_deref(), Some(""));
    assert_eq!(row.get::<i64, _>(1), 0);
}

#[tokio::test]
async fn rows_cannot_be_put_into_another_tenant() {
    let app = TestApp::new().await;
    let (ours, theirs) = (app.tenant("ours").await, app.tenant("theirs").await);

    let mut tx = app.app.db.tenant(ours).await.unwrap();
    let result = sqlx::query("insert into counters (tenant_id, name, value) values ($1, 'x', 1)")
        .bind(theirs.0)
        .execute(&mut *tx)
        .await;

    let code = result
        .unwrap_err()
        .as_database_error()
        .unwrap()
        .code()
        .unwrap()
        .into_owned();
    assert_eq!(code, "42501");
}

#[tokio::test]
async fn the_roles_of_the_product_can_do_nothing_but_their_work() {
    let app = TestApp::new().await;
    let mut conn = app.superuser().await;
    let strong: Vec<String> = sqlx::query_scalar(
        "select rolname::text from pg_roles
         where rolname in ('tod_app', 'tod_system', 'tod_owner')
               and (rolsuper or rolbypassrls or rolcreaterole or not rolcanlogin)",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    assert_eq!(strong, Vec::<String>::new());
    let owned: Vec<String> = sqlx::query_scalar(
        "select c.relname::text from pg_class c join pg_roles r on r.oid = c.relowner
         where r.rolname in ('tod_app', 'tod_system')",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    assert_eq!(owned, Vec::<String>::new());

    for sql in [
        "set role tod_owner",
        "set role tod_system",
        "set session authorization tod_super",
        "alter table devices disable row level security",
        "drop policy tenant_isolation on devices",
        "set row_security = off; select * from devices",
        "select * from verifiers",
        "select * from refresh_tokens",
        "update audit_log set actor = ''",
        "delete from audit_log",
        "copy (select 1) to program 'true'",
        "create table public.mine (x int)",
    ] {
        let mut conn = connect(&app, "tod_app").await;
        let result = sqlx::raw_sql(sql).execute(&mut conn).await;

        let error = result.map(drop).unwrap_err();
        let code = error
            .as_database_error()
            .unwrap()
            .code()
            .unwrap()
            .into_owned();
        assert_eq!(code, "42501", "{sql}: {error}");
    }
}

/// The list of walls around every table, looked up in the catalogue of the database itself.
#[tokio::test]
async fn every_tenant_table_is_walled() {
    let app = TestApp::new().await;
    let mut conn = app.superuser().await;
    let wrong: Vec<(String, String)> = sqlx::query_as(include_str!("isolation/walls.sql"))
        .fetch_all(&mut conn)
        .await
        .unwrap();

    assert_eq!(wrong, Vec::<(String, String)>::new());
    let walled: i64 = sqlx::query_scalar(
        "select count(distinct attrelid) from pg_attribute a join pg_class c on c.oid = a.attrelid
         where attname = 'tenant_id' and relkind in ('r', 'p')
               and relnamespace = 'public'::regnamespace",
    )
    .fetch_one(&mut conn)
    .await
    .unwrap();
    assert!(walled >= 10, "{walled}");
}

/// A thousand transactions of two tenants over four connections, many of them dropped midway.
#[tokio::test]
async fn tenants_stay_apart_however_their_transactions_interleave() {
    let app = TestApp::new().await;
    let tenants = [app.tenant("ours").await, app.tenant("theirs").await];
    for tenant in tenants {
        app.member(tenant, Role::Viewer).await;
    }
    let look = async |n: usize| {
        let tenant = tenants[n % 2];
        let mut tx = app.app.db.tenant(tenant).await.unwrap();
        let seen: Vec<uuid::Uuid> = sqlx::query_scalar("select tenant_id from users, pg_sleep($1)")
            .bind(if n.is_multiple_of(7) { 0.002 } else { 0.0 })
            .fetch_all(&mut *tx)
            .await
            .unwrap();
        assert_eq!(seen, [tenant.0]);
        match n % 3 {
            0 => tx.commit().await.unwrap(),
            1 => {
                let act = Act {
                    actor: audit::TOD,
                    act: "device.set",
                    target: n.to_string(),
                    detail: serde_json::json!({}),
                    origin: Origin::default(),
                };
                audit::commit(&app.app, tx, tenant, act).await.unwrap();
            }
            _ => drop(tx),
        }
    };
    let hurried = async |n: usize| {
        if n.is_multiple_of(5) {
            let patience = std::time::Duration::from_micros(u64::try_from(n).unwrap());
            drop(tokio::time::timeout(patience, look(n)).await);
        } else {
            look(n).await;
        }
    };

    for batch in 0..10 {
        let range = batch * 100..(batch + 1) * 100;
        futures_util::future::join_all(range.map(hurried)).await;
    }
    for (n, tenant) in tenants.into_iter().enumerate() {
        let mut tx = app.app.db.tenant(tenant).await.unwrap();
        let chain = audit::verify(&mut tx, tenant, |_, _| {}).await.unwrap();
        let audit::Chain::Whole(records) = chain else {
            panic!("{chain:?}")
        };
        assert!(records > 100, "{records}");
        let targets: Vec<String> = sqlx::query_scalar("select target from audit_log")
            .fetch_all(&mut *tx)
            .await
            .unwrap();
        assert!(
            targets
                .iter()
                .all(|target| target.parse::<usize>().unwrap() % 2 == n)
        );
    }
}

async fn connect(app: &TestApp, role: &str) -> sqlx::PgConnection {
    sqlx::PgConnection::connect_with(&app.db.options(role))
        .await
        .unwrap()
}
