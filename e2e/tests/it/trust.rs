//! Keys for programs, the audit log, data keys and one's own account, as people type them.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tod_e2e::{World, eventually};
use xtask::lab::text;

fn run(world: &World, args: &[&str]) -> Output {
    world.todctl.command(args).output().unwrap()
}

fn done(world: &World, args: &[&str]) -> String {
    let output = run(world, args);
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A program on a machine where nobody has ever signed in: a key, a server and nothing else.
fn program(world: &World, home: &Path, key: &Path, args: &[&str]) -> Command {
    let (url, fingerprint) = world.entrance().unwrap();
    let mut command = world.todctl.command(args);
    command
        .env("TODCTL_CONFIG_DIR", home)
        .env("TODCTL_SERVER", url)
        .env("TODCTL_TRUST_SERVER", fingerprint)
        .env("TODCTL_API_KEY_FILE", key)
        .env_remove("TODCTL_CONTEXT");
    command
}

#[test]
fn a_program_does_what_its_key_allows_until_it_is_revoked() {
    let world = World::single(2).unwrap();
    let home = world.dir().join("machine");
    std::fs::create_dir(&home).unwrap();
    let args = [
        "apikey",
        "create",
        "ci",
        "--scope",
        "devices:read",
        "--expires",
        "90d",
    ];
    let secret = done(&world, &args);
    // The key and nothing else, so that it can go straight into a file.
    assert!(
        secret.starts_with("mktp_") && secret.len() == 49,
        "{secret:?}"
    );
    let key = home.join("key");
    std::fs::write(&key, &secret).unwrap();
    let ask = |args: &[&str]| program(&world, &home, &key, args).output().unwrap();

    let listed = ask(&["device", "list", "-o", "json"]);
    assert!(listed.status.success(), "{listed:?}");
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    let me = String::from_utf8(ask(&["whoami"]).stdout).unwrap();
    assert!(
        me.contains("API key") && me.contains("devices:read"),
        "{me}"
    );
    for (args, status) in [
        (["auth", "can-i", "device.list"].as_slice(), 0),
        (&["auth", "can-i", "device.add"], 5),
        (&["config", "pending"], 5),
        (&["exec", "all", "--", "/system/identity/print"], 5),
        (&["session", "list"], 5),
        (&["apikey", "list"], 5),
    ] {
        let output = ask(args);
        assert_eq!(output.status.code(), Some(status), "{args:?}: {output:?}");
    }
    let keys = world.todctl.items(&["apikey", "list"]).unwrap();
    assert_eq!(text(&keys[0], "name"), "ci");
    assert!(!keys[0]["last_used_at"].is_null(), "{keys:?}");

    done(&world, &["apikey", "revoke", "ci", "--yes"]);
    eventually("the key is good no longer", Duration::from_secs(5), || {
        let refused = ask(&["device", "list"]).status.code() == Some(4);
        Ok(refused.then_some(()))
    })
    .unwrap();
}

#[test]
fn the_audit_log_is_read_exported_and_checked_and_a_bent_copy_shows() {
    let world = World::single(1).unwrap();
    done(
        &world,
        &["apikey", "create", "x", "--scope", "devices:read"],
    );
    let records = world
        .todctl
        .items(&["audit", "list", "--action", "apikey."])
        .unwrap();
    assert_eq!(text(&records[0], "act"), "apikey.create");
    assert_eq!(records[0]["detail"]["name"], "x");
    let seq = records[0]["seq"].to_string();
    let card = done(
        &world,
        &["audit", "show", &format!("a-{seq}"), "-o", "table"],
    );
    assert!(
        card.contains("apikey.create") && card.contains("\"x\""),
        "{card}"
    );

    let first = world.todctl.json(&["audit", "verify"]).unwrap();
    assert_eq!(first["items"][0]["whole"], true, "{first}");
    let again = world.todctl.json(&["audit", "verify"]).unwrap();
    assert_eq!(
        again["items"][0]["seen_here_before"],
        first["items"][0]["records"]
    );

    let path = world.dir().join("audit.jsonl");
    let file = path.to_str().unwrap();
    done(&world, &["audit", "export", "-O", file]);
    done(&world, &["audit", "verify", file]);
    // Also where nobody ever signed in.
    let mut stranger = world.todctl.command(&["audit", "verify", file]);
    stranger.env_remove("TODCTL_CONTEXT");
    let stranger = stranger.env("TODCTL_CONFIG_DIR", world.dir().join("nobody"));
    let stranger = stranger.output().unwrap();
    assert!(stranger.status.success(), "{stranger:?}");
    let over = run(&world, &["audit", "export", "-O", file]);
    assert!(!over.status.success(), "another log is not written over");
    let whole = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    assert!(lines.len() > 3, "{whole}");
    let without = [&lines[..1], &lines[2..]].concat().join("\n");
    for bent in [
        whole.replacen("apikey.create", "apikey.delete", 1),
        without,
        lines.iter().rev().copied().collect::<Vec<_>>().join("\n"),
    ] {
        std::fs::write(&path, bent).unwrap();
        assert_eq!(
            run(&world, &["audit", "verify", file]).status.code(),
            Some(15)
        );
    }
    std::fs::write(&path, "what is this\n").unwrap();
    assert_eq!(
        run(&world, &["audit", "verify", file]).status.code(),
        Some(2)
    );
}

#[test]
fn the_audit_log_is_followed() {
    let world = World::single(1).unwrap();
    let first = ["apikey", "create", "x", "--scope", "devices:read"];
    done(&world, &first);
    let tail = done(&world, &["audit", "tail", "-n", "2", "-o", "jsonl"]);
    let tail: Vec<Value> = tail
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(tail.len(), 2);
    assert!(
        tail[0]["seq"].as_i64() < tail[1]["seq"].as_i64(),
        "{tail:?}"
    );
    assert_eq!(tail[1]["detail"]["name"], "x", "the newest comes last");
    let more = ["apikey", "create", "y", "--scope", "devices:read"];
    let mut follows = world
        .todctl
        .command(&["audit", "tail", "-n", "1", "-f", "-o", "jsonl"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(follows.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("\"x\""));
    done(&world, &more);
    assert!(lines.next().unwrap().unwrap().contains("\"y\""));
    follows.kill().unwrap();
    follows.wait().unwrap();
}

#[test]
fn data_keys_are_renewed_while_devices_are_watched() {
    let world = World::single(3).unwrap();
    let devices = world.devices().unwrap().len();
    done(&world, &["kms", "rotate"]);
    done(&world, &["kms", "rewrap"]);
    let keys = world.todctl.items(&["kms", "status"]).unwrap();
    assert_eq!(keys[0]["version"], 2, "{keys:?}");
    assert_eq!(keys[1]["values"], 0, "{keys:?}");
    let log = ["kms", "log", "--purpose", "device.lease"];
    eventually("each password was opened", Duration::from_secs(30), || {
        let uses = world.todctl.items(&log)?;
        Ok((uses.len() >= devices).then_some(()))
    })
    .unwrap();
    let stats = world
        .todctl
        .items(&["kms", "stats", "--since", "1h"])
        .unwrap();
    let leases = stats
        .iter()
        .find(|stat| text(stat, "purpose") == "device.lease");
    assert_eq!(leases.unwrap()["things"], devices, "{stats:?}");
    let uses = world.dir().join("uses.csv");
    done(&world, &["kms", "export", "-O", uses.to_str().unwrap()]);
    let uses = std::fs::read_to_string(uses).unwrap();
    assert!(
        uses.lines().count() > devices && uses.contains("device.lease"),
        "{uses}"
    );
    let retired = run(&world, &["kms", "retire", "--below", "2", "--yes"]);
    assert_eq!(retired.status.code(), Some(7), "{retired:?}");
    let args = [
        "kms",
        "retire",
        "--below",
        "2",
        "--lose-audit-details",
        "--yes",
    ];
    done(&world, &args);

    // The devices are still reached: their passwords open with the new key.
    let answers = done(&world, &["exec", "all", "--", "/system/identity/print"]);
    assert!(!answers.is_empty());
    assert_eq!(world.devices().unwrap().len(), devices);
    done(&world, &["audit", "verify"]);
}
