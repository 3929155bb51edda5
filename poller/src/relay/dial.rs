//! Signing in to a device over SSH.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use russh::client::{self, AuthResult, Handle, KeyboardInteractiveAuthResponse, Msg};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKeyOrCertificate};
use russh::{Channel, ChannelMsg, MethodKind, Preferred, cipher, kex, mac};
use secrecy::ExposeSecret as _;
use tod_proto::api::relays::RelayKind;
use tokio::time::timeout;

use crate::device::Target;
use crate::device::dial::Dialler;
use crate::device::error::LinkError;
use crate::device::trust::{HostKey, judge_host_key};

/// Small boards take seconds for the key exchange.
const LOGIN: Duration = Duration::from_secs(20);
/// How long the device may take to open a shell.
const OPENING: Duration = Duration::from_secs(10);
/// How often a silent device is asked whether it is there.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// The most pieces of output that are kept before a shell is granted.
const MAX_EARLY: usize = 64;
/// The most questions that keyboard-interactive may ask, each answered with the password.
const QUESTIONS: usize = 3;

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

/// Why nothing could be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
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
    /// It does not open what was asked for.
    #[error("the device does not open {0}")]
    NotOpened(&'static str),
    /// Something in the protocol.
    #[error("SSH: {0}")]
    Ssh(#[from] russh::Error),
}

impl DialError {
    /// What to do next.
    pub(super) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Link(error) => error.hint(),
            Self::HostKey { .. } => Some(
                "if the key was replaced on purpose, forget the old one: \
                 todctl device edit NAME --forget-pins",
            ),
            Self::Refused => Some(
                "the account needs the policy `ssh`; an account with a key takes no password \
                 unless /ip/ssh allows it",
            ),
            Self::Ssh(russh::Error::NoCommonAlgo { .. }) => {
                Some("the device offers no algorithm that tod knows")
            }
            Self::Late | Self::NotOpened(_) | Self::Ssh(_) => None,
        }
    }
}

/// Opens what is asked for.
pub(super) async fn open(
    dialler: &Dialler,
    target: &Target,
    kind: &RelayKind,
) -> Result<Shell, DialError> {
    let permit = dialler.budget.acquire().await.ok();
    let (mut handle, first_use) = match connect(dialler, target, Preferred::DEFAULT).await {
        Err(DialError::Ssh(russh::Error::NoCommonAlgo { .. })) => {
            tracing::info!(device.id = %target.device, "only algorithms of old are in common");
            connect(dialler, target, old_fashioned()).await?
        }
        connected => connected?,
    };
    timeout(LOGIN, sign_in(&mut handle, target))
        .await
        .map_err(|_| DialError::Late)??;
    drop(permit);
    let (channel, early) = timeout(OPENING, open_channel(&handle, kind))
        .await
        .map_err(|_| DialError::Late)??;
    Ok(Shell {
        handle,
        channel,
        early,
        first_use,
    })
}

async fn connect(
    dialler: &Dialler,
    target: &Target,
    preferred: Preferred,
) -> Result<(Handle<Door>, Option<String>), DialError> {
    let stream = dialler.tcp(&target.contact, target.ssh_port).await?;
    let config = client::Config {
        preferred,
        keepalive_interval: Some(KEEPALIVE),
        nodelay: true,
        ..client::Config::default()
    };
    let found = Arc::<Mutex<Option<HostKey>>>::default();
    let door = Door {
        pin: target.ssh_pin.clone(),
        found: Arc::clone(&found),
    };
    let connected = timeout(
        LOGIN,
        client::connect_stream(Arc::new(config), stream, door),
    )
    .await;
    let found = found.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(HostKey::Changed { pinned, offered }) = found {
        return Err(DialError::HostKey { pinned, offered });
    }
    let handle = connected.map_err(|_| DialError::Late)??;
    let first_use = match found {
        Some(HostKey::New(fingerprint)) => Some(fingerprint),
        Some(HostKey::Known | HostKey::Changed { .. }) | None => None,
    };
    Ok((handle, first_use))
}

async fn sign_in(handle: &mut Handle<Door>, target: &Target) -> Result<(), DialError> {
    let user = &target.contact.username;
    let password = target.contact.password.expose_secret();
    let remaining = match handle.authenticate_password(user, password).await? {
        AuthResult::Success => return Ok(()),
        AuthResult::Failure {
            remaining_methods, ..
        } => remaining_methods,
    };
    if !remaining.contains(&MethodKind::KeyboardInteractive) {
        return Err(DialError::Refused);
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
    Err(DialError::Refused)
}

async fn open_channel(
    handle: &Handle<Door>,
    kind: &RelayKind,
) -> Result<(Channel<Msg>, Vec<Bytes>), DialError> {
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
) -> Result<(), DialError> {
    loop {
        match channel.wait().await {
            Some(ChannelMsg::Success) => return Ok(()),
            Some(ChannelMsg::WindowAdjusted { .. }) => {}
            Some(ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. })
                if early.len() < MAX_EARLY =>
            {
                early.push(data);
            }
            Some(_) | None => return Err(DialError::NotOpened(what)),
        }
    }
}

/// Judges the host key.
pub(super) struct Door {
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
