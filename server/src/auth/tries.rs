//! Failed sign-ins, counted for all servers together.
//!
//! An address that guesses at an account is stopped after [`FROM_ONE_ADDRESS`] tries a minute; many
//! addresses that guess at one account after [`FROM_ANYWHERE`] in a quarter of an hour. The second
//! does not stop a person at an address from which they signed in within the last [`KNOWN`]:
//! otherwise whoever guesses could keep them out.

use std::net::IpAddr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use sha2::{Digest as _, Sha256};
use tod_proto::id::UserId;

use crate::api::error::Error;
use crate::db::SystemTx;

/// Failures of one account from one address in [`MINUTE`].
const FROM_ONE_ADDRESS: i32 = 5;
const MINUTE: SignedDuration = SignedDuration::from_mins(1);
/// Failures of one account from everywhere in [`QUARTER`].
const FROM_ANYWHERE: i32 = 100;
const QUARTER: SignedDuration = SignedDuration::from_mins(15);
/// Wrong codes of a second step in [`HOUR`], from everywhere: who gets there has the password and
/// the Secret Key.
const CODES: i32 = 10;
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// How long an address is known after a sign-in.
const KNOWN: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Who tries, and from where. An account that does not exist is counted like one that does.
#[derive(Clone, Debug)]
pub(crate) struct Try {
    here: Vec<u8>,
    anywhere: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Count {
    since: Timestamp,
    failures: i32,
    known_until: Option<Timestamp>,
}

impl Try {
    pub(crate) fn new(email: &str, peer: IpAddr) -> Self {
        Self {
            here: key(&["here", email, &peer.to_string()]),
            anywhere: key(&["anywhere", email]),
        }
    }

    /// Refuses when there were too many failures.
    pub(crate) async fn check(&self, tx: &mut SystemTx, now: Timestamp) -> Result<(), Error> {
        let keys = [self.here.clone(), self.anywhere.clone()];
        let rows = sqlx::query!(
            r#"select key, since as "since: jiff_sqlx::Timestamp", count,
                      known_until as "known_until: jiff_sqlx::Timestamp"
               from sign_in_tries
               where key = any($1)"#,
            &keys,
        )
        .fetch_all(&mut **tx)
        .await?;
        let find = |key: &[u8]| {
            let row = rows.iter().find(|row| row.key == key)?;
            Some(Count {
                since: row.since.to_jiff(),
                failures: row.count,
                known_until: row.known_until.map(jiff_sqlx::Timestamp::to_jiff),
            })
        };
        let here = find(&self.here);
        limited(here, FROM_ONE_ADDRESS, MINUTE, now)?;
        let is_known = here
            .and_then(|here| here.known_until)
            .is_some_and(|until| until > now);
        if is_known {
            return Ok(());
        }
        limited(find(&self.anywhere), FROM_ANYWHERE, QUARTER, now)
    }

    /// Counts a failure.
    pub(crate) async fn failed(&self, tx: &mut SystemTx, now: Timestamp) -> Result<(), Error> {
        // In the order of their keys, so that two at once do not wait for each other.
        let mut keys = [(&self.here, MINUTE), (&self.anywhere, QUARTER)];
        keys.sort();
        for (key, window) in keys {
            count(tx, key, window, now).await?;
        }
        drop_old(tx, now).await
    }

    /// Remembers from where the account has signed in, and forgets its failures there.
    pub(crate) async fn succeeded(&self, tx: &mut SystemTx, now: Timestamp) -> Result<(), Error> {
        let known_until = now.saturating_add(KNOWN).unwrap_or(Timestamp::MAX);
        sqlx::query!(
            "insert into sign_in_tries (key, since, count, known_until) values ($1, $2, 0, $3)
             on conflict (key) do update set since = $2, count = 0, known_until = $3",
            self.here,
            now.to_sqlx() as _,
            known_until.to_sqlx() as _,
        )
        .execute(&mut **tx)
        .await?;
        Ok(())
    }
}

async fn drop_old(tx: &mut SystemTx, now: Timestamp) -> Result<(), Error> {
    sqlx::query!(
        "delete from sign_in_tries
         where key in (
             select key from sign_in_tries
             where since < $1 and (known_until is null or known_until < $2)
             limit 20
             for update skip locked
         )",
        before(now, HOUR).to_sqlx() as _,
        now.to_sqlx() as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn count(
    tx: &mut SystemTx,
    key: &[u8],
    window: SignedDuration,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into sign_in_tries as t (key, since, count) values ($1, $2, 1)
         on conflict (key) do update
             set count = case when t.since <= $3 then 1 else t.count + 1 end,
                 since = case when t.since <= $3 then $2 else t.since end",
        key,
        now.to_sqlx() as _,
        before(now, window).to_sqlx() as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Wrong codes of one person's second step.
#[derive(Clone, Debug)]
pub(crate) struct Codes(Vec<u8>);

impl Codes {
    pub(crate) fn of(user: UserId) -> Self {
        Self(key(&["codes", &user.to_string()]))
    }

    /// Refuses when there were too many.
    pub(crate) async fn check(&self, tx: &mut SystemTx, now: Timestamp) -> Result<(), Error> {
        let row = sqlx::query!(
            r#"select since as "since: jiff_sqlx::Timestamp", count
               from sign_in_tries
               where key = $1"#,
            self.0,
        )
        .fetch_optional(&mut **tx)
        .await?;
        let count = row.map(|row| Count {
            since: row.since.to_jiff(),
            failures: row.count,
            known_until: None,
        });
        limited(count, CODES, HOUR, now)
            .map_err(|error| error.detail("somebody with the password and Secret Key tries codes"))
    }

    /// Counts a wrong one.
    pub(crate) async fn failed(&self, tx: &mut SystemTx, now: Timestamp) -> Result<(), Error> {
        count(tx, &self.0, HOUR, now).await?;
        drop_old(tx, now).await
    }
}

fn limited(
    count: Option<Count>,
    most: i32,
    window: SignedDuration,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(count) = count.filter(|count| count.failures >= most) else {
        return Ok(());
    };
    let until = count.since.saturating_add(window).unwrap_or(Timestamp::MAX);
    if until <= now {
        return Ok(());
    }
    let wait = Duration::try_from(until.duration_since(now)).unwrap_or_default();
    let hint = format!("try again in {} seconds", wait.as_secs().max(1));
    Err(Error::rate_limited("too many failed sign-ins", wait).hint(hint))
}

fn before(now: Timestamp, window: SignedDuration) -> Timestamp {
    now.saturating_sub(window).unwrap_or(Timestamp::MIN)
}

fn key(parts: &[&str]) -> Vec<u8> {
    Sha256::digest(parts.join("\0")).to_vec()
}
