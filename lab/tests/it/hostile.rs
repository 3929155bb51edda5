//! Hostile clients: what no client should send is refused, cheaply, and others are served.

use std::net::UdpSocket;
use std::time::Duration;

use tod_lab::Device;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::{Client, SOON, one, spec};

/// Sessions that attack at the same time.
const SESSIONS: usize = 20;

fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Sends the same piece over and over until it is enough, or the device has had enough.
async fn pour(device: &Device, begin: &[u8], piece: &[u8], enough: usize) -> TcpStream {
    let at = device.summary();
    let mut tcp = TcpStream::connect((at.address, at.api_port)).await.unwrap();
    let pour = async {
        tcp.write_all(begin).await?;
        let many = piece.repeat(4096 / piece.len());
        for _ in 0..enough.div_ceil(many.len()) {
            tcp.write_all(&many).await?;
        }
        std::io::Result::Ok(())
    };
    // A device that has had enough closes, or reads no more.
    drop(timeout(Duration::from_millis(500), pour).await);
    tcp
}

#[tokio::test(flavor = "multi_thread")]
async fn no_client_makes_a_device_remember_much() {
    let (_lab, device) = one(spec()).await;
    let login = b"\x06/login\x0b=name=admin\x0d=password=lab\x00";
    let attacks: [(&str, &[u8], &[u8]); 6] = [
        ("a word of 4 GiB", b"\xF0\xFF\xFF\xFF\xFF", b"x"),
        ("a word of 256 MiB", b"\xEF\xFF\xFF\xFF", b"x"),
        ("words without end", b"", b"\x06=a=bcd"),
        ("empty sentences without end", b"", b"\x00"),
        ("control bytes", b"", b"\xFF"),
        ("words without end, signed in", login, b"\x06=a=bcd"),
    ];
    for (what, begin, piece) in attacks {
        let before = resident();
        let mut open = Vec::new();
        for _ in 0..SESSIONS {
            open.push(pour(&device, begin, piece, 4 << 20).await);
        }
        let risen = resident().saturating_sub(before) / SESSIONS;

        assert!(risen <= 1 << 20, "{what}: {risen} bytes a session");
        drop(open);
        assert!(Client::log_in(&device).await.is_answered().await, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_sentence_ends_the_session_with_a_word() {
    let (_lab, device) = one(spec()).await;
    for bytes in [&b"\xF8\x00"[..], b"\xF0\xFF\xFF\xFF\xFF", b"\xF1\x01\x00"] {
        let mut tcp = pour(&device, bytes, b"\x00", 0).await;
        let mut heard = Vec::new();
        let end = timeout(SOON, tcp.read_to_end(&mut heard)).await.unwrap();

        // A reset may be faster than the word.
        assert!(
            end.is_err() || heard.starts_with(b"\x06!fatal"),
            "{heard:02x?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn datagrams_that_are_none_are_left_alone() {
    let (_lab, device) = one(spec()).await;
    device.run("/snmp set enabled=yes").await.unwrap();
    let at = device.summary();
    let me = UdpSocket::bind("127.0.0.1:0").unwrap();
    me.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    // A good question, with each of its bytes altered in turn.
    let good =
        b"\x30\x26\x02\x01\x01\x04\x06public\xa0\x19\x02\x01\x07\x02\x01\x00\x02\x01\x00\x30\x0e\
                 \x30\x0c\x06\x08\x2b\x06\x01\x02\x01\x01\x05\x00\x05\x00";
    for at_byte in 0..good.len() {
        for value in [0x00, 0x7F, 0x80, 0x84, 0xFF] {
            let mut bad = good.to_vec();
            bad[at_byte] = value;
            me.send_to(&bad, (at.address, at.snmp_port)).unwrap();
        }
    }

    let (mut buffer, mut is_answered) = ([0; 2048], false);
    me.send_to(good, (at.address, at.snmp_port)).unwrap();
    while !is_answered {
        // Some of the altered ones are good questions, too.
        let (count, _) = me.recv_from(&mut buffer).unwrap();
        is_answered = buffer[..count].windows(2).any(|w| w == b"r1");
    }
}
