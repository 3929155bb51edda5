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

#[test]
fn the_script_works_in_bash() {
    let machine = machine();
    let bin = env!("CARGO_BIN_EXE_todctl");
    let dir = std::path::Path::new(bin)
        .parent()
        .unwrap()
        .display()
        .to_string();
    let script = format!(
        "PATH={dir}:$PATH; source <(todctl completion bash)
         COMP_WORDS=(todctl ssh ber); COMP_CWORD=2; COMP_TYPE=9; COMP_LINE='todctl ssh ber'; COMP_POINT=14
         _clap_complete_todctl todctl ber ssh; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );

    let output = machine
        .command("/bin/bash")
        .args(["-c", &script])
        .output()
        .unwrap();

    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stdout.trim(), "ber-core-01", "{stderr}");
}
