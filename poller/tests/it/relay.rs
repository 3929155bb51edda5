//! Terminals: SSH to a device on one side, a WebSocket that the poller dials on the other.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use russh::{Preferred, kex};
use tod_poller::startup::Limits;
use tod_proto::api::relays::{RelayControl, RelayKind};
use tod_proto::bus::task::{Report, What};
use tod_proto::id::{DeviceId, RelayId};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

use crate::fake::Fake;
use crate::harness::{Setup, World, record, within};
use crate::ssh::SshDoor;

mod lab;

/// The server's side of relays: a door that the poller dials.
struct Door {
    listener: TcpListener,
    address: SocketAddr,
}

impl Door {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self { listener, address }
    }

    /// Takes one WebSocket; returns what it asked for, too.
    async fn accept(&self) -> (String, Terminal) {
        let (stream, _) = within(self.listener.accept()).await.unwrap();
        let mut asked = String::new();
        #[expect(clippy::result_large_err, reason = "the library wants it so")]
        let look = |request: &Request, response: Response| {
            asked = request.uri().to_string();
            Ok(response)
        };
        let socket = tokio_tungstenite::accept_hdr_async(stream, look)
            .await
            .unwrap();
        (asked, Terminal(socket))
    }
}

/// What a person sees.
struct Terminal(WebSocketStream<TcpStream>);

impl Terminal {
    async fn control(&mut self) -> RelayControl {
        loop {
            match within(self.0.next()).await.unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Binary(bytes) => panic!("bytes: {bytes:?}"),
                _ => {}
            }
        }
    }

    /// Reads until the text has come.
    async fn read_until(&mut self, wanted: &str) -> String {
        let mut text = String::new();
        while !text.contains(wanted) {
            if let Message::Binary(bytes) = within(self.0.next()).await.unwrap().unwrap() {
                text.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
        text
    }

    async fn type_in(&mut self, text: &str) {
        let bytes = text.as_bytes().to_vec();
        self.0.send(Message::binary(bytes)).await.unwrap();
    }

    async fn say(&mut self, control: &RelayControl) {
        let json = serde_json::to_string(control).unwrap();
        self.0.send(Message::text(json)).await.unwrap();
    }
}

struct Place {
    world: World,
    ssh: SshDoor,
    door: Door,
    device: DeviceId,
}

async fn place_with(setup: Setup, preferred: Preferred) -> Place {
    let mut world = World::start(setup);
    let fake = Fake::start(&world.supervisor).await;
    let ssh = SshDoor::start(&world.supervisor, preferred).await;
    let mut reachable = record(fake.address);
    reachable.assignment.ssh_port = ssh.address.port();
    reachable.assignment.poll_seconds = 3600;
    let device = world.grant(&reachable).await;
    world.answered().await;
    Place {
        world,
        ssh,
        door: Door::open().await,
        device,
    }
}

async fn place() -> Place {
    place_with(Setup::default(), Preferred::DEFAULT).await
}

impl Place {
    /// Sees that a relay is refused because of the host key.
    async fn refuses_key(&self, pin: &str) {
        let mut terminal = self.relay(exec("b")).await;
        let RelayControl::Failed { message, hint } = terminal.control().await else {
            panic!("a changed host key was accepted");
        };
        assert!(message.raw().contains(pin) && hint.is_some(), "{message}");
    }

    async fn relay(&self, kind: RelayKind) -> Terminal {
        let relay = RelayId::generate();
        let what = What::Relay {
            relay,
            kind,
            ticket: "once".to_owned(),
            server: format!("http://{}", self.door.address),
            server_pin: None,
        };
        let report = self.world.ask(self.device, what).await;
        assert!(matches!(report, Report::Dialling), "{report:?}");
        let (asked, terminal) = self.door.accept().await;
        assert_eq!(asked, format!("/api/relays/{relay}/dial?ticket=once"));
        terminal
    }
}

fn exec(command: &str) -> RelayKind {
    RelayKind::Exec {
        command: command.to_owned(),
    }
}

fn shell() -> RelayKind {
    RelayKind::Shell {
        term: "xterm".to_owned(),
        cols: 80,
        rows: 24,
    }
}

#[tokio::test]
async fn a_command_shows_its_output_and_its_status() {
    let place = place().await;

    let mut terminal = place.relay(exec("exit 7")).await;

    assert_eq!(terminal.control().await, RelayControl::Opened);
    assert_eq!(terminal.read_until("\n").await, "ran exit 7\r\n");
    assert_eq!(terminal.control().await, RelayControl::Exit { status: 7 });
    assert!(matches!(
        within(terminal.0.next()).await,
        Some(Ok(Message::Close(_)))
    ));
}

#[tokio::test]
async fn a_shell_has_a_terminal_that_can_change_its_size() {
    let place = place().await;
    let mut terminal = place.relay(shell()).await;
    assert_eq!(terminal.control().await, RelayControl::Opened);
    terminal.read_until("xterm 80x24").await;

    terminal
        .say(&RelayControl::Resize {
            cols: 132,
            rows: 43,
        })
        .await;
    terminal.read_until("now 132x43").await;
    terminal.type_in("hello").await;
    terminal.read_until("hello").await;
    terminal.type_in("quit").await;

    assert_eq!(terminal.control().await, RelayControl::Exit { status: 3 });
}

#[tokio::test]
async fn a_host_key_is_trusted_once_reported_and_then_held_to() {
    let mut place = place().await;
    let mut first = place.relay(exec("a")).await;
    assert_eq!(first.control().await, RelayControl::Opened);

    let pin = place.world.answered().await.ssh_pin.unwrap();
    assert!(pin.starts_with("SHA256:"), "{pin}");
    let passwords = place.ssh.passwords();
    place.ssh.new_key();

    place.refuses_key(&pin).await;
    // The server pins what was reported: from here on its word counts.
    let reported = pin.clone();
    place
        .world
        .edit(place.device, |record| {
            record.assignment.ssh_pin = Some(reported);
        })
        .await;
    let device = place.device;
    place
        .world
        .lease_request(|request| request.holds == [(device, 2)])
        .await;
    place.refuses_key(&pin).await;
    assert_eq!(place.ssh.passwords(), passwords, "no password was sent");
}

#[tokio::test]
async fn a_device_with_nothing_but_old_algorithms_is_reached_all_the_same() {
    let old = Preferred {
        kex: vec![kex::DH_G14_SHA1].into(),
        cipher: vec![russh::cipher::AES_128_CBC].into(),
        mac: vec![russh::mac::HMAC_SHA1].into(),
        ..Preferred::DEFAULT
    };
    let place = place_with(Setup::default(), old).await;

    let mut terminal = place.relay(exec("exit 0")).await;

    assert_eq!(terminal.control().await, RelayControl::Opened);
    terminal.read_until("ran").await;
    assert_eq!(terminal.control().await, RelayControl::Exit { status: 0 });
}

#[tokio::test]
async fn a_refused_password_is_told_with_a_hint() {
    let place = place().await;
    place
        .world
        .edit(place.device, |record| record.password = "wrong".to_owned())
        .await;
    let device = place.device;
    place
        .world
        .lease_request(|request| request.holds == [(device, 2)])
        .await;

    let mut terminal = place.relay(exec("a")).await;

    let failed = terminal.control().await;
    assert!(
        matches!(failed, RelayControl::Failed { hint: Some(_), .. }),
        "{failed:?}"
    );
}

#[tokio::test]
async fn a_withdrawal_ends_what_is_open() {
    let place = place().await;
    let mut terminal = place.relay(shell()).await;
    assert_eq!(terminal.control().await, RelayControl::Opened);
    terminal.read_until("80x24").await;

    place.world.withdraw(place.device).await;

    let failed = terminal.control().await;
    assert!(matches!(failed, RelayControl::Failed { .. }), "{failed:?}");
}

#[tokio::test]
async fn a_silent_terminal_ends() {
    let setup = Setup {
        limits: Limits {
            relay_idle: Duration::from_millis(300),
            ..Setup::default().limits
        },
        ..Setup::default()
    };
    let place = place_with(setup, Preferred::DEFAULT).await;
    let mut terminal = place.relay(shell()).await;
    assert_eq!(terminal.control().await, RelayControl::Opened);
    terminal.read_until("80x24").await;

    let failed = terminal.control().await;

    assert!(matches!(failed, RelayControl::Failed { .. }), "{failed:?}");
}

#[tokio::test]
async fn a_person_who_leaves_frees_the_place() {
    let usual = Setup::default().limits;
    for limits in [
        Limits {
            relays_per_device: 1,
            ..usual
        },
        Limits { relays: 1, ..usual },
    ] {
        one_after_the_other(limits).await;
    }
}

/// There may be one terminal, so the next one waits until it has ended.
async fn one_after_the_other(limits: Limits) {
    let setup = Setup {
        limits,
        ..Setup::default()
    };
    let place = place_with(setup, Preferred::DEFAULT).await;
    let mut terminal = place.relay(shell()).await;
    assert_eq!(terminal.control().await, RelayControl::Opened);
    let what = || What::Relay {
        relay: RelayId::generate(),
        kind: exec("a"),
        ticket: "t".to_owned(),
        server: format!("http://{}", place.door.address),
        server_pin: None,
    };
    let refused = place.world.ask(place.device, what()).await;
    assert!(matches!(refused, Report::Failed(_)), "{refused:?}");

    drop(terminal);

    let freed = async {
        while !matches!(
            place.world.ask(place.device, what()).await,
            Report::Dialling
        ) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within(freed).await;
}

#[tokio::test]
async fn a_server_that_is_not_the_pinned_one_gets_no_ticket() {
    let place = place().await;
    let server = Fake::start(&place.world.supervisor).await;
    server.new_certificate();
    let what = What::Relay {
        relay: RelayId::generate(),
        kind: exec("a"),
        ticket: "secret".to_owned(),
        server: format!("https://{}", server.address),
        server_pin: Some("00".repeat(32)),
    };

    let report = place.world.ask(place.device, what).await;

    assert!(matches!(report, Report::Dialling));
    crate::harness::until("the server was tried", || server.connections() == 1).await;
    assert_eq!(server.bursts(), 0);
    assert_eq!(place.ssh.passwords(), 0);
}
