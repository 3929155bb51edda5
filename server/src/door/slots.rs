//! How many connections there are, in all and from one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The slots of a server. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Slots {
    all: Arc<Semaphore>,
    held: Arc<Mutex<HashMap<IpAddr, usize>>>,
    most: usize,
}

/// A connection's right to be there. It is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    _one: OwnedSemaphorePermit,
    _place: Option<Place>,
}

#[derive(Debug)]
struct Place {
    held: Arc<Mutex<HashMap<IpAddr, usize>>>,
    from: IpAddr,
}

impl Slots {
    pub(crate) fn new(all: usize, most_of_one: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(all.min(Semaphore::MAX_PERMITS))),
            held: Arc::default(),
            most: most_of_one,
        }
    }

    /// Waits until there may be one more connection.
    pub(crate) async fn free(&self) -> std::io::Result<OwnedSemaphorePermit> {
        let all = Arc::clone(&self.all).acquire_owned();
        all.await.map_err(std::io::Error::other)
    }

    /// Seats a connection from `from`; nothing when there are too many from there.
    pub(crate) fn seat(&self, one: OwnedSemaphorePermit, from: IpAddr) -> Option<Slot> {
        let from = network(from);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(from).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        if *count == self.most {
            tracing::warn!(peer = %from, connections = self.most, "no further connections from one address");
        }
        drop(held);
        let held = Arc::clone(&self.held);
        Some(Slot {
            _one: one,
            _place: Some(Place { held, from }),
        })
    }

    /// Seats a connection of a proxy, which stands for many addresses.
    pub(crate) fn seat_proxy(one: OwnedSemaphorePermit) -> Slot {
        Slot {
            _one: one,
            _place: None,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.from) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                held.remove(&self.from);
            }
        }
    }
}

/// Who has one IPv6 address has all of a network.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let prefix = address.to_bits() & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from_bits(prefix))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_address_takes_its_share_and_gives_it_back() {
        let slots = Slots::new(10, 2);
        let take =
            async |from: &str| slots.seat(slots.free().await.unwrap(), from.parse().unwrap());
        let first = take("2001:db8::1").await.unwrap();
        let second = take("2001:db8::2").await.unwrap();
        assert!(take("2001:db8::3").await.is_none(), "the same network");
        let other = take("2001:db8:0:1::1").await.unwrap();
        let mapped = take("::ffff:192.0.2.1").await.unwrap();
        let plain = take("192.0.2.1").await.unwrap();
        assert!(take("192.0.2.1").await.is_none());

        drop(first);

        assert!(take("2001:db8::3").await.is_some());
        drop((second, other, mapped, plain));
        assert_eq!(slots.all.available_permits(), 10);
        assert!(slots.held.lock().unwrap().is_empty());
    }
}
