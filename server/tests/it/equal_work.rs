//! An account that does not exist costs the server the same as one that does: the same statements,
//! transactions, rows and exponentiations, and answers of the same size.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::Row as _;
use tod_server::api::App;
use tod_server::db::SystemTx;

use crate::account::enrolled;
use crate::harness::{Answer, ByHand, TestApp};

/// What one step has cost.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cost {
    /// Each statement, and how often it ran.
    statements: BTreeMap<String, i64>,
    /// Transactions, and rows that were fetched, added, changed and removed.
    rows: BTreeMap<&'static str, i64>,
    exponentiations: u64,
    /// Status, names of headers, and the length of the body without what differs at random.
    answer: (u16, Vec<String>, usize),
}

/// What has been spent up to now.
struct Spent {
    statements: BTreeMap<String, i64>,
    rows: BTreeMap<&'static str, i64>,
    exponentiations: u64,
}

const ROWS: [&str; 6] = [
    "xact_commit",
    "xact_rollback",
    "tup_fetched",
    "tup_inserted",
    "tup_updated",
    "tup_deleted",
];

/// All connections of the pool at once: each knows its own statements only.
async fn connections(app: &App) -> [SystemTx; 2] {
    let (one, two) = tokio::join!(app.db.system("count"), app.db.system("count"));
    [one.unwrap(), two.unwrap()]
}

async fn spent(app: &TestApp) -> Spent {
    let mut statements: BTreeMap<String, i64> = BTreeMap::new();
    let [mut one, mut two] = connections(&app.app).await;
    for tx in [&mut one, &mut two] {
        // What is prepared is what the server runs again and again.
        let rows = sqlx::query(
            "select statement, generic_plans + custom_plans as times from pg_prepared_statements",
        )
        .persistent(false)
        .fetch_all(&mut **tx)
        .await
        .unwrap();
        for row in rows {
            let times: i64 = row.get("times");
            *statements.entry(row.get("statement")).or_insert(0) += times;
        }
        sqlx::query("select pg_stat_force_next_flush()")
            .persistent(false)
            .execute(&mut **tx)
            .await
            .unwrap();
    }
    one.commit().await.unwrap();
    two.commit().await.unwrap();
    statements.retain(|text, _| !text.contains("pg_prepared_statements"));
    Spent {
        statements,
        rows: counters(app).await,
        exponentiations: app.app.auth.srp.done(),
    }
}

/// Read from another database, so that reading does not count.
async fn counters(app: &TestApp) -> BTreeMap<&'static str, i64> {
    let mut conn = app.db.elsewhere().await;
    let row = sqlx::query("select * from pg_stat_database where datname = $1")
        .bind(app.db.name())
        .fetch_one(&mut conn)
        .await
        .unwrap();
    ROWS.into_iter().map(|name| (name, row.get(name))).collect()
}

fn minus<K: Ord + Clone>(after: &BTreeMap<K, i64>, before: &BTreeMap<K, i64>) -> BTreeMap<K, i64> {
    let all = after.iter().map(|(what, count)| {
        let earlier = before.get(what).copied().unwrap_or_default();
        (what.clone(), count - earlier)
    });
    all.filter(|(_, count)| *count != 0).collect()
}

/// Counts what a request costs.
async fn cost(app: &TestApp, path: &str, body: serde_json::Value) -> (Cost, Answer) {
    let before = spent(app).await;
    let answer = app.send(None, "POST", path, Some(body)).await;
    let after = spent(app).await;
    let names = answer.headers.keys().map(ToString::to_string).collect();
    // The server's key is a number, which may have a zero in front: it is left out of the length.
    let mut said: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    if let Some(said) = said.as_object_mut() {
        said.remove("server_public");
    }
    let cost = Cost {
        statements: minus(&after.statements, &before.statements),
        rows: minus(&after.rows, &before.rows),
        exponentiations: after.exponentiations - before.exponentiations,
        answer: (answer.status.as_u16(), names, said.to_string().len()),
    };
    (cost, answer)
}

/// Both steps of somebody who does not know the secret.
async fn guess(app: &TestApp, who: &ByHand) -> [Cost; 2] {
    let body = serde_json::json!({ "email": who.email });
    let (first, answer) = cost(app, "/api/auth/srp/start", body).await;
    let body = who.answer(&answer.ok());
    let (second, refused) = cost(app, "/api/auth/srp/finish", body).await;
    refused.refused(401);
    // The next guess is not slowed down, and begins where this one did.
    app.hands.advance(Duration::from_hours(2));
    [first, second]
}

#[tokio::test]
async fn an_unknown_account_costs_what_a_known_one_costs() {
    let app = TestApp::new().await;
    enrolled(&app, "ana@example.net").await;
    let guesser = |email: &str| ByHand {
        secret: b"x".to_vec(),
        ..ByHand::new(email)
    };
    // As long as each other: a refusal does not repeat them, the database keeps them.
    let (known, unknown) = (guesser("ana@example.net"), guesser("bob@example.net"));
    // As in large tables, where nobody reads all rows to find one.
    let [mut one, mut two] = connections(&app.app).await;
    for tx in [&mut one, &mut two] {
        sqlx::query("set enable_seqscan = off")
            .execute(&mut **tx)
            .await
            .unwrap();
    }
    one.commit().await.unwrap();
    two.commit().await.unwrap();
    // Statements are prepared and catalogues read on both connections.
    for who in [&known, &unknown].repeat(4) {
        guess(&app, who).await;
    }

    let mut seen = Vec::new();
    for who in [&known, &unknown].repeat(5) {
        seen.push(guess(&app, who).await);
    }

    // Now and then PostgreSQL looks something up for itself: the cheapest round is the step itself.
    let least = |which: usize, half: usize| {
        let rounds = seen.iter().skip(which).step_by(2).map(|round| &round[half]);
        rounds
            .min_by_key(|cost| cost.rows.values().sum::<i64>())
            .unwrap()
            .clone()
    };
    for half in [0, 1] {
        let (known, unknown) = (least(0, half), least(1, half));
        assert!(known.statements.len() >= 2, "{known:?}");
        assert!(known.rows["xact_commit"] >= 1, "{known:?}");
        assert_eq!(known.exponentiations, [1, 2][half]);
        assert_eq!(known, unknown, "step {half}");
    }
}
