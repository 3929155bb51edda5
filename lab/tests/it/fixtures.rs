//! Real exports, loaded and written again.

use std::path::PathBuf;

use tod_lab::{Device, Fleet, Lab, Options, SchedulerRule, Spec};

use crate::harness::{Client, one, spec};

/// Returns where the files are that somebody lent us.
#[expect(
    clippy::disallowed_methods,
    reason = "how a test is told where things are"
)]
fn home() -> PathBuf {
    let home = std::env::var_os("TOD_FIXTURES").expect("TOD_FIXTURES says where the files are");
    PathBuf::from(home)
}

/// Returns the exports that somebody lent us.
fn exports() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in ["exports/v6", "exports/v7"] {
        let entries = std::fs::read_dir(home().join(folder)).unwrap();
        files.extend(entries.map(|e| e.unwrap().path()));
    }
    files.sort();
    files
}

/// Returns the board that the header of an export names.
fn board(text: &str) -> &str {
    let header = text
        .lines()
        .find_map(|l| l.trim().strip_prefix("# model = "));
    let model = header.unwrap_or("CHR").trim_start_matches("RouterBOARD ");
    let known = tod_lab::BOARDS.iter().find(|b| {
        b.model == model
            || b.model.trim_start_matches("RouterBOARD ") == model
            || b.model == format!("RB{model}")
    });
    known.map_or("CHR", |b| b.model)
}

/// Returns the release that the header of an export names.
fn release(text: &str) -> String {
    let header = text.lines().find_map(|l| l.split_once(" by RouterOS "));
    let version = header.map_or("7.15.3", |(_, v)| v.trim());
    let version = version.split(' ').next().unwrap_or(version);
    version.to_owned()
}

/// Returns the commands of an export, with their menus, whole and in order.
fn commands(text: &str) -> Vec<String> {
    let text = text.replace("\r\n", "\n").replace("\\\n    ", "");
    let mut menu = String::new();
    let mut commands = Vec::new();
    for line in text
        .lines()
        .filter(|l| !l.starts_with('#') && !l.trim().is_empty())
    {
        match line.strip_prefix('/') {
            Some(_) if !format!("{line} ").contains(" add ") && !line.contains(" set ") => {
                line.clone_into(&mut menu);
            }
            Some(_) => commands.push(line.trim_end().to_owned()),
            None => commands.push(format!("{menu} {}", line.trim_end())),
        }
    }
    commands
}

async fn written(device: &Device, is_terse: bool) -> String {
    let line = if is_terse {
        "/export terse show-sensitive"
    } else {
        "/export show-sensitive"
    };
    device.run(line).await.unwrap()
}

#[tokio::test]
async fn a_loaded_export_is_written_as_it_was() {
    let (mut all, mut same) = (0, 0);
    for path in exports() {
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.contains("verbose") {
            continue;
        }
        let fleet = Fleet::one(spec().version(&release(&text)).export(&path));
        let lab = Lab::start(fleet, Options::default()).await.unwrap();
        let device = lab.device("r1").unwrap();

        let mut ours = commands(&written(&device, name.contains("terse")).await);
        let theirs = commands(&text);
        let before = theirs.len();
        let mut kept = 0;
        for command in &theirs {
            if let Some(at) = ours.iter().position(|c| c == command) {
                ours.remove(at);
                kept += 1;
            } else {
                println!("{name} - {}", command.chars().take(150).collect::<String>());
            }
        }
        println!("{name}: {kept} of {before}");
        all += before;
        same += kept;
    }

    assert!(same * 100 >= all * 98, "{same} of {all}");
}

/// A device on which no job falls due that would change what is to be written again.
fn still() -> Spec {
    spec().scheduler(SchedulerRule::Inactivated)
}

/// Returns a device with the packages and disks that an export speaks of.
fn fitted(text: &str) -> Spec {
    let mut packages = vec!["routeros"];
    for (menu, package) in [
        ("/interface wireless", "wireless"),
        ("/interface wifi", "wifi-qcom"),
        ("/container", "container"),
        ("/zerotier", "zerotier"),
        ("/iot", "iot"),
    ] {
        packages.extend(text.contains(menu).then_some(package));
    }
    if packages.contains(&"wireless") {
        packages.retain(|p| *p != "wifi-qcom");
    }
    let is_v7 = !release(text).starts_with('6');
    let mut spec = still().version(&release(text)).board(board(text));
    if is_v7 && packages.len() > 1 {
        spec = spec.packages(&packages);
    } else if text.contains("ip-forward=yes") && !is_v7 {
        // A verbose one has every menu that its device has.
        let early = ["hotspot", "mpls", "ppp"].into_iter();
        let early =
            early.filter(|p| text.contains(&format!("/{p}")) || text.contains(&format!("/ip {p}")));
        let always = [
            "system",
            "wireless",
            "routing",
            "dhcp",
            "security",
            "advanced-tools",
        ];
        let packages: Vec<&str> = always.into_iter().chain(early).collect();
        spec = spec.packages(&packages);
    }
    if text.contains("/tool user-manager") && !is_v7 {
        let bundle = [
            "system", "ipv6", "wireless", "hotspot", "mpls", "routing", "ppp", "dhcp",
        ];
        let more = ["security", "advanced-tools", "user-manager"];
        spec = spec.packages(&[&bundle[..], &more].concat());
    }
    // What is plugged in is told by being set and not added.
    let disks = text.lines().filter_map(|l| l.strip_prefix("/disk set "));
    spec.disks = disks
        .filter_map(|l| l.split(' ').next().map(str::to_owned))
        .collect();
    spec
}

/// Takes away what the lab itself put on a device, so that it is as after a reset.
async fn emptied(text: &str) -> (Lab, Device) {
    let spec = fitted(text);
    let lab = Lab::start(Fleet::one(spec), Options::default())
        .await
        .unwrap();
    let device = lab.device("r1").unwrap();
    for command in [
        "/ip address remove [find]",
        "/ip route remove [find where static]",
        "/system identity set name=MikroTik",
    ] {
        device.run(command).await.unwrap();
    }
    if text.contains("interface=ospf-lo ") {
        // No export tells that the loopback interface has another name.
        device.run("/interface set lo name=ospf-lo").await.unwrap();
    }
    (lab, device)
}

fn style(name: &str) -> &'static str {
    match () {
        () if name.contains("terse") => "terse show-sensitive",
        () if name.contains("verbose") => "verbose show-sensitive",
        () => "show-sensitive",
    }
}

/// Returns the lines of an export without its header and without notes on the state of things,
/// before which devices write a menu on a line of its own even when they are terse. What somebody
/// has unwrapped is compared unwrapped.
fn body(text: &str, is_terse: bool, is_joined: bool) -> Vec<String> {
    let text = text.replace("\r\n", "\n");
    let text = if is_joined {
        text.replace("\\\n    ", "")
    } else {
        text
    };
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines().filter(|l| !l.starts_with('#')) {
        let is_menu = |l: &String| l.starts_with('/') && !l.contains(" add") && !l.contains(" set");
        let is_command = line.starts_with("add") || line.starts_with("set");
        match lines
            .last_mut()
            .filter(|l| is_terse && is_command && is_menu(l))
        {
            Some(menu) => menu.extend([" ", line]),
            None => lines.push(line.to_owned()),
        }
    }
    lines
}

/// Lines that do not come back, of the two files that their owners have edited: what each begins
/// or ends with, and why. All other files come back to the letter.
const EDITED: [(&str, &[(&str, &str)]); 2] = [
    (
        "7.15.3_RB962_terse_large.rsc",
        &[
            ("/ip smb set domain=HNW", "said twice, once with more"),
            (
                "/interface list member add comment=\"RTK",
                "two blanks in a row",
            ),
            (
                "list=list-FW-port-mapping-interfaces",
                "no line makes that list",
            ),
            ("\"wan A\"/ip firewall nat", "the next line has run into it"),
            (
                "add action=masquerade chain=srcnat",
                "its menu is lost to the line before",
            ),
            (
                "/ip upnp interfaces add interface=guest",
                "no line makes that bridge",
            ),
        ],
    ),
    (
        "unknown_router1.rsc",
        &[
            // Nothing tells of which release and board it is.
            ("/interface wifi", "radios of that board"),
            ("set [ find default-name=wifi", "radios of that board"),
            ("interface=wifi1", "radios of that board"),
            ("interface=wifi2", "radios of that board"),
            ("set [ find default-name=ether5 ]", "a port of that board"),
            ("interface=ether5", "a port of that board"),
            ("/interface ethernet switch", "a switch of that board"),
            ("set switch1", "a switch of that board"),
            ("/system routerboard settings", "a board at all"),
            ("set auto-upgrade=yes", "a board at all"),
            ("set reverse-proxy", "of a later release"),
            ("/interface ovpn-server server", "of a later release"),
            ("add mac-address=FE:B3", "of a later release"),
            ("/ip dhcp-client", "of a later release"),
            (
                "add comment=defconf interface=ether1 name=",
                "of a later release",
            ),
            ("name=ingress-vpc", "its key is taken out"),
            // Where lines are not cut, nothing is quoted to be cut.
            (
                "add comment=src_infra",
                "put together from cut lines, without quotes",
            ),
            (
                "add cname=protonmail",
                "put together from cut lines, without quotes",
            ),
        ],
    ),
];

/// How many lines these are, and how many commands that are refused; both may only fall.
const LOST: (usize, usize) = (28, 12);

/// Loads an export command by command, and returns what was refused, and what is written then.
async fn reloaded(text: &str, name: &str) -> (Vec<String>, String) {
    let (_lab, device) = emptied(text).await;
    let mut refused = Vec::new();
    for command in &commands(text) {
        if let Err(trap) = device.run(command).await {
            refused.push(format!("{name}: {}: {command}", trap.message));
        }
    }
    let export = format!("/export {}", style(name));
    (refused, device.run(&export).await.unwrap())
}

#[tokio::test]
async fn an_export_is_imported_and_written_again() {
    let (mut refused, mut lost, mut identical) = (Vec::new(), 0, 0);
    for path in exports() {
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let (errors, ours) = reloaded(&text, &name).await;
        refused.extend(errors);
        let is_terse = name.contains("terse");
        let is_joined = !is_terse && text.lines().any(|l| l.len() > 81);
        let ours = body(&ours, is_terse, is_joined);
        let theirs = body(&text, is_terse, is_joined);
        let Some((_, reasons)) = EDITED.iter().find(|(file, _)| *file == name) else {
            let first = (0..theirs.len()).find(|i| ours.get(*i) != theirs.get(*i));
            let first = first.map(|at| (&theirs[at], ours.get(at)));
            assert_eq!(first, None, "{name}");
            assert_eq!(ours.len(), theirs.len(), "{name}");
            identical += 1;
            continue;
        };
        let mut left = ours;
        for line in theirs {
            if let Some(at) = left.iter().position(|l| *l == line) {
                left.remove(at);
                continue;
            }
            let is_it = |(what, _): &&(&str, &str)| line.starts_with(what) || line.ends_with(what);
            assert!(reasons.iter().any(|r| is_it(&r)), "{name}: {line}");
            lost += 1;
        }
    }

    assert_eq!(identical, 22);
    assert!(lost <= LOST.0, "{lost}");
    assert!(refused.len() <= LOST.1, "{}", refused.join("\n"));
}

/// Returns what somebody's console said.
fn sample(folder: &str, name: &str) -> String {
    let path = home().join("cli/ntc-templates").join(folder).join(name);
    String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()
}

#[tokio::test]
async fn a_port_without_power_has_no_menu_for_it() {
    let folder = "interface_ethernet_poe_print_without-paging";
    let theirs = sample(
        folder,
        "mikrotik_routeros_interface_ethernet_poe_print_without-paging_no_poe.raw",
    );
    let fleet = Fleet::one(spec().version("6.49.18").board("hAP ac^2"));
    let lab = Lab::start(fleet, Options::default()).await.unwrap();
    let device = lab.device("r1").unwrap();

    let ours = device.run("/interface ethernet poe print without-paging");

    assert_eq!(ours.await.unwrap_err().message, theirs.trim_end());
}

#[tokio::test]
async fn addresses_are_written_verbosely_as_theirs_were() {
    let folder = "ip_address_export_verbose";
    let theirs = sample(folder, "mikrotik_routeros_ip_address_export_verbose.raw");
    let (_lab, device) = emptied(&theirs).await;
    device
        .run("/interface bridge add name=eth3_vlan1")
        .await
        .unwrap();
    for command in commands(&theirs) {
        device.run(&command).await.unwrap();
    }

    let ours = device.run("/ip address export verbose").await.unwrap();

    assert_eq!(body(&ours, false, true), body(&theirs, false, true));
}

/// Returns the scripts below a folder.
fn scripts(folder: &std::path::Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            scripts(&path, found);
        } else if path.extension().is_some_and(|e| e == "rsc") {
            found.push(path);
        }
    }
}

/// What a console said of a whole script; nothing if it began to run it.
fn refusal(answer: &str) -> Option<&str> {
    let words = answer.split_once(" (line ").map_or("/", |(words, _)| words);
    let is_plain = words.bytes().all(|b| b.is_ascii_lowercase() || b == b' ');
    is_plain.then_some(answer)
}

#[tokio::test]
async fn an_import_refuses_the_scripts_that_consoles_refused_and_begins_the_others() {
    let mut found = Vec::new();
    scripts(&home().join("script"), &mut found);
    found.sort();
    let (mut refused, mut begun) = (0, 0);
    for path in found {
        let answer = std::fs::read(format!("{}.v7.20.8.parseil", path.display()));
        let Ok(answer) = answer else { continue };
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let source = std::fs::read(&path).unwrap();
        let lab = Lab::start(
            Fleet::one(spec().version("7.20.8").board("CHR")),
            Options::default(),
        );
        let device = lab.await.unwrap().device("r1").unwrap();

        let said = device.parse(&source);

        assert_eq!(said.as_deref(), refusal(&answer), "{}", path.display());
        refused += u32::from(said.is_some());
        begun += u32::from(said.is_none());
    }
    assert!(refused >= 1 && begun >= 5, "{refused} {begun}");
}

/// Returns scripts with what a device says of each of their characters.
fn coloured() -> Vec<(String, String, Vec<String>)> {
    let path = home().join("api/centrs/highlight-streams.slice.json");
    let bytes = std::fs::read(path).unwrap();
    let all: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let version = all["baseVersion"].as_str().unwrap();
    let scripts = all["scripts"].as_object().unwrap().iter();
    let scripts = scripts.map(|(name, script)| {
        let runs = script["streams"][version].as_array().unwrap();
        let (mut text, mut classes) = (String::new(), Vec::new());
        for run in runs {
            let (part, class) = (run[0].as_str().unwrap(), run[1].as_str().unwrap());
            text.push_str(part);
            classes.extend(part.chars().map(|_| class.to_owned()));
        }
        (name.clone(), text, classes)
    });
    scripts.collect()
}

#[tokio::test]
async fn scripts_are_coloured_as_a_device_colours_them() {
    let (_lab, device) = one(spec().version("7.22.3").board("CHR")).await;
    let mut client = Client::log_in(&device).await;
    let (mut all, mut same, mut telling, mut told) = (0, 0, 0, 0);
    for (name, text, theirs) in coloured() {
        let input = format!("input={text}");
        let words = ["request=highlight", input.as_str()];
        let answer = client.run("/console/inspect", &words).await.ok();
        let ours = answer.one("highlight");
        let ours: Vec<_> = ours.split(',').collect();
        assert_eq!(ours.len(), theirs.len(), "{name}");
        let pairs = || ours.iter().zip(&theirs);
        all += theirs.len();
        same += pairs().filter(|(o, t)| o == t).count();
        let is_plain = |t: &str| t == "none" || t == "comment";
        telling += theirs.iter().filter(|t| !is_plain(t)).count();
        told += pairs().filter(|(o, t)| o == t && !is_plain(t)).count();
        if let Some(at) = pairs().position(|(o, t)| o != t) {
            let missed = pairs().filter(|(o, t)| o != t).count();
            let near: String = text.chars().skip(at.saturating_sub(40)).take(60).collect();
            println!(
                "{missed} {name} at {at}: {} not {} in {near:?}",
                ours[at], theirs[at]
            );
        }
    }
    println!("{same} of {all}, {told} of {telling} that say more than text");
    assert!(same * 100 >= all * 98, "{same} of {all}");
}
