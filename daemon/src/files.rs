//! How many files this process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that are open besides connections of clients.
const OTHERS: u64 = 1_024;

/// Raises what this process may have open as far as it may, and says when that is not enough for
/// so many connections.
pub(crate) fn raise_limit(connections: usize) {
    let found = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: found.maximum,
        maximum: found.maximum,
    };
    let limit = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => found.maximum,
        Err(_) => found.current,
    };
    let wanted = u64::try_from(connections)
        .unwrap_or(u64::MAX)
        .saturating_add(OTHERS);
    if limit.is_some_and(|limit| limit < wanted) {
        tracing::warn!(
            limit,
            wanted,
            "too few open files for so many connections: raise LimitNOFILE, or lower \
             http.limits.connections"
        );
    }
}
