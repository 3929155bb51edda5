//! What runs beside requests: consumers, answers to pollers, reconcilers.

use tod_proto::bus;
use tod_service::bus::SAMPLES;
use tod_service::reconcile::{Board, Poke, Reconcile, drive};

use crate::api::App;
use crate::api::error::Error;
use crate::audit::checkpoint::Checkpoints;
use crate::audit::retention::Retention;
use crate::auth::signing::Renewal;
use crate::ingest::Ingest;
use crate::kms::Upkeep;
use crate::push::recover::Changes;
use crate::reconcile::{Partitions, Rollups, Stale};
use crate::run::answer::Answers;
use crate::run::recover::Runs;
use crate::{lease, metrics};

/// Starts everything, under the supervisor of `app`. Call it once, after [`App::prepare`].
pub async fn start(app: &App, board: &Board) -> Result<(), Error> {
    // Samples need partitions to go to, before the first comes.
    let mut tx = app.db.system("partitions before the first sample").await?;
    metrics::store::make_partitions(&mut tx, app.clock.now()).await?;
    tx.commit().await?;
    let supervisor = &app.supervisor;
    let (fleet, bus) = (app.fleet.clone(), app.bus.clone());
    supervisor.spawn("fleet notices", fleet.run(bus, supervisor.stop()));
    let this = app.clone();
    supervisor.spawn("ingest", async move {
        let stop = this.supervisor.stop();
        this.bus
            .consume_batch(&SAMPLES, Ingest::new(this.clone()), stop)
            .await
    });
    let this = app.clone();
    supervisor.spawn("leases", async move {
        let stop = this.supervisor.stop();
        let answer = |request| lease::answer(this.clone(), request);
        this.bus.serve(bus::LEASE, "servers", stop, answer).await
    });
    reconciler(app, board, Partitions::new(app.clone()));
    reconciler(app, board, Rollups::new(app.clone()));
    reconciler(app, board, Stale::new(app.clone()));
    reconciler(app, board, Runs::new(app.clone()));
    reconciler(app, board, Answers::new(app.clone()));
    reconciler(app, board, Changes::new(app.clone()));
    reconciler(app, board, Checkpoints::new(app.clone()));
    reconciler(app, board, Renewal::new(app.clone()));
    reconciler(app, board, Upkeep::new(app.clone()));
    reconciler(app, board, Retention::new(app.clone()));
    Ok(())
}

fn reconciler<R: Reconcile + Sync>(app: &App, board: &Board, work: R) {
    let (board, stop) = (board.clone(), app.supervisor.stop());
    app.supervisor.spawn(R::NAME, async move {
        drive(work, &Poke::default(), &board, stop).await;
        Ok::<_, Error>(())
    });
}
