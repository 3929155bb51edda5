//! The control socket, and the program around the library.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use tod_lab::{Fleet, Lab, Options, ask};
use tod_proto::lab::{Answer, Fault, Request};
use tokio::process::Command;
use tokio::time::timeout;

use crate::harness::{Client, SOON, one, spec};

#[tokio::test]
async fn a_lab_is_looked_into_and_disturbed_from_outside() {
    let (lab, device) = one(spec()).await;
    let home = tempfile::tempdir().unwrap();
    let socket = home.path().join("control");
    lab.control(&socket).unwrap();
    let ask = async |request: Request| ask(&socket, &request).await.unwrap();
    let named = || "r1".to_owned();

    let values = BTreeMap::from([("name".to_owned(), "renamed".to_owned())]);
    let set = Request::Set {
        device: named(),
        path: "/system/identity".to_owned(),
        row: None,
        values,
    };
    assert_eq!(ask(set).await, Answer::Done);
    let get = Request::Get {
        device: named(),
        path: "/system/identity".to_owned(),
    };
    let Answer::Rows(rows) = ask(get).await else {
        panic!("not rows")
    };
    assert_eq!(rows[0]["name"], "renamed");
    let run = Request::Run {
        device: named(),
        command: ":put [:len abc]".to_owned(),
    };
    assert_eq!(ask(run).await, Answer::Text("3\r\n".to_owned()));
    let Answer::Tree(tree) = ask(Request::Tree { device: named() }).await else {
        panic!("no tree")
    };
    assert_eq!(tree, device.tree());
    assert_eq!(
        ask(Request::Fault {
            device: named(),
            fault: Fault::Silent
        })
        .await,
        Answer::Done
    );
    assert_eq!(
        ask(Request::ClearFaults { device: None }).await,
        Answer::Done
    );
    let Answer::Log(log) = ask(Request::Log {
        device: None,
        since: None,
    })
    .await
    else {
        panic!("no log")
    };
    assert!(log.len() >= 2);
    let unknown = ask(Request::Reboot {
        device: "x".to_owned(),
    })
    .await;
    assert_eq!(unknown, Answer::Error("no device is called x".to_owned()));
}

#[tokio::test]
async fn the_program_serves_answers_and_stops() {
    let home = tempfile::tempdir().unwrap();
    let socket = home.path().join("control");
    let program = env!("CARGO_BIN_EXE_tod-lab");
    let mut serve = Command::new(program);
    serve.args([
        "serve",
        "--devices",
        "3",
        "--api-port",
        "0",
        "--api-ssl-port",
        "0",
    ]);
    serve.args(["--ssh-port", "0", "--control"]).arg(&socket);
    let mut serving = serve
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut out = serving.stdout.take().unwrap();
    let mut first = [0; 9];
    timeout(
        SOON,
        tokio::io::AsyncReadExt::read_exact(&mut out, &mut first),
    )
    .await
    .unwrap()
    .unwrap();
    assert_eq!(&first, b"3 devices");
    let ctl = async |words: &[&str]| {
        let output = Command::new(program)
            .args(["ctl", "--control"])
            .arg(&socket)
            .args(words)
            .output();
        let output = output.await.unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };

    let devices = ctl(&["devices"]).await;
    assert!(devices.contains("\"ber-core-01\""));
    ctl(&["set", "ber-core-01", "/system/identity", "name=seen"]).await;
    assert!(
        ctl(&["get", "ber-core-01", "/system/identity"])
            .await
            .contains("\"seen\"")
    );
    ctl(&["fault", "ber-core-01", "drip-bytes", "every_ms=5"]).await;

    let id = rustix::process::Pid::from_raw(i32::try_from(serving.id().unwrap()).unwrap());
    rustix::process::kill_process(id.unwrap(), rustix::process::Signal::TERM).unwrap();
    assert!(
        timeout(SOON, serving.wait())
            .await
            .unwrap()
            .unwrap()
            .success()
    );
    assert!(!socket.exists());
}

#[tokio::test]
async fn ten_thousand_devices_start_at_once_and_cost_little_until_touched() {
    let before = resident();

    let lab = Lab::start(Fleet::generate(10_000, 1), Options::default())
        .await
        .unwrap();
    let untouched = resident() - before;
    let some: Vec<_> = lab.devices().into_iter().step_by(100).collect();
    for device in &some {
        let mut client = timeout(Duration::from_secs(10), Client::log_in(device))
            .await
            .unwrap();
        client.run("/interface/print", &[]).await.ok();
    }
    let touched = resident() - before - untouched;

    assert!(untouched < 40 << 20, "{untouched}");
    assert!(touched / some.len() < 400 << 10, "{touched}");
}

/// Returns the memory of this process, in bytes.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}
