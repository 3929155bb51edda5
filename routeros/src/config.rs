//! Configurations: two of them compared item by item, and the operations that lead from one to the
//! other.
//!
//! ```text
//! export ─► read ─┐                  ┌─► diff   what is different, for people
//!                 ├─► two snapshots ─┤
//! rows over API ──┘                  └─► plan   ordered operations ─► apply, undo::plan
//! ```
//!
//! Items are the same if a natural key says so: a name, a comment, an address on an interface. In
//! menus where order means something it counts, and what stands elsewhere has moved; everywhere
//! else it does not. What only has another name was renamed, and what names it follows.
//!
//! A secret that one side does not show is *sealed*: nobody can say whether it changed.
//!
//! **Invariant:** applying `plan(a, b)` to `a` gives `b`, up to what is sealed; `plan(a, a)` is
//! empty. `plan(b, a)` is the way back.

mod diff;
mod identity;
mod matching;
mod plan;
mod read;

pub use diff::{Change, Difference, diff, diff_exports};
pub use plan::{apply, plan, script};
pub use read::read;
