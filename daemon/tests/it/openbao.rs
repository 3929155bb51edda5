//! `todd` over the server's double of OpenBao, as processes.

#[expect(
    dead_code,
    unused_imports,
    reason = "the server's tests use more of it"
)]
#[path = "../../../server/tests/it/openbao.rs"]
mod double;

use std::process::Command;

use self::double::Double;
use crate::harness::{Todd, command, folder, refusal, run, serve};

/// The policy of the documentation.
fn policy() -> &'static str {
    let text = include_str!("../../../docs/kms.md");
    let (_, block) = text.split_once("```hcl\n").unwrap();
    block.split_once("```").unwrap().0
}

/// Knows of OpenBao.
fn reaching(mut command: Command, url: &str, token: &str) -> Command {
    command.env("OPENBAO_ADDR", url).env("OPENBAO_TOKEN", token);
    command
}

/// Has its keys wrapped by OpenBao.
fn over(command: Command, url: &str, token: &str) -> Command {
    let mut command = reaching(command, url, token);
    command.env("TOD_KEYS__BACKEND", "transit");
    command
}

#[test]
fn todd_check_asks_openbao_for_all_rights_and_makes_no_key() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut double = runtime.block_on(Double::start());
    let (url, good) = (double.url(), double.token(policy(), 3600));
    let folder = folder();
    let check = |token: &str| {
        let mut check = command(&["check", "--listen", "127.0.0.1:0", "--data-dir"]);
        check.arg(folder.path());
        let output = run(&mut over(check, &url, token));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains(token), "{text}");
        assert!(text.contains("set, not shown"), "{text}");
        (output.status.code().unwrap(), text)
    };

    let (status, text) = check(&good);
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("✓ key service: OpenBao at http"), "{text}");
    assert!(!text.contains("master key:"), "{text}");
    let (status, text) = check("s.wrong");
    assert_eq!(status, 1, "{text}");
    assert!(text.contains("✗ key service: `OPENBAO_TOKEN`"), "{text}");
    // The double has one policy, which is now an empty one.
    let poor = double.token("", 3600);
    let (status, text) = check(&poor);
    assert_eq!(status, 1, "{text}");
    assert!(
        text.contains("the policy of the token for OpenBao lacks"),
        "{text}"
    );
    assert!(double.with(|state| state.engine.keys.is_empty()));

    runtime.block_on(double.down());
    let (status, text) = check(&good);
    assert_eq!(status, 1, "{text}");
    assert!(
        text.contains("✗ key service: `keys.transit.address`"),
        "{text}"
    );
}

#[test]
fn a_todd_lives_on_openbao_and_its_keys_move_to_a_file_and_back() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut double = runtime.block_on(Double::start());
    let (url, token) = (double.url(), double.token(policy(), 3600));
    let folder = folder();
    let data = folder.path();
    let reaching = |command, token: &str| reaching(command, &url, token);
    let over = |command, token: &str| over(command, &url, token);
    let moving = |to| {
        command(&[
            "keys",
            "move",
            "--to",
            to,
            "--data-dir",
            data.to_str().unwrap(),
        ])
    };
    let said = |mut command: Command| {
        let output = run(&mut command);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };

    let refused = refusal(&mut over(serve(data), "s.wrong"));
    assert!(
        refused.contains("`OPENBAO_TOKEN`: OpenBao does not let us in"),
        "{refused}"
    );
    assert!(!refused.contains("s.wrong"), "{refused}");
    Todd::spawn(over(serve(data), &token), data).stop();
    assert!(double.with(|state| state.engine.keys.contains_key("tod-root")));
    assert!(!data.join("keys/master.key").exists());
    let refused = refusal(&mut serve(data));
    assert!(refused.contains("are wrapped by OpenBao"), "{refused}");
    // The refused start has made a master key, which is not what the database was made with.
    std::fs::remove_file(data.join("keys/master.key")).unwrap();

    let told = said(over(moving("local"), &token));
    assert!(told.contains("the master key is in"), "{told}");
    Todd::start(data).stop();
    let refused = refusal(&mut over(serve(data), &token));
    assert!(refused.contains("are wrapped by a master key"), "{refused}");
    let told = said(reaching(moving("transit"), &token));
    assert!(told.contains("set `keys.backend` to \"transit\""), "{told}");
    Todd::spawn(over(serve(data), &token), data).stop();

    runtime.block_on(double.down());
    let refused = refusal(&mut over(serve(data), &token));
    assert!(refused.contains("`keys.transit.address`"), "{refused}");
}
