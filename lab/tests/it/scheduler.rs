//! The scheduler fires, runs what it holds, and forgets nothing over a boot.

use std::time::Duration;

use tod_lab::SchedulerRule;
use tod_proto::lab::{Event, Fault};

use crate::harness::{Client, one, spec};

const GUARD: &str = ":do {\n/ip address remove [find comment=pushed]\n} on-error={}\n\
    :log warning \"reverted\"\n/system scheduler remove [find name=guard]";

#[tokio::test]
async fn an_armed_guard_takes_a_change_back_and_itself_away() {
    let (lab, device) = one(spec()).await;
    let before = device.tree();
    let mut client = Client::log_in(&device).await;
    let event = format!("on-event={GUARD}");

    client
        .run(
            "/system/scheduler/add",
            &["name=guard", "interval=60s", &event],
        )
        .await
        .ok();
    client
        .run(
            "/ip/address/add",
            &["address=10.9.0.1/24", "interface=ether2", "comment=pushed"],
        )
        .await
        .ok();
    lab.advance(Duration::from_secs(58));
    assert_ne!(device.tree(), before);
    assert_eq!(device.counts().fired, 0);
    lab.advance(Duration::from_secs(3));

    let fired = device.wait_for(|e| matches!(e, Event::Fired { .. })).await;
    assert_eq!(
        fired.event,
        Event::Fired {
            job: "guard".to_owned(),
            error: None
        }
    );
    assert_eq!(device.tree(), before);
    assert!(
        device
            .own_log()
            .iter()
            .any(|l| l == "script,warning reverted")
    );
}

#[tokio::test]
async fn an_entry_survives_a_boot_and_keeps_its_grid() {
    let (lab, device) = one(spec()).await;
    device
        .run("/system scheduler add name=s interval=60s on-event=\":log info hello\"")
        .await
        .unwrap();

    lab.advance(Duration::from_secs(30));
    device.reboot();
    device.wait_for(|e| *e == Event::Booted).await;
    assert_eq!(device.counts().fired, 0);
    lab.advance(Duration::from_secs(31));

    device.wait_for(|e| matches!(e, Event::Fired { .. })).await;
    assert_eq!(device.counts().fired, 1);
}

#[tokio::test]
async fn a_failing_script_stops_and_says_so_in_the_log() {
    let (lab, device) = one(spec()).await;
    let line = "/system scheduler add name=s interval=1m on-event=\"/ip address remove *99; :log info no\"";
    device.run(line).await.unwrap();

    lab.advance(Duration::from_secs(61));

    let fired = device.wait_for(|e| matches!(e, Event::Fired { .. })).await;
    assert!(matches!(fired.event, Event::Fired { error: Some(_), .. }));
    let log = device.own_log();
    assert!(
        log.contains(
            &"script,error executing script from scheduler (s) failed, please check it manually"
                .to_owned()
        )
    );
    assert!(!log.iter().any(|l| l.ends_with(" no")));
}

#[tokio::test]
async fn a_line_altered_on_the_way_does_not_run() {
    let (lab, device) = one(spec()).await;
    device.inject(Fault::CorruptScheduler);
    let mut client = Client::log_in(&device).await;
    let event = format!("on-event={GUARD}");

    client
        .run(
            "/system/scheduler/add",
            &["name=guard", "interval=60s", &event],
        )
        .await
        .ok();
    lab.advance(Duration::from_secs(61));

    let fired = device.wait_for(|e| matches!(e, Event::Fired { .. })).await;
    assert!(
        matches!(fired.event, Event::Fired { error: Some(_), .. }),
        "{fired:?}"
    );
}

#[tokio::test]
async fn device_mode_marks_or_refuses_entries() {
    let (lab, marked) = one(spec().scheduler(SchedulerRule::Inactivated)).await;
    let (_lab, refused) = one(spec().scheduler(SchedulerRule::Refused)).await;
    let mut client = Client::log_in(&refused).await;

    marked
        .run("/system scheduler add name=s interval=1m on-event=\":log info x\"")
        .await
        .unwrap();
    let answer = client
        .run("/system/scheduler/add", &["name=s", "interval=1m"])
        .await;
    lab.advance(Duration::from_mins(2));

    assert_eq!(answer.trap.unwrap(), "failure: not allowed by device-mode");
    let row = &marked.rows("/system/scheduler")[0];
    assert_eq!(
        row.text(".about").unwrap(),
        "inactivated, not allowed by device-mode"
    );
    assert!(row.raw("next-run").is_none());
    assert_eq!(marked.counts().fired, 0);
}

#[tokio::test]
async fn a_backup_loaded_by_the_scheduler_brings_the_device_back() {
    let (lab, device) = one(spec()).await;
    let before = device.rows("/ip/address");
    device
        .run("/system backup save name=b dont-encrypt=yes")
        .await
        .unwrap();
    let line = "/system scheduler add name=s interval=1m on-event=\"/system backup load name=b password=\\\"\\\"\"";
    device.run(line).await.unwrap();
    device.run("/ip address remove [find]").await.unwrap();

    lab.advance(Duration::from_secs(61));

    device.wait_for(|e| *e == Event::Booted).await;
    assert_eq!(device.rows("/ip/address"), before);
    assert!(device.rows("/system/scheduler").is_empty());
}
