//! Ends runs whose server is gone.
//!
//! They are not taken up again: the words of the command lived in that server, and a command that
//! may have been sent must not be sent twice.

use std::time::Duration;

use tod_proto::bus::FleetNotice;
use tod_proto::error::ErrorCode;
use tod_proto::id::{RunId, TenantId};
use tod_service::reconcile::Reconcile;

use super::execute;
use super::store::{self, Outcome};
use crate::api::App;
use crate::api::error::Error;

/// Ends abandoned runs.
#[derive(Debug)]
pub struct Runs(App);

impl Runs {
    /// Works on the database of `app`.
    pub fn new(app: App) -> Self {
        Self(app)
    }

    async fn end(&self, tenant: TenantId, run: RunId) -> Result<(), Error> {
        let app = &self.0;
        let mut tx = app.db.tenant(tenant).await?;
        for (device, asked) in store::open(&mut tx, tenant, run).await? {
            let outcome = if asked {
                let message = "the server ended while it waited for the answer: the command may \
                               have been done";
                Outcome::failed(ErrorCode::Unavailable, message)
            } else {
                Outcome::skipped(
                    ErrorCode::Unavailable,
                    "the server ended before it was asked",
                )
            };
            store::finish_one(&app.kms, &mut tx, tenant, run, device, &outcome).await?;
        }
        tx.commit().await?;
        execute::finish(app, tenant, run).await
    }
}

impl Reconcile for Runs {
    const NAME: &'static str = "abandoned runs";
    const EVERY: Duration = Duration::from_secs(10);

    async fn run(&mut self) -> anyhow::Result<usize> {
        let mut tx = self.0.db.system("abandoned runs").await?;
        let abandoned = store::abandoned(&mut tx, self.0.clock.now()).await?;
        tx.commit().await?;
        for (tenant, run) in &abandoned {
            self.end(*tenant, *run).await?;
            self.0.tell(&FleetNotice::Events { tenant: *tenant }).await;
        }
        Ok(abandoned.len())
    }
}
