//! How people come in: the first with the setup token, the others by invitation.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use tod_proto::api::account::{Enrol, KDF_ROUNDS, Me, Setup, SetupState};
use tod_proto::endpoint::Role;
use tod_proto::id::{TenantId, UserId};

use super::{chain, normal_email, store};
use crate::api::Cx;
use crate::api::error::{Error, OnConstraint as _};
use crate::api::route::Req;
use crate::api::tenants;
use crate::auth::secret;
use crate::auth::srp::{Number, SALT_BYTES, Verifier};
use crate::db::SystemTx;
use crate::setup;

pub(super) async fn setup(cx: Cx, _: Req<Setup>) -> Result<SetupState, Error> {
    let mut tx = cx.app.db.system("is anybody enrolled").await?;
    let needed = setup::is_needed(&mut tx).await?;
    tx.commit().await?;
    let path = needed.then(|| cx.app.config.setup_token.display().to_string());
    Ok(SetupState {
        needed,
        token_path: path,
    })
}

pub(super) async fn enrol(cx: Cx, req: Req<Enrol>) -> Result<Me, Error> {
    let (app, now) = (&cx.app, cx.app.clock.now());
    app.auth.per_address.take(&cx.peer.to_string(), now)?;
    let body = req.body;
    let email = normal_email(&body.email);
    check_email(&email)?;
    let name = check_name(&body.name)?;
    let verifier = check_verifier(&body.verifier)?;

    let mut tx = app.db.system("enrol").await?;
    let hash = secret::hash(&body.token);
    let is_first = setup::take_token(&mut tx, &hash).await?;
    let user = if is_first {
        let tenant = body.tenant.as_deref().ok_or_else(|| {
            Error::invalid("tenant: missing").detail("the first tenant needs a name")
        })?;
        // Once in the life of an installation: nobody else waits for this transaction.
        let key = app.kms.first_key(&app.db, TenantId::generate(), now);
        let key = key.await?;
        let tenant = tenants::create(app, &mut tx, &key, tenant, now).await?;
        add_first(&mut tx, tenant, &email, &name, now).await?
    } else {
        let accepted = accept_invitation(&mut tx, &hash, &email, &name, now).await?;
        let Some(user) = accepted else {
            // It is used up all the same: nobody asks twice whether an address is taken.
            tx.commit().await?;
            return Err(not_good());
        };
        user
    };
    add_verifier(&mut tx, user, &verifier, now).await?;
    let me = store::me(&mut tx, user).await?;
    let detail = serde_json::json!({ "role": me.role });
    let (actor, chain) = (user.to_string(), chain(me.tenant));
    cx.commit_as((&actor, "account.enrol"), tx, chain, user, detail)
        .await?;
    if is_first {
        setup::remove_file(&app.config.setup_token);
    }
    Ok(me)
}

async fn add_first(
    tx: &mut SystemTx,
    tenant: TenantId,
    email: &str,
    name: &str,
    now: Timestamp,
) -> Result<UserId, Error> {
    let user = UserId::generate();
    sqlx::query!(
        "insert into users (id, tenant_id, email, name, role, enrolled_at, claimed, created_at)
         values ($1, $2, $3, $4, $5, $6, true, $6)",
        user.0,
        tenant.0,
        email,
        name,
        Role::SuperAdmin.as_str(),
        now.to_sqlx() as _,
    )
    .execute(&mut **tx)
    .await
    .on_constraint("users_claimed_key", || {
        Error::conflict(format!("`{email}` is somebody else's already")).hint("use another address")
    })?;
    Ok(user)
}

/// Uses an invitation up. Nothing if it is good, but its address has become somebody else's.
async fn accept_invitation(
    tx: &mut SystemTx,
    hash: &[u8],
    email: &str,
    name: &str,
    now: Timestamp,
) -> Result<Option<UserId>, Error> {
    let user = sqlx::query_scalar!(
        "delete from invitations i
         using users u
         where i.token_hash = $1 and i.expires_at > $3 and u.id = i.user_id and u.email = $2
               and u.enrolled_at is null and u.active
         returning i.user_id",
        hash,
        email,
        now.to_sqlx() as _,
    )
    .fetch_optional(&mut **tx)
    .await?
    .ok_or_else(not_good)?;
    let claimed = sqlx::query!(
        "update users set name = $2, enrolled_at = $3, claimed = true
         where id = $1 and not exists (
             select from users other
             where other.email = $4 and other.claimed and other.id <> $1
         )",
        user,
        name,
        now.to_sqlx() as _,
        email,
    )
    .execute(&mut **tx)
    .await
    .on_constraint("users_claimed_key", not_good)?;
    Ok((claimed.rows_affected() == 1).then_some(UserId(user)))
}

/// The same words for each reason: who tries addresses learns nothing from them.
fn not_good() -> Error {
    Error::unauthenticated("the token is not good for this e-mail address, or no longer").hint(
        "ask the administrator who invited you for a new invitation; who has an account on this \
         server already needs another address",
    )
}

pub(super) async fn add_verifier(
    tx: &mut SystemTx,
    user: UserId,
    verifier: &Verifier,
    now: Timestamp,
) -> Result<(), Error> {
    let rounds = i32::try_from(KDF_ROUNDS).map_err(Error::internal)?;
    sqlx::query!(
        "insert into verifiers (user_id, kdf_rounds, kdf_salt, srp_salt, verifier, created_at)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (user_id) do update
             set kdf_rounds = excluded.kdf_rounds, kdf_salt = excluded.kdf_salt,
                 srp_salt = excluded.srp_salt, verifier = excluded.verifier,
                 created_at = excluded.created_at",
        user.0,
        rounds,
        verifier.kdf_salt,
        verifier.srp_salt,
        verifier.number.bytes(),
        now.to_sqlx() as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// An address is not proved, only kept from being nonsense.
pub(in crate::api) fn check_email(email: &str) -> Result<(), Error> {
    let plausible = email.len() <= 254
        && email.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@')
        })
        && !email.chars().any(|c| c.is_whitespace() || c.is_control());
    if plausible {
        return Ok(());
    }
    Err(Error::invalid("email: not an e-mail address"))
}

pub(in crate::api) fn check_name(name: &str) -> Result<String, Error> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
        return Err(Error::invalid(
            "name: 1 to 100 characters, and none that control a terminal",
        ));
    }
    Ok(name.to_owned())
}

pub(super) fn check_verifier(
    verifier: &tod_proto::api::account::Verifier,
) -> Result<Verifier, Error> {
    let bad = |field: &str, why: &str| Err(Error::invalid(format!("verifier.{field}: {why}")));
    // One number for everybody: another one would tell known accounts from unknown ones.
    if verifier.kdf.rounds != KDF_ROUNDS {
        return bad(
            "kdf.rounds",
            &format!("this server takes {KDF_ROUNDS} rounds"),
        );
    }
    let Some(kdf_salt) = salt(&verifier.kdf.salt) else {
        return bad("kdf.salt", "not 32 bytes in hex");
    };
    let Some(srp_salt) = salt(&verifier.srp_salt) else {
        return bad("srp_salt", "not 32 bytes in hex");
    };
    match Number::from_hex(&verifier.verifier) {
        Some(number) if number.is_verifier() => Ok(Verifier {
            kdf_salt,
            srp_salt,
            number,
        }),
        _ => bad("verifier", "not a number of the 3072-bit group in hex"),
    }
}

fn salt(text: &str) -> Option<Vec<u8>> {
    if text.len() != SALT_BYTES * 2 {
        return None;
    }
    hex::decode(text).ok()
}
