//! What a database says about the role that signs in to it.

use anyhow::Context as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection as _, Row as _};

use crate::config::Setting;
use crate::insecure;
use crate::postgres::Role;

/// What is seen after signing in.
#[derive(Clone, Debug)]
pub struct Seen {
    /// As whom.
    pub user: String,
    /// No wall stands for it.
    pub superuser: bool,
    /// The walls between tenants do not stand for it.
    pub bypasses: bool,
    /// It owns tables of ours.
    pub owns: bool,
    /// The version of the server: 150004.
    pub version: i32,
    /// The newest migration that was made; nothing in an empty database.
    pub migration: Option<i64>,
}

/// Signs in, and looks.
pub async fn inspect(options: &PgConnectOptions) -> anyhow::Result<Seen> {
    let mut db = PgConnection::connect_with(options).await?;
    let row = sqlx::query(
        "select r.rolname::text as name, r.rolsuper, r.rolbypassrls,
                exists (select from pg_class c
                        where c.relowner = r.oid and c.relkind in ('r', 'p')
                          and c.relnamespace = to_regnamespace('public')) as owns,
                current_setting('server_version_num')::int as version,
                has_table_privilege(to_regclass('public._sqlx_migrations'), 'select') as readable
         from pg_roles r where r.rolname = current_user",
    )
    .fetch_one(&mut db)
    .await?;
    let readable: Option<bool> = row.try_get("readable")?;
    let migration = if readable == Some(true) {
        sqlx::query_scalar("select max(version) from public._sqlx_migrations where success")
            .fetch_one(&mut db)
            .await?
    } else {
        None
    };
    let seen = Seen {
        user: row.try_get("name")?,
        superuser: row.try_get("rolsuper")?,
        bypasses: row.try_get("rolbypassrls")?,
        owns: row.try_get("owns")?,
        version: row.try_get("version")?,
        migration,
    };
    db.close().await?;
    Ok(seen)
}

/// Refuses roles that may do more than their work, outside of `dev`.
pub async fn check_roles(
    setting: Setting,
    roles: [(Role, &PgConnectOptions); 2],
) -> anyhow::Result<()> {
    let mut found = Vec::new();
    for (role, options) in roles {
        let seen = inspect(options).await;
        let seen = seen.with_context(|| format!("cannot sign in as {}", role.name()))?;
        found.extend(insecure::of_role(role, &seen));
    }
    insecure::refuse(setting, &found)
}
