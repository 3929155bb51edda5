//! Completion: from a file that commands leave behind, and nothing in it that a shell would run.

use std::process::Output;

use crate::fixtures::{EVIL, device, evil_fleet, stub};
use crate::harness::Machine;

fn complete(machine: &Machine, words: &[&str]) -> Vec<String> {
    let mut command = machine.command(env!("CARGO_BIN_EXE_todctl"));
    let output: Output = command
        .env("COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", (words.len() + 1).to_string())
        .env("_CLAP_IFS", "\n")
        .arg("--")
        .arg("todctl")
        .args(words)
        .arg("")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn machine() -> Machine {
    let mut devices = vec![device(1, "ber-core-01"), device(2, "ham-edge-01")];
    devices.extend(evil_fleet());
    let machine = Machine::with(stub(devices));
    assert_eq!(machine.run("device list -o name").status, 0);
    // From here on nobody may need the server.
    let config = std::fs::read_to_string(machine.path("config/config.toml")).unwrap();
    let away = config.replace("http://127.0.0.1:", "http://127.0.0.1:1 #");
    machine.write("config/config.toml", &away);
    machine
}

#[test]
fn names_of_devices_complete_without_the_server() {
    let machine = machine();

    let names = complete(&machine, &["ssh"]);

    assert!(names.contains(&"ber-core-01".to_owned()), "{names:?}");
    assert!(names.contains(&"ham-edge-01".to_owned()), "{names:?}");
    let terms = complete(&machine, &["device", "list"]);
    assert!(terms.contains(&"site=berlin".to_owned()), "{terms:?}");
    assert!(terms.contains(&"tag=vip".to_owned()), "{terms:?}");
    assert!(terms.contains(&"cpu=".to_owned()), "{terms:?}");
}

#[test]
fn a_name_that_a_shell_would_run_is_not_offered() {
    let machine = machine();

    for words in [&["ssh"][..], &["device", "list"], &["device", "show"]] {
        let offered = complete(&machine, words).join("\n");
        assert!(
            !offered.contains("reboot") && !offered.contains(EVIL),
            "{offered:?}"
        );
    }
}

/// What a shell says when it runs `script` with our program first in its path.
fn said_by(shell: &[&str], script: &str) -> (String, String) {
    let machine = machine();
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_todctl"));
    let path = format!("{}:/usr/bin:/bin", bin.parent().unwrap().display());
    let output = machine
        .command(shell[0])
        .env("PATH", path)
        .args(&shell[1..])
        .args(["-c", script])
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

#[test]
fn the_script_works_in_bash() {
    let script = r#"source <(todctl completion bash)
        COMP_WORDS=(todctl ssh ber); COMP_CWORD=2; COMP_TYPE=9
        COMP_LINE='todctl ssh ber'; COMP_POINT=14
        _clap_complete_todctl todctl ber ssh; printf '%s\n' "${COMPREPLY[@]}""#;

    let (stdout, stderr) = said_by(&["/bin/bash", "--norc"], script);

    assert_eq!(stdout.trim(), "ber-core-01", "{stderr}");
}

#[test]
fn the_script_works_in_fish() {
    let script = "todctl completion fish | source; complete --do-complete 'todctl ssh ber'";

    let (stdout, stderr) = said_by(&["fish", "--no-config"], script);

    assert_eq!(
        stdout.split_whitespace().next(),
        Some("ber-core-01"),
        "{stderr}"
    );
}

/// Zsh completes at a prompt only, so there is one, in a terminal of its own.
#[test]
fn the_script_works_in_zsh() {
    let script = r#"zmodload zsh/zpty
        zpty -b shell zsh -f -i
        zpty -w shell 'PS1=; autoload -U compinit; compinit -u -D; source <(todctl completion zsh)'
        zpty -w shell 'echo rea""dy'
        zpty -r -m shell seen '*ready*'
        zpty -n -w shell $'echo got: todctl; todctl ssh ber\t'
        zpty -r -m shell seen '*ssh ber-core-01*' && print -r -- completed
        zpty -d shell"#;

    let (stdout, stderr) = said_by(&["zsh", "-f"], script);

    assert_eq!(stdout.trim(), "completed", "{stderr}");
}
