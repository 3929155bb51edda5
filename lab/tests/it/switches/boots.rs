//! Switches that show after a boot or a power failure.

use std::time::Duration;

use tod_lab::{BootClock, BootTimers, Device};
use tod_proto::lab::Event;
use tokio::time::timeout;

use super::{client, turned};
use crate::harness::{Client, SILENCE, SOON, one};

async fn boot(device: &Device, times: u64) {
    device.reboot();
    let booted = |device: &Device| {
        device
            .log()
            .iter()
            .filter(|e| e.event == Event::Booted)
            .count()
    };
    let waiting = async {
        while booted(device) < usize::try_from(times).unwrap() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, waiting).await.unwrap();
}

#[tokio::test]
async fn rows_have_other_ids_after_a_boot_and_are_found_by_these() {
    let (_lab, device, mut client) = client(|s| s.new_ids = true).await;
    let words = ["address=10.9.0.1/24", "interface=ether2"];
    let old = client
        .run("/ip/address/add", &words)
        .await
        .ok()
        .ret
        .unwrap();
    boot(&device, 1).await;
    let mut client = Client::log_in(&device).await;

    let rows = client
        .run("/ip/address/print", &["?address=10.9.0.1/24"])
        .await
        .ok();
    let new = rows.one(".id");

    assert_ne!(new, old);
    let id = format!(".id={new}");
    client
        .run("/ip/address/set", &[&id, "comment=found"])
        .await
        .ok();
    let rows = client
        .run("/ip/address/print", &["?comment=found"])
        .await
        .ok();
    assert_eq!(rows.one("address"), "10.9.0.1/24");
}

#[tokio::test]
async fn a_boot_finds_the_clock_that_the_switch_leaves_it() {
    for (boot_clock, is_1970, is_behind) in [
        (BootClock::Kept, false, false),
        (BootClock::Behind, false, true),
        (BootClock::Lost, true, true),
    ] {
        let (_lab, device) = one(turned(|s| s.boot_clock = boot_clock)).await;
        let clock = |device: &Device| {
            let row = device.rows("/system/clock").remove(0);
            format!(
                "{} {}",
                row.text("date").unwrap(),
                row.text("time").unwrap()
            )
        };
        let before = clock(&device);

        boot(&device, 1).await;

        let after = clock(&device);
        assert_eq!(after.starts_with("1970-01-02"), is_1970, "{after}");
        assert_eq!(after < before, is_behind, "{before} {after}");
    }
}

#[tokio::test]
async fn an_entry_runs_after_a_boot_when_the_switch_says_so() {
    for (boot_timers, wait, fired) in [
        (BootTimers::Grid, 31, true),
        (BootTimers::Afresh, 31, false),
        (BootTimers::Afresh, 61, true),
        (BootTimers::AtOnce, 0, true),
    ] {
        let (lab, device) = one(turned(|s| s.boot_timers = boot_timers)).await;
        let line = "/system scheduler add name=s interval=60s on-event=\":log info hello\"";
        device.run(line).await.unwrap();
        lab.advance(Duration::from_secs(30));
        boot(&device, 1).await;
        lab.advance(Duration::from_secs(wait));

        let ran = timeout(
            SILENCE,
            device.wait_for(|e| matches!(e, Event::Fired { .. })),
        )
        .await;

        assert_eq!(ran.is_ok(), fired, "{boot_timers:?} {wait}");
    }
}

#[tokio::test]
async fn a_power_failure_loses_what_is_not_on_the_disk_yet() {
    let (lab, device) = one(turned(|s| s.flash_delay_s = 40)).await;
    let comments = |device: &Device| {
        let rows = device.rows("/interface/ethernet");
        let comments = rows
            .iter()
            .filter_map(|r| Some(r.text("comment")?.into_owned()));
        comments.collect::<Vec<_>>()
    };
    let write = async |n: u32| {
        let line = format!("/interface ethernet set ether{n} comment=at-{n}");
        device.run(&line).await.unwrap();
    };
    write(1).await;
    lab.advance(Duration::from_secs(30));
    write(2).await;
    lab.advance(Duration::from_secs(20));

    boot(&device, 1).await;
    assert_eq!(
        comments(&device),
        ["at-1"],
        "the second was not saved in time"
    );

    write(3).await;
    device.run("/system reboot").await.unwrap();
    device.wait_for(|e| matches!(e, Event::Rebooting { cause } if cause.contains("ctl") || cause.contains("command"))).await;
    timeout(SOON, async {
        while device.counts().reboots < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(
        comments(&device),
        ["at-1", "at-3"],
        "who reboots in order saves first"
    );
}
