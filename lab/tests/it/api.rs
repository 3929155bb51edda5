//! The API door: verbs, refusals, spellings of releases, tags, sessions.

use routeros::command::Command;
use routeros::reply::Kind;
use tod_lab::{PASSWORD, USER};
use tod_proto::lab::Fault;

use crate::harness::{Client, one, spec};

#[tokio::test]
async fn an_item_is_added_found_changed_and_removed() {
    let (_lab, device) = one(spec()).await;
    let mut client = Client::log_in(&device).await;

    let added = client
        .run(
            "/ip/address/add",
            &["address=10.9.0.1/24", "interface=ether2"],
        )
        .await;
    let id = added.ok().ret.unwrap();
    let found = client
        .run("/ip/address/print", &["?interface=ether2"])
        .await;
    assert_eq!(found.one("network"), "10.9.0.0");
    client
        .run("/ip/address/set", &[&format!(".id={id}"), "comment=x"])
        .await
        .ok();
    client
        .run("/ip/address/disable", &[&format!(".id={id}")])
        .await
        .ok();
    let found = client
        .run("/ip/address/print", &["?comment=x", ".proplist=disabled"])
        .await;
    assert_eq!(found.one("disabled"), "true");
    client
        .run("/ip/address/remove", &[&format!(".id={id}")])
        .await
        .ok();
    let next = client
        .run(
            "/ip/address/add",
            &["address=10.9.0.1/24", "interface=ether2"],
        )
        .await;

    assert_ne!(next.ok().ret.unwrap(), id);
}

#[tokio::test]
async fn refusals_have_the_words_of_routeros() {
    let (_lab, device) = one(spec()).await;
    let mut client = Client::log_in(&device).await;
    let mut refused =
        async |path: &str, words: &[&str]| client.run(path, words).await.trap.unwrap();

    assert_eq!(
        refused("/no/such/print", &[]).await,
        "no such command prefix"
    );
    assert_eq!(refused("/ip/address/dance", &[]).await, "no such command");
    assert_eq!(
        refused("/ip/address/remove", &[".id=*FF"]).await,
        "no such item"
    );
    assert_eq!(
        refused("/ip/address/add", &["address=1.1.1.1/24", "interface=x"]).await,
        "input does not match any value of interface"
    );
    assert_eq!(
        refused("/ip/address/add", &["address=x", "interface=ether2"]).await,
        "invalid value for argument address"
    );
    assert_eq!(
        refused(
            "/ip/address/add",
            &["address=1.1.1.1/24", "interface=ether2", "no=1"]
        )
        .await,
        "unknown parameter no"
    );
    assert_eq!(
        refused("/interface/bridge/add", &["name=ether1"]).await,
        "failure: already have device with such name"
    );
    assert_eq!(
        refused(
            "/interface/vlan/add",
            &["name=v", "interface=ether1", "vlan-id=5000"]
        )
        .await,
        "value of vlan-id out of range (1..4095)"
    );
}

#[tokio::test]
async fn releases_differ_in_health_dates_and_empty_answers() {
    let (_old, six) = one(spec().version("6.49.18").board("hEX")).await;
    let (_new, seven) = one(spec().version("7.22.3").board("CCR2004-16G-2S+")).await;
    let mut six = Client::log_in(&six).await;
    let mut seven = Client::log_in(&seven).await;

    assert!(
        six.run("/system/health/print", &[])
            .await
            .one("voltage")
            .starts_with("24")
    );
    assert_eq!(seven.run("/system/health/print", &[]).await.rows.len(), 7);
    assert!(
        six.run("/system/clock/print", &[])
            .await
            .one("date")
            .contains('/')
    );
    assert!(
        seven
            .run("/system/clock/print", &[])
            .await
            .one("date")
            .contains('-')
    );
    assert!(!six.run("/ip/pool/print", &[]).await.is_empty);
    assert!(seven.run("/ip/pool/print", &[]).await.is_empty);
    let version = six.run("/system/resource/print", &[]).await.one("version");
    assert_eq!(version, "6.49.18 (long-term)");
}

#[tokio::test]
async fn pipelined_commands_are_one_round_trip() {
    let (_lab, device) = one(spec()).await;
    let mut client = Client::log_in(&device).await;
    let before = device.counts();

    let prints = [
        "/system/resource",
        "/system/health",
        "/interface",
        "/system/identity",
    ];
    client.send(&prints.map(Command::print)).await;
    for _ in prints {
        client.answer().await.ok();
    }

    let after = device.counts();
    assert_eq!(after.commands - before.commands, 4);
    assert_eq!(after.turns - before.turns, 1);
    assert_eq!(after.logins, 1);
}

#[tokio::test]
async fn counters_only_grow_and_rates_move() {
    let (lab, device) = one(spec()).await;
    let read = || {
        let rows = device.rows("/interface");
        rows[0].get::<u64>("rx-byte").unwrap()
    };
    let mut last = read();

    for _ in 0..20 {
        lab.advance(std::time::Duration::from_secs(10));
        let next = read();
        assert!(next > last);
        last = next;
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_logged() {
    let (_lab, device) = one(spec()).await;
    let mut client = Client::connect(&device).await;

    let answer = client
        .run("/login", &["name=admin", "password=wrong"])
        .await;
    let before = client.run("/system/identity/print", &[]).await;

    assert_eq!(answer.trap.unwrap(), "invalid user name or password (6)");
    assert_eq!(before.trap.unwrap(), "not logged in");
    assert_eq!(device.counts().failed_logins, 1);
    let log = device.own_log();
    assert!(
        log.iter()
            .any(|l| l.contains("login failure for user admin from 127.0.0.1 via api"))
    );
}

#[tokio::test]
async fn a_ping_streams_until_it_is_cancelled() {
    let (_lab, device) = one(spec()).await;
    let mut client = Client::log_in(&device).await;

    client
        .send(&[Command::new("/ping").attribute("address", "127.20.0.254")])
        .await;
    let first = client.reply().await.unwrap();
    assert_eq!(first.kind, Kind::Re);
    client
        .send(&[
            Command::new("/x").flag("y"),
            Command::new("/cancel").attribute("tag", "0"),
        ])
        .await;

    let mut was_interrupted = false;
    let mut done = 0;
    while done < 3 {
        let reply = client.reply().await.unwrap();
        was_interrupted |= reply.row.text("message").as_deref() == Some("interrupted");
        done += u32::from(reply.kind == Kind::Done);
    }
    assert!(was_interrupted);
}

#[tokio::test]
async fn faults_do_what_they_say() {
    let (_lab, device) = one(spec()).await;
    let mut client = Client::log_in(&device).await;

    let add = "/ip/address/add";
    device.inject(Fault::LoseReplyTo {
        command: add.to_owned(),
    });
    client
        .send(&[Command::new(add)
            .attribute("address", "10.9.0.1/24")
            .attribute("interface", "ether2")])
        .await;
    assert!(client.is_answered().await);
    let found = client
        .run("/ip/address/print", &["?interface=ether2"])
        .await;
    assert_eq!(found.rows.len(), 1);
    device.clear_faults();

    device.inject(Fault::LoseReplyTo {
        command: "/login".to_owned(),
    });
    let mut waiting = Client::connect(&device).await;
    let login = Command::new("/login")
        .attribute("name", USER)
        .attribute("password", PASSWORD);
    waiting.send(&[login]).await;
    // The next command is answered, and the login before it never.
    let answer = waiting.run("/system/identity/print", &[]).await;
    assert_eq!(answer.one("name"), "r1");
    device.clear_faults();

    device.inject(Fault::EvilNames);
    let name = client.run("/system/identity/print", &[]).await;
    assert!(std::str::from_utf8(name.rows[0].raw("name").unwrap()).is_err());
    device.clear_faults();

    device.inject(Fault::DripBytes { every_ms: 1 });
    let mut slow = Client::log_in(&device).await;
    assert_eq!(
        slow.run("/system/identity/print", &[]).await.one("name"),
        "r1"
    );
    device.clear_faults();

    device.inject(Fault::ResetAfter { bytes: 40 });
    let mut short = Client::log_in(&device).await;
    short.send(&[Command::print("/interface")]).await;
    while short.reply().await.is_some() {}
    device.clear_faults();

    device.inject(Fault::Silent);
    assert!(!client.is_answered().await);
}

#[tokio::test]
async fn every_menu_prints_on_every_release() {
    let menus = include_str!("../../src/schema/menus.txt").lines();
    let menus: Vec<_> = menus.filter_map(|l| l.strip_prefix('/')).collect();
    for version in ["6.49.18", "7.12.1", "7.15.3", "7.18.2", "7.20.8", "7.22.3"] {
        let (_lab, device) = one(spec().version(version)).await;
        let mut client = Client::log_in(&device).await;
        let mut missing = 0;
        for menu in &menus {
            let path = format!("/{}/print", menu.split(' ').next().unwrap());
            let answer = client.run(&path, &[]).await;
            match answer.trap.as_deref() {
                None => {}
                Some("no such command prefix" | "no such command") => missing += 1,
                Some(other) => panic!("{path} on {version}: {other}"),
            }
        }
        assert!(missing < 15, "{missing} on {version}");
    }
}

#[tokio::test]
async fn a_renamed_port_keeps_what_refers_to_it() {
    let (_lab, device) = one(spec()).await;

    device
        .run("/interface ethernet set ether1 name=wan")
        .await
        .unwrap();

    assert_eq!(
        device.rows("/ip/address")[0].text("interface").unwrap(),
        "wan"
    );
    let mut client = Client::log_in(&device).await;
    assert_eq!(
        client
            .run("/interface/print", &["?name=wan"])
            .await
            .one("running"),
        "true"
    );
}

#[tokio::test]
async fn rights_of_the_group_count() {
    let (_lab, device) = one(spec()).await;
    device
        .run("/user add name=eve group=read password=x")
        .await
        .unwrap();
    let mut client = Client::connect(&device).await;

    client.run("/login", &["name=eve", "password=x"]).await.ok();
    let read = client.run("/system/identity/print", &[]).await;
    let write = client.run("/system/identity/set", &["name=x"]).await;

    assert_eq!(read.one("name"), "r1");
    assert_eq!(write.trap.unwrap(), "not enough permissions (9)");
}
