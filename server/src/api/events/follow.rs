//! Follows events: the database is read again whenever something is told, once for all followers
//! who have seen the same.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use tod_proto::api::events::{Event, EventQuery, Follow};
use tod_proto::bus::FleetNotice;
use tod_proto::id::TenantId;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;

use super::store;
use crate::api::error::Error;
use crate::api::route::{FeedItem, FeedReq};
use crate::api::{App, Cx};
use crate::fleet::told;

/// How often the database is read although nothing was told.
const LOOK: Duration = Duration::from_secs(10);
/// How many events are read at once.
const PAGE: u32 = 500;

struct Following {
    app: App,
    tenant: TenantId,
    query: EventQuery,
    notices: Receiver<FleetNotice>,
    ready: VecDeque<Event>,
    /// Everything was read that had been told.
    up_to_date: bool,
}

pub(super) async fn follow(
    cx: Cx,
    req: FeedReq<Follow>,
) -> Result<impl Stream<Item = FeedItem<Event>> + Send + 'static, Error> {
    let mut query = req.query;
    let notices = cx.app.fleet.follow(req.path);
    let cursor = req.after.and_then(|after| after.parse().ok());
    // What the client has seen counts more than where it once began.
    query.after = cursor.or(query.after);
    if query.after.is_none() {
        let mut tx = cx.begin().await?;
        query.after = Some(store::last(&mut tx).await?);
        tx.commit().await?;
    }
    let following = Following {
        app: cx.app.clone(),
        tenant: req.path,
        query,
        notices,
        ready: VecDeque::new(),
        up_to_date: false,
    };
    Ok(futures_util::stream::unfold(following, next))
}

async fn next(mut following: Following) -> Option<(FeedItem<Event>, Following)> {
    loop {
        if let Some(item) = following.ready.pop_front() {
            let cursor = Some(item.cursor.to_string());
            return Some((FeedItem { cursor, item }, following));
        }
        if following.up_to_date {
            let about = |notice: &FleetNotice| matches!(notice, FleetNotice::Events { .. });
            told(&mut following.notices, LOOK, about).await;
        }
        if let Err(error) = following.read().await {
            // The client comes again, with the cursor of what it has seen.
            tracing::debug!(%error, "events cannot be followed now");
            return None;
        }
    }
}

async fn read(app: App, tenant: TenantId, query: EventQuery) -> Result<Arc<Vec<Event>>, Error> {
    let mut tx = app.db.tenant(tenant).await?;
    let events = store::following(&mut tx, &query, PAGE).await?;
    tx.commit().await?;
    Ok(Arc::new(events))
}

impl Following {
    /// Reads what is new.
    async fn read(&mut self) -> Result<(), Error> {
        // What was told before the read is in what is read.
        while let Ok(_) | Err(TryRecvError::Lagged(_)) = self.notices.try_recv() {}
        let (app, tenant, query) = (self.app.clone(), self.tenant, self.query.clone());
        let key = (tenant, query.clone());
        let read = move || read(app.clone(), tenant, query.clone());
        // Most followers have seen the same: they read together.
        let events = self.app.events.read(&self.app.supervisor, key, read);
        let events = events.await?;
        if let Some(last) = events.last() {
            self.query.after = Some(last.cursor);
        }
        self.up_to_date = u32::try_from(events.len()).is_ok_and(|count| count < PAGE);
        self.ready.extend(events.iter().cloned());
        Ok(())
    }
}
