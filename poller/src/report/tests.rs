//! Tests of the spool.

use jiff::Timestamp;
use tod_proto::bus::sample::{Failure, FailureKind, InterfaceCounters, Observation};
use tod_proto::id::{DeviceId, PollerId, TenantId};

use super::*;

fn sample(outcome: Outcome) -> Sample {
    Sample {
        tenant: TenantId::generate(),
        device: DeviceId::generate(),
        poller: PollerId::generate(),
        fence: 1,
        at: Timestamp::UNIX_EPOCH,
        poll_ms: 1,
        logins: 0,
        outcome,
    }
}

fn failed() -> Sample {
    sample(Outcome::Failed(Failure {
        kind: FailureKind::Timeout,
        message: "late".into(),
        failures: 1,
        retry_seconds: None,
    }))
}

#[test]
fn a_full_spool_loses_the_oldest_and_counts_them() {
    let spool = Spool::new(BASE_BYTES * 3);

    for _ in 0..5 {
        spool.push(failed());
    }

    assert_eq!(spool.waiting(), 3);
    assert_eq!(spool.dropped(), 2);
    assert_eq!(spool.lock().waiting[0].number, 2);
}

#[test]
fn a_sample_that_is_too_large_is_sent_without_its_interfaces_and_says_so() {
    let seen = Observation {
        identity: Some("big".into()),
        interfaces: Some(vec![InterfaceCounters::default(); 7]),
        ..Observation::default()
    };

    let cut = without_interfaces(&sample(Outcome::Answered(Box::new(seen))));

    let Outcome::Answered(seen) = cut.outcome else {
        panic!("the outcome has changed");
    };
    assert_eq!(seen.interfaces, None);
    assert_eq!(seen.identity, Some("big".into()));
    assert_eq!(seen.problems[0].0, "interfaces");
}

#[tokio::test]
async fn what_is_published_leaves_the_spool() {
    let spool = Spool::new(1 << 20);
    for _ in 0..100 {
        spool.push(failed());
    }

    let bus = Bus::in_process();
    let mut sent = 0;
    while spool.waiting() > 0 {
        sent += spool.publish_some(&bus).await.unwrap();
    }

    assert_eq!((sent, spool.dropped()), (100, 0));
}
