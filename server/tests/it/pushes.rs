//! Changes: guarded, locked, confirmed or undone, and alive after the death of a server.

use std::time::Duration;

use serde_json::json;
use tod_proto::api::audit::Record;
use tod_proto::api::changes::{Change, ChangeState, GuardKind};
use tod_proto::api::events::Event;
use tod_proto::api::kms::KeyUse;
use tod_proto::bus::task::SeenConfig;
use tod_proto::endpoint::Role;
use tod_proto::page::Page;
use tod_server::audit::{self, Chain};

use self::play::{Play, Trouble};
use crate::fake::{eventually, start};

mod play;

#[tokio::test]
async fn a_change_waits_to_be_confirmed_and_then_stays() {
    let play = Play::new().await;

    let begun = play.apply(json!({})).await;
    let pending = play.reach(ChangeState::Pending).await;
    let waiting = play.stage.device(play.device).await.pending_change;
    play.post("confirm").await.ok::<Change>();
    let confirmed = play.reach(ChangeState::Confirmed).await;
    play.post("confirm").await.ok::<Change>();

    assert_eq!((begun.state, begun.number), (ChangeState::Preparing, 1));
    assert_eq!(pending.guard, Some(GuardKind::Undo));
    assert_eq!(pending.diff.len(), 1);
    assert!(pending.reverts_at.is_some() && confirmed.reverts_at.is_none());
    assert_eq!(waiting, Some(1));
    assert_eq!(play.stage.device(play.device).await.pending_change, None);
    assert_eq!(
        play.steps(),
        ["prepare", "arm", "apply", "verify", "disarm"]
    );
    let path: Vec<_> = confirmed
        .timeline
        .iter()
        .map(|step| step.state.as_str())
        .collect();
    assert_eq!(
        path,
        [
            "arming",
            "applying",
            "verifying",
            "pending",
            "confirming",
            "confirmed"
        ]
    );
    let events: Page<Event> = play
        .stage
        .app
        .get(
            &play.stage.ana,
            &play.stage.path("events?kind=change.state"),
        )
        .await
        .ok();
    assert_eq!(events.items.len(), 6);
    let mut tx = play
        .stage
        .app
        .app
        .db
        .tenant(play.stage.tenant)
        .await
        .unwrap();
    let chain = audit::verify(&mut tx, play.stage.tenant, |_, _| {})
        .await
        .unwrap();
    assert!(matches!(chain, Chain::Whole(8..)), "{chain:?}");
}

#[tokio::test]
async fn secrets_of_a_change_are_shown_to_whoever_may_make_one_asks_for_them_and_is_on_record() {
    const SECRETS: [&str; 2] = ["hunter2-canary", "meadow-lark"];
    let play = Play::new().await;
    play.router.set(|state| {
        state.trouble = Some(("apply", Trouble::Refuses));
        state.says = "failure: hunter2-canary is too short";
    });
    let (app, tenant) = (&play.stage.app, play.stage.tenant);
    let viewer = app.member(tenant, Role::Viewer).await;
    let admin = app.member(tenant, Role::Admin).await;
    let script = "/ppp secret add name=a password=hunter2-canary\n";
    let begun = play.apply(json!({ "script": script })).await;
    assert!(
        begun.script.contains("password=<hidden "),
        "{}",
        begun.script
    );
    let end = play.end().await;

    for (who, path) in [
        (&play.stage.ana, "changes/1"),
        (&play.stage.ana, "changes"),
        (&viewer, "changes/1"),
        (&viewer, "changes"),
        (&viewer, "events"),
        (&admin, "audit"),
    ] {
        let seen: serde_json::Value = app.get(who, &play.stage.path(path)).await.ok();
        let seen = seen.to_string();
        assert!(
            !SECRETS.iter().any(|secret| seen.contains(secret)),
            "{path}: {seen}"
        );
    }
    let reason = end.reason.unwrap();
    assert!(reason.raw().contains("<hidden "), "{reason}");
    let path = play.stage.path("changes/1?secrets=true");
    let shown: Change = app.get(&play.stage.ana, &path).await.ok();
    let refusal = app.get(&viewer, &path).await.refused(403);

    assert_eq!(shown.script, script);
    assert!(shown.undo_script.unwrap().raw().contains("meadow-lark"));
    assert!(refusal.hint.unwrap().contains("sees their secrets"));
    let uses = play.stage.path("kms/log?purpose=change.reveal");
    let uses: Page<KeyUse> = app.get(&admin, &uses).await.ok();
    assert_eq!(uses.items.len(), 1);
    let acts = play.stage.path("audit?act=change.reveal");
    let acts: Page<Record> = app.get(&admin, &acts).await.ok();
    assert_eq!(acts.items.len(), 1);
}

#[tokio::test]
async fn a_change_that_nobody_confirms_is_undone_by_the_device_and_read_back() {
    let play = Play::new().await;
    play.apply(json!({})).await;
    play.reach(ChangeState::Pending).await;

    play.router.fire();
    play.pass(60).await;
    let reverting = play.reach(ChangeState::Reverting).await;
    let late = play.post("confirm").await.refused(409);
    let end = play.end().await;

    assert!(reverting.reason.unwrap().raw().contains("nobody confirmed"));
    assert!(late.message.contains("too late"), "{}", late.message);
    assert_eq!(end.state, ChangeState::Reverted);
    assert_eq!(play.steps().last(), Some(&"read_back"));
}

#[tokio::test]
async fn a_change_that_the_device_refuses_halfway_is_undone_at_once() {
    let play = Play::new().await;
    play.router
        .set(|state| state.trouble = Some(("apply", Trouble::Refuses)));

    play.apply(json!({ "auto_confirm": true })).await;
    let end = play.end().await;

    assert_eq!(end.state, ChangeState::Reverted);
    assert!(
        end.reason
            .unwrap()
            .raw()
            .contains("already have such address")
    );
    assert!(play.steps().contains(&"revert"));
}

#[tokio::test]
async fn a_person_can_undo_and_a_change_can_confirm_itself() {
    let play = Play::new().await;
    play.apply(json!({})).await;
    play.reach(ChangeState::Pending).await;
    play.post("revert").await.ok::<Change>();
    assert_eq!(play.end().await.state, ChangeState::Reverted);

    let play = Play::new().await;
    play.apply(json!({ "auto_confirm": true })).await;
    assert_eq!(play.end().await.state, ChangeState::Confirmed);
}

#[tokio::test]
async fn a_device_that_cannot_guard_itself_is_left_alone_unless_that_was_asked_for() {
    let play = Play::new().await;
    play.router.set(|state| state.guard = GuardKind::None);
    play.apply(json!({})).await;
    let refused = play.end().await;
    assert_eq!(refused.state, ChangeState::Refused);
    assert!(refused.reason.unwrap().raw().contains("device-mode"));
    assert_eq!(play.steps(), ["prepare"]);

    let play = Play::new().await;
    play.router.set(|state| state.guard = GuardKind::None);
    play.apply(json!({ "unguarded": true })).await;
    let end = play.end().await;
    assert_eq!(
        (end.state, end.guard),
        (ChangeState::Confirmed, Some(GuardKind::None))
    );
    assert!(!play.steps().contains(&"arm"));
}

#[tokio::test]
async fn one_change_at_a_time_and_the_second_hears_who_was_first() {
    let play = Play::new().await;
    play.apply(json!({})).await;
    play.reach(ChangeState::Pending).await;
    let body = json!({ "device": play.device, "script": "/system/identity/set name=x" });

    let path = play.stage.path("changes");
    let refused = play
        .stage
        .app
        .post(&play.stage.ana, &path, body.clone())
        .await
        .refused(409);
    let device = play.stage.path(&format!("devices/{}", play.device));
    play.stage
        .app
        .delete(&play.stage.ana, &device)
        .await
        .refused(409);
    play.post("confirm").await.ok::<Change>();
    play.reach(ChangeState::Confirmed).await;
    let next: Change = play.stage.app.post(&play.stage.ana, &path, body).await.ok();

    assert!(refused.message.contains("c-1") && refused.message.contains(&play.stage.ana.email));
    // A number is not used up by a refusal.
    assert_eq!(next.number, 2);
}

#[tokio::test]
async fn a_plan_alone_changes_nothing_and_needs_no_lock() {
    let play = Play::new().await;

    play.apply(json!({ "dry_run": true })).await;
    let planned = play.end().await;

    assert_eq!(planned.state, ChangeState::Planned);
    assert_eq!(planned.diff.len(), 1);
    assert!(planned.undo_script.is_some());
    assert_eq!(play.steps(), ["prepare"]);
}

#[tokio::test]
async fn a_device_that_is_neither_before_nor_after_is_flagged_to_a_person() {
    let play = Play::new().await;
    play.apply(json!({})).await;
    play.reach(ChangeState::Pending).await;

    play.router
        .set(|state| (state.config, state.timer) = (SeenConfig::Neither, false));
    play.pass(60).await;
    let end = play.end().await;

    assert_eq!(end.state, ChangeState::Unknown);
    assert!(end.reason.unwrap().raw().contains("one more row"));
}

#[tokio::test]
async fn a_device_that_stays_silent_ends_unknown_and_is_flagged_to_a_person() {
    let play = Play::new().await;
    play.apply(json!({})).await;
    play.reach(ChangeState::Pending).await;

    // Its poller is gone, and nobody takes over.
    play.stage.app.hands.advance(Duration::from_mins(1));
    let end = eventually(async || {
        let change = play.show().await;
        if !change.state.is_final() {
            tokio::time::sleep(Duration::from_millis(200)).await;
            play.stage.app.hands.advance(Duration::from_secs(5));
        }
        change.state.is_final().then_some(change)
    })
    .await;

    assert_eq!(end.state, ChangeState::Unknown);
    assert!(end.reason.unwrap().raw().contains("look at it"));
}

#[tokio::test]
async fn nothing_of_a_script_is_in_the_database_in_the_clear() {
    let play = Play::new().await;
    play.apply(json!({})).await;
    play.reach(ChangeState::Pending).await;

    let mut conn = play.stage.app.superuser().await;
    let rows: Vec<String> = sqlx::query_scalar(
        "select row_to_json(c)::text || encode(secret, 'escape') || encode(config, 'escape')
         from changes c",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();

    assert_eq!(rows.len(), 1);
    assert!(rows.iter().all(|row| !row.contains("canary-secret")));
}

#[tokio::test]
async fn a_change_outlives_the_death_of_its_server_at_every_step() {
    for step in ["prepare", "arm", "apply", "verify", "disarm"] {
        let play = Play::new().await;
        play.router
            .set(|state| state.trouble = Some((step, Trouble::HangsOnce)));
        play.apply(json!({ "auto_confirm": true, "window_seconds": 120 }))
            .await;
        eventually(async || play.steps().contains(&step).then_some(())).await;

        // As by `kill -9`: nothing is given back, nothing is said.
        play.stage.app.app.supervisor.kill();
        let other = play.stage.app.replica();
        start(&other).await;
        play.pass(16).await;
        let end = play.reach(ChangeState::Confirmed).await;

        assert_eq!(end.reason, None, "{step}");
        let state = play.router.0.lock().unwrap();
        assert_eq!(
            (state.config, state.timer),
            (SeenConfig::After, false),
            "{step}"
        );
        drop(state);
        other.supervisor.kill();
    }
}

#[tokio::test]
async fn a_server_that_comes_back_after_the_window_reads_the_device_before_it_says_anything() {
    let play = Play::new().await;
    play.router
        .set(|state| state.trouble = Some(("apply", Trouble::HangsOnce)));
    play.apply(json!({})).await;
    eventually(async || play.steps().contains(&"apply").then_some(())).await;
    play.stage.app.app.supervisor.kill();

    play.router.fire();
    play.stage.app.hands.advance(Duration::from_mins(10));
    let other = play.stage.app.replica();
    start(&other).await;
    let end = play.end().await;

    assert_eq!(end.state, ChangeState::Reverted);
    assert_eq!(play.steps().last(), Some(&"read_back"));
    other.supervisor.kill();
}

#[tokio::test]
async fn two_servers_do_not_work_on_one_change() {
    let play = Play::new().await;
    let other = play.stage.app.replica();
    start(&other).await;

    play.apply(json!({ "auto_confirm": true })).await;
    let end = play.end().await;

    assert_eq!(end.state, ChangeState::Confirmed);
    assert_eq!(
        play.steps(),
        ["prepare", "arm", "apply", "verify", "disarm"]
    );
    other.supervisor.kill();
}

#[tokio::test]
async fn a_change_of_which_nothing_was_sent_is_refused_and_lets_the_device_go() {
    let play = Play::new().await;
    play.router
        .set(|state| state.trouble = Some(("apply", Trouble::LeavesAlone)));

    play.apply(json!({})).await;
    let refused = play.reach(ChangeState::Refused).await;

    assert!(refused.reason.unwrap().raw().contains("somebody changed"));
    assert_eq!(play.steps(), ["prepare", "arm", "apply"]);
    play.router.set(|state| state.trouble = None);
    let next = play.apply(json!({ "dry_run": true })).await;
    assert_eq!(next.number, 2);
}

#[tokio::test]
async fn a_device_that_keeps_another_timer_is_flagged_to_a_person() {
    for step in ["arm", "apply"] {
        let play = Play::new().await;
        play.router
            .set(|state| state.trouble = Some((step, Trouble::Alters)));

        play.apply(json!({})).await;
        let unknown = play.reach(ChangeState::Unknown).await;

        let reason = unknown.reason.unwrap();
        assert!(reason.raw().contains("another script"), "{step}: {reason}");
        assert_eq!(play.steps().last(), Some(&step), "nothing more is asked");
    }
}
