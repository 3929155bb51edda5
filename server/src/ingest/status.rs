//! From polls to a status. Pure.
//!
//! | poll | status |
//! |---|---|
//! | answered | online |
//! | answered, CPU above 90 % in three polls in a row | degraded |
//! | answered, disk 95 % full, or a collector failed | degraded |
//! | account refused, or certificate not the trusted one | degraded: it is there, and locked to us |
//! | no connection, no answer, garbage: once | as before; a lost poll is no outage |
//! | the same twice in a row, or at the very first poll | offline |
//! | the address is in no network of the zone | unknown: it was not asked |

use tod_proto::api::devices::Status;
use tod_proto::bus::sample::{Failure, FailureKind, Observation};

/// From this load on a poll is hot.
const HOT_CPU_PERCENT: f64 = 90.0;
/// So many hot polls in a row are a problem.
const HOT_POLLS: i32 = 3;
/// From here on the disk is a problem: upgrades and exports fail.
const FULL_DISK_PERCENT: f64 = 95.0;
/// So many failures in a row are an outage.
const OUTAGE: i32 = 2;

/// How a device is, with what must be remembered to tell how it will be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Health {
    pub(super) status: Status,
    pub(super) reason: Option<String>,
    /// Polls that failed in a row.
    pub(super) failures: i32,
    /// Polls in a row with a hot processor.
    pub(super) hot_polls: i32,
}

/// The health after a poll that was answered.
pub(super) fn answered(before: &Health, seen: &Observation, disk: Option<f64>) -> Health {
    let hot = seen.cpu_percent.is_some_and(|load| load > HOT_CPU_PERCENT);
    let hot_polls = if hot {
        before.hot_polls.saturating_add(1)
    } else {
        0
    };
    let reason = if hot_polls >= HOT_POLLS {
        let load = seen.cpu_percent.unwrap_or_default();
        Some(format!("CPU at {load:.0} % for {hot_polls} polls"))
    } else if let Some(disk) = disk.filter(|disk| *disk >= FULL_DISK_PERCENT) {
        Some(format!("the disk is {disk:.0} % full"))
    } else {
        seen.problems
            .first()
            .map(|(collector, problem)| format!("`{collector}` could not be read: {problem}"))
    };
    Health {
        status: if reason.is_some() {
            Status::Degraded
        } else {
            Status::Online
        },
        reason,
        failures: 0,
        hot_polls,
    }
}

/// The health after a poll that failed.
pub(super) fn failed(before: &Health, failure: &Failure) -> Health {
    let told = i32::try_from(failure.failures).unwrap_or(i32::MAX);
    let failures = before.failures.saturating_add(1).max(told);
    let status = match failure.kind {
        FailureKind::LoginRefused | FailureKind::TrustMismatch => Status::Degraded,
        FailureKind::AddressRefused => Status::Unknown,
        FailureKind::Unreachable
        | FailureKind::Timeout
        | FailureKind::Protocol
        | FailureKind::Closed
        | FailureKind::Other => {
            if failures >= OUTAGE || before.status == Status::Unknown {
                Status::Offline
            } else {
                before.status
            }
        }
    };
    let reason = if status == Status::Online {
        before.reason.clone()
    } else {
        Some(failure.message.to_string())
    };
    Health {
        status,
        reason,
        failures,
        hot_polls: 0,
    }
}

#[cfg(test)]
mod tests {
    use tod_proto::untrusted::Untrusted;

    use super::*;

    fn failure(kind: FailureKind) -> Failure {
        Failure {
            kind,
            message: Untrusted::new("no route"),
            failures: 1,
            retry_seconds: None,
        }
    }

    fn online() -> Health {
        Health {
            status: Status::Online,
            ..Health::default()
        }
    }

    #[test]
    fn one_lost_poll_is_no_outage_and_two_are() {
        for kind in [
            FailureKind::Unreachable,
            FailureKind::Timeout,
            FailureKind::Protocol,
            FailureKind::Closed,
            FailureKind::Other,
        ] {
            let once = failed(&online(), &failure(kind));
            let twice = failed(&once, &failure(kind));

            assert_eq!(once.status, Status::Online, "{kind:?}");
            assert_eq!(twice.status, Status::Offline, "{kind:?}");
            assert_eq!(twice.reason.as_deref(), Some("no route"));
            assert_eq!(
                failed(&Health::default(), &failure(kind)).status,
                Status::Offline
            );
        }
    }

    #[test]
    fn a_device_that_refuses_us_is_degraded_at_once() {
        for kind in [FailureKind::LoginRefused, FailureKind::TrustMismatch] {
            let health = failed(&online(), &failure(kind));

            assert_eq!(health.status, Status::Degraded);
            assert_eq!(health.reason.as_deref(), Some("no route"));
        }
    }

    #[test]
    fn a_device_that_may_not_be_asked_is_unknown() {
        let health = failed(&online(), &failure(FailureKind::AddressRefused));

        assert_eq!(health.status, Status::Unknown);
    }

    #[test]
    fn three_hot_polls_in_a_row_degrade_and_a_cool_one_heals() {
        let hot = Observation {
            cpu_percent: Some(97.0),
            ..Observation::default()
        };
        let mut health = online();
        for wanted in [
            Status::Online,
            Status::Online,
            Status::Degraded,
            Status::Degraded,
        ] {
            health = answered(&health, &hot, None);
            assert_eq!(health.status, wanted);
        }
        let cool = Observation {
            cpu_percent: Some(90.0),
            ..Observation::default()
        };

        assert_eq!(answered(&health, &cool, None), online());
    }

    #[test]
    fn a_full_disk_and_a_collector_that_failed_are_told() {
        let mut seen = Observation::default();
        assert_eq!(
            answered(&online(), &seen, Some(95.0)).status,
            Status::Degraded
        );
        seen.problems
            .push(("interfaces".to_owned(), Untrusted::new("\x1b[2J")));

        let reason = answered(&online(), &seen, Some(10.0)).reason.unwrap();

        assert_eq!(reason, "`interfaces` could not be read: \\x1b[2J");
    }
}
