//! The keys that access tokens are signed with: kept sealed in the database, the same for all
//! servers, renewed every [`EVERY`].
//!
//! ```text
//! rotate ──LEAD──► the new key signs, the old one is believed ──LONGEST + 2·LEEWAY──► destroyed
//! ```
//!
//! **Invariant:** a server knows a key before another signs with it: it looks every [`FRESH`], which
//! is less than [`LEAD`]. Outside of a rotation one key is live, during one two are.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use tod_proto::api::sessions::{KeyState, SigningKey};
use tod_proto::id::{SessionId, SigningKeyId, UserId};
use tod_service::reconcile::Reconcile;
use zeroize::Zeroizing;

use super::FRESH;
use super::token::{Claims, Key, LEEWAY, LONGEST, Material, Refused, Ring};
use crate::api::App;
use crate::api::error::Error;
use crate::audit::{self, Act, Origin, PLATFORM, TOD};
use crate::db::SystemTx;
use crate::kms::{Kms, KmsError, Place};
use crate::together::Together;

/// How old a key gets before the next one is made.
pub const EVERY: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How long after it was made a key begins to sign.
const LEAD: Duration = Duration::from_secs(5);
/// A token that names an unknown key makes a server look no sooner than this.
const AGAIN: Duration = Duration::from_secs(1);
const KEY: usize = 32;

/// The keys as they were looked up lately.
#[derive(Debug, Default)]
pub struct Keys {
    last: Mutex<Option<(Timestamp, Arc<Ring>)>>,
    /// Who finds them too old waits for the same look.
    looks: Together<Duration, Arc<Ring>>,
}

impl Keys {
    fn last(&self) -> Option<(Timestamp, Arc<Ring>)> {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The keys, if they were looked up no longer ago than `age`.
    fn no_older_than(&self, age: Duration, now: Timestamp) -> Option<Arc<Ring>> {
        let (at, ring) = self.last()?;
        (at <= now && now < at + age).then_some(ring)
    }

    fn keep(&self, ring: Option<(Timestamp, Arc<Ring>)>) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = ring;
    }

    /// Looks again with the next use.
    pub fn forget(&self) {
        self.keep(None);
    }
}

/// The keys, looked up at most [`FRESH`] ago. Call it before a transaction, not within one.
pub async fn ring(app: &App) -> Result<Arc<Ring>, Error> {
    no_older_than(app, FRESH).await
}

async fn no_older_than(app: &App, age: Duration) -> Result<Arc<Ring>, Error> {
    let keys = &app.auth.keys_of_tokens;
    if let Some(ring) = keys.no_older_than(age, app.clock.now()) {
        return Ok(ring);
    }
    let looking = app.clone();
    let look = move || look(looking.clone(), age);
    // Rare and large: in a box, so that every request is not as large.
    Box::pin(keys.looks.read(&app.supervisor, age, look)).await
}

/// Looks, unless somebody has just done so.
async fn look(app: App, age: Duration) -> Result<Arc<Ring>, Error> {
    let (keys, now) = (&app.auth.keys_of_tokens, app.clock.now());
    if let Some(ring) = keys.no_older_than(age, now) {
        return Ok(ring);
    }
    let before = keys.last().map(|(_, ring)| ring);
    let ring = Arc::new(load(&app, before).await?);
    keys.keep(Some((now, Arc::clone(&ring))));
    Ok(ring)
}

/// Makes an access token, and says when it ends.
pub async fn sign(
    app: &App,
    session: SessionId,
    user: UserId,
) -> Result<(String, Timestamp), Error> {
    let ring = ring(app).await?;
    app.auth.tokens.sign(&ring, session, user, app.clock.now())
}

/// Checks an access token. Why it is not good is told to nobody but the log.
pub async fn check(app: &App, token: &str) -> Result<Claims, Error> {
    let now = app.clock.now();
    let ring = ring(app).await?;
    let mut checked = app.auth.tokens.check(&ring, token, now);
    if checked == Err(Refused::UnknownKey) {
        let ring = no_older_than(app, AGAIN).await?;
        checked = app.auth.tokens.check(&ring, token, now);
    }
    checked.map_err(|why| {
        tracing::debug!(?why, "refused an access token");
        Error::unauthenticated("the access token is not good, or no longer")
    })
}

/// Reads the keys. One that was opened before is not opened again.
async fn load(app: &App, before: Option<Arc<Ring>>) -> Result<Ring, Error> {
    let mut tx = app.db.system("keys of access tokens").await?;
    let rows = sqlx::query!(
        r#"select id, sealed, signs_from as "signs_from: jiff_sqlx::Timestamp",
                  retires_at as "retires_at: jiff_sqlx::Timestamp"
           from signing_keys
           order by signs_from"#,
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    let mut keys = Vec::with_capacity(rows.len());
    for row in rows {
        let id = SigningKeyId(row.id);
        let known = before
            .iter()
            .flat_map(|ring| &ring.0)
            .find(|key| key.id == id);
        let material = if let Some(key) = known {
            Arc::clone(&key.material)
        } else {
            let opened = app.kms.open_platform(place(id), &row.sealed)?;
            Arc::new(Material::new(&opened))
        };
        keys.push(Key {
            id,
            material,
            signs_from: row.signs_from.to_jiff(),
            retires_at: row.retires_at.map(jiff_sqlx::Timestamp::to_jiff),
        });
    }
    Ok(Ring(keys))
}

/// Makes the first key, if there is none.
pub(crate) async fn ensure(kms: &Kms, tx: &mut SystemTx, now: Timestamp) -> Result<(), Error> {
    hold(tx).await?;
    let newest = newest(tx).await?;
    if newest.is_none() {
        add(kms, tx, now, now).await?;
    }
    Ok(())
}

/// Makes another key. The one before it is believed for as long as a token of it may be good, or,
/// `at_once`, no longer. Returns the new one.
pub(crate) async fn rotate(
    kms: &Kms,
    tx: &mut SystemTx,
    now: Timestamp,
    at_once: bool,
) -> Result<SigningKeyId, Error> {
    hold(tx).await?;
    if at_once {
        sqlx::query!("delete from signing_keys")
            .execute(&mut **tx)
            .await?;
        return add(kms, tx, now, now).await;
    }
    let going_on = sqlx::query_scalar!(
        r#"select retires_at as "at!: jiff_sqlx::Timestamp"
           from signing_keys
           where retires_at > $1"#,
        now.to_sqlx() as _,
    )
    .fetch_optional(&mut **tx)
    .await?;
    if let Some(at) = going_on {
        let at = at.to_jiff();
        return Err(Error::conflict(format!(
            "a rotation is going on: the key before is good until {at:.0}"
        ))
        .hint("destroy it now, with all access tokens: todctl session rotate-keys --at-once"));
    }
    let signs_from = now + LEAD;
    // The longest token of the old key, made by a server whose clock is behind, and believed by
    // one whose clock is behind.
    let retires_at = signs_from + LONGEST + LEEWAY * 2;
    sqlx::query!(
        "update signing_keys set retires_at = $1 where retires_at is null",
        retires_at.to_sqlx() as _,
    )
    .execute(&mut **tx)
    .await?;
    add(kms, tx, now, signs_from).await
}

/// What the keys do at the moment, the newest first.
pub(crate) async fn list(tx: &mut SystemTx, now: Timestamp) -> Result<Vec<SigningKey>, Error> {
    let rows = sqlx::query!(
        r#"select id, created_at as "created_at: jiff_sqlx::Timestamp",
                  signs_from as "signs_from: jiff_sqlx::Timestamp",
                  retires_at as "retires_at: jiff_sqlx::Timestamp"
           from signing_keys
           where retires_at is null or retires_at > $1
           order by signs_from desc"#,
        now.to_sqlx() as _,
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut signs = false;
    let keys = rows.into_iter().map(|row| {
        let signs_from = row.signs_from.to_jiff();
        let state = match signs_from <= now {
            false => KeyState::Next,
            true if signs => KeyState::Retires,
            true => KeyState::Signs,
        };
        signs |= state == KeyState::Signs;
        SigningKey {
            id: SigningKeyId(row.id),
            state,
            created_at: row.created_at.to_jiff(),
            signs_from,
            retires_at: row.retires_at.map(jiff_sqlx::Timestamp::to_jiff),
        }
    });
    Ok(keys.collect())
}

/// Destroys what has retired, and makes another key when the newest is old. Returns how many keys
/// came and went.
pub async fn renew(app: &App) -> Result<usize, Error> {
    let now = app.clock.now();
    let mut tx = app.db.system("renew the keys of access tokens").await?;
    hold(&mut tx).await?;
    let gone = sqlx::query!(
        "delete from signing_keys where retires_at <= $1",
        now.to_sqlx() as _,
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    let mut changed = usize::try_from(gone).unwrap_or(usize::MAX);
    match newest(&mut tx).await? {
        Some(made) if now.duration_since(made) < EVERY => {}
        Some(_) => {
            let id = rotate(&app.kms, &mut tx, now, false).await?;
            let act = Act {
                actor: TOD,
                act: "session.rotate_keys",
                target: id.to_string(),
                detail: serde_json::json!({ "at_once": false }),
                origin: Origin::default(),
            };
            audit::record(app, &mut tx, PLATFORM, act).await?;
            changed = changed.saturating_add(1);
        }
        None => {
            add(&app.kms, &mut tx, now, now).await?;
            changed = changed.saturating_add(1);
        }
    }
    tx.commit().await?;
    if changed > 0 {
        app.auth.keys_of_tokens.forget();
    }
    Ok(changed)
}

/// Renews the keys.
#[derive(Debug)]
pub struct Renewal(App);

impl Renewal {
    /// Works on the database of `app`.
    pub fn new(app: App) -> Self {
        Self(app)
    }
}

impl Reconcile for Renewal {
    const NAME: &'static str = "keys of access tokens";
    const EVERY: Duration = Duration::from_mins(1);

    async fn run(&mut self) -> anyhow::Result<usize> {
        Ok(renew(&self.0).await?)
    }
}

/// Keeps other servers from changing the keys until the end of the transaction.
async fn hold(tx: &mut SystemTx) -> Result<(), Error> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('signing keys', 0))")
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// When the newest key was made.
async fn newest(tx: &mut SystemTx) -> Result<Option<Timestamp>, Error> {
    let made = sqlx::query_scalar!(
        r#"select created_at as "at: jiff_sqlx::Timestamp"
           from signing_keys
           order by signs_from desc
           limit 1"#,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(made.map(jiff_sqlx::Timestamp::to_jiff))
}

async fn add(
    kms: &Kms,
    tx: &mut SystemTx,
    now: Timestamp,
    signs_from: Timestamp,
) -> Result<SigningKeyId, Error> {
    let id = SigningKeyId::generate();
    let mut key = Zeroizing::new([0; KEY]);
    aws_lc_rs::rand::fill(&mut *key).map_err(|_| KmsError::Shut)?;
    let sealed = kms.seal_platform(place(id), &*key)?;
    sqlx::query!(
        "insert into signing_keys (id, sealed, created_at, signs_from) values ($1, $2, $3, $4)",
        id.0,
        sealed,
        now.to_sqlx() as _,
        signs_from.to_sqlx() as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok(id)
}

fn place(id: SigningKeyId) -> Place {
    Place {
        table: "signing_keys",
        column: "sealed",
        row: id.0,
    }
}
