//! Requests and notifications.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use serde::Serialize;
use tod_service::bus::{Bus, BusError, Refusal};
use tod_service::sealed::{PublicKey, Recipient};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Job, SOON};

pub(super) async fn requests_are_answered_refused_or_late(bus: Bus) {
    let ask = |number| {
        let bus = bus.clone();
        async move {
            let deadline = Duration::from_millis(500);
            bus.request::<_, Job>("test.ask", &Job { number }, deadline)
                .await
        }
    };
    let nobody = ask(1).await.unwrap_err();
    assert!(matches!(nobody, BusError::NoResponder(_)) && nobody.is_unavailable());
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let (serving, stopped) = (bus.clone(), stop.clone());
    tasks.spawn(async move {
        let answer = |job: Job| async move {
            match job.number {
                1 => Ok(Job { number: 100 }),
                2 => Err(Refusal::new("no", "not today")),
                3 => panic!("contained"),
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            end = serving.serve("test.ask", "q", stopped.clone(), answer) => end.unwrap(),
            () = stopped.cancelled() => {}
        }
    });
    until_served(&bus, "test.ask", &Job { number: 1 }).await;
    assert_eq!(ask(1).await.unwrap().number, 100);
    assert_eq!(
        ask(2).await,
        Err(BusError::Refused(Refusal::new("no", "not today")))
    );
    let internal = ask(3).await.unwrap_err();
    assert!(matches!(internal, BusError::Refused(refusal) if refusal.code == "internal"));
    let (late, other) = tokio::join!(ask(4), ask(1));
    assert!(matches!(&late, Err(BusError::Timeout(_))), "{late:?}");
    assert_eq!(
        other.unwrap().number,
        100,
        "one that hangs does not hold up others"
    );
    let malformed = bus
        .request::<_, Job>("test.ask", &"what", SOON)
        .await
        .unwrap_err();
    assert!(matches!(malformed, BusError::Refused(refusal) if refusal.code == "malformed"));
    stop.cancel();
    tasks.close();
    tasks.wait().await;
}

/// What is sealed is answered to who asked with the right key, and what is in the clear is not.
pub(super) async fn sealed_requests_are_between_two(bus: Bus) {
    let me = Recipient::generate().unwrap();
    let (key, other) = (me.public_key(), Recipient::generate().unwrap().public_key());
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let (serving, stopped) = (bus.clone(), stop.clone());
    tasks.spawn(async move {
        let answer = |job: Job| async move {
            match job.number {
                1 => Ok(Job { number: 100 }),
                _ => Err(Refusal::new("no", "not today")),
            }
        };
        let served = serving.serve_sealed("test.ask", "q", &me, stopped, answer);
        served.await.unwrap();
    });
    let ask = async |key: PublicKey, number| {
        bus.request_sealed::<_, Job>("test.ask", &key, &Job { number }, SOON)
            .await
    };
    let served = async {
        while ask(key, 1).await.is_err_and(|error| error.is_unavailable()) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, served).await.unwrap();

    assert_eq!(ask(key, 1).await.unwrap().number, 100);
    let no = BusError::Refused(Refusal::new("no", "not today"));
    assert_eq!(ask(key, 2).await, Err(no));
    // Whoever answers without the key may have done it all the same: that is no refusal.
    let shut = ask(other, 1).await.unwrap_err();
    assert!(matches!(shut, BusError::Malformed(_)), "{shut}");
    let clear = bus
        .request::<_, Job>("test.ask", &Job { number: 1 }, SOON)
        .await;
    let clear = clear.unwrap_err();
    assert!(
        matches!(&clear, BusError::Refused(refusal) if refusal.code == "malformed"),
        "{clear}"
    );

    stop.cancel();
    tasks.close();
    tasks.wait().await;
}

pub(super) async fn one_server_of_a_queue_answers(bus: Bus) {
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let asked = Arc::new(AtomicUsize::new(0));
    for _ in 0..3 {
        let (bus, stop, asked) = (bus.clone(), stop.clone(), Arc::clone(&asked));
        tasks.spawn(async move {
            let answer = |number: u32| {
                asked.fetch_add(1, Ordering::Relaxed);
                async move { Ok(number + 1) }
            };
            bus.serve("test.add.*", "q", stop, answer).await.unwrap();
        });
    }
    until_served(&bus, "test.add.x", &0).await;
    let before = asked.load(Ordering::Relaxed);
    for number in 0..30_u32 {
        let answer: u32 = bus.request("test.add.y", &number, SOON).await.unwrap();
        assert_eq!(answer, number + 1);
    }
    assert_eq!(asked.load(Ordering::Relaxed) - before, 30);
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    let nobody = bus.request::<_, u32>("test.add.y", &1, SOON).await;
    assert!(
        matches!(nobody, Err(BusError::NoResponder(_))),
        "{nobody:?}"
    );
}

pub(super) async fn until_served<Q: Serialize + Sync>(bus: &Bus, subject: &str, question: &Q) {
    let deadline = Instant::now() + SOON;
    let ask = || bus.request::<_, serde_json::Value>(subject, question, SOON);
    while let Err(error) = ask().await {
        assert!(
            error.is_unavailable() && Instant::now() < deadline,
            "{error}"
        );
        tokio::task::yield_now().await;
    }
}

pub(super) async fn notifications_reach_all_who_listen(bus: Bus) {
    bus.notify("test.news.a", &Job { number: 0 }).await.unwrap();
    let mut all = bus.subscribe::<Job>("test.news.>").await.unwrap();
    let mut some = bus.subscribe::<Job>("test.news.b").await.unwrap();
    bus.notify("test.news.a", &Job { number: 1 }).await.unwrap();
    bus.notify("test.news.b", &"unreadable").await.unwrap();
    bus.notify("test.news.b", &Job { number: 2 }).await.unwrap();
    let next = async |news: &mut tod_service::bus::Subscription<Job>| {
        tokio::time::timeout(SOON, news.next())
            .await
            .unwrap()
            .unwrap()
            .number
    };
    assert_eq!((next(&mut all).await, next(&mut all).await), (1, 2));
    assert_eq!(next(&mut some).await, 2);
}
