//! A second step of sign-in: taken up at a terminal with an authenticator, and asked for afterwards.

use std::process::Command;
use std::time::{Duration, SystemTime};

use tod_e2e::{Terminal, World, eventually};

use crate::kits::{enrol, run, words};

/// What an authenticator shows, that many seconds from now: PyPI's pyotp, which we did not write.
fn code(secret: &str, ahead: u64) -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "says which Python has the packages of `xtask/python.txt`"
    )]
    let python = std::env::var_os("TOD_TEST_PYTHON").unwrap_or_else(|| {
        concat!(env!("CARGO_MANIFEST_DIR"), "/../target/venv/bin/python").into()
    });
    #[expect(
        clippy::disallowed_methods,
        reason = "an authenticator has a clock of its own"
    )]
    let now = SystemTime::now();
    let now = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let program = "import pyotp, sys; print(pyotp.TOTP(sys.argv[1]).at(int(sys.argv[2])))";
    let done = Command::new(python)
        .args(["-c", program, secret, &(now + ahead).to_string()])
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_person_takes_up_a_second_step_and_is_asked_for_it() {
    let world = World::single(1).unwrap();
    let todctl = &world.person("bo").unwrap();
    let home = world.dir().join("bo");
    let mut args = enrol(&world, &home);
    args.extend(["--kit", "kit.txt"].map(str::to_owned));
    run(todctl, &words(&args));
    let password = home.join("password");
    let password = password.to_str().unwrap();
    let enable = ["account", "totp", "enable", "--password-file", password];
    let terminal = Terminal::open(todctl, &enable).unwrap();
    let shows = |wanted: &str| {
        let what = format!("`{wanted}` on the screen");
        eventually(&what, Duration::from_secs(60), || {
            let screen = terminal.screen()?;
            Ok(screen.contains(wanted).then_some(screen))
        })
        .unwrap()
    };

    let screen = shows("or type");
    assert!(screen.contains("█"), "a QR code: {screen}");
    let (_, secret) = screen.split_once("or type").unwrap();
    let secret: String = secret.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(secret.len(), 32, "{screen}");
    terminal.press(&["Enter"]).unwrap();
    let screen = shows("Code that it shows");
    assert!(!screen.contains(&secret[..4]), "still there: {screen}");
    terminal.press(&["000000", "Enter"]).unwrap();
    shows("not the code of this moment");
    terminal.press(&[&code(&secret, 0), "Enter"]).unwrap();
    let status = eventually("the second step", Duration::from_mins(1), || {
        let status = todctl.json(&["account", "totp", "status"])?;
        Ok((!status["since"].is_null()).then_some(status))
    });
    assert_eq!(status.unwrap()["recovery_codes"], 10);

    let login = |more: &[&str]| {
        let mut login = todctl.command(&["login", "--password-file", password]);
        let done = login.args(more).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        (done.status.code(), said)
    };
    let (status, said) = login(&[]);
    assert_eq!(status, Some(9), "{said}");
    assert!(said.contains("--totp CODE"), "{said}");
    let (status, said) = login(&["--totp", "000000"]);
    assert_eq!(status, Some(4), "{said}");
    assert!(said.contains("the code is wrong"), "{said}");
    // The first code is spent; that of the next half minute is good by then.
    let next = code(&secret, 30);
    let (status, said) = login(&["--totp", &next]);
    assert_eq!(status, Some(0), "{said}");
    let (status, said) = login(&["--totp", &next]);
    assert_eq!(status, Some(4), "{said}");
}
