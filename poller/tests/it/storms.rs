//! Connections that come to nothing, by the hundred: each phase has a deadline of its own, and what
//! a connection took is given back.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tod_poller::collect;
use tod_poller::device::Contact;
use tod_poller::device::dial::{Deadlines, Dialler};
use tod_poller::device::error::LinkError;
use tod_poller::device::link::Link;
use tod_poller::device::tls::Tls;
use tod_proto::api::devices::TlsMode;
use tod_proto::bus::sample::{FailureKind, Outcome};
use tod_service::supervisor::Supervisor;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;

use crate::attack::contact;
use crate::harness::{Setup, World, record, short_deadlines, until, within};

/// As many polls as an hour has, ten seconds apart.
const AN_HOUR: usize = 360;
/// Connections at once.
const AT_ONCE: usize = 40;
/// Short, so that an hour of silence does not last one.
const SHORT: Duration = Duration::from_millis(25);
const LONG: Duration = Duration::from_mins(1);

/// How a device ends what has begun, or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// Resets at once.
    Reset,
    /// Closes at once.
    Close,
    /// Resets when it is spoken to.
    ResetWhenSpokenTo,
    /// Resets when it has signed somebody in and is asked something.
    ResetWhenAsked,
    /// Resets in the middle of an answer.
    ResetInAnswer,
    /// Answers as a web server.
    Web,
    /// Speaks first, as an SSH server, and no more.
    Shell,
    /// Says nothing.
    Silent,
    /// Signs in and says nothing more.
    SilentWhenAsked,
    /// Says half of an answer.
    Half,
    /// Says a byte now and then.
    Drip,
}

impl Manner {
    const ALL: [Self; 10] = [
        Self::Reset,
        Self::Close,
        Self::ResetWhenSpokenTo,
        Self::ResetWhenAsked,
        Self::ResetInAnswer,
        Self::Web,
        Self::Shell,
        Self::Silent,
        Self::SilentWhenAsked,
        Self::Half,
    ];

    async fn meet(self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut heard = [0; 4096];
        match self {
            Self::Reset => return stream.set_zero_linger(),
            Self::Close => return Ok(()),
            Self::Shell => stream.write_all(b"SSH-2.0-ROSSSH\r\n").await?,
            _ => hear(&mut stream).await?,
        }
        match self {
            Self::ResetWhenSpokenTo => return stream.set_zero_linger(),
            Self::Web => {
                return stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            }
            Self::ResetWhenAsked
            | Self::ResetInAnswer
            | Self::SilentWhenAsked
            | Self::Half
            | Self::Drip => {
                stream.write_all(b"\x05!done\x00").await?;
                hear(&mut stream).await?;
            }
            _ => {}
        }
        match self {
            Self::ResetWhenAsked => return stream.set_zero_linger(),
            Self::ResetInAnswer => {
                stream.write_all(b"\x03!re\x06.tag=1\x05=na").await?;
                return stream.set_zero_linger();
            }
            Self::Half => stream.write_all(b"\x03!re\x06.tag=1\x05=na").await?,
            Self::Drip => loop {
                stream.write_all(b"\x03!re\x06.tag=1\x00").await?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            },
            _ => {}
        }
        // Until the other end has had enough.
        while stream.read(&mut heard).await? > 0 {}
        Ok(())
    }
}

/// Waits until something comes.
async fn hear(stream: &mut TcpStream) -> std::io::Result<()> {
    match stream.read(&mut [0; 4096]).await? {
        0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// Listens, and meets everybody in this manner.
async fn device(supervisor: &Supervisor, manner: Manner) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let inner = supervisor.clone();
    supervisor.spawn_job("test/storm", async move {
        while let Ok((stream, _)) = listener.accept().await {
            inner.spawn_job("test/storm/drop", async move {
                drop(manner.meet(stream).await);
            });
        }
    });
    address
}

fn dialler(deadlines: Deadlines) -> Dialler {
    Dialler {
        deadlines,
        own: Vec::new(),
        tls: Tls::new(&[]),
        budget: Semaphore::new(AT_ONCE),
    }
}

/// Connects and polls once; that nothing came of it is what is wanted.
async fn fails(dialler: &Dialler, contact: &Contact) -> LinkError {
    let polled = async {
        let mut link = Link::open(dialler, contact).await?;
        let answers = link.poll(&collect::commands()).await?;
        let failures = answers.into_iter().map(|answer| answer.failure);
        let failure = failures.min_by_key(Option::is_some).flatten();
        Err(failure.map_or_else(|| panic!("it is answered"), LinkError::from))
    };
    let polled: Result<std::convert::Infallible, LinkError> = polled.await;
    match polled {
        Err(error) => error,
        Ok(never) => match never {},
    }
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[tokio::test]
async fn an_hour_of_connections_that_come_to_nothing_leaves_no_descriptor_open() {
    let all = Deadlines {
        dial: SHORT,
        login: SHORT,
        ssh: SHORT,
        first_byte: SHORT,
        progress: SHORT,
        poll: SHORT * 4,
    };
    let dialler = dialler(all);
    for mode in [
        TlsMode::Plain,
        TlsMode::Auto,
        TlsMode::Anonymous,
        TlsMode::Ssh,
    ] {
        for manner in Manner::ALL {
            let supervisor = Supervisor::new();
            let port = device(&supervisor, manner).await.port();
            let contact = Contact {
                tls: mode,
                ssh_port: port,
                ..contact(port)
            };
            fails(&dialler, &contact).await;
            let before = descriptors();

            for _ in 0..AN_HOUR / AT_ONCE {
                within(join_all((0..AT_ONCE).map(|_| fails(&dialler, &contact)))).await;
            }

            until(&format!("{mode:?} {manner:?}: all are closed"), || {
                descriptors() <= before
            })
            .await;
            supervisor.kill();
        }
    }
}

/// A way of connecting, what it meets, and the one deadline that ends it.
type Phase = (TlsMode, Manner, fn(&mut Deadlines, Duration));

const PHASES: [Phase; 8] = [
    (TlsMode::Plain, Manner::Silent, late_login),
    (TlsMode::Auto, Manner::Silent, late_login),
    (TlsMode::Anonymous, Manner::Silent, late_login),
    (TlsMode::Ssh, Manner::Silent, late_ssh),
    (TlsMode::Ssh, Manner::Shell, late_ssh),
    (TlsMode::Plain, Manner::SilentWhenAsked, |all, short| {
        all.first_byte = short;
    }),
    (TlsMode::Plain, Manner::Half, |all, short| {
        (all.first_byte, all.progress) = (short, short);
    }),
    (TlsMode::Plain, Manner::Drip, |all, short| {
        all.poll = short;
    }),
];

fn late_login(all: &mut Deadlines, short: Duration) {
    all.login = short;
}

fn late_ssh(all: &mut Deadlines, short: Duration) {
    all.ssh = short;
}

#[tokio::test]
async fn each_phase_has_a_deadline_of_its_own() {
    let short = Duration::from_millis(200);
    for (mode, manner, shorten) in PHASES {
        let mut deadlines = long_deadlines();
        shorten(&mut deadlines, short);
        let supervisor = Supervisor::new();
        let port = device(&supervisor, manner).await.port();
        let contact = Contact {
            tls: mode,
            ssh_port: port,
            ..contact(port)
        };
        let begun = Instant::now();

        let error = within(fails(&dialler(deadlines), &contact)).await;

        let what = format!("{mode:?} {manner:?}: {error}");
        assert!(begun.elapsed() >= short, "{what}");
        let kinds = [FailureKind::Timeout, FailureKind::Protocol];
        assert!(kinds.contains(&error.kind()), "{what}");
        supervisor.kill();
    }
}

fn long_deadlines() -> Deadlines {
    Deadlines {
        dial: LONG,
        login: LONG,
        ssh: LONG,
        first_byte: LONG,
        progress: LONG,
        poll: LONG,
    }
}

/// A port whose `SYN`s are answered by nobody: its queue is full and stays so.
struct BlackHole {
    address: SocketAddr,
    _listener: TcpListener,
    _queued: Vec<TcpStream>,
}

impl BlackHole {
    async fn open() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        loop {
            let connect = TcpStream::connect(address);
            match tokio::time::timeout(Duration::from_millis(300), connect).await {
                Ok(stream) => queued.push(stream.unwrap()),
                Err(_) => break,
            }
        }
        Self {
            address,
            _listener: listener,
            _queued: queued,
        }
    }
}

#[tokio::test]
async fn a_device_whose_syns_vanish_is_given_up_in_time_and_holds_nobody_up() {
    let world = World::start(Setup {
        deadlines: short_deadlines(),
        ..Setup::default()
    });
    let (mut world, healthy) = world.with_fake().await;
    let hole = BlackHole::open().await;
    let lost = world.grant(&record(hole.address)).await;
    world.grant(&record(healthy.address)).await;
    until("the healthy one is polled", || healthy.bursts() > 0).await;
    let before = descriptors();

    let mut failures = 0;
    while failures < 3 {
        let sample = world.sample().await;
        let Outcome::Failed(failure) = sample.outcome else {
            continue;
        };
        assert_eq!(sample.device, lost);
        assert_eq!(failure.kind, FailureKind::Unreachable);
        assert_eq!(failure.message.raw(), "no connection in time");
        failures += 1;
    }

    assert!(healthy.bursts() >= 2, "{}", healthy.bursts());
    until("what was dialled is given back", || descriptors() <= before).await;
}

#[tokio::test]
async fn a_black_hole_ends_every_way_of_connecting() {
    let hole = BlackHole::open().await;
    let deadlines = Deadlines {
        dial: Duration::from_millis(200),
        ..long_deadlines()
    };
    let dialler = dialler(deadlines);
    let before = descriptors();
    for mode in [
        TlsMode::Plain,
        TlsMode::Auto,
        TlsMode::Anonymous,
        TlsMode::Ssh,
    ] {
        let port = hole.address.port();
        let contact = Contact {
            tls: mode,
            ssh_port: port,
            ..contact(port)
        };

        let errors = within(join_all((0..AT_ONCE).map(|_| fails(&dialler, &contact)))).await;

        for error in errors {
            assert!(matches!(error, LinkError::DialTimeout), "{mode:?}: {error}");
        }
    }
    until("all are closed", || descriptors() <= before).await;
}
