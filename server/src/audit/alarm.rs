//! Says that acts cannot be recorded, while that is so.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

/// Since when acts cannot be recorded. Whoever reads the status of the server sees it.
#[derive(Debug, Default)]
pub struct Alarm(Mutex<Option<Timestamp>>);

impl Alarm {
    /// An act was not recorded, for want of the log.
    pub(super) fn raise(&self, now: Timestamp, why: &sqlx::Error) {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if since.is_none() {
            tracing::error!(
                error = %why,
                "ALARM: the audit log cannot be written; what must be recorded is refused"
            );
        }
        since.get_or_insert(now);
    }

    /// One was.
    pub(super) fn clear(&self) {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if since.take().is_some() {
            tracing::warn!("the audit log can be written again");
        }
    }

    /// Since when, if so.
    pub fn since(&self) -> Option<Timestamp> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
