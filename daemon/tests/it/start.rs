//! Starting: what is printed, and what is said when it does not work.

use std::net::TcpListener;

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Todd, command, folder, refusal, run};

#[test]
fn a_port_in_use_is_named_with_the_way_out() {
    let folder = folder();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = folder.path().to_str().unwrap();
    let said = refusal(&mut command(&[
        "serve",
        "--listen",
        &address,
        "--data-dir",
        data,
    ]));
    let port = taken.local_addr().unwrap().port();
    let expected = format!(
        "todd: port {port} on 127.0.0.1 is in use; choose another with --listen 127.0.0.1:PORT"
    );
    assert_eq!(said, expected);
    assert!(
        !folder.path().join("postgres").exists(),
        "known before anything slow"
    );
}

#[test]
fn two_todds_live_beside_each_other() {
    let (one, two) = (folder(), folder());
    let (first, second) = (Todd::start(one.path()), Todd::start(two.path()));
    assert_ne!(first.address, second.address);
    assert_ne!(first.fingerprint, second.fingerprint);
    first.stop();
    second.stop();
}

#[test]
fn a_todd_that_nobody_listens_to_serves_and_stops_all_the_same() {
    let folder = folder();
    let mut silent = crate::harness::serve(folder.path());
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let child = silent
        .stdout(writer)
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let token = folder.path().join("setup-token");
    crate::harness::wait_until("it serves", || token.exists());
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    assert!(crate::harness::postmasters(folder.path()).is_empty());
}

#[test]
fn the_configuration_is_printed_and_checked() {
    let printed = run(&mut command(&["config", "default"]));
    assert!(printed.status.success());
    let folder = folder();
    let file = folder.path().join("todd.toml");
    std::fs::write(&file, &printed.stdout).unwrap();
    let file = file.to_str().unwrap();
    let mut check = command(&[
        "config",
        "check",
        "--config",
        file,
        "--listen",
        "127.0.0.1:1",
    ]);
    let checked = run(check.env("HOME", "/nowhere"));
    let said = String::from_utf8(checked.stdout).unwrap();
    assert!(said.contains("http.listen: from flag --listen"), "{said}");
    assert!(
        said.contains(&format!("bus.replicas: from {file}")),
        "{said}"
    );
    assert!(said.ends_with("the configuration is sound\n"), "{said}");
    let refused = refusal(&mut command(&["config", "check", "--target", "poller"]));
    assert!(refused.contains("--nats nats://HOST:4222"), "{refused}");
    let version = run(&mut command(&["version"])).stdout;
    assert_eq!(
        String::from_utf8(version).unwrap(),
        concat!("todd ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn a_database_that_cannot_be_reached_is_said_without_its_password() {
    let folder = folder();
    let data = folder.path().to_str().unwrap();
    let mut serve = command(&["serve", "--listen", "127.0.0.1:0", "--data-dir", data]);
    let said = refusal(serve.env("DATABASE_URL", "postgres://tod_app:geheim@127.0.0.1:1/tod"));
    assert!(said.contains("cannot migrate the database"), "{said}");
    assert!(!said.contains("geheim"), "{said}");
}
