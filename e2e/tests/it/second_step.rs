//! The second step of sign-in, as a person sees it at a terminal, with an authenticator that we did
//! not write.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::SystemTime;

use serde_json::{Value, json};
use tod_e2e::{Terminal, World};
use xtask::tour::Todctl;

const PASSWORD: &str = "correct horse battery staple";
const CODE: &str = "Code of your authenticator, or a recovery code:";

/// An authenticator.
struct Phone {
    python: Child,
    uri: String,
}

impl Phone {
    /// Scans the QR code on a screen.
    #[expect(
        clippy::disallowed_methods,
        reason = "says which Python has the packages of `xtask/python.txt`"
    )]
    fn scan(screen: &str) -> Self {
        let python = std::env::var_os("TOD_TEST_PYTHON").unwrap_or_else(|| {
            concat!(env!("CARGO_MANIFEST_DIR"), "/../target/venv/bin/python").into()
        });
        let python = Command::new(python)
            .args(["-c", include_str!("second_step/phone.py")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("no Python with its packages: run `cargo xtask test`");
        let mut phone = Self {
            python,
            uri: String::new(),
        };
        let mut found = phone.told(&json!({ "screen": screen }));
        assert_eq!(found.len(), 1, "no code that can be scanned:\n{screen}");
        phone.uri = found.remove(0);
        phone
    }

    fn told(&mut self, asked: &Value) -> Vec<String> {
        writeln!(self.python.stdin.as_mut().unwrap(), "{asked}").unwrap();
        // One line is asked for, so nothing is read ahead.
        let mut line = String::new();
        let output = self.python.stdout.as_mut().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// What it shows so many steps of half a minute from now.
    #[expect(
        clippy::disallowed_methods,
        reason = "a telephone has a clock of its own"
    )]
    fn shows(&mut self, steps: &[i64]) -> Vec<String> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = i64::try_from(now.unwrap().as_secs()).unwrap();
        let at: Vec<_> = steps.iter().map(|step| now + step * 30).collect();
        let asked = json!({ "uri": self.uri, "at": at });
        self.told(&asked)
    }

    fn code(&mut self, step: i64) -> String {
        self.shows(&[step]).remove(0)
    }

    /// Six digits that it does not show for minutes.
    fn wrong(&mut self) -> String {
        let right = self.shows(&[-4, -3, -2, -1, 0, 1, 2, 3, 4]);
        let mut codes = (0..).map(|code| format!("{code:06}"));
        codes.find(|code| !right.contains(code)).unwrap()
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        drop(self.python.kill());
        drop(self.python.wait());
    }
}

fn open(todctl: &Todctl, line: &str) -> Terminal {
    let words: Vec<_> = line.split(' ').collect();
    let terminal = Terminal::open(todctl, &words).unwrap();
    terminal.shows("Password:").unwrap();
    terminal.types(PASSWORD).unwrap();
    terminal
}

/// Takes up a second step; returns the authenticator and the recovery codes.
fn enable(todctl: &Todctl) -> (Phone, Vec<String>) {
    let terminal = open(todctl, "account totp enable");
    let screen = terminal.shows("Press Enter when you have read it").unwrap();
    assert!(!screen.contains(PASSWORD), "{screen}");
    let mut phone = Phone::scan(&screen);
    let (_, typed) = screen.split_once("or type").unwrap();
    let typed: String = typed.lines().next().unwrap().split_whitespace().collect();
    assert!(phone.uri.contains(&format!("secret={typed}&")), "{screen}");
    assert!(phone.uri.starts_with("otpauth://totp/tod%20127.0.0.1"));
    assert!(phone.uri.contains(":ana%40example.org?"));

    terminal.press(&["Enter"]).unwrap();
    let screen = terminal.shows("Code that it shows:").unwrap();
    assert!(
        !screen.contains(&typed[..4]),
        "the secret is gone: {screen}"
    );
    terminal.types(&phone.wrong()).unwrap();
    let screen = terminal.shows("not the code of this moment").unwrap();
    assert!(
        screen.contains("the clock of the authenticator"),
        "{screen}"
    );
    terminal.types(&phone.code(0)).unwrap();

    let screen = terminal.ends(0).unwrap();
    assert!(
        screen.contains("They are shown now and never again"),
        "{screen}"
    );
    let is_code = |line: &&str| line.len() >= 16 && line.split('-').all(|group| group.len() == 4);
    let codes = screen
        .lines()
        .map(str::trim)
        .filter(is_code)
        .map(str::to_owned);
    (phone, codes.collect())
}

fn status(todctl: &Todctl) -> (bool, u64) {
    let status = todctl.json(&["account", "totp", "status"]).unwrap();
    let status = &status["items"][0];
    (
        !status["since"].is_null(),
        status["recovery_codes"].as_u64().unwrap(),
    )
}

#[test]
fn a_person_takes_up_a_second_step_at_a_terminal_and_signs_in_elsewhere_with_it() {
    let world = World::single(1).unwrap();
    let ana = &world.todctl;

    let (mut phone, codes) = enable(ana);

    assert_eq!(codes.len(), 10, "{codes:?}");
    assert_eq!(status(ana), (true, 10));
    // Nothing shows them again, nor is there a second secret.
    let shown = ana
        .command(&["account", "totp", "status"])
        .output()
        .unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(codes.iter().all(|code| !shown.contains(code)), "{shown}");
    let again = open(ana, "account totp enable").ends(7).unwrap();
    assert!(again.contains("has a second step already"), "{again}");
    assert!(again.contains("todctl account totp disable"), "{again}");

    // On another machine everything is asked for.
    let (url, fingerprint) = world.entrance().unwrap();
    let kit = std::fs::read_to_string(world.dir().join("client/kit.txt")).unwrap();
    let key = kit
        .split_whitespace()
        .find(|word| word.starts_with("A3-"))
        .unwrap();
    let other = world.person("ana-2").unwrap();
    let login = [
        "login",
        "--store",
        "file",
        "--server",
        url,
        "--trust-server",
        fingerprint,
    ];
    let terminal = Terminal::open(&other, &login).unwrap();
    for (question, answer) in [
        ("Email:", "ana@example.org"),
        ("Secret Key (from your Emergency Kit):", key),
        ("Password:", PASSWORD),
        (CODE, &phone.wrong()),
    ] {
        terminal.shows(question).unwrap();
        terminal.types(answer).unwrap();
    }
    let told = terminal.shows("2 more tries").unwrap();
    assert!(
        told.contains("the code is wrong, or was used before"),
        "{told}"
    );
    assert!(
        told.contains("take the next one; or a recovery code"),
        "{told}"
    );
    assert!(!told.contains(key) && !told.contains(PASSWORD), "{told}");
    // The code of this moment may be spent; the next one is not.
    terminal.types(&phone.code(1)).unwrap();
    let told = terminal.ends(0).unwrap();
    assert!(told.contains("Signed in as ana@example.org"), "{told}");
    let me = other.json(&["whoami"]).unwrap().to_string();
    assert!(me.contains("ana@example.org"), "{me}");
}

#[test]
fn a_recovery_code_signs_in_once_and_another_one_takes_the_second_step_away() {
    let world = World::single(1).unwrap();
    let ana = &world.todctl;
    let (_phone, codes) = enable(ana);
    let login = |code: &str| {
        let terminal = open(ana, "login");
        terminal.shows(CODE).unwrap();
        terminal.types(code).unwrap();
        terminal
    };

    let told = login(&codes[0]).ends(0).unwrap();
    assert!(told.contains("Signed in as ana@example.org"), "{told}");
    assert_eq!(status(ana), (true, 9));

    // It is spent: the same sign-in takes another one.
    let terminal = login(&codes[0]);
    let told = terminal.shows("2 more tries").unwrap();
    assert!(told.contains("was used before"), "{told}");
    terminal.types(&codes[1].to_lowercase()).unwrap();
    terminal.ends(0).unwrap();
    assert_eq!(status(ana), (true, 8));

    // Three that are wrong end the sign-in, and say what now.
    let terminal = login("no code");
    for left in ["2 more tries", "one more try"] {
        terminal.shows(left).unwrap();
        terminal.types(&codes[1]).unwrap();
    }
    let told = terminal.ends(4).unwrap();
    assert!(
        told.contains("that was the last try: sign in again"),
        "{told}"
    );
    assert_eq!(status(ana), (true, 8), "the session before goes on");

    let disable = open(ana, "account totp disable");
    disable.shows(CODE).unwrap();
    disable.types(&codes[2]).unwrap();
    let told = disable.ends(0).unwrap();
    assert!(told.contains("has no second step any more"), "{told}");
    assert_eq!(status(ana), (false, 0));

    let told = open(ana, "login").ends(0).unwrap();
    assert!(
        told.contains("Signed in as") && !told.contains(CODE),
        "{told}"
    );
}
