//! What a person does to their own account. What changes it needs a proof of the password and Secret
//! Key: who found an open terminal has neither.

use sha2::{Digest as _, Sha256};
use tod_proto::api::account::{
    ChangePassword, Delete, DeletionReceipt, Export, OwnData, PasswordChanged, Proof,
};
use tod_proto::api::audit::ListQuery;
use tod_proto::page::MAX_PAGE;

use super::enrol::{add_verifier, check_verifier};
use super::sign_in::{Proved, prove};
use super::{chain, handlers, store};
use crate::api::error::Error;
use crate::api::route::Req;
use crate::api::{Cx, api_keys, audit};
use crate::people;

/// The most records of the audit log that go into an export.
const MAX_RECORDS: usize = 10_000;

pub(super) async fn change_password(
    cx: Cx,
    req: Req<ChangePassword>,
) -> Result<PasswordChanged, Error> {
    let (caller, now) = (cx.caller()?, cx.app.clock.now());
    let session = caller.session()?;
    let verifier = check_verifier(&req.body.verifier)?;
    let proved = proved_oneself(&cx, req.body.proof).await?;
    let mut tx = cx.app.db.system("change a password").await?;
    add_verifier(&mut tx, caller.user, &verifier, now).await?;
    let sessions_ended = store::revoke_others(&mut tx, caller.user, session, now).await?;
    let detail = serde_json::json!({ "sessions_ended": sessions_ended });
    cx.commit(tx, chain(caller.tenant), caller.user, detail)
        .await?;
    cx.app.auth.sessions.forget_user(caller.user);
    Ok(PasswordChanged {
        server_proof: hex::encode(proved.proof),
        sessions_ended,
    })
}

pub(super) async fn export(cx: Cx, _: Req<Export>) -> Result<OwnData, Error> {
    let (caller, now) = (cx.caller()?, cx.app.clock.now());
    let session = caller.session()?;
    let chain = chain(caller.tenant);
    let mut tx = cx.app.db.system("a person's own data").await?;
    let dates = store::dates(&mut tx, caller.user).await?;
    let sessions = store::sessions(&mut tx, caller.user, session, now).await?;
    let api_keys = api_keys::of_person(&mut tx, caller.user).await?;
    cx.commit(tx, chain, caller.user, serde_json::json!({}))
        .await?;
    let mut records = Vec::new();
    let mut query = ListQuery {
        actor: Some(caller.user.to_string()),
        limit: Some(MAX_PAGE),
        ..ListQuery::default()
    };
    while records.len() < MAX_RECORDS {
        let page = audit::page(&cx, chain, &query).await?;
        let next = page.items.last().map(|record| record.seq);
        records.extend(page.items);
        if page.next.is_none() {
            break;
        }
        query.before = next;
    }
    Ok(OwnData {
        exported_at: now,
        me: handlers::me(caller),
        created_at: dates.created_at,
        enrolled_at: dates.enrolled_at,
        last_sign_in: dates.last_sign_in,
        totp_since: dates.totp_since,
        sessions,
        api_keys,
        audit: records,
    })
}

pub(super) async fn delete(cx: Cx, req: Req<Delete>) -> Result<DeletionReceipt, Error> {
    let (caller, now) = (cx.caller()?, cx.app.clock.now());
    caller.session()?;
    let proved = proved_oneself(&cx, req.body.proof).await?;
    let mut tx = cx.app.db.system("delete an account").await?;
    people::forget(&mut tx, caller.user).await?;
    // The receipt: whoever knows the address can show that it was deleted, nobody can read it.
    let email_sha256 = hex::encode(Sha256::digest(proved.email.as_bytes()));
    let detail = serde_json::json!({ "email_sha256": email_sha256 });
    cx.commit(tx, chain(caller.tenant), caller.user, detail)
        .await?;
    cx.app.auth.forget_user(caller.user);
    Ok(DeletionReceipt {
        user: caller.user,
        deleted_at: now,
        email_sha256,
        server_proof: hex::encode(proved.proof),
    })
}

/// Checks a proof, and that it is the caller's own.
pub(in crate::api) async fn proved_oneself(cx: &Cx, proof: Proof) -> Result<Proved, Error> {
    let proved = prove(cx, proof).await?;
    if proved.user == cx.caller()?.user {
        return Ok(proved);
    }
    Err(Error::forbidden("this proof is of another account"))
}
