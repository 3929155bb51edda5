//! An SSH door that is not a device's: it runs `exit N`, repeats what is typed, and tells its size.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use russh::keys::{Algorithm, HashAlg, PrivateKey};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, Session, run_stream};
use russh::{Channel, ChannelId, ChannelOpenFailure, Preferred};
use tod_service::supervisor::Supervisor;
use tokio::net::{TcpListener, TcpStream};

/// The password that it takes.
pub(crate) const PASSWORD: &str = "lab";

/// An SSH door on loopback.
pub(crate) struct SshDoor {
    pub(crate) address: SocketAddr,
    config: Arc<Mutex<Arc<Config>>>,
    passwords: Arc<Mutex<usize>>,
    forwards: Arc<AtomicBool>,
}

impl SshDoor {
    pub(crate) async fn start(supervisor: &Supervisor, preferred: Preferred) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let door = Self {
            address: listener.local_addr().unwrap(),
            config: Arc::new(Mutex::new(config(preferred))),
            passwords: Arc::default(),
            forwards: Arc::new(AtomicBool::new(true)),
        };
        let (config, passwords) = (Arc::clone(&door.config), Arc::clone(&door.passwords));
        let forwards = Arc::clone(&door.forwards);
        let inner = supervisor.clone();
        supervisor.spawn_job("test/ssh", async move {
            while let Ok((stream, _)) = listener.accept().await {
                let config = Arc::clone(&config.lock().unwrap());
                let visitor = Visitor {
                    passwords: Arc::clone(&passwords),
                    forwards: Arc::clone(&forwards),
                    tunnels: BTreeSet::new(),
                    supervisor: inner.clone(),
                };
                inner.spawn_job("test/ssh/session", visitor.meet(config, stream));
            }
        });
        door
    }

    /// Gives it another host key.
    pub(crate) fn new_key(&self) {
        *self.config.lock().unwrap() = config(Preferred::DEFAULT);
    }

    /// Lets nobody reach anything else through it.
    pub(crate) fn forward_nothing(&self) {
        self.forwards.store(false, Ordering::SeqCst);
    }

    /// The fingerprint of its host key.
    pub(crate) fn fingerprint(&self) -> String {
        let config = Arc::clone(&self.config.lock().unwrap());
        config.keys[0].fingerprint(HashAlg::Sha256).to_string()
    }

    /// How many passwords it was sent.
    pub(crate) fn passwords(&self) -> usize {
        *self.passwords.lock().unwrap()
    }
}

fn config(preferred: Preferred) -> Arc<Config> {
    let key = PrivateKey::random(&mut rand::rng(), Algorithm::Ed25519).unwrap();
    Arc::new(Config {
        keys: vec![key],
        preferred,
        auth_rejection_time: std::time::Duration::ZERO,
        ..Config::default()
    })
}

struct Visitor {
    passwords: Arc<Mutex<usize>>,
    forwards: Arc<AtomicBool>,
    tunnels: BTreeSet<ChannelId>,
    supervisor: Supervisor,
}

impl Visitor {
    async fn meet(self, config: Arc<Config>, stream: TcpStream) {
        if let Ok(session) = run_stream(config, stream, self).await {
            drop(session.await);
        }
    }
}

impl Handler for Visitor {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        *self.passwords.lock().unwrap() += 1;
        if (user, password) == ("admin", PASSWORD) {
            return Ok(Auth::Accept);
        }
        Ok(Auth::reject())
    }

    async fn channel_open_session(
        &mut self,
        _channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        reply.accept().await;
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _originator: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        if !self.forwards.load(Ordering::SeqCst) {
            reply
                .reject(ChannelOpenFailure::AdministrativelyProhibited)
                .await;
            return Ok(());
        }
        let mut to = TcpStream::connect((host, u16::try_from(port).unwrap())).await?;
        self.tunnels.insert(channel.id());
        reply.accept().await;
        let mut from = channel.into_stream();
        self.supervisor.spawn_job("test/ssh/tunnel", async move {
            drop(tokio::io::copy_bidirectional(&mut from, &mut to).await);
        });
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        term: &str,
        cols: u32,
        rows: u32,
        _pix_width: u32,
        _pix_height: u32,
        _modes: &[(russh::Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)?;
        session.data(channel, format!("{term} {cols}x{rows}\r\n").into_bytes())
    }

    async fn shell_request(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }

    async fn window_change_request(
        &mut self,
        channel: ChannelId,
        cols: u32,
        rows: u32,
        _pix_width: u32,
        _pix_height: u32,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.data(channel, format!("now {cols}x{rows}\r\n").into_bytes())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)?;
        let command = String::from_utf8_lossy(command).into_owned();
        let status = command
            .strip_prefix("exit ")
            .and_then(|status| status.parse().ok());
        session.data(channel, format!("ran {command}\r\n").into_bytes())?;
        end(session, channel, status.unwrap_or(0))
    }

    async fn data(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.tunnels.contains(&channel) {
            return Ok(());
        }
        if data == b"quit" {
            return end(session, channel, 3);
        }
        session.data(channel, data.to_vec())
    }
}

fn end(session: &mut Session, channel: ChannelId, status: u32) -> Result<(), russh::Error> {
    session.exit_status_request(channel, status)?;
    session.eof(channel)?;
    session.close(channel)
}
