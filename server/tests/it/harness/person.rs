//! People of tests: with a session in the database, or with a password and a Secret Key.

use axum::Router;
use axum::body::Body as RouterBody;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use sha2::Sha256;
use srp::ClientG3072;
use tod_client::transport::{Body, Transport};
use tod_client::{Client, Error as ClientError};
use tod_proto::api::account::{KDF_ROUNDS, SrpChallenge};
use tower::ServiceExt as _;

use super::TestApp;

/// Someone who signs in by hand, message by message. The secret takes the place of what a client
/// derives from password and Secret Key, which would take half a second each time.
pub(crate) struct ByHand {
    pub(crate) email: String,
    pub(crate) secret: Vec<u8>,
    pub(crate) salt: [u8; 32],
}

impl ByHand {
    pub(crate) fn new(email: &str) -> Self {
        let secret = format!("secret of {email}").into_bytes();
        Self {
            email: email.to_owned(),
            secret,
            salt: [9; 32],
        }
    }

    /// The body of an enrolment.
    pub(crate) fn enrolment(&self, token: &str, tenant: Option<&str>) -> serde_json::Value {
        let verifier = ClientG3072::<Sha256>::new().compute_verifier(
            self.email.as_bytes(),
            &self.secret,
            &self.salt,
        );
        serde_json::json!({
            "token": token, "email": self.email, "name": "By Hand", "tenant": tenant,
            "verifier": {
                "kdf": { "rounds": KDF_ROUNDS, "salt": "ab".repeat(32) },
                "srp_salt": hex::encode(self.salt),
                "verifier": hex::encode(verifier),
            },
        })
    }

    pub(crate) async fn start(&self, app: &TestApp) -> SrpChallenge {
        let body = serde_json::json!({ "email": self.email });
        app.send(None, "POST", "/api/auth/srp/start", Some(body))
            .await
            .ok()
    }

    /// The body of the second half.
    pub(crate) fn answer(&self, challenge: &SrpChallenge) -> serde_json::Value {
        let srp = ClientG3072::<Sha256>::new();
        let a = [5; 48];
        let salt = hex::decode(&challenge.srp_salt).unwrap();
        let public = hex::decode(&challenge.server_public).unwrap();
        let check = srp
            .process_reply(&a, self.email.as_bytes(), &self.secret, &salt, &public)
            .unwrap();
        serde_json::json!({
            "handshake": challenge.handshake,
            "client_public": hex::encode(srp.compute_public_ephemeral(&a)),
            "client_proof": hex::encode(check.proof()),
            "label": "a test",
        })
    }

    pub(crate) async fn sign_in(&self, app: &TestApp) -> super::Answer {
        let challenge = self.start(app).await;
        let answer = self.answer(&challenge);
        app.send(None, "POST", "/api/auth/srp/finish", Some(answer))
            .await
    }
}

/// Carries requests to a router in this process: no socket, no port.
struct InProcess(Router);

impl Transport for InProcess {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Body>, ClientError>> {
        let router = self.0.clone();
        Box::pin(async move {
            let response = router.oneshot(request.map(RouterBody::from)).await.unwrap();
            Ok(response
                .map(|body| Body::stream(body.into_data_stream().map(|piece| Ok(piece.unwrap())))))
        })
    }
}

/// The client that `todctl` uses.
pub(crate) fn client(router: Router) -> Client {
    Client::new(InProcess(router))
}
