//! The SSH door, by OpenSSH's client: commands, refusals, shells.

use std::process::{Output, Stdio};

use tod_lab::Device;
use tod_proto::lab::{Event, Fault};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use crate::harness::{Client, SOON, one, spec};

/// Builds `ssh` with a password and without files of its own.
pub(crate) fn ssh(device: &Device, password: &str, options: &[&str]) -> Command {
    let at = device.summary();
    let mut command = Command::new("sshpass");
    command.args(["-p", password, "ssh"]).args(options);
    command.args([
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        "UserKnownHostsFile=/dev/null",
    ]);
    command.args(["-o", "LogLevel=ERROR", "-o", "NumberOfPasswordPrompts=1"]);
    command.args([
        "-p",
        &at.ssh_port.to_string(),
        &format!("admin@{}", at.address),
    ]);
    command.kill_on_drop(true);
    command
}

pub(crate) async fn run(device: &Device, password: &str, line: &str) -> Output {
    let output = ssh(device, password, &[])
        .arg(line)
        .stdin(Stdio::null())
        .output();
    timeout(SOON, output).await.unwrap().unwrap()
}

async fn said(device: &Device, line: &str) -> String {
    String::from_utf8(run(device, "lab", line).await.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn openssh_runs_commands() {
    let (_lab, device) = one(spec()).await;

    let resource = said(&device, "/system/resource/print").await;
    let addresses = said(&device, "/ip address print").await;
    let name = said(&device, ":put [/system identity get name]").await;
    let added = said(
        &device,
        ":put [/ip/address/add address=10.9.0.1/24 interface=ether2]",
    )
    .await;

    assert!(
        resource.contains("  version: 7.20.8 (long-term)\r\n"),
        "{resource}"
    );
    assert!(
        addresses.contains("Columns: ADDRESS, NETWORK, INTERFACE\r\n"),
        "{addresses}"
    );
    assert!(addresses.contains("0 127.20.0.7/24"), "{addresses}");
    assert_eq!(name, "r1\r\n");
    assert!(added.starts_with('*'), "{added}");
    assert!(device.log().iter().any(|e| matches!(&e.event,
        Event::Changed { cause, .. } if cause == "ssh:admin@127.0.0.1")));
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_text_and_passwords_are_checked() {
    let (_lab, device) = one(spec()).await;

    assert_eq!(
        said(&device, "/no such thing print").await.trim(),
        "bad command name no (line 1 column 2)"
    );
    assert_eq!(
        said(&device, "/no/such/thing print").await.trim(),
        "syntax error (line 1 column 4)"
    );
    assert_eq!(
        said(&device, "/ip/address/remove *99").await,
        "no such item\r\n"
    );
    let refused = run(&device, "wrong", "/system/identity/print").await;

    assert!(!refused.status.success());
    assert_eq!(device.counts().failed_logins, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_reads_back_as_it_was_written() {
    let (_lab, device) = one(spec()).await;
    let (_lab, other) = one(spec()).await;
    device.run("/interface bridge add name=br comment=\"a \\$b\\?\"; /ip address add address=10.1.1.1/24 interface=br").await.unwrap();

    let export = said(&device, "/export").await;
    let export = export.replace("\r\n", "\n");
    other
        .run("/ip address remove [find]; /ip route remove [find]")
        .await
        .unwrap();
    other.run(&export).await.unwrap();

    for menu in [
        "/interface/bridge",
        "/ip/address",
        "/ip/route",
        "/system/identity",
    ] {
        assert_eq!(other.tree()[menu], device.tree()[menu], "{export}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_walks_menus_and_takes_safe_mode() {
    let (_lab, device) = one(spec()).await;
    let before = device.tree();
    let mut shell = ssh(&device, "lab", &["-tt"]);
    let mut shell = shell
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = shell.stdin.take().unwrap();

    input
        .write_all(b"/ip/address\rprint\r\x18add address=10.9.0.1/24 interface=ether2\r")
        .await
        .unwrap();
    device
        .wait_for(|e| matches!(e, Event::Changed { path, .. } if path == "/ip/address"))
        .await;
    assert_ne!(device.tree(), before);
    input.write_all(b"\x04").await.unwrap();
    let output = timeout(SOON, shell.wait_with_output())
        .await
        .unwrap()
        .unwrap();

    let screen = String::from_utf8(output.stdout).unwrap();
    assert!(screen.contains("[admin@r1] /ip/address> "), "{screen}");
    assert!(screen.contains("[Safe Mode taken]"), "{screen}");
    assert!(screen.contains("[admin@r1] /ip/address<SAFE> "), "{screen}");
    assert_eq!(device.tree(), before);
    assert!(
        device
            .log()
            .iter()
            .any(|e| matches!(e.event, Event::Resized { .. }))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_without_terminal_ends_with_its_input() {
    let (_lab, device) = one(spec()).await;
    let mut shell = ssh(&device, "lab", &["-T"]);
    let mut shell = shell
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = shell.stdin.take().unwrap();

    input.write_all(b":put hello\nquit\n").await.unwrap();
    drop(input);
    let output = timeout(SOON, shell.wait_with_output())
        .await
        .unwrap()
        .unwrap();

    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .contains("hello\r\n")
    );
    assert!(output.status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_key_stays_until_it_is_made_to_change() {
    let (_lab, device) = one(spec()).await;
    let at = device.summary();
    let key = async || {
        let port = at.ssh_port.to_string();
        let scan = Command::new("ssh-keyscan")
            .args(["-p", &port, &at.address.to_string()])
            .output();
        String::from_utf8(timeout(SOON, scan).await.unwrap().unwrap().stdout).unwrap()
    };

    let first = key().await;
    assert!(first.contains("ssh-ed25519 "), "{first}");
    assert_eq!(first, key().await);
    device.inject(Fault::HostKeyChanged);

    assert_ne!(first, key().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn ssh_and_api_sessions_are_shown_as_active() {
    let (_lab, device) = one(spec()).await;
    let _client = Client::log_in(&device).await;

    let active = said(&device, "/user active print").await;

    assert!(
        active.contains(" api") && active.contains(" ssh"),
        "{active}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_is_kept_without_its_secrets() {
    let (lab, device) = one(spec()).await;

    for line in [
        "/user add name=eve group=read password=hunter22",
        ":global key \"hunter22\"; /ppp secret add name=x password=$key",
        "/tool fetch url=\"ftp://eve:hunter22@10.0.0.1/f\"",
    ] {
        said(&device, line).await;
    }

    let log = serde_json::to_string(&lab.log(0)).unwrap();
    assert!(log.contains("name=eve"), "{log}");
    assert!(!log.contains("hunter22"), "{log}");
}
