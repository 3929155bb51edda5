//! Clauses about row security that hold of every table, looked up in the catalogue and then tried.

use std::path::Path;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use tod_proto::id::TenantId;

use super::connect;
use crate::fake::Stage;
use crate::foreign::things::Things;
use crate::harness::TestApp;

/// Two tenants with one of everything.
async fn two(app: &TestApp) -> [TenantId; 2] {
    let tenants = [app.tenant("ours").await, app.tenant("theirs").await];
    Things::of(app, tenants[0], "own").await;
    Things::of(app, tenants[1], "m-theirs").await;
    tenants
}

/// Every table with a tenant's rows that a role may do `what` to.
async fn tables(app: &TestApp, role: &str, what: &str) -> Vec<String> {
    let mut conn = app.superuser().await;
    sqlx::query_scalar(
        "select c.relname::text
         from pg_class c
         join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
               and not c.relispartition and has_table_privilege($1, c.oid, $2)
         order by 1",
    )
    .bind(role)
    .bind(what)
    .fetch_all(&mut conn)
    .await
    .unwrap()
}

async fn run(conn: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(conn)
        .await
        .unwrap();
}

async fn count(conn: &mut PgConnection, table: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from {table}")))
        .fetch_one(conn)
        .await
        .unwrap()
}

fn scope(tenant: TenantId) -> String {
    format!("begin; set local app.current_tenant = '{}'", tenant.0)
}

/// A connection that never had a scope, and one whose scope has ended, in each way that it can.
#[tokio::test]
async fn without_a_scope_every_table_is_empty() {
    let app = TestApp::new().await;
    let [ours, _] = two(&app).await;
    let tables = tables(&app, "tod_app", "select").await;
    assert!(tables.len() >= 15, "{tables:?}");

    let mut conn = connect(&app, "tod_app").await;
    for end in ["", "commit", "rollback", "select 1 / 0; commit"] {
        if !end.is_empty() {
            run(&mut conn, &scope(ours)).await;
            assert!(count(&mut conn, "devices").await > 0);
            // One of them is meant to fail.
            let ended = sqlx::raw_sql(AssertSqlSafe(end.to_owned()));
            if ended.execute(&mut conn).await.is_err() {
                run(&mut conn, "rollback").await;
            }
        }
        for table in &tables {
            assert_eq!(count(&mut conn, table).await, 0, "{table} after `{end}`");
        }
        let left: Option<String> =
            sqlx::query_scalar("select nullif(current_setting('app.current_tenant', true), '')")
                .fetch_one(&mut conn)
                .await
                .unwrap();
        assert_eq!(left, None, "after `{end}`");
    }
}

/// What is no identifier opens nothing, and neither does that of a tenant that is not there.
#[tokio::test]
async fn a_scope_that_is_nobodys_opens_nothing() {
    let app = TestApp::new().await;
    two(&app).await;
    let mut conn = connect(&app, "tod_app").await;

    run(&mut conn, &scope(TenantId::generate())).await;
    for table in tables(&app, "tod_app", "select").await {
        assert_eq!(count(&mut conn, &table).await, 0, "{table}");
    }
    run(
        &mut conn,
        "rollback; begin; set local app.current_tenant = '%'",
    )
    .await;
    let nonsense = sqlx::query("select * from devices")
        .fetch_all(&mut conn)
        .await;
    let error = nonsense.unwrap_err();
    assert_eq!(error.as_database_error().unwrap().code().unwrap(), "22P02");
}

/// With rows of both tenants in every table that the server writes for requests.
#[tokio::test]
async fn no_row_is_read_changed_moved_or_removed_across_the_wall() {
    let app = TestApp::new().await;
    let [ours, theirs] = two(&app).await;
    let mut conn = connect(&app, "tod_app").await;
    let mut with_rows = 0;
    for table in tables(&app, "tod_app", "select").await {
        run(&mut conn, &scope(ours)).await;
        let sql = format!("select count(*) from {table} where tenant_id <> $1");
        let foreign: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(ours.0)
            .fetch_one(&mut conn)
            .await
            .unwrap();
        assert_eq!(foreign, 0, "{table}");
        with_rows += i64::from(count(&mut conn, &table).await > 0);
        run(&mut conn, "rollback").await;
    }
    assert!(with_rows >= 10, "only {with_rows} tables have rows to try");

    let mut moved = 0;
    for table in tables(&app, "tod_app", "update").await {
        run(&mut conn, &scope(ours)).await;
        let there = count(&mut conn, &table).await;
        let sql = format!("update {table} set tenant_id = '{}'", theirs.0);
        let result = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await;
        match result {
            Ok(done) => assert_eq!((there, done.rows_affected()), (0, 0), "{table}"),
            Err(error) => {
                let code = error
                    .as_database_error()
                    .unwrap()
                    .code()
                    .unwrap()
                    .into_owned();
                assert_eq!(code, "42501", "{table}: {error}");
                moved += 1;
            }
        }
        run(&mut conn, "rollback").await;
    }
    assert!(moved >= 5, "only {moved} tables had rows to move");

    for table in tables(&app, "tod_app", "delete").await {
        run(&mut conn, &scope(ours)).await;
        let sql = format!("delete from {table} where tenant_id = '{}'", theirs.0);
        let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await;
        assert_eq!(done.unwrap().rows_affected(), 0, "{table}");
        run(&mut conn, "rollback").await;
    }
}

/// One connection, one statement, prepared once and planned for all: each tenant gets its own.
#[tokio::test]
async fn a_prepared_statement_gives_each_tenant_its_own_rows() {
    let app = TestApp::new().await;
    let tenants = two(&app).await;
    let mut conn = connect(&app, "tod_app").await;
    for mode in ["auto", "force_generic_plan", "force_custom_plan"] {
        run(&mut conn, &format!("set plan_cache_mode = {mode}")).await;
        for n in 0..30 {
            let tenant = tenants[n % 2];
            run(&mut conn, &scope(tenant)).await;
            let seen: Vec<uuid::Uuid> =
                sqlx::query_scalar("select tenant_id from devices where name <> $1")
                    .bind("x")
                    .fetch_all(&mut conn)
                    .await
                    .unwrap();
            assert_eq!(seen, [tenant.0], "{mode} {n}");
            run(&mut conn, "commit").await;
        }
    }
    let prepared: i64 = sqlx::query_scalar(
        "select count(*) from pg_prepared_statements where statement like 'select tenant_id from devices%'",
    )
    .fetch_one(&mut conn)
    .await
    .unwrap();
    assert_eq!(prepared, 1, "it was the same statement each time");
}

/// Functions that run as the owner: known by name, for the system alone, and good for one thing.
#[expect(clippy::too_many_lines, reason = "a list, and what is tried with it")]
#[tokio::test]
async fn functions_that_run_as_the_owner_are_known_and_do_one_thing() {
    let app = TestApp::new().await;
    let mut conn = app.superuser().await;
    let found: Vec<String> = sqlx::query_scalar(
        "select oid::regprocedure::text from pg_proc
         where pronamespace = 'public'::regnamespace and prosecdef order by 1",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    assert_eq!(
        found,
        [
            "drop_partitions(text,timestamp with time zone)",
            "make_partition(text,date,integer)"
        ]
    );
    for (role, sql, code) in [
        (
            "tod_app",
            "select make_partition('samples', '2001-01-01', 1)",
            "42501",
        ),
        (
            "tod_app",
            "select drop_partitions('samples', now())",
            "42501",
        ),
        (
            "tod_system",
            "select make_partition('devices', '2001-01-01', 1)",
            "P0001",
        ),
        (
            "tod_system",
            "select make_partition('samples; drop table users', now()::date, 1)",
            "P0001",
        ),
        (
            "tod_system",
            "select make_partition('samples', '2001-01-01', 100000)",
            "P0001",
        ),
        (
            "tod_system",
            "select drop_partitions('audit_log', now())",
            "P0001",
        ),
    ] {
        let mut conn = connect(&app, role).await;
        let error = sqlx::raw_sql(sql)
            .execute(&mut conn)
            .await
            .map(drop)
            .unwrap_err();
        let found = error
            .as_database_error()
            .unwrap()
            .code()
            .unwrap()
            .into_owned();
        assert_eq!(found, code, "{role}: {sql}: {error}");
    }
    // Names that somebody puts in front of the catalogue's own are not looked at.
    let mut conn = connect(&app, "tod_system").await;
    let shadowed = "create temp table pg_class (relname text); set search_path = pg_temp, public;
                    select make_partition('samples', '2001-01-01', 1)";
    run(&mut conn, shadowed).await;
    let walls: Vec<(String, String)> = sqlx::query_as(include_str!("walls.sql"))
        .fetch_all(&mut app.superuser().await)
        .await
        .unwrap();
    assert_eq!(walls, [], "the partition is walled like its parent");
}

/// Numbers count within a tenant; no identifier tells how many there are on the server.
#[tokio::test]
async fn no_number_counts_across_tenants() {
    let app = TestApp::new().await;
    let mut conn = app.superuser().await;
    let counting: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class
         where relkind = 'S' and relnamespace = 'public'::regnamespace
         union all
         select attrelid::regclass::text from pg_attribute
         where attidentity <> '' and attrelid::regclass::text not like 'pg_%'",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    assert_eq!(counting, Vec::<String>::new());

    let stage = Stage::new().await;
    stage.add("core-1", "10.0.0.1").await;
    let other = stage.app.tenant("other").await;
    let mut tx = stage.app.app.db.tenant(other).await.unwrap();
    let first = tod_server::event::next(&mut tx, other, "event", 1)
        .await
        .unwrap();
    assert_eq!(first, 1);
}

/// The database tells nobody anything by itself, so that nothing can leak there; what servers tell
/// each other over the bus carries identifiers.
#[tokio::test]
async fn nothing_is_told_by_notify() {
    let found = in_sources(&["notify", "pg_notify", "listen "], |line| {
        line.contains("sqlx")
            || line.contains("select pg_notify")
            || line.trim().starts_with("notify ")
    });
    assert_eq!(found, Vec::<String>::new());
}

/// The scope is set in one place of the code, from a typed identifier.
#[tokio::test]
async fn the_scope_is_set_in_one_place() {
    let found = in_sources(&["app.current_tenant", "set_config("], |_| true);

    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("db.rs: ") && found[0].contains("tenant.0"),
        "{found:?}"
    );
}

/// Lines of the server that have one of `words` and are no comment.
fn in_sources(words: &[&str], wanted: impl Fn(&str) -> bool) -> Vec<String> {
    fn walk(dir: &Path, files: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, files);
            } else {
                files.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    assert!(files.len() > 50);
    let mut found = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.strip_prefix(&root).unwrap().display().to_string();
        for line in text.lines().filter(|line| !line.trim().starts_with("//")) {
            let low = line.to_lowercase();
            if words.iter().any(|word| low.contains(word)) && wanted(&low) {
                found.push(format!("{name}: {}", line.trim()));
            }
        }
    }
    found
}

/// Whoever gets hold of a server's sign-in to the database takes nothing home with it.
#[tokio::test]
async fn a_dump_as_the_role_of_requests_has_nothing_of_anybody() {
    let app = TestApp::new().await;
    two(&app).await;
    let socket = socket_of(&app).await;
    let dump = |flags: &[&str]| {
        let mut command = std::process::Command::new("pg_dump");
        command.args(["-h", &socket.0, "-U", "tod_app", "-d", &socket.1]);
        command.args(flags).output().unwrap()
    };

    let whole = dump(&[]);
    assert!(!whole.status.success());
    let walled = dump(&["--table=devices"]);
    assert!(!walled.status.success(), "row security is not set aside");
    for table in tables(&app, "tod_app", "select").await {
        let filtered = dump(&["--enable-row-security", "--data-only", "--table", &table]);
        let text = String::from_utf8_lossy(&filtered.stdout);
        for name in ["own-core", "m-theirs-core", "example.net"] {
            assert!(!text.contains(name), "{table}: {text}");
        }
        let rows = text.split("FROM stdin;").nth(1).unwrap_or("\n\\.");
        assert!(rows.trim_start().starts_with("\\."), "{table}: {rows}");
    }
}

async fn socket_of(app: &TestApp) -> (String, String) {
    let row = sqlx::query("select current_setting('unix_socket_directories'), current_database()")
        .fetch_one(&mut app.superuser().await)
        .await
        .unwrap();
    (row.get::<String, _>(0), row.get::<String, _>(1))
}

/// The role that works for all tenants reads what is sealed as everybody does: sealed. What opens it
/// is not in the database.
#[tokio::test]
async fn the_role_across_tenants_finds_no_secret_in_the_clear() {
    let stage = Stage::new().await;
    stage.add("core-1", "10.0.0.1").await;
    let mut conn = PgConnection::connect_with(&stage.app.db.options("tod_system"))
        .await
        .unwrap();
    let mut readable = 0;
    for table in tables(&stage.app, "tod_system", "select").await {
        let sql = format!("select coalesce(string_agg(t::text, ' '), '') from {table} t");
        let text: String = sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(&mut conn)
            .await
            .unwrap();
        readable += usize::from(!text.is_empty());
        assert!(!text.contains("hunter2"), "{table}");
        assert!(!text.contains(&hex::encode("hunter2")), "{table}");
    }
    assert!(readable >= 5, "{readable}");
}
