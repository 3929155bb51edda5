//! Tests over every operation at once: who may call it, and what everybody else is told.

use std::collections::BTreeSet;

use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::json;
use tod_proto::access::{Grant, Need};
use tod_proto::api::OPS;
use tod_proto::api::api_keys::NewApiKey;
use tod_proto::api::devices::Device;
use tod_proto::endpoint::{Carrier, Method, Op, Role, Scope};
use tod_proto::error::ErrorBody;
use tod_proto::id::{ApiKeyId, DeviceId, RelayId, SessionId, TenantId, UserId};
use tower::ServiceExt as _;

use crate::harness::{Person, TestApp};

#[test]
fn every_operation_is_bound_once() {
    let bound: Vec<_> = tod_server::api::routes()
        .ops
        .iter()
        .map(|op| op.name)
        .collect();
    let declared: BTreeSet<_> = OPS.iter().map(|op| op.name).collect();

    assert_eq!(bound.iter().copied().collect::<BTreeSet<_>>(), declared);
    assert_eq!(bound.len(), declared.len());
}

fn ops() -> Vec<Op> {
    tod_server::api::routes().ops
}

#[tokio::test]
async fn nobody_gets_in_without_a_good_token() {
    let app = TestApp::new().await;
    let ids = Ids::unknown(app.tenant("ours").await);

    for op in ops().iter().filter(|op| op.scope != Scope::Public) {
        for token in ["", "Bearer ", "Bearer x.y.z", "Basic YTpi"] {
            let (status, body) = call(&app.router(), op, &ids, token).await;

            assert_eq!(status, 401, "{} with `{token}`", op.name);
            assert!(
                body.is_some_and(|body| !body.request_id.is_empty()),
                "{}",
                op.name
            );
        }
    }
}

#[tokio::test]
async fn every_role_is_let_into_what_it_may_do_and_nothing_else() {
    let app = TestApp::new().await;
    let tenant = app.tenant("ours").await;
    let ids = Ids::unknown(tenant);

    for role in Role::ALL {
        let person = app.member(tenant, role).await;
        for op in &ops() {
            let least = match op.scope {
                Scope::Public => continue,
                Scope::Account => Role::Viewer,
                Scope::Tenant(least) => least,
                Scope::Platform => Role::SuperAdmin,
            };
            // It would end the session that the other calls need.
            if op.name == "session.revoke" {
                continue;
            }
            let (status, _) = call(&app.router(), op, &ids, &bearer(&person)).await;

            assert_ne!(status, 401, "{} as {role}", op.name);
            assert_eq!(
                status == 403,
                role < least,
                "{} as {role}: {status}",
                op.name
            );
        }
    }
}

/// A key with one scope, for each scope and each operation.
#[tokio::test]
async fn a_key_is_let_into_what_its_scope_says_and_nothing_else() {
    let app = TestApp::new().await;
    let tenant = app.tenant("ours").await;
    let boss = app.member(tenant, Role::Admin).await;
    let ids = Ids::unknown(tenant);
    let keys = format!("/api/tenants/{tenant}/api-keys");

    for grant in Grant::all() {
        let body = json!({ "name": grant.to_string(), "scopes": [grant] });
        let key: NewApiKey = app.post(&boss, &keys, body).await.ok();
        let secret = format!("Bearer {}", key.secret);
        for op in &ops() {
            // Anybody may call these.
            if op.scope == Scope::Public {
                continue;
            }
            let (status, body) = call(&app.router(), op, &ids, &secret).await;

            let allowed = match op.need() {
                Need::Nothing => true,
                Need::Grant(wanted) => grant.covers(wanted),
                Need::Person => false,
            };
            assert_ne!(status, 401, "{} with {grant}", op.name);
            assert_eq!(
                status == 403,
                !allowed,
                "{} with {grant}: {status} {body:?}",
                op.name
            );
        }
    }
}

/// A foreign tenant, an unknown one and one whose name is no identifier all look the same.
#[tokio::test]
async fn a_foreign_tenant_does_not_exist() {
    let app = TestApp::new().await;
    let (ours, theirs) = (app.tenant("ours").await, app.tenant("theirs").await);
    let boss = app.member(ours, Role::Admin).await;
    let there = Ids::of(&app, theirs).await;

    for op in ops().iter().filter(|op| op.path.contains("{tenant}")) {
        let foreign = call(&app.router(), op, &there, &bearer(&boss)).await;
        let mut unknown = there.clone();
        unknown.tenant = TenantId::generate().to_string();
        let unknown = call(&app.router(), op, &unknown, &bearer(&boss)).await;
        let mut garbled = there.clone();
        garbled.tenant = "theirs".to_owned();
        let garbled = call(&app.router(), op, &garbled, &bearer(&boss)).await;

        assert_eq!(foreign.0, 404, "{}", op.name);
        assert_eq!(said(foreign.1), said(unknown.1), "{}", op.name);
        assert_eq!(
            (garbled.0, foreign.0),
            (foreign.0, unknown.0),
            "{}",
            op.name
        );
    }
}

/// In one's own tenant, the things of another look like things that are not there.
#[tokio::test]
async fn a_foreign_thing_does_not_exist() {
    let app = TestApp::new().await;
    let (ours, theirs) = (app.tenant("ours").await, app.tenant("theirs").await);
    let boss = app.member(ours, Role::Admin).await;
    let foreign = Ids {
        tenant: ours.to_string(),
        ..Ids::of(&app, theirs).await
    };
    let unknown = Ids::unknown(ours);

    let nested = |op: &&Op| {
        ["{device}", "{user}", "{apikey}", "{session}"]
            .iter()
            .any(|place| op.path.contains(place))
    };
    for op in OPS
        .iter()
        .filter(|op| op.path.contains("{tenant}"))
        .filter(nested)
    {
        let (status, body) = call(&app.router(), op, &foreign, &bearer(&boss)).await;
        let (unknown_status, unknown) = call(&app.router(), op, &unknown, &bearer(&boss)).await;

        assert_eq!(
            (status, unknown_status),
            (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND)
        );
        assert_eq!(said(body), said(unknown), "{}", op.name);
    }
}

#[tokio::test]
async fn a_super_administrator_enters_tenants_that_exist() {
    let app = TestApp::new().await;
    let tenant = app.tenant("ours").await;
    let root = app.person(None, Role::SuperAdmin).await;

    let there = app
        .get(&root, &format!("/api/tenants/{tenant}/users"))
        .await;
    let nowhere = app
        .get(
            &root,
            &format!("/api/tenants/{}/users", TenantId::generate()),
        )
        .await;

    assert_eq!(there.status, 200);
    nowhere.refused(404);
}

/// What the placeholders of paths stand for.
#[derive(Clone)]
struct Ids {
    tenant: String,
    device: String,
    user: String,
    session: String,
    relay: String,
    apikey: String,
}

impl Ids {
    /// Things that are not there.
    fn unknown(tenant: TenantId) -> Self {
        Self {
            tenant: tenant.to_string(),
            device: DeviceId::generate().to_string(),
            user: UserId::generate().to_string(),
            session: SessionId::generate().to_string(),
            relay: RelayId::generate().to_string(),
            apikey: ApiKeyId::generate().to_string(),
        }
    }

    /// Things that are in a tenant.
    async fn of(app: &TestApp, tenant: TenantId) -> Self {
        let person = app.member(tenant, Role::Admin).await;
        let path = format!("/api/tenants/{tenant}/devices");
        let body = json!({ "address": "10.0.0.1", "username": "tod", "password": "x" });
        let device: Device = app.post(&person, &path, body).await.ok();
        let path = format!("/api/tenants/{tenant}/api-keys");
        let body = json!({ "name": "theirs", "scopes": ["devices:read"] });
        let key: NewApiKey = app.post(&person, &path, body).await.ok();
        Self {
            apikey: key.key.id.to_string(),
            device: device.id.to_string(),
            user: person.user.to_string(),
            session: person.session.to_string(),
            ..Self::unknown(tenant)
        }
    }

    fn path(&self, op: &Op) -> String {
        let path = op
            .path
            .replace("{tenant}", &self.tenant)
            .replace("{device}", &self.device)
            .replace("{user}", &self.user)
            .replace("{session}", &self.session)
            .replace("{relay}", &self.relay)
            .replace("{apikey}", &self.apikey)
            .replace("{seq}", "999")
            .replace("{number}", "1");
        assert!(!path.contains('{'), "say here what `{path}` stands for");
        let query = match op.name {
            "device.series" => "?metric=cpu",
            "tenant.delete" => "?confirm=x",
            _ => "",
        };
        path + query
    }
}

/// A body that parses, for operations that need one.
fn body(op: &Op, ids: &Ids) -> String {
    let body = match op.name {
        "tenant.create" => json!({ "name": "third" }),
        "apikey.create" => json!({ "name": "x", "scopes": ["devices:read"] }),
        "device.accept" => json!({ "serial": "x" }),
        "kms.retire" => json!({ "below": 1 }),
        "user.invite" => json!({ "email": "x@example.net", "name": "X", "role": "viewer" }),
        "device.add" => json!({ "address": "10.9.9.9", "username": "tod", "password": "x" }),
        "run.start" => json!({ "selector": "all", "command": "/system/identity/print" }),
        "change.apply" => json!({ "device": ids.device, "script": "/ip address print" }),
        "relay.open" => json!({ "kind": "exec", "command": "/system identity print" }),
        _ => json!({}),
    };
    match op.method {
        Method::Get | Method::Delete => String::new(),
        Method::Post | Method::Patch => body.to_string(),
    }
}

/// Calls an operation. The body is read of refusals only: a feed's has no end.
async fn call(
    router: &Router,
    op: &Op,
    ids: &Ids,
    authorization: &str,
) -> (StatusCode, Option<ErrorBody>) {
    let mut request = Request::builder()
        .method(op.method.as_str())
        .uri(ids.path(op));
    if !authorization.is_empty() {
        request = request.header("authorization", authorization);
    }
    if op.carrier == Carrier::Socket {
        request = request
            .header("connection", "upgrade")
            .header("upgrade", "websocket");
    }
    let request = request.body(Body::from(body(op, ids))).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    if status.is_success() {
        return (status, None);
    }
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let body = serde_json::from_slice(&bytes);
    (
        status,
        Some(body.unwrap_or_else(|error| panic!("{}: {error}", op.name))),
    )
}

fn bearer(person: &Person) -> String {
    format!("Bearer {}", person.token)
}

/// What a refusal says, apart from which request it was.
fn said(body: Option<ErrorBody>) -> ErrorBody {
    ErrorBody {
        request_id: String::new(),
        ..body.unwrap()
    }
}
