//! What the shell is told is part of the API.

use serde_json::Value;
use tod_client::stub::Stub;
use tod_proto::api::changes::{self, Change, ChangeState};
use tod_proto::api::devices::{Add, Delete, List};
use tod_proto::api::runs;
use tod_proto::api::users::Invite;
use tod_proto::error::ErrorCode;
use tod_proto::page::Empty;

use crate::fixtures::{change, device, fleet, page, refusal, result, results, running, stub};
use crate::harness::Machine;

#[test]
fn what_the_server_says_decides_the_status() {
    for (code, status) in [
        (ErrorCode::NotFound, 6),
        (ErrorCode::Conflict, 7),
        (ErrorCode::Invalid, 2),
        (ErrorCode::Forbidden, 5),
        (ErrorCode::Halted, 15),
        (ErrorCode::DeviceUnreachable, 17),
        (ErrorCode::Incompatible, 18),
        (ErrorCode::Internal, 13),
        (ErrorCode::RateLimited, 14),
        (ErrorCode::Unavailable, 13),
    ] {
        let machine = Machine::with(Stub::default().answer(List, Err(refusal(code))));

        let ran = machine.run("device list -o json");

        assert_eq!(ran.status, status, "{code:?}: {ran}");
        assert_eq!(ran.stdout, "", "a failing command writes no data");
        let error: Value = serde_json::from_str(ran.stderr.trim()).unwrap();
        assert_eq!(error["error"]["exit"], status);
        assert_eq!(error["error"]["request_id"], "rq_7");
        assert_eq!(error["error"]["message"], "the server says no");
    }
}

#[test]
fn a_session_that_ended_is_status_4_and_says_what_to_do() {
    let stub = Stub::default()
        .answer(List, Err(refusal(ErrorCode::Unauthenticated)))
        .answer(
            tod_proto::api::account::Refresh,
            Err(refusal(ErrorCode::Unauthenticated)),
        );

    let ran = Machine::with(stub).run("device list");

    assert_eq!(ran.status, 4, "{ran}");
    assert!(ran.stderr.contains("next: todctl login"), "{ran}");
}

#[test]
fn without_a_server_it_is_4_and_with_one_that_is_away_12() {
    let machine = Machine::bare();
    assert_eq!(machine.run("device list").status, 4);

    machine.write(
        "config/config.toml",
        "current = \"x\"\n[context.x]\nserver = \"http://127.0.0.1:1\"\nstore = \"memory\"\n",
    );
    let ran = machine.run("version --check");
    assert_eq!(ran.status, 12, "{ran}");
    assert!(ran.stderr.contains("todctl doctor"), "{ran}");
    assert_eq!(machine.run("whoami").status, 4);
}

#[test]
fn mistakes_on_the_command_line_are_2() {
    let machine = Machine::with(stub(fleet()));

    for line in [
        "nonsense",
        "device list --nope",
        "device list cpu>>3",
        "device list -o nope",
        "exec all -- print",
        "config apply ber-core-01 -f /nonexistent",
        "config show x",
        "device add 10.0.0.1 --username a --password secret",
        "device delete",
    ] {
        let ran = machine.run(line);
        assert_eq!(ran.status, 2, "{line}: {ran}");
        assert!(!ran.stderr.contains("secret"), "{line}: {ran}");
    }
    let ran = machine.run("device list site=berlin cpu>>3");
    assert!(ran.stderr.contains('^'), "{ran}");
}

#[test]
fn a_name_that_is_nearly_right_is_6_with_suggestions() {
    let stub = Stub::default()
        .answer(List, Ok(page(Vec::new())))
        .answer(List, Ok(page(fleet())));

    let ran = Machine::with(stub).run("device show ber-core-2");

    assert_eq!(ran.status, 6, "{ran}");
    assert!(
        ran.stderr
            .contains("did you mean ber-core-02, ber-core-01?"),
        "{ran}"
    );
}

#[test]
fn without_a_terminal_nobody_is_asked() {
    let machine = Machine::with(
        stub(fleet())
            .answer(Delete, Ok(Empty {}))
            .answer(changes::Revert, Ok(change(ChangeState::Reverted))),
    );

    for (line, flag) in [
        ("device delete ber-core-01", "--yes"),
        ("config revert c-17", "--yes"),
        ("context remove prod", "--yes"),
        ("login", "--secret-key-file"),
    ] {
        let ran = machine.run(line);
        assert_eq!(ran.status, 9, "{line}: {ran}");
        assert!(ran.stderr.contains(flag), "{line}: {ran}");
    }
    assert_eq!(machine.run("config revert c-17 --yes").status, 0);
}

#[test]
fn many_devices_need_their_number_too() {
    let many: Vec<_> = (0..30).map(|n| device(1, &format!("d-{n}"))).collect();
    let machine = Machine::with(stub(many).answer(Delete, Ok(Empty {})));

    let ran = machine.run("device delete all --yes");
    assert_eq!(ran.status, 9, "{ran}");
    assert!(ran.stderr.contains("--expect 30"), "{ran}");
    assert_eq!(
        machine.run("device delete all --yes --expect 29").status,
        15
    );
    assert_eq!(machine.run("device delete all --yes --expect 30").status, 0);
}

#[test]
fn a_readonly_or_protected_context_stops_changes() {
    let invite = || stub(fleet()).answer(Invite, Err(refusal(ErrorCode::Forbidden)));
    let line = "user invite bob@example.org --role viewer";
    let machine = Machine::with(invite());

    machine.run("context set prod readonly=true");
    let ran = machine.run(line);
    assert_eq!(ran.status, 5);
    assert!(ran.stderr.contains("read-only"), "{ran}");
    machine.run("context set prod readonly=false protected=true label=PROD");
    assert_eq!(machine.run(line).status, 9);
    let ran = machine.run(&format!("{line} --context prod"));
    assert!(ran.stderr.contains("the server says no"), "{ran}");
}

#[test]
fn a_run_is_0_3_or_1_and_its_answers_are_grouped() {
    let machine = Machine::with(running(&results(), 3, 1));
    let ran = machine.run("exec all -o table -- /system/resource/print");
    assert_eq!(ran.status, 3, "{ran}");
    insta::assert_snapshot!(ran.stdout, @r"
    2 devices  ber-core-01 ham-core-01
      board-name CCR   version 7.16.2
    1 device  ber-core-02
      board-name CCR   version 7.9
    1 device failed
      1   connect timeout 8729  ham-edge-01
    ");
    let ran = machine.run("exec all -o jsonl -- /system/resource/print");
    let lines: Vec<Value> = ran
        .stdout
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[3]["status"], "failed");
    let ran = machine.run("exec all -- /system/resource/print");
    assert!(
        ran.stdout
            .starts_with("ber-core-01\tok\tboard-name=CCR\tversion=7.16.2\n"),
        "{ran}"
    );

    let good = Machine::with(running(&results()[..3], 3, 0));
    assert_eq!(good.run("exec all -- /system/resource/print").status, 0);
    let bad = Machine::with(running(&[result(4, "x", None)], 0, 1));
    assert_eq!(bad.run("exec all -- /system/resource/print").status, 1);
}

#[test]
fn a_command_that_changes_something_asks_and_is_sent_as_words_of_the_api() {
    let stub = running(&results(), 3, 1);
    let machine = Machine::with(stub.clone());
    let line = "exec tag=core -- /ip/service/set telnet disabled=yes";

    assert_eq!(machine.run(line).status, 9);
    let (flags, command) = line.split_once(" -- ").unwrap();
    assert_eq!(
        machine.run(&format!("{flags} --yes -- {command}")).status,
        3
    );
    assert_eq!(
        machine
            .run(&format!("{flags} --expect 5 --yes -- {command}"))
            .status,
        15
    );

    let starts: Vec<Value> = stub
        .calls()
        .into_iter()
        .filter(|c| c.op == "run.start")
        .map(|c| c.body)
        .collect();
    let sent: Vec<bool> = starts
        .iter()
        .map(|b| b["dry_run"].as_bool().unwrap())
        .collect();
    assert_eq!(sent, [true, true, false, true]);
    assert_eq!(starts[2]["command"], "/ip/service/set");
    assert_eq!(
        starts[2]["arguments"],
        serde_json::json!(["=numbers=telnet", "=disabled=yes"])
    );
    assert_eq!(starts[2]["expect"], 4);
}

#[test]
fn a_dangerous_command_asks_for_the_tenant() {
    let machine = Machine::with(running(&results(), 3, 1));

    let ran = machine.run("exec all --yes --allow-dangerous -- /system/reboot");
    assert_eq!(ran.status, 9, "{ran}");
    assert!(ran.stderr.contains("--confirm acme-wisp"), "{ran}");
    let ran = machine.run("exec all --yes --allow-dangerous --confirm acme-wisp -- /system/reboot");
    assert_eq!(ran.status, 3, "{ran}");
}

/// A server on which a change is planned, put in force, and then ends like this.
fn changing(end: Change) -> Stub {
    Stub::default()
        .answer(List, Ok(page(vec![device(2, "ber-core-02")])))
        .answer(changes::Apply, Ok(change(ChangeState::Planned)))
        .answer(changes::Apply, Ok(change(ChangeState::Arming)))
        .answer(changes::Show, Ok(change(ChangeState::Applying)))
        .answer(changes::Show, Ok(end))
}

#[test]
fn a_change_is_0_8_16_15_or_1_and_unknown_is_loud() {
    for (state, flags, status, says) in [
        (
            ChangeState::Confirmed,
            "--auto-confirm",
            0,
            "confirmed c-17",
        ),
        (ChangeState::Pending, "--no-wait", 8, "c-17 reverts in 1:47"),
        (ChangeState::Pending, "", 8, "todctl config confirm c-17"),
        (ChangeState::Reverted, "--auto-confirm", 16, "reverted c-17"),
        (ChangeState::Refused, "", 15, "nothing was changed"),
        (ChangeState::Unknown, "", 1, "STATE UNKNOWN"),
    ] {
        let machine = Machine::with(changing(change(state)));
        machine.write(
            "fw.rsc",
            "/ip firewall filter set 2 src-address-list=mgmt-snmp\n",
        );

        let line = format!("config apply ber-core-02 -f fw.rsc --yes {flags}");
        let ran = machine.run(line.trim());

        assert_eq!(ran.status, status, "{state:?}: {ran}");
        assert!(ran.stderr.contains(says), "{state:?}: {ran}");
        assert!(ran.stderr.contains("list \"mgmt-snmp\" is empty"), "{ran}");
    }
}

#[test]
fn a_change_needs_a_yes_and_an_unguarded_one_the_name() {
    let machine = Machine::with(changing(change(ChangeState::Confirmed)));
    machine.write(
        "fw.rsc",
        "/ip firewall filter set 2 src-address-list=mgmt-snmp\n",
    );

    assert_eq!(machine.run("config apply ber-core-02 -f fw.rsc").status, 9);
    let machine = Machine::with(changing(change(ChangeState::Confirmed)));
    machine.write("fw.rsc", "/system identity set name=x\n");
    let ran = machine.run("config apply ber-core-02 -f fw.rsc --yes --unguarded");
    assert_eq!(ran.status, 9, "{ran}");
    assert!(ran.stderr.contains("--confirm ber-core-02"), "{ran}");
}

#[test]
fn a_dry_run_shows_the_plan_on_stdout() {
    let machine = Machine::with(changing(change(ChangeState::Confirmed)));

    let ran = machine.run_with(
        &["config", "apply", "ber-core-02", "-f", "-", "--dry-run"],
        &[],
        "/system identity set name=x",
    );

    insta::assert_snapshot!(ran, @r#"
    ber-core-02: 2 changes
      ~ /ip/firewall/filter  *2 src-address-list mgmt → mgmt-snmp
      + /ip/firewall/filter  chain=input action=drop
    --- stderr ---
    ▲ list "mgmt-snmp" is empty
    the device undoes it after 120s unless it is confirmed
    dry run: nothing was changed
    [exit 0]
    "#);
}

#[test]
fn devices_are_added_from_files_and_stdin() {
    let stub = stub(Vec::new()).answer(Add, Ok(device(1, "a")));
    let machine = Machine::with(stub.clone());
    machine.write("pw", "s3cret\n");
    let csv = "name,address,site,tags\na,10.0.0.1,berlin,\"core,vip\"\nb,10.0.0.2,,\n";
    let line = "device add --from - --username tod --password-file pw";

    let ran = machine.run_with(&line.split(' ').collect::<Vec<_>>(), &[], csv);

    assert_eq!(ran.status, 0, "{ran}");
    let sent: Vec<Value> = stub.calls().into_iter().map(|call| call.body).collect();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0]["tags"], serde_json::json!(["core", "vip"]));
    assert_eq!(sent[1]["password"], "s3cret");
    let ran = machine.run_with(
        &[
            "device",
            "add",
            "--from",
            "-",
            "--format",
            "json",
            "--username",
            "tod",
        ],
        &[],
        r#"[{"address":"10.0.0.9","password":"hunter2","port":"oops"}]"#,
    );
    assert_eq!(ran.status, 2, "{ran}");
    assert!(
        !ran.stderr.contains("hunter2") && !ran.stderr.contains("oops"),
        "{ran}"
    );
}

#[test]
fn an_earlier_run_and_no_wait_are_told_apart() {
    let machine = Machine::with(running(&results(), 3, 1));

    let ran = machine.run("exec all --no-wait -o name -- /system/resource/print");
    assert_eq!((ran.status, ran.stdout.as_str()), (8, "r-8\n"), "{ran}");
    let stub = Stub::default().answer(runs::Show, Err(refusal(ErrorCode::NotFound)));
    assert_eq!(Machine::with(stub).run("run show r-9").status, 6);
}
