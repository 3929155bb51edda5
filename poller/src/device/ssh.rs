//! SSH with a device: the host key judged, the password sent only then, and the API inside it.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use russh::client::{self, AuthResult, Handle, KeyboardInteractiveAuthResponse, Msg};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKeyOrCertificate};
use russh::{ChannelStream, MethodKind, Preferred, cipher, kex, mac};
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;

use super::Contact;
use super::dial::Dialler;
use super::error::LinkError;
use super::leash::{self, Leash};
use super::trust::{HostKey, judge_host_key};

/// How long the device may take to open a way to its own API.
const OPENING: Duration = Duration::from_secs(10);
/// How often a silent device is asked whether it is there.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// The most questions that keyboard-interactive may ask, each answered with the password.
const QUESTIONS: usize = 3;

/// The device's address, and ours.
type Addresses = (SocketAddr, SocketAddr);

/// A session that is signed in.
pub(crate) struct Ssh {
    /// Keeps the connection.
    pub(crate) handle: Handle<Door>,
    /// The host key, if it was trusted because none was known before.
    pub(crate) first_use: Option<String>,
    /// The device's address, and ours.
    pub(crate) addresses: (SocketAddr, SocketAddr),
    /// Ends the connection when this is dropped.
    pub(crate) leash: Leash,
}

/// Why nothing could be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SshError {
    /// No connection.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The host key has changed. No password was sent.
    #[error("the SSH host key has changed: pinned is {pinned}, offered was {offered}")]
    HostKey {
        /// The fingerprint that is trusted.
        pinned: String,
        /// The one that was offered.
        offered: String,
    },
    /// The account or password was refused.
    #[error("the device refused the login over SSH")]
    Refused,
    /// No answer in time.
    #[error("the device did not answer over SSH in time")]
    Late,
    /// It does not let its API be reached from inside.
    #[error("the device does not forward to its own API")]
    NotForwarded,
    /// It does not open what was asked for.
    #[error("the device does not open {0}")]
    NotOpened(&'static str),
    /// Something in the protocol.
    #[error("SSH: {0}")]
    Ssh(#[from] russh::Error),
}

impl SshError {
    /// What to do next.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Link(error) => error.hint(),
            Self::HostKey { .. } => Some(
                "if the key was replaced on purpose, forget the old one: \
                 todctl device set NAME forget_pins=true",
            ),
            Self::Refused => Some(
                "the account needs the policy `ssh`; an account with a key takes no password \
                 unless /ip/ssh allows it",
            ),
            Self::Ssh(russh::Error::NoCommonAlgo { .. }) => {
                Some("the device offers no algorithm that tod knows")
            }
            Self::NotForwarded => Some(
                "allow it on the device: /ip/ssh/set forwarding-enabled=local \
                 (and /ip/service must have api enabled)",
            ),
            Self::Late | Self::NotOpened(_) | Self::Ssh(_) => None,
        }
    }
}

/// Connects and signs in. Algorithms of old are tried when nothing else is in common.
pub(crate) async fn open(dialler: &Dialler, contact: &Contact) -> Result<Ssh, SshError> {
    let mut ssh = match connect(dialler, contact, Preferred::DEFAULT).await {
        Err(SshError::Ssh(russh::Error::NoCommonAlgo { .. })) => {
            tracing::info!("only algorithms of old are in common");
            connect(dialler, contact, old_fashioned()).await?
        }
        connected => connected?,
    };
    timeout(dialler.deadlines.ssh, sign_in(&mut ssh.handle, contact))
        .await
        .map_err(|_| SshError::Late)??;
    Ok(ssh)
}

/// A connection to a port of the device's own loopback, inside an SSH session.
pub(crate) struct Tunnel {
    stream: Pin<Box<ChannelStream<Msg>>>,
    /// Keeps the connection.
    _handle: Handle<Door>,
    /// Ends it with this.
    _leash: Leash,
}

impl Tunnel {
    /// Opens it; returns as well the host key, if it was trusted because none was known before, and
    /// between which addresses.
    pub(crate) async fn open(
        dialler: &Dialler,
        contact: &Contact,
    ) -> Result<(Self, Option<String>, Addresses), SshError> {
        let Ssh {
            handle,
            first_use,
            addresses,
            leash,
        } = open(dialler, contact).await?;
        let port = u32::from(contact.port);
        let opening = handle.channel_open_direct_tcpip("127.0.0.1", port, "127.0.0.1", 0);
        let channel = timeout(OPENING, opening)
            .await
            .map_err(|_| SshError::Late)?
            .map_err(|error| match error {
                russh::Error::ChannelOpenFailure(_) => SshError::NotForwarded,
                error => SshError::Ssh(error),
            })?;
        let tunnel = Self {
            stream: Box::pin(channel.into_stream()),
            _handle: handle,
            _leash: leash,
        };
        Ok((tunnel, first_use, addresses))
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        self.stream.as_mut().poll_read(context, buffer)
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.stream.as_mut().poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        self.stream.as_mut().poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        self.stream.as_mut().poll_shutdown(context)
    }
}

async fn connect(
    dialler: &Dialler,
    contact: &Contact,
    preferred: Preferred,
) -> Result<Ssh, SshError> {
    let stream = dialler.tcp(contact, contact.ssh_port).await?;
    let addresses = super::dial::addresses(&stream)?;
    let (stream, leash) = leash::tie(stream);
    let config = client::Config {
        preferred,
        keepalive_interval: Some(KEEPALIVE),
        nodelay: true,
        ..client::Config::default()
    };
    let found = Arc::<Mutex<Option<HostKey>>>::default();
    let door = Door {
        pin: contact.ssh_pin.clone(),
        found: Arc::clone(&found),
    };
    let connected = timeout(
        dialler.deadlines.ssh,
        client::connect_stream(Arc::new(config), stream, door),
    )
    .await;
    let found = found.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(HostKey::Changed { pinned, offered }) = found {
        return Err(SshError::HostKey { pinned, offered });
    }
    let handle = connected.map_err(|_| SshError::Late)??;
    let first_use = match found {
        Some(HostKey::New(fingerprint)) => Some(fingerprint),
        Some(HostKey::Known | HostKey::Changed { .. }) | None => None,
    };
    Ok(Ssh {
        handle,
        first_use,
        addresses,
        leash,
    })
}

async fn sign_in(handle: &mut Handle<Door>, contact: &Contact) -> Result<(), SshError> {
    let user = &contact.username;
    let password = contact.password.expose_secret();
    let remaining = match handle.authenticate_password(user, password).await? {
        AuthResult::Success => return Ok(()),
        AuthResult::Failure {
            remaining_methods, ..
        } => remaining_methods,
    };
    if !remaining.contains(&MethodKind::KeyboardInteractive) {
        return Err(SshError::Refused);
    }
    let mut answer = handle
        .authenticate_keyboard_interactive_start(user, None)
        .await?;
    for _ in 0..QUESTIONS {
        let questions = match answer {
            KeyboardInteractiveAuthResponse::Success => return Ok(()),
            KeyboardInteractiveAuthResponse::Failure { .. } => break,
            KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => prompts.len(),
        };
        let answers = vec![password.to_owned(); questions.min(1)];
        answer = handle
            .authenticate_keyboard_interactive_respond(answers)
            .await?;
    }
    Err(SshError::Refused)
}

/// Judges the host key.
pub(crate) struct Door {
    pin: Option<String>,
    found: Arc<Mutex<Option<HostKey>>>,
}

impl client::Handler for Door {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        offered: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = offered else {
            // We never ask for certificates.
            return Ok(false);
        };
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let verdict = judge_host_key(self.pin.as_deref(), &fingerprint);
        let is_trusted = !matches!(verdict, HostKey::Changed { .. });
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(verdict);
        Ok(is_trusted)
    }
}

/// What version 6 needs, the better ones first. Used only after the usual lists had nothing in
/// common with the device's.
fn old_fashioned() -> Preferred {
    let default = Preferred::DEFAULT;
    let is_extension = |name: &kex::Name| {
        name.as_ref().starts_with("ext-info") || name.as_ref().starts_with("kex-strict")
    };
    let mut exchanges: Vec<kex::Name> = default.kex.to_vec();
    let at = exchanges
        .iter()
        .position(is_extension)
        .unwrap_or(exchanges.len());
    // The extension names stay last, and stay: without them there is no strict key exchange.
    exchanges.splice(
        at..at,
        [
            kex::ECDH_SHA2_NISTP256,
            kex::ECDH_SHA2_NISTP384,
            kex::ECDH_SHA2_NISTP521,
            kex::DH_G14_SHA1,
            kex::DH_GEX_SHA1,
            kex::DH_G1_SHA1,
        ],
    );
    let ciphers = [
        cipher::AES_256_CBC,
        cipher::AES_192_CBC,
        cipher::AES_128_CBC,
        cipher::TRIPLE_DES_CBC,
    ];
    let macs = [mac::HMAC_SHA1_ETM, mac::HMAC_SHA1];
    let keys = [
        Algorithm::Ed25519,
        Algorithm::Ecdsa {
            curve: EcdsaCurve::NistP256,
        },
        Algorithm::Rsa {
            hash: Some(HashAlg::Sha512),
        },
        Algorithm::Rsa {
            hash: Some(HashAlg::Sha256),
        },
        Algorithm::Rsa { hash: None },
    ];
    Preferred {
        kex: Cow::Owned(exchanges),
        key: Cow::Owned(keys.to_vec()),
        cipher: Cow::Owned(default.cipher.iter().copied().chain(ciphers).collect()),
        mac: Cow::Owned(default.mac.iter().copied().chain(macs).collect()),
        ..default
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_algorithms_come_last_and_strict_key_exchange_stays() {
        let old = old_fashioned();

        let at = |name| old.kex.iter().position(|&kex| kex == name);
        assert!(at(kex::CURVE25519) < at(kex::DH_G1_SHA1));
        assert!(at(kex::DH_G1_SHA1) < at(kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT));
        assert_eq!(old.cipher.last(), Some(&cipher::TRIPLE_DES_CBC));
    }
}
