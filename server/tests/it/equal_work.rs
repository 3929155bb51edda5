//! An account that does not exist costs the server the same as one that does: the same statements,
//! transactions, rows and exponentiations, and answers of the same size.

use std::time::Duration;

use tod_server::api::App;
use tod_server::db::SystemTx;

use crate::account::enrolled;
use crate::harness::{Answer, ByHand, TestApp};
use crate::spent::{self, Counts, minus};

/// What one step has cost.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cost {
    /// Each statement, and how often it ran.
    statements: Counts<String>,
    /// Transactions, and rows that were fetched, added, changed and removed.
    rows: Counts<&'static str>,
    exponentiations: u64,
    /// Status, names of headers, and the length of the body without what differs at random.
    answer: (u16, Vec<String>, usize),
}

/// What has been spent up to now.
struct Spent {
    statements: Counts<String>,
    rows: Counts<&'static str>,
    exponentiations: u64,
}

/// All connections of the pool at once: each knows its own statements only.
async fn connections(app: &App) -> [SystemTx; 2] {
    let (one, two) = tokio::join!(app.db.system("count"), app.db.system("count"));
    [one.unwrap(), two.unwrap()]
}

async fn spent(app: &TestApp) -> Spent {
    let [mut one, mut two] = connections(&app.app).await;
    let statements = spent::statements(&mut [&mut *one, &mut *two]).await;
    one.commit().await.unwrap();
    two.commit().await.unwrap();
    Spent {
        statements,
        rows: spent::rows(&app.db).await,
        exponentiations: app.app.auth.srp.done(),
    }
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
    let [mut one, mut two] = connections(&app.app).await;
    spent::as_in_large_tables(&mut [&mut *one, &mut *two]).await;
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
