//! Commands and polls on demand.

use tod_proto::bus::task::{Report, What};
use tod_proto::error::ErrorCode;

use crate::fake::{Fake, Manner};
use crate::harness::{Setup, World, record, short_deadlines};

fn command(path: &str) -> What {
    What::Command {
        command: path.to_owned(),
        arguments: Vec::new(),
    }
}

#[tokio::test]
async fn a_command_runs_on_the_session_that_is_there() {
    let mut world = World::start(Setup::default());
    let fake = Fake::start(&world.supervisor).await;
    let device = world.grant(&record(fake.address)).await;
    world.answered().await;

    let report = world.ask(device, command("/system/identity/print")).await;

    let Report::Command {
        rows, truncated, ..
    } = report
    else {
        panic!("{report:?}");
    };
    assert_eq!(rows[0]["name"], "core".into());
    assert!(!truncated);
    assert_eq!(fake.logins(), 1);
}

#[tokio::test]
async fn an_older_or_newer_fence_is_refused() {
    let mut world = World::start(Setup::default());
    let fake = Fake::start(&world.supervisor).await;
    let device = world.grant(&record(fake.address)).await;
    world.answered().await;

    for fence in [6, 8] {
        let report = world
            .ask_under(device, fence, command("/system/reboot"))
            .await;
        let Report::Failed(failure) = report else {
            panic!("{report:?}");
        };
        assert_eq!(failure.code, ErrorCode::Unavailable);
        assert!(!failure.may_have_changed);
    }
}

#[tokio::test]
async fn a_poll_on_demand_does_not_wait_for_its_time() {
    let mut world = World::start(Setup::default());
    let fake = Fake::start(&world.supervisor).await;
    let mut slow = record(fake.address);
    slow.assignment.poll_seconds = 3600;
    let device = world.grant(&slow).await;
    world.answered().await;

    let report = world.ask(device, What::Poll).await;

    assert!(matches!(report, Report::Polling), "{report:?}");
    world.answered().await;
    assert_eq!(fake.bursts(), 2);
}

#[tokio::test]
async fn rows_without_end_are_cut() {
    let mut world = World::start(Setup::default());
    let fake = Fake::start(&world.supervisor).await;
    let device = world.grant(&record(fake.address)).await;
    world.answered().await;

    fake.behave(Manner::Endless);
    let report = world.ask(device, command("/log/print")).await;

    // The device answers with the tags of other commands too, which nobody waits for.
    assert!(matches!(
        report,
        Report::Command {
            truncated: true,
            ..
        } | Report::Failed(_)
    ));
}

#[tokio::test]
async fn a_command_to_a_silent_device_ends() {
    let setup = Setup {
        deadlines: short_deadlines(),
        ..Setup::default()
    };
    let world = World::start(setup);
    let fake = Fake::start(&world.supervisor).await;
    fake.behave(Manner::Silent);
    let device = world.grant(&record(fake.address)).await;
    world
        .lease_request(|request| !request.holds.is_empty())
        .await;

    let report = world.ask(device, command("/system/identity/print")).await;

    let Report::Failed(failure) = report else {
        panic!("{report:?}");
    };
    assert_eq!(failure.code, ErrorCode::DeviceUnreachable);
}
