//! What each endpoint does.
//!
//! **Invariant:** a code is checked only of somebody who has proved password and Secret Key, or is
//! signed in; a wrong one is counted in the transaction that it is checked in, and a right one is
//! spent there.

use std::time::Duration;

use jiff::Timestamp;
use tod_proto::api::totp::{
    Begin, Disable, Disabled, Enable, Finish, NewSecret, RecoveryCodes, SignedIn, Status,
    TotpStatus,
};
use tod_proto::id::UserId;

use super::store;
use crate::api::Cx;
use crate::api::account::{chain, open_session, proved_oneself};
use crate::api::error::Error;
use crate::api::route::Req;
use crate::auth::signing;
use crate::auth::totp::{self, Code};
use crate::auth::tries::{Codes, Try};
use crate::db::SystemTx;

/// How long a new secret waits for the first code of it.
const SETUP: Duration = Duration::from_mins(30);

pub(super) async fn finish(cx: Cx, req: Req<Finish>) -> Result<SignedIn, Error> {
    let (app, now) = (&cx.app, cx.app.clock.now());
    app.auth.per_address.take(&cx.peer.to_string(), now)?;
    let ring = signing::ring(app).await?;
    // Counted for good before the code is looked at.
    let mut tx = app.db.system("a try at a second step").await?;
    let step = store::try_ticket(&mut tx, &req.body.ticket, now).await?;
    tx.commit().await?;
    let step = step.ok_or_else(|| {
        Error::unauthenticated("the second step has ended").hint("sign in again: todctl login")
    })?;

    let mut tx = app.db.system("check a code").await?;
    let how = match spend(&cx, &mut tx, step.user, &req.body.code, now).await? {
        Checked::Right(how) => how,
        Checked::Wrong => {
            let detail = serde_json::json!({ "tries": step.tries });
            let actor = step.user.to_string();
            let what = (&*actor, "account.totp_failed");
            cx.commit_as(what, tx, chain(step.tenant), step.user, detail)
                .await?;
            tracing::warn!(user = %step.user, peer = %cx.peer, "a second step failed");
            return Err(wrong().detail(left(step.tries)));
        }
    };
    store::drop_ticket(&mut tx, &req.body.ticket, now).await?;
    Try::new(&step.email, cx.peer)
        .succeeded(&mut tx, now)
        .await?;
    let detail = serde_json::json!({ "label": step.label, "second_step": how });
    open_session(&cx, tx, &ring, step.user, &step.label, detail).await
}

pub(super) async fn status(cx: Cx, _: Req<Status>) -> Result<TotpStatus, Error> {
    let caller = cx.caller()?;
    let mut tx = cx.app.db.system("has a sign-in a second step").await?;
    let status = store::status(&mut tx, caller.user).await?;
    tx.commit().await?;
    Ok(status)
}

pub(super) async fn begin(cx: Cx, req: Req<Begin>) -> Result<NewSecret, Error> {
    let (caller, now) = (cx.caller()?, cx.app.clock.now());
    caller.session()?;
    let proved = proved_oneself(&cx, req.body.proof).await?;
    let mut tx = cx.app.db.system("begin a second step").await?;
    if store::status(&mut tx, caller.user).await?.since.is_some() {
        return Err(Error::conflict("your sign-in has a second step already")
            .hint("take it away first: todctl account totp disable"));
    }
    let secret = totp::generate()?;
    let sealed = cx
        .app
        .kms
        .seal_platform(store::place(caller.user), &*secret)?;
    store::put_secret(&mut tx, caller.user, &sealed, now).await?;
    commit(&cx, tx, serde_json::json!({})).await?;
    Ok(NewSecret {
        server_proof: hex::encode(proved.proof),
        secret: totp::base32(&*secret),
    })
}

pub(super) async fn enable(cx: Cx, req: Req<Enable>) -> Result<RecoveryCodes, Error> {
    let (caller, now) = (cx.caller()?, cx.app.clock.now());
    caller.session()?;
    let mut tx = cx.app.db.system("put a second step in use").await?;
    if store::status(&mut tx, caller.user).await?.since.is_some() {
        return Err(Error::conflict("your sign-in has a second step already"));
    }
    let begun = store::secret(&mut tx, caller.user)
        .await?
        .filter(|begun| now < begun.created_at + SETUP)
        .ok_or_else(|| {
            Error::conflict("no second step was begun, or too long ago")
                .hint("begin: todctl account totp enable")
        })?;
    let opened = cx
        .app
        .kms
        .open_platform(store::place(caller.user), &begun.sealed)?;
    let step = match Code::read(caller.user, &req.body.code) {
        Some(Code::Clock(code)) => totp::step_of(&opened, &code, now),
        _ => None,
    };
    let step = step.ok_or_else(|| {
        Error::invalid("code: not the code of this moment")
            .hint("the clock of the authenticator and of the server have to be right")
    })?;
    let codes = totp::on_paper(caller.user)?;
    let hashes: Vec<Vec<u8>> = codes.iter().map(|(_, hash)| hash.clone()).collect();
    store::enable(&mut tx, caller.user, step, &hashes, now).await?;
    commit(&cx, tx, serde_json::json!({})).await?;
    // Whoever had to take it up may go on.
    cx.app.auth.sessions.forget_user(caller.user);
    Ok(RecoveryCodes {
        codes: codes.into_iter().map(|(shown, _)| shown).collect(),
    })
}

pub(super) async fn disable(cx: Cx, req: Req<Disable>) -> Result<Disabled, Error> {
    let (caller, now) = (cx.caller()?, cx.app.clock.now());
    caller.session()?;
    let proved = proved_oneself(&cx, req.body.proof).await?;
    let mut tx = cx.app.db.system("take a second step away").await?;
    if store::status(&mut tx, caller.user).await?.since.is_none() {
        return Err(Error::conflict("your sign-in has no second step"));
    }
    let how = match spend(&cx, &mut tx, caller.user, &req.body.code, now).await? {
        Checked::Right(how) => how,
        Checked::Wrong => {
            tx.commit().await?;
            return Err(Error::invalid("code: wrong, or used before"));
        }
    };
    store::forget(&mut tx, caller.user).await?;
    let detail = serde_json::json!({ "second_step": how });
    commit(&cx, tx, detail).await?;
    cx.app.auth.sessions.forget_user(caller.user);
    Ok(Disabled {
        server_proof: hex::encode(proved.proof),
    })
}

/// Puts what somebody did with their own second step on record, and commits it.
async fn commit(cx: &Cx, tx: SystemTx, detail: serde_json::Value) -> Result<(), Error> {
    let caller = cx.caller()?;
    cx.commit(tx, chain(caller.tenant), caller.user, detail)
        .await
}

/// What became of a code.
enum Checked {
    /// It is spent; with what it was.
    Right(&'static str),
    /// It is counted.
    Wrong,
}

/// Checks a code and spends it, or counts it. The caller commits, in either case.
async fn spend(
    cx: &Cx,
    tx: &mut SystemTx,
    user: UserId,
    typed: &str,
    now: Timestamp,
) -> Result<Checked, Error> {
    let tries = Codes::of(user);
    tries.check(tx, now).await?;
    let right = match Code::read(user, typed) {
        Some(Code::Clock(code)) => {
            let step = match store::secret(tx, user).await? {
                Some(kept) => {
                    let secret = cx.app.kms.open_platform(store::place(user), &kept.sealed)?;
                    totp::step_of(&secret, &code, now)
                }
                None => None,
            };
            match step {
                Some(step) if store::spend_step(tx, user, step).await? => Some("authenticator"),
                _ => None,
            }
        }
        Some(Code::Paper(hash)) if store::spend_paper(tx, user, &hash).await? => {
            Some("recovery code")
        }
        _ => None,
    };
    if let Some(how) = right {
        return Ok(Checked::Right(how));
    }
    tries.failed(tx, now).await?;
    Ok(Checked::Wrong)
}

fn wrong() -> Error {
    Error::unauthenticated("the code is wrong, or was used before")
        .hint("take the next one; or a recovery code, if the authenticator is lost")
}

fn left(tries: i32) -> String {
    match store::TRIES.saturating_sub(tries) {
        0 => "that was the last try: sign in again".to_owned(),
        1 => "one more try".to_owned(),
        left => format!("{left} more tries"),
    }
}
