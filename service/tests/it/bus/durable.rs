//! Streams: order, deduplication, redelivery, positions, dead letters, caps.

use std::time::{Duration, Instant};

use tod_service::bus::{Bus, HandleBatch, Verdict};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{BRIEF, Consumer, Job, SMALL, SOON, WORK, publish};

pub(super) async fn what_was_published_before_is_consumed_in_order(bus: Bus) {
    for number in 1..=3 {
        publish(&bus, "test.work.a", number).await;
    }
    let mut consumer = Consumer::start(&bus, "c", None, |_| Verdict::Done);
    assert_eq!(consumer.next_few(3).await, [1, 2, 3]);
    publish(&bus, "test.work.a", 4).await;
    assert_eq!(consumer.next().await, 4);
    consumer.stop().await;
}

pub(super) async fn the_same_dedup_id_is_stored_once(bus: Bus) {
    for number in [1, 1, 2, 1] {
        publish(&bus, "test.work.a", number).await;
    }
    assert_eq!(bus.fill(&WORK).await.unwrap().messages, 2);
    let mut consumer = Consumer::start(&bus, "c", None, |_| Verdict::Done);
    assert_eq!(consumer.next_few(2).await, [1, 2]);
    consumer.stop().await;
}

pub(super) async fn later_comes_again_after_the_wait_and_done_does_not(bus: Bus) {
    let mut failed = false;
    let verdict = move |number| {
        if number == 1 && !failed {
            failed = true;
            return Verdict::Later(Duration::from_millis(300));
        }
        Verdict::Done
    };
    let mut consumer = Consumer::start(&bus, "c", None, verdict);
    publish(&bus, "test.work.a", 1).await;
    assert_eq!(consumer.next().await, 1);
    let begun = Instant::now();
    publish(&bus, "test.work.a", 2).await;
    assert_eq!(
        consumer.next_few(2).await,
        [2, 1],
        "others do not wait for it"
    );
    assert!(begun.elapsed() >= Duration::from_millis(200));
    publish(&bus, "test.work.a", 3).await;
    assert_eq!(consumer.next().await, 3);
    consumer.stop().await;
}

pub(super) async fn a_position_outlives_its_consumer(bus: Bus) {
    publish(&bus, "test.work.a", 1).await;
    let mut first = Consumer::start(&bus, "c", None, |_| Verdict::Done);
    assert_eq!(first.next().await, 1);
    first.stop().await;
    publish(&bus, "test.work.a", 2).await;
    let mut second = Consumer::start(&bus, "c", None, |_| Verdict::Done);
    assert_eq!(second.next().await, 2);
    second.stop().await;
}

pub(super) async fn consumers_of_one_name_share_and_of_two_names_both_see_all(bus: Bus) {
    let mut all = Consumer::start(&bus, "other", None, |_| Verdict::Done);
    publish(&bus, "test.work.a", 100).await;
    assert_eq!(all.next().await, 100);
    let mut one = Consumer::start(&bus, "shared", Some("test.work.b"), |_| Verdict::Done);
    let mut two = Consumer::start(&bus, "shared", Some("test.work.b"), |_| Verdict::Done);
    for number in 0..20 {
        publish(&bus, "test.work.b", number).await;
    }
    assert_eq!(all.next_few(20).await.len(), 20);
    let mut shared = Vec::new();
    while shared.len() < 20 {
        let number =
            tokio::select! { number = one.next() => number, number = two.next() => number };
        shared.push(number);
    }
    shared.sort_unstable();
    assert_eq!(shared, (0..20).collect::<Vec<_>>(), "each once");
    for consumer in [one, two, all] {
        consumer.stop().await;
    }
}

pub(super) async fn a_filter_lets_only_its_subjects_through(bus: Bus) {
    publish(&bus, "test.work.a.x", 1).await;
    publish(&bus, "test.work.b.x", 2).await;
    publish(&bus, "test.work.a.y", 3).await;
    let mut consumer = Consumer::start(&bus, "c", Some("test.work.a.*"), |_| Verdict::Done);
    assert_eq!(consumer.next_few(2).await, [1, 3]);
    consumer.stop().await;
}

pub(super) async fn what_will_never_go_well_is_a_dead_letter(bus: Bus) {
    let mut consumer = Consumer::start(&bus, "c", None, |number| match number {
        1 => Verdict::Never,
        _ => Verdict::Done,
    });
    bus.publish("test.work.a", "garbled", &"not a job")
        .await
        .unwrap();
    publish(&bus, "test.work.a", 1).await;
    publish(&bus, "test.work.a", 2).await;
    assert_eq!(consumer.next_few(2).await, [1, 2]);
    consumer.stop().await;
    assert_eq!(bus.dead_count().await.unwrap(), 2);
    let letters = bus.dead_letters(10).await.unwrap();
    assert_eq!(letters[0].payload, r#"{"number":1}"#);
    assert_eq!(
        (letters[0].consumer.as_str(), letters[0].attempts),
        ("c", 1)
    );
    assert_eq!(letters[1].payload, r#""not a job""#);
    assert!(
        letters[1].reason.contains("unreadable"),
        "{}",
        letters[1].reason
    );
    assert_eq!(bus.dead_letters(1).await.unwrap().len(), 1);
}

pub(super) async fn a_panic_is_contained_and_given_up_after_a_while(bus: Bus) {
    let mut consumer = Consumer::start(&bus, "c", None, |number| match number {
        1 => panic!("poisoned"),
        _ => Verdict::Done,
    });
    publish(&bus, "test.work.a", 1).await;
    publish(&bus, "test.work.a", 2).await;
    let mut seen = consumer.next_few(6).await;
    seen.sort_unstable();
    assert_eq!(seen, [1, 1, 1, 1, 1, 2]);
    consumer.stop().await;
    let letters = bus.dead_letters(10).await.unwrap();
    assert_eq!(letters[0].reason, "panicked: poisoned");
}

struct Batches(mpsc::Sender<Vec<u32>>);

impl HandleBatch for Batches {
    const NAME: &'static str = "batches";
    const MOST: usize = 4;
    type Payload = Job;

    async fn handle(&mut self, jobs: Vec<Job>) -> Vec<Verdict> {
        let numbers: Vec<_> = jobs.iter().map(|job| job.number).collect();
        self.0.send(numbers.clone()).await.unwrap();
        assert!(
            numbers.len() == 1 || !numbers.contains(&7),
            "a batch with 7 panics"
        );
        numbers.iter().map(|_| Verdict::Done).collect()
    }
}

pub(super) async fn batches_take_what_waits(bus: Bus) {
    for number in 1..=9 {
        publish(&bus, "test.work.a", number).await;
    }
    let (sender, mut batches) = mpsc::channel(100);
    let stop = CancellationToken::new();
    let work = bus.consume_batch(&WORK, Batches(sender), stop.clone());
    let check = async {
        let mut next = async || {
            tokio::time::timeout(SOON, batches.recv())
                .await
                .unwrap()
                .unwrap()
        };
        assert_eq!(next().await, [1, 2, 3, 4]);
        assert_eq!(next().await, [5, 6, 7, 8]);
        for alone in 5..=8 {
            assert_eq!(next().await, [alone], "after a panic each is tried alone");
        }
        assert_eq!(next().await, [9]);
        stop.cancel();
    };
    let (end, ()) = tokio::join!(work, check);
    end.unwrap();
    assert_eq!(bus.dead_count().await.unwrap(), 0);
}

pub(super) async fn the_oldest_goes_when_a_stream_is_full(bus: Bus) {
    let text = "x".repeat(1000);
    for number in 0..50 {
        bus.publish("test.small.a", &number.to_string(), &text)
            .await
            .unwrap();
    }
    let fill = bus.fill(&SMALL).await.unwrap();
    assert!(fill.bytes <= SMALL.max_bytes, "{fill:?}");
    assert!((10..20).contains(&fill.messages), "{fill:?}");
    assert!(fill.is_alarming(), "{fill:?}");
    assert!(!bus.fill(&WORK).await.unwrap().is_alarming());
}

pub(super) async fn the_old_goes_by_age(bus: Bus) {
    bus.publish("test.brief.a", "1", &1).await.unwrap();
    assert_eq!(bus.fill(&BRIEF).await.unwrap().messages, 1);
    let deadline = Instant::now() + SOON;
    while bus.fill(&BRIEF).await.unwrap().messages > 0 {
        assert!(Instant::now() < deadline);
    }
}
