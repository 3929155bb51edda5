//! What brings the database back to what it should be, on a period.
//!
//! Every server runs all of them: each is idempotent, and what two do at once is done once.

mod partitions;
mod rollups;
mod stale;

pub use self::partitions::Partitions;
pub use self::rollups::Rollups;
pub use self::stale::Stale;
