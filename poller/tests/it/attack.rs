//! Devices that flood: each ends by a limit, and none makes us hold more than a mebibyte.

use std::sync::Arc;
use std::time::Duration;

use routeros::row::Row;
use routeros::server::Response;
use secrecy::SecretString;
use tod_poller::collect;
use tod_poller::device::Contact;
use tod_poller::device::dial::{Deadlines, Dialler};
use tod_poller::device::link::Link;
use tod_poller::device::tls::Tls;
use tod_poller::startup::Zone;
use tod_proto::api::devices::TlsMode;
use tod_service::supervisor::Supervisor;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::harness::within;

/// Sessions that are attacked at once.
const SESSIONS: usize = 16;
/// The most that one of them may cost.
const MOST: usize = 1 << 20;
/// No attack may last longer.
const DEADLINES: Deadlines = Deadlines {
    dial: Duration::from_secs(5),
    login: Duration::from_secs(5),
    ssh: Duration::from_secs(5),
    first_byte: Duration::from_secs(5),
    progress: Duration::from_secs(5),
    poll: Duration::from_secs(5),
};

#[tokio::test]
async fn a_word_that_claims_four_gibibytes() {
    attacked(vec![0xF0, 0xFF, 0xFF, 0xFF, 0xFF]).await;
}

#[tokio::test]
async fn reserved_and_padded_lengths() {
    attacked(vec![0xF8, 0x01]).await;
    attacked(vec![0x80, 0x05, b'!']).await;
}

#[tokio::test]
async fn rows_without_end_of_attributes_without_length() {
    let row: Row = (0..200).map(|_| ("a", "")).collect();
    attacked(for_each_tag(&Response::row(&row))).await;
}

#[tokio::test]
async fn rows_without_end_as_large_as_they_may_be() {
    let row = Row::new().with("comment", vec![b'x'; 120 << 10]);
    attacked(for_each_tag(&Response::row(&row))).await;
}

#[tokio::test]
async fn a_sentence_without_end() {
    attacked(b"\x01a".repeat(1000)).await;
}

#[tokio::test]
async fn empty_sentences_without_end() {
    attacked(vec![0; 4096]).await;
}

#[tokio::test]
async fn replies_without_end_that_are_nobodys() {
    let row = Row::new().with("name", "x".repeat(500));
    let mut bytes = Vec::new();
    for tag in [&b"999"[..], b"x", b""] {
        Response::row(&row).tagged(Some(tag)).encode(&mut bytes);
    }
    attacked(bytes).await;
}

#[tokio::test]
async fn refusals_without_end() {
    attacked(for_each_tag(&Response::trap(None, "no".repeat(2000)))).await;
}

#[tokio::test]
async fn tls_records_without_end() {
    let record = [&b"\x16\x03\x03\x40\x00\x02\xff\xff\xff"[..], &[0; 16 << 10]].concat();
    attacked_by(Attack {
        mode: TlsMode::Auto,
        greeting: Vec::new(),
        bytes: record,
    })
    .await;
}

#[tokio::test]
async fn tls_records_without_end_where_nobody_has_a_certificate() {
    let record = [&b"\x16\x03\x03\x40\x00\x02\xff\xff\xff"[..], &[0; 16 << 10]].concat();
    attacked_by(Attack {
        mode: TlsMode::Anonymous,
        greeting: Vec::new(),
        bytes: record,
    })
    .await;
}

#[tokio::test]
async fn an_ssh_greeting_without_end() {
    for bytes in [b"x".repeat(4096), b"a line of no use\r\n".repeat(200)] {
        attacked_by(Attack {
            mode: TlsMode::Ssh,
            greeting: Vec::new(),
            bytes,
        })
        .await;
    }
}

#[tokio::test]
async fn ssh_packets_that_claim_four_gibibytes() {
    let greeting = b"SSH-2.0-ROSSSH\r\n".to_vec();
    attacked_by(Attack {
        mode: TlsMode::Ssh,
        greeting,
        bytes: vec![0xFF; 4096],
    })
    .await;
}

fn for_each_tag(response: &Response) -> Vec<u8> {
    let mut bytes = Vec::new();
    for tag in 1..=20 {
        let tag = format!("{tag}");
        let response = response.clone().tagged(Some(tag.as_bytes()));
        response.encode(&mut bytes);
    }
    bytes
}

/// What a device does to who comes in.
struct Attack {
    mode: TlsMode,
    /// What it says first, once.
    greeting: Vec<u8>,
    /// What it says then, without end.
    bytes: Vec<u8>,
}

/// Polls devices that answer with these bytes again and again.
async fn attacked(bytes: Vec<u8>) {
    let greeting = Vec::new();
    attacked_by(Attack {
        mode: TlsMode::Plain,
        greeting,
        bytes,
    })
    .await;
}

/// Polls devices that attack; each poll has to end, and may not cost much.
async fn attacked_by(attack: Attack) {
    let supervisor = Supervisor::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let contact = Contact {
        tls: attack.mode,
        ssh_port: port,
        ..contact(port)
    };
    let inner = supervisor.clone();
    let attack = Arc::new(attack);
    supervisor.spawn_job("test/attackers", async move {
        while let Ok((stream, _)) = listener.accept().await {
            let attack = Arc::clone(&attack);
            inner.spawn_job("test/attacker", async move {
                drop(attack.on(stream).await);
            });
        }
    });
    let dialler = Dialler {
        deadlines: DEADLINES,
        own: Vec::new(),
        tls: Tls::new(&[]),
        budget: Semaphore::new(SESSIONS),
    };
    // What is taken once and not by each session is there after the first.
    polled(&dialler, &contact).await;
    let before = memory("VmRSS:");

    let polls = (0..SESSIONS).map(|_| polled(&dialler, &contact));
    let answered = within(futures_util::future::join_all(polls)).await;

    let rise = memory("VmHWM:").saturating_sub(before);
    assert!(
        rise / SESSIONS <= MOST,
        "{} bytes a session",
        rise / SESSIONS
    );
    assert_eq!(answered, [false; SESSIONS], "an attack is no answer");
    supervisor.kill();
}

/// Whether a poll had an answer that is whole.
async fn polled(dialler: &Dialler, contact: &Contact) -> bool {
    let Ok(mut link) = Link::open(dialler, contact).await else {
        return false;
    };
    match link.poll(&collect::commands()).await {
        Ok(answers) => answers.iter().any(|answer| answer.failure.is_none()),
        Err(_) => false,
    }
}

impl Attack {
    async fn on(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut buffer = [0; 4096];
        if self.mode == TlsMode::Plain {
            // The login, then the poll: a little of either is enough.
            if stream.read(&mut buffer).await? > 0 {
                stream.write_all(b"\x05!done\x00").await?;
            }
            if stream.read(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
        stream.write_all(&self.greeting).await?;
        loop {
            stream.write_all(&self.bytes).await?;
        }
    }
}

pub(crate) fn contact(port: u16) -> Contact {
    Contact {
        address: "127.0.0.1".to_owned(),
        port,
        zone: Arc::new(Zone {
            name: "lab".to_owned(),
            networks: vec!["127.0.0.0/8".parse().unwrap()],
        }),
        tls: TlsMode::Plain,
        tls_pin: None,
        ssh_port: 22,
        ssh_pin: None,
        username: "admin".to_owned(),
        password: SecretString::from("lab"),
        legacy_login: false,
    }
}

/// Bytes of memory that this process has, or had at most.
fn memory(what: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    let kib: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024
}
