//! The SQL of this resource. Each query names its tenant: it runs across tenants otherwise.

use jiff::Timestamp;
use tod_proto::id::{TenantId, UserId};

use crate::api::error::Error;
use crate::audit::{Link, Row};
use crate::db::SystemTx;

/// Which records to list.
pub(super) struct Filter {
    pub(super) since: Option<Timestamp>,
    pub(super) until: Option<Timestamp>,
    /// An identifier; those of a person's keys count as theirs.
    pub(super) actor: Option<String>,
    /// An act, or the beginning of one that ends in a dot.
    pub(super) act: Option<String>,
    pub(super) target: Option<String>,
}

pub(super) async fn one(
    tx: &mut SystemTx,
    chain: TenantId,
    seq: i64,
) -> Result<Option<Link>, Error> {
    let row = sqlx::query_as!(
        Row,
        r#"select seq, at as "at: jiff_sqlx::Timestamp", actor, act, target, detail, form,
                  request_id, address, id, sealed, prev_hash, hash
           from audit_log
           where tenant_id = $1 and seq = $2"#,
        chain.0,
        seq,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(Link::from))
}

/// Records, the newest first.
pub(super) async fn list(
    tx: &mut SystemTx,
    chain: TenantId,
    filter: &Filter,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Link>, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"select seq, at as "at: jiff_sqlx::Timestamp", actor, act, target, detail, form,
                  request_id, address, id, sealed, prev_hash, hash
           from audit_log
           where tenant_id = $1
             and ($2::timestamptz is null or at >= $2)
             and ($3::timestamptz is null or at <= $3)
             and ($4::text is null or actor = $4 or starts_with(actor, $4 || '/'))
             and ($5::text is null or act = $5 or (right($5, 1) = '.' and starts_with(act, $5)))
             and ($6::text is null or target = $6)
             and ($7::bigint is null or seq < $7)
           order by seq desc
           limit $8"#,
        chain.0,
        filter.since.map(jiff_sqlx::ToSqlx::to_sqlx) as _,
        filter.until.map(jiff_sqlx::ToSqlx::to_sqlx) as _,
        filter.actor,
        filter.act,
        filter.target,
        before,
        limit,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(Link::from).collect())
}

/// How many records match in all.
pub(super) async fn count(
    tx: &mut SystemTx,
    chain: TenantId,
    filter: &Filter,
) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!"
           from audit_log
           where tenant_id = $1
             and ($2::timestamptz is null or at >= $2)
             and ($3::timestamptz is null or at <= $3)
             and ($4::text is null or actor = $4 or starts_with(actor, $4 || '/'))
             and ($5::text is null or act = $5 or (right($5, 1) = '.' and starts_with(act, $5)))
             and ($6::text is null or target = $6)"#,
        chain.0,
        filter.since.map(jiff_sqlx::ToSqlx::to_sqlx) as _,
        filter.until.map(jiff_sqlx::ToSqlx::to_sqlx) as _,
        filter.actor,
        filter.act,
        filter.target,
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// Whose address it is.
pub(super) async fn user(tx: &mut SystemTx, email: &str) -> Result<Option<UserId>, Error> {
    let id = sqlx::query_scalar!("select id from users where email = $1", email)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(id.map(UserId))
}
