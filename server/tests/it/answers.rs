//! What devices answer to commands, as it is kept.

use serde_json::json;
use tod_proto::api::kms::{KeyUse, Progress};
use tod_proto::api::runs::{Run, RunDetail, RunState};
use tod_proto::bus::task::Report;
use tod_proto::endpoint::Role;
use tod_proto::page::Page;
use tod_proto::untrusted::Untrusted;
use tod_server::run::answer::Answers;
use tod_service::reconcile::Reconcile as _;

use crate::fake::{Poller, Stage, eventually};
use crate::harness::Person;

const PSK: &str = "psk-of-the-bank-7f3a";

/// A device whose answer holds a secret, asked once.
async fn asked() -> (Stage, RunDetail) {
    let stage = Stage::new().await;
    stage.add("edge-1", "10.0.0.1").await;
    let poller = Poller::new(&stage.app.bus, async |_| {
        let row = [("wpa2-pre-shared-key".to_owned(), Untrusted::new(PSK))];
        Report::Command {
            rows: vec![row.into()],
            ret: Some(Untrusted::new(PSK)),
            truncated: false,
            duration_ms: 3,
        }
    });
    poller.lease(&[]).await;
    let body = json!({ "selector": "all", "command": "/interface/wifi/print" });
    let path = stage.path("runs");
    stage.app.post(&stage.ana, &path, body).await.ok::<Run>();
    let detail = eventually(async || {
        let detail = shown(&stage).await;
        (detail.run.state == RunState::Finished).then_some(detail)
    })
    .await;
    (stage, detail)
}

async fn shown(stage: &Stage) -> RunDetail {
    stage.app.get(&stage.ana, &stage.path("runs/1")).await.ok()
}

async fn rows_as_text(stage: &Stage) -> String {
    let mut conn = stage.app.superuser().await;
    sqlx::query_scalar(
        "select string_agg(r::text || coalesce(encode(answer, 'escape'), ''), ' ')
         from run_results r",
    )
    .fetch_one(&mut conn)
    .await
    .unwrap()
}

async fn uses(stage: &Stage, who: &Person, purpose: &str) -> Page<KeyUse> {
    let path = stage.path(&format!("kms/log?purpose={purpose}"));
    stage.app.get(who, &path).await.ok()
}

#[tokio::test]
async fn an_answer_is_kept_sealed_and_whoever_reads_it_is_on_record() {
    let (stage, detail) = asked().await;
    let boss = stage.app.member(stage.tenant, Role::Admin).await;

    assert_eq!(detail.results[0].rows[0]["wpa2-pre-shared-key"].raw(), PSK);
    assert_eq!(detail.results[0].ret, Some(Untrusted::new(PSK)));
    let kept = rows_as_text(&stage).await;
    assert!(!kept.contains(PSK), "{kept}");
    assert!(!kept.contains(&hex::encode(PSK)), "{kept}");
    let log = uses(&stage, &boss, "run.show").await;
    assert!(
        log.items
            .iter()
            .any(|used| used.place == "run_results.sealed"
                && used.actor == stage.ana.user.to_string()),
        "{log:?}"
    );

    // Followed, it opens as well, and that is on record, too.
    let path = stage.path("runs/1/follow");
    let followed = stage.app.get(&stage.ana, &path).await;
    assert!(followed.body.contains(PSK), "{followed}");
    let log = uses(&stage, &boss, "run.follow").await;
    assert_eq!(log.total, 1, "{log:?}");
}

/// The next key takes it over, as it does every other secret.
#[tokio::test]
async fn an_answer_is_sealed_anew_with_the_next_key() {
    let (stage, _) = asked().await;
    let boss = stage.app.member(stage.tenant, Role::Admin).await;
    let post = async |verb: &str, body| {
        let path = stage.path(&format!("kms/{verb}"));
        stage.app.post(&boss, &path, body).await
    };

    post("rotate", json!({})).await.ok::<serde_json::Value>();
    let step: Progress = post("rewrap", json!({})).await.ok();
    assert_eq!((step.done, step.left), (2, 0), "a password and an answer");
    let old = json!({ "below": 2, "lose_audit_details": true });
    post("retire", old).await.ok::<serde_json::Value>();

    let detail = shown(&stage).await;
    assert_eq!(detail.results[0].ret, Some(Untrusted::new(PSK)));
}

/// Without its key an answer is not shown, and the rest of the run is.
#[tokio::test]
async fn an_answer_whose_key_is_gone_says_so() {
    let (stage, _) = asked().await;
    let mut conn = stage.app.superuser().await;
    sqlx::raw_sql("delete from tenant_keys")
        .execute(&mut conn)
        .await
        .unwrap();
    stage.app.app.kms.forget(stage.tenant);

    let detail = shown(&stage).await;

    assert_eq!(detail.run.ok, 1);
    let result = &detail.results[0];
    assert_eq!((&*result.rows, &result.ret), (&[][..], &None));
    let message = result.message.as_ref().unwrap().raw();
    assert!(message.contains("does not open"), "{message}");
}

#[tokio::test]
async fn answers_that_earlier_versions_kept_in_the_clear_are_sealed() {
    let (stage, before) = asked().await;
    let mut conn = stage.app.superuser().await;
    let rows = serde_json::to_vec(&before.results[0].rows).unwrap();
    sqlx::query("update run_results set sealed = null, answer = $1, ret = $2, message = 'said'")
        .bind(rows)
        .bind(PSK)
        .execute(&mut conn)
        .await
        .unwrap();
    assert!(rows_as_text(&stage).await.contains(PSK));
    let clear = shown(&stage).await;
    assert_eq!(clear.results[0].ret, Some(Untrusted::new(PSK)));

    let mut work = Answers::new(stage.app.app.clone());
    work.run().await.unwrap();

    let kept = rows_as_text(&stage).await;
    assert!(!kept.contains(PSK) && !kept.contains("said"), "{kept}");
    assert_eq!(shown(&stage).await.results, clear.results);
    assert_eq!(work.run().await.unwrap(), 0);
}
