//! The SSH door: passwords, commands, and shells with a terminal, onto the same tree.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use russh::keys::PrivateKey;
use russh::keys::ssh_key::private::{Ed25519Keypair, Ed25519PrivateKey};
use russh::server::{Auth, ChannelOpenHandle, Config, Handle, Handler, Msg, Session, run_stream};
use russh::{Channel, ChannelId, MethodKind, MethodSet, Pty, SshId};
use tod_proto::lab::{Event, Fault};
use tokio::sync::mpsc;

use crate::core::Caller;
use crate::device::Inner;
use crate::door::Visit;
use crate::gate::Gated;
use crate::text;

mod shell;

/// Pieces of input that a shell has not read yet.
const QUEUE: usize = 64;

/// Talks with one client until it leaves.
pub(crate) async fn serve(visit: Visit, stream: Gated) {
    let config = config(&visit.device);
    let visitor = Visitor {
        visit: Arc::new(visit),
        user: None,
        shells: BTreeMap::new(),
    };
    match run_stream(Arc::new(config), stream, visitor).await {
        Ok(session) => {
            if let Err(error) = session.await {
                tracing::debug!(%error, "an ssh session ends");
            }
        }
        Err(error) => tracing::debug!(%error, "a client does not speak ssh"),
    }
}

fn config(device: &Arc<Inner>) -> Config {
    Config {
        server_id: SshId::Standard(Cow::Borrowed("SSH-2.0-ROSSSH")),
        methods: MethodSet::from(&[MethodKind::Password][..]),
        auth_rejection_time: Duration::from_millis(200),
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![host_key(device)],
        inactivity_timeout: None,
        ..Config::default()
    }
}

/// Returns the device's host key, the same in every run; another one if that is what goes wrong.
fn host_key(device: &Arc<Inner>) -> PrivateKey {
    let is_changed = device.core().has_fault(|f| *f == Fault::HostKeyChanged);
    let seed = device.spec.numbers().of(if is_changed {
        "other host key"
    } else {
        "host key"
    });
    let key = Ed25519PrivateKey::from_bytes(&seed.bytes32());
    PrivateKey::from(Ed25519Keypair::from(key))
}

struct Visitor {
    visit: Arc<Visit>,
    user: Option<String>,
    shells: BTreeMap<ChannelId, Terminal>,
}

/// A channel with a terminal, or about to have a shell.
#[derive(Default)]
struct Terminal {
    input: Option<mpsc::Sender<Vec<u8>>>,
    has_pty: bool,
}

impl Visitor {
    fn caller(&self) -> Caller {
        let user = self.user.clone().unwrap_or_default();
        Caller {
            cause: format!(
                "ssh:{}@{}",
                routeros::text::escape(&user),
                self.visit.peer.ip()
            ),
            user,
            session: Some(self.visit.id),
        }
    }

    fn note_size(&self, columns: u32, rows: u32) {
        let session = self.visit.id;
        self.visit.device.core().record(Event::Resized {
            session,
            columns,
            rows,
        });
    }
}

impl Handler for Visitor {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        let is_good = self
            .visit
            .device
            .core()
            .log_in(self.visit.id, user, password, "ssh");
        if !is_good {
            return Ok(Auth::reject());
        }
        self.user = user.split('+').next().map(str::to_owned);
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.shells.insert(channel.id(), Terminal::default());
        reply.accept().await;
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _term: &str,
        columns: u32,
        rows: u32,
        _width: u32,
        _height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if let Some(terminal) = self.shells.get_mut(&channel) {
            terminal.has_pty = true;
        }
        self.note_size(columns, rows);
        session.channel_success(channel)
    }

    async fn window_change_request(
        &mut self,
        channel: ChannelId,
        columns: u32,
        rows: u32,
        _width: u32,
        _height: u32,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.note_size(columns, rows);
        session.channel_success(channel)
    }

    async fn shell_request(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let (sender, input) = mpsc::channel(QUEUE);
        let caller = self.caller();
        let Some(terminal) = self.shells.get_mut(&channel) else {
            return session.channel_failure(channel);
        };
        terminal.input = Some(sender);
        let screen = Screen {
            handle: session.handle(),
            channel,
        };
        let shell = shell::Shell::new(Arc::clone(&self.visit), caller, screen, terminal.has_pty);
        self.visit.device.tasks.spawn(shell.run(input));
        session.channel_success(channel)
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let line = text::decode(data);
        note_line(&self.visit, &line);
        let screen = Screen {
            handle: session.handle(),
            channel,
        };
        let (device, caller) = (Arc::clone(&self.visit.device), self.caller());
        self.visit
            .device
            .tasks
            .spawn(exec(device, caller, line, screen));
        session.channel_success(channel)
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        _name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(channel)
    }

    async fn data(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        let shell = self.shells.get(&channel).and_then(|t| t.input.as_ref());
        if let Some(shell) = shell
            && shell.send(data.to_vec()).await.is_err()
        {
            tracing::trace!("the shell has ended");
        }
        Ok(())
    }

    async fn channel_eof(
        &mut self,
        channel: ChannelId,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        // A shell whose input has ended finishes what it was told, and ends.
        if let Some(terminal) = self.shells.get_mut(&channel) {
            terminal.input = None;
        }
        Ok(())
    }

    async fn channel_close(
        &mut self,
        channel: ChannelId,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.shells.remove(&channel);
        Ok(())
    }
}

/// Where a shell or a command writes.
struct Screen {
    handle: Handle,
    channel: ChannelId,
}

impl Screen {
    /// Returns whether the client is still there.
    async fn show(&self, text: &str) -> bool {
        self.handle
            .data(self.channel, text::encode(text))
            .await
            .is_ok()
    }

    async fn end(self, status: u32) {
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

/// Writes to the lab's record what somebody typed.
fn note_line(visit: &Visit, line: &str) {
    visit.device.core().record(Event::Command {
        session: Some(visit.id),
        via: visit.via.to_owned(),
        command: line.to_owned(),
        args: BTreeMap::new(),
        turn: 0,
    });
}

/// Runs one line without a terminal. Errors are text on the same channel.
async fn exec(device: Arc<Inner>, caller: Caller, line: String, screen: Screen) {
    let session = caller.session;
    let ran = Arc::clone(&device)
        .run(caller, String::new(), text::encode(&line))
        .await;
    let mut shown = ran.text;
    let mut status = 0;
    if let Some(error) = &ran.error {
        let message = crate::script::shown(error);
        shown.push_str(&message);
        shown.push_str("\r\n");
        status = u32::from(device.release().at_least(7, 16));
        device.core().record(Event::Trapped {
            session,
            command: line,
            message,
        });
    }
    if screen.show(&shown).await {
        screen.end(status).await;
    }
}
