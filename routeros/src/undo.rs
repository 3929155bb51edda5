//! Undo: what a change will do to a device, and the script that takes it back.
//!
//! ```text
//! operations ──┐
//!              ├─► plan ─► steps (API commands)    what is sent
//! rows before ─┘        ─► diff                    what is shown
//!                       ─► inverse (script text)   what the device keeps, for when nobody confirms
//!                       ─► rows after              what is read back
//! ```
//!
//! The inverse finds items by what they are (address and interface, name, comment), because ids
//! change when an item is made again and may change at a reboot. It may run twice, and after a
//! change that was applied in part: what is there is not added again, what is gone is not missed.
//!
//! **Invariant:** a plan is only made if its inverse brings back what was there; otherwise there is
//! a [`PlanError`] that says why not.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use crate::row::Row;
use crate::script::Position;
use crate::script::operation::{Action, Operation};

pub mod compare;
mod diff;
mod inverse;
pub(crate) mod key;
pub mod lockout;
pub(crate) mod model;
mod order;
mod planner;
mod play;
pub(crate) mod properties;
mod removal;
mod step;

pub use compare::{compare, equal_config};
pub(crate) use diff::label;
pub use diff::{Line, Sign};
pub use lockout::{MgmtPath, Warning, lockout};
pub use planner::{Plan, plan};
pub(crate) use play::{hidden, play, settled};
pub use step::{Step, Target, Verb};

/// The longest inverse that a scheduler entry can be relied on to hold.
pub const MAX_INVERSE: usize = 60_000;

/// The rows of menus, as read over the API with all of their properties, or from an export, in
/// order.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    menus: BTreeMap<String, Vec<Row>>,
    order: Vec<String>,
    is_partial: bool,
}

impl PartialEq for Snapshot {
    /// The order of menus means nothing, that of their rows may.
    fn eq(&self, other: &Self) -> bool {
        self.menus == other.menus
    }
}

impl Eq for Snapshot {}

impl Snapshot {
    /// Makes an empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a menu, such as `/ip/address`. A menu with one record has one row without an id.
    pub fn insert(&mut self, menu: impl Into<String>, rows: Vec<Row>) {
        let menu = menu.into();
        if !self.menus.contains_key(&menu) {
            self.order.push(menu.clone());
        }
        self.menus.insert(menu, rows);
    }

    /// The rows of a menu, which is added if it is not there.
    pub(crate) fn rows_mut(&mut self, menu: &str) -> &mut Vec<Row> {
        if !self.menus.contains_key(menu) {
            self.order.push(menu.to_owned());
        }
        self.menus.entry(menu.to_owned()).or_default()
    }

    /// Notes that there are rows which are not here, as in an export.
    pub(crate) fn set_partial(&mut self, is_partial: bool) {
        self.is_partial = is_partial;
    }

    /// Whether there are rows which are not here: numbers of items are then no places in it.
    pub(crate) fn is_partial(&self) -> bool {
        self.is_partial
    }

    /// The menus in the order in which they were added: in that of an export, what is named by
    /// others comes before them.
    pub fn order(&self) -> &[String] {
        &self.order
    }

    /// Adds a menu, and returns the snapshot.
    #[must_use]
    pub fn with(mut self, menu: &str, rows: Vec<Row>) -> Self {
        self.insert(menu, rows);
        self
    }

    /// The rows of a menu, if it was read.
    pub fn rows(&self, menu: &str) -> Option<&[Row]> {
        self.menus.get(menu).map(Vec::as_slice)
    }

    /// The menus and their rows.
    pub fn menus(&self) -> impl Iterator<Item = (&str, &[Row])> {
        let menus = self.menus.iter();
        menus.map(|(menu, rows)| (menu.as_str(), rows.as_slice()))
    }
}

/// Menus whose rows name interfaces, and so would be left dangling without one.
const USERS_OF_INTERFACES: [&str; 6] = [
    "/interface/bridge/port",
    "/interface/list/member",
    "/interface/vlan",
    "/ip/address",
    "/ip/dhcp-client",
    "/ip/dhcp-server",
];

/// Menus that tell what an interface carries.
const CARRIED_BY_INTERFACES: [&str; 3] =
    ["/interface/bridge/port", "/interface/vlan", "/ip/address"];

/// The menus to read before planning: those that the change touches, those that would be left
/// dangling, and those that tell whether it cuts the way to the device. One that the device does
/// not have counts as empty.
pub fn menus_needed(operations: &[Operation]) -> BTreeSet<String> {
    let mut menus = BTreeSet::new();
    for operation in operations {
        menus.insert(operation.menu.clone());
        let is_new = matches!(operation.action, Action::Add { .. });
        if operation.menu.starts_with("/interface") && !is_new {
            menus.extend(CARRIED_BY_INTERFACES.iter().map(|&menu| menu.to_owned()));
        }
        let is_removal = matches!(operation.action, Action::Remove { .. });
        if is_removal && properties::is_interface_menu(&operation.menu) {
            menus.extend(USERS_OF_INTERFACES.iter().map(|&menu| menu.to_owned()));
        }
    }
    menus
}

/// Why a change cannot be planned, and where in the script.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{problem} (line {} column {})", position.line, position.column)]
pub struct PlanError {
    /// Why.
    pub problem: PlanProblem,
    /// The operation's place.
    pub position: Position,
}

/// Why a change cannot be planned. Texts in it may be foreign: escape them.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PlanProblem {
    /// The snapshot does not have the menu.
    #[error("{0} has not been read")]
    NotRead(String),
    /// No item is meant.
    #[error("no such item in {menu}: {item}")]
    NoSuchItem {
        /// The menu.
        menu: String,
        /// What was written.
        item: String,
    },
    /// The menu has items, and the change does not say which.
    #[error("{0} has items: say which to set")]
    NeedsItems(String),
    /// The menu has one record, and the change selects items.
    #[error("{0} has no items")]
    HasNoItems(String),
    /// The device made the items by itself, and does not let them be changed.
    #[error("{0} is dynamic and cannot be changed")]
    Dynamic(String),
    /// The device made the item by itself, and does not let it go.
    #[error("{0} is built in and cannot be removed")]
    BuiltIn(String),
    /// The same item is there twice, and the inverse could not tell which is which.
    #[error("{0} cannot be told from another item: give it a comment of its own")]
    Ambiguous(String),
    /// What the change takes away cannot be read, so it cannot be given back.
    #[error("{item} cannot be brought back: {reason}")]
    Lost {
        /// The item.
        item: String,
        /// Why not.
        reason: &'static str,
    },
    /// Something else names the item.
    #[error("{item} is still used by {user}: change that first")]
    StillUsed {
        /// The item.
        item: String,
        /// What uses it.
        user: String,
    },
    /// The inverse is longer than [`MAX_INVERSE`].
    #[error("the change is too large to be undone from the device: split it")]
    TooLarge,
}
