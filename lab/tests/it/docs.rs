//! The page about the lab is true: its commands are run, its fleet file is read.

use clap::Parser as _;
use tod_lab::args::Command;
use tod_lab::{Fleet, Lab, Options};

const PAGE: &str = include_str!("../../../docs/lab.md");

/// Returns the lines between a fence of a kind and its end.
fn fenced(kind: &str) -> Vec<Vec<&'static str>> {
    let fence = format!("```{kind}");
    let mut blocks = Vec::new();
    let mut lines = PAGE.lines();
    while lines.by_ref().any(|line| line == fence) {
        let block = lines.by_ref().take_while(|line| *line != "```");
        blocks.push(block.collect());
    }
    blocks
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_the_page_do_what_they_say() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("lab.sock");
    let lab = Lab::start(Fleet::generate(24, 1), Options::default())
        .await
        .unwrap();
    lab.control(&socket).unwrap();
    let mut count = 0;
    for line in fenced("sh").concat() {
        if !line.starts_with("tod-lab ctl ") {
            continue;
        }
        let line = line.replace("/tmp/lab.sock", &socket.display().to_string());
        let command = Command::try_parse_from(line.split(' ')).unwrap();
        command
            .run()
            .await
            .unwrap_or_else(|e| panic!("{line}: {e:#}"));
        count += 1;
    }
    assert!(count >= 20, "{count}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fleet_of_the_page_can_be_started() {
    let fleet = fenced("toml").concat().join("\n");

    let lab = Lab::start(Fleet::parse(&fleet).unwrap(), Options::default())
        .await
        .unwrap();

    assert_eq!(lab.devices().len(), 2);
}

#[test]
fn every_switch_is_on_the_page() {
    let fleet = fenced("toml").concat();
    for position in tod_lab::positions().unwrap().iter().skip(1) {
        let (name, _) = position.text.split_once(" = ").unwrap();
        let begin = format!("{name} = ");
        assert!(fleet.iter().any(|line| line.starts_with(&begin)), "{name}");
    }
}

#[test]
fn every_fault_is_on_the_page() {
    let source = include_str!("../../../proto/src/lab.rs");
    let begin = source.find("pub enum Fault {").unwrap();
    let list = source[begin..].split("\n}\n").next().unwrap();
    let names = list.lines().filter_map(|line| {
        let name = line.strip_prefix("    ")?;
        let name = name.split([' ', ',']).next()?;
        name.starts_with(|c: char| c.is_ascii_uppercase())
            .then_some(name)
    });
    for name in names {
        let mut kebab = String::new();
        for c in name.chars() {
            if c.is_ascii_uppercase() && !kebab.is_empty() {
                kebab.push('-');
            }
            kebab.push(c.to_ascii_lowercase());
        }
        assert!(PAGE.contains(&format!("`{kebab}")), "{kebab}");
    }
}
