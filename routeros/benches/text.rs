//! Measures what it costs to understand exports, at 10,000 lines each.
//!
//! Prints lines of JSON: microseconds (medians) to take one apart and make it normal, to tell two of them
//! apart from their bytes on, and what `git diff --no-index` takes for the same two files, measured
//! in turns with ours.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement prints, and stops when it fails"
)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use routeros::config::{Difference, diff_exports};
use routeros::export::{Export, Layout};

const LINES: usize = 10_000;
const ROUNDS: usize = 40;

/// An export of a device with much on it. Every hundredth item differs in the second edition, and
/// some come, go and change places.
fn export(edition: u32) -> Vec<u8> {
    let mut text = String::from(
        "# 2026-03-01 04:05:06 by RouterOS 7.20.8\n# software id = C2CC-CCC2\n#\n\
         # model = CCR2004-16G-2S+\n# serial number = CC333CCCCCC\n",
    );
    interfaces(&mut text, edition);
    leases(&mut text, edition);
    rules(&mut text, edition);
    scripts(&mut text, edition);
    // The list comes last: cutting the text to its length makes it shorter.
    list(&mut text, edition);
    let export = Export::parse(text.as_bytes()).print_as(Layout::DEVICE);
    let mut lines: Vec<&[u8]> = export.split_inclusive(|b| *b == b'\n').collect();
    assert!(lines.len() > LINES, "{}", lines.len());
    lines.truncate(LINES);
    lines.concat()
}

fn differs(edition: u32, n: u32) -> bool {
    edition == 1 && n % 100 == 57
}

fn interfaces(text: &mut String, edition: u32) {
    text.push_str("/interface vlan\n");
    for n in 0..500 {
        let port = n % 12;
        let comment = if differs(edition, n) {
            "moved out"
        } else {
            "customer of the north"
        };
        writeln!(
            text,
            "add comment=\"{comment} {n}\" interface=sfp-sfpplus{port} name=vlan{n} vlan-id={n}"
        )
        .unwrap();
    }
    text.push_str("/ip address\n");
    for n in 0..500 {
        let off = if differs(edition, n) {
            " disabled=yes"
        } else {
            ""
        };
        let (high, low) = (n / 250, n % 250);
        writeln!(
            text,
            "add address=10.{high}.{low}.1/24{off} interface=vlan{n} network=10.{high}.{low}.0"
        )
        .unwrap();
    }
}

fn leases(text: &mut String, edition: u32) {
    text.push_str("/ip dhcp-server lease\n");
    for n in 0..1500_u32 {
        let host = n + u32::from(differs(edition, n));
        let (high, low) = (n / 256, n % 256);
        writeln!(
            text,
            "add address=10.{high}.{low}.{} client-id=1:2:0:0:0:{high:x}:{low:x} \
             comment=\"desk {host}\" mac-address=02:00:00:00:{high:02X}:{low:02X} server=dhcp{}",
            n % 200 + 10,
            n % 12
        )
        .unwrap();
    }
}

fn rules(text: &mut String, edition: u32) {
    text.push_str("/ip firewall filter\n");
    for n in 0..1200_u32 {
        // Some rules change places.
        let n = if edition == 1 && n % 300 < 2 {
            n ^ 1
        } else {
            n
        };
        let port = n + 1000 * u32::from(differs(edition, n));
        writeln!(
            text,
            "add action=accept chain=customer{} comment=\"let {n} in\" dst-address=10.9.{}.{} \
             dst-port={port} in-interface=vlan{} protocol=tcp",
            n % 7,
            n / 250,
            n % 250,
            n % 500
        )
        .unwrap();
    }
}

fn scripts(text: &mut String, edition: u32) {
    text.push_str("/system script\n");
    for n in 0..60_u32 {
        let other = n + u32::from(differs(edition, n));
        writeln!(
            text,
            "add name=job{n} source=\":foreach i in=[/interface find] do={{\\r\\n    :put \
             [/interface get \\$i name]\\r\\n    :log info \\\"job {other} has seen \\$i\\\"\\r\\n}}\""
        )
        .unwrap();
    }
}

fn list(text: &mut String, edition: u32) {
    text.push_str("/ip firewall address-list\n");
    for n in (0..6000_u32).filter(|n| !differs(edition, *n)) {
        let (high, low) = (n / 250, n % 250);
        writeln!(text, "add address=198.51.{high}.{low} list=blocked").unwrap();
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let begun = Instant::now();
    black_box(work());
    begun.elapsed()
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64()
}

fn git(folder: &Path) {
    let status = Command::new("git")
        .args(["diff", "--no-index", "--no-color", "old.rsc", "new.rsc"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(1), "git finds differences");
}

fn main() {
    let (old, new) = (export(0), export(1));
    let folder = std::env::temp_dir().join(format!("tod-text-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("old.rsc"), &old).unwrap();
    std::fs::write(folder.join("new.rsc"), &new).unwrap();
    let compare = || -> Vec<Difference> {
        diff_exports(
            &Export::parse(black_box(&old)),
            &Export::parse(black_box(&new)),
        )
    };
    let (mut reads, mut normals, mut diffs, mut gits) = (vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        reads.push(timed(|| Export::parse(black_box(&old))));
        normals.push(timed(|| {
            Export::parse(black_box(&old)).normalise().unwrap()
        }));
        diffs.push(timed(compare));
        gits.push(timed(|| git(&folder)));
    }
    let found = compare();
    let lines: usize = found
        .iter()
        .map(|difference| difference.lines().len())
        .sum();
    std::fs::remove_dir_all(&folder).unwrap();
    let us = |times: Vec<Duration>| median(times) * 1e6;
    println!(
        "{{\"who\":\"sizes\",\"lines\":{LINES},\"bytes\":{},\"differences\":{},\"changes\":{lines}}}",
        old.len(),
        found.len()
    );
    for (who, times) in [
        ("tree", reads),
        ("normal", normals),
        ("diff", diffs),
        ("git", gits),
    ] {
        println!("{{\"who\":\"{who}\",\"us\":{:.0}}}", us(times));
    }
}
