//! NATS goes and comes back.

use std::time::{Duration, Instant};

use tod_service::bus::Verdict;

use super::{Consumer, Job, SOON, connect, publish};
use crate::nats::Server;

#[tokio::test]
async fn nats_may_be_away_and_come_back() {
    let mut server = Server::start();
    let bus = connect(&server).await;
    publish(&bus, "test.work.a", 1).await;
    let mut consumer = Consumer::start(&bus, "c", None, |_| Verdict::Done);
    assert_eq!(consumer.next().await, 1);
    server.kill();
    let error = loop {
        match bus.publish("test.work.a", "2", &Job { number: 2 }).await {
            Ok(()) => tokio::task::yield_now().await,
            Err(error) => break error,
        }
    };
    assert!(error.is_unavailable(), "{error}");
    let begun = Instant::now();
    let kv = bus.kv("test_leases", None);
    assert!(kv.get::<u32>("a").await.unwrap_err().is_unavailable());
    assert!(
        bus.request::<_, u32>("test.ask", &1, SOON)
            .await
            .unwrap_err()
            .is_unavailable()
    );
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "it is known at once"
    );
    assert!(!bus.is_up());
    server.restart();
    let deadline = Instant::now() + SOON;
    while let Err(error) = bus.publish("test.work.a", "3", &Job { number: 3 }).await {
        assert!(
            error.is_unavailable() && Instant::now() < deadline,
            "{error}"
        );
        tokio::task::yield_now().await;
    }
    while consumer.next().await != 3 {}
    consumer.stop().await;
}

#[tokio::test]
async fn a_start_without_nats_succeeds_and_says_unavailable() {
    let mut server = Server::start();
    server.kill();
    let bus = connect(&server).await;
    assert!(!bus.is_up());
    let error = bus.publish("test.work.a", "1", &1).await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
}
