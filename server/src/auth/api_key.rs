//! Keys for programs as requests show them: looked up, believed for a moment, forgotten on change.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use tod_proto::api::api_keys::PREFIX;
use tod_proto::endpoint::Role;
use tod_proto::id::{ApiKeyId, TenantId, UserId};
use uuid::Uuid;

use super::{Credential, FRESH, Principal, secret, suspended};
use crate::api::App;
use crate::api::error::Error;
use crate::db::SystemTx;

/// The most keys that are remembered; when it is full, all are looked up anew.
const CAPACITY: usize = 50_000;

/// Keys looked up lately, by their hash.
#[derive(Debug, Default)]
pub struct Cache(Mutex<HashMap<Vec<u8>, Known>>);

#[derive(Clone, Debug)]
struct Known {
    seen: Timestamp,
    principal: Arc<Principal>,
    networks: Vec<IpNet>,
}

impl Cache {
    /// Forgets all keys of a person.
    pub fn forget_user(&self, user: UserId) {
        self.keys().retain(|_, known| known.principal.user != user);
    }

    /// Forgets a key.
    pub fn forget(&self, id: ApiKeyId) {
        self.keys().retain(
            |_, known| !matches!(known.principal.credential, Credential::Key(key, _) if key == id),
        );
    }

    fn get(&self, hash: &[u8], now: Timestamp) -> Option<Known> {
        let keys = self.keys();
        let known = keys.get(hash)?;
        // A clock that was set back must not make an entry live longer.
        (known.seen <= now && now < known.seen + FRESH).then(|| known.clone())
    }

    fn put(&self, hash: Vec<u8>, known: Known) {
        let mut keys = self.keys();
        if keys.len() >= CAPACITY {
            keys.clear();
        }
        keys.insert(hash, known);
    }

    fn keys(&self) -> std::sync::MutexGuard<'_, HashMap<Vec<u8>, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the secret of a key: `mktp_` and 256 random bits.
pub fn generate() -> Result<String, Error> {
    secret::generate(PREFIX.trim_end_matches('_'))
}

/// For whom a key acts, if it still does. Why it does not is told to nobody but the log.
pub(super) async fn principal(app: &App, key: &str, peer: IpAddr) -> Result<Arc<Principal>, Error> {
    let now = app.clock.now();
    let hash = secret::hash(key);
    let known = if let Some(known) = app.auth.keys.get(&hash, now) {
        known
    } else {
        let address = peer.to_string();
        app.auth.bad_keys.check(&address, now)?;
        let Some(known) = look_up(app, &hash, peer, now).await? else {
            app.auth.bad_keys.count(&address, now);
            return Err(refused("there is no such key, or it has ended"));
        };
        app.auth.keys.put(hash, known.clone());
        known
    };
    if known.principal.expires <= now {
        return Err(refused("it has expired"));
    }
    if !known.networks.is_empty() && !known.networks.iter().any(|net| net.contains(&peer)) {
        return Err(refused("it may not be used from there"));
    }
    Ok(known.principal)
}

fn refused(why: &str) -> Error {
    tracing::debug!(why, "refused an API key");
    Error::unauthenticated("the API key is not good here, or no longer")
        .hint("see the keys of the tenant: todctl apikey list")
}

async fn look_up(
    app: &App,
    hash: &[u8],
    peer: IpAddr,
    now: Timestamp,
) -> Result<Option<Known>, Error> {
    let mut tx = app.db.system("look up an API key").await?;
    let row = sqlx::query!(
        r#"select k.id, k.tenant_id, k.user_id, k.role, k.scopes, k.networks,
                  k.expires_at as "expires_at: jiff_sqlx::Timestamp",
                  u.email, u.name, u.role as user_role, t.name as tenant_name,
                  t.suspended_at is not null as "suspended!"
           from api_keys k
           join users u on u.id = k.user_id
           join tenants t on t.id = k.tenant_id
           where k.key_hash = $1 and k.revoked_at is null and u.active
                 and (u.tenant_id = k.tenant_id or u.role = 'super_admin')"#,
        hash,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    if row.suspended {
        return Err(suspended());
    }
    used(&mut tx, row.tenant_id, row.id, peer, now).await?;
    tx.commit().await?;
    let role = |text: String| {
        text.parse::<Role>()
            .map_err(|error| Error::internal(anyhow::anyhow!(error)))
    };
    let scopes = row
        .scopes
        .iter()
        .map(|scope| {
            scope
                .parse()
                .map_err(|e: String| Error::internal(anyhow::anyhow!(e)))
        })
        .collect::<Result<_, Error>>()?;
    let networks = row
        .networks
        .iter()
        .map(|network| network.parse().map_err(Error::internal))
        .collect::<Result<_, Error>>()?;
    Ok(Some(Known {
        seen: now,
        networks,
        principal: Arc::new(Principal {
            user: UserId(row.user_id),
            credential: Credential::Key(ApiKeyId(row.id), scopes),
            email: row.email,
            name: row.name,
            // What the person may no longer do, their key may no longer do.
            role: role(row.role)?.min(role(row.user_role)?),
            tenant: Some(TenantId(row.tenant_id)),
            tenant_name: Some(row.tenant_name),
            owes_totp: false,
            expires: row
                .expires_at
                .map_or(Timestamp::MAX, jiff_sqlx::Timestamp::to_jiff),
        }),
    }))
}

/// Notes when and from where a key was used. Once a minute is enough for people, and spares a write
/// for each request.
async fn used(
    tx: &mut SystemTx,
    tenant: Uuid,
    key: Uuid,
    peer: IpAddr,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "update api_keys set last_used_at = $3, last_used_from = $4
         where tenant_id = $1 and id = $2
               and (last_used_at is null or last_used_at < $3::timestamptz - interval '1 minute'
                    or last_used_from is distinct from $4)",
        tenant,
        key,
        now.to_sqlx() as _,
        peer.to_string(),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
