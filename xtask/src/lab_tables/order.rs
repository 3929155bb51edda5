//! The order of menus in exports, which shifts a little from release to release.

use std::collections::{BTreeMap, BTreeSet};

/// The first versions whose exports are ordered anew.
const ERAS: &[(u16, u16)] = &[(6, 0), (7, 0), (7, 13), (7, 17), (7, 21)];

/// The menus of one export, in its order.
#[derive(Debug, Clone)]
pub(super) struct Sequence {
    pub(super) version: (u16, u16),
    pub(super) menus: Vec<String>,
}

/// Returns, for each era, all menus of its major version in one order.
pub(super) fn eras(
    sequences: &[Sequence],
    usual: &BTreeMap<u16, Vec<String>>,
) -> BTreeMap<(u16, u16), Vec<String>> {
    let era_of = |version: (u16, u16)| ERAS.iter().rev().find(|era| **era <= version).copied();
    let each = ERAS.iter().map(|era| {
        let usual = usual.get(&era.0).map(Vec::as_slice).unwrap_or_default();
        let is_mine = |s: &&Sequence| era_of(s.version) == Some(*era);
        let mine: Vec<_> = sequences.iter().filter(is_mine).map(once).collect();
        let mut list = merged(&mine, usual);
        let others = sequences.iter().filter(|s| s.version.0 == era.0);
        for menus in others.map(once).chain([usual.to_vec()]) {
            fill(&mut list, &menus);
        }
        (*era, list)
    });
    each.collect()
}

/// Returns menus that stand once, where they stand; where rows wait for others, the first place.
fn once(sequence: &Sequence) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut menus = Vec::new();
    for menu in &sequence.menus {
        // Behind what it refers to, it says nothing of its own place.
        let is_late =
            menu == "/interface/wireless" && seen.contains(&format!("{menu}/security-profiles"));
        if seen.insert(menu.clone()) && !is_late {
            menus.push(menu.clone());
        }
    }
    menus
}

/// Puts sequences together so that each is kept, as far as they agree.
fn merged(sequences: &[Vec<String>], usual: &[String]) -> Vec<String> {
    let all: BTreeSet<&String> = sequences.iter().flatten().collect();
    let mut before: BTreeMap<&String, BTreeSet<&String>> = BTreeMap::new();
    for sequence in sequences {
        for (at, menu) in sequence.iter().enumerate() {
            let earlier = sequence.get(..at).unwrap_or_default();
            let contradicts = |e: &&String| before.get(*e).is_some_and(|b| b.contains(menu));
            let earlier: Vec<_> = earlier.iter().filter(|e| !contradicts(e)).collect();
            before.entry(menu).or_default().extend(earlier);
        }
    }
    let rank = |menu: &String| usual.iter().position(|u| u == menu).unwrap_or(usize::MAX);
    let mut list: Vec<String> = Vec::new();
    let mut left = all;
    while !left.is_empty() {
        let is_free = |menu: &&&String| {
            before
                .get(**menu)
                .is_none_or(|b| !b.iter().any(|x| left.contains(x)))
        };
        let free = left.iter().filter(is_free).min_by_key(|m| rank(m));
        let Some(next) = free
            .or_else(|| left.iter().min_by_key(|m| rank(m)))
            .copied()
        else {
            break;
        };
        left.remove(next);
        list.push(next.clone());
    }
    list
}

/// Puts menus that a list lacks behind those that they follow elsewhere.
fn fill(list: &mut Vec<String>, menus: &[String]) {
    for (at, menu) in menus.iter().enumerate() {
        if list.contains(menu) {
            continue;
        }
        let earlier = menus.get(..at).unwrap_or_default().iter().rev();
        let mut earlier = earlier;
        let place = earlier.find_map(|e| list.iter().position(|l| l == e));
        list.insert(place.map_or(0, |p| p + 1), menu.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_kept_and_gaps_filled() {
        let of = |version, menus: &str| Sequence {
            version,
            menus: menus.split(' ').map(str::to_owned).collect(),
        };
        let sequences = [
            of((7, 1), "a c e a"),
            of((7, 2), "b c d"),
            of((7, 15), "d a"),
        ];
        let usual = BTreeMap::from([(7, "a b c x d e".split(' ').map(str::to_owned).collect())]);

        let eras = eras(&sequences, &usual);

        assert_eq!(eras[&(7, 0)].join(" "), "a b c x d e");
        assert_eq!(eras[&(7, 13)].join(" "), "b d a c x e");
    }
}
