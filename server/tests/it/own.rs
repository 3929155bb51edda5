//! What people do to their accounts, and administrators to theirs.

use serde_json::json;
use tod_proto::api::account::{DeletionReceipt, Me, OwnData, PasswordChanged, SrpSession};
use tod_proto::api::users::Invitation;
use tod_proto::endpoint::Role;
use tod_proto::error::ErrorCode;

use crate::account::enrolled;
use crate::harness::{ByHand, TestApp};

/// A proof of a sign-in, for something else than a session.
pub(crate) async fn proof(app: &TestApp, who: &ByHand) -> serde_json::Value {
    let challenge = who.start(app).await;
    let mut answer = who.answer(&challenge);
    answer.as_object_mut().unwrap().remove("label");
    answer
}

#[tokio::test]
async fn a_password_changes_by_a_proof_of_the_old_one_and_other_sessions_end() {
    let app = TestApp::new().await;
    let ana = enrolled(&app, "ana@example.net").await;
    let here: SrpSession = ana.sign_in(&app).await.ok();
    let there: SrpSession = ana.sign_in(&app).await.ok();
    let new = ByHand {
        secret: b"another secret".to_vec(),
        salt: [7; 32],
        ..ByHand::new(&ana.email)
    };
    let verifier = new.enrolment("", None)["verifier"].clone();
    let token = Some(&*here.tokens.access_token);
    let change = async |proof| {
        let body = json!({ "proof": proof, "verifier": verifier });
        app.send(token, "POST", "/api/auth/password", Some(body))
            .await
    };

    // Neither an open terminal nor somebody else's proof is enough.
    let mut wrong = proof(&app, &ana).await;
    wrong["client_proof"] = json!("00".repeat(32));
    change(wrong).await.refused(401);
    let changed: PasswordChanged = change(proof(&app, &ana).await).await.ok();

    assert_eq!(changed.sessions_ended, 1);
    assert_eq!(changed.server_proof.len(), 64);
    ana.sign_in(&app).await.refused(401);
    new.sign_in(&app).await.ok::<SrpSession>();
    let whoami = async |session: &SrpSession| {
        let token = Some(&*session.tokens.access_token);
        app.send(token, "GET", "/api/auth/whoami", None).await
    };
    whoami(&here).await.ok::<Me>();
    whoami(&there).await.refused(401);
}

#[tokio::test]
async fn the_proof_of_another_person_changes_nothing() {
    let app = TestApp::new().await;
    let ana = enrolled(&app, "ana@example.net").await;
    let session: SrpSession = ana.sign_in(&app).await.ok();
    let tenant = session.me.tenant.unwrap();
    let boss = app.member(tenant, Role::Admin).await;
    let invite = json!({ "email": "bo@example.net", "name": "Bo", "role": "viewer" });
    let users = format!("/api/tenants/{tenant}/users");
    let invitation: Invitation = app.post(&boss, &users, invite).await.ok();
    let bo = ByHand::new("bo@example.net");
    let body = bo.enrolment(&invitation.token, None);
    app.send(None, "POST", "/api/enrol", Some(body))
        .await
        .ok::<Me>();

    let token = Some(&*session.tokens.access_token);
    let body =
        json!({ "proof": proof(&app, &bo).await, "verifier": bo.enrolment("", None)["verifier"] });
    let refused = app
        .send(token, "POST", "/api/auth/password", Some(body))
        .await;
    refused.refused(403);
    let body = json!({ "proof": proof(&app, &bo).await });
    let refused = app
        .send(token, "POST", "/api/auth/delete", Some(body))
        .await;
    refused.refused(403);

    ana.sign_in(&app).await.ok::<SrpSession>();
    bo.sign_in(&app).await.ok::<SrpSession>();
}

#[tokio::test]
async fn a_reset_makes_the_old_secrets_useless_and_lets_the_person_in_anew() {
    let app = TestApp::new().await;
    let ana = enrolled(&app, "ana@example.net").await;
    let session: SrpSession = ana.sign_in(&app).await.ok();
    let tenant = session.me.tenant.unwrap();
    let boss = app.member(tenant, Role::SuperAdmin).await;
    let user = format!("/api/tenants/{tenant}/users/{}", session.me.id);

    let other = app.member(tenant, Role::Admin).await;
    let above = app.post(&other, &format!("{user}/reset"), json!({})).await;
    above.refused(403);
    let reset: Invitation = app
        .post(&boss, &format!("{user}/reset"), json!({}))
        .await
        .ok();

    assert!(!reset.user.enrolled);
    let token = Some(&*session.tokens.access_token);
    app.send(token, "GET", "/api/auth/whoami", None)
        .await
        .refused(401);
    ana.sign_in(&app).await.refused(401);
    let new = ByHand {
        secret: b"another secret".to_vec(),
        ..ByHand::new(&ana.email)
    };
    let body = new.enrolment(&reset.token, None);
    let me: Me = app.send(None, "POST", "/api/enrol", Some(body)).await.ok();
    assert_eq!((me.id, me.role), (session.me.id, session.me.role));
    new.sign_in(&app).await.ok::<SrpSession>();
    ana.sign_in(&app).await.refused(401);
}

#[tokio::test]
async fn an_export_holds_what_is_kept_of_a_person_and_no_secret() {
    let app = TestApp::new().await;
    let ana = enrolled(&app, "ana@example.net").await;
    let session: SrpSession = ana.sign_in(&app).await.ok();
    let token = Some(&*session.tokens.access_token);
    let keys = format!("/api/tenants/{}/api-keys", session.me.tenant.unwrap());
    let body = json!({ "name": "ci", "scopes": ["devices:read"] });
    app.send(token, "POST", &keys, Some(body)).await;

    let answer = app.send(token, "GET", "/api/auth/export", None).await;
    let own: OwnData = answer.ok();

    assert_eq!(own.me, session.me);
    assert_eq!(own.sessions.len(), 1);
    assert_eq!(own.api_keys.len(), 1);
    let acts: Vec<_> = own.audit.iter().map(|record| &*record.act).collect();
    // The export itself is on record before anything leaves.
    let all = [
        "account.export",
        "apikey.create",
        "account.sign_in",
        "account.enrol",
    ];
    assert_eq!(acts, all);
    for secret in ["verifier", "token_hash", "mktp_"] {
        let shown = answer.body.matches(secret).count();
        // The hint of a key is its first nine characters.
        assert_eq!(shown, usize::from(secret == "mktp_"), "{secret}: {answer}");
    }
}

#[tokio::test]
async fn a_deleted_person_is_nowhere_and_the_chain_is_whole() {
    let app = TestApp::new().await;
    let ana = enrolled(&app, "ana@example.net").await;
    let session: SrpSession = ana.sign_in(&app).await.ok();
    let tenant = session.me.tenant.unwrap();
    let token = Some(&*session.tokens.access_token);
    let devices = format!("/api/tenants/{tenant}/devices");
    let device = crate::devices::router("core-1", "10.0.0.1");
    app.send(token, "POST", &devices, Some(device)).await;
    let keys = format!("/api/tenants/{tenant}/api-keys");
    let body = json!({ "name": "ci", "scopes": ["devices:read"] });
    app.send(token, "POST", &keys, Some(body)).await;
    let delete = async || {
        let body = json!({ "proof": proof(&app, &ana).await });
        app.send(token, "POST", "/api/auth/delete", Some(body))
            .await
    };

    // The last super administrator cannot go.
    assert_eq!(delete().await.refused(409).code, ErrorCode::Conflict);
    let boss = app.member(tenant, Role::SuperAdmin).await;
    let receipt: DeletionReceipt = delete().await.ok();

    assert_eq!(receipt.user, session.me.id);
    app.send(token, "GET", "/api/auth/whoami", None)
        .await
        .refused(401);
    ana.sign_in(&app).await.refused(401);
    let mut conn = app.superuser().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class
         where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    for table in tables {
        let sql = format!("select count(*) from {table} t where t::text like '%ana@example%'");
        let named: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_one(&mut conn)
            .await
            .unwrap();
        assert_eq!(named, 0, "{table}");
    }
    let path = format!("/api/tenants/{tenant}/audit/verify");
    let verdict: tod_proto::api::audit::Verdict = app.get(&boss, &path).await.ok();
    assert!(verdict.whole, "{verdict:?}");
    let path = format!("/api/tenants/{tenant}/audit?act=device.add");
    let log: tod_proto::page::Page<tod_proto::api::audit::Record> =
        app.get(&boss, &path).await.ok();
    assert_eq!(log.items[0].actor, session.me.id.to_string());
    assert_eq!(log.items[0].actor_email, None);
}
