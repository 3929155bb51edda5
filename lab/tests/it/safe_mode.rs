//! Safe mode at a terminal: taken, released, left, lost, and more than it can hold.

use tod_lab::Device;
use tod_proto::lab::Event;
use tokio::time::timeout;

use crate::harness::{SOON, one, spec};
use crate::terminal::Terminal;

const SAFE: &str = "[admin@r1] <SAFE> ";
const PLAIN: &str = "[admin@r1] > ";
/// An act that is seen in the device.
const ADD: &str = "/ip firewall address-list add list=l address=10.0.0.1";

async fn open(device: &Device) -> Terminal {
    Terminal::open(device, "admin+ct", (120, 40)).await
}

/// Takes safe mode by its key.
async fn take(terminal: &mut Terminal) {
    terminal.press("\x18").await;
    terminal.see(SAFE).await;
}

/// Types a command and waits until safe mode asks for the next.
async fn in_safe_mode(terminal: &mut Terminal, command: &str) -> String {
    terminal.press(&format!("{command}\r")).await;
    terminal.see(SAFE).await
}

/// Waits for what became of safe mode.
async fn became(device: &Device, what: &str) {
    let is_it = |e: &Event| matches!(e, Event::SafeMode { act, .. } if act == what);
    let event = timeout(SOON, device.wait_for(is_it)).await;
    event.unwrap_or_else(|_| panic!("safe mode is not {what}: {:?}", device.log()));
}

fn listed(device: &Device) -> usize {
    device.rows("/ip/firewall/address-list").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn safe_mode_is_taken_and_released_by_a_key() {
    for version in ["6.49.18", "7.12.1", "7.20.8"] {
        let (_lab, device) = one(spec().version(version)).await;
        let mut terminal = open(&device).await;

        terminal.press("\x18").await;
        terminal.see("\r\n[Safe Mode taken]\r\n").await;
        terminal.see(SAFE).await;
        in_safe_mode(&mut terminal, ADD).await;
        let history = in_safe_mode(&mut terminal, "/system history print without-paging").await;
        assert!(
            history.contains("\r\n F ") || history.contains("\r\nF ") || history.contains("UF"),
            "{history}"
        );
        // The other key for it.
        terminal.press("\x1bOS").await;
        terminal.see("\r\n[Safe Mode released]\r\n").await;
        terminal.see(PLAIN).await;
        terminal.press("\x04").await;
        terminal.end().await;

        became(&device, "released").await;
        assert_eq!(listed(&device), 1, "{version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_by_a_key_takes_back_what_they_did() {
    let (_lab, device) = one(spec()).await;
    let before = device.tree();
    let mut terminal = open(&device).await;

    take(&mut terminal).await;
    in_safe_mode(&mut terminal, ADD).await;
    assert_ne!(device.tree(), before);
    terminal.press("\x04").await;
    terminal.end().await;

    became(&device, "left with its shell").await;
    assert_eq!(device.tree(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_quits_keeps_what_they_did() {
    let (_lab, device) = one(spec()).await;
    let mut terminal = open(&device).await;

    take(&mut terminal).await;
    in_safe_mode(&mut terminal, ADD).await;
    terminal.press("/quit\r").await;
    terminal.see("interrupted").await;
    terminal.end().await;

    became(&device, "released").await;
    assert_eq!(listed(&device), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_is_lost_takes_everything_back_with_it() {
    let (_lab, device) = one(spec()).await;
    let before = device.tree();
    let mut terminal = open(&device).await;

    take(&mut terminal).await;
    in_safe_mode(&mut terminal, ADD).await;
    // What others do meanwhile is covered, too.
    let mut other = open(&device).await;
    other
        .run("/ip firewall address-list add list=l address=10.0.0.2")
        .await;
    assert_eq!(listed(&device), 2);
    drop(terminal);

    became(&device, "lost with its session").await;
    assert_eq!(device.tree(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hundredth_action_is_covered_and_the_next_ends_safe_mode() {
    let (_lab, device) = one(spec()).await;
    let mut terminal = open(&device).await;
    let many = |n: u32| {
        format!(
            ":for n from=1 to={n} do={{ /ip firewall address-list add list=l address=\"10.0.1.$n\" }}"
        )
    };

    take(&mut terminal).await;
    in_safe_mode(&mut terminal, &many(100)).await;
    assert_eq!(listed(&device), 100);
    terminal.press(&format!("{ADD}\r")).await;
    // It says nothing but that it is no more.
    let said = terminal.see(PLAIN).await;
    assert!(!said.contains("Safe Mode"), "{said}");
    became(&device, "overflown").await;
    terminal.press("\x04").await;
    terminal.end().await;
    assert_eq!(listed(&device), 101, "nothing is taken back any more");

    // A hundred are taken back.
    let (_lab, device) = one(spec()).await;
    let before = device.tree();
    let mut terminal = open(&device).await;
    take(&mut terminal).await;
    in_safe_mode(&mut terminal, &many(99)).await;
    in_safe_mode(&mut terminal, ADD).await;
    assert_eq!(listed(&device), 100);
    terminal.press("\x04").await;
    terminal.end().await;
    assert_eq!(device.tree(), before);
}
