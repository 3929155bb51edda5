//! The files of this machine: whose they are, who can read them, and what becomes of them when one
//! cannot be written.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::process::Command;

use crate::fixtures::{fleet, stub};
use crate::harness::{Machine, Ran};

const FILES: [(&str, &str); 2] = [
    ("config/config.toml", "context list"),
    ("config/secrets.json", "device list"),
];

fn refused(ran: &Ran, what: &str) {
    assert_eq!(ran.status, 1, "{ran}");
    assert!(ran.stderr.contains(what), "{ran}");
    assert!(
        ran.stderr.contains("hint: ") || ran.stderr.contains("next: "),
        "it says what to do: {ran}"
    );
    for secret in ["access", "refresh"] {
        assert!(!ran.stderr.contains(secret), "{ran}");
    }
}

fn names_in(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_link_is_not_followed() {
    for (file, line) in FILES {
        let machine = Machine::with(stub(fleet()));
        let (path, real) = (machine.path(file), machine.path("elsewhere"));
        fs::rename(&path, &real).unwrap();
        symlink(&real, &path).unwrap();

        refused(&machine.run(line), "is not a plain file of yours");
        assert!(path.is_symlink(), "and not replaced either");
    }
}

/// Whoever runs the suite as an ordinary account reads a file of the administrator's instead.
#[test]
fn what_another_account_owns_is_not_used() {
    for (file, line) in FILES {
        let machine = Machine::with(stub(fleet()));
        let path = machine.path(file);
        if chown(&path, Some(65534), None).is_ok() {
            refused(&machine.run(line), "is not a plain file of yours");
        } else {
            fs::remove_file(&path).unwrap();
            assert!(fs::hard_link("/etc/passwd", &path).is_err());
            symlink("/etc/passwd", &path).unwrap();
            refused(&machine.run(line), "is not a plain file of yours");
        }
    }
}

#[test]
fn what_others_can_change_or_secrets_that_they_can_read_are_refused() {
    for (file, line, mode) in [
        ("config/config.toml", "context list", 0o620),
        ("config/config.toml", "context list", 0o602),
        ("config/secrets.json", "device list", 0o640),
        ("config/secrets.json", "device list", 0o604),
        ("config/secrets.json", "device list", 0o660),
    ] {
        let machine = Machine::with(stub(fleet()));
        fs::set_permissions(machine.path(file), fs::Permissions::from_mode(mode)).unwrap();

        let ran = machine.run(line);

        refused(&ran, "can be read by others");
        assert!(ran.stderr.contains("chmod 600"), "{ran}");
    }
}

#[test]
fn damaged_and_newer_files_are_told_and_left_as_they_are() {
    for (file, line, text, what) in [
        (
            "config/config.toml",
            "context list",
            "[context",
            "is damaged",
        ),
        (
            "config/config.toml",
            "context list",
            "\u{0}\u{1}",
            "is damaged",
        ),
        (
            "config/config.toml",
            "context list",
            "version = 2",
            "newer version",
        ),
        (
            "config/secrets.json",
            "device list",
            "{\"version\":1",
            "is damaged",
        ),
        ("config/secrets.json", "device list", "", "is damaged"),
        (
            "config/secrets.json",
            "device list",
            "{\"version\":2}",
            "newer version",
        ),
    ] {
        let machine = Machine::with(stub(fleet()));
        machine.write(file, text);

        refused(&machine.run(line), what);
        assert_eq!(fs::read_to_string(machine.path(file)).unwrap(), text);
    }
}

/// The inventory for completion is worth nothing: a bad one is not read, and a good one takes its
/// place.
#[test]
fn a_cache_that_is_damaged_or_a_link_stops_nothing() {
    let machine = Machine::with(stub(fleet()));
    let cache = machine.path("cache/prod/inventory.json");
    machine.write("precious", "mine");
    for bad in ["{", "[]", ""] {
        machine.write("cache/prod/inventory.json", bad);
        assert_eq!(machine.run("device list").status, 0);
    }
    fs::remove_file(&cache).unwrap();
    symlink(machine.path("precious"), &cache).unwrap();

    assert_eq!(machine.run("device list").status, 0);

    assert_eq!(
        fs::read_to_string(machine.path("precious")).unwrap(),
        "mine"
    );
    let meta = fs::symlink_metadata(&cache).unwrap();
    assert!(meta.is_file());
    assert_eq!(meta.permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_directory_that_cannot_be_written_is_told() {
    let machine = Machine::bare();
    // Nobody makes files there, the administrator neither.
    let vars = [("TODCTL_CONFIG_DIR", "/sys/kernel")];
    let line = ["context", "add", "prod", "--server", "https://tod.example"];

    let ran = machine.run_with(&line, &vars, "");

    refused(&ran, "cannot use /sys/kernel/config.toml");
    assert!(ran.stderr.contains("TODCTL_CONFIG_DIR"), "{ran}");
}

/// As on a full disk: the first byte is refused.
#[test]
fn what_does_not_fit_on_the_disk_leaves_the_old_file() {
    let machine = Machine::with(stub(fleet()));
    let before = fs::read_to_string(machine.path("config/config.toml")).unwrap();
    let files = names_in(&machine.path("config"));
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$0\" context set prod protected=true";

    let output = machine
        .command("/bin/sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_todctl")])
        .output()
        .unwrap();

    let ran = Ran {
        status: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    refused(&ran, "cannot use");
    assert!(ran.stderr.contains("nothing was changed"), "{ran}");
    let after = fs::read_to_string(machine.path("config/config.toml")).unwrap();
    assert_eq!(after, before);
    let left = names_in(&machine.path("config"));
    assert_eq!(left, files, "nothing half-written is left");
}

/// Killed at any moment, a command leaves the old file or the new one.
#[test]
fn a_command_that_is_killed_leaves_a_whole_file() {
    let machine = Machine::with(stub(fleet()));
    for round in 0..20_u64 {
        let mut child: std::process::Child = {
            let mut command: Command = machine.command(env!("CARGO_BIN_EXE_todctl"));
            let label = format!("label=L{round}");
            command.args(["context", "set", "prod", &label]);
            command.stdout(std::process::Stdio::null());
            command.stderr(std::process::Stdio::null());
            command.spawn().unwrap()
        };
        let patience = std::time::Duration::from_micros(round * 300);
        let until = std::time::Instant::now() + patience;
        while std::time::Instant::now() < until && child.try_wait().unwrap().is_none() {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();

        let ran = machine.run("context show prod -o json");
        assert_eq!(ran.status, 0, "round {round}: {ran}");
        assert!(ran.stdout.contains("acme-wisp"), "{ran}");
    }
}

#[test]
fn doctor_says_that_a_key_in_the_environment_acts_instead_of_the_person() {
    let key = format!("mktp_{}", "A".repeat(43));
    let machine = Machine::with(stub(fleet()));
    let line = |ran: &Ran| {
        let found = ran.stdout.lines().find(|line| line.contains("api key"));
        found.unwrap_or_default().to_owned()
    };

    let ran = machine.run_with(&["doctor"], &[("TODCTL_API_KEY", &key)], "");
    let said = line(&ran);
    assert!(said.contains("it acts, not ana@example.org"), "{ran}");
    assert!(said.contains("unset TODCTL_API_KEY"), "{ran}");
    assert!(!ran.stdout.contains(&key) && !ran.stderr.contains(&key));

    machine.write("key", &key);
    let file = machine.path("key");
    let vars = [("TODCTL_API_KEY_FILE", file.to_str().unwrap())];
    let ran = machine.run_with(&["doctor"], &vars, "");
    assert!(line(&ran).contains("unset TODCTL_API_KEY_FILE"), "{ran}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let ran = machine.run_with(&["doctor"], &vars, "");
    assert!(line(&ran).contains("others can read the file"), "{ran}");
    assert!(line(&ran).contains("chmod 600"), "{ran}");

    let ran = machine.run_with(&["doctor"], &[("TODCTL_API_KEY", "hunter2")], "");
    assert!(line(&ran).contains("no API key"), "{ran}");
    assert!(!ran.stdout.contains("hunter2"), "{ran}");
    assert_eq!(
        line(&machine.run("doctor")),
        "",
        "nothing to say without one"
    );

    // Without anybody signed in, a file is how it is meant.
    let bare = Machine::bare();
    bare.write("key", &key);
    let file = bare.path("key");
    let mut vars = vec![
        ("TODCTL_SERVER", "http://127.0.0.1:1"),
        ("TODCTL_API_KEY", &*key),
    ];
    let ran = bare.run_with(&["doctor"], &vars, "");
    assert!(line(&ran).contains("use TODCTL_API_KEY_FILE"), "{ran}");
    vars.push(("TODCTL_API_KEY_FILE", file.to_str().unwrap()));
    let ran = bare.run_with(&["doctor"], &vars, "");
    assert!(line(&ran).starts_with('✓'), "{ran}");
}
