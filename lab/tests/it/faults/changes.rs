//! What changes of a device stumble over: no room, safe mode, lost power, a clock that jumps.

use routeros::command::Command;
use tod_lab::Device;
use tod_lab::wire::{Event, Fault};
use tokio::time::timeout;

use crate::harness::{Client, SOON, one, spec};
use crate::strangers::openssh::exec;

async fn booted(device: &Device) {
    let booted = device.wait_for(|e| matches!(e, Event::Booted));
    timeout(SOON, booted).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_push_needs_is_refused() {
    let (_lab, device) = one(spec()).await;
    let mut client = Client::log_in(&device).await;
    let save = ["name=x", "dont-encrypt=yes"];

    device.inject(Fault::FlashFull);
    let full = client.run("/system/backup/save", &save).await;
    assert_eq!(full.trap.as_deref(), Some("failure: not enough space"));
    let resource = client.run("/system/resource/print", &[]).await.ok();
    assert_eq!(resource.one("free-hdd-space"), "0");
    device.clear_faults();

    device.inject(Fault::BackupFails);
    let failed = client.run("/system/backup/save", &save).await;
    assert!(failed.trap.unwrap().contains("could not save"));
    device.clear_faults();
    client.run("/system/backup/save", &save).await.ok();

    device.inject(Fault::SafeModeHeld);
    let taken = client.run("/safe-mode/take", &[]).await;
    assert!(taken.trap.unwrap().contains("already taken by stranger"));
    device.clear_faults();
    client.run("/safe-mode/take", &[]).await.ok();
    client.run("/safe-mode/release", &[]).await.ok();
}

/// Only what is done while safe mode is held goes with it.
#[tokio::test(flavor = "multi_thread")]
async fn history_says_what_goes_with_safe_mode() {
    for version in ["6.49.18", "7.20.8"] {
        let (_lab, device) = one(spec().version(version).board("hEX")).await;
        let mut client = Client::log_in(&device).await;
        let mut add = async |address: &str| {
            let words = [&*format!("address={address}"), "interface=ether2"];
            client.run("/ip/address/add", &words).await.ok();
            let history = client.run("/system/history/print", &[]).await.ok();
            let floating = history.rows.iter().map(|row| row.flag("floating-undo"));
            floating.collect::<Vec<_>>()
        };

        assert_eq!(add("10.1.1.1/24").await, [false], "{version}");
        device.inject(Fault::SafeModeHeld);
        assert_eq!(add("10.1.2.1/24").await, [true, false], "{version}");
        device.clear_faults();
        assert_eq!(add("10.1.3.1/24").await, [false; 3], "{version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_tells_over_ssh_which_menu_it_lacks() {
    for version in ["6.49.18", "7.20.8"] {
        let (_lab, device) = one(spec().version(version).board("hEX")).await;
        let whole = exec(&device, &[], "/export").await;
        let whole = String::from_utf8(whole.stdout).unwrap();
        assert!(whole.contains("127.20.0.7/24"), "{whole}");

        device.inject(Fault::ExportTimeout {
            menu: "/ip/address".to_owned(),
        });
        let half = exec(&device, &[], "/export").await;

        let half = String::from_utf8(half.stdout).unwrap();
        let error = "#error exporting \"/ip/address\" (timeout)";
        assert!(half.contains(error), "{half}");
        assert!(!half.contains("127.20.0.7/24"), "{half}");
        assert_eq!(
            half.lines().last(),
            whole.lines().last(),
            "the rest is there"
        );
        device.clear_faults();
        let healed = exec(&device, &[], "/export").await;
        assert!(!String::from_utf8(healed.stdout).unwrap().contains(error));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_loses_power_in_the_middle_has_done_it_and_may_forget_its_timers() {
    for forgets in [false, true] {
        let (_lab, device) = one(spec()).await;
        let mut client = Client::log_in(&device).await;
        let timer = ["name=x", "interval=1h", "on-event=:put x"];
        client.run("/system/scheduler/add", &timer).await.ok();
        device.inject(Fault::RebootMid {
            command: "/ip/address/add".to_owned(),
        });
        if forgets {
            device.inject(Fault::ForgetScheduler);
        }

        let add = Command::new("/ip/address/add")
            .attribute("address", "10.1.1.1/24")
            .attribute("interface", "ether2");
        client.send(&[add]).await;
        let answer = timeout(SOON, client.reply()).await.unwrap();
        assert!(answer.is_none(), "{answer:?}");
        booted(&device).await;

        let mut client = Client::log_in(&device).await;
        let added = ["?address=10.1.1.1/24"];
        let added = client.run("/ip/address/print", &added).await.ok();
        assert_eq!(added.rows.len(), 1);
        let timers = client.run("/system/scheduler/print", &[]).await.ok();
        assert_eq!(timers.rows.is_empty(), forgets);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_tells_another_day_and_lets_intervals_alone() {
    let (lab, device) = one(spec()).await;
    let mut client = Client::log_in(&device).await;
    let timer = ["name=x", "interval=1m", "on-event=:put x"];
    client.run("/system/scheduler/add", &timer).await.ok();
    let mut date = async || {
        let clock = client.run("/system/clock/print", &[]).await.ok();
        clock.one("date")
    };
    let today = date().await;
    let year = |date: &str| date[..4].parse::<i32>().unwrap();

    for (seconds, years) in [(10 * 365 * 86_400, 10), (-10 * 365 * 86_400, -10)] {
        device.inject(Fault::ClockJump { seconds });
        let then = date().await;
        assert!((year(&then) - year(&today) - years).abs() <= 1, "{then}");
        device.clear_faults();
    }
    assert_eq!(date().await, today);
    assert_eq!(device.counts().fired, 0);

    device.inject(Fault::ClockJump { seconds: 86_400 });
    lab.advance(std::time::Duration::from_secs(61));
    let fired = device.wait_for(|e| matches!(e, Event::Fired { .. }));
    timeout(SOON, fired).await.unwrap();
}
