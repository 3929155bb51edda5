//! A certificate that is read again while connections go on: new ones are shown the new one.
//!
//! **Invariant:** what is shown is always a whole pair. While the files are half written, do not
//! belong together or cannot be read, the pair before stays, and that is said once.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use tod_proto::certificate::{self, Certificate, Standing};
use tod_service::clock::Clock;
use tokio::signal::unix::Signal;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(5);
/// How often it is said that a certificate ends soon.
const TELL: Duration = Duration::from_hours(24);

/// A certificate chain with its key, from two files.
#[derive(Debug)]
pub struct Live {
    certificate: PathBuf,
    key: PathBuf,
    shown: RwLock<Arc<Pair>>,
    /// The same for others in this process.
    told: watch::Sender<Option<Certificate>>,
    /// What the files looked like when they were read, whether that went well or not.
    seen: Mutex<Option<Seen>>,
}

/// A certificate chain with its key.
#[derive(Debug)]
pub struct Pair {
    key: Arc<CertifiedKey>,
    /// What there is to know of the certificate.
    pub certificate: Certificate,
}

/// What tells that a file is another one.
type Look = Option<(SystemTime, u64, u64)>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    files: [Look; 2],
    well: bool,
}

impl Pair {
    /// Reads both files, in PEM.
    pub fn read(certificate: &Path, key: &Path) -> anyhow::Result<Self> {
        let pem = std::fs::read(certificate);
        let pem = pem.with_context(|| format!("cannot read {}", certificate.display()))?;
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem)
            .collect::<Result<_, _>>()
            .with_context(|| format!("{} is not a PEM file", certificate.display()))?;
        let Some(first) = chain.first() else {
            bail!("{} holds no certificate", certificate.display());
        };
        let known =
            known(first).with_context(|| format!("{} is damaged", certificate.display()))?;
        let private = PrivateKeyDer::from_pem_file(key)
            .with_context(|| format!("{} holds no private key", key.display()))?;
        let signing = rustls::crypto::aws_lc_rs::sign::any_supported_type(&private)
            .with_context(|| format!("{} cannot be used", key.display()))?;
        let certified = CertifiedKey::new(chain, signing);
        match certified.keys_match() {
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
            Err(error) => {
                return Err(error).context("certificate and key do not belong together");
            }
        }
        Ok(Self {
            key: Arc::new(certified),
            certificate: known,
        })
    }
}

fn known(certificate: &[u8]) -> anyhow::Result<Certificate> {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, certificate);
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate)?;
    let validity = parsed.validity();
    Ok(Certificate {
        fingerprint: hex::encode(digest),
        not_before: certificate::time(validity.not_before.timestamp()),
        not_after: certificate::time(validity.not_after.timestamp()),
    })
}

/// The permission bits of a key that others may read.
pub fn exposed(key: &Path) -> Option<u32> {
    let mode = std::fs::metadata(key).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

impl Live {
    /// Reads the files for the first time.
    pub fn read(certificate: &Path, key: &Path) -> anyhow::Result<Arc<Self>> {
        let files = [look(certificate), look(key)];
        let pair = Arc::new(Pair::read(certificate, key)?);
        Ok(Arc::new(Self {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            told: watch::Sender::new(Some(pair.certificate.clone())),
            shown: RwLock::new(pair),
            seen: Mutex::new(Some(Seen { files, well: true })),
        }))
    }

    /// What is shown.
    pub fn pair(&self) -> Arc<Pair> {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&shown)
    }

    /// The certificate that is shown, also after it changes.
    pub fn told(&self) -> watch::Receiver<Option<Certificate>> {
        self.told.subscribe()
    }

    /// Reads the files again if they look different, or could not be used before.
    pub fn look_again(&self) {
        // Before they are read: what is written meanwhile looks different the next time.
        let files = [look(&self.certificate), look(&self.key)];
        let before = *self.seen();
        if before.is_some_and(|before| before.files == files && before.well) {
            return;
        }
        let read = Pair::read(&self.certificate, &self.key);
        let well = read.is_ok();
        let now = Some(Seen { files, well });
        match read {
            Ok(pair) => self.show(pair),
            Err(error) if before != now => {
                let (error, path) = (format!("{error:#}"), self.certificate.display());
                tracing::warn!(error, path = %path, "the certificate cannot be read again; the one before stays");
            }
            Err(_) => {}
        }
        *self.seen() = now;
    }

    fn show(&self, pair: Pair) {
        let pair = Arc::new(pair);
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        let is_new = shown.certificate != pair.certificate;
        *shown = Arc::clone(&pair);
        drop(shown);
        if is_new {
            let known = &pair.certificate;
            self.told.send_replace(Some(known.clone()));
            tracing::info!(fingerprint = known.fingerprint, ends = %known.not_after, "new connections get a new certificate");
        }
    }

    fn seen(&self) -> MutexGuard<'_, Option<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps it up to date until `stop`: when the files change, and on each of `hangups`.
    pub async fn watch(
        self: Arc<Self>,
        mut hangups: Signal,
        clock: Clock,
        stop: CancellationToken,
    ) {
        let mut looks = tokio::time::interval(LOOK);
        let mut tells = tokio::time::interval(TELL);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = hangups.recv() => {
                    *self.seen() = None;
                    self.look_again();
                }
                _ = looks.tick() => self.look_again(),
                _ = tells.tick() => self.tell(clock.now()),
            }
        }
    }

    fn tell(&self, now: Timestamp) {
        let path = self.certificate.display();
        let certificate = &self.pair().certificate;
        let said = certificate.describe(now);
        match certificate.standing(now) {
            Standing::Good => {}
            Standing::EndsSoon => tracing::warn!(path = %path, "the certificate {said}: renew it"),
            Standing::Ended | Standing::NotYet => {
                tracing::error!(path = %path, "the certificate {said}: clients refuse it");
            }
        }
        if let Some(mode) = exposed(&self.key) {
            let path = self.key.display();
            tracing::warn!(path = %path, mode = format!("{mode:o}"), "others can read the key of the certificate: chmod 600");
        }
    }
}

impl ResolvesServerCert for Live {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.pair().key))
    }
}

fn look(path: &Path) -> Look {
    let found = std::fs::metadata(path).ok()?;
    Some((found.modified().ok()?, found.len(), found.ino()))
}

#[cfg(test)]
mod tests;
