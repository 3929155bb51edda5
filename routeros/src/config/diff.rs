//! What is different between two configurations, item by item.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use super::identity::{is_fixed, is_view, values};
use super::matching::{Items, Matching, matching, spelled};
use super::read;
use crate::export::{Command, Export};
use crate::row::Row;
use crate::secret::{MASK, is_secret};
use crate::undo::model::{REFERENCES, interface_name};
use crate::undo::properties::is_dynamic;
use crate::undo::{Line, Snapshot};

/// An item that is not the same in both configurations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its menu, such as `/ip/address`.
    pub menu: String,
    /// What it was; nothing if it is new.
    pub old: Option<Row>,
    /// What it is; nothing if it is gone.
    pub new: Option<Row>,
    /// Properties with other values, its name among them.
    pub changes: Vec<Change>,
    /// It stands elsewhere, in a menu where that means something.
    pub is_moved: bool,
    /// Secrets that one side does not show.
    pub sealed: Vec<String>,
}

/// A property with another value.
#[derive(Clone, PartialEq, Eq)]
pub struct Change {
    /// Its name.
    pub name: String,
    /// What it was, if it was anything.
    pub old: Option<Vec<u8>>,
    /// What it is, if it is anything.
    pub new: Option<Vec<u8>>,
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may be secrets.
        f.debug_tuple("Change").field(&self.name).finish()
    }
}

impl Difference {
    /// The name that it had and the one that it has, if it was renamed.
    pub fn renamed(&self) -> Option<(&[u8], &[u8])> {
        let change = self.changes.iter().find(|change| change.name == "name")?;
        Some((change.old.as_deref()?, change.new.as_deref()?))
    }

    /// It in lines for people. Values of secrets are masked.
    pub fn lines(&self) -> Vec<Line> {
        let menu = &self.menu;
        let (old, new) = match (&self.old, &self.new) {
            (Some(old), Some(new)) => (old, new),
            (Some(old), None) => return vec![Line::removed(menu, old)],
            (None, Some(new)) => return vec![Line::added(menu, new)],
            (None, None) => return Vec::new(),
        };
        let change = |change: &Change| {
            Line::property(
                menu,
                old,
                &change.name,
                change.old.as_deref(),
                change.new.as_deref(),
            )
        };
        let mut lines: Vec<Line> = self.changes.iter().map(change).collect();
        if self.is_moved {
            lines.push(Line::changed(menu, new, "moved"));
        }
        let sealed = self.sealed.iter();
        lines.extend(sealed.map(|name| Line::changed(menu, new, &format!("{name}: sealed"))));
        lines
    }
}

/// Rows of a menu, but those that come and go by themselves.
pub(super) struct Rows<'r> {
    pub(super) all: Vec<&'r Row>,
    exact: Vec<Vec<u8>>,
    fixed: Vec<bool>,
}

impl<'r> Rows<'r> {
    pub(super) fn new(menu: &str, rows: impl Iterator<Item = &'r Row>) -> Self {
        let rows: Vec<&Row> = rows.filter(|row| !is_dynamic(row)).collect();
        let exact = rows.iter().map(|row| exact(menu, row)).collect();
        let fixed = rows.iter().map(|row| is_fixed(menu, row)).collect();
        Self {
            all: rows,
            exact,
            fixed,
        }
    }
}

/// Bytes that are the same for rows with the same configuration.
fn exact(menu: &str, row: &Row) -> Vec<u8> {
    let mut all: Vec<_> = values(menu, row).collect();
    all.sort();
    let mut text = spelled(&all, row.id().is_none());
    // Items that the device made are never the same if they are not the same one.
    if row.raw(".fixed").is_some() {
        text.extend_from_slice(row.raw(".id").unwrap_or_default());
    }
    text
}

impl Items for Rows<'_> {
    fn len(&self) -> usize {
        self.all.len()
    }

    fn exact(&self, at: usize) -> &[u8] {
        self.exact.get(at).map(Vec::as_slice).unwrap_or_default()
    }

    fn is_fixed(&self, at: usize) -> bool {
        self.fixed.get(at).copied().unwrap_or(false)
    }

    fn row(&self, at: usize) -> Cow<'_, Row> {
        match self.all.get(at) {
            Some(row) => Cow::Borrowed(row),
            None => Cow::Owned(Row::new()),
        }
    }
}

impl Items for Vec<Command<'_>> {
    fn len(&self) -> usize {
        self.as_slice().len()
    }

    fn exact(&self, at: usize) -> &[u8] {
        self.get(at).map(Command::text).unwrap_or_default()
    }

    fn is_fixed(&self, at: usize) -> bool {
        self.get(at).is_some_and(|command| command.verb() != "add")
    }

    fn row(&self, at: usize) -> Cow<'_, Row> {
        let row = self.get(at).map(|command| read::row(command, at));
        Cow::Owned(row.unwrap_or_default())
    }
}

/// Compares two configurations. The differences come in the order of the newer one's menus, then
/// of the menus that only the older one has.
pub fn diff(old: &Snapshot, new: &Snapshot) -> Vec<Difference> {
    let gone = old.order().iter().filter(|menu| new.rows(menu).is_none());
    let mut differ = Differ::default();
    for menu in new.order().iter().chain(gone).filter(|menu| !is_view(menu)) {
        let rows = |snapshot: &'_ Snapshot| -> Vec<Row> {
            snapshot.rows(menu).unwrap_or_default().to_vec()
        };
        differ.menu(menu, &rows(old), &rows(new));
    }
    differ.found
}

/// Compares two exports. This is [`diff`] of what [`read`](super::read()) makes of them, but what
/// is written the same way on both sides is not looked at.
pub fn diff_exports(old: &Export, new: &Export) -> Vec<Difference> {
    let (old, new) = (Menus::of(old), Menus::of(new));
    let mut differ = Differ::default();
    let gone = old
        .order
        .iter()
        .filter(|menu| !new.commands.contains_key(*menu));
    for menu in new.order.iter().chain(gone).filter(|menu| !is_view(menu)) {
        let none = Vec::new();
        let before = old.commands.get(menu).unwrap_or(&none);
        let after = new.commands.get(menu).unwrap_or(&none);
        let same = before
            .iter()
            .map(Command::text)
            .eq(after.iter().map(Command::text));
        if same {
            continue;
        }
        if is_plain(before) && is_plain(after) {
            let matching = matching(menu, before, after, |row| differ.follow(row));
            differ.take(menu, before, after, matching);
        } else {
            differ.menu(menu, &read::rows(before), &read::rows(after));
        }
    }
    differ.found
}

/// Whether each command is an item of its own.
fn is_plain(commands: &[Command<'_>]) -> bool {
    let mut selectors: Vec<_> = commands
        .iter()
        .filter(|command| command.verb() != "add")
        .map(Command::selector)
        .collect();
    selectors.sort_unstable();
    let is_single = selectors.first().is_some_and(Option::is_none);
    !is_single && selectors.windows(2).all(|pair| pair.first() != pair.last())
}

/// The commands of an export by menu.
struct Menus<'e> {
    order: Vec<&'e str>,
    commands: BTreeMap<&'e str, Vec<Command<'e>>>,
}

impl<'e> Menus<'e> {
    fn of(export: &'e Export) -> Self {
        let mut menus = Self {
            order: Vec::new(),
            commands: BTreeMap::new(),
        };
        let mut run: Vec<Command<'e>> = Vec::new();
        for command in export.commands() {
            if run
                .first()
                .is_some_and(|first| first.menu() != command.menu())
            {
                menus.add(&mut run);
            }
            run.push(command);
        }
        menus.add(&mut run);
        menus
    }

    fn add(&mut self, run: &mut Vec<Command<'e>>) {
        let Some(menu) = run.first().map(Command::menu) else {
            return;
        };
        let commands = self.commands.entry(menu).or_insert_with(|| {
            self.order.push(menu);
            Vec::new()
        });
        commands.append(run);
    }
}

#[derive(Default)]
struct Differ {
    found: Vec<Difference>,
    renames: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Differ {
    /// What names an interface follows its name.
    fn follow(&self, row: &mut Row) {
        for name in REFERENCES {
            let mut renames = self.renames.iter();
            let renamed = renames.find(|(old, _)| row.raw(name) == Some(old));
            if let Some((_, new)) = renamed {
                row.set(name, new);
            }
        }
    }

    fn menu(&mut self, menu: &str, old: &[Row], new: &[Row]) {
        let (old, new) = (Rows::new(menu, old.iter()), Rows::new(menu, new.iter()));
        let matching = matching(menu, &old, &new, |row| self.follow(row));
        self.take(menu, &old, &new, matching);
    }

    fn take(&mut self, menu: &str, old: &dyn Items, new: &dyn Items, matching: Matching) {
        let difference = |old, new| Difference {
            menu: menu.to_owned(),
            old,
            new,
            changes: Vec::new(),
            is_moved: false,
            sealed: Vec::new(),
        };
        for (_, row) in matching.removed {
            // Of what the device made only the settings can go.
            let bare = bare(menu, &row);
            let is_gone = bare.is_none();
            let mut found = difference(Some(row), bare);
            found.compare();
            self.found
                .extend((is_gone || found.is_any()).then_some(found));
        }
        for pair in &matching.pairs {
            if pair.is_exact && !pair.is_moved {
                continue;
            }
            let mut before = old.row(pair.old).into_owned();
            self.follow(&mut before);
            let after = new.row(pair.new).into_owned();
            let mut found = difference(Some(before), Some(after));
            found.is_moved = pair.is_moved;
            found.compare();
            if let Some((old, new)) = found.renamed()
                && interface_name(menu, found.new.as_ref().unwrap_or(&Row::new())).is_some()
            {
                self.renames.push((old.to_vec(), new.to_vec()));
            }
            self.found.extend(found.is_any().then_some(found));
        }
        for (_, row) in matching.added {
            let bare = bare(menu, &row);
            let is_new = bare.is_none();
            let mut found = difference(bare, Some(row));
            found.compare();
            self.found
                .extend((is_new || found.is_any()).then_some(found));
        }
    }
}

/// What is left without its settings of an item that the device made.
fn bare(menu: &str, row: &Row) -> Option<Row> {
    if !is_fixed(menu, row) && row.id().is_some() {
        return None;
    }
    let mut bare = row.clone();
    for (name, _) in values(menu, row) {
        bare.unset(name);
    }
    Some(bare)
}

impl Difference {
    fn is_any(&self) -> bool {
        !self.changes.is_empty() || self.is_moved || !self.sealed.is_empty()
    }

    /// Finds out what is different about an item of both sides.
    fn compare(&mut self) {
        let (Some(old), Some(new)) = (&self.old, &self.new) else {
            return;
        };
        (self.changes, self.sealed) = compare(&self.menu, old, new);
    }
}

/// The properties with other values, and the secrets that one side does not show.
pub(super) fn compare(menu: &str, old: &Row, new: &Row) -> (Vec<Change>, Vec<String>) {
    let was: BTreeMap<_, _> = values(menu, old).collect();
    let is: BTreeMap<_, _> = values(menu, new).collect();
    let mut names: Vec<&str> = was.keys().chain(is.keys()).copied().collect();
    names.sort_unstable();
    names.dedup();
    let (mut changes, mut sealed) = (Vec::new(), Vec::new());
    for name in names
        .into_iter()
        .filter(|name| was.get(name) != is.get(name))
    {
        let raw = |row: &Row, values: &BTreeMap<&str, Cow<'_, [u8]>>| {
            values.get(name)?;
            row.raw(name).map(<[u8]>::to_vec)
        };
        let (old, new) = (raw(old, &was), raw(new, &is));
        let is_hidden = |value: &Option<Vec<u8>>| match value {
            Some(value) => value == MASK.as_bytes(),
            None => true,
        };
        if is_secret(menu, name) && (is_hidden(&old) || is_hidden(&new)) {
            sealed.push(name.to_owned());
        } else {
            changes.push(Change {
                name: name.to_owned(),
                old,
                new,
            });
        }
    }
    (changes, sealed)
}
