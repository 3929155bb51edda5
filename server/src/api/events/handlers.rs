//! What each endpoint does.

use tod_proto::api::events::{Event, List};
use tod_proto::page::{MAX_PAGE, Page};

use super::store;
use crate::api::Cx;
use crate::api::error::Error;
use crate::api::route::Req;

const DEFAULT_LIMIT: u32 = 100;

pub(super) async fn list(cx: Cx, req: Req<List>) -> Result<Page<Event>, Error> {
    let limit = req.query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Error::invalid(format!("limit: 1 to {MAX_PAGE}")));
    }
    let mut tx = cx.begin().await?;
    let total = store::count(&mut tx, &req.query).await?;
    let items = store::newest(&mut tx, &req.query, limit).await?;
    tx.commit().await?;
    Ok(Page {
        items,
        next: None,
        total,
    })
}
