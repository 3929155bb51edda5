//! Is this process fit to serve, and if not, why.
//!
//! Every part that can be unfit registers a check and reports from inside its own loop. A part that
//! has not reported yet is not ready: a process is ready when everything has said so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

/// All checks of a process. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<BTreeMap<String, State>>>);

#[derive(Debug)]
struct State {
    verdict: Result<(), String>,
    heard: Instant,
    silence: Option<Duration>,
}

/// Reports about one part. Dropping it removes the check.
#[derive(Debug)]
pub struct Check {
    health: Health,
    name: String,
}

/// What is known about the process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether every check is well.
    pub ready: bool,
    /// Each check: nothing when it is well, else why not.
    pub checks: BTreeMap<String, Option<String>>,
}

impl Health {
    /// No checks: ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check, which is not well until it says so.
    pub fn register(&self, name: impl Into<String>) -> Check {
        self.add(name.into(), None)
    }

    /// Adds a check that must report at least every `silence`.
    pub fn register_beating(&self, name: impl Into<String>, silence: Duration) -> Check {
        self.add(name.into(), Some(silence))
    }

    /// What is known now.
    pub fn report(&self) -> Report {
        let states = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let checks: BTreeMap<_, _> = states
            .iter()
            .map(|(name, state)| (name.clone(), state.problem()))
            .collect();
        Report {
            ready: checks.values().all(Option::is_none),
            checks,
        }
    }

    fn add(&self, name: String, silence: Option<Duration>) -> Check {
        let state = State {
            verdict: Err("starting".to_owned()),
            heard: Instant::now(),
            silence,
        };
        let mut states = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        states.insert(name.clone(), state);
        drop(states);
        Check {
            health: self.clone(),
            name,
        }
    }
}

impl State {
    fn problem(&self) -> Option<String> {
        let quiet = self.heard.elapsed();
        match (&self.verdict, self.silence) {
            (Err(reason), _) => Some(reason.clone()),
            (Ok(()), Some(most)) if quiet > most => {
                Some(format!("not heard of for {} s", quiet.as_secs()))
            }
            (Ok(()), _) => None,
        }
    }
}

impl Check {
    /// It is well.
    pub fn pass(&self) {
        self.set(Ok(()));
    }

    /// It is not well. `reason` is shown to whoever may see the health, so it holds no secret.
    pub fn fail(&self, reason: impl Into<String>) {
        self.set(Err(reason.into()));
    }

    fn set(&self, verdict: Result<(), String>) {
        let mut states = self.health.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = states.get_mut(&self.name) {
            state.verdict = verdict;
            state.heard = Instant::now();
        }
    }
}

impl Drop for Check {
    fn drop(&mut self) {
        let mut states = self.health.0.lock().unwrap_or_else(PoisonError::into_inner);
        states.remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn ready_means_that_every_part_has_said_so_lately() {
        let health = Health::new();
        assert!(health.report().ready);
        let database = health.register("database");
        let ingest = health.register_beating("ingest", Duration::from_secs(10));
        assert_eq!(
            health.report().checks["database"].as_deref(),
            Some("starting")
        );
        database.pass();
        ingest.pass();
        assert!(health.report().ready);
        tokio::time::advance(Duration::from_secs(11)).await;
        let report = health.report();
        assert!(!report.ready);
        assert_eq!(report.checks["database"], None);
        assert_eq!(
            report.checks["ingest"].as_deref(),
            Some("not heard of for 11 s")
        );
        drop(ingest);
        database.fail("cannot connect");
        assert_eq!(health.report().checks.len(), 1);
        assert_eq!(
            health.report().checks["database"].as_deref(),
            Some("cannot connect")
        );
    }
}
