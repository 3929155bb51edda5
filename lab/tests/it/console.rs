//! What a console offers and refuses: completion, imports that stop half way, rights.

use crate::harness::{Client, one, spec};

async fn names(client: &mut Client, words: &[&str], name: &str) -> Vec<String> {
    let answer = client.run("/console/inspect", words).await.ok();
    let values = answer.rows.iter().filter_map(|r| r.text(name));
    values.map(std::borrow::Cow::into_owned).collect()
}

#[tokio::test]
async fn the_console_can_be_walked_and_completed() {
    let (_lab, device) = one(spec().version("7.20.8")).await;
    let mut client = Client::log_in(&device).await;

    let root = names(&mut client, &["request=child"], "name").await;
    assert!(root.contains(&"ip".to_owned()) && root.contains(&"import".to_owned()));
    let address = names(&mut client, &["request=child", "path=ip,address"], "name").await;
    for command in ["add", "set", "remove", "print", "enable", "comment"] {
        assert!(address.contains(&command.to_owned()), "{address:?}");
    }
    let add = names(
        &mut client,
        &["request=child", "path=ip,address,add"],
        "name",
    )
    .await;
    assert!(add.contains(&"interface".to_owned()) && !add.contains(&"invalid".to_owned()));
    let begun = ["request=completion", "input=/ip/fire"];
    assert_eq!(names(&mut client, &begun, "completion").await, ["firewall"]);
    let action = [
        "request=completion",
        "input=/ip/firewall/filter/add action=d",
    ];
    assert_eq!(names(&mut client, &action, "completion").await, ["drop"]);
    let interface = ["request=completion", "input=/ip/address/add interface=sfp"];
    assert_eq!(
        names(&mut client, &interface, "completion").await,
        ["sfp-sfpplus1"]
    );
    let syntax = ["request=syntax", "path=ip,address,add,disabled"];
    assert_eq!(names(&mut client, &syntax, "text").await, ["yes | no"]);
    let nowhere = client
        .run("/console/inspect", &["request=child", "path=ip,nope"])
        .await;
    assert_eq!(nowhere.trap.as_deref(), Some("no such command prefix"));
}

#[tokio::test]
async fn an_import_stops_at_the_first_error_and_keeps_what_ran() {
    let (_lab, device) = one(spec()).await;
    let import = |text: &'static str| {
        let device = device.clone();
        async move {
            device.run("/file remove [find name=x.rsc]").await.unwrap();
            let text = text.replace('"', "\\\"").replace('\n', "\\n");
            let add = format!("/file add name=x.rsc contents=\"{text}\"");
            device.run(&add).await.unwrap();
            device.run("/import file-name=x.rsc").await
        }
    };
    let lists = || device.rows("/interface/list").len();
    let before = lists();

    let said = import("/interface list\nadd name=A\nadd name=B\n")
        .await
        .unwrap();
    assert!(
        said.contains("Script file loaded and executed successfully"),
        "{said}"
    );
    assert_eq!(lists(), before + 2);

    let failed = import("/interface list\nadd name=C\nset nope comment=x\nadd name=D\n").await;
    assert!(failed.is_err());
    assert_eq!(lists(), before + 3, "what came before the error stays");

    let broken = import("/interface list\nadd name=E\nadd name=\"F\n")
        .await
        .unwrap_err();
    assert!(
        broken.message.contains("line 3") || broken.message.contains("expected"),
        "{broken:?}"
    );
    assert_eq!(lists(), before + 3, "nothing of what cannot be read is run");
}

#[tokio::test]
async fn rights_of_a_group_are_enforced() {
    let (_lab, device) = one(spec()).await;
    for command in [
        "/user group add name=poll policy=api,write",
        "/user add name=w group=poll password=w",
        "/user add name=r group=read password=r",
    ] {
        device.run(command).await.unwrap();
    }
    let log_in = |name: &'static str| {
        let device = device.clone();
        async move {
            let mut client = Client::connect(&device).await;
            let words = [format!("name={name}"), format!("password={name}")];
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            client.run("/login", &words).await.ok();
            client
        }
    };
    let refusal = Some("not enough permissions (9)");

    let mut writer = log_in("w").await;
    let read = writer.run("/ip/address/print", &[]).await;
    assert_eq!(read.trap.as_deref(), refusal);
    let mut reader = log_in("r").await;
    reader.run("/ip/address/print", &[]).await.ok();
    let write = reader
        .run("/ip/pool/add", &["name=p", "ranges=10.0.0.1-10.0.0.2"])
        .await;
    assert_eq!(write.trap.as_deref(), refusal);
    let users = reader.run("/user/add", &["name=x", "group=full"]).await;
    assert_eq!(users.trap.as_deref(), refusal);
    let active = writer.run("/user/active/print", &[]).await;
    assert_eq!(active.trap.as_deref(), refusal);
    let seen = reader.run("/user/active/print", &["?name=w"]).await.ok();
    assert_eq!(seen.rows[0].raw("group"), Some(&b"poll"[..]));
    let more = ["name=t", "policy=read,write,reboot", "on-event=:put 1"];
    let timer = writer.run("/system/scheduler/add", &more).await;
    assert_eq!(timer.trap.as_deref(), refusal);
    let less = ["name=t", "policy=write", "on-event=:put 1"];
    writer.run("/system/scheduler/add", &less).await.ok();
}

#[tokio::test]
async fn refusals_have_the_words_of_routeros() {
    let (_lab, device) = one(spec().version("7.22.3")).await;
    let mut client = Client::log_in(&device).await;
    for (path, words, text) in [
        (
            "/interface/bonding/add",
            &[][..],
            "failure: need at least one slave interface",
        ),
        ("/ip/ipsec/policy/add", &[], "failure: Peer not set!"),
        (
            "/ip/dns/static/add",
            &[],
            "failure: name or regexp required",
        ),
        (
            "/ip/address/add",
            &["address=10.0.0.1/24", "interface=nope"],
            "input does not match any value of interface",
        ),
        (
            "/ip/address/add",
            &["colour=red"],
            "unknown parameter colour",
        ),
        (
            "/interface/bridge/add",
            &["name=b", "protocol-mode=maybe"],
            "input does not match any value of protocol-mode",
        ),
        ("/ip/nope/print", &[], "no such command prefix"),
        ("/ip/address/nope", &[], "no such command"),
        (
            "/interface/vlan/add",
            &["name=v", "interface=ether1", "vlan-id=5000"],
            "value of vlan-id out of range (1..4095)",
        ),
    ] {
        let answer = client.run(path, words).await;
        assert_eq!(answer.trap.as_deref(), Some(text), "{path}");
    }
}

#[tokio::test]
async fn nobody_removes_themselves_or_the_last_with_all_rights() {
    let (_lab, device) = one(spec()).await;
    let mut client = Client::log_in(&device).await;

    client.run("/user/remove", &["numbers=admin"]).await.ok();
    client.run("/user/disable", &["numbers=admin"]).await.ok();
    let admin = client.run("/user/print", &["?name=admin"]).await.ok();
    assert_eq!(admin.rows[0].raw("disabled"), Some(&b"false"[..]));

    let last = client
        .run("/user/set", &["numbers=admin", "group=read"])
        .await;
    assert!(last.trap.is_some());
    let second = ["name=second", "group=full", "password=x"];
    client.run("/user/add", &second).await.ok();
    client
        .run("/user/set", &["numbers=second", "group=read"])
        .await
        .ok();
    client.run("/user/remove", &["numbers=second"]).await.ok();
}

#[tokio::test]
async fn a_script_is_coloured_character_by_character() {
    let (_lab, device) = one(spec().version("7.20.8")).await;
    let mut client = Client::log_in(&device).await;
    let script = "# a\n:local x 1\n/ip address add interface=ether1 comment=\"\\\"$x\"\n/nope\n";
    let input = format!("input={script}");
    let words = ["request=highlight", input.as_str()];

    let answer = client.run("/console/inspect", &words).await.ok();

    assert_eq!(answer.one("type"), "highlight");
    let classes = answer.one("highlight");
    let classes: Vec<_> = classes.split(',').collect();
    assert_eq!(classes.len(), script.len());
    let class_of = |text: &str| {
        let at = script.find(text).unwrap();
        classes[at..at + text.len()].to_vec()
    };
    for (text, class) in [
        ("# a\n", "comment"),
        (":", "dir"),
        ("local", "cmd"),
        ("x", "variable-local"),
        ("/ip", "dir"),
        ("address", "dir"),
        ("add ", "cmd"),
        ("interface", "arg"),
        ("=", "syntax-meta"),
        ("ether1", "none"),
        ("\\\"", "escaped"),
        ("$", "syntax-meta"),
        ("nope", "obj-inactive"),
    ] {
        let found = class_of(text);
        assert_eq!(found[0], class, "{text}");
    }
    let own = ["request=self", "path=ip,address"];
    let own = client.run("/console/inspect", &own).await.ok();
    assert_eq!([own.one("name"), own.one("node-type")], ["address", "dir"]);
    let odd = ["request=nothing"];
    let odd = client.run("/console/inspect", &odd).await;
    assert!(odd.trap.is_some());
    // What nobody can read is coloured all the same.
    for hostile in ["((((", "\"$(", "{{[", "a=\\", "/ip/.../", "$", "\\"] {
        let input = format!("input={hostile}");
        let words = ["request=highlight", input.as_str()];
        let answer = client.run("/console/inspect", &words).await.ok();
        let classes = answer.one("highlight").split(',').count();
        assert_eq!(classes, hostile.len(), "{hostile}");
    }
}

#[tokio::test]
async fn peers_are_shown_with_their_status_when_that_is_asked_for() {
    let (_lab, device) = one(spec().version("6.49.18").board("hEX")).await;
    device
        .run(
            "/routing bgp peer add name=peer1 remote-address=192.168.1.134 remote-as=65001 ttl=255 \
             address-families=ip,ipv6; \
             /routing bgp peer add name=peer2 remote-address=10.9.9.9 remote-as=65002 disabled=yes",
        )
        .await
        .unwrap();

    let plain = device.run("/routing bgp peer print detail").await.unwrap();
    let status = device.run("/routing bgp peer print status").await.unwrap();

    assert!(!plain.contains("state="), "{plain}");
    let lines: Vec<_> = status.lines().map(str::trim_end).collect();
    assert_eq!(
        lines[..5],
        [
            "Flags: X - disabled, E - established",
            " 0   name=\"peer1\" instance=default remote-address=192.168.1.134 remote-as=65001 \
             tcp-md5-key=\"\" nexthop-choice=default",
            "     multihop=no route-reflect=no hold-time=3m ttl=255 in-filter=\"\" out-filter=\"\" \
             address-families=ip,ipv6",
            "     default-originate=never remove-private-as=no as-override=no passive=no \
             use-bfd=no state=connect",
            "",
        ]
    );
    assert!(lines[5].starts_with(" 1 X name=\"peer2\""), "{status}");
    assert!(status.contains("state=idle"), "{status}");
}

#[tokio::test]
async fn no_line_is_too_odd_to_be_coloured_completed_or_written_out() {
    let (_lab, device) = one(spec().version("7.20.8")).await;
    let mut client = Client::log_in(&device).await;
    let parts = [
        "[", "]", "{", "}", "(", ")", "\"", "$", "\\", "/", "=", ":", ";", " ", "\n", "!", "..",
        "#", ",", "a", "ip", "address", "print", "find", "where", "set", "do", "foreach", "in",
        "ü",
    ];
    // Any numbers do, as long as they are the same each time.
    let mut seed = 7_usize;
    for _ in 0..400 {
        let mut line = String::new();
        for _ in 0..24 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            line.push_str(parts[(seed >> 33) % parts.len()]);
        }
        let input = format!("input={line}");
        let words = ["request=highlight", input.as_str()];
        let answer = client.run("/console/inspect", &words).await.ok();
        let classes = answer.one("highlight").split(',').count();
        assert_eq!(classes, line.len(), "{line:?}");
        let words = ["request=completion", input.as_str()];
        client.run("/console/inspect", &words).await.ok();
    }
}
