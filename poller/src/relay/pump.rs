//! Bytes both ways between a WebSocket and a channel, until one of them ends.
//!
//! Nothing is buffered beyond what both transports hold: who reads slowly slows the other side.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Disconnect, Sig};
use tod_proto::api::relays::RelayControl;
use tod_proto::untrusted::{Untrusted, plain};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Error;

use super::dial::Shell;
use super::socket::{Frame, Rx, Socket, Tx};
use crate::startup::Limits;

/// How often we show that we are there, so that no box in between forgets the connection.
const PING: Duration = Duration::from_secs(30);
/// How long the device may take to say goodbye.
const FAREWELL: Duration = Duration::from_secs(2);

/// When a byte last went either way.
#[derive(Debug)]
struct Activity {
    start: Instant,
    last_ms: AtomicU64,
}

impl Activity {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            last_ms: AtomicU64::new(0),
        }
    }

    fn touch(&self) {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_ms.store(now, Ordering::Relaxed);
    }

    /// Ends once nothing has happened for `idle`.
    async fn silence(&self, idle: Duration) {
        loop {
            let last = Duration::from_millis(self.last_ms.load(Ordering::Relaxed));
            let end = self.start + last + idle;
            if end <= Instant::now() {
                return;
            }
            sleep_until(end).await;
        }
    }
}

/// Pumps until the end, and says how it ended.
pub(super) async fn run(socket: &mut Socket, shell: Shell, limits: Limits) -> RelayControl {
    let Shell {
        handle,
        channel,
        early,
        first_use: _,
    } = shell;
    let activity = Activity::new();
    if greet(socket, early).await.is_err() {
        return gone();
    }
    let (idle, total) = (limits.relay_idle, limits.relay_total);
    let (mut from_device, to_device) = channel.split();
    let end = tokio::select! {
        biased;
        end = down(&mut from_device, &mut socket.tx, &activity) => end,
        () = up(&mut socket.rx, &to_device, &activity) => gone(),
        () = activity.silence(idle) => expired("nothing was typed or shown for", idle),
        () = sleep(total) => expired("the session lasted", total),
    };
    let farewell = async {
        to_device.close().await?;
        handle.disconnect(Disconnect::ByApplication, "", "en").await
    };
    if !matches!(timeout(FAREWELL, farewell).await, Ok(Ok(()))) {
        tracing::debug!("the device did not hear that the relay ended");
    }
    end
}

async fn greet(socket: &mut Socket, early: Vec<Bytes>) -> Result<(), Error> {
    socket.tx.control(&RelayControl::Opened).await?;
    for bytes in early {
        socket.tx.bytes(bytes).await?;
    }
    Ok(())
}

fn expired(why: &str, after: Duration) -> RelayControl {
    let minutes = after.as_secs() / 60;
    RelayControl::Failed {
        message: Untrusted::new(format!(
            "{why} {minutes} minutes, which is the longest allowed"
        )),
        hint: None,
    }
}

/// Device to server. Ends when the channel does.
async fn down(from: &mut ChannelReadHalf, to: &mut Tx, activity: &Activity) -> RelayControl {
    let mut ping = interval(PING);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut end = None;
    loop {
        let message = tokio::select! {
            message = from.wait() => message,
            _ = ping.tick() => {
                if to.ping().await.is_err() {
                    return gone();
                }
                continue;
            }
        };
        match message {
            Some(ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. }) => {
                activity.touch();
                if to.bytes(data).await.is_err() {
                    return gone();
                }
            }
            Some(ChannelMsg::ExitStatus { exit_status }) => {
                end = Some(RelayControl::Exit {
                    status: exit_status,
                });
            }
            Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                let name = signal(&signal_name);
                end = Some(RelayControl::Signal { name });
            }
            // An end without a status is how a device ends what went well.
            Some(ChannelMsg::Close) => return end.unwrap_or(RelayControl::Exit { status: 0 }),
            None => {
                return end.unwrap_or_else(|| RelayControl::Failed {
                    message: Untrusted::new("the connection to the device broke"),
                    hint: None,
                });
            }
            Some(
                ChannelMsg::Eof
                | ChannelMsg::Success
                | ChannelMsg::Failure
                | ChannelMsg::WindowAdjusted { .. }
                | ChannelMsg::XonXoff { .. }
                | ChannelMsg::OpenFailure(_)
                | ChannelMsg::Open { .. }
                | ChannelMsg::RequestPty { .. }
                | ChannelMsg::RequestShell { .. }
                | ChannelMsg::Exec { .. }
                | ChannelMsg::Signal { .. }
                | ChannelMsg::RequestSubsystem { .. }
                | ChannelMsg::RequestX11 { .. }
                | ChannelMsg::SetEnv { .. }
                | ChannelMsg::WindowChange { .. }
                | ChannelMsg::AgentForward { .. },
            ) => {}
            Some(later) => tracing::debug!(?later, "a message that is not known"),
        }
    }
}

/// The person has gone, so nobody hears this.
fn gone() -> RelayControl {
    RelayControl::Exit { status: 255 }
}

/// Server to device. Ends when the person has gone.
async fn up(from: &mut Rx, to: &ChannelWriteHalf<Msg>, activity: &Activity) {
    while let Some(frame) = from.next().await {
        activity.touch();
        let sent = match frame {
            Frame::Bytes(bytes) => to.data_bytes(bytes).await,
            Frame::Control(RelayControl::Resize { cols, rows }) => {
                to.window_change(cols.into(), rows.into(), 0, 0).await
            }
            Frame::Control(RelayControl::Eof) => to.eof().await,
            Frame::Control(RelayControl::Signal { name }) => to.signal(parse_signal(&name)).await,
            Frame::Control(
                RelayControl::Opened | RelayControl::Exit { .. } | RelayControl::Failed { .. },
            ) => Ok(()),
        };
        if sent.is_err() {
            // The channel has ended; the other direction says how.
            std::future::pending::<()>().await;
        }
    }
}

fn signal(signal: &Sig) -> String {
    match signal {
        Sig::Custom(name) => plain(name).chars().take(32).collect(),
        known => format!("{known:?}"),
    }
}

fn parse_signal(name: &str) -> Sig {
    match name {
        "ABRT" => Sig::ABRT,
        "ALRM" => Sig::ALRM,
        "FPE" => Sig::FPE,
        "HUP" => Sig::HUP,
        "ILL" => Sig::ILL,
        "INT" => Sig::INT,
        "KILL" => Sig::KILL,
        "PIPE" => Sig::PIPE,
        "QUIT" => Sig::QUIT,
        "SEGV" => Sig::SEGV,
        "TERM" => Sig::TERM,
        "USR1" => Sig::USR1,
        other => Sig::Custom(other.chars().take(32).collect()),
    }
}
