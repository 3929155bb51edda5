//! Values with compare and swap.

use std::time::{Duration, Instant};

use tod_service::bus::{Bus, BusError};

use super::SOON;

pub(super) async fn values_are_compared_and_swapped(bus: Bus) {
    let kv = bus.kv("test_leases", None);
    assert_eq!(kv.get::<u32>("a").await.unwrap(), None);
    let first = kv.create("a", &1).await.unwrap();
    assert_eq!(kv.create("a", &2).await, Err(BusError::Exists));
    let second = kv.update("a", &2, first).await.unwrap();
    assert!(second > first);
    assert_eq!(
        kv.update("a", &3, first).await,
        Err(BusError::WrongRevision)
    );
    assert_eq!(
        kv.delete_revision("a", first).await,
        Err(BusError::WrongRevision)
    );
    let entry = kv.get::<u32>("a").await.unwrap().unwrap();
    assert_eq!((entry.value, entry.revision), (2, second));
    kv.put("b.c", &9).await.unwrap();
    assert_eq!(kv.keys().await.unwrap(), ["a", "b.c"]);
    kv.delete_revision("a", second).await.unwrap();
    assert_eq!(kv.get::<u32>("a").await.unwrap(), None);
    assert_eq!(kv.keys().await.unwrap(), ["b.c"]);
    assert_eq!(
        kv.update("a", &3, second).await,
        Err(BusError::WrongRevision)
    );
    let third = kv.create("a", &3).await.unwrap();
    assert!(third > second, "a revision is never used twice");
    kv.delete("nothing").await.unwrap();
    let other = bus.kv("test_other", None);
    assert_eq!(other.keys().await.unwrap(), Vec::<String>::new());
    let (one, two) = tokio::join!(other.create("lock", &1), other.create("lock", &2));
    assert!(one.is_ok() != two.is_ok(), "exactly one has the lock");
}

pub(super) async fn values_expire(bus: Bus) {
    let kv = bus.kv("test_presence", Some(Duration::from_secs(1)));
    let first = kv.create("a", &1).await.unwrap();
    let deadline = Instant::now() + SOON;
    while kv.get::<u32>("a").await.unwrap().is_some() {
        assert!(Instant::now() < deadline);
    }
    assert_eq!(
        kv.update("a", &2, first).await,
        Err(BusError::WrongRevision)
    );
    kv.create("a", &3).await.unwrap();
}
