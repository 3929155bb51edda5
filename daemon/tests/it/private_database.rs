//! The private database: made once, adopted after a crash, gone after a stop.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Todd, folder, postmasters, refusal, serve, wait_until};

#[test]
fn the_first_start_makes_it_and_a_stop_leaves_no_process() {
    let folder = folder();
    let data = folder.path().join("data");
    let todd = Todd::start(&data);
    assert_eq!(postmasters(&data).len(), 1);
    assert_eq!(todd.fingerprint.len(), 64);
    let home = std::fs::metadata(data.join("postgres")).unwrap();
    assert_eq!(home.permissions().mode() & 0o777, 0o700);
    assert_ne!(home.uid(), 0, "it does not run as root");
    let key = std::fs::metadata(data.join("keys/master.key")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    let fingerprint = todd.fingerprint.clone();
    todd.stop();
    assert!(postmasters(&data).is_empty());
    let again = Todd::start(&data);
    assert_eq!(again.fingerprint, fingerprint, "clients still know it");
    again.signal(Signal::INT);
    let (well, said) = again.end();
    assert!(well && !said.contains("making a database"), "{said}");
    assert!(postmasters(&data).is_empty());
}

#[test]
fn a_second_todd_on_the_folder_is_refused() {
    let folder = folder();
    let todd = Todd::start(folder.path());
    let said = refusal(&mut serve(folder.path()));
    assert!(said.starts_with("todd: another todd (process "), "{said}");
    assert!(said.ends_with("choose another with --data-dir"), "{said}");
    todd.stop();
}

#[test]
fn a_todd_that_was_killed_leaves_a_database_that_the_next_one_adopts() {
    let folder = folder();
    let todd = Todd::start(folder.path());
    let before = postmasters(folder.path());
    todd.kill();
    assert_eq!(postmasters(folder.path()), before, "it lives on");
    let next = Todd::start(folder.path());
    assert_eq!(postmasters(folder.path()), before, "exactly one, the same");
    next.signal(Signal::TERM);
    let (well, said) = next.end();
    assert!(
        well && said.contains("adopted the running database"),
        "{said}"
    );
    assert!(postmasters(folder.path()).is_empty());
}

#[test]
fn a_database_that_was_killed_is_recovered() {
    let folder = folder();
    let todd = Todd::start(folder.path());
    let [postmaster] = postmasters(folder.path())[..] else {
        unreachable!()
    };
    todd.kill();
    kill_process(Pid::from_raw(postmaster).unwrap(), Signal::KILL).unwrap();
    wait_until("all of it is gone", || {
        postmasters(folder.path()).is_empty()
    });
    let next = Todd::start(folder.path());
    assert_eq!(postmasters(folder.path()).len(), 1);
    next.stop();
}

#[test]
fn a_database_that_dies_ends_todd() {
    let folder = folder();
    let todd = Todd::start(folder.path());
    let [postmaster] = postmasters(folder.path())[..] else {
        unreachable!()
    };
    kill_process(Pid::from_raw(postmaster).unwrap(), Signal::QUIT).unwrap();
    let (well, said) = todd.end();
    assert!(!well, "an init system starts it anew");
    assert!(
        said.lines()
            .last()
            .unwrap()
            .starts_with("todd: the database ended"),
        "{said}"
    );
}

#[test]
fn a_folder_of_a_newer_version_is_left_alone() {
    let folder = folder();
    let stamp = r#"{"format":99,"written_by":"9.9.9"}"#;
    std::fs::write(folder.path().join("format.json"), stamp).unwrap();
    let said = refusal(&mut serve(folder.path()));
    assert!(
        said.contains("was written by the newer tod 9.9.9"),
        "{said}"
    );
    assert!(!folder.path().join("postgres").exists());
}

#[test]
fn missing_programs_are_said_with_the_command_that_installs_them() {
    let folder = folder();
    let mut command = serve(folder.path());
    let said = refusal(command.env("TOD_DATABASE__PROGRAMS", "/nowhere"));
    assert!(
        said.starts_with("todd: tod needs PostgreSQL 15 or later"),
        "{said}"
    );
    assert!(
        said.contains("install it with `") && said.contains("--database-url"),
        "{said}"
    );
}

#[test]
fn data_of_another_version_is_not_touched() {
    let folder = folder();
    let todd = Todd::start(folder.path());
    todd.stop();
    std::fs::write(folder.path().join("postgres/PG_VERSION"), "9\n").unwrap();
    let said = refusal(&mut serve(folder.path()));
    assert!(
        said.contains("the data directory needs PostgreSQL 9"),
        "{said}"
    );
}

#[test]
fn a_folder_that_cannot_be_written_is_said() {
    let folder = folder();
    let todd = folder.path().join("todd");
    std::fs::copy(env!("CARGO_BIN_EXE_todd"), &todd).unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let said = if rustix::process::geteuid().is_root() {
        let mut command = std::process::Command::new(todd);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(&data);
        refusal(command.env_clear().uid(65534).gid(65534))
    } else {
        std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o500)).unwrap();
        refusal(&mut serve(&data))
    };
    assert!(said.contains("cannot be written by uid"), "{said}");
    assert!(said.contains("choose another with --data-dir"), "{said}");
    let impossible = refusal(&mut serve("/proc/tod".as_ref()));
    assert!(
        impossible.contains("cannot create the data directory /proc/tod"),
        "{impossible}"
    );
}

#[test]
fn a_folder_that_the_database_cannot_reach_is_said() {
    if !rustix::process::geteuid().is_root() {
        // Whoever is not root keeps the database, and reaches what is theirs.
        return;
    }
    let folder = folder();
    let closed = folder.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o700)).unwrap();
    let said = refusal(&mut serve(&closed.join("data")));
    assert!(
        said.contains("cannot pass through") && said.contains("/var/lib/tod"),
        "{said}"
    );
}

#[test]
fn what_a_start_left_half_made_is_made_anew() {
    let folder = folder();
    let stamp = r#"{"format":1,"written_by":"0.0.1"}"#;
    std::fs::write(folder.path().join("format.json"), stamp).unwrap();
    let half = folder.path().join("postgres.new");
    std::fs::create_dir(&half).unwrap();
    std::fs::write(half.join("PG_VERSION"), "15\n").unwrap();
    Todd::start(folder.path()).stop();
    assert!(!half.exists());
}
