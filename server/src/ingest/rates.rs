//! From counters to rates.
//!
//! **Invariant:** a counter that went backwards gives no rate, never a negative or a huge one.

use std::collections::HashMap;

use tod_proto::bus::sample::InterfaceCounters;

/// No interface is faster than this; what is beyond it is a counter gone wrong.
const FASTEST_BPS: u128 = 10_000_000_000_000;

/// Bytes in and out at the time of the last poll.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) rx_bytes: Option<u64>,
    pub(super) tx_bytes: Option<u64>,
}

/// Bits per second in and out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rate {
    pub(super) rx_bps: Option<u64>,
    pub(super) tx_bps: Option<u64>,
}

/// The rates of an interface that counted `before` and, `millis` later, `now`.
pub(super) fn rate(before: Option<Counted>, now: Counted, millis: u64) -> Rate {
    let before = before.unwrap_or_default();
    Rate {
        rx_bps: bits_per_second(before.rx_bytes, now.rx_bytes, millis),
        tx_bps: bits_per_second(before.tx_bytes, now.tx_bytes, millis),
    }
}

fn bits_per_second(before: Option<u64>, now: Option<u64>, millis: u64) -> Option<u64> {
    // Polls closer than this say more about the network than about the interface.
    if millis < 500 {
        return None;
    }
    let bytes = now?.checked_sub(before?)?;
    let rate = u128::from(bytes) * 8 * 1000 / u128::from(millis);
    (rate <= FASTEST_BPS)
        .then(|| u64::try_from(rate).ok())
        .flatten()
}

/// The sum over physical interfaces; traffic through a bridge or tunnel would count twice.
pub(super) fn total<'a>(
    rates: impl IntoIterator<Item = (&'a InterfaceCounters, &'a Rate)>,
) -> Rate {
    let mut sum = Rate::default();
    for (interface, rate) in rates {
        if is_physical(interface.kind.raw()) {
            sum.rx_bps = add(sum.rx_bps, rate.rx_bps);
            sum.tx_bps = add(sum.tx_bps, rate.tx_bps);
        }
    }
    sum
}

fn add(sum: Option<u64>, rate: Option<u64>) -> Option<u64> {
    rate.map_or(sum, |rate| {
        Some(sum.unwrap_or_default().saturating_add(rate))
    })
}

fn is_physical(kind: &str) -> bool {
    matches!(
        kind,
        "ether" | "wlan" | "wifi" | "wifiwave2" | "lte" | "w60g" | "sfp"
    )
}

/// What each interface counted, by name.
pub(super) type CountedByName = HashMap<String, Counted>;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tod_proto::untrusted::Untrusted;

    use super::*;

    fn counted(rx: u64, tx: u64) -> Counted {
        Counted {
            rx_bytes: Some(rx),
            tx_bytes: Some(tx),
        }
    }

    #[test]
    fn a_rate_is_bits_over_the_time_between_two_polls() {
        let rate = rate(Some(counted(1000, 0)), counted(2250, 500), 10_000);

        assert_eq!(
            rate,
            Rate {
                rx_bps: Some(1000),
                tx_bps: Some(400)
            }
        );
    }

    #[test]
    fn a_counter_that_was_reset_gives_no_rate() {
        let rate = rate(Some(counted(1 << 40, 5)), counted(7, 6), 1000);

        assert_eq!(
            rate,
            Rate {
                rx_bps: None,
                tx_bps: Some(8)
            }
        );
    }

    #[test]
    fn the_first_poll_a_jump_and_a_standing_clock_give_no_rate() {
        assert_eq!(rate(None, counted(1, 1), 1000), Rate::default());
        assert_eq!(
            rate(Some(counted(0, 0)), counted(u64::MAX, 8), 1000).rx_bps,
            None
        );
        assert_eq!(rate(Some(counted(0, 0)), counted(8, 8), 0), Rate::default());
    }

    #[test]
    fn a_bridge_does_not_count_twice() {
        let interface = |kind: &str| InterfaceCounters {
            kind: Untrusted::new(kind),
            ..InterfaceCounters::default()
        };
        let (ether, bridge) = (interface("ether"), interface("bridge"));
        let rate = Rate {
            rx_bps: Some(5),
            tx_bps: None,
        };

        let sum = total([(&ether, &rate), (&ether, &rate), (&bridge, &rate)]);

        assert_eq!(
            sum,
            Rate {
                rx_bps: Some(10),
                tx_bps: None
            }
        );
    }

    proptest! {
        #[test]
        fn no_pair_of_counters_panics_or_lies(before: u64, now: u64, millis: u64) {
            let rate = rate(Some(counted(before, before)), counted(now, now), millis);

            if now < before {
                prop_assert_eq!(rate.rx_bps, None);
            }
            prop_assert!(u128::from(rate.rx_bps.unwrap_or(0)) <= FASTEST_BPS);
        }
    }
}
