//! A server on a database of its own, reached as clients reach it.
//!
//! It signs in to PostgreSQL as `tod_app` and `tod_system`, as production does: a superuser is
//! exempt from row security and grants, so a test on such a connection says nothing about either.

mod cluster;
mod contract;
mod person;

use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use jiff_sqlx::ToSqlx as _;
use serde::de::DeserializeOwned;
use sqlx::PgConnection;
use tod_proto::endpoint::Role;
use tod_proto::error::ErrorBody;
use tod_proto::id::{SessionId, TenantId, UserId};
use tod_server::api::App;
use tod_server::auth::signing;
use tod_server::door::Door;
use tod_server::kms::transit::Transit;
use tod_server::kms::{Keys, MasterKey};
use tod_server::startup::{self, Config, Policy, Shared};
use tod_service::bus::Bus;
use tod_service::clock::{Clock, Hands};
use tod_service::health::Health;
use tod_service::supervisor::Supervisor;
use tower::ServiceExt as _;

pub(crate) use self::cluster::Database;
pub(crate) use self::person::{ByHand, client};

/// A server and what a test needs to look behind it.
pub(crate) struct TestApp {
    pub(crate) app: App,
    pub(crate) hands: Hands,
    pub(crate) bus: Bus,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) db: Database,
    keys: Keys,
    router: Router,
}

/// A signed-in person of a test.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) email: String,
    pub(crate) token: String,
}

/// A tenant with an administrator.
pub(crate) struct Office {
    pub(crate) app: TestApp,
    pub(crate) tenant: TenantId,
    pub(crate) ana: Person,
}

impl Office {
    pub(crate) async fn new() -> Self {
        let app = TestApp::new().await;
        let tenant = app.tenant("acme").await;
        let ana = app.member(tenant, Role::Admin).await;
        Self { app, tenant, ana }
    }
}

/// What the server said.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: String,
}

impl TestApp {
    pub(crate) async fn new() -> Self {
        Self::with_clock(Clock::system().now()).await
    }

    /// A server whose clock stands at `start` until the test moves its hands.
    pub(crate) async fn with_clock(start: jiff::Timestamp) -> Self {
        let keys = Keys::Local(MasterKey::from_bytes([42; 32]));
        Self::on(Database::create().await, keys, start, Policy::default()).await
    }

    /// A server that is told what is usual and what is allowed.
    pub(crate) async fn with_policy(policy: Policy) -> Self {
        let keys = Keys::Local(MasterKey::from_bytes([42; 32]));
        let start = Clock::system().now();
        Self::on(Database::create().await, keys, start, policy).await
    }

    /// A server whose keys OpenBao wraps.
    pub(crate) async fn over(transit: Transit) -> Self {
        let db = Database::create().await;
        let keys = startup::unlock(transit, &db.options("tod_system")).await;
        let start = Clock::system().now();
        Self::on(db, keys.unwrap(), start, Policy::default()).await
    }

    async fn on(db: Database, keys: Keys, start: jiff::Timestamp, policy: Policy) -> Self {
        // What the server logs is shown with a test that fails.
        let subscriber = tracing_subscriber::fmt()
            .with_test_writer()
            .with_ansi(false);
        drop(subscriber.try_init());
        let dir = tempfile::tempdir().unwrap();
        let (clock, hands) = Clock::settable(start);
        let bus = Bus::in_process();
        let shared = Shared {
            bus: bus.clone(),
            clock,
            health: Health::new(),
            supervisor: Supervisor::new(),
        };
        let mut config = config(&db, dir.path(), keys.clone());
        config.policy = policy;
        let app = startup::build(config, shared).unwrap();
        app.prepare().await.unwrap();
        Self {
            router: contract::watched(app.router()),
            app,
            hands,
            bus,
            dir,
            db,
            keys,
        }
    }

    /// Another server on the same database, bus and clock.
    pub(crate) fn replica(&self) -> App {
        self.replica_with(|_| {})
    }

    /// Another server that is told something else.
    pub(crate) fn replica_with(&self, change: impl FnOnce(&mut Config)) -> App {
        let mut config = config(&self.db, self.dir.path(), self.keys.clone());
        change(&mut config);
        let shared = Shared {
            supervisor: Supervisor::new(),
            ..self.shared()
        };
        startup::build(config, shared).unwrap()
    }

    /// What a server of a test shares with this one.
    pub(crate) fn shared(&self) -> Shared {
        Shared {
            bus: self.bus.clone(),
            clock: self.app.clock.clone(),
            health: Health::new(),
            supervisor: self.app.supervisor.clone(),
        }
    }

    pub(crate) fn router(&self) -> Router {
        self.router.clone()
    }

    /// Makes a tenant.
    pub(crate) async fn tenant(&self, name: &str) -> TenantId {
        let id = TenantId::generate();
        let now = self.app.clock.now();
        let key = self.app.kms.first_key(&self.app.db, id, now).await.unwrap();
        let mut tx = self.app.db.system("arrange a test").await.unwrap();
        sqlx::query("insert into tenants (id, name, created_at) values ($1, $2, $3)")
            .bind(id.0)
            .bind(name)
            .bind(now.to_sqlx())
            .execute(&mut *tx)
            .await
            .unwrap();
        let stored = self.app.kms.store_key(&mut tx, &key, now).await.unwrap();
        assert!(stored);
        tx.commit().await.unwrap();
        id
    }

    /// Makes a person with a session, as if they had enrolled and signed in.
    pub(crate) async fn person(&self, tenant: Option<TenantId>, role: Role) -> Person {
        let (user, session) = (UserId::generate(), SessionId::generate());
        let email = format!("{role}-{}@example.net", user.0.simple());
        let now = self.app.clock.now();
        let ends = now + std::time::Duration::from_hours(7 * 24);
        let mut tx = self.app.db.system("arrange a test").await.unwrap();
        sqlx::query(
            "insert into users (id, tenant_id, email, name, role, enrolled_at, claimed, created_at)
             values ($1, $2, $3, 'Test', $4, $5, true, $5)",
        )
        .bind(user.0)
        .bind(tenant.map(|tenant| tenant.0))
        .bind(&email)
        .bind(role.as_str())
        .bind(now.to_sqlx())
        .execute(&mut *tx)
        .await
        .unwrap();
        sqlx::query(
            "insert into sign_in_sessions
                 (id, user_id, label, created_at, last_used_at, expires_at)
             values ($1, $2, 'a test', $3, $3, $4)",
        )
        .bind(session.0)
        .bind(user.0)
        .bind(now.to_sqlx())
        .bind(ends.to_sqlx())
        .execute(&mut *tx)
        .await
        .unwrap();
        tx.commit().await.unwrap();
        let (token, _) = signing::sign(&self.app, session, user).await.unwrap();
        Person {
            user,
            session,
            email,
            token,
        }
    }

    /// A member of a tenant with this role.
    pub(crate) async fn member(&self, tenant: TenantId, role: Role) -> Person {
        self.person(Some(tenant), role).await
    }

    pub(crate) async fn get(&self, who: &Person, path: &str) -> Answer {
        self.send(Some(&who.token), "GET", path, None).await
    }

    pub(crate) async fn post(&self, who: &Person, path: &str, body: serde_json::Value) -> Answer {
        self.send(Some(&who.token), "POST", path, Some(body)).await
    }

    pub(crate) async fn patch(&self, who: &Person, path: &str, body: serde_json::Value) -> Answer {
        self.send(Some(&who.token), "PATCH", path, Some(body)).await
    }

    pub(crate) async fn delete(&self, who: &Person, path: &str) -> Answer {
        self.send(Some(&who.token), "DELETE", path, None).await
    }

    pub(crate) async fn send(
        &self,
        token: Option<&str>,
        method: &str,
        path: &str,
        body: Option<serde_json::Value>,
    ) -> Answer {
        send(self.router(), token, method, path, body).await
    }

    /// A superuser's connection: for arranging, and for looking behind the walls.
    pub(crate) async fn superuser(&self) -> PgConnection {
        self.db.superuser().await
    }
}

/// Sends one request to a router in this process: no socket, no port.
pub(crate) async fn send(
    router: Router,
    token: Option<&str>,
    method: &str,
    path: &str,
    body: Option<serde_json::Value>,
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let body = body.map_or_else(String::new, |body| body.to_string());
    answer(router, request.body(Body::from(body)).unwrap()).await
}

/// What a router answers to a request.
pub(crate) async fn answer(router: Router, request: Request<Body>) -> Answer {
    let response = router.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

fn config(db: &Database, dir: &std::path::Path, keys: Keys) -> Config {
    Config {
        database_app: db.options("tod_app"),
        database_system: db.options("tod_system"),
        database_connections: 4,
        keys,
        setup_token: dir.join("setup-token"),
        base_url: "http://127.0.0.1:1".to_owned(),
        platform_audit_days: Some(30),
        certificate_pin: None,
        certificate: tokio::sync::watch::channel(None).1,
        door: Door::default(),
        policy: Policy::default(),
    }
}

impl Answer {
    /// The body of a success.
    #[track_caller]
    pub(crate) fn ok<T: DeserializeOwned>(&self) -> T {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        serde_json::from_str(&self.body).unwrap()
    }

    /// The body of a refusal with this status.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16) -> ErrorBody {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        serde_json::from_str(&self.body).unwrap()
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n{}", self.status, self.body)
    }
}
