//! Rolls values up into five minutes and hours.

use std::time::Duration;

use tod_service::reconcile::Reconcile;

use crate::api::App;
use crate::metrics::store;

/// Keeps the rollups of the time series.
#[derive(Debug)]
pub struct Rollups(App);

impl Rollups {
    /// Works on the database of `app`.
    pub fn new(app: App) -> Self {
        Self(app)
    }
}

impl Reconcile for Rollups {
    const NAME: &'static str = "rollups";
    const EVERY: Duration = Duration::from_mins(5);

    async fn run(&mut self) -> anyhow::Result<usize> {
        let mut tx = self.0.db.system("rollups").await?;
        let rows = store::roll_up(&mut tx, self.0.clock.now()).await?;
        tx.commit().await?;
        Ok(rows)
    }
}
