//! The doors that are no API: announcements, telnet, terminals that are asked, safe mode fights.

use std::process::Stdio;

use tod_lab::wire::Event;
use tod_lab::{Fleet, Greeting, Lab, Options, Spec, Switches};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use crate::harness::{SOON, one, spec};

#[tokio::test(flavor = "multi_thread")]
async fn devices_say_who_they_are_to_whoever_asks() {
    // The port is found first, so that another lab may announce itself at the same time.
    let free = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let options = Options {
        mndp_port: Some(port),
        ..Options::default()
    };
    let lab = Lab::start(Fleet::generate(5, 1), options).await.unwrap();
    let me = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    me.set_broadcast(true).unwrap();
    let mut buffer = [0; 1024];

    let first = lab.devices()[0].summary();
    me.send_to(&[0; 4], (first.address, port)).await.unwrap();
    let (count, from) = timeout(SOON, me.recv_from(&mut buffer))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(from.ip(), first.address);
    let said = fields(&buffer[..count]);
    assert_eq!(said[&5], first.name.as_bytes());
    assert_eq!(said[&12], first.board.as_bytes());
    assert!(said[&7].starts_with(first.version.as_bytes()));
    assert_eq!(said[&1].len(), 6);
    assert_eq!(said[&10].len(), 4);

    me.send_to(&[0; 4], ("127.255.255.255", port))
        .await
        .unwrap();
    let mut heard = std::collections::BTreeSet::new();
    while heard.len() < 5 {
        let got = timeout(SOON, me.recv_from(&mut buffer)).await.unwrap();
        heard.insert(got.unwrap().1.ip());
    }
}

/// Reads the fields of an announcement.
fn fields(bytes: &[u8]) -> std::collections::BTreeMap<u16, Vec<u8>> {
    let mut rest = &bytes[4..];
    let mut fields = std::collections::BTreeMap::new();
    while let [a, b, c, d, tail @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*c, *d]));
        fields.insert(u16::from_be_bytes([*a, *b]), tail[..length].to_vec());
        rest = &tail[length..];
    }
    fields
}

#[tokio::test(flavor = "multi_thread")]
async fn telnet_asks_and_refuses_the_right_password_too() {
    let (_lab, device) = one(spec()).await;
    device.run("/ip service enable telnet").await.unwrap();
    let at = device.summary();
    let mut tcp = TcpStream::connect((at.address, at.telnet_port))
        .await
        .unwrap();

    tcp.write_all(b"admin\r\nlab\r\n").await.unwrap();
    let mut heard = Vec::new();
    while !String::from_utf8_lossy(&heard).contains("Login failed") {
        let read = timeout(SOON, tcp.read_buf(&mut heard)).await.unwrap();
        assert!(read.unwrap() > 0);
    }

    let heard = String::from_utf8_lossy(&heard);
    assert!(
        heard.contains("MikroTik v7.20.8") && heard.contains("Login: "),
        "{heard}"
    );
    let log = device.own_log().join("\n");
    assert!(
        log.contains("login failure for user admin from 127.0.0.1 via telnet"),
        "{log}"
    );
}

/// Opens a shell with a terminal.
fn shell(device: &tod_lab::Device, user: &str) -> (Child, ChildStdin) {
    let at = device.summary();
    let mut ssh = Command::new("sshpass");
    ssh.args(["-p", "lab", "ssh", "-tt", "-o", "StrictHostKeyChecking=no"]);
    ssh.args(["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]);
    ssh.args([
        "-p",
        &at.ssh_port.to_string(),
        &format!("{user}@{}", at.address),
    ]);
    ssh.env("TERM", "xterm").kill_on_drop(true);
    let mut ssh = ssh
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let input = ssh.stdin.take().unwrap();
    (ssh, input)
}

async fn screen(shell: Child) -> String {
    let output = timeout(SOON, shell.wait_with_output()).await.unwrap();
    String::from_utf8(output.unwrap().stdout).unwrap()
}

fn switched(switches: Switches) -> Spec {
    Spec { switches, ..spec() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_asks_its_questions_before_the_first_prompt() {
    let (_lab, device) = one(switched(Switches {
        greets: vec![
            Greeting::Licence,
            Greeting::Unlicensed,
            Greeting::DefaultConfiguration,
            Greeting::NewPassword,
        ],
        ..Switches::default()
    }))
    .await;
    let (child, mut input) = shell(&device, "admin+t");

    input.write_all(b"n\r \x03:put in\r/quit\r").await.unwrap();
    let shown = screen(child).await;

    let at = |part: &str| {
        shown
            .find(part)
            .unwrap_or_else(|| panic!("{part}: {shown}"))
    };
    assert!(at("software license? [Y/n]") < at("Please press \"Enter\""));
    assert!(at("Please press \"Enter\"") < at("remove this default configuration type \"r\""));
    assert!(at("type \"r\"") < at("new password>"));
    assert!(at("new password>") < at("[admin@r1] > "));
    assert!(shown.contains("\nin\r\n"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_does_not_say_its_size_is_shown_nothing() {
    let (_lab, device) = one(switched(Switches {
        probes_terminal: true,
        ..Switches::default()
    }))
    .await;

    let (child, mut input) = shell(&device, "admin");
    input.write_all(b":put x\r/quit\r").await.unwrap();
    let mute = screen(child).await;
    let (child, mut input) = shell(&device, "admin");
    input
        .write_all(b"\x1b[24;80R:put x\r/quit\r")
        .await
        .unwrap();
    let seen = screen(child).await;
    let (child, mut input) = shell(&device, "admin+t");
    input.write_all(b":put x\r/quit\r").await.unwrap();
    let unasked = screen(child).await;

    assert!(
        mute.contains("\x1b[6n") && !mute.contains("[admin@r1]"),
        "{mute:?}"
    );
    assert!(
        seen.contains("[admin@r1]") && seen.contains("\nx\r\n"),
        "{seen:?}"
    );
    assert!(
        !unasked.contains("\x1b[6n") && unasked.contains("[admin@r1]"),
        "{unasked:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn safe_mode_can_be_hijacked_and_its_owner_is_told() {
    let (_lab, device) = one(spec()).await;
    let before = device.tree();
    let (owner, mut owners) = shell(&device, "admin+t");
    owners
        .write_all(b"\x18/ip address add address=10.9.0.1/24 interface=ether2\r")
        .await
        .unwrap();
    let changed = |e: &Event| matches!(e, Event::Changed { path, .. } if path == "/ip/address");
    timeout(SOON, device.wait_for(changed)).await.unwrap();

    let (thief, mut thiefs) = shell(&device, "admin+t");
    thiefs.write_all(b"\x18u\x18/quit\r").await.unwrap();
    let stolen = screen(thief).await;
    owners.write_all(b"/quit\r").await.unwrap();
    let lost = screen(owner).await;

    assert!(
        stolen.contains("Hijacking Safe Mode from someone"),
        "{stolen}"
    );
    assert!(
        stolen.contains("[Safe Mode taken]") && stolen.contains("released]"),
        "{stolen}"
    );
    assert!(
        lost.contains("[Safe mode released by another user]"),
        "{lost}"
    );
    assert_eq!(device.tree(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn critical_lines_appear_on_terminals() {
    let (_lab, device) = one(spec()).await;
    let (child, mut input) = shell(&device, "admin+t");
    let signed_in = |e: &Event| matches!(e, Event::LoggedIn { .. });
    timeout(SOON, device.wait_for(signed_in)).await.unwrap();
    input.write_all(b":put ready\r").await.unwrap();
    let ran = |e: &Event| matches!(e, Event::Command { command, .. } if command == ":put ready");
    timeout(SOON, device.wait_for(ran)).await.unwrap();

    let mut client = crate::harness::Client::connect(&device).await;
    client.run("/login", &["name=root", "password=x"]).await;
    input.write_all(b"/quit\r").await.unwrap();

    let shown = screen(child).await;
    assert!(
        shown.contains("echo: system,error,critical login failure for user root from 127.0.0.1"),
        "{shown}"
    );
}
