//! The operations that lead from one configuration to another.

use std::collections::BTreeSet;

use super::diff::{Rows, compare};
use super::identity::{is_fixed, is_view, selector, values};
use super::matching::{Matching, matching};
use crate::row::Row;
use crate::script::Position;
use crate::script::operation::{Action, Operation, Selector};
use crate::secret::MASK;
use crate::undo::model::{Entry, Handle, Model, Origin};
use crate::undo::properties::{is_dynamic, is_interface_menu, is_ordered};
use crate::undo::{PlanProblem, Snapshot, hidden, play, settled};

/// Plans the way from one configuration to another: operations in the order in which they can be
/// carried out, each naming the item it means by a natural key.
///
/// What others name comes first and goes last. Secrets that the target does not show are left
/// alone. What the target does not mention of items that the device made is unset.
///
/// Fails with [`PlanProblem::Ambiguous`] if an item cannot be told from another, and with
/// [`PlanProblem::HasNoItems`] if a menu has one record on one side and items on the other, as some
/// have in different versions.
///
/// ```
/// use routeros::config::{plan, read};
/// use routeros::export::Export;
///
/// let from = Export::parse(b"/ip address\nadd address=10.0.0.1/24 interface=ether1\n");
/// let to = Export::parse(b"/ip address\nadd address=10.0.0.1/24 comment=lan interface=ether1\n");
/// let operations = plan(&read(&from), &read(&to)).unwrap();
/// assert_eq!(
///     operations[0].to_string(),
///     "/ip address set [find where address=\"10.0.0.1/24\" and interface=\"ether1\"] comment=lan",
/// );
/// ```
pub fn plan(from: &Snapshot, to: &Snapshot) -> Result<Vec<Operation>, PlanProblem> {
    check_names(from, to)?;
    let mut operations = once(from, to)?;
    let is_renamed = |operation: &Operation| match &operation.action {
        Action::Set { changes, .. } => changes.iter().any(|(name, _)| name == "name"),
        _ => false,
    };
    if operations.iter().any(is_renamed) {
        // What names an interface follows it to its new name, and may not be meant to.
        let there = apply(&operations, from)?;
        operations.extend(once(&there, to)?);
    }
    Ok(operations)
}

fn once(from: &Snapshot, to: &Snapshot) -> Result<Vec<Operation>, PlanProblem> {
    let mut planner = Planner {
        from,
        model: Model::new(from),
        operations: Vec::new(),
        late: Vec::new(),
    };
    let gone = from.order().iter().filter(|menu| to.rows(menu).is_none());
    for menu in to.order().iter().chain(gone) {
        planner.menu(menu, to.rows(menu).unwrap_or_default())?;
    }
    // What was named by others is not any more.
    let late = std::mem::take(&mut planner.late);
    for (menu, handle) in late.into_iter().rev() {
        planner.remove(&menu, handle)?;
    }
    Ok(planner.operations)
}

/// Applies operations to a configuration. Nothing is asked of a device: this is what it would be.
pub fn apply(operations: &[Operation], to: &Snapshot) -> Result<Snapshot, PlanProblem> {
    let mut model = Model::new(to);
    for operation in operations {
        play(&mut model, operation, to)?;
    }
    Ok(model.snapshot())
}

/// Writes operations as a script for the console of a device with this configuration, one command a
/// line. A flag that is to be as it was by default is set the other way round. The script may hold
/// secrets.
pub fn script(operations: &[Operation], on: &Snapshot) -> Result<String, PlanProblem> {
    let mut model = Model::new(on);
    let mut text = String::new();
    for operation in operations {
        let mut written = operation.clone();
        if let Action::Set { target, changes } = &mut written.action
            && let Ok(handles) = model.select(&operation.menu, target, on)
            && let Some(handle) = handles.first()
        {
            *changes = settled(&model, &operation.menu, *handle, changes);
        }
        text.push_str(&written.to_string());
        text.push('\n');
        play(&mut model, operation, on)?;
    }
    Ok(text)
}

/// The interfaces of a configuration, with their menus.
fn interfaces(of: &Snapshot) -> impl Iterator<Item = (&str, &Row)> {
    let menus = of.order().iter().map(String::as_str);
    let menus = menus.filter(|menu| is_interface_menu(menu) && !is_view(menu));
    menus.flat_map(|menu| {
        let rows = of.rows(menu).unwrap_or_default().iter();
        rows.map(move |row| (menu, row))
    })
}

/// Refuses two interfaces of one name: of the target, or one that the target only sets and another
/// that is there.
fn check_names(from: &Snapshot, target: &Snapshot) -> Result<(), PlanProblem> {
    let mut taken = BTreeSet::new();
    for (menu, row) in interfaces(target) {
        let Some(name) = row.raw("name") else {
            continue;
        };
        let is_other = |&(other, there): &(&str, &Row)| {
            other != menu && there.raw(".by").is_none() && there.raw("name") == Some(name)
        };
        let is_set = row.raw(".by").is_some();
        if !taken.insert(name) || is_set && interfaces(from).any(|there| is_other(&there)) {
            return Err(ambiguous(menu, &Row::new().with("name", name)));
        }
    }
    Ok(())
}

struct Planner<'f> {
    from: &'f Snapshot,
    model: Model,
    operations: Vec<Operation>,
    /// What is removed in the end.
    late: Vec<(String, Handle)>,
}

impl Planner<'_> {
    fn menu(&mut self, menu: &str, target: &[Row]) -> Result<(), PlanProblem> {
        if is_view(menu) {
            return Ok(());
        }
        let entries: Vec<Entry> = self.model.entries(menu).to_vec();
        let entries: Vec<Entry> = entries
            .into_iter()
            .filter(|e| !is_dynamic(&e.row))
            .collect();
        let rows = entries.iter().map(|entry| &entry.row).chain(target);
        let records = rows.clone().filter(|row| row.id().is_none()).count();
        if records > 0 && records < rows.count() {
            // Between versions some menus become lists.
            return Err(PlanProblem::HasNoItems(menu.to_owned()));
        }
        let old = Rows::new(menu, entries.iter().map(|entry| &entry.row));
        let new = Rows::new(menu, target.iter());
        let matching = matching(menu, &old, &new, |_| ());
        let handle = |at: usize| entries.get(at).map(|entry| entry.handle);
        self.removals(menu, &matching, handle)?;
        for pair in matching.pairs.iter().filter(|pair| !pair.is_exact) {
            if let (Some(handle), Some(row)) = (handle(pair.old), new.all.get(pair.new)) {
                self.set(menu, handle, row)?;
            }
        }
        if is_ordered(menu) {
            self.arrange(menu, &matching, &new.all, handle)?;
        }
        for (_, row) in &matching.added {
            let is_record = row.id().is_none();
            if is_record || is_fixed(menu, row) {
                self.reveal(menu, row)?;
            } else if !is_ordered(menu) {
                self.add(menu, row, None)?;
            }
        }
        Ok(())
    }

    /// Removes what is not in the target: at once, or in the end what others may name.
    fn removals(
        &mut self,
        menu: &str,
        matching: &Matching,
        handle: impl Fn(usize) -> Option<Handle>,
    ) -> Result<(), PlanProblem> {
        for (at, row) in matching.removed.iter().rev() {
            let Some(handle) = handle(*at) else {
                continue;
            };
            if is_fixed(menu, row) || *self.model.origin(handle) == Origin::Singleton {
                self.set(menu, handle, &Row::new())?;
            } else if row.raw("name").is_some() {
                self.late.push((menu.to_owned(), handle));
            } else {
                self.remove(menu, handle)?;
            }
        }
        Ok(())
    }

    /// Adds and moves items of a menu where order means something. What stays where it is has a
    /// selector for sure, so that is what the others are placed before.
    fn arrange(
        &mut self,
        menu: &str,
        matching: &Matching,
        target: &[&Row],
        handle: impl Fn(usize) -> Option<Handle>,
    ) -> Result<(), PlanProblem> {
        let mut pairs = vec![None; target.len()];
        for pair in &matching.pairs {
            if let Some(place) = pairs.get_mut(pair.new) {
                *place = Some(pair);
            }
        }
        let mut next: Option<Handle> = None;
        let mut places = Vec::new();
        for (row, pair) in target.iter().zip(pairs).rev() {
            let known = pair.and_then(|pair| handle(pair.old));
            match pair {
                _ if is_fixed(menu, row) || row.id().is_none() => {}
                Some(pair) if !pair.is_moved => next = known,
                _ => places.push((known, *row, next)),
            }
        }
        for (known, row, next) in places.into_iter().rev() {
            match known {
                Some(handle) => self.shift(menu, handle, next)?,
                None => self.add(menu, row, next)?,
            }
        }
        Ok(())
    }

    fn add(&mut self, menu: &str, row: &Row, next: Option<Handle>) -> Result<(), PlanProblem> {
        let properties = values(menu, row)
            .filter_map(|(name, _)| Some((name.to_owned(), row.raw(name)?.to_vec())))
            .filter(|(_, value)| value != MASK.as_bytes());
        let properties = properties.collect();
        if let Some(name) = row.raw("name") {
            self.free_name(menu, None, name)?;
        }
        let place_before = next.map(|next| self.selector(menu, next)).transpose()?;
        self.play(
            menu,
            Action::Add {
                properties,
                place_before,
            },
        )
    }

    fn set(&mut self, menu: &str, handle: Handle, target: &Row) -> Result<(), PlanProblem> {
        let Some(row) = self
            .model
            .entry(menu, handle)
            .map(|entry| entry.row.clone())
        else {
            return Ok(());
        };
        let (changed, sealed) = compare(menu, &row, target);
        let mut changes: Vec<_> = changed
            .into_iter()
            .map(|change| (change.name, change.new))
            .collect();
        // What only the target shows is made so.
        let shown = sealed.into_iter().filter_map(|name| {
            let value = target
                .raw(&name)
                .filter(|value| *value != MASK.as_bytes())?;
            Some((name, Some(value.to_vec())))
        });
        changes.extend(shown);
        for (name, value) in &mut changes {
            if name == "comment" {
                value.get_or_insert_default();
            }
        }
        if changes.is_empty() {
            return Ok(());
        }
        let name = changes.iter().find(|(name, _)| name == "name");
        if let Some((_, Some(name))) = name {
            self.free_name(menu, Some(handle), name)?;
        }
        let target = self.selector(menu, handle)?;
        self.play(menu, Action::Set { target, changes })
    }

    /// Names something else for the time being that has the name which an item is to have.
    fn free_name(
        &mut self,
        menu: &str,
        handle: Option<Handle>,
        wanted: &[u8],
    ) -> Result<(), PlanProblem> {
        // Elsewhere several items may have one name, or there is nothing to exchange it with.
        if !is_interface_menu(menu) {
            return Ok(());
        }
        let holder = |name: &[u8]| {
            let has_name = |e: &&Entry| e.row.raw("name") == Some(name) && Some(e.handle) != handle;
            let menus = self
                .model
                .menus
                .iter()
                .filter(|(other, _)| is_interface_menu(other) && !is_view(other));
            menus.into_iter().find_map(|(menu, entries)| {
                let entry = entries.iter().find(has_name)?;
                Some((menu.clone(), entry.handle))
            })
        };
        let Some((other, holder_handle)) = holder(wanted) else {
            return Ok(());
        };
        let mut name = wanted.to_vec();
        while holder(&name).is_some() {
            name.extend_from_slice(b"-was");
        }
        let target = self.selector(&other, holder_handle)?;
        let changes = vec![("name".to_owned(), Some(name))];
        self.play(&other, Action::Set { target, changes })
    }

    /// Sets what was not mentioned before, though it was there.
    fn reveal(&mut self, menu: &str, row: &Row) -> Result<(), PlanProblem> {
        let changes = values(menu, row)
            .filter_map(|(name, _)| Some((name.to_owned(), Some(row.raw(name)?.to_vec()))))
            .filter(|(_, value)| value.as_deref() != Some(MASK.as_bytes()));
        let changes: Vec<_> = changes.collect();
        if changes.is_empty() {
            return Ok(());
        }
        let target = super::identity::as_read(row);
        let target = target.filter(|target| hidden(target).is_some());
        let target = match target {
            Some(target) => target,
            None if row.id().is_none() => Selector::Singleton,
            None => return Err(ambiguous(menu, row)),
        };
        self.play(menu, Action::Set { target, changes })
    }

    fn shift(
        &mut self,
        menu: &str,
        handle: Handle,
        next: Option<Handle>,
    ) -> Result<(), PlanProblem> {
        let target = self.selector(menu, handle)?;
        let destination = next.map(|next| self.selector(menu, next)).transpose()?;
        self.play(
            menu,
            Action::Move {
                target,
                destination,
            },
        )
    }

    fn remove(&mut self, menu: &str, handle: Handle) -> Result<(), PlanProblem> {
        if self.model.entry(menu, handle).is_none() {
            return Ok(());
        }
        let target = self.selector(menu, handle)?;
        self.play(menu, Action::Remove { target })
    }

    fn selector(&self, menu: &str, handle: Handle) -> Result<Selector, PlanProblem> {
        selector(&self.model, menu, handle).ok_or_else(|| {
            let row = self.model.entry(menu, handle).map(|entry| &entry.row);
            ambiguous(menu, row.unwrap_or(&Row::new()))
        })
    }

    fn play(&mut self, menu: &str, action: Action) -> Result<(), PlanProblem> {
        let operation = Operation {
            position: Position::default(),
            menu: menu.to_owned(),
            action,
        };
        play(&mut self.model, &operation, self.from)?;
        self.operations.push(operation);
        Ok(())
    }
}

fn ambiguous(menu: &str, row: &Row) -> PlanProblem {
    PlanProblem::Ambiguous(crate::undo::label(menu, row))
}
