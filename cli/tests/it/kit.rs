//! Emergency Kits: from one machine to another, and what of them stays on a screen.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tod_client::kit::{Kit, Paper};
use tod_client::secret_key::SecretKey;
use tod_client::tls::Fingerprint;

use crate::harness::Machine;

fn kit(email: &str) -> Kit {
    Kit {
        server: "https://tod.example:8443".to_owned(),
        pin: Some(Fingerprint::of(b"a certificate")),
        email: email.to_owned(),
        secret_key: SecretKey::generate(email),
        made_at: "2026-03-18T00:00:00Z".parse().unwrap(),
    }
}

fn import(machine: &Machine, from: &str, input: &str, more: &[&str]) -> crate::harness::Ran {
    let mut args = vec!["account", "kit", "import", "--from", from];
    args.extend(["--store", "insecure"]);
    args.extend(more);
    machine.run_with(&args, &[], input)
}

#[test]
fn a_kit_makes_a_new_machine_ready_to_sign_in() {
    let kit = kit("ana@example.org");
    let key = kit.secret_key.reveal();

    for from in ["kit.pdf", "kit.txt", "-"] {
        let machine = Machine::bare();
        let input = if from == "-" {
            kit.line().to_string()
        } else {
            kit.save(&machine.path(from), Paper::Letter).unwrap();
            String::new()
        };

        let imported = import(&machine, from, &input, &[]);

        assert_eq!(imported.status, 0, "{imported}");
        assert!(!imported.to_string().contains(&key[10..16]), "{imported}");
        let config = std::fs::read_to_string(machine.path("config/config.toml")).unwrap();
        for wanted in [
            kit.server.as_str(),
            "ana@example.org",
            &kit.pin.unwrap().to_string(),
        ] {
            assert!(config.contains(wanted), "no {wanted} in {config}");
        }
        assert!(!config.contains(&key[10..16]), "{config}");
        let shown = machine.run("account kit show --yes");
        assert_eq!(shown.status, 0, "{shown}");
        assert!(shown.stdout.contains(key.as_str()), "{shown}");
        assert!(shown.stdout.contains(kit.line().as_str()), "{shown}");
        let json = machine.run("account kit show --yes --json secret_key,email");
        let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
        assert_eq!(json["secret_key"], *key);
    }
}

#[test]
fn a_kit_is_written_again_and_read_again() {
    let (one, two) = (Machine::bare(), Machine::bare());
    let first = kit("ana@example.org");
    first.save(&one.path("kit.txt"), Paper::A4).unwrap();
    assert_eq!(import(&one, "kit.txt", "", &[]).status, 0);

    let saved = one.run("account kit save");
    let again = one.run("account kit save");
    let text = one.run("account kit save again.txt --paper letter");

    let path = one.path("tod-emergency-kit.pdf");
    assert_eq!(saved.status, 0, "{saved}");
    assert!(saved.stderr.contains("tod-emergency-kit.pdf"), "{saved}");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!((again.status, text.status), (2, 0), "{again}");
    assert!(again.stderr.contains("exists"), "{again}");
    let imported = import(&two, path.to_str().unwrap(), "", &[]);
    assert_eq!(imported.status, 0, "{imported}");
    let shown = two.run("account kit show -y");
    assert!(shown.stdout.contains(first.secret_key.reveal().as_str()));
    let other = one.run("account kit save x.pdf --paper a5");
    assert_eq!(other.status, 2, "{other}");
}

#[test]
fn a_secret_key_is_not_written_to_a_pipe_without_a_yes() {
    let machine = Machine::bare();
    kit("ana@example.org")
        .save(&machine.path("kit.txt"), Paper::A4)
        .unwrap();
    assert_eq!(machine.run("account kit show --yes").status, 4);
    import(&machine, "kit.txt", "", &[]);

    for line in [
        "account kit show",
        "account kit show --qr",
        "account kit show -o json",
    ] {
        let ran = machine.run(line);
        assert_eq!(ran.status, 9, "{ran}");
        assert_eq!(ran.stdout, "");
        assert!(ran.stderr.contains("--yes"), "{ran}");
    }
    let code = machine.run("account kit show --qr --yes");
    assert_eq!(code.status, 0, "{code}");
    let lines: Vec<&str> = code.stdout.lines().collect();
    let width = lines[0].chars().count();
    assert!(lines.iter().all(|line| line.chars().count() == width));
    assert!((lines.len() * 2).abs_diff(width) <= 1, "{code}");
}

#[test]
fn a_kit_does_not_take_the_place_of_another_account_or_key() {
    let machine = Machine::bare();
    let (ana, bo) = (kit("ana@example.org"), kit("bo@example.org"));
    let new = kit("ana@example.org");
    for (name, kit) in [("ana.txt", &ana), ("bo.txt", &bo), ("new.txt", &new)] {
        kit.save(&machine.path(name), Paper::A4).unwrap();
    }
    assert_eq!(import(&machine, "ana.txt", "", &[]).status, 0);
    let kept = || machine.run("account kit show --yes").stdout;

    let other = import(&machine, "bo.txt", "", &[]);
    assert_eq!(other.status, 2, "{other}");
    assert!(other.stderr.contains("--context"), "{other}");
    let unasked = import(&machine, "new.txt", "", &[]);
    assert_eq!(unasked.status, 9, "{unasked}");
    assert!(kept().contains(ana.secret_key.reveal().as_str()));

    assert_eq!(import(&machine, "new.txt", "", &["--yes"]).status, 0);
    assert!(kept().contains(new.secret_key.reveal().as_str()));
    let apart = import(&machine, "bo.txt", "", &["--context", "bo"]);
    assert_eq!(apart.status, 0, "{apart}");
    let shown = machine.run("account kit show --yes --context bo");
    assert!(shown.stdout.contains(bo.secret_key.reveal().as_str()));
}

#[test]
fn what_is_no_kit_is_told() {
    let machine = Machine::bare();
    let kit = kit("ana@example.org");
    let key = kit.secret_key.reveal();
    let wrong = if key.ends_with('7') { "8" } else { "7" };
    let mistyped = format!("{}{wrong}", &key[..key.len() - 1]);

    for (input, wanted) in [
        ("hello", "no Secret Key in it"),
        ("%PDF-1.7 packed", "no Secret Key in it"),
        (mistyped.as_str(), "typing mistake"),
        (key.as_str(), "without a server"),
        (&kit.line().replace("tod-kit:1", "tod-kit:9"), "newer"),
        (&"x".repeat(2 << 20), "too long"),
    ] {
        let ran = import(&machine, "-", input, &[]);
        assert_eq!(ran.status, 2, "{ran}");
        assert!(ran.stderr.contains(wanted), "{wanted}: {ran}");
        assert!(!ran.stderr.contains(&key[10..16]), "{ran}");
    }
    let nowhere = machine.run("account kit import");
    assert_eq!(nowhere.status, 9, "{nowhere}");
    assert!(nowhere.stderr.contains("--from FILE"), "{nowhere}");
    assert!(!machine.path("config/config.toml").exists());
}

/// A terminal of tmux, on a server of its own.
struct Terminal {
    server: String,
}

impl Terminal {
    fn open(machine: &Machine, name: &str, line: &str) -> Self {
        let terminal = Self {
            server: format!("tod-kit-{name}-{}", std::process::id()),
        };
        let todctl = env!("CARGO_BIN_EXE_todctl");
        let config = machine.path("config");
        // What is typed and shown before stays in the scrollback; so would the key.
        let shell = format!("echo before; {todctl} {line}; echo after; exec cat");
        let mut tmux = terminal.tmux(&["new-session", "-d", "-x", "100", "-y", "60"]);
        let done = tmux
            .args(["-e", &format!("TODCTL_CONFIG_DIR={}", config.display())])
            .args(["-e", "TODCTL_NOW=2026-03-18T14:07:22Z"])
            .args(["sh", "-c", &shell])
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
        terminal
    }

    fn tmux(&self, args: &[&str]) -> Command {
        let mut tmux = Command::new("tmux");
        tmux.args(["-f", "/dev/null", "-L", &self.server])
            .args(args);
        tmux.env_remove("TMUX").env("LC_ALL", "C.UTF-8");
        tmux
    }

    /// What is on the screen, with all that has left it at the top.
    fn text(&self) -> String {
        let shown = self
            .tmux(&["capture-pane", "-p", "-S", "-"])
            .output()
            .unwrap();
        String::from_utf8(shown.stdout).unwrap()
    }

    fn shows(&self, wanted: &str) -> String {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let text = self.text();
            if text.contains(wanted) {
                return text;
            }
            assert!(Instant::now() < until, "no {wanted} in:\n{text}");
            std::thread::yield_now();
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.tmux(&["kill-server"]).output());
    }
}

fn ready(machine: &Machine) -> Kit {
    let kit = kit("ana@example.org");
    kit.save(&machine.path("kit.txt"), Paper::A4).unwrap();
    assert_eq!(import(machine, "kit.txt", "", &[]).status, 0);
    assert!(
        Path::new("/usr/bin/tmux").exists(),
        "no tmux: cargo xtask test"
    );
    kit
}

#[test]
fn a_secret_key_on_a_terminal_is_gone_when_it_has_been_read() {
    let machine = Machine::bare();
    let kit = ready(&machine);
    let key = kit.secret_key.reveal();

    for end in ["Enter", "C-c"] {
        let terminal = Terminal::open(&machine, end, "account kit show");
        let shown = terminal.shows("Press Enter");
        assert!(shown.contains(key.as_str()), "{shown}");
        terminal.tmux(&["send-keys", end]).output().unwrap();
        let left = terminal.shows("after");
        assert!(left.contains("before"), "{left}");
        assert!(!left.contains(&key[10..16]), "{left}");
    }
}

#[test]
fn a_code_on_a_terminal_is_the_one_that_a_pipe_gets() {
    let machine = Machine::bare();
    ready(&machine);
    let wanted = machine.run("account kit show --qr --yes").stdout;

    let terminal = Terminal::open(&machine, "code", "account kit show --qr");
    let shown = terminal.shows("Press Enter");

    assert!(wanted.lines().count() > 25, "{wanted}");
    assert!(shown.contains(&wanted), "{shown}\n{wanted}");
}
