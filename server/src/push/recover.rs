//! After a crash the rows are the truth: every open change gets a worker again.

use std::time::Duration;

use tod_service::reconcile::Reconcile;

use super::{effects, store};
use crate::api::App;

/// Starts workers for changes that have none.
#[derive(Debug)]
pub struct Changes(App);

impl Changes {
    /// Works on the database of `app`.
    pub fn new(app: App) -> Self {
        Self(app)
    }
}

impl Reconcile for Changes {
    const NAME: &'static str = "orphaned changes";
    const EVERY: Duration = Duration::from_secs(5);

    async fn run(&mut self) -> anyhow::Result<usize> {
        let app = &self.0;
        let mut tx = app.db.system("changes without a worker").await?;
        let orphans = store::orphans(&mut tx, app.clock.now()).await?;
        tx.commit().await?;
        for (tenant, change, number) in &orphans {
            effects::spawn(app, *tenant, *change, *number);
        }
        Ok(orphans.len())
    }
}
