//! Binary backups: the whole tree, written and read back.
//!
//! **Invariant:** files are not part of a backup, and a password that differs opens nothing.

use std::collections::BTreeMap;

use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};

use crate::tree::{Key, Row, Table, Tree};

const MAGIC: &str = "tod-lab backup 1";

#[derive(Serialize, Deserialize)]
struct Stored {
    magic: String,
    lock: String,
    order: Vec<String>,
    tables: BTreeMap<String, StoredTable>,
    next_ids: BTreeMap<String, u32>,
}

#[derive(Serialize, Deserialize)]
struct StoredTable {
    is_single: bool,
    rows: Vec<StoredRow>,
}

#[derive(Serialize, Deserialize)]
struct StoredRow {
    id: u32,
    props: Vec<(String, String)>,
    flags: (bool, bool, bool),
}

/// Writes a tree.
pub(crate) fn write(tree: &Tree, password: &str) -> String {
    let tables = tree
        .tables()
        .filter(|(path, _)| &***path != "/file")
        .map(|(path, table)| {
            let rows = table.rows.iter().map(|r| StoredRow {
                id: r.id,
                props: r
                    .props
                    .iter()
                    .map(|(k, v)| (k.to_string(), v.clone()))
                    .collect(),
                flags: (r.is_builtin, r.is_dynamic, r.is_pinned),
            });
            (
                path.to_string(),
                StoredTable {
                    is_single: table.is_single,
                    rows: rows.collect(),
                },
            )
        });
    let stored = Stored {
        magic: MAGIC.to_owned(),
        lock: lock(password),
        order: tree.order.iter().map(ToString::to_string).collect(),
        tables: tables.collect(),
        next_ids: tree.next_ids().map(|(k, v)| (k.to_string(), v)).collect(),
    };
    serde_json::to_string(&stored).unwrap_or_default()
}

/// Reads what [`write`] wrote; the error is the device's refusal.
pub(crate) fn read(contents: &str, password: &str) -> Result<Tree, &'static str> {
    let stored: Stored =
        serde_json::from_str(contents).map_err(|_| "failure: corrupt backup file")?;
    if stored.magic != MAGIC {
        return Err("failure: corrupt backup file");
    }
    if stored.lock != lock(password) {
        return Err("failure: wrong password");
    }
    let tables = stored.tables.into_iter().map(|(path, table)| {
        let rows = table.rows.into_iter().map(|r| Row {
            id: r.id,
            props: r
                .props
                .into_iter()
                .map(|(k, v)| (Key::from(k), v))
                .collect(),
            is_builtin: r.flags.0,
            is_dynamic: r.flags.1,
            is_pinned: r.flags.2,
        });
        (
            Key::from(path),
            Table {
                rows: rows.collect(),
                is_single: table.is_single,
            },
        )
    });
    let next_ids = stored
        .next_ids
        .into_iter()
        .map(|(k, v)| (Key::from(k), v))
        .collect();
    let order = stored.order.into_iter().map(Key::from).collect();
    Ok(Tree::of(tables.collect(), next_ids, order))
}

/// Proves knowledge of the password; the lab hides nothing behind it.
fn lock(password: &str) -> String {
    hex::encode(Md5::digest(password.as_bytes()))
}
