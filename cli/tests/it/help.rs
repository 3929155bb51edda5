//! Help is a product: it is complete, short where it says so, and nobody needs a network for it.

use std::time::Instant;

use crate::harness::Machine;

#[test]
fn the_reference_of_all_commands_is_as_committed() {
    let ran = Machine::bare().run("__gen cli-reference");

    assert_eq!(ran.status, 0, "{ran}");
    assert!(
        ran.stdout == include_str!("../../../docs/cli.md"),
        "docs/cli.md is of another version: cargo xtask gen"
    );
}

#[test]
fn every_topic_and_every_command_is_explained() {
    let machine = Machine::bare();

    for line in [
        "help selectors",
        "help exit-codes",
        "help formatting",
        "help environment",
        "help safe-apply",
        "help device list",
        "help config apply",
        "help",
    ] {
        let ran = machine.run(line);
        assert_eq!(ran.status, 0, "{line}: {ran}");
        assert!(ran.stdout.lines().count() > 5, "{line}: {ran}");
        assert_eq!(ran.stderr, "", "{line}");
    }
    let ran = machine.run("help selectrs");
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("did you mean selectors?"), "{ran}");
}

/// What clap drops when a command's variant and its arguments are both documented.
#[test]
fn what_a_command_is_for_is_told_at_length() {
    let machine = Machine::bare();

    for (line, told) in [
        ("device set --help", "forget_pins"),
        ("config apply --help", "undoes the change by itself"),
        ("exec --help", "--allow-dangerous"),
        ("completion --help", "never from the network"),
        ("device list --help", "tab-separated"),
    ] {
        let ran = machine.run(line);
        let text = ran.stdout.split("Options:").next().unwrap_or_default();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(told), "{line}: {ran}");
    }
}

#[test]
fn what_needs_no_network_needs_no_configuration_either() {
    let machine = Machine::bare();

    for line in [
        "--help",
        "--version",
        "version",
        "completion bash",
        "man",
        "man device-list",
        "context list",
        "help exit-codes",
    ] {
        let began = Instant::now();
        let ran = machine.run(line);
        assert_eq!(ran.status, 0, "{line}: {ran}");
        assert!(began.elapsed().as_secs() < 5, "{line}");
    }
}

#[test]
fn every_command_has_a_man_page() {
    let machine = Machine::bare();

    let ran = machine.run("man --dir pages");

    assert_eq!(ran.status, 0, "{ran}");
    for page in [
        "todctl.1",
        "todctl-device-list.1",
        "todctl-config-apply.1",
        "todctl-exit-codes.7",
    ] {
        let text = std::fs::read_to_string(machine.path("pages").join(page)).unwrap();
        assert!(text.contains(".SH NAME"), "{page}");
    }
    let hidden = std::fs::read_dir(machine.path("pages")).unwrap();
    assert!(
        hidden
            .flatten()
            .all(|file| !file.file_name().to_string_lossy().contains("__"))
    );
}

#[test]
fn an_unknown_command_is_answered_with_the_nearest() {
    let ran = Machine::bare().run("devise list");

    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("device"), "{ran}");
}

#[test]
fn the_short_way_to_the_version_says_the_same_as_the_long_one() {
    let machine = Machine::bare();

    let (short, long) = (machine.run("--version"), machine.run("--quiet --version"));

    assert_eq!(short.stdout, long.stdout);
    assert!(short.stdout.starts_with("todctl "), "{short}");
}
