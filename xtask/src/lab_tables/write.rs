//! The table as text: one line for a menu, one for each group of alike properties.

use std::collections::BTreeMap;

use super::exports::Order;
use super::{Menu, Menus, Places, Prop, RELEASES, trees};

const HEAD: &str = "\
# Menus and properties of releases 6.43 to 7.24, in the grammar of menus.txt, which wins.
# Written by `cargo xtask lab-tables`; do not edit.
#
#  !VERB name,name                   a command of the menu, with its arguments
#  >V /a/b …                         the order of menus in an export since a version
";

/// Writes the whole table.
pub(super) fn table(menus: &Menus, order: &Order) -> String {
    let mut out = HEAD.to_owned();
    for ((major, minor), paths) in order {
        line(&mut out, &format!(">{major}.{minor} {}", paths.join(" ")));
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
    if let Some(until) = menu.single_until {
        words.push(format!("single<{until}"));
    }
    words.extend(bounds(&menu.places));
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
    if prop.is_kept {
        words.push("kept".to_owned());
    }
    // What is there as long as its menu needs no word about it.
    let own = bounds(&prop.places);
    if own != bounds(&menu.places) {
        words.extend(own);
    }
    words.join(" ")
}

/// Returns the range of versions as words: nothing where it is all of them.
fn bounds(places: &Places) -> Vec<String> {
    let release = |at: usize| {
        let (_, name) = RELEASES.get(at)?;
        let (major, minor) = name.split_once('.')?;
        Some((major.parse::<u16>().ok()?, minor.parse::<u16>().ok()?))
    };
    let new = || places.exports.iter().filter(|v| v.0 >= 7);
    let is_old = places.exports.iter().any(|v| v.0 < 7);
    let is_new = new().next().is_some();
    let (mut since, mut until) = match places.trees.iter().position(|s| *s) {
        Some(first) => {
            let last = places.trees.iter().rposition(|s| *s).unwrap_or(first);
            let since = if first == 0 { None } else { release(first) };
            (since, release(last + 1))
        }
        None if !is_new => (None, Some((7, 0))),
        None => (None, None),
    };
    // A gate lies between the last tree without and the first with.
    let gate = places.gate;
    since = since.map(|s| if s == (7, 16) { gate.unwrap_or(s) } else { s });
    until = until.map(|u| if u == (7, 16) { gate.unwrap_or(u) } else { u });
    for version in new() {
        since = since.map(|s| s.min(*version));
        until = until.map(|u| u.max((version.0, version.1 + 1)));
    }
    if since.is_none() && !is_old && (places.is_new || places.trees == [false; 4]) {
        since = Some((7, 0));
    }
    let mut words = Vec::new();
    if let Some((major, minor)) = since {
        words.push(format!(">={major}.{minor}"));
        if is_old {
            words.push("v6".to_owned());
        }
    }
    if let Some((major, minor)) = until {
        words.push(format!("<{major}.{minor}"));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::super::Seen;
    use super::*;

    fn of(trees: Seen, exports: &[(u16, u16)]) -> String {
        let places = Places {
            trees,
            exports: exports.to_vec(),
            is_new: false,
            gate: None,
        };
        bounds(&places).join(" ")
    }

    #[test]
    fn trees_give_bounds_and_exports_widen_them() {
        assert_eq!(of([true; 4], &[(7, 2)]), "");
        assert_eq!(of([false, true, true, false], &[]), ">=7.16 <7.24");
        assert_eq!(of([false, true, true, true], &[(7, 15)]), ">=7.15");
        assert_eq!(of([false, false, true, true], &[(6, 48)]), ">=7.20 v6");
        assert_eq!(of([false; 4], &[(6, 43)]), "<7.0");
        assert_eq!(of([false; 4], &[(7, 21)]), ">=7.0");
    }
}
