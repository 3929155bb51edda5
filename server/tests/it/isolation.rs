//! What keeps tenants apart, shown on the database itself.

use sqlx::Row as _;
use tod_proto::endpoint::Role;

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
    use sqlx::Connection as _;
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
