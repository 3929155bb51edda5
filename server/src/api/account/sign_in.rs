//! Both halves of a sign-in.
//!
//! **Invariant:** up to the end of [`finish`], an account that does not exist costs and says the
//! same as one that does.

use std::sync::Arc;
use std::time::Duration;

use tod_proto::api::account::{
    KDF_ROUNDS, Kdf, Proof, SecondStep, SrpChallenge, SrpFinish, SrpFinished, SrpSession, SrpStart,
};
use tod_proto::api::totp::SignedIn;
use tod_proto::id::{SessionId, UserId};
use uuid::Uuid;

use super::{chain, normal_email, store};
use crate::api::error::Error;
use crate::api::route::Req;
use crate::api::{App, Cx, totp};
use crate::auth::srp::{self, Ephemeral, Verifier};
use crate::auth::token::Ring;
use crate::auth::tries::Try;
use crate::auth::{signing, suspended};
use crate::db::SystemTx;
use crate::kms::{KmsError, Place};

/// For how long the first half waits for the second.
const HANDSHAKE: Duration = Duration::from_mins(1);
const MAX_EMAIL: usize = 254;
const MAX_LABEL: usize = 128;

pub(super) async fn start(cx: Cx, req: Req<SrpStart>) -> Result<SrpChallenge, Error> {
    let (app, now) = (&cx.app, cx.app.clock.now());
    let email = account(&req.body.email)?;
    app.auth.per_address.take(&cx.peer.to_string(), now)?;
    let mut tx = app.db.system("begin a sign-in").await?;
    Try::new(&email, cx.peer).check(&mut tx, now).await?;
    let known = store::verifier(&mut tx, &email).await?;
    let verifier = known_or_fake(app, known, &email)?.1;
    let ephemeral = off_thread({
        let (work, number) = (Arc::clone(&app.auth.srp), verifier.number.clone());
        move || Ephemeral::generate(&work, &number)
    })
    .await?
    .ok_or_else(|| Error::internal(anyhow::anyhow!("no randomness")))?;
    let handshake = Uuid::new_v4();
    let sealed = app
        .kms
        .seal_platform(place(handshake), &ephemeral.write())?;
    store::add_handshake(&mut tx, handshake, &email, &sealed, now + HANDSHAKE).await?;
    store::drop_old_handshakes(&mut tx, now).await?;
    tx.commit().await?;
    Ok(SrpChallenge {
        handshake: handshake.simple().to_string(),
        kdf: Kdf {
            rounds: KDF_ROUNDS,
            salt: hex::encode(&verifier.kdf_salt),
        },
        srp_salt: hex::encode(&verifier.srp_salt),
        server_public: hex::encode(ephemeral.public()),
    })
}

pub(super) async fn finish(cx: Cx, req: Req<SrpFinish>) -> Result<SrpFinished, Error> {
    let (app, now) = (&cx.app, cx.app.clock.now());
    let label = label(&req.body.label)?;
    let body = req.body;
    let proof = Proof {
        handshake: body.handshake,
        client_public: body.client_public,
        client_proof: body.client_proof,
    };
    let proved = prove(&cx, proof).await?;
    let server_proof = hex::encode(proved.proof);
    if proved.has_second_step {
        let mut tx = app.db.system("begin a second step").await?;
        let (ticket, expires_at) = totp::store::offer(&mut tx, proved.user, &label, now).await?;
        tx.commit().await?;
        return Ok(SrpFinished::SecondStep(SecondStep {
            server_proof,
            ticket,
            expires_at,
        }));
    }
    let ring = signing::ring(app).await?;
    let tx = app.db.system("finish a sign-in").await?;
    let detail = serde_json::json!({ "label": label });
    let SignedIn { tokens, me } = open_session(&cx, tx, &ring, proved.user, &label, detail).await?;
    Ok(SrpFinished::Session(Box::new(SrpSession {
        server_proof,
        tokens,
        me,
    })))
}

/// Opens a session for somebody who has shown all that it takes, and commits.
pub(in crate::api) async fn open_session(
    cx: &Cx,
    mut tx: SystemTx,
    ring: &Ring,
    user: UserId,
    label: &str,
    detail: serde_json::Value,
) -> Result<SignedIn, Error> {
    let (app, now) = (&cx.app, cx.app.clock.now());
    let session = SessionId::generate();
    store::add_session(&mut tx, session, user, label, now).await?;
    let tokens = store::issue(app, &mut tx, ring, session, user, now).await?;
    let me = store::me(&mut tx, user).await?;
    if let Some(tenant) = me.tenant
        && store::is_suspended(&mut tx, tenant).await?
    {
        return Err(suspended());
    }
    let (actor, chain) = (user.to_string(), chain(me.tenant));
    cx.commit_as((&actor, "account.sign_in"), tx, chain, session, detail)
        .await?;
    Ok(SignedIn { tokens, me })
}

/// Somebody who has shown that they know their password and Secret Key.
pub(in crate::api) struct Proved {
    pub(in crate::api) user: UserId,
    pub(in crate::api) email: String,
    /// The server's own proof, M2.
    pub(in crate::api) proof: Vec<u8>,
    /// Whether that is not enough to sign in.
    has_second_step: bool,
}

/// Takes up the second half of a handshake.
pub(super) async fn prove(cx: &Cx, body: Proof) -> Result<Proved, Error> {
    let (app, now) = (&cx.app, cx.app.clock.now());
    let handshake = Uuid::try_parse(&body.handshake).map_err(|_| denied())?;
    // Taken out for good before anything is proved: a handshake is good once.
    let mut tx = app.db.system("take a handshake").await?;
    let taken = store::take_handshake(&mut tx, handshake).await?;
    tx.commit().await?;
    let taken = taken
        .filter(|taken| taken.expires_at > now)
        .ok_or_else(denied)?;
    let email = taken.email;
    app.auth.per_address.take(&cx.peer.to_string(), now)?;

    let tried = Try::new(&email, cx.peer);
    let mut tx = app.db.system("what a proof is checked against").await?;
    tried.check(&mut tx, now).await?;
    let known = store::verifier(&mut tx, &email).await?;
    tx.commit().await?;
    let (user, verifier) = known_or_fake(app, known, &email)?;
    let opened = app.kms.open_platform(place(handshake), &taken.secret)?;
    let ephemeral = Ephemeral::read(&opened).ok_or(KmsError::Shut)?;
    let proof = off_thread({
        let (work, email) = (Arc::clone(&app.auth.srp), email.clone());
        move || {
            srp::prove(
                &work,
                &email,
                &verifier,
                &ephemeral,
                &body.client_public,
                &body.client_proof,
            )
        }
    })
    .await?;
    let mut tx = app.db.system("count a sign-in").await?;
    let (Some(user), Some(proof)) = (user, proof) else {
        tried.failed(&mut tx, now).await?;
        tx.commit().await?;
        let account = tod_proto::untrusted::plain(&email);
        tracing::warn!(account, peer = %cx.peer, "a sign-in failed");
        return Err(denied());
    };
    let has_second_step = store::has_second_step(&mut tx, user).await?;
    if !has_second_step {
        tried.succeeded(&mut tx, now).await?;
    }
    tx.commit().await?;
    Ok(Proved {
        user,
        email,
        proof,
        has_second_step,
    })
}

fn known_or_fake(
    app: &App,
    known: Option<(UserId, Verifier)>,
    email: &str,
) -> Result<(Option<UserId>, Verifier), Error> {
    // Made in either case, so that both take the same time.
    let fake = Verifier::fake(&app.auth.fake, email)
        .ok_or_else(|| Error::internal(anyhow::anyhow!("no fake verifier")))?;
    Ok(match known {
        Some((user, verifier)) => (Some(user), verifier),
        None => (None, fake),
    })
}

/// One message for every reason: which one it was helps only someone who guesses.
fn denied() -> Error {
    Error::unauthenticated("e-mail address, password or Secret Key is wrong")
        .hint("check all three; the Secret Key is in your Emergency Kit")
}

fn account(email: &str) -> Result<String, Error> {
    let email = normal_email(email);
    if email.is_empty() || email.len() > MAX_EMAIL || email.contains('\0') {
        return Err(Error::invalid("email: not an e-mail address"));
    }
    Ok(email)
}

fn label(label: &str) -> Result<String, Error> {
    if label.len() > MAX_LABEL {
        return Err(Error::invalid(format!(
            "label: longer than {MAX_LABEL} bytes"
        )));
    }
    Ok(label.replace('\0', ""))
}

fn place(handshake: Uuid) -> Place {
    Place {
        table: "handshakes",
        column: "secret",
        row: handshake,
    }
}

/// Modular exponentiation takes milliseconds: it must not hold up other requests.
async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(Error::internal)
}
