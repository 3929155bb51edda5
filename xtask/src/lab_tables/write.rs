//! The table as text: one line for a menu, one for each group of alike properties.

use std::collections::BTreeMap;

use super::exports::Order;
use super::{Menu, Menus, Prop, RELEASES, Seen, trees};

const HEAD: &str = "\
# Menus and properties of releases 6.43 to 7.24, in the grammar of menus.txt, which wins.
# Written by `cargo xtask lab-tables`; do not edit.
#
#  !VERB name,name                   a command of the menu, with its arguments
#  >6 /a/b … and >7 /a/b …           the order of menus in an export, by version
";

/// Writes the whole table.
pub(super) fn table(menus: &Menus, order: &Order) -> String {
    let mut out = HEAD.to_owned();
    for (major, paths) in order {
        line(&mut out, &format!(">{major} {}", paths.join(" ")));
    }
    for (path, menu) in menus {
        head(&mut out, path, menu);
        properties(&mut out, menu);
        for (verb, names) in &menu.verbs {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            line(&mut out, &format!(" !{verb} {}", names.join(",")));
        }
    }
    out
}

fn line(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push('\n');
}

fn head(out: &mut String, path: &str, menu: &Menu) {
    let mut words = vec![path.to_owned(), menu.shape.to_owned()];
    if menu.is_ordered {
        words.push("ordered".to_owned());
    }
    if menu.extra
        && let Some(package) = trees::package(path)
    {
        words.push(format!("pkg={package}"));
    }
    if let Some((names, text)) = &menu.need {
        words.push(format!(
            "need={}:{}",
            names.join(","),
            text.replace(' ', "_")
        ));
    }
    words.extend(bounds(menu.seen, menu.only));
    line(out, &words.join(" "));
}

fn properties(out: &mut String, menu: &Menu) {
    let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (name, prop) in &menu.props {
        groups
            .entry(traits(menu, name, prop))
            .or_default()
            .push(name);
    }
    for (traits, names) in groups {
        line(out, &format!(" {} {traits}", names.join(",")));
    }
}

fn traits(menu: &Menu, name: &str, prop: &Prop) -> String {
    let kind = match prop.kind.as_str() {
        "" if name == "disabled" => "bool",
        "" => "str",
        kind => kind,
    };
    let mut words = vec![kind.to_owned()];
    if name == "disabled" && kind == "bool" && !prop.is_read_only {
        words.push("=false".to_owned());
    }
    if prop.is_read_only {
        words.push("ro".to_owned());
    } else if prop.is_required {
        words.push("req".to_owned());
    }
    // What is there as long as its menu needs no word about it.
    if prop.seen != menu.seen || prop.only != menu.only {
        words.extend(bounds(prop.seen, prop.only));
    }
    words.join(" ")
}

/// Returns the range of versions as words: nothing where it is all of them.
fn bounds(seen: Seen, only: Option<u8>) -> Vec<String> {
    let name = |at: usize| RELEASES.get(at).map_or("", |(_, name)| *name);
    let mut words = Vec::new();
    match only {
        Some(6) => return vec!["<7.0".to_owned()],
        Some(_) => words.push(">=7.0".to_owned()),
        None => {}
    }
    let first = seen.iter().position(|s| *s).unwrap_or(0);
    let last = seen.iter().rposition(|s| *s).unwrap_or(seen.len());
    if first > 0 {
        words.push(format!(">={}", name(first)));
    }
    if last + 1 < seen.len() {
        words.push(format!("<{}", name(last + 1)));
    }
    words
}
