//! Keys for programs.

use std::time::Duration;

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::json;
use tod_proto::api::account::Me;
use tod_proto::api::api_keys::{ApiKey, NewApiKey};
use tod_proto::api::devices::Device;
use tod_proto::api::users::User;
use tod_proto::endpoint::Role;
use tod_proto::page::Page;
use tower::ServiceExt as _;

use crate::devices::router;
use crate::harness::{Answer, Office, TestApp};

impl Office {
    fn keys(&self) -> String {
        format!("/api/tenants/{}/api-keys", self.tenant)
    }

    fn devices(&self) -> String {
        format!("/api/tenants/{}/devices", self.tenant)
    }

    async fn create(&self, body: serde_json::Value) -> NewApiKey {
        self.app.post(&self.ana, &self.keys(), body).await.ok()
    }

    async fn get(&self, secret: &str, path: &str) -> Answer {
        self.app.send(Some(secret), "GET", path, None).await
    }

    async fn whoami(&self, secret: &str) -> Answer {
        self.get(secret, "/api/auth/whoami").await
    }
}

#[tokio::test]
async fn a_key_acts_for_its_maker_within_its_scopes() {
    let office = Office::new().await;
    let made = office
        .create(json!({ "name": "ci", "scopes": ["devices:write"], "role": "operator" }))
        .await;
    assert!(made.secret.starts_with("mktp_") && made.secret.len() == 48);
    assert!(made.secret.starts_with(&made.key.hint));

    let me: Me = office.whoami(&made.secret).await.ok();
    assert_eq!((me.id, me.role), (office.ana.user, Role::Operator));
    assert_eq!(me.api_key, Some(made.key.id));
    let body = Some(router("core-1", "10.0.0.1"));
    let devices = office.devices();
    let added = office.app.send(Some(&made.secret), "POST", &devices, body);
    added.await.ok::<Device>();
    let runs = format!("/api/tenants/{}/runs", office.tenant);
    let refused = office.get(&made.secret, &runs).await.refused(403);
    assert!(refused.message.contains("exec:read"), "{refused:?}");
    let sessions = office.get(&made.secret, "/api/auth/sessions").await;
    assert!(
        sessions.refused(403).message.contains("API keys"),
        "{sessions}"
    );

    // The act is on record as the key's, and the key's use can be seen.
    let audit = format!("/api/tenants/{}/audit?act=device.add", office.tenant);
    let log = office.app.get(&office.ana, &audit).await;
    let log: Page<tod_proto::api::audit::Record> = log.ok();
    let record = &log.items[0];
    assert_eq!(record.actor, format!("{}/{}", office.ana.user, made.key.id));
    assert_eq!(record.actor_email.as_deref(), Some(&*office.ana.email));
    let listed: Page<ApiKey> = office.app.get(&office.ana, &office.keys()).await.ok();
    assert_eq!(listed.items[0].last_used_from.as_deref(), Some("127.0.0.1"));
    assert_eq!(
        listed.items[0].user_email.as_deref(),
        Some(&*office.ana.email)
    );
}

#[tokio::test]
async fn only_the_hash_of_a_key_is_kept_and_it_is_shown_once() {
    let office = Office::new().await;
    let made = office
        .create(json!({ "name": "ci", "scopes": ["devices:read"] }))
        .await;

    let listed = office.app.get(&office.ana, &office.keys()).await;
    assert!(!listed.body.contains(&made.secret), "{listed}");
    let mut conn = office.app.superuser().await;
    let row: String = sqlx::query_scalar("select k::text from api_keys k")
        .fetch_one(&mut conn)
        .await
        .unwrap();
    assert!(!row.contains(&made.secret), "{row}");
    // Neither does the log of acts know it, sealed or not.
    let log = format!("/api/tenants/{}/audit", office.tenant);
    let log = office.app.get(&office.ana, &log).await;
    assert!(!log.body.contains(&made.secret), "{log}");
}

#[tokio::test]
async fn a_key_may_be_shown_in_a_header_of_its_own_and_nowhere_else() {
    let office = Office::new().await;
    let made = office
        .create(json!({ "name": "ci", "scopes": ["devices:read"] }))
        .await;
    let ask = async |headers: &[(&str, &str)], uri: &str| {
        let mut request = Request::get(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        office.app.router().oneshot(request).await.unwrap().status()
    };
    let (secret, whoami) = (made.secret.as_str(), "/api/auth/whoami");
    let bearer = format!("Bearer {secret}");
    let person = format!("Bearer {}", office.ana.token);

    assert_eq!(ask(&[("x-api-key", secret)], whoami).await, StatusCode::OK);
    assert_eq!(
        ask(&[("authorization", &bearer)], whoami).await,
        StatusCode::OK
    );
    let in_url = format!("{whoami}?api_key={secret}");
    let both = [("x-api-key", secret), ("authorization", &*person)];
    for refused in [
        ask(&[], &in_url).await,
        ask(&both, whoami).await,
        ask(&[("x-api-key", "mktp_wrong")], whoami).await,
        ask(&[("x-api-key", &"x".repeat(10_000))], whoami).await,
    ] {
        assert_eq!(refused, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_key_ends_when_it_expires_is_rotated_or_revoked() {
    let office = Office::new().await;
    let ends = office.app.app.clock.now() + Duration::from_mins(10);
    let short = office
        .create(json!({ "name": "short", "scopes": ["devices:read"], "expires_at": ends }))
        .await;
    let long = office
        .create(json!({ "name": "long", "scopes": ["devices:read"] }))
        .await;

    office.whoami(&short.secret).await.ok::<Me>();
    office.app.hands.advance(Duration::from_mins(10));
    office.whoami(&short.secret).await.refused(401);

    let path = format!("{}/{}/rotate", office.keys(), long.key.id);
    let rotated: NewApiKey = office.app.post(&office.ana, &path, json!({})).await.ok();
    office.whoami(&long.secret).await.refused(401);
    office.whoami(&rotated.secret).await.ok::<Me>();
    let path = format!("{}/{}", office.keys(), long.key.id);
    let revoked: ApiKey = office.app.delete(&office.ana, &path).await.ok();
    assert!(revoked.revoked_at.is_some());
    office.whoami(&rotated.secret).await.refused(401);
    office.app.delete(&office.ana, &path).await.refused(404);
    let listed: Page<ApiKey> = office.app.get(&office.ana, &office.keys()).await.ok();
    assert_eq!(listed.total, 0, "{listed:?}");
    let all = format!("{}?all=true", office.keys());
    let listed: Page<ApiKey> = office.app.get(&office.ana, &all).await.ok();
    assert_eq!(listed.total, 2);
}

/// Whatever happens to the person happens to their keys, on every server within five seconds.
#[tokio::test]
async fn a_key_is_never_above_its_maker_and_ends_with_them() {
    let office = Office::new().await;
    let boss = office.app.member(office.tenant, Role::Admin).await;
    let made = office
        .create(json!({ "name": "ci", "scopes": ["users:write"] }))
        .await;
    assert_eq!(made.key.role, Role::Admin);
    let replica = office.app.replica();
    let on_replica = async || {
        crate::harness::send(
            replica.router(),
            Some(&made.secret),
            "GET",
            "/api/auth/whoami",
            None,
        )
        .await
    };
    assert_eq!(on_replica().await.ok::<Me>().role, Role::Admin);
    let ana = format!("/api/tenants/{}/users/{}", office.tenant, office.ana.user);

    let set = async |body| office.app.patch(&boss, &ana, body).await.ok::<User>();
    set(json!({ "role": "viewer" })).await;
    assert_eq!(
        office.whoami(&made.secret).await.ok::<Me>().role,
        Role::Viewer
    );
    office.app.hands.advance(Duration::from_secs(5));
    assert_eq!(on_replica().await.ok::<Me>().role, Role::Viewer);
    let users = format!("/api/tenants/{}/users", office.tenant);
    let invite = json!({ "email": "x@example.net", "name": "X", "role": "viewer" });
    let invited = office
        .app
        .send(Some(&made.secret), "POST", &users, Some(invite));
    invited.await.refused(403);

    set(json!({ "active": false })).await;
    office.whoami(&made.secret).await.refused(401);
    office.app.hands.advance(Duration::from_secs(5));
    on_replica().await.refused(401);
}

#[tokio::test]
async fn what_makes_no_sense_is_not_made() {
    let office = Office::new().await;
    let long_ago = "2020-01-01T00:00:00Z";
    for (body, status) in [
        (json!({ "name": "a", "scopes": [] }), 400),
        (json!({ "name": "a", "scopes": ["devices:admin"] }), 400),
        (json!({ "name": "", "scopes": ["devices:read"] }), 400),
        (
            json!({ "name": "\u{1b}[2J", "scopes": ["devices:read"] }),
            400,
        ),
        (
            json!({ "name": "a", "scopes": ["devices:read"], "expires_at": long_ago }),
            400,
        ),
        (
            json!({ "name": "a", "scopes": ["devices:read"], "networks": ["10.0.0.0/33"] }),
            400,
        ),
        (
            json!({ "name": "a", "scopes": ["devices:read"], "role": "super_admin" }),
            403,
        ),
        (
            json!({ "name": "a", "scopes": ["devices:read"], "x": 1 }),
            400,
        ),
    ] {
        let refused = office
            .app
            .post(&office.ana, &office.keys(), body.clone())
            .await;
        assert_eq!(refused.status.as_u16(), status, "{body}: {refused}");
    }
    office
        .create(json!({ "name": "ci", "scopes": ["devices:read"] }))
        .await;
    let again = json!({ "name": "ci", "scopes": ["devices:read"] });
    let refused = office.app.post(&office.ana, &office.keys(), again).await;
    refused.refused(409);
}

#[tokio::test]
async fn a_key_is_good_only_where_it_may_be_used_from() {
    let office = Office::new().await;
    let make = async |name: &str, network: &str| {
        let body = json!({ "name": name, "scopes": ["devices:read"], "networks": [network] });
        office.create(body).await.secret
    };

    let here = make("here", "127.0.0.0/8").await;
    let there = make("there", "10.0.0.0/8").await;

    office.whoami(&here).await.ok::<Me>();
    let refused = office.whoami(&there).await;
    let unknown = office.whoami("mktp_nothing").await;
    assert_eq!(refused.refused(401).message, unknown.refused(401).message);
}

/// The key of a super administrator stays in the tenant that it was made for.
#[tokio::test]
async fn a_key_does_not_leave_its_tenant() {
    let app = TestApp::new().await;
    let (ours, theirs) = (app.tenant("ours").await, app.tenant("theirs").await);
    let root = app.person(None, Role::SuperAdmin).await;
    let body = json!({ "name": "ci", "scopes": ["devices:read"] });
    let made: NewApiKey = app
        .post(&root, &format!("/api/tenants/{ours}/api-keys"), body)
        .await
        .ok();
    assert_eq!(made.key.role, Role::Admin);

    let devices = |tenant| format!("/api/tenants/{tenant}/devices");
    let secret = Some(&*made.secret);
    let there = app.send(secret, "GET", &devices(theirs), None).await;
    there.refused(404);
    let here: Page<Device> = app.send(secret, "GET", &devices(ours), None).await.ok();
    assert_eq!(here.total, 0);
}

#[tokio::test]
async fn who_guesses_keys_is_slowed_down() {
    let office = Office::new().await;
    let made = office
        .create(json!({ "name": "ci", "scopes": ["devices:read"] }))
        .await;
    office.whoami(&made.secret).await.ok::<Me>();

    let mut statuses = Vec::new();
    for n in 0..40 {
        let answer = office.whoami(&format!("mktp_{n}")).await;
        statuses.push(answer.status.as_u16());
    }

    assert_eq!(statuses.first(), Some(&401));
    assert_eq!(statuses.last(), Some(&429));
    // Who is known is not in the way of it.
    office.whoami(&made.secret).await.ok::<Me>();
}
