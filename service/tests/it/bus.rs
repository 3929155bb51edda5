//! What the bus promises, held against both implementations.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tod_service::bus::{Bus, BusError, DEAD, Handle, NatsOptions, Stream, Verdict};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::nats::Server;

mod durable;
mod live;
mod outage;
mod tables;

use durable::*;
use live::*;
use tables::*;

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
    sealed_requests_are_between_two
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
