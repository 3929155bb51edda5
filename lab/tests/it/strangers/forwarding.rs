//! OpenSSH's `-W` and `-L`: the API of a device by way of its own SSH door.

use std::process::{Output, Stdio};

use tod_lab::Device;
use tod_lab::wire::Event;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

use super::openssh::QUIETLY;
use super::{RELEASES, lab};
use crate::harness::SOON;

/// A login, a question, and the end.
const TALK: &[u8] = b"\x06/login\x0b=name=admin\x0d=password=lab\x00\
                      \x16/system/identity/print\x06.tag=7\x00\
                      \x05/quit\x00";

fn is_answered(heard: &[u8], device: &Device) -> bool {
    let name = format!("=name={}", device.summary().name);
    let holds = |part: &[u8]| heard.windows(part.len()).any(|w| w == part);
    holds(b"\x05!done\x06.tag=7") && holds(name.as_bytes())
}

/// Talks with what stands at `to`, by way of a device.
async fn talk(device: &Device, to: &str) -> Output {
    let at = device.summary();
    let mut ssh = Command::new("sshpass");
    // The first word about something counts: why a channel was not opened is worth telling.
    ssh.args(["-p", "lab", "ssh", "-o", "LogLevel=INFO"])
        .args(QUIETLY)
        .args(["-W", to, "-p", &at.ssh_port.to_string()])
        .arg(format!("admin@{}", at.address))
        .kill_on_drop(true);
    ssh.stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut ssh = ssh.spawn().unwrap();
    let mut input = ssh.stdin.take().unwrap();
    // Who is refused does not listen.
    drop(input.write_all(TALK).await);
    timeout(SOON, ssh.wait_with_output())
        .await
        .unwrap()
        .unwrap()
}

fn refusal(output: &Output) -> String {
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_device_forwards_nothing() {
    let lab = lab(RELEASES).await;
    for device in lab.devices() {
        let api = format!("127.0.0.1:{}", device.summary().api_port);
        for setting in ["no", "remote"] {
            let line = format!("/ip ssh set forwarding-enabled={setting}");
            device.run(&line).await.unwrap();

            let said = refusal(&talk(&device, &api).await);

            assert!(said.contains("administratively prohibited"), "{said}");
        }
        let inside = |e: &Event| matches!(e, Event::Connected { via, .. } if via == "api");
        assert!(!device.log().iter().any(|e| inside(&e.event)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_forwards_is_reached_at_its_own_api() {
    let lab = lab(RELEASES).await;
    for device in lab.devices() {
        let at = device.summary();
        for (setting, host) in [
            ("local", "127.0.0.1".to_owned()),
            ("both", "localhost".to_owned()),
            ("local", at.address.to_string()),
        ] {
            let line = format!("/ip ssh set forwarding-enabled={setting}");
            device.run(&line).await.unwrap();

            let output = talk(&device, &format!("{host}:{}", at.api_port)).await;

            assert!(is_answered(&output.stdout, &device), "{output:?}");
        }
        let log = device.own_log().join("\n");
        assert!(
            log.contains("user admin logged in from 127.0.0.1 via api"),
            "{log}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn services_and_chains_decide_over_what_is_forwarded() {
    let lab = lab(&RELEASES[2..]).await;
    let device = lab.devices().remove(0);
    let api = format!("127.0.0.1:{}", device.summary().api_port);
    device
        .run("/ip ssh set forwarding-enabled=local")
        .await
        .unwrap();
    for (breaks, heals) in [
        ("/ip service disable api", "/ip service enable api"),
        (
            "/ip service set api address=10.0.0.0/8",
            "/ip service set api address=\"\"",
        ),
        (
            "/ip firewall filter add chain=input dst-address=127.0.0.1 action=reject",
            "/ip firewall filter remove [find]",
        ),
    ] {
        device.run(breaks).await.unwrap();
        let said = refusal(&talk(&device, &api).await);
        assert!(said.contains("connect failed"), "{breaks}: {said}");

        device.run(heals).await.unwrap();
        let output = talk(&device, &api).await;
        assert!(is_answered(&output.stdout, &device), "{heals}: {output:?}");
    }
    let nobody = refusal(&talk(&device, "127.0.0.1:1").await);
    assert!(nobody.contains("connect failed"), "{nobody}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_of_ones_own_leads_to_another_device_by_way_of_the_first() {
    let lab = lab(RELEASES).await;
    let devices = lab.devices();
    let (first, last) = (&devices[0], &devices[2]);
    first
        .run("/ip ssh set forwarding-enabled=local")
        .await
        .unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let (at, to) = (first.summary(), last.summary());
    let forward = format!("127.0.0.1:{port}:{}:{}", to.address, to.api_port);
    let mut ssh = Command::new("sshpass");
    ssh.args(["-p", "lab", "ssh", "-N", "-o", "ExitOnForwardFailure=yes"])
        .args(QUIETLY)
        .args(["-L", &forward, "-p", &at.ssh_port.to_string()])
        .arg(format!("admin@{}", at.address));
    let mut ssh = ssh.stdin(Stdio::null()).kill_on_drop(true).spawn().unwrap();
    timeout(
        SOON,
        first.wait_for(|e| matches!(e, Event::LoggedIn { .. })),
    )
    .await
    .unwrap();

    let talk = async {
        // It listens a moment after it has signed in.
        let mut tcp = loop {
            match TcpStream::connect(("127.0.0.1", port)).await {
                Ok(tcp) => break tcp,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        tcp.write_all(TALK).await.unwrap();
        let mut heard = Vec::new();
        tcp.read_to_end(&mut heard).await.unwrap();
        heard
    };
    let heard = timeout(SOON, talk).await.unwrap();

    assert!(is_answered(&heard, last), "{heard:02x?}");
    let from = |e: &Event| matches!(e, Event::Connected { peer, .. } if *peer == at.address);
    assert!(last.log().iter().any(|e| from(&e.event)));
    ssh.kill().await.unwrap();
}
