//! When reconcilers run, and what is told about them.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

struct Count(Arc<AtomicUsize>);

impl Reconcile for Count {
    const NAME: &'static str = "count";
    const EVERY: Duration = Duration::from_mins(1);

    async fn run(&mut self) -> anyhow::Result<usize> {
        match self.0.fetch_add(1, Ordering::Relaxed) {
            0 => anyhow::bail!("the first run fails"),
            1 => panic!("the second run panics"),
            _ => Ok(1),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn runs_at_once_on_demand_on_time_and_after_failures_and_panics() {
    let runs = Arc::new(AtomicUsize::new(0));
    let (poke, stop) = (Poke::default(), CancellationToken::new());
    let board = Board::new(Clock::settable(Timestamp::UNIX_EPOCH).0);
    let job = drive(Count(Arc::clone(&runs)), &poke, &board, stop.clone());
    let check = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(runs.load(Ordering::Relaxed), 1);
        assert_eq!(
            board.all()["count"].last_error.as_deref(),
            Some("the first run fails")
        );
        poke.poke();
        poke.poke();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(runs.load(Ordering::Relaxed), 2);
        let panicked = "panicked: the second run panics";
        assert_eq!(board.all()["count"].last_error.as_deref(), Some(panicked));
        assert_eq!(board.all()["count"].failing, 2);
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert_eq!(runs.load(Ordering::Relaxed), 3);
        stop.cancel();
    };
    tokio::join!(job, check);
    let status = &board.all()["count"];
    assert_eq!(
        (status.runs, status.failures, status.failing, status.changed),
        (3, 2, 0, 1)
    );
    assert_eq!(status.last_error, None);
    assert_eq!(status.last_success, Some(Timestamp::UNIX_EPOCH));
}
