//! Makes partitions ahead, drops old ones, and forgets pollers that are gone.

use std::time::Duration;

use tod_service::reconcile::Reconcile;

use crate::api::App;
use crate::lease;
use crate::metrics::store;

/// Keeps the partitions of the time series.
#[derive(Debug)]
pub struct Partitions(App);

impl Partitions {
    /// Works on the database of `app`.
    pub fn new(app: App) -> Self {
        Self(app)
    }
}

impl Reconcile for Partitions {
    const NAME: &'static str = "partitions";
    const EVERY: Duration = Duration::from_hours(1);

    async fn run(&mut self) -> anyhow::Result<usize> {
        let now = self.0.clock.now();
        let mut tx = self.0.db.system("partitions").await?;
        let made = store::make_partitions(&mut tx, now).await?;
        tx.commit().await?;
        // Dropping waits for readers of the partition: alone, so that making never does.
        let mut tx = self.0.db.system("old partitions").await?;
        let dropped = store::drop_partitions(&mut tx, now).await?;
        tx.commit().await?;
        let gone = usize::try_from(lease::forget_gone(&self.0).await?)?;
        Ok(made + dropped + gone)
    }
}
