//! The SSH door: passwords, commands, and shells with a terminal, onto the same tree.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use russh::keys::ssh_key::private::{Ed25519Keypair, Ed25519PrivateKey};
use russh::keys::{PrivateKey, PublicKey};
use russh::server::{
    Auth, ChannelOpenHandle, Config, Handler, Msg, PublicKeyOffer, Response, Session,
    VerifiedPublicKey, run_stream,
};
use russh::{Channel, ChannelId, MethodKind, MethodSet, Pty, SshId};
use tod_proto::lab::{Event, Fault};
use tokio::sync::mpsc;

use crate::core::{Caller, Proof};
use crate::device::Inner;
use crate::door::Visit;
use crate::gate::Gated;
use crate::text;

mod algorithms;
mod forward;
mod scp;
mod screen;
mod sftp;
mod shell;
mod terminal;

use screen::{Screen, exec, note_line};
use shell::Tty;
use terminal::{LoginOptions, Size};

/// Pieces of input that a shell has not read yet.
const QUEUE: usize = 64;

/// Talks with one client until it leaves.
pub(crate) async fn serve(visit: Visit, stream: Gated) {
    let config = config(&visit.device);
    let visitor = Visitor {
        visit: Arc::new(visit),
        user: None,
        options: LoginOptions::default(),
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
        methods: MethodSet::from(&[MethodKind::PublicKey, password_method(device)][..]),
        auth_rejection_time: Duration::from_millis(200),
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![host_key(device)],
        preferred: algorithms::of(device),
        inactivity_timeout: None,
        ..Config::default()
    }
}

/// How the device wants a password: as one, or as the answer to a question.
fn password_method(device: &Inner) -> MethodKind {
    if device.spec.switches.asks_password {
        MethodKind::KeyboardInteractive
    } else {
        MethodKind::Password
    }
}

/// Returns the device's host key, the same in every run; another one if that is what goes wrong.
fn host_key(device: &Arc<Inner>) -> PrivateKey {
    if device.spec.switches.old_ssh
        && let Some(key) = algorithms::old_host_key()
    {
        return key;
    }
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
    options: LoginOptions,
    shells: BTreeMap<ChannelId, Terminal>,
}

/// A channel with a terminal, or about to have a shell or a subsystem.
#[derive(Default)]
struct Terminal {
    /// Until something reads from it.
    channel: Option<Channel<Msg>>,
    input: Option<mpsc::Sender<Vec<u8>>>,
    has_pty: bool,
    is_dumb: bool,
    size: Size,
}

impl Visitor {
    /// Returns who types, on a terminal of a width.
    fn caller_at(&self, terminal: &Terminal) -> Caller {
        let size = terminal.has_pty.then(|| terminal.size.get().0);
        let columns = self.options.columns.or(size);
        Caller {
            columns: columns.and_then(|c| usize::try_from(c).ok()),
            ..self.caller()
        }
    }

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
            columns: None,
            watches: false,
        }
    }

    fn admit(&mut self, user: &str, is_good: bool) -> Auth {
        if !is_good {
            return Auth::reject();
        }
        self.options = LoginOptions::of(user);
        self.user = user.split('+').next().map(str::to_owned);
        Auth::Accept
    }

    /// Takes a channel for files, if the account may have them.
    fn file_channel(&mut self, channel: ChannelId) -> Option<Channel<Msg>> {
        let user = self.user.as_deref()?;
        if !self.visit.device.core().has_policy(user, "ftp") {
            return None;
        }
        self.shells.get_mut(&channel)?.channel.take()
    }

    fn copy(
        &mut self,
        channel: ChannelId,
        copy: scp::Copy,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let Some(open) = self.file_channel(channel) else {
            return session.channel_failure(channel);
        };
        let (device, caller) = (Arc::clone(&self.visit.device), self.caller());
        let screen = Screen {
            handle: session.handle(),
            channel,
        };
        self.visit
            .device
            .tasks
            .spawn(scp::serve(device, caller, copy, open.into_stream(), screen));
        session.channel_success(channel)
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
        let is_good =
            self.visit
                .device
                .core()
                .log_in(self.visit.id, user, Proof::Password(password), "ssh");
        Ok(self.admit(user, is_good))
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        if !self.visit.device.spec.switches.asks_password {
            return Ok(Auth::UnsupportedMethod);
        }
        let Some(mut answers) = response else {
            return Ok(Auth::Partial {
                name: Cow::Borrowed(""),
                instructions: Cow::Borrowed(""),
                prompts: Cow::Borrowed(&[(Cow::Borrowed("Password: "), false)]),
            });
        };
        let password = answers.next().map(|answer| text::decode(&answer));
        self.auth_password(user, &password.unwrap_or_default())
            .await
    }

    async fn auth_publickey_offered(
        &mut self,
        user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Self::Error> {
        let key = key_text(offer.public_key);
        let is_known = self.visit.device.core().has_key(user, &key);
        Ok(if is_known {
            Auth::Accept
        } else {
            Auth::reject()
        })
    }

    async fn auth_publickey(
        &mut self,
        user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        let key = key_text(key.public_key);
        let is_good = self
            .visit
            .device
            .core()
            .log_in(self.visit.id, user, Proof::Key(&key), "ssh");
        Ok(self.admit(user, is_good))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        let id = channel.id();
        let terminal = Terminal {
            channel: Some(channel),
            ..Terminal::default()
        };
        self.shells.insert(id, terminal);
        reply.accept().await;
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _originator: &str,
        originator_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        let wish = forward::Wish {
            channel,
            reply,
            host: host.to_owned(),
            port,
            originator_port,
        };
        forward::grant(&self.visit, wish);
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        term: &str,
        columns: u32,
        rows: u32,
        _width: u32,
        _height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if let Some(terminal) = self.shells.get_mut(&channel) {
            terminal.has_pty = true;
            terminal.is_dumb = term == "dumb";
            terminal.size.set(columns, rows);
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
        if let Some(terminal) = self.shells.get(&channel) {
            terminal.size.set(columns, rows);
        }
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
        // What is typed comes by `data`; a channel that nobody reads would fill up.
        terminal.channel = None;
        let screen = Screen {
            handle: session.handle(),
            channel,
        };
        let tty = Tty {
            has_pty: terminal.has_pty,
            is_dumb: terminal.is_dumb || self.options.is_dumb,
            options: self.options,
            size: terminal.size.clone(),
        };
        let shell = shell::Shell::new(Arc::clone(&self.visit), caller, screen, tty);
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
        if let Some(copy) = scp::Copy::read(&line) {
            return self.copy(channel, copy, session);
        }
        if let Some(terminal) = self.shells.get_mut(&channel) {
            terminal.channel = None;
        }
        let screen = Screen {
            handle: session.handle(),
            channel,
        };
        let terminal = self.shells.get(&channel);
        let caller = terminal.map_or_else(|| self.caller(), |t| self.caller_at(t));
        let device = Arc::clone(&self.visit.device);
        self.visit
            .device
            .tasks
            .spawn(exec(device, caller, line, screen));
        session.channel_success(channel)
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let Some(open) = self.file_channel(channel).filter(|_| name == "sftp") else {
            return session.channel_failure(channel);
        };
        let (device, caller) = (Arc::clone(&self.visit.device), self.caller());
        let stream = open.into_stream();
        self.visit
            .device
            .tasks
            .spawn(sftp::serve(device, caller, stream));
        session.channel_success(channel)
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

/// Returns a key as `/user/ssh-keys` writes it, without its kind.
fn key_text(key: &PublicKey) -> String {
    let line = key.to_openssh().unwrap_or_default();
    line.split(' ').nth(1).unwrap_or_default().to_owned()
}
