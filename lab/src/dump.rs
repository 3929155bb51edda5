//! The canonical form of a device's configuration, for comparing before with after.

use std::collections::BTreeMap;

use tod_proto::lab::Tree;

use crate::core::Core;
use crate::schema::SCHEMA;
use crate::text;

impl Core {
    /// Returns every menu's rows with what differs from its default; ids stay out.
    pub(crate) fn dump(&self) -> Tree {
        let mut tree = Tree::new();
        let is_default = |path: &str, name: &str, value: &str| {
            let menu = SCHEMA.menu(path);
            menu.and_then(|m| m.default(name, self.release.version())) == Some(value)
        };
        for (path, table) in self.tree.tables().filter(|(_, t)| !t.rows.is_empty()) {
            let rows = table.rows.iter().filter(|r| !r.is_dynamic);
            let rows: Vec<BTreeMap<_, _>> = rows
                .map(|row| {
                    let props = row.props.iter().filter(|(k, v)| {
                        !v.is_empty() && !k.starts_with(['.', '!']) && !is_default(path, k, v)
                    });
                    props.map(|(k, v)| (k.to_string(), shown(v))).collect()
                })
                .collect();
            if rows
                .iter()
                .any(|r: &BTreeMap<String, String>| !r.is_empty())
            {
                tree.insert(path.to_string(), rows);
            }
        }
        tree
    }

    /// Returns the rows of a menu as text.
    pub(crate) fn shown_rows(&self, path: &str) -> Vec<BTreeMap<String, String>> {
        let records = self.records(path);
        let rows = records.iter().map(|record| {
            let pairs = record.iter();
            pairs
                .map(|(k, v)| (k.to_owned(), routeros::text::lossy(v).into_owned()))
                .collect()
        });
        rows.collect()
    }
}

fn shown(value: &str) -> String {
    routeros::text::lossy(&text::encode(value)).into_owned()
}
