//! Samples of others, read back into rows and printed again.
#![expect(clippy::expect_used, reason = "a test panics when it fails")]

use std::path::{Path, PathBuf};

use routeros::row::Row as Record;

use super::super::shape::Shape;
use super::super::{Mode, Page};

/// Folders of samples, with the menu and the way of printing.
const SAMPLES: &[(&str, &str, Mode)] = &[
    (
        "interface_bonding_print_detail",
        "/interface/bonding",
        Mode::Detail,
    ),
    (
        "interface_ethernet_print",
        "/interface/ethernet",
        Mode::Usual,
    ),
    ("interface_print_brief", "/interface", Mode::Usual),
    ("interface_print_detail", "/interface", Mode::Detail),
    (
        "interface_print_terse_without-paging",
        "/interface",
        Mode::Terse,
    ),
    (
        "interface_vlan_print_detail",
        "/interface/vlan",
        Mode::Detail,
    ),
    (
        "interface_wireguard_print_terse_without-paging",
        "/interface/wireguard",
        Mode::Terse,
    ),
    (
        "interface_wireguard_peers_print_terse_without-paging",
        "/interface/wireguard/peers",
        Mode::Terse,
    ),
    (
        "interface_ethernet_monitor_name_once",
        "/interface/ethernet",
        Mode::Single,
    ),
    ("ip_address_print", "/ip/address", Mode::Usual),
    ("ip_arp_print", "/ip/arp", Mode::Usual),
    ("ip_arp_print_without-paging", "/ip/arp", Mode::Usual),
    ("ip_arp_print_terse_without-paging", "/ip/arp", Mode::Terse),
    (
        "ip_dhcp-server_lease_print",
        "/ip/dhcp-server/lease",
        Mode::Usual,
    ),
    (
        "ip_dhcp-server_lease_print_without-paging",
        "/ip/dhcp-server/lease",
        Mode::Usual,
    ),
    (
        "ip_dhcp-server_lease_print_terse_without-paging",
        "/ip/dhcp-server/lease",
        Mode::Terse,
    ),
    (
        "ip_firewall_address-list_print_terse",
        "/ip/firewall/address-list",
        Mode::Terse,
    ),
    (
        "ip_firewall_filter_print_all_without-paging",
        "/ip/firewall/filter",
        Mode::Usual,
    ),
    (
        "ip_firewall_nat_print_all_without-paging",
        "/ip/firewall/nat",
        Mode::Usual,
    ),
    ("ip_neighbor_print_detail", "/ip/neighbor", Mode::Detail),
    ("ip_route_print_detail", "/ip/route", Mode::Detail),
    ("ip_route_print_terse", "/ip/route", Mode::Terse),
    (
        "ipv6_neighbor_print_without-paging",
        "/ipv6/neighbor",
        Mode::Usual,
    ),
    ("log_print_detail_without-paging", "/log", Mode::Detail),
    (
        "snmp_community_print_without-paging",
        "/snmp/community",
        Mode::Usual,
    ),
    ("system_clock_print", "/system/clock", Mode::Single),
    ("system_identity_print", "/system/identity", Mode::Single),
    ("system_resource_print", "/system/resource", Mode::Single),
    (
        "system_routerboard_print",
        "/system/routerboard",
        Mode::Single,
    ),
    ("user_active_print", "/user/active", Mode::Usual),
    ("user_print", "/user", Mode::Usual),
];

#[expect(
    clippy::disallowed_methods,
    reason = "how a test is told where things are"
)]
fn folder(name: &str) -> PathBuf {
    let home = std::env::var_os("TOD_FIXTURES").expect("TOD_FIXTURES says where files are");
    Path::new(&home).join("cli/ntc-templates").join(name)
}

/// Says whether a sample is in the manner of version 7.
fn is_modern(lines: &[&str], path: &str) -> bool {
    let legend = lines.iter().find(|l| l.starts_with("Flags:"));
    lines.iter().any(|l| l.starts_with("Columns:"))
        || legend.is_some_and(|l| l.contains(';'))
        || path.starts_with("/interface/wireguard")
}

/// Splits into pairs; a word without a name belongs to the value before it.
fn pairs(text: &str) -> Vec<(String, String)> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut is_quoted = false;
    for word in text.split(' ') {
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
        let name = word
            .split_once('=')
            .filter(|(n, _)| !is_quoted && n.chars().all(is_name));
        match (name, pairs.last_mut()) {
            (Some((name, value)), _) => pairs.push((name.to_owned(), value.to_owned())),
            (None, Some((_, value))) => value.extend([" ", word]),
            (None, None) => {}
        }
        is_quoted ^= word.matches('"').count() % 2 == 1;
    }
    for (_, value) in &mut pairs {
        *value = value.trim_end().trim_matches('"').to_owned();
    }
    pairs
}

/// Reads a number and letters off the front of a row.
fn front<'t>(shape: &Shape, line: &'t str) -> Option<(Record, &'t str)> {
    let rest = line.trim_start();
    let digits = rest.find(|c: char| !c.is_ascii_digit())?;
    if digits == 0 || line.len() - rest.len() > 3 {
        return None;
    }
    let mut record = Record::new();
    let mut rest = rest.get(digits..)?;
    let flags: Vec<_> = shape.flags.iter().flatten().collect();
    while let Some(letter) = rest.chars().next() {
        let flag = flags.iter().find(|(l, _)| *l == letter);
        let stands_alone = rest
            .get(1..2)
            .is_none_or(|c| c == " " || flags.iter().any(|(l, _)| c.starts_with(*l)));
        match flag.filter(|_| stands_alone) {
            Some((_, name)) => record.push(name, "true"),
            None if letter == ' ' => {}
            None => break,
        }
        rest = rest.get(1..)?;
    }
    Some((record, rest))
}

fn words(shape: &Shape, lines: &[&str]) -> Vec<Record> {
    let mut rows: Vec<(Record, String)> = Vec::new();
    for line in lines.iter().filter(|l| !l.starts_with("Flags:")) {
        let bare = || shape.is_bare.then(|| (Record::new(), *line));
        match front(shape, line).or_else(bare) {
            Some((record, rest)) => rows.push((record, rest.to_owned())),
            None => {
                if let Some((_, text)) = rows.last_mut() {
                    text.extend(["\n", line]);
                }
            }
        }
    }
    let each = rows.into_iter().map(|(mut record, text)| {
        let mut text = text.trim().to_owned();
        if let Some(rest) = text.clone().strip_prefix(";;; ") {
            let at = rest.find("\n  ").unwrap_or(rest.len());
            let (comment, words) = rest.split_at(at);
            record.push("comment", comment);
            text = words.to_owned();
        }
        let text = text.replace('\n', " ");
        let spaced = text.trim();
        for (name, value) in pairs(spaced) {
            record.push(&name, value);
        }
        record
    });
    each.collect()
}

fn table(shape: &Shape, lines: &[&str]) -> Option<Vec<Record>> {
    let is_head = |l: &&&str| l.trim_start().starts_with('#');
    let head = lines.iter().position(|l| is_head(&l))?;
    let title = lines.get(head)?;
    let mut columns = Vec::new();
    let mut at = 0;
    for word in title.split_whitespace() {
        let start = at + title.get(at..)?.find(word)?;
        at = start + word.len();
        if word != "#" {
            columns.push((word.to_lowercase(), start, at));
        }
    }
    let mut rows: Vec<Record> = Vec::new();
    let mut note = None;
    let mut open = None;
    for line in lines.get(head + 1..)? {
        if let Some(comment) = line.strip_prefix(";;; ") {
            note = Some(comment.to_owned());
            continue;
        }
        let mut record = if let Some(record) = open.take() {
            record
        } else {
            let (mut record, rest) = front(shape, line)?;
            if let Some(comment) = rest.trim_start().strip_prefix(";;; ") {
                record.push("comment", comment);
                open = Some(record);
                continue;
            }
            record
        };
        if let Some(comment) = note.take() {
            record.push("comment", comment);
        }
        let is_right = |name: &str| shape.columns.iter().any(|(c, r)| *c == name && *r);
        // What is ranged right ends below the end of its title, wherever it begins.
        let begin = |(name, start, end): &(String, usize, usize)| {
            let to = line
                .get(..(*end).min(line.len()))
                .filter(|_| is_right(name));
            match to.filter(|t| line.len() >= *end && !t.ends_with(' ')) {
                Some(text) => text.rfind(' ').map_or(0, |at| at + 1),
                None if is_right(name) => *end,
                None => *start,
            }
        };
        for (n, column) in columns.iter().enumerate() {
            let from = begin(column).min(line.len());
            let next = columns.get(n + 1).map_or(line.len(), begin);
            let cell = line.get(from..next.clamp(from, line.len()))?.trim();
            if !cell.is_empty() {
                record.push(&column.0, cell);
            }
        }
        rows.push(record);
    }
    Some(rows)
}

fn single(lines: &[&str]) -> Vec<Record> {
    let mut record = Record::new();
    for line in lines {
        if let Some(note) = line.strip_prefix(";;; ") {
            record.push(".about", note);
        } else if let Some((name, value)) = line.split_once(':') {
            record.push(name.trim(), value.trim());
        }
    }
    vec![record]
}

/// Undoes the units of what a console shows of resources.
fn plain(record: &Record) -> Record {
    let pairs = record.iter().map(|(name, value)| {
        let text = String::from_utf8_lossy(value).into_owned();
        let size = |unit: &str, factor: f64| {
            let number: f64 = text.strip_suffix(unit)?.parse().ok()?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "sizes of memories"
            )]
            Some((number * factor).ceil() as u64)
        };
        let size = size("KiB", 1024.0).or_else(|| size("MiB", 1_048_576.0));
        let plain = text
            .trim_end_matches('%')
            .trim_end_matches("MHz")
            .to_owned();
        (name.to_owned(), size.map_or(plain, |s| s.to_string()))
    });
    pairs.fold(Record::new(), |record, (name, value)| {
        record.with(&name, value)
    })
}

fn printed(text: &str, path: &str, mode: Mode) -> Option<String> {
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    let lines: Vec<_> = lines.into_iter().filter(|l| !l.is_empty()).collect();
    let is_modern = is_modern(&lines, path);
    let shape = Shape::of(path, is_modern);
    let rows = match mode {
        Mode::Single if path == "/system/resource" => single(&lines).iter().map(plain).collect(),
        Mode::Single => single(&lines),
        Mode::Usual if !shape.is_inline => table(&shape, &lines)?,
        _ => words(&shape, &lines),
    };
    let page = Page {
        path,
        is_modern,
        mode,
        width: usize::MAX,
    };
    Some(page.show(&rows))
}

/// Shows where two texts part.
fn difference(theirs: &[&str], ours: &[&str]) -> String {
    let longest = theirs.len().max(ours.len());
    let at = (0..longest).find(|i| ours.get(*i) != theirs.get(*i));
    let from = at.unwrap_or(0).saturating_sub(3);
    let near = |words: &[&str]| {
        let words = words.iter().skip(from).take(8).copied();
        words.collect::<Vec<_>>().join(" ")
    };
    format!("`{}` not `{}`", near(theirs), near(ours))
}

#[test]
fn a_sample_is_printed_again_word_for_word() {
    let (mut all, mut same) = (0, 0);
    for (name, path, mode) in SAMPLES {
        let mut files: Vec<_> = std::fs::read_dir(folder(name)).unwrap().collect();
        files.sort_by_key(|f| f.as_ref().unwrap().path());
        for file in files {
            let file = file.unwrap().path();
            let bytes = std::fs::read(&file).unwrap();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            // What the log says meanwhile is not part of it.
            let lines = text.lines().filter(|l| !l.contains(" echo: "));
            let text = lines.collect::<Vec<_>>().join("\n");
            let ours = printed(&text, path, *mode).unwrap_or_default();
            let theirs: Vec<_> = text.split_whitespace().collect();
            let ours: Vec<_> = ours.split_whitespace().collect();
            all += 1;
            same += u32::from(ours == theirs);
            if ours != theirs {
                let name = file.file_name().unwrap().to_string_lossy();
                println!("{name}: {}", difference(&theirs, &ours));
            }
        }
    }
    println!("{same} of {all}");
    assert!(same >= 50, "{same} of {all}");
}
