//! Emergency Kits: seen by a person at a terminal, and enough to sign in on another machine.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tod_e2e::{Terminal, World, eventually};
use xtask::tour::Todctl;

const BO: &str = "bo@example.org";

/// Invites Bo; returns the file with the invitation.
fn invite(world: &World) -> PathBuf {
    let args = ["user", "invite", BO, "--role", "operator"];
    let done = world.todctl.command(&args).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    let path = world.dir().join("invitation");
    std::fs::write(&path, done.stdout).unwrap();
    path
}

/// What Bo types to enrol.
fn enrol(world: &World, home: &Path) -> Vec<String> {
    let (url, fingerprint) = world.entrance().unwrap();
    let (password, token) = (home.join("password"), invite(world));
    ["enrol", "--store", "file", "--email", BO, "--server", url]
        .into_iter()
        .chain(["--trust-server", fingerprint])
        .chain(["--password-file", password.to_str().unwrap()])
        .chain(["--token-file", token.to_str().unwrap()])
        .map(str::to_owned)
        .collect()
}

fn words(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

fn run(todctl: &Todctl, args: &[&str]) -> String {
    let done = todctl.command(args).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{args:?}: {said}");
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn a_person_signs_in_on_another_machine_with_the_kit_and_the_password() {
    let world = World::single(1).unwrap();
    let (old, new) = (world.person("bo").unwrap(), world.person("bo-2").unwrap());
    let home = world.dir().join("bo");
    let mut args = enrol(&world, &home);
    args.extend(["--kit", "kit.pdf", "--paper", "letter"].map(str::to_owned));
    run(&old, &words(&args));
    let kit = old.dir.join("kit.pdf");

    let import = ["account", "kit", "import", "--store", "file", "--from"];
    run(&new, &[&import[..], &[kit.to_str().unwrap()]].concat());
    let password = world.dir().join("bo-2/password");
    run(
        &new,
        &["login", "--password-file", password.to_str().unwrap()],
    );

    for todctl in [&old, &new] {
        let me = todctl.json(&["whoami"]).unwrap().to_string();
        assert!(me.contains(BO) && me.contains("operator"), "{me}");
    }
    let keys = [&old, &new].map(|todctl| {
        let args = ["account", "kit", "show", "--yes", "--json", "secret_key"];
        run(todctl, &args)
    });
    assert_eq!(keys[0], keys[1]);
}

#[test]
fn a_person_at_a_terminal_sees_the_key_and_types_its_end_before_the_account_is_made() {
    let world = World::single(1).unwrap();
    let bo = world.person("bo").unwrap();
    let args = enrol(&world, &world.dir().join("bo"));
    let terminal = Terminal::open(&bo, &words(&args)).unwrap();
    let shows = |wanted: &str| terminal.shows(wanted).unwrap();

    let screen = shows("Press Enter when you have read it");
    let key = screen
        .split_whitespace()
        .find(|word| word.starts_with("A3-"))
        .unwrap();
    let (_, last) = key.rsplit_once('-').unwrap();
    terminal.press(&["Enter"]).unwrap();
    let screen = shows("Type the last group");
    assert!(!screen.contains(key), "the key is still there: {screen}");
    let people = || world.todctl.items(&["user", "list"]).unwrap();
    let has_enrolled = || {
        people()
            .iter()
            .any(|p| p["enrolled"] == true && p["email"] == BO)
    };
    terminal.press(&["NO", "Enter"]).unwrap();
    shows("that is not it");
    assert!(!has_enrolled(), "{:?}", people());
    terminal.press(&[last, "Enter"]).unwrap();

    let me = eventually("Bo is signed in", Duration::from_mins(1), || {
        Ok(Some(bo.json(&["whoami"])?.to_string()))
    });
    assert!(me.unwrap().contains(BO));
    let kit = std::fs::read(bo.dir.join("tod-emergency-kit.pdf")).unwrap();
    assert!(kit.starts_with(b"%PDF"));
    assert!(kit.windows(key.len()).any(|part| part == key.as_bytes()));
}
