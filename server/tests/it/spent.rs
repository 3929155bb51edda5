//! What the database has done up to now: statements, transactions and rows.

use std::collections::BTreeMap;

use sqlx::{PgConnection, Row as _};

use crate::harness::Database;

/// How often something was done.
pub(crate) type Counts<K> = BTreeMap<K, i64>;

const ROWS: [&str; 7] = [
    "xact_commit",
    "xact_rollback",
    "tup_returned",
    "tup_fetched",
    "tup_inserted",
    "tup_updated",
    "tup_deleted",
];

/// Each statement, and how often it ran. Give all connections of the server: each knows its own
/// statements only, and tells the [`rows`] of them at its next commit.
pub(crate) async fn statements(connections: &mut [&mut PgConnection]) -> Counts<String> {
    let mut statements = Counts::new();
    for conn in connections {
        // What is prepared is what the server runs again and again.
        let rows = sqlx::query(
            "select statement, generic_plans + custom_plans as times from pg_prepared_statements",
        )
        .persistent(false)
        .fetch_all(&mut **conn)
        .await
        .unwrap();
        for row in rows {
            let times: i64 = row.get("times");
            *statements.entry(row.get("statement")).or_insert(0) += times;
        }
        // Transactions are told together with rows, so a row is looked at.
        sqlx::query(
            "select pg_stat_force_next_flush() from pg_class where oid = 'pg_class'::regclass",
        )
        .persistent(false)
        .execute(&mut **conn)
        .await
        .unwrap();
    }
    statements.retain(|text: &String, _| !text.contains("pg_prepared_statements"));
    statements
}

/// Transactions, and rows that were looked at, fetched, added, changed and removed. It is read from another
/// database, so that reading does not count.
pub(crate) async fn rows(db: &Database) -> Counts<&'static str> {
    let mut conn = db.elsewhere().await;
    let row = sqlx::query("select * from pg_stat_database where datname = $1")
        .bind(db.name())
        .fetch_one(&mut conn)
        .await
        .unwrap();
    ROWS.into_iter().map(|name| (name, row.get(name))).collect()
}

/// Has queries planned as for large tables, where nobody reads all rows to find one.
pub(crate) async fn as_in_large_tables(connections: &mut [&mut PgConnection]) {
    for conn in connections {
        sqlx::query("set enable_seqscan = off")
            .execute(&mut **conn)
            .await
            .unwrap();
    }
}

/// What was done between two moments.
pub(crate) fn minus<K: Ord + Clone>(after: &Counts<K>, before: &Counts<K>) -> Counts<K> {
    let all = after.iter().map(|(what, count)| {
        let earlier = before.get(what).copied().unwrap_or_default();
        (what.clone(), count - earlier)
    });
    all.filter(|(_, count)| *count != 0).collect()
}
