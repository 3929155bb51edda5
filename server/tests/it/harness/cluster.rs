//! A database of its own for each test, copied from a migrated template.

use std::path::PathBuf;

use sha2::{Digest as _, Sha256};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};
use uuid::Uuid;

/// Any number, the same in every test process: one of them makes the template.
const TEMPLATE_LOCK: i64 = 0x746f_6474;

/// A database that is dropped with this value.
pub(crate) struct Database {
    socket: PathBuf,
    name: String,
}

impl Database {
    /// Copies the template, and makes that first if need be.
    pub(crate) async fn create() -> Self {
        let socket = socket();
        let template = template(&socket).await;
        let name = format!("t_{}", Uuid::now_v7().simple());
        let mut conn = connect(&options(&socket, "tod_super", "postgres")).await;
        run(
            &mut conn,
            format!("create database {name} template {template} owner tod_owner"),
        )
        .await;
        Self { socket, name }
    }

    pub(crate) fn options(&self, role: &str) -> PgConnectOptions {
        options(&self.socket, role, &self.name)
    }

    /// A superuser's connection to another database.
    pub(crate) async fn elsewhere(&self) -> PgConnection {
        connect(&options(&self.socket, "tod_super", "postgres")).await
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) async fn superuser(&self) -> PgConnection {
        connect(&self.options("tod_super")).await
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (socket, name) = (self.socket.clone(), self.name.clone());
        // The runtime of the test may be on its way out: this needs one of its own.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async {
                let mut conn = connect(&options(&socket, "tod_super", "postgres")).await;
                run(&mut conn, format!("drop database {name} with (force)")).await;
            });
        });
        assert!(dropped.join().is_ok(), "the database is dropped");
    }
}

#[expect(clippy::disallowed_methods, reason = "says where the test cluster is")]
fn socket() -> PathBuf {
    match std::env::var_os("TOD_TEST_PG") {
        Some(socket) => socket.into(),
        None => panic!("TOD_TEST_PG is not set: run `cargo xtask up` and use what it prints"),
    }
}

fn options(socket: &std::path::Path, role: &str, database: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(socket)
        .username(role)
        .database(database)
        .disable_statement_logging()
}

async fn connect(options: &PgConnectOptions) -> PgConnection {
    PgConnection::connect_with(options).await.unwrap()
}

async fn run(conn: &mut PgConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(conn)
        .await
        .unwrap();
}

/// The name of the template for the migrations as they are, made if it is not there.
async fn template(socket: &std::path::Path) -> String {
    let mut hash = Sha256::new();
    for migration in tod_server::db::migrations() {
        hash.update(migration);
    }
    let name = format!("tod_template_{}", hex::encode(&hash.finalize()[..8]));
    let mut conn = connect(&options(socket, "tod_super", "postgres")).await;
    run(
        &mut conn,
        format!("select pg_advisory_lock({TEMPLATE_LOCK})"),
    )
    .await;
    let there: bool =
        sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
            .bind(&name)
            .fetch_one(&mut conn)
            .await
            .unwrap();
    if !there {
        // The roles of the product, by the product's own statement.
        run(&mut conn, tod_server::db::ROLES_SQL.to_owned()).await;
        run(
            &mut conn,
            format!("create database {name}_new owner tod_owner"),
        )
        .await;
        let owner = options(socket, "tod_owner", &format!("{name}_new"));
        tod_server::db::migrate(&owner).await.unwrap();
        run(
            &mut conn,
            format!("alter database {name}_new rename to {name}"),
        )
        .await;
    }
    conn.close().await.unwrap();
    name
}
