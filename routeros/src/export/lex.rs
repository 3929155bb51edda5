//! From export text to logical lines, each with the menu it belongs to.

use std::borrow::Cow;

use crate::text::lossy;
use crate::version::Version;

/// A logical line of an export: continued lines joined, `\r` gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The menu, such as `/ip/address`; empty before the first one.
    pub menu: String,
    /// What the line is.
    pub kind: LineKind,
    /// The text, without the menu if both stood on one line.
    pub text: String,
}

/// What a line of an export is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// `# …`
    Comment,
    /// `/ip address` alone.
    Menu,
    /// A command.
    Command,
}

/// What the comments at the top of an export say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// When it was made, in the device's own words.
    pub made: Option<String>,
    /// The version.
    pub version: Option<Version>,
    /// `software id`, of devices that have one.
    pub software_id: Option<String>,
    /// `model`, of boards.
    pub model: Option<String>,
    /// `serial number`, of boards.
    pub serial_number: Option<String>,
}

impl Header {
    /// Reads the comments at the top.
    pub fn parse(text: &[u8]) -> Self {
        let text = lossy(text);
        let mut header = Self::default();
        let comments = text.lines().map_while(|line| line.strip_prefix('#'));
        for comment in comments.map(str::trim) {
            if let Some((made, version)) = comment.split_once(" by RouterOS ") {
                header.made = Some(made.to_owned());
                header.version = Version::parse(version.trim());
            } else if let Some((name, value)) = comment.split_once('=') {
                let value = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
                match name.trim() {
                    "software id" => header.software_id = value,
                    "model" => header.model = value,
                    "serial number" => header.serial_number = value,
                    _ => {}
                }
            }
        }
        header
    }
}

/// Takes an export apart. Bytes that are not text are read as WinBox would write them.
pub fn lines(text: &[u8]) -> Vec<Line> {
    let text = lossy(text);
    let mut menu = String::new();
    let mut lines = Vec::new();
    for text in join(&text) {
        let (kind, text) = classify(text, &mut menu);
        let menu = menu.clone();
        lines.push(Line { menu, kind, text });
    }
    lines
}

/// Verbs that stand after the menu in terse exports.
const VERBS: [&str; 3] = ["add", "set", "remove"];

fn classify(text: String, menu: &mut String) -> (LineKind, String) {
    if text.starts_with('#') {
        return (LineKind::Comment, text);
    }
    if !text.starts_with('/') {
        return (LineKind::Command, text);
    }
    let mut blanks = text.match_indices(' ').map(|(at, _)| at);
    let verb = blanks.find(|at| {
        let rest = text.get(at + 1..).unwrap_or_default();
        let word = rest.split(' ').next().unwrap_or_default();
        VERBS.contains(&word)
    });
    let path = verb.map_or(text.as_str(), |at| text.get(..at).unwrap_or_default());
    *menu = path.trim_end().replace(' ', "/");
    match verb {
        Some(at) => (
            LineKind::Command,
            text.get(at + 1..).unwrap_or_default().to_owned(),
        ),
        None => (LineKind::Menu, text),
    }
}

/// Joins continued lines; empty ones are left out.
pub(super) fn join(text: &str) -> Vec<String> {
    let mut joined = Vec::new();
    let mut open: Option<String> = None;
    for line in text
        .lines()
        .map(|line| line.strip_suffix('\r').unwrap_or(line))
    {
        let part: Cow<'_, str> = match &open {
            None => Cow::Borrowed(line),
            Some(_) => continued(line),
        };
        let is_comment = open.is_none() && line.starts_with('#');
        let (part, goes_on) = match part.strip_suffix('\\') {
            // A pair of backslashes is one in a string.
            Some(rest) if !is_comment && !ends_in_odd(rest) => (rest.to_owned(), true),
            _ => (part.into_owned(), false),
        };
        let whole = open.take().unwrap_or_default() + &part;
        if goes_on {
            open = Some(whole);
        } else if !whole.is_empty() {
            joined.push(whole);
        }
    }
    joined.extend(open);
    joined
}

fn ends_in_odd(text: &str) -> bool {
    let backslashes = text.bytes().rev().take_while(|&b| b == b'\\').count();
    backslashes % 2 == 1
}

/// A continuation without its indentation; `\_` at its start is a blank.
fn continued(line: &str) -> Cow<'_, str> {
    let line = line
        .strip_prefix("    ")
        .unwrap_or_else(|| line.trim_start());
    match line.strip_prefix("\\_") {
        Some(rest) => Cow::Owned(format!(" {rest}")),
        None => Cow::Borrowed(line),
    }
}

/// Splits a line at its blanks and after each `=`; strings in quotes stay whole.
pub(super) fn atoms(line: &str) -> Vec<&str> {
    let mut atoms = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let end = match first {
            ' ' => 1,
            '"' => string_end(rest),
            _ => word_end(rest),
        };
        let Some((atom, after)) = rest.split_at_checked(end) else {
            break;
        };
        atoms.push(atom);
        rest = after;
    }
    atoms
}

fn string_end(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn word_end(text: &str) -> usize {
    for (at, c) in text.char_indices() {
        match c {
            '=' => return at + 1,
            ' ' | '"' => return at,
            _ => {}
        }
    }
    text.len()
}
