//! A tree on another base: what a device keeps when it becomes one of another kind.

use std::sync::Arc;

use super::{Base, Key, Row, Tree, is_interface_table};

impl Tree {
    /// Stands on what all devices of another kind have. What somebody added, changed or removed
    /// stays so; what was there from the start is as the new kind has it.
    ///
    /// `place` says where the rows of a menu go, and of a menu that is no more nowhere.
    pub(crate) fn rebase(&mut self, base: &Arc<Base>, place: impl Fn(&Key) -> Option<Key>) {
        let old = std::mem::replace(&mut self.base, Arc::clone(base));
        for spaces in [&old.next_ids, &base.next_ids] {
            for (space, next) in spaces {
                let mine = self.next_ids.entry(Key::clone(space)).or_insert(*next);
                *mine = (*next).max(*mine);
            }
        }
        for (path, mut table) in std::mem::take(&mut self.tables) {
            let Some(to) = place(&path) else { continue };
            let fresh = base.tables.get(&to).map_or(&[][..], |t| &t.rows);
            let first = |row: &Row| old.row(&path, row.id);
            table.rows.retain_mut(|row| match first(row) {
                Some(before) if before.is_builtin => {
                    let after = fresh.iter().find(|f| is_same(f, before));
                    after.map(|after| follow(row, before, after)).is_some()
                }
                _ => true,
            });
            let was_there = |row: &&Row| {
                let before = old.tables.get(&path).map_or(&[][..], |t| &t.rows);
                before.iter().any(|b| is_same(b, row))
            };
            let fresh = fresh.iter().enumerate();
            for (at, row) in fresh.filter(|(_, row)| row.is_builtin && !was_there(row)) {
                let mut row = row.clone();
                if table.rows.iter().any(|r| r.id == row.id) {
                    row.id = self.next_id(&to);
                }
                table.rows.insert(at.min(table.rows.len()), row);
            }
            self.tables.insert(to, table);
        }
        self.order.clear();
        self.part_interfaces();
    }

    /// Gives interfaces of the base other ids where somebody's own have taken theirs.
    fn part_interfaces(&mut self) {
        let is_own = |path: &&Key| is_interface_table(path);
        let own = self.tables.iter().filter(|(path, _)| is_own(path));
        let mut taken: Vec<u32> = own.flat_map(|(_, t)| &t.rows).map(|r| r.id).collect();
        for path in self.base.interfaces.clone() {
            if self.tables.contains_key(&path) {
                continue;
            }
            for id in self.rows(&path).iter().map(|r| r.id).collect::<Vec<_>>() {
                if !taken.contains(&id) {
                    taken.push(id);
                    continue;
                }
                let next = self.next_id(&path);
                if let Some(row) = self.row_mut(&path, id) {
                    row.id = next;
                }
                taken.push(next);
            }
        }
    }
}

/// Says whether two rows that were there from the start are the same thing.
fn is_same(a: &Row, b: &Row) -> bool {
    let name = |row: &Row| {
        let keys = ["default-name", "name", "topics", "irq"];
        let mut names = keys.iter().filter_map(|k| row.get(k).map(str::to_owned));
        names.next()
    };
    match (name(a), name(b)) {
        (None, None) => a.id == b.id,
        (a, b) => a == b,
    }
}

/// Lets a row have what its kind has from now on, except where somebody has changed it.
fn follow(row: &mut Row, before: &Row, after: &Row) {
    for (key, value) in &after.props {
        if row.get(key) == before.get(key) {
            row.set(Key::clone(key), value.clone());
        }
    }
    for (key, value) in &before.props {
        if after.get(key).is_none() && row.get(key) == Some(value) {
            row.unset(key);
        }
    }
}
