//! Samples of others, read back into rows and printed again.
#![expect(clippy::expect_used, reason = "a test panics when it fails")]

use std::path::{Path, PathBuf};

use routeros::row::Row as Record;

use super::super::shape::Shape;
use super::super::{Mode, Page, echo, load};

mod list;
mod read;
mod recorded;
mod table;

use list::What::{Answered, Echoes, Load, Rows};
use list::{REASONS, SAMPLES, What};

/// How near ours comes to theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Near {
    /// Other words.
    Not,
    /// The same words, on other lines.
    Words,
    /// The same words on each line, at other places.
    Lines,
    /// The same, but for blanks at the ends of lines.
    Same,
}

impl Near {
    fn of(theirs: &str, ours: &str) -> Self {
        let ends = |text: &str| -> Vec<String> {
            let lines = text.trim_end().lines();
            lines.map(|l| l.trim_end().to_owned()).collect()
        };
        let lines = |text: &str| -> Vec<String> {
            let lines = text
                .lines()
                .map(|l| l.split_whitespace().collect::<Vec<_>>().join(" "));
            lines.filter(|l| !l.is_empty()).collect()
        };
        let words = |text: &str| lines(text).join(" ");
        match () {
            () if ends(theirs) == ends(ours) => Self::Same,
            () if lines(theirs) == lines(ours) => Self::Lines,
            () if words(theirs) == words(ours) => Self::Words,
            () => Self::Not,
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how a test is told where things are"
)]
fn home() -> PathBuf {
    let home = std::env::var_os("TOD_FIXTURES").expect("TOD_FIXTURES says where files are");
    Path::new(&home).join("cli")
}

fn printed(text: &str, path: &str, mode: Mode, width: usize) -> Option<String> {
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    let lines: Vec<_> = lines.into_iter().filter(|l| !l.is_empty()).collect();
    let is_modern = read::is_modern(&lines);
    let shape = Shape::of(path, is_modern);
    let rows = match mode {
        Mode::Single if path == "/system/resource" => {
            read::single(&lines).iter().map(read::plain).collect()
        }
        Mode::Single => read::single(&lines),
        Mode::Usual if !shape.is_inline => table::rows(&shape, &lines)?,
        _ => read::words(&shape, &lines),
    };
    let page = Page {
        path,
        is_modern,
        mode,
        width,
    };
    Some(page.show(&rows))
}

/// Reads echoes where their titles say that they stand.
fn echoes(text: &str) -> Option<String> {
    let mut lines = text.lines();
    let head = lines.next()?;
    let names = ["SEQ", "HOST", "SIZE", "TTL", "TIME", "STATUS"];
    let mut ours = vec![echo::head(false)];
    for line in lines {
        if let Some(total) = line.trim().strip_prefix("sent=") {
            let words = format!("sent={total}").replace('%', "");
            let row = read::pairs(&words);
            let row = row
                .iter()
                .fold(Record::new(), |row, (k, v)| row.with(k, v.as_str()));
            ours.push(echo::total(&row));
            continue;
        }
        let mut row = Record::new();
        for (n, name) in names.iter().enumerate() {
            // What is ranged right begins where the title before it ends.
            let from = match n {
                0 => 0,
                2 | 3 => head.find(names[n - 1])? + if n == 3 { names[n - 1].len() } else { 40 },
                _ => head.find(name)?,
            };
            let to = match n {
                0 => head.find("HOST")?,
                1 => from + 40,
                2 | 3 => head.find(name)? + name.len(),
                4 => head.find("STATUS")?,
                _ => line.len(),
            };
            let cell = line.get(from.min(line.len())..to.min(line.len()))?.trim();
            row.push(&name.to_lowercase(), cell);
        }
        ours.push(echo::row(&row, false));
    }
    Some(ours.join("\n"))
}

/// Reads what processors do.
fn load(text: &str) -> String {
    let rows = text.lines().skip(1).filter_map(|line| {
        let (name, usage) = line.trim().split_once(' ')?;
        let usage = usage.trim().trim_end_matches('%');
        Some(Record::new().with("name", name).with("usage", usage))
    });
    load::table(&rows.collect::<Vec<_>>()).join("\n")
}

/// Reads one record below the line that asked for an argument.
fn answered(text: &str, path: &str) -> Option<String> {
    let (asked, rest) = text.split_once('\n')?;
    let ours = printed(rest, path, Mode::Single, usize::MAX)?;
    Some(format!("{asked}\n{ours}"))
}

/// Prints a sample again, on a terminal as wide as it must have been.
fn again(text: &str, what: What) -> (Near, String) {
    let widths = std::iter::once(usize::MAX).chain(60..700);
    let mut best = (Near::Not, String::new());
    for width in widths {
        let ours = match what {
            Rows(path, mode) => printed(text, path, mode, width).unwrap_or_default(),
            Echoes => echoes(text).unwrap_or_default(),
            Load => load(text),
            Answered(path) => answered(text, path).unwrap_or_default(),
        };
        let near = Near::of(text, &ours);
        if near > best.0 || best.1.is_empty() {
            best = (near, ours);
        }
        if best.0 == Near::Same {
            break;
        }
    }
    best
}

/// Shows where two texts part.
fn difference(theirs: &str, ours: &str) -> String {
    let [theirs, ours] = [theirs, ours].map(|t| t.lines().map(str::trim_end).collect::<Vec<_>>());
    let longest = theirs.len().max(ours.len());
    let at = (0..longest).find(|i| ours.get(*i) != theirs.get(*i));
    let at = at.unwrap_or(0);
    format!(
        "\n  `{}`\n  `{}`",
        theirs.get(at).unwrap_or(&"-"),
        ours.get(at).unwrap_or(&"-")
    )
}

/// A sample: its name, what it is a sample of, and its text.
struct Sample {
    name: String,
    of: String,
    text: String,
}

fn read_file(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()
}

/// Returns every sample that there is.
fn samples() -> Vec<Sample> {
    let mut all = Vec::new();
    for folder in std::fs::read_dir(home().join("ntc-templates")).unwrap() {
        let folder = folder.unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap().path();
            all.push(Sample {
                name: file.file_stem().unwrap().to_string_lossy().into_owned(),
                of: folder.file_name().to_string_lossy().into_owned(),
                text: read_file(&file),
            });
        }
    }
    for file in std::fs::read_dir(home().join("issues")).unwrap() {
        let file = file.unwrap().path();
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        all.push(Sample {
            of: name.clone(),
            name,
            text: read_file(&file),
        });
    }
    for file in std::fs::read_dir(home().join("oxidized")).unwrap() {
        let file = file.unwrap().path();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let Some(device) = name.strip_suffix("#simulation.yaml") else {
            continue;
        };
        for (command, text) in recorded::commands(&read_file(&file)) {
            if command.contains(" print") {
                all.push(Sample {
                    name: format!("{device} {command}"),
                    of: command,
                    text,
                });
            }
        }
    }
    all
}

#[test]
fn a_sample_is_printed_again_to_the_letter() {
    let mut wrong = Vec::new();
    let all = samples();
    for sample in &all {
        // What the log says meanwhile is not part of it.
        let lines = sample.text.lines().filter(|l| !l.contains(" echo: "));
        let text = lines.collect::<Vec<_>>().join("\n");
        let is_it = |f: &str| f == sample.of || f == sample.name;
        let known = SAMPLES.iter().find(|(f, _)| is_it(f));
        let (near, ours) = known.map_or((Near::Not, String::new()), |(_, w)| again(&text, *w));
        let listed = REASONS.iter().find(|(n, ..)| *n == sample.name);
        let expected = listed.map_or(Near::Same, |(_, near, _)| *near);
        if near != expected {
            let difference = difference(&text, &ours);
            let name = &sample.name;
            wrong.push(format!("{name}: {near:?}, not {expected:?}{difference}"));
        }
    }
    let is_there = |name: &str| all.iter().any(|s| s.name == name || s.of == name);
    let listed = REASONS.iter().map(|(n, ..)| n);
    let stale = listed.chain(SAMPLES.iter().map(|(n, _)| n));
    wrong.extend(
        stale
            .filter(|n| !is_there(n))
            .map(|n| format!("{n} is not there")),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
