//! Enrolling, signing in, refreshing, signing out.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use tod_client::secret_key::SecretKey;
use tod_client::sign_in::Enrolment;
use tod_proto::api::account::{Me, SetupState, SrpSession};
use tod_proto::endpoint::Role;
use tod_proto::error::ErrorCode;
use tod_server::audit::{self, Chain};

use crate::harness::{ByHand, TestApp, client};

#[tokio::test]
async fn the_first_administrator_enrols_with_the_token_in_the_file() {
    let app = TestApp::new().await;
    let state: SetupState = app.send(None, "GET", "/api/setup", None).await.ok();
    assert!(state.needed);
    let token = setup_token(&app);
    let key = SecretKey::generate("ana@example.net");
    let ana = client(app.router());
    let enrolment = Enrolment {
        token: token.into(),
        email: "Ana@Example.net".to_owned(),
        name: "Ana".to_owned(),
        tenant: Some("acme".to_owned()),
    };

    let enrolled = ana
        .enrol(enrolment, &"correct horse".into(), &key)
        .await
        .unwrap();
    let me = ana
        .sign_in(
            "ana@example.net",
            &"correct horse".into(),
            &key,
            "todctl on noc-7",
        )
        .await
        .unwrap();

    assert_eq!(me, enrolled);
    assert_eq!(me.role, Role::SuperAdmin);
    assert_eq!(me.tenant_name.as_deref(), Some("acme"));
    let state: SetupState = app.send(None, "GET", "/api/setup", None).await.ok();
    assert_eq!(
        state,
        SetupState {
            needed: false,
            token_path: None
        }
    );
    assert!(!app.app.config.setup_token.exists());
    let mut tx = app.app.db.tenant(me.tenant.unwrap()).await.unwrap();
    let chain = audit::verify(&mut tx, me.tenant.unwrap(), |_, _| {})
        .await
        .unwrap();
    assert_eq!(chain, Chain::Whole(2));
}

#[tokio::test]
async fn neither_another_password_nor_another_secret_key_signs_in() {
    let app = TestApp::new().await;
    let key = SecretKey::generate("ana@example.net");
    let ana = client(app.router());
    let enrolment = Enrolment {
        token: setup_token(&app).into(),
        email: "ana@example.net".to_owned(),
        name: "Ana".to_owned(),
        tenant: Some("acme".to_owned()),
    };
    ana.enrol(enrolment, &"correct horse".into(), &key)
        .await
        .unwrap();

    let other_key = SecretKey::generate("ana@example.net");
    for (password, key) in [("wrong horse", &key), ("correct horse", &other_key)] {
        let result = ana
            .sign_in("ana@example.net", &password.into(), key, "x")
            .await;

        let text = format!("{:?}", result.unwrap_err());
        assert!(text.contains("password or Secret Key is wrong"), "{text}");
    }
}

#[tokio::test]
async fn a_setup_token_is_good_once() {
    let app = TestApp::new().await;
    let token = setup_token(&app);
    let (ana, bo) = (
        ByHand::new("ana@example.net"),
        ByHand::new("bo@example.net"),
    );
    let wrong = app
        .send(
            None,
            "POST",
            "/api/enrol",
            Some(ana.enrolment("x", Some("a"))),
        )
        .await;
    wrong.refused(401);

    let first = ana.enrolment(&token, Some("acme"));
    let second = bo.enrolment(&token, Some("evil"));
    app.send(None, "POST", "/api/enrol", Some(first))
        .await
        .ok::<Me>();
    let second = app.send(None, "POST", "/api/enrol", Some(second)).await;

    second.refused(401);
}

#[tokio::test]
async fn the_setup_token_stays_good_over_a_restart() {
    let app = TestApp::new().await;
    let before = setup_token(&app);

    app.replica().prepare().await.unwrap();

    assert_eq!(setup_token(&app), before);
    let mode = std::fs::metadata(&app.app.config.setup_token)
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn the_file_of_a_token_that_is_good_no_longer_goes_with_the_next_start() {
    let app = TestApp::new().await;
    let token = setup_token(&app);
    enrolled(&app, "ana@example.net").await;
    let file = &app.app.config.setup_token;
    // As at a server that was not the one asked.
    std::fs::write(file, token).unwrap();

    app.replica().prepare().await.unwrap();

    assert!(!file.exists());
}

#[tokio::test]
async fn a_stranger_is_answered_like_a_person() {
    let app = TestApp::new().await;
    enrolled(&app, "ana@example.net").await;
    let stranger = ByHand::new("nobody@example.net");

    let known = ByHand::new("ana@example.net").start(&app).await;
    let (one, two) = (stranger.start(&app).await, stranger.start(&app).await);
    let wrong = ByHand {
        secret: b"x".to_vec(),
        ..ByHand::new("ana@example.net")
    };
    let (wrong, lost) = (wrong.sign_in(&app).await, stranger.sign_in(&app).await);

    assert_eq!((&one.kdf, &one.srp_salt), (&two.kdf, &two.srp_salt));
    assert_ne!(one.server_public, two.server_public);
    assert_ne!(one.handshake, two.handshake);
    assert_eq!(known.kdf.rounds, one.kdf.rounds);
    assert_eq!(known.kdf.salt.len(), one.kdf.salt.len());
    assert_eq!(known.srp_salt.len(), one.srp_salt.len());
    let (mut wrong, lost) = (wrong.refused(401), lost.refused(401));
    wrong.request_id.clone_from(&lost.request_id);
    assert_eq!(wrong, lost);
}

#[tokio::test]
async fn a_handshake_is_good_once_and_for_a_minute() {
    let app = TestApp::new().await;
    let ana = enrolled(&app, "ana@example.net").await;
    let finish = "/api/auth/srp/finish";

    let challenge = ana.start(&app).await;
    let answer = ana.answer(&challenge);
    app.send(None, "POST", finish, Some(answer.clone()))
        .await
        .ok::<SrpSession>();
    app.send(None, "POST", finish, Some(answer))
        .await
        .refused(401);

    let late = ana.answer(&ana.start(&app).await);
    app.hands.advance(Duration::from_mins(1));
    app.send(None, "POST", finish, Some(late))
        .await
        .refused(401);
}

#[tokio::test]
async fn an_a_that_proves_nothing_is_refused() {
    let app = TestApp::new().await;
    let ana = enrolled(&app, "ana@example.net").await;
    let n = {
        use srp::Group as _;
        srp::groups::G3072::generator()
            .params()
            .modulus()
            .to_be_bytes()
            .to_vec()
    };
    // 2N has one byte more than N.
    let mut twice = vec![1];
    twice.extend(
        n.iter()
            .zip(n.iter().skip(1).chain([&0]))
            .map(|(a, b)| a << 1 | b >> 7),
    );

    for public in [vec![0], vec![], n, twice, vec![0xff; 385]] {
        let mut answer = ana.answer(&ana.start(&app).await);
        answer["client_public"] = hex::encode(public).into();
        let refused = app
            .send(None, "POST", "/api/auth/srp/finish", Some(answer))
            .await;
        refused.refused(401);
    }
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    let app = TestApp::new().await;
    enrolled(&app, "ana@example.net").await;
    let guesser = ByHand {
        secret: b"x".to_vec(),
        ..ByHand::new("ana@example.net")
    };

    for _ in 0..5 {
        guesser.sign_in(&app).await.refused(401);
    }
    let body = serde_json::json!({ "email": "ana@example.net" });
    let start = async |app: &axum::Router| {
        let body = Some(body.clone());
        crate::harness::send(app.clone(), None, "POST", "/api/auth/srp/start", body).await
    };
    let refused = start(&app.router()).await;
    let elsewhere = start(&app.replica().router()).await;
    app.hands.advance(Duration::from_mins(1));
    let later = start(&app.router()).await;

    assert_eq!(refused.refused(429).code, ErrorCode::RateLimited);
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(elsewhere.status, 429, "another server counts the same");
    assert_eq!(later.status, 200);
}

/// Who guesses from many addresses is stopped, and whom they guess at is not.
#[tokio::test]
async fn a_guesser_keeps_nobody_out_where_they_are_known() {
    let app = TestApp::new().await;
    let ana = enrolled(&app, "ana@example.net").await;
    ana.sign_in(&app).await.ok::<SrpSession>();
    let guesser = ByHand {
        secret: b"x".to_vec(),
        ..ByHand::new("ana@example.net")
    };
    let from = |last: u8| {
        let peer = tod_server::api::Peer(std::net::Ipv4Addr::new(192, 0, 2, last).into());
        let router = app.router();
        let router = router.layer(axum::Extension(peer));
        async move |path: &str, body: serde_json::Value| {
            crate::harness::send(router.clone(), None, "POST", path, Some(body)).await
        }
    };

    let mut stopped = 0;
    for n in 0..25 {
        let send = from(n);
        for _ in 0..5 {
            let email = serde_json::json!({ "email": guesser.email });
            let started = send("/api/auth/srp/start", email).await;
            if started.status == 429 {
                stopped += 1;
                continue;
            }
            let answer = guesser.answer(&started.ok());
            send("/api/auth/srp/finish", answer).await.refused(401);
        }
    }

    assert_eq!(stopped, 25, "a hundred tries were let through");
    ana.sign_in(&app).await.ok::<SrpSession>();
    let unknown = serde_json::json!({ "email": guesser.email });
    let elsewhere = from(99)("/api/auth/srp/start", unknown).await;
    elsewhere.refused(429);
}

pub(crate) fn setup_token(app: &TestApp) -> String {
    let text = std::fs::read_to_string(&app.app.config.setup_token).unwrap();
    text.trim().to_owned()
}

pub(crate) async fn enrolled(app: &TestApp, email: &str) -> ByHand {
    let person = ByHand::new(email);
    let body = person.enrolment(&setup_token(app), Some("acme"));
    app.send(None, "POST", "/api/enrol", Some(body))
        .await
        .ok::<Me>();
    person
}
