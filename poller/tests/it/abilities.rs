//! What a device can do and the account may do, found out and held to.

use tod_lab::{OverLimit, Spec};
use tod_proto::api::changes::GuardKind;
use tod_proto::bus::task::{PushStep, Report, SeenConfig, TaskFailure, What};
use tod_proto::error::ErrorCode;
use tod_proto::id::ChangeId;
use tod_proto::lab::Event;

use crate::change::{ADD, Push, failure, is, seen};
use crate::harness::{Setup, World, until};
use crate::lab::{one, record_of, spec};

fn of_group(group: &str) -> Spec {
    Spec {
        group: group.to_owned(),
        ..spec()
    }
}

/// Prepares a change that is refused, and sees that nothing was done.
async fn refused(spec: Spec, script: &'static str) -> TaskFailure {
    let push = Push::on(spec, script).await;
    let before = push.device.tree();

    let script = script.to_owned();
    let refused = failure(push.step(PushStep::Prepare { script }).await);

    assert!(!refused.may_have_changed, "{refused:?}");
    assert_eq!(push.device.tree(), before);
    refused
}

#[tokio::test]
async fn a_change_that_the_account_may_not_make_is_refused_with_a_remedy() {
    for (group, script, policy) in [
        ("read", ADD, "`write`"),
        ("write", "/user/group/add name=x policy=read", "`policy`"),
    ] {
        let refused = refused(of_group(group), script).await;

        assert_eq!(refused.code, ErrorCode::Forbidden, "{group}");
        assert!(refused.message.raw().contains(policy), "{refused:?}");
        assert!(refused.hint.unwrap().contains("/user/group/set"), "{group}");
    }
}

#[tokio::test]
async fn an_account_that_may_write_but_make_no_timer_has_no_guard() {
    let mut push = Push::on(of_group("write"), ADD).await;

    let prepared = push.prepare().await;

    assert_eq!(prepared.guard, GuardKind::None);
    let why = prepared.no_guard_because.unwrap();
    assert!(why.raw().contains("the policy `policy`"), "{why:?}");
}

#[tokio::test]
async fn a_change_of_a_menu_that_is_not_there_names_the_package_that_brings_it() {
    let script = "/interface/wireless/access-list/add mac-address=02:00:00:00:00:01";

    let new = refused(spec().version("7.18.2").board("hAP ax^2"), script).await;
    let old = spec().version("6.49.18").board("hEX");
    let none = refused(old, "/interface/wifi/security/add name=x").await;

    assert_eq!(new.code, ErrorCode::Incompatible);
    assert!(new.hint.unwrap().contains("package `wireless`"));
    assert_eq!((none.code, none.hint), (ErrorCode::Incompatible, None));
}

#[tokio::test]
async fn a_device_with_room_for_one_session_is_changed_like_any_other() {
    for over_limit in [OverLimit::Reset, OverLimit::Close, OverLimit::Silent] {
        let mut spec = spec();
        spec.switches.over_limit = over_limit;
        let mut push = Push::on(spec, ADD).await;
        let line = "/ip service set api max-sessions=1";
        push.device.run(line).await.unwrap();

        push.through().await;
        for _ in 0..5 {
            let verified = seen(push.verify().await);
            assert_eq!(verified, is(SeenConfig::After, true), "{over_limit:?}");
        }
        assert_eq!(seen(push.disarm().await), is(SeenConfig::After, false));
    }
}

#[tokio::test]
async fn what_a_device_can_do_is_asked_again_after_an_upgrade() {
    let mut world = World::start(Setup::default());
    let (_lab, device) = one(spec().version("7.12.1").board("hAP ac^2")).await;
    let mut often = record_of(&device);
    often.assignment.poll_seconds = 1;
    world.grant(&often).await;
    let asked = |device: &tod_lab::Device| {
        let log = device.log();
        let is_question = |e: &&tod_proto::lab::Entry| {
            matches!(&e.event, Event::Command { command, .. }
                if command == "/system/package/print")
        };
        log.iter().filter(is_question).count()
    };
    for _ in 0..3 {
        world.answered().await;
    }
    assert_eq!(asked(&device), 1);

    let install = "/system package update install";
    device
        .run("/system package update check-for-updates")
        .await
        .unwrap();
    device.run(install).await.unwrap();
    device.wait_for(|event| *event == Event::Booted).await;

    until("it is asked again", || asked(&device) == 2).await;
    world.forget_samples();
    let seen = world.answered().await;
    assert_ne!(seen.version, Some("7.12.1".into()));
    assert_eq!(seen.problems, []);
}

#[tokio::test]
async fn another_account_is_asked_what_it_may_do() {
    let push = Push::on(of_group("read"), ADD).await;
    let prepare = || {
        let script = ADD.to_owned();
        What::Push {
            change: ChangeId::generate(),
            number: 17,
            step: Box::new(PushStep::Prepare { script }),
        }
    };
    let refused = failure(push.world.ask(push.id, prepare()).await);
    assert_eq!(refused.code, ErrorCode::Forbidden);

    // Somebody gives the account more.
    push.device
        .run("/user set [find] group=full")
        .await
        .unwrap();

    let prepared = push.world.ask(push.id, prepare()).await;
    assert!(matches!(prepared, Report::Prepared(_)), "{prepared:?}");
}
