//! What a poll becomes, by example and by law.

use tod_proto::bus::sample::{Failure, FailureKind};
use tod_proto::id::{PollerId, TenantId};

use super::*;

fn known() -> Known {
    Known {
        name: "edge".to_owned(),
        state: State {
            device_id: Uuid::now_v7(),
            ..State::default()
        },
        status: Status::Unknown,
        counted: CountedByName::new(),
        interfaces: None,
        values: Vec::new(),
        events: Vec::new(),
        logins: Vec::new(),
        tls_pin: None,
        ssh_pin: None,
    }
}

fn sample(second: i64, outcome: Outcome) -> Sample {
    Sample {
        tenant: TenantId::generate(),
        device: DeviceId::generate(),
        poller: PollerId::generate(),
        fence: 1,
        at: Timestamp::from_second(1_700_000_000 + second).unwrap(),
        poll_ms: 12,
        logins: 1,
        outcome,
    }
}

fn up(uptime: u64, rx: u64) -> Observation {
    Observation {
        identity: Some(Untrusted::new("edge")),
        version: Some(Untrusted::new("7.15.3")),
        uptime_seconds: Some(uptime),
        interfaces: Some(vec![InterfaceCounters {
            name: Untrusted::new("ether1"),
            kind: Untrusted::new("ether"),
            rx_bytes: Some(rx),
            tx_bytes: Some(0),
            ..InterfaceCounters::default()
        }]),
        ..Observation::default()
    }
}

fn answered(second: i64, seen: Observation) -> Sample {
    sample(second, Outcome::Answered(Box::new(seen)))
}

fn kinds(known: &Known) -> Vec<&'static str> {
    known.events.iter().map(|event| event.kind).collect()
}

#[test]
fn the_same_sample_twice_changes_nothing() {
    let mut known = known();
    let sample = answered(0, up(100, 0));

    assert!(known.take(&sample));
    let after = known.state.clone();
    assert!(!known.take(&sample));

    assert_eq!(known.state, after);
    assert_eq!(
        (kinds(&known), known.logins.len()),
        (vec!["device.status"], 1)
    );
}

#[test]
fn two_polls_give_a_rate_and_a_restart_gives_none() {
    let mut known = known();
    known.take(&answered(0, up(1000, 0)));
    assert_eq!(known.state.rx_bps, None);
    known.take(&answered(10, up(1010, 1250)));
    assert_eq!(known.state.rx_bps, Some(1000));
    known.take(&answered(20, up(3, 9_000_000)));

    assert_eq!(known.state.rx_bps, None);
    assert_eq!(kinds(&known), ["device.status", "device.rebooted"]);
    assert!(known.values.iter().all(|(_, _, value)| *value >= 0.0));
}

#[test]
fn a_restart_during_an_outage_is_seen_although_the_uptime_grew() {
    let mut known = known();
    known.take(&answered(0, up(600, 0)));
    known.take(&answered(7200, up(3600, 0)));

    assert_eq!(kinds(&known), ["device.status", "device.rebooted"]);
}

#[test]
fn a_rate_after_lost_polls_covers_the_whole_gap() {
    let mut known = known();
    let lost = Failure {
        kind: FailureKind::Timeout,
        message: Untrusted::new("no answer"),
        failures: 1,
        retry_seconds: None,
    };
    known.take(&answered(0, up(1000, 0)));
    known.take(&sample(10, Outcome::Failed(lost)));
    known.take(&answered(20, up(1020, 2500)));

    assert_eq!(known.state.rx_bps, Some(1000));
    assert_eq!(known.status, Status::Online);
}

#[test]
fn another_device_behind_the_same_address_is_told() {
    let mut known = known();
    let with_serial = |serial: &str| Observation {
        serial: Some(Untrusted::new(serial)),
        ..up(1000, 0)
    };
    known.take(&answered(0, with_serial("AAA")));
    known.take(&answered(10, with_serial("BBB")));

    let told = |known: &Known| {
        let identity = |event: &&NewEvent| event.kind == "device.identity";
        known.events.iter().filter(identity).count()
    };
    let event = known.events.iter().find(|e| e.kind == "device.identity");
    assert_eq!(event.unwrap().from.as_deref(), Some("AAA"));
    assert_eq!(known.state.version_key, Some(vec![7, 15, 3, 3, 0]));
    // It does not take the place of the one that is known, and is told once.
    assert_eq!(known.state.serial.as_deref(), Some("AAA"));
    assert_eq!(known.state.other_serial.as_deref(), Some("BBB"));
    assert_eq!(known.status, Status::Degraded);
    known.take(&answered(20, with_serial("BBB")));
    assert_eq!(told(&known), 1);

    known.take(&answered(30, with_serial("AAA")));
    assert_eq!(known.state.other_serial, None);
    assert_eq!((told(&known), known.status), (2, Status::Online));
}

#[test]
fn what_a_hostile_device_says_is_cut_to_what_can_be_kept() {
    let mut known = known();
    let mut seen = up(1, 0);
    seen.identity = Some(Untrusted::new(format!("a\0{}", "x".repeat(100_000))));
    seen.mem_free_bytes = Some(u64::MAX);
    seen.mem_total_bytes = Some(0);
    seen.uptime_seconds = Some(u64::MAX);
    seen.cpu_percent = Some(f64::NAN);
    let twin = seen.interfaces.clone().unwrap()[0].clone();
    seen.interfaces = Some(vec![twin; 10_000]);

    known.take(&answered(0, seen));

    assert_eq!(known.state.identity.unwrap().chars().count(), MAX_TEXT);
    assert_eq!(
        (known.state.mem_percent, known.state.cpu_percent),
        (None, None)
    );
    assert_eq!(known.interfaces.unwrap().len(), 1);
}
