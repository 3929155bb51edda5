//! Which device belongs to which poller. Pure.
//!
//! Rendezvous hashing: each device goes to the live poller of its zone with the highest hash of the
//! pair. When a poller comes or goes, only the devices that it gains or loses move.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tod_proto::id::{DeviceId, PollerId};

/// A poller that has asked lately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Live {
    pub(super) poller: PollerId,
    pub(super) zones: Vec<String>,
}

/// A device of the asker's zones, with its lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leased {
    pub(super) device: DeviceId,
    pub(super) zone: String,
    pub(super) revision: u64,
    pub(super) holder: Option<PollerId>,
    pub(super) expires_at: Timestamp,
}

/// What a poller is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Decision {
    /// Devices to take over: nobody holds them, or not any more.
    pub(super) take: Vec<DeviceId>,
    /// Devices that it keeps.
    pub(super) renew: Vec<DeviceId>,
    /// Of those, the ones whose record it does not know as it now is.
    pub(super) refresh: Vec<DeviceId>,
    /// Devices that it holds no more and has let go of.
    pub(super) release: Vec<DeviceId>,
    /// Devices that it must let go of.
    pub(super) withdraw: Vec<DeviceId>,
}

/// Decides for `me`, who says that it `holds` these devices at these revisions.
///
/// A device that moves is withdrawn first and keeps its lease until its holder no longer lists it,
/// or has not asked for a whole lease: two pollers never hold one device.
pub(super) fn decide(
    me: PollerId,
    live: &[Live],
    devices: &[Leased],
    holds: &[(DeviceId, u64)],
    now: Timestamp,
) -> Decision {
    let held: HashMap<DeviceId, u64> = holds.iter().copied().collect();
    let mut kept = HashSet::new();
    let mut decision = Decision::default();
    for device in devices {
        let mine = owner(device, live) == Some(me);
        let known = held.get(&device.device);
        match device.holder {
            Some(holder) if holder == me && mine => {
                kept.insert(device.device);
                decision.renew.push(device.device);
                if known != Some(&device.revision) {
                    decision.refresh.push(device.device);
                }
            }
            Some(holder) if holder == me && known.is_none() => decision.release.push(device.device),
            Some(holder) if holder == me => {}
            holder => {
                let free = holder.is_none() || device.expires_at <= now;
                if mine && free {
                    kept.insert(device.device);
                    decision.take.push(device.device);
                }
            }
        }
    }
    decision.withdraw = holds
        .iter()
        .map(|(device, _)| *device)
        .filter(|device| !kept.contains(device))
        .collect();
    decision
}

fn owner(device: &Leased, live: &[Live]) -> Option<PollerId> {
    live.iter()
        .filter(|live| live.zones.contains(&device.zone))
        .map(|live| (weight(live.poller, device.device), live.poller))
        .max()
        .map(|(_, poller)| poller)
}

fn weight(poller: PollerId, device: DeviceId) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(poller.0.as_bytes());
    hash.update(device.0.as_bytes());
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_second(1000).unwrap()
    }

    fn live(poller: PollerId) -> Live {
        Live {
            poller,
            zones: vec!["default".to_owned()],
        }
    }

    fn device(holder: Option<PollerId>, expires: i64) -> Leased {
        Leased {
            device: DeviceId::generate(),
            zone: "default".to_owned(),
            revision: 1,
            holder,
            expires_at: Timestamp::from_second(expires).unwrap(),
        }
    }

    #[test]
    fn a_new_poller_takes_what_is_free_and_waits_for_what_is_held() {
        let (me, other) = (PollerId::generate(), PollerId::generate());
        let devices = [
            device(None, 0),
            device(Some(other), 1001),
            device(Some(other), 1000),
        ];

        let decision = decide(me, &[live(me)], &devices, &[], now());

        assert_eq!(decision.take, [devices[0].device, devices[2].device]);
        assert!(decision.withdraw.is_empty());
    }

    #[test]
    fn a_device_moves_in_two_steps() {
        let (me, other) = (PollerId::generate(), PollerId::generate());
        let devices: Vec<Leased> = (0..64).map(|_| device(Some(me), 1010)).collect();
        let holds: Vec<_> = devices.iter().map(|device| (device.device, 1)).collect();
        let both = [live(me), live(other)];

        let first = decide(me, &both, &devices, &holds, now());
        let told = decide(other, &both, &devices, &[], now());
        let left: Vec<_> = holds
            .iter()
            .copied()
            .filter(|(id, _)| !first.withdraw.contains(id))
            .collect();
        let second = decide(me, &both, &devices, &left, now());

        assert!(!first.withdraw.is_empty() && !first.renew.is_empty());
        assert!(first.release.is_empty() && told.take.is_empty());
        assert_eq!(second.release.len(), first.withdraw.len());
        assert!(second.withdraw.is_empty());
    }

    #[test]
    fn a_changed_record_is_sent_again_and_a_foreign_or_deleted_device_withdrawn() {
        let me = PollerId::generate();
        let mine = Leased {
            revision: 2,
            ..device(Some(me), 1010)
        };
        let gone = DeviceId::generate();

        let holds = [(mine.device, 1), (gone, 1)];
        let decision = decide(me, &[live(me)], std::slice::from_ref(&mine), &holds, now());

        assert_eq!(decision.renew, [mine.device]);
        assert_eq!(decision.refresh, [mine.device]);
        assert_eq!(decision.withdraw, [gone]);
    }

    #[test]
    fn a_poller_of_another_zone_gets_nothing() {
        let me = PollerId::generate();
        let live = Live {
            poller: me,
            zones: vec!["lab".to_owned()],
        };

        let decision = decide(me, &[live], &[device(None, 0)], &[], now());

        assert_eq!(decision, Decision::default());
    }

    proptest! {
        #[test]
        fn every_free_device_goes_to_exactly_one_poller(pollers in 1_usize..6) {
            let pollers: Vec<Live> = (0..pollers).map(|_| live(PollerId::generate())).collect();
            let devices: Vec<Leased> = (0..50).map(|_| device(None, 0)).collect();
            let mut taken = Vec::new();
            for poller in &pollers {
                taken.extend(decide(poller.poller, &pollers, &devices, &[], now()).take);
            }
            taken.sort_unstable();
            let mut all: Vec<_> = devices.iter().map(|device| device.device).collect();
            all.sort_unstable();
            prop_assert_eq!(taken, all);
        }

        #[test]
        fn a_poller_that_leaves_moves_only_its_own_devices(seed in any::<u8>()) {
            let pollers: Vec<Live> = (0..4).map(|_| live(PollerId::generate())).collect();
            let gone = usize::from(seed) % 4;
            let rest: Vec<Live> = pollers.iter().enumerate()
                .filter(|(at, _)| *at != gone).map(|(_, live)| live.clone()).collect();
            for _ in 0..50 {
                let device = device(None, 0);
                let before = owner(&device, &pollers);
                if before != Some(pollers[gone].poller) {
                    prop_assert_eq!(owner(&device, &rest), before);
                }
            }
        }
    }
}
