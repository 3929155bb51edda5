//! What exports teach: menus and properties that no tree has, and the order of menus.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::Menus;
use super::order::{self, Sequence};

/// The order of menus in exports since a version.
pub(super) type Order = BTreeMap<(u16, u16), Vec<String>>;

/// What exports say of a property: its menu, itself, the shape of the menu, whether it is a flag.
struct Fact {
    menu: String,
    name: String,
    shape: &'static str,
    is_flag: bool,
    /// It says no.
    is_off: bool,
}

/// Adds what the exports say, and returns the order in which they have menus.
pub(super) fn learn(menus: &mut Menus, folder: &Path) -> Result<Order> {
    let mut usual = BTreeMap::new();
    let mut sequences = Vec::new();
    for major in [6, 7] {
        let list = super::text(&folder.join(format!("menu-order.v{major}.derived.txt")))?;
        let paths = list.lines().map(|l| l.trim().replace(' ', "/"));
        usual.insert(major, paths.filter(|p| p.starts_with('/')).collect());
        let files = std::fs::read_dir(folder.join(format!("v{major}")));
        for file in files.context("cannot list the exports")? {
            let path = file?.path();
            let text = super::text(&path)?;
            // Those with everything in them do not tell what is worth writing.
            let is_whole = path.to_string_lossy().contains("verbose");
            // Some have lost their header; they say nothing of versions.
            let version = version(&text);
            if let Some(version) = version.filter(|_| !is_whole) {
                let menus = menus_of(&text);
                sequences.push(Sequence { version, menus });
            }
            for fact in read(&text) {
                note(menus, fact, version, is_whole);
            }
        }
    }
    Ok(order::eras(&sequences, &usual))
}

/// Returns the menus of an export in its order; one may come again.
fn menus_of(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|l| l.starts_with('/'));
    let mut menus: Vec<String> = lines
        .map(|line| {
            let words = line.split_whitespace();
            let path = words.take_while(|w| !matches!(*w, "add" | "set"));
            path.collect::<Vec<_>>().join("/")
        })
        .collect();
    menus.dedup();
    menus
}

/// Returns the version that the header of an export names.
fn version(text: &str) -> Option<(u16, u16)> {
    let (_, rest) = text.split_once(" by RouterOS ")?;
    let mut numbers = rest.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn note(menus: &mut Menus, fact: Fact, version: Option<(u16, u16)>, is_whole: bool) {
    let Some(version) = version else { return };
    let menu = menus.entry(fact.menu).or_default();
    menu.places.exports.push(version);
    if menu.shape.is_empty() || menu.shape.starts_with("live") {
        menu.shape = fact.shape;
    }
    if fact.shape == "list" && menu.places.trees == [false; 4] {
        menu.shape = "list";
    }
    if fact.name.is_empty() {
        return;
    }
    if menu.shape == "list" && fact.shape == "single" && version.0 == 6 {
        menu.single_until = menu.single_until.or(Some("7.0"));
    }
    let is_kept = fact.name == "disabled" && fact.is_off && !is_whole;
    let prop = menu.props.entry(fact.name).or_default();
    prop.is_kept |= is_kept;
    let is_first = prop.kind.is_empty() && prop.places.trees == [false; 4];
    if is_first && prop.places.exports.is_empty() {
        if fact.is_flag { "bool" } else { "str" }.clone_into(&mut prop.kind);
    } else if !fact.is_flag && prop.kind == "bool" && prop.places.trees == [false; 4] {
        "str".clone_into(&mut prop.kind);
    }
    prop.places.exports.push(version);
    prop.is_read_only = false;
}

/// Reads the commands of an export: menu, verb and names of properties, never their values.
fn read(text: &str) -> Vec<Fact> {
    let text = text.replace("\r\n", "\n").replace("\\\n    ", "");
    let mut menu = String::new();
    let mut facts = Vec::new();
    for line in text.lines().filter(|l| !l.starts_with('#')) {
        let words = words(line);
        let verb = words.iter().position(|w| matches!(*w, "add" | "set"));
        if line.starts_with('/') {
            let path = words.get(..verb.unwrap_or(words.len())).unwrap_or_default();
            menu = path.join("/");
        }
        let Some(verb) = verb else { continue };
        let rest = words.get(verb + 1..).unwrap_or_default();
        let is_selected = rest.first().is_some_and(|w| !w.contains('='));
        let shape = match (words.get(verb), is_selected) {
            (Some(&"add"), _) => "list",
            (_, true) => "fixed",
            (_, false) => "single",
        };
        let fact = |name: String, value: &str| Fact {
            menu: menu.clone(),
            name,
            shape,
            is_flag: matches!(value, "yes" | "no"),
            is_off: value == "no",
        };
        if rest.is_empty() {
            facts.push(fact(String::new(), ""));
        }
        let mut group = String::new();
        for word in rest {
            let (name, value) = match (word.split_once('='), word.strip_prefix('!')) {
                (Some(pair), _) => pair,
                (None, Some(name)) => (name, ""),
                (None, None) => continue,
            };
            let name = match name.split_once('.') {
                Some(("", member)) => format!("{group}.{member}"),
                Some((of, _)) => {
                    of.clone_into(&mut group);
                    name.to_owned()
                }
                None => name.to_owned(),
            };
            let is_name =
                |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
            if name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                && name.chars().all(is_name)
                && !(is_selected && rest.first() == Some(&"[") && is_in_brackets(rest, word))
            {
                facts.push(fact(name, value));
            }
        }
    }
    facts
}

/// Says whether a word belongs to a `[ find … ]`.
fn is_in_brackets(words: &[&str], word: &str) -> bool {
    let end = words.iter().position(|w| w.ends_with(']')).unwrap_or(0);
    words.iter().take(end).any(|w| std::ptr::eq(*w, word))
}

/// Splits at blanks outside of quotes.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut start, mut is_quoted, mut is_escaped) = (0, false, false);
    for (at, c) in line.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            ' ' if !is_quoted => {
                words.extend(line.get(start..at).filter(|w| !w.is_empty()));
                start = at + 1;
            }
            _ => {}
        }
    }
    words.extend(line.get(start..).filter(|w| !w.is_empty()));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_values_are_not() {
        let text = "# x\r\n/interface ethernet\r\nset [ find default-name=ether1 ] \\\r\n    \
                    comment=\"a b=c\" disabled=yes\r\n/ip address add address=10.0.0.1/24\r\n";
        let facts = read(text);
        let seen: Vec<_> = facts
            .iter()
            .map(|f| (f.menu.as_str(), f.name.as_str()))
            .collect();

        assert_eq!(
            seen,
            [
                ("/interface/ethernet", "comment"),
                ("/interface/ethernet", "disabled"),
                ("/ip/address", "address"),
            ]
        );
        assert_eq!((facts[0].shape, facts[1].is_flag), ("fixed", true));
    }
}
