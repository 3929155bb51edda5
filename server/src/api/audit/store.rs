//! The SQL of this resource.

use jiff::Timestamp;

use crate::api::error::Error;
use crate::audit::{Link, Row};
use crate::db::TenantTx;

/// Which records to list.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Filter {
    pub(super) since: Option<Timestamp>,
    pub(super) until: Option<Timestamp>,
    /// An identifier; those of a person's keys count as theirs.
    pub(super) actor: Option<String>,
    /// An act, or the beginning of one that ends in a dot.
    pub(super) act: Option<String>,
    pub(super) target: Option<String>,
}

pub(super) async fn one(tx: &mut TenantTx, seq: i64) -> Result<Option<Link>, Error> {
    let row = sqlx::query_as!(
        Row,
        r#"select seq, at as "at: jiff_sqlx::Timestamp", actor, act, target, detail, form,
                  request_id, address, id, sealed, prev_hash, hash
           from audit_log
           where seq = $1 and seq > (select coalesce(max(seq), 0) from audit_anchors)"#,
        seq,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(Link::from))
}

/// Records, the newest first.
pub(super) async fn list(
    tx: &mut TenantTx,
    filter: &Filter,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Link>, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"select seq, at as "at: jiff_sqlx::Timestamp", actor, act, target, detail, form,
                  request_id, address, id, sealed, prev_hash, hash
           from audit_log
           where seq > (select coalesce(max(seq), 0) from audit_anchors)
             and ($1::timestamptz is null or at >= $1)
             and ($2::timestamptz is null or at <= $2)
             and ($3::text is null or actor = $3 or starts_with(actor, $3 || '/'))
             and ($4::text is null or act = $4 or (right($4, 1) = '.' and starts_with(act, $4)))
             and ($5::text is null or target = $5)
             and ($6::bigint is null or seq < $6)
           order by seq desc
           limit $7"#,
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

/// How many records match in all. Without a filter the head knows: numbers have no gaps.
pub(super) async fn count(tx: &mut TenantTx, filter: &Filter) -> Result<i64, Error> {
    if *filter == Filter::default() {
        let kept = sqlx::query_scalar!(
            r#"select h.seq - (select coalesce(max(a.seq), 0) from audit_anchors a) as "kept!"
               from audit_heads h"#,
        )
        .fetch_optional(&mut **tx)
        .await?;
        return Ok(kept.unwrap_or(0));
    }
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!"
           from audit_log
           where seq > (select coalesce(max(seq), 0) from audit_anchors)
             and ($1::timestamptz is null or at >= $1)
             and ($2::timestamptz is null or at <= $2)
             and ($3::text is null or actor = $3 or starts_with(actor, $3 || '/'))
             and ($4::text is null or act = $4 or (right($4, 1) = '.' and starts_with(act, $4)))
             and ($5::text is null or target = $5)"#,
        filter.since.map(jiff_sqlx::ToSqlx::to_sqlx) as _,
        filter.until.map(jiff_sqlx::ToSqlx::to_sqlx) as _,
        filter.actor,
        filter.act,
        filter.target,
    )
    .fetch_one(&mut **tx)
    .await?)
}
