//! Switches: each position shows where a client would notice it.

use std::time::Duration;

use routeros::command::Command;
use routeros::reply::Kind;
use tod_lab::{
    Device, Empty, ExecStatus, Health, Lab, Notes, OverLimit, SchedulerRule, Spec, Switches, Traps,
};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::{Client, SILENCE, SOON, one, spec};

mod boots;

fn turned(turn: impl FnOnce(&mut Switches)) -> Spec {
    let mut spec = spec();
    turn(&mut spec.switches);
    spec
}

async fn client(turn: impl FnOnce(&mut Switches)) -> (Lab, Device, Client) {
    let (lab, device) = one(turned(turn)).await;
    let client = Client::log_in(&device).await;
    (lab, device, client)
}

#[tokio::test]
async fn empty_answers_say_so_as_the_switch_has_it() {
    for (empty, of_print, of_set) in [
        (Empty::Usual, true, false),
        (Empty::Every, true, true),
        (Empty::Never, false, false),
    ] {
        let (_lab, _device, mut client) = client(|s| s.empty = empty).await;
        let print = client.run("/ip/arp/print", &["?interface=none"]).await.ok();
        let set = client.run("/system/identity/set", &["name=r1"]).await.ok();

        assert_eq!(
            (print.is_empty, set.is_empty),
            (of_print, of_set),
            "{empty:?}"
        );
    }
}

#[tokio::test]
async fn refusals_are_worded_as_the_switch_has_it() {
    for (traps, category, message) in [
        (Traps::Usual, Some("0"), "no such item"),
        (Traps::Bare, None, "no such item"),
        (Traps::Numbered, Some("0"), "no such item (0)"),
    ] {
        let (_lab, _device, mut client) = client(|s| s.traps = traps).await;
        let remove = Command::new("/ip/address/remove").attribute(".id", "*FFFF");
        client.send(&[remove]).await;

        let trap = client.reply().await.unwrap();

        assert_eq!(trap.kind, Kind::Trap);
        assert_eq!(trap.row.text("category").as_deref(), category, "{traps:?}");
        assert_eq!(trap.row.text("message").unwrap(), message, "{traps:?}");
    }
}

#[tokio::test]
async fn rows_are_written_as_the_switches_have_it() {
    let timer = ["name=t", "interval=1d1h", "on-event=:log info x"];
    let (_lab, _device, mut client) = client(|s| {
        s.plain_flags = true;
        s.clock_durations = true;
        s.dotted_keys = true;
        s.shows_unset = true;
        s.late_tags = true;
    })
    .await;
    client.run("/system/scheduler/add", &timer).await.ok();

    let row = client.run("/system/scheduler/print", &[]).await.ok();

    assert_eq!(row.one("interval"), "1d01:00:00");
    assert_eq!(row.one("disabled"), "no");
    assert_eq!(row.one(".nextid"), "*FFFFFFFF");
    assert_eq!(row.rows[0].raw("comment"), Some(&b""[..]));
    let narrow = client
        .run("/system/scheduler/print", &[".proplist=interval"])
        .await;
    assert_eq!(narrow.rows[0].raw("comment"), None);
}

#[tokio::test]
async fn a_tag_can_stand_last() {
    for (is_last, at) in [(false, 1), (true, 2)] {
        let (_lab, device) = one(turned(|s| s.late_tags = is_last)).await;
        let at_device = device.summary();
        let mut tcp = TcpStream::connect((at_device.address, at_device.api_port))
            .await
            .unwrap();
        let mut bytes = Vec::new();
        Command::new("/login").encode(Some(5), &mut bytes);
        tokio::io::AsyncWriteExt::write_all(&mut tcp, &bytes)
            .await
            .unwrap();
        let mut decoder = routeros::sentence::Decoder::new(routeros::sentence::Limits::CLIENT);
        let mut buffer = [0; 512];
        let count = timeout(SOON, tcp.read(&mut buffer)).await.unwrap().unwrap();
        decoder.feed(&buffer[..count]);

        let sentence = decoder.poll().unwrap().unwrap();

        let words: Vec<_> = sentence.words().collect();
        assert_eq!(
            words.iter().position(|w| *w == b".tag=5"),
            Some(at),
            "{sentence:?}"
        );
    }
}

#[tokio::test]
async fn a_note_has_the_name_that_the_switch_gives_it() {
    for (notes, name) in [
        (Notes::Dotted, Some(".about")),
        (Notes::Plain, Some("about")),
        (Notes::None, None),
    ] {
        let spec = turned(|s| s.notes = notes).scheduler(SchedulerRule::Inactivated);
        let (_lab, device) = one(spec).await;
        let mut client = Client::log_in(&device).await;
        client.run("/system/scheduler/add", &["name=t"]).await.ok();

        let row = client
            .run("/system/scheduler/print", &[])
            .await
            .ok()
            .rows
            .remove(0);

        let told = [".about", "about"]
            .into_iter()
            .find(|n| row.raw(n).is_some());
        assert_eq!(told, name, "{notes:?}");
    }
}

#[tokio::test]
async fn health_has_the_shape_that_the_switch_gives_it() {
    for (version, health, has_rows) in [
        ("6.49.18", Health::Usual, false),
        ("6.49.18", Health::Rows, true),
        ("7.20.8", Health::Usual, true),
        ("7.20.8", Health::Record, false),
    ] {
        let spec = turned(|s| s.health = health).version(version).board("hEX");
        let (_lab, device) = one(spec).await;

        let rows = device.rows("/system/health");

        assert!(!rows.is_empty());
        assert_eq!(
            rows[0].raw("value").is_some(),
            has_rows,
            "{version} {health:?}"
        );
    }
}

#[tokio::test]
async fn what_is_to_be_counted_comes_when_counting_is_not_known() {
    for ignores_count in [false, true] {
        let (_lab, device, mut client) = client(|s| s.ignores_count = ignores_count).await;
        let all = device.rows("/interface").len();

        let answer = client.run("/interface/print", &["count-only="]).await.ok();

        assert_eq!(answer.ret.is_none(), ignores_count);
        assert_eq!(answer.rows.len(), if ignores_count { all } else { 0 });
    }
}

#[tokio::test]
async fn a_cancel_is_answered_before_or_after_what_it_cancels() {
    for late_cancels in [false, true] {
        let (_lab, _device, mut client) = client(|s| s.late_cancels = late_cancels).await;
        let cancel = Command::new("/cancel").attribute("tag", "0");
        client
            .send(&[Command::new("/interface/listen"), cancel])
            .await;

        let mut ends = Vec::new();
        while ends.len() < 2 {
            let reply = timeout(SOON, client.reply()).await.unwrap().unwrap();
            if reply.kind == Kind::Done {
                ends.push(reply.tag);
            }
        }

        let [cancelled, cancel] = [0, 1].map(routeros::reply::ReplyTag::Number);
        if late_cancels {
            assert_eq!(ends, [cancelled, cancel]);
        } else {
            assert_eq!(ends, [cancel, cancelled]);
        }
    }
}

#[tokio::test]
async fn a_cancel_of_nothing_is_refused_or_not() {
    for lenient_cancels in [false, true] {
        let (_lab, _device, mut client) = client(|s| s.lenient_cancels = lenient_cancels).await;

        let answer = client.run("/cancel", &["tag=nothing"]).await;

        assert_eq!(answer.trap.is_none(), lenient_cancels, "{answer:?}");
    }
}

#[tokio::test]
async fn one_session_too_many_can_meet_silence() {
    let (_lab, device, mut first) = client(|s| s.over_limit = OverLimit::Silent).await;
    let line = "/ip service set api max-sessions=1";
    device.run(line).await.unwrap();

    let at = device.summary();
    let mut second = TcpStream::connect((at.address, at.api_port)).await.unwrap();

    assert!(timeout(SILENCE, second.read(&mut [0; 16])).await.is_err());
    assert!(first.is_answered().await);
}

#[tokio::test]
async fn a_quiet_session_ends_when_the_switch_says_so() {
    let (lab, _device, mut client) = client(|s| s.idle_logout_s = 30).await;
    lab.advance(Duration::from_secs(20));
    assert!(client.is_answered().await);
    lab.advance(Duration::from_secs(20));
    assert!(
        client.is_answered().await,
        "it was not quiet for long enough"
    );

    lab.advance(Duration::from_secs(31));

    assert!(timeout(SOON, client.reply()).await.unwrap().is_none());
}

#[tokio::test]
async fn sessions_outlive_their_service_or_end_with_it() {
    for ends_sessions in [false, true] {
        let (_lab, device, mut client) = client(|s| s.ends_sessions = ends_sessions).await;

        device.run("/ip service disable api").await.unwrap();

        if ends_sessions {
            assert!(timeout(SOON, client.reply()).await.unwrap().is_none());
        } else {
            assert!(client.is_answered().await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_command_has_the_status_that_the_switch_gives_it() {
    for (version, exec_status, status) in [
        ("6.49.18", ExecStatus::Usual, 0),
        ("7.20.8", ExecStatus::Usual, 1),
        ("7.20.8", ExecStatus::Zero, 0),
        ("6.49.18", ExecStatus::One, 1),
    ] {
        let spec = turned(|s| s.exec_status = exec_status).version(version);
        let (_lab, device) = one(spec.board("hEX")).await;

        let output = crate::ssh::run(&device, "lab", "/ip address remove *FFFF").await;

        assert_eq!(
            output.status.code(),
            Some(status),
            "{version} {exec_status:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_can_be_asked_for_as_a_question() {
    let (_lab, device) = one(turned(|s| s.asks_password = true)).await;
    let run = async |method: &str| {
        let method = format!("PreferredAuthentications={method}");
        let mut ssh = crate::ssh::ssh(&device, "lab", &["-o", &method]);
        let output = ssh
            .arg(":put in")
            .stdin(std::process::Stdio::null())
            .output();
        timeout(SOON, output).await.unwrap().unwrap()
    };

    assert!(!run("password").await.status.success());
    let output = run("keyboard-interactive").await;
    assert_eq!(output.stdout, b"in\r\n", "{output:?}");
}

#[tokio::test]
async fn the_api_over_tls_can_be_as_old_as_1_2() {
    for (old_tls, version) in [
        (false, rustls::ProtocolVersion::TLSv1_3),
        (true, rustls::ProtocolVersion::TLSv1_2),
    ] {
        let (_lab, device) = one(turned(|s| s.old_tls = old_tls)).await;

        assert_eq!(crate::certificates::agreed_version(&device).await, version);
    }
}
