//! `cargo xtask lab-tables`: the lab's table of menus, properties and values, from what command
//! trees and exports of real devices teach.
//!
//! **Invariant:** reads `TOD_FIXTURES` and writes names and ranges of versions alone, in our own
//! form; nothing that a fixture says of somebody's network gets into the table.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::args::Args;
use crate::{environment, say};

mod exports;
mod kinds;
mod order;
mod trees;
mod write;

/// Where the table belongs.
const TABLE: &str = "lab/src/schema/tree.txt";

/// The releases whose command trees are known, oldest first.
const RELEASES: [(&str, &str); 4] = [
    ("7.10.2", "7.10"),
    ("7.16.2", "7.16"),
    ("7.20.8", "7.20"),
    ("7.24", "7.24"),
];

/// In which of [`RELEASES`] something is there.
type Seen = [bool; 4];

/// Where something has been seen.
#[derive(Debug, Clone, Default)]
struct Places {
    trees: Seen,
    /// Exports of these versions have it.
    exports: Vec<(u16, u16)>,
    /// Version 6 is known not to have it.
    is_new: bool,
    /// Known to begin or end at a version between two trees.
    gate: Option<(u16, u16)>,
}

/// What is known of a property.
#[derive(Debug, Clone, Default)]
struct Prop {
    places: Places,
    kind: String,
    is_read_only: bool,
    is_required: bool,
    /// An export writes it even where it is at its default.
    is_kept: bool,
}

/// What is known of a menu.
#[derive(Debug, Clone, Default)]
struct Menu {
    places: Places,
    /// In these releases it takes more than the usual packages.
    extra: bool,
    shape: &'static str,
    /// Until this version it was one record.
    single_until: Option<&'static str>,
    is_ordered: bool,
    props: BTreeMap<String, Prop>,
    /// Commands beyond the usual ones, with their arguments.
    verbs: BTreeMap<String, BTreeSet<String>>,
    /// Unless one of these is given, `add` fails with a text of its own.
    need: Option<(Vec<String>, String)>,
}

/// All menus by path.
type Menus = BTreeMap<String, Menu>;

/// Writes the table.
pub(crate) fn run(args: Args) -> Result<()> {
    args.end()?;
    let home = environment::var("TOD_FIXTURES").context("TOD_FIXTURES is not set")?;
    let home = PathBuf::from(home);
    let mut menus = Menus::new();
    for (at, (release, _)) in RELEASES.iter().enumerate() {
        for kind in ["extra", "base"] {
            let file = home.join(format!("inspect/{release}.{kind}.inspect.json"));
            trees::learn(&mut menus, &json(&file)?, at, kind == "base");
        }
    }
    trees::note_packages(&mut menus);
    kinds::learn(
        &mut menus,
        &json(&home.join("inspect/7.22.3.base.args.json"))?,
    );
    let fields = text(&home.join("inspect/7.22.3.readable-fields.txt"))?;
    kinds::learn_read_only(&mut menus, &fields);
    let required = home.join("script/lsp-routeros-ts/required-args.v7.22.1.json");
    kinds::learn_required(&mut menus, &json(&required)?);
    let order = exports::learn(&mut menus, &home.join("exports"))?;
    let table = write::table(&menus, &order);
    let path = environment::root().join(TABLE);
    std::fs::write(&path, &table).with_context(|| format!("cannot write {}", path.display()))?;
    say::line(&format!(
        "{TABLE}: {} menus, {} bytes",
        menus.len(),
        table.len()
    ));
    Ok(())
}

fn text(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn json(path: &Path) -> Result<Value> {
    serde_json::from_str(&text(path)?).with_context(|| format!("cannot parse {}", path.display()))
}
