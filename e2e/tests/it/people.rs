//! People: invited, enrolled on their own machine, signed in, switched off.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;
use tod_e2e::{World, eventually};
use xtask::lab::text;
use xtask::tour::Todctl;

const BO: &str = "bo@example.org";

/// A person's client, and the files that they keep.
struct Person {
    todctl: Todctl,
    home: PathBuf,
}

impl Person {
    fn new(world: &World, name: &str) -> Self {
        let todctl = world.person(name).unwrap();
        let home = world.dir().join(name);
        Self { todctl, home }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn run(&self, args: &[&str]) -> Output {
        self.todctl.command(args).output().unwrap()
    }

    /// A command that meets the server for the first time.
    fn meeting(&self, world: &World, verb: &str) -> Command {
        let (url, fingerprint) = world.entrance().unwrap();
        let mut command = self
            .todctl
            .command(&[verb, "--server", url, "--store", "file"]);
        command
            .args(["--trust-server", fingerprint, "--email", BO])
            .arg("--password-file")
            .arg(self.home.join("password"));
        command
    }

    fn enrol(&self, world: &World, token: &str) -> Output {
        let token = self.file("invitation", token);
        let mut enrol = self.meeting(world, "enrol");
        enrol.arg("--token-file").arg(token);
        enrol.arg("--kit").arg(self.home.join("kit.txt"));
        enrol.output().unwrap()
    }

    fn sign_in(&self, world: &World) -> Command {
        let mut login = self.meeting(world, "login");
        login
            .arg("--secret-key-file")
            .arg(self.home.join("kit.txt"));
        login
    }
}

/// What was said, and with which exit status.
fn said(output: &Output) -> (Option<i32>, String) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), text)
}

fn invite(world: &World, role: &str) -> String {
    let args = ["user", "invite", BO, "--role", role];
    let done = world.todctl.command(&args).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn an_invited_person_enrols_signs_in_and_may_do_what_their_role_allows() {
    let world = World::single(1).unwrap();
    let bo = Person::new(&world, "bo");
    let token = invite(&world, "operator");

    let enrolled = bo.enrol(&world, &token);
    assert!(enrolled.status.success(), "{enrolled:?}");
    assert!(bo.home.join("kit.txt").exists());
    let me = bo.todctl.json(&["whoami"]).unwrap().to_string();
    assert!(me.contains(BO) && me.contains("operator"), "{me}");
    assert_eq!(bo.todctl.items(&["device", "list"]).unwrap().len(), 1);
    let people = world.todctl.items(&["user", "list"]).unwrap();
    assert_eq!(people.len(), 2, "{people:?}");

    let show = |args: &[&str]| {
        let shown = world.todctl.command(args).output().unwrap();
        assert!(shown.status.success(), "{shown:?}");
        String::from_utf8(shown.stdout).unwrap()
    };
    let card = show(&["user", "show", BO, "-o", "table"]);
    assert!(
        card.contains("active  operator") && card.contains("session "),
        "{card}"
    );
    let card = show(&["tenant", "quota", "-o", "table"]);
    assert!(card.contains("devices   1, no limit"), "{card}");

    // What the role allows is what the server does.
    for (verb, status, args) in [
        ("device.list", 0, ["device", "list"]),
        ("user.list", 5, ["user", "list"]),
    ] {
        assert_eq!(bo.run(&["auth", "can-i", verb]).status.code(), Some(status));
        assert_eq!(bo.run(&args).status.code(), Some(status), "{verb}");
    }

    assert!(bo.run(&["logout"]).status.success());
    assert_eq!(bo.run(&["whoami"]).status.code(), Some(4));
    let again = bo.sign_in(&world).output().unwrap();
    assert!(again.status.success(), "{again:?}");
    assert!(bo.run(&["whoami"]).status.success());

    // The invitation was good once.
    let eve = Person::new(&world, "eve");
    let (status, text) = said(&eve.enrol(&world, &token));
    assert_eq!(status, Some(4), "{text}");
    assert!(text.contains("token is not good"), "{text}");
}

#[test]
fn a_person_who_is_switched_off_is_out_within_five_seconds_and_back_when_let_in() {
    let world = World::single(1).unwrap();
    let bo = Person::new(&world, "bo");
    assert!(bo.enrol(&world, &invite(&world, "viewer")).status.success());
    let verb = |args: &[&str]| {
        let done = world.todctl.command(args).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    let set = |args: &[&str]| verb(&[&["user", "set", BO], args].concat());
    let is_told = |args: &[&str], status: i32| {
        eventually(
            &format!("{args:?} is {status}"),
            Duration::from_secs(5),
            || Ok((bo.run(args).status.code() == Some(status)).then_some(())),
        )
        .unwrap();
    };

    set(&["--role", "admin"]);
    is_told(&["user", "list"], 0);
    assert_eq!(
        world.todctl.items(&["user", "sessions", BO]).unwrap().len(),
        1
    );
    verb(&["user", "role", BO, "viewer"]);
    is_told(&["user", "list"], 5);
    is_told(&["account", "sessions"], 0);

    verb(&["user", "disable", BO]);
    is_told(&["device", "list"], 4);
    let (status, why) = said(&bo.sign_in(&world).output().unwrap());
    assert_eq!(status, Some(4), "{why}");

    set(&["--enable"]);
    assert!(bo.sign_in(&world).status().unwrap().success());
    is_told(&["device", "list"], 0);
    let people = world.todctl.items(&["user", "list"]).unwrap();
    let bo = people.iter().find(|person| text(person, "email") == BO);
    assert_eq!(text(bo.unwrap(), "role"), "viewer");
}

#[test]
fn a_wrong_password_or_secret_key_is_one_clear_error() {
    let world = World::single(1).unwrap();
    let bo = Person::new(&world, "bo");
    assert!(bo.enrol(&world, &invite(&world, "viewer")).status.success());
    assert!(bo.run(&["logout"]).status.success());
    let read = |file: &str| std::fs::read_to_string(world.dir().join(file)).unwrap();
    let (kit, password) = (read("bo/kit.txt"), read("bo/password"));
    let refused = |password: &str, kit: &str| {
        bo.file("password", password);
        bo.file("kit.txt", kit);
        said(&bo.sign_in(&world).output().unwrap())
    };
    // The last digit checks the others.
    let at = kit.find("A3-").unwrap() + "A3-".len();
    let digit = if kit[at..].starts_with('0') { "1" } else { "0" };
    let mistyped = format!("{}{digit}{}", &kit[..at], &kit[at + 1..]);

    for (password, kit, status, wanted) in [
        (
            "not the password\n",
            &*kit,
            4,
            "password or Secret Key is wrong",
        ),
        (
            &*password,
            &read("client/kit.txt"),
            2,
            "belongs to another account",
        ),
        (&*password, &mistyped, 2, "typing mistake in the Secret Key"),
    ] {
        let (code, text) = refused(password, kit);
        assert_eq!(code, Some(status), "{text}");
        assert_eq!(text.matches(wanted).count(), 1, "{text}");
        assert!(text.contains("Emergency Kit"), "{text}");
    }
    assert_eq!(refused(&password, &kit).0, Some(0));
}

#[test]
fn a_client_whose_clock_is_years_off_works_all_the_same() {
    let world = World::single(1).unwrap();
    let bo = Person::new(&world, "bo");
    assert!(bo.enrol(&world, &invite(&world, "viewer")).status.success());
    for now in ["2019-03-01T00:00:00Z", "2041-03-01T00:00:00Z"] {
        let mut login = bo.sign_in(&world);
        let login = login.env("TODCTL_NOW", now).output().unwrap();
        assert!(login.status.success(), "{now}: {login:?}");
        for args in [["device", "list"], ["session", "list"]] {
            let mut command = bo.todctl.command(&args);
            let done = command.env("TODCTL_NOW", now).output().unwrap();
            assert!(done.status.success(), "{now}: {done:?}");
        }
        // The clock is put right again.
        assert!(bo.run(&["device", "list"]).status.success(), "{now}");
    }
    let mut doctor = bo.todctl.command(&["doctor"]);
    let told = doctor
        .env("TODCTL_NOW", "2019-03-01T00:00:00Z")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains("clock"), "{told}");
}
