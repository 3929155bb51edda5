//! Terminals: a client's socket joined with one that a poller dialled.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tod_proto::api::events::Event;
use tod_proto::api::relays::{RelayControl, Ticket};
use tod_proto::bus::task::{Report, Task, TaskFailure, What};
use tod_proto::error::ErrorCode;
use tod_proto::id::DeviceId;
use tod_proto::page::Page;
use tod_proto::untrusted::Untrusted;
use tod_server::startup::Policy;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::fake::{Poller, SOON, Stage, eventually};
use crate::harness::TestApp;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

struct Scene {
    stage: Stage,
    address: SocketAddr,
    device: DeviceId,
    poller: Poller,
}

impl Scene {
    /// A server that listens, and a poller that dials and echoes.
    async fn new() -> Self {
        Self::told(Policy::default()).await
    }

    /// The same server, told what is allowed.
    async fn told(policy: Policy) -> Self {
        let at = Arc::new(OnceLock::new());
        let answering = Arc::clone(&at);
        let answer = move |task| {
            let at = Arc::clone(&answering);
            async move { dial(&task, *at.get().unwrap()) }
        };
        let stage = Stage::on(TestApp::with_policy(policy).await).await;
        Self::on(stage, at, answer).await
    }

    async fn with<F, Fut>(at: Arc<OnceLock<SocketAddr>>, answer: F) -> Self
    where
        F: Fn(Task) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Report> + Send,
    {
        Self::on(Stage::new().await, at, answer).await
    }

    async fn on<F, Fut>(stage: Stage, at: Arc<OnceLock<SocketAddr>>, answer: F) -> Self
    where
        F: Fn(Task) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Report> + Send,
    {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        at.set(address).unwrap();
        let (app, stop) = (stage.app.app.clone(), stage.app.app.supervisor.stop());
        let supervisor = stage.app.app.supervisor.clone();
        supervisor.spawn(
            "server",
            async move { app.serve(listener, None, stop).await },
        );
        let device = stage.add("edge", "10.0.0.1").await;
        let poller = Poller::new(&stage.app.bus, answer);
        poller.lease(&[]).await;
        Self {
            stage,
            address,
            device,
            poller,
        }
    }

    async fn ticket(&self) -> Ticket {
        let path = self.stage.path(&format!("devices/{}/relays", self.device));
        let body = json!({ "kind": "shell", "term": "xterm", "cols": 80, "rows": 24 });
        self.stage.app.post(&self.stage.ana, &path, body).await.ok()
    }

    async fn connect(&self, ticket: &Ticket) -> Option<Socket> {
        let Ticket { relay, ticket, .. } = ticket;
        let url = format!(
            "ws://{}/api/relays/{relay}/terminal?ticket={ticket}",
            self.address
        );
        connect_async(url).await.ok().map(|(socket, _)| socket)
    }

    async fn kinds(&self) -> Vec<String> {
        let events: Page<Event> = self
            .stage
            .app
            .get(&self.stage.ana, &self.stage.path("events?kind=session"))
            .await
            .ok();
        events.items.into_iter().map(|event| event.kind).collect()
    }
}

/// Dials back as a poller does, and echoes until the client has said all.
fn dial(task: &Task, address: SocketAddr) -> Report {
    let What::Relay { relay, ticket, .. } = &task.what else {
        panic!("{task:?}");
    };
    let url = format!("ws://{address}/api/relays/{relay}/dial?ticket={ticket}");
    #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
    drop(tokio::spawn(async move {
        let (mut socket, _) = connect_async(url).await.unwrap();
        socket.send(control(&RelayControl::Opened)).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            match message {
                Message::Binary(bytes) => socket.send(Message::Binary(bytes)).await.unwrap(),
                Message::Text(_) => {
                    socket
                        .send(control(&RelayControl::Exit { status: 3 }))
                        .await
                        .unwrap();
                    socket.close(None).await.unwrap();
                }
                _ => {}
            }
        }
    }));
    Report::Dialling
}

fn control(control: &RelayControl) -> Message {
    Message::text(serde_json::to_string(control).unwrap())
}

/// The next message that a person's program would see.
async fn next(socket: &mut Socket) -> Option<Message> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
            Some(Ok(message)) => return Some(message),
        }
    }
}

#[tokio::test]
async fn bytes_and_signs_go_both_ways_and_the_end_is_told() {
    let scene = Scene::new().await;
    let ticket = scene.ticket().await;
    assert_eq!(ticket.username, "tod");

    let mut socket = scene.connect(&ticket).await.unwrap();
    assert_eq!(
        next(&mut socket).await,
        Some(control(&RelayControl::Opened))
    );
    for size in [1, 70_000] {
        let bytes = Message::binary(vec![0x1b; size]);
        socket.send(bytes.clone()).await.unwrap();
        assert_eq!(next(&mut socket).await, Some(bytes));
    }
    socket.send(control(&RelayControl::Eof)).await.unwrap();

    assert_eq!(
        next(&mut socket).await,
        Some(control(&RelayControl::Exit { status: 3 }))
    );
    assert_eq!(next(&mut socket).await, None);
    let kinds = eventually(async || {
        let kinds = scene.kinds().await;
        (kinds.len() == 2).then_some(kinds)
    })
    .await;
    assert_eq!(kinds, ["session.opened", "session.closed"]);
}

#[tokio::test]
async fn a_ticket_is_good_once_for_a_minute_and_for_its_relay() {
    let scene = Scene::new().await;
    let (used, old, other) = (
        scene.ticket().await,
        scene.ticket().await,
        scene.ticket().await,
    );

    assert!(scene.connect(&used).await.is_some());
    assert!(scene.connect(&used).await.is_none(), "used");
    let swapped = Ticket {
        relay: old.relay,
        ..other
    };
    assert!(scene.connect(&swapped).await.is_none(), "another relay's");
    scene.stage.app.hands.advance(Duration::from_secs(61));
    assert!(scene.connect(&old).await.is_none(), "too old");
    let mut conn = scene.stage.app.superuser().await;
    let kept: Vec<Vec<u8>> = sqlx::query_scalar("select ticket_hash from relays")
        .fetch_all(&mut conn)
        .await
        .unwrap();
    assert!(kept.iter().all(|hash| hex::encode(hash) != used.ticket));
}

#[tokio::test]
async fn a_session_that_cannot_be_opened_says_why() {
    let refusal = async |_| {
        Report::Failed(TaskFailure {
            code: ErrorCode::DeviceUnreachable,
            message: Untrusted::new("the host key is another one"),
            hint: Some("look who is there".to_owned()),
            may_have_changed: false,
        })
    };
    let scene = Scene::with(Arc::default(), refusal).await;
    let ticket = scene.ticket().await;

    let mut socket = scene.connect(&ticket).await.unwrap();
    let told = next(&mut socket).await;

    let failed = RelayControl::Failed {
        message: Untrusted::new("the host key is another one"),
        hint: Some("look who is there".to_owned()),
    };
    assert_eq!(told, Some(control(&failed)));
    assert_eq!(next(&mut socket).await, None);
}

#[tokio::test]
async fn a_pollers_ticket_is_good_once_and_a_client_that_leaves_ends_the_session() {
    let scene = Scene::new().await;
    let ticket = scene.ticket().await;
    let mut socket = scene.connect(&ticket).await.unwrap();
    assert_eq!(
        next(&mut socket).await,
        Some(control(&RelayControl::Opened))
    );

    let asked = scene.poller.asked();
    let What::Relay { relay, ticket, .. } = &asked[0].what else {
        panic!("{asked:?}");
    };
    let url = format!(
        "ws://{}/api/relays/{relay}/dial?ticket={ticket}",
        scene.address
    );
    assert!(connect_async(url).await.is_err());
    socket.close(None).await.unwrap();

    eventually(async || (scene.kinds().await.len() == 2).then_some(())).await;
}

#[tokio::test]
async fn without_a_poller_no_ticket_is_given() {
    let scene = Scene::new().await;
    scene.poller.leave().await;

    let path = scene
        .stage
        .path(&format!("devices/{}/relays", scene.device));
    let body = json!({ "kind": "exec", "command": "/export" });
    let refused = scene
        .stage
        .app
        .post(&scene.stage.ana, &path, body)
        .await
        .refused(502);

    assert_eq!(refused.code, ErrorCode::DeviceUnreachable);
}

#[tokio::test]
async fn a_session_ends_when_its_person_may_not_have_it_any_more() {
    let scene = Scene::new().await;
    let mut socket = scene.connect(&scene.ticket().await).await.unwrap();
    assert_eq!(
        next(&mut socket).await,
        Some(control(&RelayControl::Opened))
    );

    let mut tx = scene.stage.app.app.db.system("a test").await.unwrap();
    sqlx::query("update users set role = 'viewer' where id = $1")
        .bind(scene.stage.ana.user.0)
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();

    let told = tokio::time::timeout(Duration::from_secs(10), next(&mut socket)).await;
    let Some(Message::Text(told)) = told.unwrap() else {
        panic!("nothing is told");
    };
    assert!(told.contains("may not"), "{told}");
}

#[tokio::test]
async fn a_silent_session_ends_after_the_time_that_is_set() {
    let scene = Scene::told(Policy {
        terminal_idle: Duration::from_millis(500),
        ..Policy::default()
    })
    .await;
    let mut socket = scene.connect(&scene.ticket().await).await.unwrap();
    let opened = next(&mut socket).await;
    assert_eq!(opened, Some(control(&RelayControl::Opened)));
    let since = tokio::time::Instant::now();

    let told = tokio::time::timeout(SOON, next(&mut socket)).await;

    let Some(Message::Text(told)) = told.unwrap() else {
        panic!("nothing is told");
    };
    assert!(told.contains("nothing was typed or shown"), "{told}");
    assert!(since.elapsed() >= Duration::from_millis(400));
    assert_eq!(next(&mut socket).await, None);
}

#[tokio::test]
async fn nobody_opens_more_sessions_than_are_set() {
    let scene = Scene::told(Policy {
        terminals_per_person: 2,
        ..Policy::default()
    })
    .await;
    let mut one = scene.connect(&scene.ticket().await).await.unwrap();
    assert_eq!(next(&mut one).await, Some(control(&RelayControl::Opened)));
    let _two = scene.ticket().await;
    let path = scene
        .stage
        .path(&format!("devices/{}/relays", scene.device));
    let third = json!({ "kind": "exec", "command": "/export" });
    let ask = async || {
        let app = &scene.stage.app;
        app.post(&scene.stage.ana, &path, third.clone()).await
    };

    let refused = ask().await.refused(409);

    assert_eq!(refused.message, "you have 2 sessions open");
    // Whoever closes one may open another.
    one.close(None).await.unwrap();
    eventually(async || (ask().await.status == 200).then_some(())).await;
}

#[tokio::test]
async fn a_poller_in_the_same_process_dials_without_a_socket() {
    let scene = Scene::new().await;
    let stream = scene.stage.app.app.connect_in_process();

    // The ticket is none, so the answer is no; what counts is that it comes.
    let url = format!(
        "ws://inside/api/relays/{}/dial?ticket=x",
        tod_proto::id::RelayId::generate()
    );
    let refused = tokio_tungstenite::client_async(url, stream).await;

    let Err(tokio_tungstenite::tungstenite::Error::Http(answer)) = refused else {
        panic!("it was let in");
    };
    assert_eq!(answer.status(), 404);
}

#[tokio::test]
async fn a_ticket_of_one_server_is_redeemed_at_another_and_the_poller_dials_that_one() {
    let asking = Arc::new(OnceLock::new());
    let answering = Arc::clone(&asking);
    let mut scene = Scene::with(Arc::default(), move |task| {
        let at = Arc::clone(&answering);
        async move { dial(&task, *at.get().unwrap()) }
    })
    .await;
    let other = scene.stage.app.replica();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let elsewhere = listener.local_addr().unwrap();
    asking.set(elsewhere).unwrap();
    let (serving, stop) = (other.clone(), other.supervisor.stop());
    other.supervisor.spawn("another server", async move {
        serving.serve(listener, None, stop).await
    });

    let ticket = scene.ticket().await;
    let here = std::mem::replace(&mut scene.address, elsewhere);
    let mut socket = scene.connect(&ticket).await.unwrap();
    let said = Message::Binary(bytes::Bytes::from_static(b"/quit\r"));
    let opened = next(&mut socket).await;
    socket.send(said.clone()).await.unwrap();

    assert_eq!(opened, Some(control(&RelayControl::Opened)));
    assert_eq!(next(&mut socket).await, Some(said));
    // It was good once, wherever.
    scene.address = here;
    assert!(scene.connect(&ticket).await.is_none());
    other.supervisor.kill();
}

#[tokio::test]
async fn the_last_word_of_a_device_arrives_however_much_the_person_still_says() {
    let app = Arc::new(OnceLock::<tod_server::api::App>::new());
    let answering = Arc::clone(&app);
    let scene = Scene::with(Arc::default(), move |task| {
        let app = Arc::clone(&answering);
        async move { hurry(&task, app.get().unwrap().connect_in_process()) }
    })
    .await;
    assert!(app.set(scene.stage.app.app.clone()).is_ok());
    for _ in 0..10 {
        let ticket = scene.ticket().await;
        let (mut tx, mut rx) = scene.connect(&ticket).await.unwrap().split();
        let says = async {
            // It ends when the server has closed the socket.
            while tx.send(Message::binary(&b"x"[..])).await.is_ok() {
                tokio::task::yield_now().await;
            }
            std::future::pending::<()>().await;
        };
        let hears = async {
            let mut last = None;
            while let Some(Ok(message)) = rx.next().await {
                last = Some(message).filter(Message::is_text).or(last);
            }
            last
        };
        let last = tokio::select! {
            last = hears => last,
            () = says => None,
        };
        assert_eq!(last, Some(control(&RelayControl::Exit { status: 3 })));
    }
}

/// Dials back, says all at once and leaves without listening.
fn hurry(task: &Task, stream: tokio::io::DuplexStream) -> Report {
    let What::Relay { relay, ticket, .. } = &task.what else {
        panic!("{task:?}");
    };
    let url = format!("ws://inside/api/relays/{relay}/dial?ticket={ticket}");
    #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
    drop(tokio::spawn(async move {
        let dialled = tokio_tungstenite::client_async(url, stream).await;
        let (mut socket, _) = dialled.unwrap();
        for _ in 0..20 {
            let bytes = bytes::Bytes::from_static(&[7; 1000]);
            socket.send(Message::Binary(bytes)).await.unwrap();
        }
        let exit = control(&RelayControl::Exit { status: 3 });
        socket.send(exit).await.unwrap();
        socket.close(None).await.unwrap();
    }));
    Report::Dialling
}
