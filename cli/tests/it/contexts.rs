//! Contexts: on disk, private, and never half-written.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::harness::Machine;

#[test]
fn contexts_are_added_used_changed_and_removed() {
    let machine = Machine::bare();

    assert_eq!(
        machine
            .run("context add prod --server https://tod.example label=PROD")
            .status,
        0
    );
    assert_eq!(
        machine
            .run("context add lab --server http://127.0.0.1:8080")
            .status,
        0
    );
    assert_eq!(machine.run("context set prod protected=true").status, 0);
    assert_eq!(machine.run("context use lab").status, 0);

    insta::assert_snapshot!(machine.run("context list -o table"), @r"
       NAME  SERVER                 TENANT  USER  LABEL  MODE
    *  lab   http://127.0.0.1:8080  -       -     -      -
       prod  https://tod.example    -       -     PROD   protected
    --- stderr ---
    [exit 0]
    ");
    let mode = fs::metadata(machine.path("config/config.toml"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(machine.run("context remove lab --yes").status, 0);
    assert_eq!(machine.run("context show lab").status, 6);
    assert_eq!(machine.run("context prompt -c prod").stdout, "PROD/-\n");
}

#[test]
fn what_is_not_an_address_or_a_name_is_refused() {
    let machine = Machine::bare();

    for line in [
        "context add x --server http://tod.example",
        "context add x --server https://me:pw@tod.example",
        "context add ../x --server https://tod.example",
        "context add x --server https://tod.example pin_sha256=abc",
        "context add x --server https://tod.example nonsense=1",
    ] {
        let ran = machine.run(line);
        assert_eq!(ran.status, 2, "{line}: {ran}");
    }
    assert!(!machine.path("config/config.toml").exists());
}

#[test]
fn a_file_that_is_damaged_newer_or_open_is_told_clearly() {
    let machine = Machine::bare();

    machine.write("config/config.toml", "[context");
    let ran = machine.run("context list");
    assert_eq!(ran.status, 1);
    assert!(
        ran.stderr.contains("is damaged") && ran.stderr.contains("hint: "),
        "{ran}"
    );
    machine.write("config/config.toml", "version = 99\n");
    assert!(machine.run("context list").stderr.contains("newer version"));
    fs::set_permissions(
        machine.path("config/config.toml"),
        fs::Permissions::from_mode(0o666),
    )
    .unwrap();
    let ran = machine.run("context list");
    assert!(ran.stderr.contains("chmod 600"), "{ran}");
}
