//! New names of interfaces and lists, followed to everything that refers to them.

use crate::core::Core;
use crate::schema::SCHEMA;
use crate::tree::{Change, Key};

impl Core {
    /// Follows a new name of an interface or a list to everything that refers to it.
    pub(super) fn renamed(
        &self,
        path: &str,
        id: u32,
        props: &[(Key, Option<String>)],
    ) -> Vec<Change> {
        let is_interface = SCHEMA
            .menu(path)
            .is_some_and(|m| m.interface_type.is_some());
        if !is_interface && path != "/interface/list" {
            return Vec::new();
        }
        let old = self
            .tree
            .table(path)
            .and_then(|t| t.row(id))
            .and_then(|r| r.get("name"));
        let new = props
            .iter()
            .find(|(k, _)| &**k == "name")
            .and_then(|(_, v)| v.as_deref());
        let (Some(old), Some(new)) = (old, new) else {
            return Vec::new();
        };
        if old == new {
            return Vec::new();
        }
        let tables = self.tree.tables();
        let rows = tables.flat_map(|(path, table)| table.rows.iter().map(move |r| (path, r)));
        rows.filter_map(|(path, row)| {
            let props: Vec<_> = row
                .props
                .iter()
                .filter(|(key, _)| REFERENCES.contains(&&**key))
                .filter_map(|(key, value)| {
                    let value = replaced(value, old, new)?;
                    Some((Key::clone(key), Some(value)))
                })
                .collect();
            let path = Key::clone(path);
            (!props.is_empty()).then_some(Change::Set {
                path,
                id: row.id,
                props,
            })
        })
        .collect()
    }
}

/// Properties that hold names of interfaces or lists.
const REFERENCES: &[&str] = &[
    "interface",
    "bridge",
    "gateway",
    "slaves",
    "list",
    "tagged",
    "untagged",
    "in-interface",
    "out-interface",
    "in-interface-list",
    "out-interface-list",
    "discover-interface-list",
    "allowed-interface-list",
];

/// Replaces a name in a list such as `a,!b`; nothing if it is not in it.
fn replaced(list: &str, old: &str, new: &str) -> Option<String> {
    let mut is_there = false;
    let words = list.split(',').map(|word| {
        let (not, name) = word
            .strip_prefix('!')
            .map_or(("", word), |name| ("!", name));
        is_there |= name == old;
        format!("{not}{}", if name == old { new } else { name })
    });
    let words: Vec<_> = words.collect();
    is_there.then(|| words.join(","))
}
