//! One call: a deadline over all tries, a bound on the answer, and a rest after an outage.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::{Method, StatusCode};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use tod_service::backoff::Backoff;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::token::{Held, Tokens};
use super::{Settings, TransitError};

/// The longest answer that is read. A wrapped key is a few hundred bytes.
const BOUND: usize = 64 * 1024;
/// How long nobody is called after an outage: whoever waits for an answer holds others up.
const REST: Duration = Duration::from_secs(1);
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// The longest part of a message of theirs that we repeat.
const QUOTE: usize = 200;

/// Makes calls.
pub(super) struct Exchange {
    http: reqwest::Client,
    pub(super) settings: Settings,
    pub(super) tokens: Tokens,
    resting: Mutex<Option<(Instant, TransitError)>>,
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exchange")
            .field("address", &self.settings.address)
            .finish_non_exhaustive()
    }
}

/// An answer as it came. It may hold a secret.
pub(super) type Answer = Zeroizing<Vec<u8>>;

/// What one try came to.
enum Tried {
    /// An answer, which is JSON or empty.
    Done(Answer),
    /// It may go well the next time.
    Again(TransitError),
    /// The token was refused.
    Denied(TransitError),
    /// It is no use.
    Never(TransitError),
}

#[derive(Default, Deserialize)]
struct Complaint {
    #[serde(default)]
    errors: Vec<String>,
}

#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

impl Exchange {
    pub(super) fn new(mut settings: Settings) -> Result<Self, TransitError> {
        settings
            .address
            .truncate(settings.address.trim_end_matches('/').len());
        let mut http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(settings.timeout)
            .user_agent(concat!("todd/", env!("CARGO_PKG_VERSION")));
        if let Some(pem) = &settings.authorities {
            let refused = |reason: String| TransitError::Setting {
                setting: "keys.transit.authorities",
                reason,
            };
            let certificates = reqwest::Certificate::from_pem_bundle(pem)
                .map_err(|error| refused(error.to_string()))?;
            if certificates.is_empty() {
                return Err(refused("there is no certificate in the file".to_owned()));
            }
            http = http.tls_certs_only(certificates);
        }
        let http = http.build().map_err(|error| TransitError::Setting {
            setting: "keys.transit",
            reason: error.to_string(),
        })?;
        Ok(Self {
            http,
            settings,
            tokens: Tokens::default(),
            resting: Mutex::default(),
        })
    }

    /// Calls, and reads `data` of the answer.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, TransitError> {
        let answer = self.call(method, path, body).await?;
        let data: Data<T> = parse(&answer)?;
        Ok(data.data)
    }

    /// Calls with our token, again and again until it goes well, is refused, or takes too long.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Answer, TransitError> {
        if let Some(error) = self.rests() {
            return Err(TransitError::Resting(Box::new(error)));
        }
        let deadline = Instant::now() + self.settings.timeout;
        let mut last = None;
        let tries = self.tries(method, path, body.as_ref(), &mut last);
        let outcome = match tokio::time::timeout_at(deadline, tries).await {
            Ok(outcome) => outcome,
            Err(_) => Err(last.unwrap_or(TransitError::Slow {
                seconds: self.settings.timeout.as_secs(),
            })),
        };
        self.note(outcome.as_ref().err());
        outcome
    }

    async fn tries(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        last: &mut Option<TransitError>,
    ) -> Result<Answer, TransitError> {
        let mut has_signed_in_anew = false;
        for failures in 1.. {
            let held = match self.token().await {
                Ok(held) => held,
                Err(error) if error.is_outage() => {
                    *last = Some(error);
                    wait(failures).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            match self.once(&method, path, body, Some(&held)).await {
                Tried::Done(answer) => return Ok(answer),
                Tried::Again(error) => *last = Some(error),
                // The token may have ended before its time. Whether the right is missing shows with
                // the next one.
                Tried::Denied(_) if !has_signed_in_anew && self.may_sign_in_anew(&held) => {
                    has_signed_in_anew = true;
                    self.tokens.forget(&held).await;
                    continue;
                }
                Tried::Denied(error) | Tried::Never(error) => return Err(error),
            }
            wait(failures).await;
        }
        Err(TransitError::Nonsense("it was asked too often".to_owned()))
    }

    /// One try.
    async fn once(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        held: Option<&Held>,
    ) -> Tried {
        let url = format!("{}/v1/{path}", self.settings.address);
        let mut request = self.http.request(method.clone(), url);
        if let Some(held) = held {
            request = request.header("X-Vault-Token", held.token.expose_secret());
        }
        if let Some(namespace) = &self.settings.namespace {
            request = request.header("X-Vault-Namespace", namespace);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Tried::Again(self.unreachable(error)),
        };
        let status = response.status();
        match self.read(response).await {
            Ok(text) => judge(status, text),
            Err(error) => error,
        }
    }

    /// Reads an answer, but not without end.
    async fn read(&self, mut response: reqwest::Response) -> Result<Answer, Tried> {
        let mut text = Zeroizing::new(Vec::with_capacity(4096));
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if text.len() + chunk.len() > BOUND => {
                    return Err(Tried::Never(TransitError::Huge { bound: BOUND }));
                }
                Ok(Some(chunk)) => text.extend_from_slice(&chunk),
                Ok(None) => return Ok(text),
                Err(error) => return Err(Tried::Again(self.unreachable(error))),
            }
        }
    }

    /// Signs in, without a token and without a retry.
    pub(super) async fn sign_in(&self, path: &str, body: &Value) -> Result<Answer, TransitError> {
        match self.once(&Method::POST, path, Some(body), None).await {
            Tried::Done(answer) => Ok(answer),
            Tried::Again(error) | Tried::Denied(error) | Tried::Never(error) => Err(error),
        }
    }

    /// Asks for its health. A standby passes on what it is asked.
    pub(super) async fn check_health(&self) -> Result<(), TransitError> {
        let path = "sys/health?standbyok=true&perfstandbyok=true";
        let once = self.once(&Method::GET, path, None, None);
        match tokio::time::timeout(self.settings.timeout, once).await {
            Ok(Tried::Done(_)) => Ok(()),
            Ok(Tried::Again(error) | Tried::Denied(error) | Tried::Never(error)) => Err(error),
            Err(_) => Err(TransitError::Slow {
                seconds: self.settings.timeout.as_secs(),
            }),
        }
    }

    fn unreachable(&self, error: reqwest::Error) -> TransitError {
        if error.is_timeout() {
            return TransitError::Slow {
                seconds: self.settings.timeout.as_secs(),
            };
        }
        TransitError::Unreachable {
            address: self.settings.address.clone(),
            reason: format!("{:#}", anyhow::Error::from(error.without_url())),
        }
    }

    pub(super) fn is_well(&self) -> bool {
        let resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.is_none()
    }

    fn rests(&self) -> Option<TransitError> {
        let resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, error) = resting.as_ref()?;
        (Instant::now() < *until).then(|| error.clone())
    }

    /// Lets the service rest after an outage, and says so once.
    pub(super) fn note(&self, failure: Option<&TransitError>) {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        match failure {
            Some(error) if error.is_outage() => {
                if resting.is_none() {
                    tracing::warn!(%error, "the key service cannot be used");
                }
                *resting = Some((Instant::now() + REST, error.clone()));
            }
            _ => {
                if resting.take().is_some() {
                    tracing::info!("the key service can be used again");
                }
            }
        }
    }
}

/// What an answer means.
fn judge(status: StatusCode, text: Answer) -> Tried {
    match status.as_u16() {
        204 => Tried::Done(text),
        200..=299 => match serde_json::from_slice::<IgnoredAny>(&text) {
            Ok(_) => Tried::Done(text),
            Err(_) => Tried::Never(TransitError::Nonsense("it is not JSON".to_owned())),
        },
        status @ 300..=399 => Tried::Never(TransitError::Redirected { status }),
        403 => Tried::Denied(refused(403, &text)),
        501 => Tried::Never(TransitError::Uninitialised),
        503 => Tried::Again(TransitError::Sealed),
        status @ (429 | 472 | 473 | 500..=599) => Tried::Again(TransitError::NotReady { status }),
        status => Tried::Never(refused(status, &text)),
    }
}

/// Reads what was asked for.
pub(super) fn parse<T: DeserializeOwned>(answer: &Answer) -> Result<T, TransitError> {
    serde_json::from_slice(answer).map_err(|error| {
        // The category only: the message may repeat what the answer holds.
        let category = error.classify();
        TransitError::Nonsense(format!("it lacks what was asked for ({category:?})"))
    })
}

fn refused(status: u16, text: &[u8]) -> TransitError {
    let complaint: Complaint = serde_json::from_slice(text).unwrap_or_default();
    let words = complaint.errors.join("; ");
    let plain = words.chars().map(|c| if c.is_control() { ' ' } else { c });
    let reason: String = plain.take(QUOTE).collect();
    let reason = match reason.trim() {
        "" => "it does not say why".to_owned(),
        reason => reason.to_owned(),
    };
    TransitError::Refused { status, reason }
}

async fn wait(failures: u32) {
    if let Ok(backoff) = Backoff::new(FIRST_WAIT, LONGEST_WAIT) {
        tokio::time::sleep(backoff.jittered(failures)).await;
    }
}
