//! What the bus promises, held against both implementations.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use tod_service::bus::{
    Bus, BusError, DEAD, Handle, HandleBatch, NatsOptions, Refusal, Stream, Verdict,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::nats::Server;

const SOON: Duration = Duration::from_secs(10);

const WORK: Stream = Stream {
    name: "TEST_WORK",
    prefix: "test.work",
    max_bytes: 1 << 20,
    max_age: Duration::from_hours(1),
    dedup_window: Duration::from_mins(2),
};
const SMALL: Stream = Stream {
    name: "TEST_SMALL",
    prefix: "test.small",
    max_bytes: 20_000,
    ..WORK
};
const BRIEF: Stream = Stream {
    name: "TEST_BRIEF",
    prefix: "test.brief",
    max_age: Duration::from_secs(1),
    dedup_window: Duration::from_secs(1),
    ..WORK
};
const STREAMS: &[Stream] = &[WORK, SMALL, BRIEF, DEAD];

/// One test for each implementation.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod in_process {
            $(#[tokio::test]
            async fn $name() {
                super::$name(tod_service::bus::Bus::in_process_with(super::STREAMS)).await;
            })*
        }
        mod nats {
            $(#[tokio::test]
            async fn $name() {
                let server = crate::nats::Server::start();
                super::$name(super::connect(&server).await).await;
            })*
        }
    };
}

on_both! {
    what_was_published_before_is_consumed_in_order
    the_same_dedup_id_is_stored_once
    later_comes_again_after_the_wait_and_done_does_not
    a_position_outlives_its_consumer
    consumers_of_one_name_share_and_of_two_names_both_see_all
    a_filter_lets_only_its_subjects_through
    what_will_never_go_well_is_a_dead_letter
    a_panic_is_contained_and_given_up_after_a_while
    batches_take_what_waits
    the_oldest_goes_when_a_stream_is_full
    the_old_goes_by_age
    requests_are_answered_refused_or_late
    one_server_of_a_queue_answers
    notifications_reach_all_who_listen
    values_are_compared_and_swapped
    values_expire
    misuse_is_refused
}

async fn connect(server: &Server) -> Bus {
    let options = NatsOptions {
        url: server.url(),
        name: "test".into(),
        ..NatsOptions::default()
    };
    Bus::nats_with(options, STREAMS).await.unwrap()
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Job {
    number: u32,
}

/// Hands each message to the test and does with it what `verdict` says.
struct Recorder<V> {
    name: &'static str,
    filter: Option<&'static str>,
    seen: mpsc::Sender<u32>,
    verdict: V,
}

impl<V: FnMut(u32) -> Verdict + Send> Handle for Recorder<V> {
    const NAME: &'static str = "recorder";
    type Payload = Job;

    fn durable(&self) -> String {
        self.name.to_owned()
    }

    fn filter(&self) -> Option<String> {
        self.filter.map(str::to_owned)
    }

    async fn handle(&mut self, job: Job) -> Verdict {
        self.seen.send(job.number).await.unwrap();
        (self.verdict)(job.number)
    }
}

/// A running consumer.
struct Consumer {
    seen: mpsc::Receiver<u32>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Consumer {
    fn start<V>(bus: &Bus, name: &'static str, filter: Option<&'static str>, verdict: V) -> Self
    where
        V: FnMut(u32) -> Verdict + Send + 'static,
    {
        let (sender, seen) = mpsc::channel(100);
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let recorder = Recorder {
            name,
            filter,
            seen: sender,
            verdict,
        };
        let (bus, stopped) = (bus.clone(), stop.clone());
        tasks.spawn(async move { bus.consume(&WORK, recorder, stopped).await.unwrap() });
        Self { seen, stop, tasks }
    }

    async fn next(&mut self) -> u32 {
        tokio::time::timeout(SOON, self.seen.recv())
            .await
            .unwrap()
            .unwrap()
    }

    async fn next_few(&mut self, count: usize) -> Vec<u32> {
        let mut seen = Vec::new();
        for _ in 0..count {
            seen.push(self.next().await);
        }
        seen
    }

    async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        tokio::time::timeout(SOON, self.tasks.wait()).await.unwrap();
    }
}

async fn publish(bus: &Bus, subject: &str, number: u32) {
    bus.publish(subject, &format!("{subject}/{number}"), &Job { number })
        .await
        .unwrap();
}

async fn what_was_published_before_is_consumed_in_order(bus: Bus) {
    for number in 1..=3 {
        publish(&bus, "test.work.a", number).await;
    }
    let mut consumer = Consumer::start(&bus, "c", None, |_| Verdict::Done);
    assert_eq!(consumer.next_few(3).await, [1, 2, 3]);
    publish(&bus, "test.work.a", 4).await;
    assert_eq!(consumer.next().await, 4);
    consumer.stop().await;
}

async fn the_same_dedup_id_is_stored_once(bus: Bus) {
    for number in [1, 1, 2, 1] {
        publish(&bus, "test.work.a", number).await;
    }
    assert_eq!(bus.fill(&WORK).await.unwrap().messages, 2);
    let mut consumer = Consumer::start(&bus, "c", None, |_| Verdict::Done);
    assert_eq!(consumer.next_few(2).await, [1, 2]);
    consumer.stop().await;
}

async fn later_comes_again_after_the_wait_and_done_does_not(bus: Bus) {
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

async fn a_position_outlives_its_consumer(bus: Bus) {
    publish(&bus, "test.work.a", 1).await;
    let mut first = Consumer::start(&bus, "c", None, |_| Verdict::Done);
    assert_eq!(first.next().await, 1);
    first.stop().await;
    publish(&bus, "test.work.a", 2).await;
    let mut second = Consumer::start(&bus, "c", None, |_| Verdict::Done);
    assert_eq!(second.next().await, 2);
    second.stop().await;
}

async fn consumers_of_one_name_share_and_of_two_names_both_see_all(bus: Bus) {
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

async fn a_filter_lets_only_its_subjects_through(bus: Bus) {
    publish(&bus, "test.work.a.x", 1).await;
    publish(&bus, "test.work.b.x", 2).await;
    publish(&bus, "test.work.a.y", 3).await;
    let mut consumer = Consumer::start(&bus, "c", Some("test.work.a.*"), |_| Verdict::Done);
    assert_eq!(consumer.next_few(2).await, [1, 3]);
    consumer.stop().await;
}

async fn what_will_never_go_well_is_a_dead_letter(bus: Bus) {
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

async fn a_panic_is_contained_and_given_up_after_a_while(bus: Bus) {
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

async fn batches_take_what_waits(bus: Bus) {
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

async fn the_oldest_goes_when_a_stream_is_full(bus: Bus) {
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

async fn the_old_goes_by_age(bus: Bus) {
    bus.publish("test.brief.a", "1", &1).await.unwrap();
    assert_eq!(bus.fill(&BRIEF).await.unwrap().messages, 1);
    let deadline = Instant::now() + SOON;
    while bus.fill(&BRIEF).await.unwrap().messages > 0 {
        assert!(Instant::now() < deadline);
    }
}

async fn requests_are_answered_refused_or_late(bus: Bus) {
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

async fn one_server_of_a_queue_answers(bus: Bus) {
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

async fn until_served<Q: Serialize + Sync>(bus: &Bus, subject: &str, question: &Q) {
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

async fn notifications_reach_all_who_listen(bus: Bus) {
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

async fn values_are_compared_and_swapped(bus: Bus) {
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

async fn values_expire(bus: Bus) {
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

async fn misuse_is_refused(bus: Bus) {
    let not_durable = bus.publish("test.none.a", "1", &1).await;
    assert_eq!(not_durable, Err(BusError::NotDurable("test.none.a".into())));
    assert!(matches!(
        bus.publish("test.work.*", "1", &1).await,
        Err(BusError::Subject(_))
    ));
    assert!(matches!(
        bus.notify("a b", &1).await,
        Err(BusError::Subject(_))
    ));
    assert!(matches!(
        bus.subscribe::<u32>("").await,
        Err(BusError::Subject(_))
    ));
    assert!(matches!(
        bus.kv("a.b", None).keys().await,
        Err(BusError::Subject(_))
    ));
    let large = "x".repeat(tod_service::bus::MAX_MESSAGE);
    let refused = bus.publish("test.work.a", "1", &large).await;
    assert!(
        matches!(refused, Err(BusError::TooLarge { .. })),
        "{refused:?}"
    );
    let fits = "x".repeat(tod_service::bus::MAX_MESSAGE - 2);
    bus.publish("test.work.a", "1", &fits).await.unwrap();
    let unknown = Stream {
        name: "OTHER",
        ..WORK
    };
    assert_eq!(
        bus.fill(&unknown).await,
        Err(BusError::UnknownStream("OTHER"))
    );
}

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
