//! stdout is data, in the form that was asked for, and nothing that a terminal obeys.

use insta::assert_snapshot;
use serde_json::Value;

use crate::fixtures::{EVIL, evil_fleet, fleet, stub};
use crate::harness::Machine;

/// Commands that list things.
const LISTS: &[&str] = &[
    "device list",
    "device show ber-core-01",
    "device interfaces ber-core-01",
    "events",
    "metrics get ber-core-01 cpu",
    "session list",
    "session list --all",
    "session list --user ana@example.org",
    "session keys",
    "tenant list",
    "user list",
    "run list",
    "run show r-8",
    "config pending",
    "config history",
    "config show c-17",
    "top --once",
    "context list",
];

/// Commands that say one thing.
const FACTS: &[&str] = &[
    "whoami",
    "account totp status",
    "auth can-i device.list",
    "auth can-i",
    "version",
    "doctor",
];

#[test]
fn a_table_is_for_people() {
    let machine = Machine::with(stub(fleet()));

    assert_snapshot!(machine.run("device list -o table"), @r"
    STATUS  NAME         ADDRESS   MODEL            ROS     CPU  MEM  UPTIME  SITE    TAGS
    ● up    ber-core-01  10.4.0.1  CCR2004-16G-2S+  7.16.2  12%  38%     21d  berlin  core vip
    ▲ degr  ber-core-02  10.4.0.2  CCR2004-16G-2S+  7.9     97%  38%     21d  berlin  core vip
    --- stderr ---
    2 devices · 1 degraded
    [exit 0]
    ");
}

#[test]
fn a_pipe_gets_full_values_and_no_header() {
    let machine = Machine::with(stub(fleet()));

    let ran = machine.run("device list");

    assert_eq!(
        ran.stdout,
        "online\tber-core-01\t10.4.0.1\tCCR2004-16G-2S+\t7.16.2\t12\t38\t1843204\tberlin\tcore,vip\n\
         degraded\tber-core-02\t10.4.0.2\tCCR2004-16G-2S+\t7.9\t97\t38\t1843204\tberlin\tcore,vip\n"
    );
    assert_eq!(ran.stderr, "");
}

#[test]
fn every_list_parses_in_every_format() {
    let machine = Machine::with(stub(fleet()));

    for line in LISTS {
        let run = |format: &str| {
            let ran = machine.run(&format!("{line} -o {format}"));
            assert!(ran.status == 0, "{line} {format}: {ran}");
            ran.stdout
        };
        let json: Value = serde_json::from_str(&run("json")).unwrap();
        assert_eq!(json["apiVersion"], "tod/v1", "{line}");
        let count = json["items"].as_array().unwrap().len();
        assert_eq!(json["page"]["count"], count, "{line}");
        assert!(json["kind"].as_str().unwrap().ends_with("List"), "{line}");
        let yaml: Value = serde_yaml_ng::from_str(&run("yaml")).unwrap();
        assert_eq!(yaml["items"], json["items"], "{line}");
        let lines: Vec<Value> = run("jsonl")
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(Value::from(lines), json["items"], "{line}");
        let csv = run("csv");
        let mut csv = csv::Reader::from_reader(csv.as_bytes());
        let width = csv.headers().unwrap().len();
        assert!(width > 1, "{line}");
        assert_eq!(csv.records().map(Result::unwrap).count(), count, "{line}");
        if *line != "run show r-8" {
            let tsv = run("tsv");
            assert_eq!(tsv.lines().count(), count, "{line}");
            assert!(
                tsv.lines().all(|row| row.split('\t').count() == width),
                "{line}: {tsv}"
            );
        }
        for format in ["name", "id"] {
            assert_eq!(run(format).lines().count(), count, "{line} {format}");
        }
        for format in ["table", "wide"] {
            assert!(run(format).lines().count() >= count, "{line} {format}");
        }
    }
}

#[test]
fn every_fact_parses_as_json() {
    let machine = Machine::with(stub(fleet()));

    for line in FACTS {
        let ran = machine.run(&format!("{line} -o json"));
        let json: Value = serde_json::from_str(&ran.stdout)
            .unwrap_or_else(|error| panic!("{line}: {error}: {ran}"));
        assert_eq!(json["page"]["count"], 1, "{line}");
    }
}

#[test]
fn nothing_that_a_terminal_obeys_comes_through_in_any_format() {
    let machine = Machine::with(stub(evil_fleet()));
    let obeyed = |c: char| {
        (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{202e}' | '\u{200b}')
    };

    for format in [
        "table", "wide", "json", "jsonl", "yaml", "csv", "tsv", "name", "id",
    ] {
        for vars in [&[][..], &[("TODCTL_FORCE_TTY", "80")]] {
            for verb in ["list", "show dv_00000000000000000000000003", "interfaces x"] {
                let line = format!("device {verb} -o {format} --color never");
                let ran = machine.run_with(&line.split(' ').collect::<Vec<_>>(), vars, "");
                assert!(!ran.stdout.contains(obeyed), "{line}: {:?}", ran.stdout);
                assert!(!ran.stderr.contains(obeyed), "{line}: {:?}", ran.stderr);
            }
        }
    }
    let json = machine.run("device list -o json").stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["items"][0]["name"], EVIL, "JSON keeps the exact value");
}

#[test]
fn a_spreadsheet_does_not_run_a_name() {
    let machine = Machine::with(stub(evil_fleet()));

    let guarded = machine.run("device list -o csv --columns name,cpu").stdout;
    let raw = machine
        .run("device list -o csv --columns name,cpu --csv-raw")
        .stdout;

    assert!(guarded.starts_with("name,cpu\n'=cmd"), "{guarded}");
    assert!(raw.starts_with("name,cpu\n=cmd"), "{raw}");
}

#[test]
fn colour_follows_the_rules() {
    let machine = Machine::with(stub(fleet()));
    let coloured = |args: &str, vars: &[(&str, &str)]| {
        let line = format!("device list -o table {args}");
        let ran = machine.run_with(&line.split_whitespace().collect::<Vec<_>>(), vars, "");
        ran.stdout.contains('\x1b')
    };

    assert!(!coloured("", &[]));
    assert!(coloured("", &[("TODCTL_FORCE_TTY", "100")]));
    assert!(!coloured(
        "",
        &[("TODCTL_FORCE_TTY", "100"), ("NO_COLOR", "1")]
    ));
    assert!(!coloured(
        "",
        &[("TODCTL_FORCE_TTY", "100"), ("TERM", "dumb")]
    ));
    assert!(!coloured("--no-color", &[("CLICOLOR_FORCE", "1")]));
    assert!(coloured("", &[("CLICOLOR_FORCE", "1")]));
    assert!(coloured("--color always", &[("NO_COLOR", "1")]));
}

#[test]
fn a_table_fits_the_terminal() {
    let machine = Machine::with(stub(fleet()));

    for width in ["40", "72", "200"] {
        let vars = [("TODCTL_FORCE_TTY", width), ("NO_COLOR", "1")];
        let ran = machine.run_with(&["device", "list", "-o", "wide"], &vars, "");
        assert_eq!(ran.status, 0);
        // Below the least widths of 28 columns nothing can be done; it must not wrap mid-cell.
        assert_eq!(ran.stdout.lines().count(), 3, "{ran}");
    }
    let vars = [("TODCTL_FORCE_TTY", "72"), ("NO_COLOR", "1")];
    let ran = machine.run_with(&["device", "list"], &vars, "");
    let widest = ran
        .stdout
        .lines()
        .map(|line| line.chars().count())
        .max()
        .unwrap();
    assert!(widest <= 72 && ran.stdout.contains('…'), "{ran}");
}

#[test]
fn fields_and_columns_are_chosen_and_sorted() {
    let machine = Machine::with(stub(fleet()));

    let json = machine
        .run("device list --json name,cpu_percent --sort-by -cpu_percent")
        .stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        json,
        serde_json::json!([
            {"name": "ber-core-02", "cpu_percent": 97.0},
            {"name": "ber-core-01", "cpu_percent": 12.0},
        ])
    );
    let tsv = machine
        .run("device list --columns name,version --sort-by version")
        .stdout;
    assert_eq!(tsv, "ber-core-02\t7.9\nber-core-01\t7.16.2\n");
    let short = machine.run("device list -o name --limit 1");
    assert_eq!(short.stdout, "ber-core-01\n");
    assert!(short.stderr.contains("showing 1 of 2"), "{short}");
    let listed = machine.run("device list --json");
    assert_eq!(listed.status, 2);
    assert!(listed.stderr.contains("cpu_percent"), "{listed}");
    let wrong = machine.run("device list --json nme");
    assert_eq!(wrong.status, 2, "{wrong}");
    assert_eq!(wrong.stdout, "");
}

#[test]
fn times_have_one_form() {
    let machine = Machine::with(stub(fleet()));

    let json = machine.run("device show ber-core-01 -o json").stdout;

    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["items"][0]["created_at"], "2026-01-01T00:00:00.123Z");
    assert_eq!(json["generated_at"], "2026-03-18T14:07:22.000Z");
}

#[test]
fn an_empty_list_is_empty_and_no_failure() {
    let machine = Machine::with(stub(Vec::new()));

    let ran = machine.run("device list site=bern");
    assert_eq!((ran.status, ran.stdout.as_str()), (0, ""));
    assert!(ran.stderr.contains("no device matches"), "{ran}");
    assert_eq!(machine.run("device list --fail-empty").status, 6);
    let json: Value = serde_json::from_str(&machine.run("device list -o json").stdout).unwrap();
    assert_eq!(json["items"], serde_json::json!([]));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let many = (0..2000)
        .map(|n| crate::fixtures::device(1, &format!("d-{n}")))
        .collect();
    let machine = Machine::with(stub(many));
    let mut shell = machine.command("/bin/bash");

    let line = format!(
        "{} device list -o wide | head -1; echo ${{PIPESTATUS[0]}}",
        env!("CARGO_BIN_EXE_todctl")
    );
    let output = shell.args(["-c", &line]).output().unwrap();

    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(
        stdout.trim_end().ends_with("141") || stdout.trim_end().ends_with('0'),
        "{stdout}"
    );
    assert!(
        !String::from_utf8(output.stderr).unwrap().contains("error"),
        "{stdout}"
    );
}
