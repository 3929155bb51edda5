//! The one way to change a device's tree: with history, safe mode, logs and consequences.

use std::collections::BTreeMap;

use routeros::error::Trap;
use routeros::text::is_sensitive;
use tod_proto::lab::Event;

use super::{Action, Core, Notice};
use crate::schema::SCHEMA;
use crate::trap;
use crate::tree::Change;

/// Actions that can be taken back, in history and in safe mode alike.
const ACTIONS: usize = 100;

/// Safe mode, while somebody holds it.
#[derive(Debug)]
pub(crate) struct SafeMode {
    pub(crate) holder: u64,
    pub(crate) user: String,
    actions: Vec<Vec<Change>>,
}

/// Who or what changes something.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The account whose rights count.
    pub(crate) user: String,
    /// Shown in records: `api:admin@127.0.0.1`, `scheduler:x`.
    pub(crate) cause: String,
    /// The session, if it has one.
    pub(crate) session: Option<u64>,
    /// How wide its terminal is, if it has one.
    pub(crate) columns: Option<usize>,
    /// It watches what goes on until a key is pressed.
    pub(crate) watches: bool,
}

impl Caller {
    /// Somebody at the device itself, with all rights.
    pub(crate) fn control() -> Self {
        Self {
            user: "system".to_owned(),
            cause: "ctl".to_owned(),
            session: None,
            columns: None,
            watches: false,
        }
    }
}

impl Core {
    /// Applies the changes of one command.
    pub(crate) fn commit(&mut self, caller: &Caller, what: &str, changes: Vec<Change>) {
        let mut inverse = Vec::new();
        let mut is_config = false;
        self.keep_saved();
        for change in changes {
            is_config |= Self::is_config(change.path());
            let record = Self::describe(&caller.cause, &change);
            let Some(back) = self.tree.apply(change) else {
                continue;
            };
            self.record(record);
            inverse.push(back);
        }
        if inverse.is_empty() {
            return;
        }
        inverse.reverse();
        self.say_changed(caller, what, &inverse);
        if is_config {
            self.remember(caller, what, inverse);
        }
        self.settle();
    }

    fn describe(cause: &str, change: &Change) -> Event {
        let plain = |k: &str, v: &str| {
            let shown = if is_sensitive(k) { "***" } else { v };
            (k.to_owned(), shown.to_owned())
        };
        let (id, word, values): (_, _, BTreeMap<_, _>) = match change {
            Change::Insert { row, .. } => (
                row.id,
                "added",
                row.props
                    .iter()
                    .filter(|(k, _)| !k.starts_with('.'))
                    .map(|(k, v)| plain(k, v))
                    .collect(),
            ),
            Change::Remove { id, .. } => (*id, "removed", BTreeMap::new()),
            Change::Set { id, props, .. } => {
                let values = props
                    .iter()
                    .filter(|(k, _)| !k.starts_with('.'))
                    .map(|(k, v)| plain(k, v.as_deref().unwrap_or_default()));
                (*id, "set", values.collect())
            }
            Change::Move { id, .. } => (*id, "moved", BTreeMap::new()),
        };
        Event::Changed {
            cause: cause.to_owned(),
            path: change.path().to_string(),
            id: format!("*{id:X}"),
            change: word.to_owned(),
            values,
        }
    }

    /// Writes `address added by admin` to the device's log, newer releases with the command.
    fn say_changed(&mut self, caller: &Caller, what: &str, inverse: &[Change]) {
        let Some(first) = inverse.first() else { return };
        let noun = SCHEMA
            .menu(first.path())
            .map_or("item", |m| m.noun.as_str());
        let word = match first {
            Change::Remove { .. } => "added",
            Change::Insert { .. } => "removed",
            Change::Set { .. } => "changed",
            Change::Move { .. } => "moved",
        };
        let message = if self.release.at_least(7, 15) {
            format!("{noun} {word} by {} ({what})", caller.cause)
        } else {
            format!("{noun} {word} by {}", caller.user)
        };
        self.say("system,info", message);
    }

    fn remember(&mut self, caller: &Caller, what: &str, inverse: Vec<Change>) {
        if let Some(safe) = &mut self.safe {
            safe.actions.push(inverse.clone());
            if safe.actions.len() > ACTIONS {
                let session = Some(safe.holder);
                self.safe = None;
                self.record(Event::SafeMode {
                    act: "overflown".to_owned(),
                    session,
                });
            }
        }
        self.next_action += 1;
        self.undone.clear();
        self.history.push_back(Action {
            id: self.next_action,
            text: what.to_owned(),
            by: caller.user.clone(),
            at: self.wall(),
            inverse,
        });
        if self.history.len() > ACTIONS {
            self.history.pop_front();
        }
    }

    /// Takes back the last action of the history.
    pub(crate) fn undo(&mut self) -> Result<(), Trap> {
        let action = self.history.pop_back();
        let mut action = action.ok_or_else(|| trap::failure("nothing to undo"))?;
        action.inverse = self.take_back(action.inverse, "undo");
        self.undone.push(action);
        self.settle();
        Ok(())
    }

    /// Does again what was taken back last.
    pub(crate) fn redo(&mut self) -> Result<(), Trap> {
        let action = self.undone.pop();
        let mut action = action.ok_or_else(|| trap::failure("nothing to redo"))?;
        action.inverse = self.take_back(action.inverse, "redo");
        self.history.push_back(action);
        self.settle();
        Ok(())
    }

    /// Applies changes, and returns what takes them back in turn.
    fn take_back(&mut self, inverse: Vec<Change>, cause: &str) -> Vec<Change> {
        let mut back = Vec::new();
        for change in inverse {
            let record = Self::describe(cause, &change);
            if let Some(change) = self.tree.apply(change) {
                self.record(record);
                back.push(change);
            }
        }
        back.reverse();
        back
    }

    /// Takes safe mode for a session.
    pub(crate) fn take_safe_mode(&mut self, session: u64, user: &str) -> Result<(), Trap> {
        match &self.safe {
            Some(safe) if safe.holder == session => return Ok(()),
            Some(safe) => {
                let message = format!("failure: safe mode is already taken by {}", safe.user);
                return Err(trap::failure(&message));
            }
            None => {}
        }
        self.safe = Some(SafeMode {
            holder: session,
            user: user.to_owned(),
            actions: Vec::new(),
        });
        self.record(Event::SafeMode {
            act: "taken".to_owned(),
            session: Some(session),
        });
        Ok(())
    }

    /// Returns how many of the last actions go with safe mode.
    pub(crate) fn floating(&self) -> usize {
        self.safe.as_ref().map_or(0, |safe| safe.actions.len())
    }

    /// Says whether a session holds safe mode.
    pub(crate) fn holds_safe_mode(&self, session: u64) -> bool {
        self.safe.as_ref().is_some_and(|s| s.holder == session)
    }

    /// Takes safe mode from whom holds it; what that one did is taken back or kept.
    pub(crate) fn hijack_safe_mode(&mut self, session: u64, user: &str, is_unrolled: bool) {
        let Some(holder) = self.safe.as_ref().map(|s| s.holder) else {
            return;
        };
        if is_unrolled {
            self.unroll("unrolled by another user");
        } else if self.release_safe_mode(Some(holder)).is_err() {
            return;
        }
        self.tell(Notice {
            session: Some(holder),
            text: "[Safe mode released by another user]".to_owned(),
        });
        if self.take_safe_mode(session, user).is_err() {
            tracing::debug!("safe mode is taken again already");
        }
    }

    /// Keeps what was done in safe mode.
    pub(crate) fn release_safe_mode(&mut self, session: Option<u64>) -> Result<(), Trap> {
        self.check_holder(session)?;
        self.safe = None;
        self.record(Event::SafeMode {
            act: "released".to_owned(),
            session,
        });
        Ok(())
    }

    /// Takes back what was done in safe mode, for whom holds it.
    pub(crate) fn unroll_safe_mode(&mut self, session: Option<u64>) -> Result<(), Trap> {
        self.check_holder(session)?;
        self.unroll("unrolled");
        Ok(())
    }

    fn check_holder(&self, session: Option<u64>) -> Result<(), Trap> {
        match &self.safe {
            Some(safe) if Some(safe.holder) == session => Ok(()),
            _ => Err(trap::failure("failure: safe mode is not taken")),
        }
    }

    /// Takes back what was done in safe mode.
    pub(crate) fn unroll(&mut self, act: &str) {
        let Some(safe) = self.safe.take() else { return };
        let undone = safe.actions.len();
        for inverse in safe.actions.into_iter().rev() {
            self.take_back(inverse, "safe-mode");
        }
        let kept = self.history.len().saturating_sub(undone);
        self.history.truncate(kept);
        self.record(Event::SafeMode {
            act: act.to_owned(),
            session: Some(safe.holder),
        });
        self.settle();
    }

    /// Returns a name or identity as the world sees it.
    pub(crate) fn identity(&self) -> &str {
        self.tree
            .single("/system/identity", "name")
            .unwrap_or("MikroTik")
    }
}
