//! Commands that answer bit by bit, until they are done or cancelled.

use std::sync::Arc;
use std::time::Duration;

use routeros::error::Trap;
use routeros::row::Row as Record;
use routeros::server::{Request, Response};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::dialect;
use crate::device::{Inner, Pings};
use crate::trap;
use crate::verb::{Marks, Order};

/// Where a streaming command writes.
pub(super) struct Stream {
    pub(super) device: Arc<Inner>,
    pub(super) request: Request,
    pub(super) later: mpsc::Sender<Vec<u8>>,
    pub(super) stop: CancellationToken,
    /// Tells when it is over.
    pub(super) _over: DropGuard,
}

impl Stream {
    async fn send(&self, responses: &[Response]) -> bool {
        let mut out = Vec::new();
        for response in responses {
            let switches = &self.device.spec.switches;
            dialect::respond(switches, &self.request, response.clone()).encode(&mut out);
        }
        self.later.send(out).await.is_ok()
    }

    fn write_rows(&self, rows: &mut [Record]) {
        let menu = self.request.menu_and_verb().0;
        let wanted = self.request.attributes.text(".proplist");
        let core = self.device.core();
        core.write_rows(menu, wanted.as_deref(), rows);
    }

    /// Waits a while; returns whether to go on.
    async fn pause(&self, d: Duration) -> bool {
        tokio::select! {
            () = self.stop.cancelled() => self.interrupted().await,
            () = self.device.around.clock.sleep(d) => true,
        }
    }

    /// Says that it was cancelled, so that it does not go on.
    async fn interrupted(&self) -> bool {
        let trap = trap::interrupted();
        let trap = Response::trap(trap.category, trap.message);
        self.send(&[trap, Response::done()]).await;
        false
    }
}

/// Sends what changes in a menu, until it is cancelled.
pub(super) async fn listen(stream: Stream, order: Order, mut known: Marks) {
    let changed = Arc::clone(&stream.device.core().changed);
    loop {
        let mut next = std::pin::pin!(changed.notified());
        next.as_mut().enable();
        let mut news = stream.device.core().news(&order, &mut known);
        stream.write_rows(&mut news);
        let news: Vec<_> = news.iter().map(Response::row).collect();
        if !news.is_empty() && !stream.send(&news).await {
            return;
        }
        tokio::select! {
            () = stream.stop.cancelled() => {
                stream.interrupted().await;
                return;
            }
            () = next => {}
        }
    }
}

/// Sends rows one a second, each with the number of its section, and what ends them.
pub(super) async fn series(stream: Stream, rows: Vec<Vec<Record>>, result: Option<Trap>) {
    for (section, mut rows) in rows.into_iter().enumerate() {
        stream.write_rows(&mut rows);
        if section > 0 && !stream.pause(Duration::from_secs(1)).await {
            return;
        }
        let section = section.to_string();
        let rows = rows.into_iter().map(|r| r.with(".section", &section));
        let rows: Vec<_> = rows.map(|r| Response::row(&r)).collect();
        if !stream.send(&rows).await {
            return;
        }
    }
    let trap = result.map(|trap| Response::trap(trap.category, trap.message));
    let last: Vec<_> = trap.into_iter().chain([Response::done()]).collect();
    stream.send(&last).await;
}

/// Sends an echo a second.
pub(super) async fn ping(stream: Stream, address: String, count: Option<u64>) {
    let mut pings = Pings::new(&address);
    loop {
        let row = pings.next(stream.device.echo(&address));
        if !stream.send(&[Response::row(&row)]).await {
            return;
        }
        if count.is_some_and(|count| pings.sent() >= count) {
            stream.send(&[Response::done()]).await;
            return;
        }
        if !stream.pause(Duration::from_secs(1)).await {
            return;
        }
    }
}

/// Takes a sample a second, or at another interval, for as long as was asked.
pub(super) async fn monitor(stream: Stream, order: Order) {
    let pace = order.pace();
    let mut left = order.time("duration");
    for section in 1_u64.. {
        let wait = left.map_or(pace, |left| left.min(pace));
        if !stream.pause(wait).await {
            return;
        }
        left = left.map(|left| left.saturating_sub(wait));
        if left.is_some_and(|left| left.is_zero()) {
            stream.send(&[Response::done()]).await;
            return;
        }
        let mut rows = stream.device.core().sample(&order).unwrap_or_default();
        stream.write_rows(&mut rows);
        let rows = rows
            .into_iter()
            .map(|row| Response::row(&row.with(".section", section.to_string())));
        if !stream.send(&rows.collect::<Vec<_>>()).await {
            return;
        }
    }
}

/// Follows the way to an address, once a second.
pub(super) async fn trace(stream: Stream, address: String, count: Option<u64>) {
    for section in 0_u64.. {
        let rows = stream.device.trace(&address);
        let number = section.to_string();
        let rows = rows.into_iter().map(|r| r.with(".section", &number));
        let rows: Vec<_> = rows.map(|r| Response::row(&r)).collect();
        if !stream.send(&rows).await {
            return;
        }
        if count.is_some_and(|count| section + 1 >= count) {
            stream.send(&[Response::done()]).await;
            return;
        }
        if !stream.pause(Duration::from_secs(1)).await {
            return;
        }
    }
}
