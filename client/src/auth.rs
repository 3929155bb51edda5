//! The session's tokens, refreshed once for all who wait.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http::header::CONTENT_TYPE;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tod_proto::api::account::{Refresh, RefreshBody, Tokens};
use tod_proto::endpoint::Endpoint as _;
use tod_proto::error::ErrorCode;
use tokio::sync::Mutex;

use crate::call::refusal;
use crate::clock::Clock;
use crate::error::Error;
use crate::store::{StoreError, TokenStore};
use crate::transport::Transport;

/// A token is refreshed this long before it ends, so that it does not end on the way.
const MARGIN: SignedDuration = SignedDuration::from_secs(30);

/// A session as it is kept between runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Grant {
    /// The tokens as the server gave them.
    pub tokens: Tokens,
    /// The server's clock minus ours, in milliseconds, when it gave them: a machine whose clock
    /// is wrong still knows when its tokens end.
    pub offset_ms: i64,
}

impl Grant {
    /// Takes tokens that arrived at `now` by our clock.
    pub fn new(tokens: Tokens, now: Timestamp) -> Self {
        let offset = tokens.server_time.duration_since(now);
        let offset_ms = i64::try_from(offset.as_millis()).unwrap_or_default();
        Self { tokens, offset_ms }
    }

    /// Whether the access token can be sent at `now` by our clock.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now.checked_add(SignedDuration::from_millis(self.offset_ms))
            .and_then(|server| server.checked_add(MARGIN))
            .is_ok_and(|server| server < self.tokens.access_expires)
    }
}

/// Where the token of a call comes from.
pub(crate) enum Auth {
    Nobody,
    Fixed(String),
    Stored(Stored),
}

pub(crate) struct Stored {
    store: Arc<dyn TokenStore>,
    clock: Clock,
    /// Whoever holds this refreshes; the others wait and find the result.
    current: Mutex<Option<Grant>>,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Nobody => "Nobody",
            Self::Fixed(_) => "Fixed(…)",
            Self::Stored(_) => "Stored(…)",
        })
    }
}

impl Auth {
    pub(crate) fn nobody() -> Self {
        Self::Nobody
    }

    pub(crate) fn fixed(token: String) -> Self {
        Self::Fixed(token)
    }

    pub(crate) fn stored(store: Arc<dyn TokenStore>, clock: Clock) -> Self {
        Self::Stored(Stored {
            store,
            clock,
            current: Mutex::new(None),
        })
    }

    /// A token that is good now.
    pub(crate) async fn token(&self, transport: &dyn Transport) -> Result<String, Error> {
        match self {
            Self::Nobody => Err(Error::SignedOut),
            Self::Fixed(token) => Ok(token.clone()),
            Self::Stored(stored) => stored.token(transport, None).await,
        }
    }

    /// Another token than `stale`, which the server has refused. `None` if there is no other.
    pub(crate) async fn renew(
        &self,
        transport: &dyn Transport,
        stale: &str,
    ) -> Result<Option<String>, Error> {
        match self {
            Self::Nobody | Self::Fixed(_) => Ok(None),
            Self::Stored(stored) => stored.token(transport, Some(stale)).await.map(Some),
        }
    }

    /// Takes up a new session.
    pub(crate) async fn adopt(&self, tokens: Tokens) -> Result<(), Error> {
        let Self::Stored(stored) = self else {
            return Ok(());
        };
        let mut current = stored.current.lock().await;
        let grant = Grant::new(tokens, stored.clock.now());
        stored.save(Some(grant.clone())).await?;
        *current = Some(grant);
        Ok(())
    }

    /// Forgets the session and returns it.
    pub(crate) async fn forget(&self) -> Result<Option<Grant>, Error> {
        let Self::Stored(stored) = self else {
            return Ok(None);
        };
        let mut current = stored.current.lock().await;
        let grant = match current.take() {
            Some(grant) => Some(grant),
            None => stored.load().await?,
        };
        stored.save(None).await?;
        Ok(grant)
    }

    /// The session as it is kept, without refreshing it.
    pub(crate) async fn grant(&self) -> Result<Option<Grant>, Error> {
        let Self::Stored(stored) = self else {
            return Ok(None);
        };
        let current = stored.current.lock().await;
        match &*current {
            Some(grant) => Ok(Some(grant.clone())),
            None => Ok(stored.load().await?),
        }
    }
}

impl Stored {
    fn good(&self, grant: &Grant, stale: Option<&str>) -> Option<String> {
        let token = &grant.tokens.access_token;
        (grant.is_fresh(self.clock.now()) && stale != Some(token)).then(|| token.clone())
    }

    async fn token(&self, transport: &dyn Transport, stale: Option<&str>) -> Result<String, Error> {
        let mut current = self.current.lock().await;
        if let Some(token) = current.as_ref().and_then(|grant| self.good(grant, stale)) {
            return Ok(token);
        }
        // Another process may share the session. A refresh token is good once, so only one of us
        // may present it: wait for the lock, then look whether the other has been faster.
        let store = Arc::clone(&self.store);
        let _lock = blocking(move || store.lock()).await?;
        let grant = self.load().await?.ok_or(Error::SignedOut)?;
        if let Some(token) = self.good(&grant, stale) {
            *current = Some(grant);
            return Ok(token);
        }
        // What cannot be kept is not fetched: the token that is kept would be used up, and the next
        // command would end the session with it.
        self.save(Some(grant.clone())).await?;
        match refresh(transport, grant.tokens.refresh_token).await {
            Ok(tokens) => {
                let grant = Grant::new(tokens, self.clock.now());
                self.save(Some(grant.clone())).await?;
                let token = grant.tokens.access_token.clone();
                *current = Some(grant);
                Ok(token)
            }
            Err(error) if error.code() == Some(ErrorCode::Unauthenticated) => {
                *current = None;
                self.save(None).await?;
                Err(Error::SessionEnded)
            }
            Err(error) => Err(error),
        }
    }

    async fn load(&self) -> Result<Option<Grant>, StoreError> {
        let store = Arc::clone(&self.store);
        blocking(move || store.load()).await
    }

    async fn save(&self, grant: Option<Grant>) -> Result<(), StoreError> {
        let store = Arc::clone(&self.store);
        blocking(move || store.save(grant.as_ref())).await
    }
}

/// Stores may wait for a person, a daemon or a lock: not on the runtime's threads.
async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(act)
        .await
        .map_err(|error| StoreError::Broken(error.to_string()))?
}

async fn refresh(transport: &dyn Transport, refresh_token: String) -> Result<Tokens, Error> {
    let body = serde_json::to_vec(&RefreshBody { refresh_token }).map_err(Error::malformed)?;
    let request = Request::builder()
        .method(Refresh::OP.method.as_str())
        .uri(Refresh::OP.path)
        .header(CONTENT_TYPE, "application/json")
        .body(Bytes::from(body))
        .map_err(Error::malformed)?;
    let response = transport.send(request).await?;
    if !response.status().is_success() {
        return Err(refusal(response).await);
    }
    serde_json::from_slice(&response.into_body().collect().await?).map_err(Error::garbled)
}
