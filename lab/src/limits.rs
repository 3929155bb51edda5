//! File descriptors: each connection to a device is one, and a fleet may have many.

use anyhow::{Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the lab itself needs, beside connections.
const OWN: u64 = 64;

/// Raises the limit as far as it goes; warns when that is less than one session a device.
pub(crate) fn raise(devices: usize) -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if setrlimit(Resource::Nofile, raised).is_err() {
        tracing::debug!("the limit of open files cannot be raised");
    }
    let limit = getrlimit(Resource::Nofile).current;
    match shortage(limit, devices as u64) {
        Shortage::None => Ok(()),
        Shortage::Sessions(most) => {
            tracing::warn!(
                "at most {most} of {devices} devices can have a session at the same time, \
                 because this process may have no more files open; raise it with `ulimit -n`"
            );
            Ok(())
        }
        Shortage::Doors => bail!(
            "this process may have only {} files open, and a lab needs {OWN} beside its \
             connections; raise it with `ulimit -n`",
            limit.unwrap_or_default()
        ),
    }
}

/// What cannot be done for want of file descriptors.
#[derive(Debug, PartialEq, Eq)]
enum Shortage {
    None,
    /// Only so many sessions.
    Sessions(u64),
    /// Not even the doors.
    Doors,
}

fn shortage(limit: Option<u64>, devices: u64) -> Shortage {
    match limit {
        Some(limit) if limit < OWN => Shortage::Doors,
        Some(limit) if limit < OWN + devices => Shortage::Sessions(limit - OWN),
        _ => Shortage::None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Shortage, shortage};

    #[test]
    fn a_shortage_is_told_before_it_hurts() {
        assert_eq!(shortage(None, 10_000), Shortage::None);
        assert_eq!(shortage(Some(20_000), 10_000), Shortage::None);
        assert_eq!(shortage(Some(1024), 10_000), Shortage::Sessions(960));
        assert_eq!(shortage(Some(32), 1), Shortage::Doors);
    }
}
