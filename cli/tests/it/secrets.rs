//! Secrets: from files and stdin only, and never in what is printed.

use crate::fixtures::{fleet, stub};
use crate::harness::Machine;

#[test]
fn a_flag_for_a_password_does_not_exist_and_says_why() {
    let machine = Machine::with(stub(fleet()));

    for line in [
        "login --password hunter2",
        "setup --server http://127.0.0.1:1 --password=hunter2",
    ] {
        let ran = machine.run(line);
        assert!(!ran.stderr.contains("hunter2"), "{ran}");
        assert_ne!(ran.status, 0);
    }
    let ran = machine.run("device add 10.0.0.1 --username a --password hunter2");
    assert!(ran.stderr.contains("there is no --password"), "{ran}");
    assert!(ran.stderr.contains("--password-stdin"), "{ran}");
    assert!(!ran.stderr.contains("hunter2"), "{ran}");
}

#[test]
fn a_secret_key_with_a_mistake_is_told_without_repeating_it() {
    let machine = Machine::with(stub(fleet()));
    machine.write("kit", "A3-7KQ2MN-AAAAAA-BBBBBB-CCCCC-DDDDD-EEEEE\n");

    let ran = machine.run("login --secret-key-file kit --email ana@example.org");

    assert_eq!(ran.status, 2, "{ran}");
    assert!(ran.stderr.contains("typing mistake"), "{ran}");
    assert!(!ran.stderr.contains("BBBBBB"), "{ran}");
}

#[test]
fn a_store_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;

    let machine = Machine::with(stub(fleet()));
    let path = machine.path("config/secrets.json");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();

    let ran = machine.run("device list");

    assert_eq!(ran.status, 1, "{ran}");
    assert!(ran.stderr.contains("can be read by others"), "{ran}");
}

#[test]
fn no_token_is_ever_printed() {
    let machine = Machine::with(stub(fleet()));

    for line in [
        "whoami -o json",
        "whoami",
        "doctor",
        "session list -o wide",
        "context list -o json",
    ] {
        let ran = machine.run_with(
            &[line.split(' ').collect::<Vec<_>>(), vec!["-vv"]].concat(),
            &[],
            "",
        );
        for secret in ["access\"", "refresh\""] {
            assert!(
                !ran.stdout.contains(secret) && !ran.stderr.contains(secret),
                "{line}: {ran}"
            );
        }
    }
}
