//! Where shells and commands write, and commands without a terminal.

use std::collections::BTreeMap;
use std::sync::Arc;

use routeros::export::redact;
use routeros::secret::holds_secret;
use russh::ChannelId;
use russh::server::Handle;
use tod_proto::lab::Event;

use crate::core::Caller;
use crate::device::Inner;
use crate::door::Visit;
use crate::text;

/// Where a shell or a command writes.
pub(super) struct Screen {
    pub(super) handle: Handle,
    pub(super) channel: ChannelId,
}

impl Screen {
    /// Shows a text; returns whether the client is still there.
    pub(super) async fn show(&self, text: &str) -> bool {
        self.handle
            .data(self.channel, text::encode(text))
            .await
            .is_ok()
    }

    /// Ends the channel.
    pub(super) async fn end(self, status: u32) {
        let ended = async {
            self.handle
                .exit_status_request(self.channel, status)
                .await?;
            self.handle.eof(self.channel).await?;
            self.handle.close(self.channel).await
        };
        if ended.await.is_err() {
            tracing::trace!("the client is gone");
        }
    }
}

/// Writes to the lab's record what somebody typed, without its secrets.
pub(super) fn note_line(visit: &Visit, line: &str) {
    visit.device.core().record(Event::Command {
        session: Some(visit.id),
        via: visit.via.to_owned(),
        command: masked(line),
        args: BTreeMap::new(),
        turn: 0,
    });
}

/// A line as it may be kept.
fn masked(line: &str) -> String {
    if holds_secret(line.as_bytes()) {
        text::decode(redact(line.as_bytes()).trim_ascii())
    } else {
        line.to_owned()
    }
}

/// Runs one line without a terminal. Errors are text on the same channel.
pub(super) async fn exec(device: Arc<Inner>, caller: Caller, line: String, screen: Screen) {
    let session = caller.session;
    let line = device.core().in_full("", &line);
    let ran = Arc::clone(&device)
        .run(caller, String::new(), text::encode(&line))
        .await;
    let mut shown = ran.text;
    let mut status = 0;
    if let Some(error) = &ran.error {
        let message = crate::script::shown(error);
        shown.push_str(&message);
        shown.push_str("\r\n");
        status = device.spec.switches.failed_status(device.release());
        device.core().record(Event::Trapped {
            session,
            command: masked(&line),
            message,
        });
    }
    if screen.show(&shown).await {
        screen.end(status).await;
    }
}
