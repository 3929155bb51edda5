//! Opening a terminal or a command on a device.

use std::time::Duration;

use bytes::Bytes;
use russh::client::{Handle, Msg};
use russh::{Channel, ChannelMsg};
use tod_proto::api::relays::RelayKind;
use tokio::time::timeout;

use crate::device::Contact;
use crate::device::dial::Dialler;
use crate::device::ssh::{self, Door, Ssh, SshError};

/// How long the device may take to open a shell.
const OPENING: Duration = Duration::from_secs(10);
/// The most pieces of output that are kept before a shell is granted.
const MAX_EARLY: usize = 64;

/// Something open on a device.
pub(super) struct Shell {
    /// Keeps the connection.
    pub(super) handle: Handle<Door>,
    /// What is open.
    pub(super) channel: Channel<Msg>,
    /// What it said before it granted what was asked for.
    pub(super) early: Vec<Bytes>,
    /// The host key, if it was trusted because none was known before.
    pub(super) first_use: Option<String>,
}

/// Opens what is asked for.
pub(super) async fn open(
    dialler: &Dialler,
    contact: &Contact,
    kind: &RelayKind,
) -> Result<Shell, SshError> {
    let permit = dialler.budget.acquire().await.ok();
    let Ssh {
        handle,
        first_use,
        leash,
        ..
    } = ssh::open(dialler, contact).await?;
    drop(permit);
    let (channel, early) = timeout(OPENING, open_channel(&handle, kind))
        .await
        .map_err(|_| SshError::Late)??;
    // What is typed last may still be on its way when the terminal is closed.
    leash.let_go();
    Ok(Shell {
        handle,
        channel,
        early,
        first_use,
    })
}

async fn open_channel(
    handle: &Handle<Door>,
    kind: &RelayKind,
) -> Result<(Channel<Msg>, Vec<Bytes>), SshError> {
    let mut channel = handle.channel_open_session().await?;
    let mut early = Vec::new();
    match kind {
        RelayKind::Shell { term, cols, rows } => {
            let (cols, rows) = (u32::from(*cols), u32::from(*rows));
            channel
                .request_pty(true, term, cols, rows, 0, 0, &[])
                .await?;
            granted(&mut channel, &mut early, "a terminal").await?;
            channel.request_shell(true).await?;
            granted(&mut channel, &mut early, "a shell").await?;
        }
        RelayKind::Exec { command } => {
            channel.exec(true, command.as_bytes()).await?;
            granted(&mut channel, &mut early, "a command").await?;
        }
    }
    Ok((channel, early))
}

/// Waits for the answer to a request on a channel. What the device says before it is kept.
async fn granted(
    channel: &mut Channel<Msg>,
    early: &mut Vec<Bytes>,
    what: &'static str,
) -> Result<(), SshError> {
    loop {
        match channel.wait().await {
            Some(ChannelMsg::Success) => return Ok(()),
            Some(ChannelMsg::WindowAdjusted { .. }) => {}
            Some(ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. })
                if early.len() < MAX_EARLY =>
            {
                early.push(data);
            }
            Some(_) | None => return Err(SshError::NotOpened(what)),
        }
    }
}
