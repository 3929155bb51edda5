//! Row security costs no scan of everybody's rows: the queries of every day find a tenant's rows by
//! an index that starts with the tenant.

use sqlx::{AssertSqlSafe, Row as _};
use tod_proto::id::TenantId;

use super::connect;
use crate::harness::TestApp;

/// Thirty tenants, each with this many devices, events, records and more.
const ROWS: i64 = 400;

async fn populated() -> (TestApp, TenantId) {
    let app = TestApp::new().await;
    let mut tenants = Vec::new();
    for n in 0..30 {
        tenants.push(app.tenant(&format!("t-{n}")).await);
    }
    let mut conn = app.superuser().await;
    let sql = include_str!("populate.sql").replace("ROWS", &ROWS.to_string());
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut conn)
        .await
        .unwrap();
    (app, tenants[7])
}

#[expect(clippy::too_many_lines, reason = "a list of queries")]
#[tokio::test]
async fn the_queries_of_every_day_use_an_index_that_starts_with_the_tenant() {
    let (app, tenant) = populated().await;
    let mut conn = connect(&app, "tod_app").await;
    let begin = format!("begin; set local app.current_tenant = '{}'", tenant.0);
    sqlx::raw_sql(AssertSqlSafe(begin))
        .execute(&mut conn)
        .await
        .unwrap();
    let found: i64 = sqlx::query_scalar("select count(*) from devices")
        .fetch_one(&mut conn)
        .await
        .unwrap();
    assert_eq!(found, ROWS);

    for (table, sql) in [
        (
            "devices",
            "select * from devices order by name_key limit 100",
        ),
        (
            "devices",
            "select * from devices d join device_state s on s.tenant_id = d.tenant_id
             and s.device_id = d.id where d.name_key > 'core-2' order by d.name_key limit 100",
        ),
        (
            "devices",
            "select * from devices where id = gen_random_uuid()",
        ),
        (
            "events",
            "select * from events where cursor > 10 order by cursor limit 100",
        ),
        (
            "audit_log",
            "select * from audit_log where seq < 300 order by seq desc limit 100",
        ),
        (
            "audit_log",
            "select * from audit_log where at > now() - interval '1 hour'",
        ),
        (
            "key_uses",
            "select * from key_uses order by id desc limit 100",
        ),
        ("runs", "select * from runs order by number desc limit 100"),
        ("changes", "select * from changes where number = 3"),
        ("api_keys", "select * from api_keys order by name"),
        ("users", "select * from users order by email"),
        (
            "samples",
            "select * from samples where series = 'cpu' and device_id = gen_random_uuid()
             order by at desc limit 100",
        ),
    ] {
        let rows = sqlx::query(AssertSqlSafe(format!("explain (costs off) {sql}")))
            .fetch_all(&mut conn)
            .await
            .unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let plan = plan.join("\n");
        assert!(
            plan.contains("Index Cond: (tenant_id = ")
                || plan.contains("Index Cond: ((tenant_id = "),
            "{table}: {sql}\n{plan}"
        );
        assert!(!plan.contains("Seq Scan"), "{table}: {sql}\n{plan}");
    }
}
