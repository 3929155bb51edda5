//! How a service stops.

use std::time::Duration;

use tod_service::supervisor::{Failure, Supervisor};

const GRACE: Duration = Duration::from_secs(5);

#[tokio::test(start_paused = true)]
async fn everything_ends_when_it_is_asked_to() {
    let supervisor = Supervisor::new();
    for name in ["one", "two"] {
        let stop = supervisor.stop();
        supervisor.spawn(name, async move {
            stop.cancelled().await;
            anyhow::Ok(())
        });
    }
    supervisor.spawn_job("short", async {});
    let signal = tokio::time::sleep(Duration::from_secs(1));
    assert_eq!(supervisor.run_until(signal, GRACE).await, Ok(()));
    assert_eq!(supervisor.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ends_fails_or_panics_stops_everything() {
    for (how, expected) in [
        ("end", "ended before the stop"),
        ("fail", "failed: outer: inner"),
        ("panic", "panicked: gone wrong"),
    ] {
        let supervisor = Supervisor::new();
        let stop = supervisor.stop();
        supervisor.spawn("other", async move {
            stop.cancelled().await;
            anyhow::Ok(())
        });
        supervisor.spawn("bad", async move {
            match how {
                "end" => Ok(()),
                "fail" => Err(anyhow::anyhow!("inner").context("outer")),
                _ => panic!("gone wrong"),
            }
        });
        let end = supervisor.run_until(std::future::pending(), GRACE).await;
        let failure = Failure::Task {
            task: "bad".into(),
            how: expected.into(),
        };
        assert_eq!(end, Err(failure), "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_panics_stops_nothing_and_one_that_hangs_is_ended() {
    let supervisor = Supervisor::new();
    supervisor.spawn_job("panics", async { panic!("contained") });
    supervisor.spawn_job("hangs", std::future::pending());
    let signal = tokio::time::sleep(Duration::from_secs(1));
    let end = supervisor.run_until(signal, GRACE).await;
    assert_eq!(end, Err(Failure::Stuck { tasks: 1 }));
    assert_eq!(supervisor.running(), 0);
}
