//! What is different between two exports, by menu.

use std::collections::BTreeMap;
use std::fmt;

use super::lex::{LineKind, lines};
use crate::undo::properties::is_ordered;

/// A command that only one of two exports has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Whether it is in the newer one.
    pub is_added: bool,
    /// The menu, such as `/ip/address`.
    pub menu: String,
    /// The command.
    pub text: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_added { '+' } else { '-' };
        write!(f, "{sign} {} {}", self.menu, self.text)
    }
}

/// Compares two exports. Order counts only in menus where it means something; wrapping, headers and
/// comments never do.
pub fn diff(old: &[u8], new: &[u8]) -> Vec<Change> {
    let mut menus: BTreeMap<String, (Vec<String>, Vec<String>)> = BTreeMap::new();
    for (is_new, text) in [(false, old), (true, new)] {
        for line in lines(text)
            .into_iter()
            .filter(|line| line.kind == LineKind::Command)
        {
            let (old, new) = menus.entry(line.menu).or_default();
            if is_new { new } else { old }.push(line.text.trim_end().to_owned());
        }
    }
    let mut changes = Vec::new();
    for (menu, (old, new)) in menus {
        let (gone, come) = if is_ordered(&menu) {
            apart_in_order(&old, &new)
        } else {
            (missing(&old, &new), missing(&new, &old))
        };
        let change = |is_added| {
            let menu = menu.clone();
            move |text: &String| Change {
                is_added,
                menu: menu.clone(),
                text: text.clone(),
            }
        };
        changes.extend(gone.into_iter().map(change(false)));
        changes.extend(come.into_iter().map(change(true)));
    }
    changes
}

/// What is in one list and not in the other, each as often as it is missing.
fn missing<'l>(from: &'l [String], other: &[String]) -> Vec<&'l String> {
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for line in other {
        *left.entry(line).or_default() += 1;
    }
    let is_missing = |line: &&String| match left.get_mut(line.as_str()) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    from.iter().filter(is_missing).collect()
}

/// Longer lists than this are compared without regard to order, which stays linear.
const MAX_ORDERED: usize = 2000;

/// What is left of each list without the longest part that both have in the same order.
fn apart_in_order<'l>(old: &'l [String], new: &'l [String]) -> (Vec<&'l String>, Vec<&'l String>) {
    if old.len() > MAX_ORDERED || new.len() > MAX_ORDERED {
        return (missing(old, new), missing(new, old));
    }
    let width = new.len() + 1;
    // lengths[i * width + j] is the length of that part of old[i..] and new[j..].
    let mut lengths = vec![0_u16; (old.len() + 1) * width];
    let at = |lengths: &[u16], i: usize, j: usize| lengths.get(i * width + j).copied().unwrap_or(0);
    for (i, a) in old.iter().enumerate().rev() {
        for (j, b) in new.iter().enumerate().rev() {
            let length = if a == b {
                at(&lengths, i + 1, j + 1) + 1
            } else {
                at(&lengths, i + 1, j).max(at(&lengths, i, j + 1))
            };
            if let Some(cell) = lengths.get_mut(i * width + j) {
                *cell = length;
            }
        }
    }
    let (mut i, mut j) = (0, 0);
    let (mut gone, mut come) = (Vec::new(), Vec::new());
    while let (Some(a), Some(b)) = (old.get(i), new.get(j)) {
        if a == b {
            i += 1;
            j += 1;
        } else if at(&lengths, i + 1, j) >= at(&lengths, i, j + 1) {
            gone.push(a);
            i += 1;
        } else {
            come.push(b);
            j += 1;
        }
    }
    gone.extend(old.get(i..).unwrap_or_default());
    come.extend(new.get(j..).unwrap_or_default());
    (gone, come)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(old: &str, new: &str) -> Vec<String> {
        let changes = diff(old.as_bytes(), new.as_bytes());
        changes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn order_counts_where_it_means_something() {
        let addresses = [
            "/ip address\nadd a=1\nadd a=2\n",
            "/ip address\nadd a=2\nadd a=1\n",
        ];
        assert_eq!(lines(addresses[0], addresses[1]), [""; 0]);
        let rules = "/ip firewall filter\nadd a=1\nadd a=2\nadd a=3\n";
        let moved = "/ip firewall filter\nadd a=3\nadd a=1\nadd a=2\n";
        assert_eq!(
            lines(rules, moved),
            [
                "- /ip/firewall/filter add a=3",
                "+ /ip/firewall/filter add a=3"
            ]
        );
    }

    #[test]
    fn what_is_there_twice_is_counted() {
        let changes = lines(
            "/ip dns\nadd x=1\nadd x=1\n",
            "/ip dns add x=1\n/ip dns set y=2\n",
        );
        assert_eq!(changes, ["- /ip/dns add x=1", "+ /ip/dns set y=2"]);
    }
}
