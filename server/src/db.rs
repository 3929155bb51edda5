//! The only way to the database.
//!
//! **Invariant:** no connection leaves this module without a row-level security scope.
//! `clippy.toml` forbids `Pool::begin` and `Pool::acquire` everywhere else.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, PgPool, Postgres,
    Transaction,
};
use tod_proto::id::TenantId;

use crate::api::error::Error;
use crate::audit;

/// Creates the roles `tod_owner`, `tod_app` and `tod_system`. A superuser runs it once in a
/// cluster, as one batch; run again it does nothing.
pub const ROLES_SQL: &str = include_str!("../../migrations/0001_roles.sql");

/// How long a request waits for a connection before it is told to come back.
const ACQUIRE: Duration = Duration::from_secs(3);

/// A handle to the database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    app: PgPool,
    system: PgPool,
}

impl Db {
    /// Makes a handle that connects when it is first used.
    ///
    /// `app` signs in as `tod_app`, `system` as `tod_system`.
    pub fn new(app: PgConnectOptions, system: PgConnectOptions, connections: u32) -> Self {
        let pool = |options: PgConnectOptions, most: u32| {
            PgPoolOptions::new()
                .max_connections(most.max(1))
                .acquire_timeout(ACQUIRE)
                // A ping before every transaction would double its cost; a broken connection shows
                // itself at `begin`, which is before anything was done.
                .test_before_acquire(false)
                .after_connect(|conn, _| Box::pin(audit::prepare(conn)))
                .connect_lazy_with(quiet(options))
        };
        Self {
            app: pool(app, connections),
            system: pool(system, connections.div_ceil(2)),
        }
    }

    /// Begins a transaction that sees one tenant only.
    pub async fn tenant(&self, tenant: TenantId) -> Result<TenantTx, Error> {
        // `SET` takes no binds. What is put in is the text of a UUID, so there is nothing to quote.
        let begin = format!("BEGIN; SET LOCAL app.current_tenant = '{}'", tenant.0);
        let tx = begin_with(&self.app, begin).await?;
        Ok(TenantTx { tenant, tx })
    }

    /// Begins a transaction that sees every tenant. `reason` is for the log.
    pub async fn system(&self, reason: &'static str) -> Result<SystemTx, Error> {
        let tx = begin_with(&self.system, "BEGIN".to_owned()).await?;
        tracing::trace!(reason, "opened a transaction across tenants");
        Ok(SystemTx { tx })
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.app.close().await;
        self.system.close().await;
    }
}

/// Begins on a connection of `pool`. Connections that died in the pool, all of them after a
/// restart of the database, are thrown away one by one; nothing has been done on them yet.
async fn begin_with(pool: &PgPool, sql: String) -> Result<Transaction<'static, Postgres>, Error> {
    let mut dead = 0;
    loop {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
        let begun = pool.begin_with(AssertSqlSafe(sql.clone())).await;
        match begun {
            Err(error) if died(&error) && dead < pool.options().get_max_connections() => dead += 1,
            other => return Ok(other?),
        }
    }
}

/// Whether the connection was lost, or the server said goodbye on it.
fn died(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code.starts_with("57P")),
        _ => false,
    }
}

/// Logs no statements: they are in the code, and their values may be secret.
fn quiet(options: PgConnectOptions) -> PgConnectOptions {
    options.disable_statement_logging().application_name("todd")
}

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

/// The text of every migration, in order.
pub fn migrations() -> impl Iterator<Item = &'static str> {
    MIGRATOR.iter().map(|migration| migration.sql.as_str())
}

/// The newest migration that this program knows.
pub fn newest_migration() -> i64 {
    let versions = MIGRATOR.iter().map(|migration| migration.version);
    versions.max().unwrap_or_default()
}

/// Brings the schema up to date. `owner` signs in as `tod_owner`.
pub async fn migrate(owner: &PgConnectOptions) -> Result<(), Error> {
    let mut conn = PgConnection::connect_with(&quiet(owner.clone())).await?;
    MIGRATOR.run(&mut conn).await.map_err(|error| match error {
        sqlx::migrate::MigrateError::Execute(error) => Error::from(error),
        error => Error::internal(error),
    })?;
    Ok(conn.close().await?)
}

/// A transaction with a scope.
pub trait Scoped: DerefMut<Target = PgConnection> + Send + Sized {
    /// Commits.
    fn commit(self) -> impl Future<Output = Result<(), Error>> + Send;

    /// Runs statements and commits, in one message: nobody who waits for a row that they lock
    /// waits for a round trip. On an error nothing is committed, and the transaction comes back.
    ///
    /// Statements in such a message take no binds: what is put into `last` must be nothing that
    /// could end a literal.
    fn commit_after(
        mut self,
        last: String,
    ) -> impl Future<Output = Result<(), (sqlx::Error, Self)>> + Send {
        // sqlx believes that the transaction goes on, and ends it when this is dropped. So one
        // does: an empty one, whose scope ended with the commit.
        let message = format!("{last}; COMMIT AND CHAIN");
        async move {
            let done = sqlx::raw_sql(AssertSqlSafe(message)).execute(&mut *self);
            match done.await {
                Ok(_) => Ok(()),
                Err(error) => Err((error, self)),
            }
        }
    }
}

/// A transaction inside one tenant's rows.
#[must_use = "a transaction that is not committed is rolled back"]
#[derive(Debug)]
pub struct TenantTx {
    tenant: TenantId,
    tx: Transaction<'static, Postgres>,
}

impl TenantTx {
    /// Whose rows it sees.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }
}

/// A transaction across tenants.
#[must_use = "a transaction that is not committed is rolled back"]
#[derive(Debug)]
pub struct SystemTx {
    tx: Transaction<'static, Postgres>,
}

macro_rules! scoped {
    ($($name:ident),+) => {$(
        impl $name {
            /// Commits.
            pub async fn commit(self) -> Result<(), Error> {
                Ok(self.tx.commit().await?)
            }
        }

        impl Deref for $name {
            type Target = PgConnection;

            fn deref(&self) -> &PgConnection {
                &self.tx
            }
        }

        impl DerefMut for $name {
            fn deref_mut(&mut self) -> &mut PgConnection {
                &mut self.tx
            }
        }

        impl Scoped for $name {
            async fn commit(self) -> Result<(), Error> {
                $name::commit(self).await
            }
        }
    )+};
}

scoped!(TenantTx, SystemTx);
