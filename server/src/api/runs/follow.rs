//! Follows a run: the database is read again whenever something is told about it.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::Stream;
use tod_proto::api::runs::{Follow, Run, RunState, RunUpdate};
use tod_proto::bus::FleetNotice;
use tod_proto::endpoint::Feed as _;
use tod_proto::id::TenantId;
use tokio::sync::broadcast::Receiver;

use crate::api::error::Error;
use crate::api::route::{FeedItem, FeedReq};
use crate::api::{App, Cx};
use crate::fleet::told;
use crate::run::store;

/// How often the database is read although nothing was told.
const LOOK: Duration = Duration::from_secs(5);
/// How many results are read at once.
const PAGE: i64 = 100;

struct Following {
    app: App,
    /// Who follows, as the log of keys knows them.
    actor: String,
    tenant: TenantId,
    number: u64,
    notices: Receiver<FleetNotice>,
    after: i32,
    ready: VecDeque<FeedItem<RunUpdate>>,
    ended: bool,
}

pub(super) async fn follow(
    cx: Cx,
    req: FeedReq<Follow>,
) -> Result<impl Stream<Item = FeedItem<RunUpdate>> + Send + 'static, Error> {
    let (tenant, number) = req.path;
    let notices = cx.app.fleet.follow(tenant);
    let mut tx = cx.begin().await?;
    store::find(&mut tx, tenant, number)
        .await?
        .ok_or_else(|| Error::not_found("run"))?;
    tx.commit().await?;
    let after = req.after.and_then(|after| after.parse().ok()).unwrap_or(0);
    let following = Following {
        app: cx.app.clone(),
        actor: cx.caller()?.actor(),
        tenant,
        number,
        notices,
        after,
        ready: VecDeque::new(),
        ended: false,
    };
    Ok(futures_util::stream::unfold(following, next))
}

async fn next(mut following: Following) -> Option<(FeedItem<RunUpdate>, Following)> {
    loop {
        if let Some(item) = following.ready.pop_front() {
            return Some((item, following));
        }
        if following.ended {
            return None;
        }
        match following.read().await {
            Ok(true) => {}
            Ok(false) => following.wait().await,
            Err(error) => {
                // The client comes again, with the cursor of what it has seen.
                tracing::debug!(%error, "a run cannot be followed now");
                return None;
            }
        }
    }
}

impl Following {
    /// Reads what is new. False if nothing is.
    async fn read(&mut self) -> Result<bool, Error> {
        let mut tx = self.app.db.tenant(self.tenant).await?;
        let run = store::find(&mut tx, self.tenant, self.number).await?;
        let run: Run = run.ok_or_else(|| Error::not_found("run"))?;
        let now = self.app.clock.now();
        let keys = self.app.kms.keyring(&*self.actor, Follow::OP.name, now);
        let results = store::results(&keys, &mut tx, self.tenant, &run, self.after, PAGE).await?;
        tx.commit().await?;
        let more = i64::try_from(results.len()).is_ok_and(|count| count == PAGE);
        for (seq, result) in results {
            self.after = seq;
            let item = RunUpdate::Result {
                result: Box::new(result),
            };
            self.ready.push_back(FeedItem {
                cursor: Some(seq.to_string()),
                item,
            });
        }
        if run.state == RunState::Finished && !more {
            self.ended = true;
            self.ready.push_back(FeedItem {
                cursor: None,
                item: RunUpdate::Finished { run },
            });
        }
        Ok(!self.ready.is_empty())
    }

    async fn wait(&mut self) {
        let number = self.number;
        let about_us = move |notice: &FleetNotice| matches!(notice, FleetNotice::Run { number: told, .. } if *told == number);
        told(&mut self.notices, LOOK, about_us).await;
    }
}
