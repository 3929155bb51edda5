//! Planning: a change played through on the rows that were read.

use super::diff::{Line, diff, label};
use super::inverse::{self, Undo};
use super::key;
use super::model::{Entry, Handle, Model, Origin};
use super::play::settled;
use super::properties::{completed, is_clock, settings};
use super::step::{Step, Target, Verb};
use super::{MAX_INVERSE, PlanError, PlanProblem, Snapshot, removal};
use crate::row::Row;
use crate::script::operation::{Action, Operation, Property, Selector};
use crate::secret::is_sensitive;

/// A change that is understood: what it will do, and how to take it back.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) steps: Vec<Step>,
    pub(super) before: Snapshot,
    pub(super) was: Model,
    pub(super) will_be: Model,
    inverse: Vec<String>,
    diff: Vec<Line>,
}

impl Plan {
    /// The commands, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What will be different, for people.
    pub fn diff(&self) -> &[Line] {
        &self.diff
    }

    /// The rows that were read for it.
    pub fn before(&self) -> &Snapshot {
        &self.before
    }

    /// The script that takes the change back, for the scheduler entry of this name: its last line
    /// removes the entry. It holds the values that the change replaces, secrets among them: it must
    /// not be shown or logged.
    pub fn inverse(&self, entry: &str) -> String {
        inverse::script(&self.inverse, entry)
    }
}

/// Plans a change on the rows that were read.
pub fn plan(operations: &[Operation], before: &Snapshot) -> Result<Plan, PlanError> {
    match plan_with(operations, before, Renewal::Apart) {
        Err(error) if matches!(error.problem, PlanProblem::Ambiguous(_)) => {
            plan_with(operations, before, Renewal::Same).map_err(|_| error)
        }
        result => result,
    }
}

/// What an item is that is added after one was removed that was known by the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Renewal {
    /// An item of its own, if something tells the two apart.
    Apart,
    /// The same item with other values.
    Same,
}

fn plan_with(
    operations: &[Operation],
    before: &Snapshot,
    renewal: Renewal,
) -> Result<Plan, PlanError> {
    let was = Model::new(before);
    let mut planner = Planner {
        before,
        renewal,
        model: was.clone(),
        steps: Vec::new(),
        undo: Vec::new(),
        removed: Vec::new(),
    };
    for operation in operations {
        let position = operation.position;
        planner
            .operation(operation)
            .map_err(|problem| PlanError { problem, position })?;
    }
    planner.finish(was).map_err(|problem| PlanError {
        problem,
        position: operations.first().map(|o| o.position).unwrap_or_default(),
    })
}

struct Planner<'b> {
    before: &'b Snapshot,
    renewal: Renewal,
    model: Model,
    steps: Vec<Step>,
    undo: Vec<Undo>,
    removed: Vec<Handle>,
}

type Changes = [(String, Option<Vec<u8>>)];

impl Planner<'_> {
    fn finish(self, was: Model) -> Result<Plan, PlanProblem> {
        let inverse = inverse::lines(&was, &self.model, &self.undo, &self.removed)?;
        if inverse.iter().map(String::len).sum::<usize>() > MAX_INVERSE {
            return Err(PlanProblem::TooLarge);
        }
        let mut moved = Vec::new();
        for undo in &self.undo {
            if let Undo::Move { menu, entry, .. } = undo {
                let is_new = !moved.contains(&(menu.as_str(), entry.handle));
                moved.extend(is_new.then_some((menu.as_str(), entry.handle)));
            }
        }
        Ok(Plan {
            diff: diff(&was, &self.model, &moved),
            steps: self.steps,
            before: self.before.clone(),
            was,
            will_be: self.model,
            inverse,
        })
    }

    fn operation(&mut self, operation: &Operation) -> Result<(), PlanProblem> {
        let menu = operation.menu.as_str();
        if self.before.rows(menu).is_none() {
            return Err(PlanProblem::NotRead(menu.to_owned()));
        }
        match &operation.action {
            Action::Add {
                properties,
                place_before,
            } => self.add(operation, properties, place_before.as_ref()),
            Action::Set { target, changes } => {
                for handle in self.select(menu, target)? {
                    self.set(operation, handle, changes)?;
                }
                Ok(())
            }
            Action::Enable { target } => self.switch(operation, target, Verb::Enable),
            Action::Disable { target } => self.switch(operation, target, Verb::Disable),
            Action::Remove { target } => {
                for handle in self.select(menu, target)? {
                    self.remove(operation, handle)?;
                }
                Ok(())
            }
            Action::Move {
                target,
                destination,
            } => self.shift(operation, target, destination.as_ref()),
        }
    }

    fn select(&self, menu: &str, selector: &Selector) -> Result<Vec<Handle>, PlanProblem> {
        self.model.select(menu, selector, self.before)
    }

    /// The one item that something is put before.
    fn anchor(
        &self,
        menu: &str,
        selector: Option<&Selector>,
    ) -> Result<Option<Handle>, PlanProblem> {
        let Some(selector) = selector else {
            return Ok(None);
        };
        let first = self.select(menu, selector)?.into_iter().next();
        first.map(Some).ok_or_else(|| PlanProblem::NoSuchItem {
            menu: menu.to_owned(),
            item: "to place before".to_owned(),
        })
    }

    fn target(&self, handle: Handle) -> Target {
        match self.model.origin(handle) {
            Origin::Existing(id) => Target::Id(id.clone()),
            Origin::Singleton => Target::Singleton,
            Origin::Added(step) | Origin::Again(step) => Target::Added(*step),
        }
    }

    fn step(&mut self, operation: &Operation, verb: Verb, handle: Option<Handle>) -> &mut Step {
        let step = Step {
            position: operation.position,
            menu: operation.menu.clone(),
            verb,
            target: handle.map(|handle| self.target(handle)),
            attributes: Vec::new(),
            before: None,
        };
        let at = self.steps.len();
        self.steps.push(step);
        &mut self.steps[at]
    }

    fn add(
        &mut self,
        operation: &Operation,
        properties: &[Property],
        place_before: Option<&Selector>,
    ) -> Result<(), PlanProblem> {
        let menu = operation.menu.as_str();
        let entries = self.model.entries(menu).iter();
        if entries
            .map(|e| self.model.origin(e.handle))
            .any(|o| *o == Origin::Singleton)
        {
            return Err(PlanProblem::HasNoItems(menu.to_owned()));
        }
        let anchor = self.anchor(menu, place_before)?;
        let number = self.steps.len();
        let before = anchor.map(|handle| self.target(handle));
        let step = self.step(operation, Verb::Add, None);
        step.attributes = properties.to_vec();
        step.before = before;
        let (mut row, mut written) = (Row::new(), Row::new());
        for (name, value) in properties {
            row.set(name, completed(menu, name, value));
            written.set(name, value);
        }
        if let Some(old) = self.predecessor(menu, &row) {
            self.renew(menu, &old, row, number, anchor);
        } else {
            let entry = self.model.add(menu, row, number, anchor);
            self.model.remember(menu, entry.handle, written);
            let menu = menu.to_owned();
            self.undo.push(Undo::Remove { menu, entry });
        }
        Ok(())
    }

    /// The removed item that a new one takes the place of.
    fn predecessor(&self, menu: &str, row: &Row) -> Option<Entry> {
        let gone = self.undo.iter().filter_map(|undo| match undo {
            Undo::Add { menu: of, entry } if of == menu => Some(entry),
            _ => None,
        });
        let gone = gone.filter(|e| self.model.entry(menu, e.handle).is_none());
        let gone: Vec<_> = gone.filter(|_| self.renewal == Renewal::Same).collect();
        key::predecessor(&gone, row).cloned()
    }

    fn renew(&mut self, menu: &str, old: &Entry, row: Row, step: usize, anchor: Option<Handle>) {
        let mut was: Vec<_> = settings(menu, &old.row)
            .map(|(name, value)| (name.to_owned(), Some(value.to_vec())))
            .collect();
        let extra = settings(menu, &row).filter(|(name, _)| {
            let is_set = old.row.raw(name).is_some_and(|value| !value.is_empty());
            !is_set
        });
        was.extend(extra.map(|(name, _)| (name.to_owned(), None)));
        let handle = old.handle;
        let entry = Entry { handle, row };
        self.model.add_again(menu, entry.clone(), step, anchor);
        let menu = menu.to_owned();
        self.undo.push(Undo::Set {
            menu: menu.clone(),
            entry: entry.clone(),
            was,
        });
        self.undo.push(Undo::Move { menu, entry });
    }

    fn set(
        &mut self,
        operation: &Operation,
        handle: Handle,
        changes: &Changes,
    ) -> Result<(), PlanProblem> {
        let menu = operation.menu.as_str();
        let changes = &settled(&self.model, menu, handle, changes);
        let values = changes
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), value.clone()?)));
        let values: Vec<_> = values.collect();
        if !values.is_empty() {
            self.step(operation, Verb::Set, Some(handle)).attributes = values;
        }
        for (name, _) in changes.iter().filter(|(_, value)| value.is_none()) {
            let attributes = vec![(name.clone(), Vec::new())];
            self.step(operation, Verb::Unset, Some(handle)).attributes = attributes;
        }
        self.change(menu, handle, changes)
    }

    fn switch(
        &mut self,
        operation: &Operation,
        target: &Selector,
        verb: Verb,
    ) -> Result<(), PlanProblem> {
        let is_disabled = if verb == Verb::Disable { "yes" } else { "no" };
        let changes = [("disabled".to_owned(), Some(is_disabled.into()))];
        for handle in self.select(&operation.menu, target)? {
            self.step(operation, verb, Some(handle));
            self.change(&operation.menu, handle, &changes)?;
        }
        Ok(())
    }

    /// Changes the model, and keeps what was.
    fn change(&mut self, menu: &str, handle: Handle, changes: &Changes) -> Result<(), PlanProblem> {
        let Some(old) = self.model.entry(menu, handle).cloned() else {
            return Ok(());
        };
        let mut was = Vec::new();
        for (name, _) in changes {
            let value = old.row.raw(name).filter(|value| !value.is_empty());
            let is_known = *self.model.origin(handle) != Origin::Singleton || value.is_some();
            let is_new = matches!(self.model.origin(handle), Origin::Added(_));
            if is_sensitive(name) && value.is_none() && is_known && !is_new {
                return Err(PlanProblem::Lost {
                    item: format!("{name} of {}", label(menu, &old.row)),
                    reason: "its present value cannot be read",
                });
            }
            if is_clock(menu, name) {
                return Err(PlanProblem::Lost {
                    item: format!("{menu} {name}"),
                    reason: "time does not go back",
                });
            }
            was.push((name.clone(), value.map(<[u8]>::to_vec)));
        }
        let network = old.row.raw("network").filter(|_| menu == "/ip/address");
        if changes.iter().any(|(name, _)| name == "address") && network.is_some() {
            // The device may work it out anew from the address.
            was.push(("network".to_owned(), network.map(<[u8]>::to_vec)));
        }
        self.model.set(menu, handle, changes);
        if let Some(entry) = self.model.entry(menu, handle).cloned() {
            self.undo.push(Undo::Set {
                menu: menu.to_owned(),
                entry,
                was,
            });
        }
        Ok(())
    }

    fn remove(&mut self, operation: &Operation, handle: Handle) -> Result<(), PlanProblem> {
        let menu = operation.menu.as_str();
        let Some(entry) = self.model.entry(menu, handle).cloned() else {
            return Ok(());
        };
        removal::check(&self.model, menu, &entry)?;
        self.step(operation, Verb::Remove, Some(handle));
        self.model.remove(menu, handle);
        self.removed.push(handle);
        self.undo.push(Undo::Add {
            menu: menu.to_owned(),
            entry,
        });
        Ok(())
    }

    fn shift(
        &mut self,
        operation: &Operation,
        target: &Selector,
        destination: Option<&Selector>,
    ) -> Result<(), PlanProblem> {
        let menu = operation.menu.as_str();
        let anchor = self.anchor(menu, destination)?;
        for handle in self.select(menu, target)? {
            if anchor == Some(handle) {
                continue;
            }
            let before = anchor.map(|handle| self.target(handle));
            self.step(operation, Verb::Move, Some(handle)).before = before;
            self.model.shift(menu, handle, anchor);
            if let Some(entry) = self.model.entry(menu, handle).cloned() {
                self.undo.push(Undo::Move {
                    menu: menu.to_owned(),
                    entry,
                });
            }
        }
        Ok(())
    }
}
