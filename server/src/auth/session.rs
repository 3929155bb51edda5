//! Sign-in sessions as requests see them: looked up, believed for a moment, forgotten on change.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tod_proto::id::{SessionId, TenantId, UserId};

use super::token::Claims;
use super::{Credential, FRESH, Principal, suspended};
use crate::api::App;
use crate::api::error::Error;
use crate::together::Together;

/// The most sessions that are remembered; when it is full, all are looked up anew.
const CAPACITY: usize = 50_000;

/// Sessions looked up lately.
#[derive(Debug, Default)]
pub struct Cache {
    sessions: Mutex<HashMap<SessionId, (Timestamp, Arc<Principal>)>>,
    /// Requests of one session that do not find it here wait for the same look.
    looks: Together<(SessionId, UserId), Arc<Principal>>,
}

impl Cache {
    /// Forgets a session: its next request is looked up.
    pub fn forget(&self, session: SessionId) {
        self.sessions().remove(&session);
    }

    /// Forgets all sessions of a person.
    pub fn forget_user(&self, user: UserId) {
        self.sessions()
            .retain(|_, (_, principal)| principal.user != user);
    }

    fn get(&self, session: SessionId, now: Timestamp) -> Option<Arc<Principal>> {
        let sessions = self.sessions();
        let (seen, principal) = sessions.get(&session)?;
        // A clock that was set back must not make an entry live longer.
        (*seen <= now && now < *seen + FRESH).then(|| Arc::clone(principal))
    }

    fn put(&self, session: SessionId, principal: Arc<Principal>, now: Timestamp) {
        let mut sessions = self.sessions();
        if sessions.len() >= CAPACITY {
            sessions.clear();
        }
        sessions.insert(session, (now, principal));
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<SessionId, (Timestamp, Arc<Principal>)>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose session it is, if it still is one.
pub(super) async fn principal(app: &App, claims: Claims) -> Result<Arc<Principal>, Error> {
    let Claims {
        session,
        user,
        expires,
    } = claims;
    let cache = &app.auth.sessions;
    let principal = if let Some(principal) = cache.get(session, app.clock.now()) {
        principal
    } else {
        let looking = app.clone();
        let look = move || look_up(looking.clone(), claims);
        let key = (session, user);
        // Rare and large: in a box, so that every request is not as large.
        Box::pin(cache.looks.read(&app.supervisor, key, look)).await?
    };
    if principal.user != user {
        return Err(ended());
    }
    if principal.expires == expires {
        return Ok(principal);
    }
    // Looked up with another token of the same session.
    Ok(Arc::new(Principal {
        expires,
        ..Principal::clone(&principal)
    }))
}

fn ended() -> Error {
    Error::unauthenticated("the session has ended")
}

async fn look_up(app: App, claims: Claims) -> Result<Arc<Principal>, Error> {
    let Claims {
        session,
        user,
        expires,
    } = claims;
    let now = app.clock.now();
    if let Some(principal) = app.auth.sessions.get(session, now) {
        return Ok(principal);
    }
    let mut tx = app.db.system("look up a session").await?;
    let row = sqlx::query!(
        r#"select u.email, u.name, u.role, u.tenant_id, t.name as "tenant_name?",
                  t.suspended_at is not null as "suspended!",
                  (coalesce(t.totp_required, false) and u.totp_since is null) as "owes_totp!",
                  s.expires_at as "expires_at: jiff_sqlx::Timestamp"
           from sign_in_sessions s
           join users u on u.id = s.user_id
           left join tenants t on t.id = u.tenant_id
           where s.id = $1 and u.id = $2 and s.revoked_at is null and u.active"#,
        session.0,
        user.0,
    )
    .fetch_optional(&mut *tx)
    .await?
    .filter(|row| row.expires_at.to_jiff() > now)
    .ok_or_else(ended)?;
    tx.commit().await?;
    if row.suspended {
        return Err(suspended());
    }
    let principal = Arc::new(Principal {
        user,
        credential: Credential::Session(session),
        email: row.email,
        name: row.name,
        role: row
            .role
            .parse()
            .map_err(|error: String| Error::internal(anyhow::anyhow!(error)))?,
        tenant: row.tenant_id.map(TenantId),
        tenant_name: row.tenant_name,
        owes_totp: row.owes_totp,
        expires,
    });
    let kept = Arc::clone(&principal);
    app.auth.sessions.put(session, kept, now);
    Ok(principal)
}
