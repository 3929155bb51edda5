//! Which item of one configuration is which of the other.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use super::identity::{candidates, is_fixed, key, values};
use crate::row::Row;
use crate::secret::is_secret;
use crate::undo::properties::is_ordered;

/// The items of one menu.
pub(super) trait Items {
    /// How many there are.
    fn len(&self) -> usize;

    /// Bytes that are the same for items that are the same in everything.
    fn exact(&self, at: usize) -> &[u8];

    /// Whether the device made an item, and so puts it where it likes.
    fn is_fixed(&self, at: usize) -> bool;

    /// An item.
    fn row(&self, at: usize) -> Cow<'_, Row>;
}

/// An item of both sides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) old: usize,
    pub(super) new: usize,
    /// Nothing is different.
    pub(super) is_exact: bool,
    /// It stands elsewhere, where that means something.
    pub(super) is_moved: bool,
}

/// Which is which.
#[derive(Debug, Default)]
pub(super) struct Matching {
    pub(super) pairs: Vec<Pair>,
    pub(super) removed: Vec<(usize, Row)>,
    pub(super) added: Vec<(usize, Row)>,
}

/// Finds out which items are the same.
pub(super) fn matching(
    menu: &str,
    old: &dyn Items,
    new: &dyn Items,
    followed: impl Fn(&mut Row),
) -> Matching {
    let mut matching = Matching::default();
    let (removed, added) = exactly(old, new, &mut matching.pairs);
    let rows = |items: &dyn Items, left: Vec<usize>| -> Vec<(usize, Row)> {
        let rows = left.into_iter().map(|at| (at, items.row(at).into_owned()));
        rows.collect()
    };
    matching.removed = rows(old, removed);
    matching.added = rows(new, added);
    for (_, row) in &mut matching.removed {
        followed(row);
    }
    let is_ordered = is_ordered(menu);
    if !matching.removed.is_empty() && !matching.added.is_empty() {
        matching.by_key(|row| fixed_key(menu, row));
        matching.by_key(|row| given_name(menu, row));
        matching.in_turn(|row| Some(without_secrets(menu, row)));
        for names in candidates(is_ordered) {
            let names = |row: &Row| {
                (!is_fixed(menu, row))
                    .then(|| key(menu, row, names))
                    .flatten()
            };
            matching.by_key(names);
        }
        matching.by_key(|row| without_name(menu, row));
        if is_ordered {
            matching.by_place(menu);
        }
    }
    matching.pairs.sort_unstable_by_key(|pair| pair.old);
    if is_ordered {
        let (fixed, mut free): (Vec<Pair>, _) = matching
            .pairs
            .iter()
            .partition(|pair| old.is_fixed(pair.old));
        mark_moved(&mut free);
        matching.pairs = [fixed, free].concat();
    }
    matching
}

/// The name of an item that is added, or known by its name alone: it may be one on one side and the
/// other on the other.
fn given_name(menu: &str, row: &Row) -> Option<Vec<u8>> {
    let is_known_by_it = row.raw(".by").is_some() || !is_fixed(menu, row);
    let name = row.raw("name").filter(|name| !name.is_empty())?;
    is_known_by_it.then(|| name.to_vec())
}

/// Pairs what is the same in everything, the first with the first. Returns what is left.
fn exactly(old: &dyn Items, new: &dyn Items, pairs: &mut Vec<Pair>) -> (Vec<usize>, Vec<usize>) {
    let mut pair = |old, new| {
        pairs.push(Pair {
            old,
            new,
            is_exact: true,
            is_moved: false,
        });
    };
    let shorter = old.len().min(new.len());
    let is_same = |at: &usize| old.exact(*at) == new.exact(*at);
    let start = (0..shorter).take_while(is_same).count();
    let is_same = |back: &usize| old.exact(old.len() - 1 - back) == new.exact(new.len() - 1 - back);
    let end = (0..shorter - start).take_while(is_same).count();
    (0..start).for_each(|at| pair(at, at));
    (0..end).for_each(|back| pair(old.len() - 1 - back, new.len() - 1 - back));
    let mut places: HashMap<&[u8], Vec<usize>> = HashMap::new();
    for at in (start..new.len() - end).rev() {
        places.entry(new.exact(at)).or_default().push(at);
    }
    let mut removed = Vec::new();
    for at in start..old.len() - end {
        match places.get_mut(old.exact(at)).and_then(Vec::pop) {
            Some(other) => pair(at, other),
            None => removed.push(at),
        }
    }
    let mut added: Vec<usize> = places.into_values().flatten().collect();
    added.sort_unstable();
    (removed, added)
}

impl Matching {
    fn pair(&mut self, pairs: &[(usize, usize)]) {
        let (removed, added) = (&self.removed, &self.added);
        let pair = pairs.iter().filter_map(|&(old, new)| {
            Some(Pair {
                old: removed.get(old)?.0,
                new: added.get(new)?.0,
                is_exact: false,
                is_moved: false,
            })
        });
        self.pairs.extend(pair);
        let keep = |left: &mut Vec<(usize, Row)>, gone: Vec<usize>| {
            let mut at = 0;
            left.retain(|_| {
                at += 1;
                !gone.contains(&(at - 1))
            });
        };
        keep(&mut self.removed, pairs.iter().map(|pair| pair.0).collect());
        keep(&mut self.added, pairs.iter().map(|pair| pair.1).collect());
    }

    /// Pairs items of which exactly one on each side has a key.
    fn by_key(&mut self, key: impl Fn(&Row) -> Option<Vec<u8>>) {
        let index = |left: &[(usize, Row)]| {
            let mut keys: BTreeMap<Vec<u8>, Option<usize>> = BTreeMap::new();
            for (at, (_, row)) in left.iter().enumerate() {
                if let Some(key) = key(row) {
                    let place = keys.entry(key);
                    place.and_modify(|at| *at = None).or_insert(Some(at));
                }
            }
            keys
        };
        let (old, new) = (index(&self.removed), index(&self.added));
        let pairs = old.iter().filter_map(|(key, at)| {
            let other = new.get(key).copied().flatten()?;
            Some(((*at)?, other))
        });
        let pairs: Vec<_> = pairs.collect();
        self.pair(&pairs);
    }

    /// Pairs items with the same key, the first with the first.
    fn in_turn(&mut self, key: impl Fn(&Row) -> Option<Vec<u8>>) {
        let mut places: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
        for (at, (_, row)) in self.added.iter().enumerate().rev() {
            if let Some(key) = key(row) {
                places.entry(key).or_default().push(at);
            }
        }
        let mut pairs = Vec::new();
        for (at, (_, row)) in self.removed.iter().enumerate() {
            let other = key(row).and_then(|key| places.get_mut(&key)?.pop());
            pairs.extend(other.map(|other| (at, other)));
        }
        self.pair(&pairs);
    }

    /// Pairs items that stand between the same neighbours and have half of their values in common.
    fn by_place(&mut self, menu: &str) {
        // The neighbour before an item is known by its place on the old side.
        let neighbour = |places: &[(usize, usize)], at: usize| {
            let later = places.partition_point(|place| place.0 < at);
            later
                .checked_sub(1)
                .and_then(|last| Some(places.get(last)?.1))
        };
        let mut places: Vec<_> = self.pairs.iter().map(|pair| (pair.old, pair.old)).collect();
        places.sort_unstable();
        let gaps = self.removed.iter().map(|(at, _)| neighbour(&places, *at));
        let old_gaps: Vec<Option<usize>> = gaps.collect();
        let mut places: Vec<_> = self.pairs.iter().map(|pair| (pair.new, pair.old)).collect();
        places.sort_unstable();
        let gaps = self.added.iter().map(|(at, _)| neighbour(&places, *at));
        let new_gaps: Vec<Option<usize>> = gaps.collect();
        let mut pairs: Vec<(usize, usize)> = Vec::new();
        for (at, ((_, row), gap)) in self.removed.iter().zip(&old_gaps).enumerate() {
            let first = pairs.last().map_or(0, |last| last.1 + 1);
            let candidates = self.added.iter().zip(&new_gaps).enumerate().skip(first);
            let mut near = candidates.filter(|(_, (_, other))| *other == gap);
            let found = near.find(|(_, ((_, candidate), _))| {
                is_fixed(menu, row) == is_fixed(menu, candidate) && is_alike(menu, row, candidate)
            });
            pairs.extend(found.map(|(other, _)| (at, other)));
        }
        self.pair(&pairs);
    }
}

fn is_alike(menu: &str, a: &Row, b: &Row) -> bool {
    let same = values(menu, a)
        .filter(|(name, value)| values(menu, b).any(|(n, v)| n == *name && v == *value))
        .count();
    let most = values(menu, a).count().max(values(menu, b).count());
    same * 2 >= most && same > 0
}

/// Items that the device made are known by how an export says which is meant.
fn fixed_key(menu: &str, row: &Row) -> Option<Vec<u8>> {
    // A menu with one record.
    if row.id().is_none() {
        return Some(Vec::new());
    }
    if !is_fixed(menu, row) {
        return None;
    }
    let found = row.raw(".fixed").and_then(|_| row.raw(".id"));
    let by_name = || row.raw("default-name").or_else(|| row.raw("name"));
    found.or_else(by_name).map(<[u8]>::to_vec)
}

/// Everything but secrets, which a side may hide.
fn without_secrets(menu: &str, row: &Row) -> Vec<u8> {
    let mut values: Vec<_> = values(menu, row)
        .filter(|(name, _)| !is_secret(menu, name))
        .collect();
    values.sort();
    spelled(&values, is_fixed(menu, row))
}

/// Everything but name and comment, if that is enough to know an item by.
fn without_name(menu: &str, row: &Row) -> Option<Vec<u8>> {
    row.raw("name").filter(|_| !is_fixed(menu, row))?;
    let mut values: Vec<_> = values(menu, row)
        .filter(|(name, _)| !matches!(*name, "name" | "comment") && !is_secret(menu, name))
        .collect();
    values.sort();
    (values.len() > 1).then(|| spelled(&values, false))
}

pub(super) fn spelled(values: &[(&str, Cow<'_, [u8]>)], is_fixed: bool) -> Vec<u8> {
    let mut text = vec![u8::from(is_fixed)];
    for (name, value) in values {
        text.extend_from_slice(name.as_bytes());
        text.push(0);
        text.extend_from_slice(&u64::try_from(value.len()).unwrap_or(0).to_le_bytes());
        text.extend_from_slice(value);
    }
    text
}

/// Marks what does not belong to the longest run of items that are in the same order on both sides.
fn mark_moved(pairs: &mut [Pair]) {
    // The last pair of the best run of each length, and what came before each pair in its run.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (at, pair) in pairs.iter().enumerate() {
        let place = |end: &usize| pairs.get(*end).is_some_and(|other| other.new < pair.new);
        let length = ends.partition_point(place);
        before.push(
            length
                .checked_sub(1)
                .and_then(|last| ends.get(last).copied()),
        );
        match ends.get_mut(length) {
            Some(end) => *end = at,
            None => ends.push(at),
        }
    }
    let mut stays = vec![false; pairs.len()];
    let mut at = ends.last().copied();
    while let Some(place) = at {
        if let Some(stays) = stays.get_mut(place) {
            *stays = true;
        }
        at = before.get(place).copied().flatten();
    }
    for (pair, stays) in pairs.iter_mut().zip(stays) {
        pair.is_moved = !stays;
    }
}
