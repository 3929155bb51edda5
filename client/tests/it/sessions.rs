//! Tokens: refreshed once, judged by the server's clock, shared between processes.

use std::path::Path;
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use tod_client::Client;
use tod_client::Error;
use tod_client::auth::Grant;
use tod_client::clock::Clock;
use tod_client::store::{AskPassphrase, Kind, Lock, Store, StoreError, TokenStore};
use tod_client::stub::Stub;
use tod_proto::api::account::{Refresh, SignOut, Tokens};
use tod_proto::api::tenants::List;
use tod_proto::error::ErrorCode;
use tod_proto::id::SessionId;
use tod_proto::page::Empty;

use crate::calls::{none, refusal};

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Tokens that the server gave at noon, by its clock.
fn tokens(access: &str) -> Tokens {
    Tokens {
        session: SessionId::generate(),
        access_token: access.to_owned(),
        access_expires: time("2026-01-01T12:15:00Z"),
        refresh_token: format!("r-{access}"),
        refresh_expires: time("2026-01-08T12:00:00Z"),
        server_time: time("2026-01-01T12:00:00Z"),
    }
}

fn store(dir: &Path) -> Arc<Store> {
    let ask: AskPassphrase = Arc::new(|_| Err(StoreError::NoPassphrase));
    Arc::new(Store::open(Kind::Insecure, dir, "prod", ask))
}

fn client(stub: &Stub, store: &Arc<Store>, now: &Arc<Mutex<Timestamp>>) -> Client {
    let now = Arc::clone(now);
    let clock = Clock::of(move || *now.lock().unwrap());
    Client::new(stub.clone()).with_store(Arc::<Store>::clone(store), clock)
}

async fn list(client: &Client) -> Result<(), Error> {
    let answer = client.call(List, Empty {}, Empty {}, Empty {}).await;
    answer.map(|_| ())
}

fn count(stub: &Stub, op: &str) -> usize {
    stub.calls().iter().filter(|call| call.op == op).count()
}

#[tokio::test]
async fn many_callers_share_one_refresh() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let then = time("2026-01-01T12:00:00Z");
    store.save(Some(&Grant::new(tokens("old"), then))).unwrap();
    let now = Arc::new(Mutex::new(time("2026-01-01T12:14:45Z")));
    let mut fresh = tokens("new");
    fresh.access_expires = time("2026-01-01T12:29:45Z");
    fresh.server_time = time("2026-01-01T12:14:45Z");
    let stub = Stub::default()
        .answer(Refresh, Ok(fresh))
        .answer(List, Ok(none()));
    // Two processes, ten calls each.
    let (one, two) = (client(&stub, &store, &now), client(&stub, &store, &now));

    let calls = (0..20).map(|n| {
        let client = if n % 2 == 0 { one.clone() } else { two.clone() };
        async move { list(&client).await }
    });
    let answers = join_all(calls).await;

    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(count(&stub, "account.refresh"), 1);
    assert_eq!(count(&stub, "tenant.list"), 20);
    let used: Vec<_> = stub
        .calls()
        .into_iter()
        .filter_map(|call| call.token)
        .collect();
    assert!(used.iter().all(|token| token == "new"), "{used:?}");
}

#[tokio::test]
async fn a_machine_with_a_wrong_clock_knows_when_its_token_ends() {
    for skew_hours in [-48, 0, 48] {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let skew = SignedDuration::from_hours(skew_hours);
        let noon = time("2026-01-01T12:00:00Z") + skew;
        store.save(Some(&Grant::new(tokens("good"), noon))).unwrap();
        let now = Arc::new(Mutex::new(noon + SignedDuration::from_mins(14)));
        let stub = Stub::default()
            .answer(List, Ok(none()))
            .answer(Refresh, Err(refusal(ErrorCode::Internal)));
        let client = client(&stub, &store, &now);

        list(&client).await.unwrap();
        assert_eq!(count(&stub, "account.refresh"), 0, "{skew_hours}");

        *now.lock().unwrap() = noon + SignedDuration::from_mins(15);
        drop(list(&client).await);
        assert_eq!(count(&stub, "account.refresh"), 1, "{skew_hours}");
    }
}

#[tokio::test]
async fn a_session_that_was_ended_elsewhere_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let noon = time("2026-01-01T12:00:00Z");
    store
        .save(Some(&Grant::new(tokens("revoked"), noon)))
        .unwrap();
    let stub = Stub::default()
        .answer(List, Err(refusal(ErrorCode::Unauthenticated)))
        .answer(Refresh, Err(refusal(ErrorCode::Unauthenticated)));
    let client = client(&stub, &store, &Arc::new(Mutex::new(noon)));

    assert!(matches!(list(&client).await, Err(Error::SessionEnded)));
    assert!(store.load().unwrap().is_none());
    assert!(matches!(list(&client).await, Err(Error::SignedOut)));
}

#[tokio::test]
async fn signing_out_forgets_the_session_even_if_the_server_is_away() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let noon = time("2026-01-01T12:00:00Z");
    store.save(Some(&Grant::new(tokens("x"), noon))).unwrap();
    let away = client(&Stub::default(), &store, &Arc::new(Mutex::new(noon)));

    assert!(away.sign_out().await.is_err());
    assert!(store.load().unwrap().is_none());

    store.save(Some(&Grant::new(tokens("y"), noon))).unwrap();
    let stub = Stub::default().answer(SignOut, Ok(Empty {}));
    let there = client(&stub, &store, &Arc::new(Mutex::new(noon)));
    assert!(there.sign_out().await.unwrap());
    assert!(!there.sign_out().await.unwrap());
    assert_eq!(stub.calls()[0].body["refresh_token"], "r-y");
}

/// The tokens that are kept would be used up, and the session with them.
#[tokio::test]
async fn what_could_not_be_kept_is_not_fetched() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let then = time("2026-01-01T12:00:00Z");
    store.save(Some(&Grant::new(tokens("old"), then))).unwrap();
    let now = Arc::new(Mutex::new(time("2026-01-01T13:00:00Z")));
    let stub = Stub::default()
        .answer(Refresh, Ok(tokens("new")))
        .answer(List, Ok(none()));
    let full = Arc::new(Full(Arc::clone(&store)));
    let clock = {
        let now = Arc::clone(&now);
        Clock::of(move || *now.lock().unwrap())
    };
    let client = Client::new(stub.clone()).with_store(full, clock);

    let refused = list(&client).await;

    assert!(matches!(refused, Err(Error::Store(_))), "{refused:?}");
    assert_eq!(count(&stub, "account.refresh"), 0);
    let kept = store.load().unwrap().unwrap();
    assert_eq!(kept.tokens.refresh_token, "r-old");
}

/// A store on a disk that is full.
struct Full(Arc<Store>);

impl TokenStore for Full {
    fn load(&self) -> Result<Option<Grant>, StoreError> {
        self.0.load()
    }

    fn save(&self, _: Option<&Grant>) -> Result<(), StoreError> {
        Err(StoreError::Broken("no space left".to_owned()))
    }

    fn lock(&self) -> Result<Lock, StoreError> {
        self.0.lock()
    }
}
