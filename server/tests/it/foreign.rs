//! Another tenant's things in every place that can name one: the answer is that for a thing which
//! never was.
//!
//! `table.rs` says for each operation which of its fields can name a thing, and with which texts. A
//! new operation, or a new field of one, that is not in the table fails here.

mod fields;
mod table;
pub(crate) mod things;
mod work;

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tod_proto::access::Grant;
use tod_proto::api::OPS;
use tod_proto::api::api_keys::NewApiKey;
use tod_proto::endpoint::{Carrier, Method, Role};
use tower::ServiceExt as _;

use self::table::{Place, Row, table};
use self::things::Things;
use crate::fake::SOON;
use crate::harness::TestApp;

#[test]
fn every_operation_and_each_of_its_fields_is_in_the_table() {
    let rows = table();
    let named: Vec<_> = rows.iter().map(|row| row.op.name).collect();
    let unique: BTreeSet<_> = named.iter().copied().collect();
    let declared: BTreeSet<_> = OPS.iter().map(|op| op.name).collect();

    assert_eq!(unique, declared, "each operation has a row in table.rs");
    assert_eq!(named.len(), unique.len(), "and no second one");
    for row in &rows {
        let placed = row.placed();
        for field in &row.fields {
            assert!(
                placed.contains(field),
                "{}: can `{field}` name a thing? say so in table.rs",
                row.op.name
            );
        }
        for field in &placed {
            assert!(
                row.fields.contains(field),
                "{}: there is no field `{field}`",
                row.op.name
            );
        }
    }
}

#[tokio::test]
async fn another_tenants_things_answer_like_things_that_never_were() {
    let scene = Scene::new().await;
    let before = scene.theirs().await;

    let (mut asked, mut different) = (0, Vec::new());
    for row in table() {
        for place in &row.places {
            let (count, found) = scene.compare(&row, place).await;
            asked += count;
            different.extend(found);
        }
    }

    assert!(different.is_empty(), "{}", different.join("\n"));
    assert!(asked > 200, "{asked}");
    assert_eq!(scene.theirs().await, before, "nothing is left with them");
}

/// The same comparison does find one's own things: otherwise it would find nothing at all.
#[tokio::test]
async fn the_comparison_tells_ones_own_things_from_things_that_never_were() {
    let mut scene = Scene::new().await;
    scene.foreign = scene.own.clone();
    let told = async |name: &str, text: &str| {
        let rows = table();
        let row = rows.iter().find(|row| row.op.name == name).unwrap();
        let wanted = |place: &&Place| place.texts().contains(&text);
        let place = row.places.iter().find(wanted).unwrap();
        let [own, unknown] = scene.both(row, place, text, &scene.tokens[0]).await;
        own != unknown
    };

    assert!(told("device.show", "{device}").await);
    assert!(told("device.list", "name={name}").await);
    assert!(told("device.list", "{device}").await);
    assert!(told("audit.list", "{user}").await);
    assert!(told("run.start", "{name}").await);
    assert!(told("user.invite", "{email}").await);
    assert!(told("apikey.revoke", "{apikey}").await);
    assert!(told("change.list", "{device}").await);
    assert!(told("event.list", "{device}").await);
    assert!(told("kms.log", "{user}").await);
}

/// Tickets of terminals are shown at the socket's door, where nobody is signed in.
#[tokio::test]
async fn another_tenants_ticket_and_relay_answer_like_none_at_the_door() {
    let scene = Scene::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (app, stop) = (scene.app.app.clone(), scene.app.app.supervisor.stop());
    let supervisor = scene.app.app.supervisor.clone();
    supervisor.spawn(
        "server",
        async move { app.serve(listener, None, stop).await },
    );
    let knock = async |end: &str, relay: &str, ticket: &str| {
        let url = format!("ws://{address}/api/relays/{relay}/{end}?ticket={ticket}");
        match tokio_tungstenite::connect_async(url).await {
            Ok(_) => panic!("{end}: let in"),
            Err(tokio_tungstenite::tungstenite::Error::Http(refused)) => {
                let body = refused.body().clone().unwrap_or_default();
                let body = serde_json::from_slice(&body).unwrap_or_default();
                (refused.status(), without_request(body))
            }
            Err(other) => panic!("{end}: {other}"),
        }
    };

    let (foreign, unknown) = (&scene.foreign, &scene.unknown);
    for end in ["terminal", "dial"] {
        let theirs = knock(end, foreign.get("relay"), unknown.get("ticket")).await;
        let none = knock(end, unknown.get("relay"), unknown.get("ticket")).await;
        let crossed = knock(end, unknown.get("relay"), foreign.get("ticket")).await;
        assert_eq!(theirs, none, "{end}");
        assert_eq!(crossed, none, "{end}");
    }
}

/// Somebody who has an account with another tenant is invited, listed and removed like anybody.
#[tokio::test]
async fn an_invitation_does_not_tell_that_somebody_has_an_account_elsewhere() {
    let scene = Scene::new().await;
    let (app, boss) = (&scene.app, &scene.boss);
    let users = format!("/api/tenants/{}/users", scene.ours);
    let email = scene.foreign.get("email");
    let invite = async |email: &str| {
        let body = json!({ "email": email, "name": "X", "role": "viewer" });
        let answer = app.post(boss, &users, body).await;
        (answer.status, shape(&answer.ok::<Value>()))
    };

    assert_eq!(invite(email).await, invite("nobody@example.net").await);
    // Again, with another capital letter: the invitation is renewed, as for anybody.
    let shouted = email.to_uppercase();
    assert_eq!(invite(&shouted).await, invite("NOBODY@example.net").await);

    let before = scene.theirs().await;
    let listed: Value = app.get(boss, &users).await.ok();
    let invited = listed["items"].as_array().unwrap().iter();
    let id = invited
        .filter(|user| user["email"] == email)
        .map(|user| user["id"].as_str().unwrap().to_owned())
        .next()
        .unwrap();
    let removed = app.delete(boss, &format!("{users}/{id}")).await;
    assert_eq!(removed.status, 200, "{removed}");
    assert_eq!(
        scene.theirs().await,
        before,
        "the person elsewhere is as before"
    );
    let mut conn = app.superuser().await;
    let still: bool = sqlx::query_scalar("select claimed from users where email = $1")
        .bind(email)
        .fetch_one(&mut conn)
        .await
        .unwrap();
    assert!(still);
}

/// Two tenants, ours asking, and things of theirs.
struct Scene {
    app: TestApp,
    ours: tod_proto::id::TenantId,
    boss: crate::harness::Person,
    tokens: Vec<String>,
    own: Things,
    foreign: Things,
    unknown: Things,
    theirs: tod_proto::id::TenantId,
}

/// What a request was answered with.
#[derive(Debug, PartialEq)]
struct Said {
    status: StatusCode,
    headers: BTreeMap<String, String>,
    body: Value,
}

impl Scene {
    async fn new() -> Self {
        let app = TestApp::new().await;
        let (ours, theirs) = (app.tenant("ours").await, app.tenant("theirs").await);
        let boss = app.member(ours, Role::Admin).await;
        let own = Things::of(&app, ours, "own").await;
        let foreign = Things::of(&app, theirs, "m-theirs").await;
        let unknown = Things::unknown(&foreign);
        let scopes: Vec<_> = Grant::all().collect();
        let body = json!({ "name": "everything", "scopes": scopes });
        let keys = format!("/api/tenants/{ours}/api-keys");
        let key: NewApiKey = app.post(&boss, &keys, body).await.ok();
        Self {
            tokens: vec![boss.token.clone(), key.secret],
            app,
            ours,
            boss,
            own,
            foreign,
            unknown,
            theirs,
        }
    }

    /// What the other tenant has: a change of any of it would be a trace.
    async fn theirs(&self) -> Vec<(String, i64, Option<String>)> {
        let mut conn = self.app.superuser().await;
        let mut all = Vec::new();
        for table in [
            "audit_log",
            "key_uses",
            "events",
            "devices",
            "users",
            "api_keys",
            "relays",
            "changes",
            "runs",
            "device_state",
        ] {
            let sql = format!(
                "select count(*), md5(string_agg(t::text, '' order by t::text))
                 from {table} t where tenant_id = $1"
            );
            let (count, text): (i64, Option<String>) = sqlx::query_as(sqlx::AssertSqlSafe(sql))
                .bind(self.theirs.0)
                .fetch_one(&mut conn)
                .await
                .unwrap();
            all.push((table.to_owned(), count, text));
        }
        all
    }

    /// How often was asked with the texts of a place, and what was answered differently.
    async fn compare(&self, row: &Row, place: &Place) -> (usize, Vec<String>) {
        let texts = place.texts().iter();
        let cases: Vec<_> = texts
            .flat_map(|text| self.tokens.iter().map(move |token| (*text, token)))
            .collect();
        let mut different = Vec::new();
        for (text, token) in &cases {
            let [foreign, unknown] = self.both(row, place, text, token).await;
            if foreign != unknown {
                different.push(format!(
                    "{} {place:?} `{text}`:\n  foreign {foreign:?}\n  unknown {unknown:?}",
                    row.op.name
                ));
            }
        }
        (cases.len(), different)
    }

    async fn both(&self, row: &Row, place: &Place, text: &str, token: &str) -> [Said; 2] {
        let foreign = self.ask(row, place, text, token, &self.foreign).await;
        let unknown = self.ask(row, place, text, token, &self.unknown).await;
        [foreign, unknown]
    }

    /// Asks with one of `things` in one place, and our own things in all others.
    async fn ask(
        &self,
        row: &Row,
        place: &Place,
        text: &str,
        token: &str,
        things: &Things,
    ) -> Said {
        let request = self.request(row, place, text, token, things);
        let said = self.said(request, row).await;
        if row.makes {
            self.take_back().await;
        }
        said
    }

    fn request(
        &self,
        row: &Row,
        place: &Place,
        text: &str,
        token: &str,
        things: &Things,
    ) -> Request<Body> {
        let text = things.fill(text);
        let mut path = row.op.path.to_owned();
        if let Place::Path(placeholder, _) = place {
            path = path.replace(placeholder, &text);
        }
        let path = self.own.fill(&path);
        let mut query = row.query.clone();
        let mut body = row.body.clone();
        let mut request = Request::builder().method(row.op.method.as_str());
        match place {
            Place::Path(..) => {}
            Place::Query(field, _) => query.push((*field, text)),
            Place::Body(field, _) => body[*field] = Value::String(text),
            Place::Resume(_) => request = request.header("last-event-id", text),
        }
        let query = serde_urlencoded::to_string(&query).unwrap();
        request = request
            .uri(format!("{path}?{query}"))
            .header("authorization", format!("Bearer {token}"));
        let body = match row.op.method {
            Method::Get | Method::Delete => String::new(),
            Method::Post | Method::Patch => self.own.fill(&body.to_string()),
        };
        request.body(Body::from(body)).unwrap()
    }

    /// The answer, without the names of what was asked for, which it may repeat.
    async fn said(&self, request: Request<Body>, row: &Row) -> Said {
        let response = self.app.router().oneshot(request).await.unwrap();
        let (parts, mut body) = response.into_parts();
        let is_feed = row.op.carrier == Carrier::Events && parts.status.is_success();
        let text = if is_feed {
            // What is there at once: a feed has no end.
            let mut text = Vec::new();
            let quiet = std::time::Duration::from_millis(50);
            while let Ok(Some(Ok(frame))) = tokio::time::timeout(quiet, body.frame()).await {
                text.extend_from_slice(&frame.into_data().unwrap_or_default());
            }
            text
        } else {
            let all = tokio::time::timeout(SOON, body.collect()).await.unwrap();
            all.unwrap().to_bytes().to_vec()
        };
        let text = self.blank(&String::from_utf8_lossy(&text));
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        let body = if row.makes && parts.status.is_success() {
            shape(&body)
        } else {
            without_request(body)
        };
        Said {
            status: parts.status,
            headers: self.headers(&parts.headers, row.makes),
            body,
        }
    }

    /// Headers, but for those that differ with each request.
    fn headers(&self, headers: &HeaderMap, makes: bool) -> BTreeMap<String, String> {
        let telling = headers.iter().filter(|(name, _)| {
            let differs = ["x-request-id", "date"].contains(&name.as_str());
            let counts = makes && *name == http::header::CONTENT_LENGTH;
            !differs && !counts
        });
        telling
            .map(|(name, value)| {
                let value = self.blank(&String::from_utf8_lossy(value.as_bytes()));
                (name.to_string(), value)
            })
            .collect()
    }

    fn blank(&self, text: &str) -> String {
        self.unknown.blank(&self.foreign.blank(text))
    }

    /// Takes back what a request made, so that the next one finds what this one found.
    async fn take_back(&self) {
        let (ours, own) = (self.ours.0, &self.own);
        let sql = format!(
            "delete from devices where tenant_id = '{ours}' and username = 'made';
             update devices set name = '{name}', address = '{address}'
             where tenant_id = '{ours}';
             delete from users where tenant_id = '{ours}' and enrolled_at is null;
             delete from api_keys where tenant_id = '{ours}' and name not in ('{key}', 'everything')",
            name = own.get("name"),
            address = own.get("address"),
            key = own.get("key_name"),
        );
        let mut conn = self.app.superuser().await;
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
            .execute(&mut conn)
            .await
            .unwrap();
    }
}

fn without_request(mut body: Value) -> Value {
    if let Some(fields) = body.as_object_mut() {
        fields.remove("request_id");
    }
    body
}

/// Which fields there are, and of what kind: what was made anew differs in the rest.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), shape(value)))
            .collect(),
        Value::Array(items) => items.iter().map(shape).collect(),
        Value::String(_) => json!("text"),
        Value::Number(_) => json!(0),
        other => other.clone(),
    }
}
