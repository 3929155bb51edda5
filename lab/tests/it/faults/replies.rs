//! Replies that are broken, endless, late, or half.

use std::time::Instant;

use tod_lab::Device;
use tod_lab::wire::Fault;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::{Client, SILENCE, one, spec};

/// Writes a command to a device that is signed in to, and reads what comes for a while.
async fn raw(device: &Device, commands: &[&[&str]], most: usize) -> Vec<u8> {
    let at = device.summary();
    let mut tcp = TcpStream::connect((at.address, at.api_port)).await.unwrap();
    let login: &[&str] = &["/login", "=name=admin", "=password=lab"];
    for words in [&[login], commands].concat() {
        let mut bytes = Vec::new();
        for word in words {
            bytes.push(u8::try_from(word.len()).unwrap());
            bytes.extend_from_slice(word.as_bytes());
        }
        bytes.push(0);
        tcp.write_all(&bytes).await.unwrap();
    }
    let mut heard = Vec::new();
    let mut buffer = [0; 4096];
    let deadline = Instant::now() + SILENCE;
    while heard.len() < most {
        let left = deadline.saturating_duration_since(Instant::now());
        match timeout(left, tcp.read(&mut buffer)).await {
            Ok(Ok(count @ 1..)) => heard.extend_from_slice(&buffer[..count]),
            _ => break,
        }
    }
    heard
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|w| w == part)
}

const IDENTITY: &[&str] = &["/system/identity/print", ".tag=7"];

#[tokio::test(flavor = "multi_thread")]
async fn broken_replies_are_broken_in_the_way_that_was_asked_for() {
    let (_lab, device) = one(spec()).await;
    let cases: [(Fault, &[u8]); 9] = [
        (Fault::HugeWord, b"\xF0\xFF\xFF\xFF\xFF"),
        (Fault::ControlByte, b"\xF8"),
        (Fault::LongLengths, b"\xF0\x00\x00\x00\x03!re"),
        (Fault::UnknownReply, b"\x05!what\x04=x=y\x06.tag=7\x00"),
        (Fault::EmptyAlways, b"\x06!empty\x06.tag=7\x00\x03!re"),
        (Fault::ForeignTag, b".tag=7999"),
        (Fault::Garbage, b"HTTP/1.1 400"),
        (Fault::EndlessWords, b"=a=bcd\x06=a=bcd\x06=a=bcd"),
        (
            Fault::FatalText {
                text: "session closed".to_owned(),
            },
            b"\x06!fatal\x0esession closed\x00",
        ),
    ];
    for (fault, part) in cases {
        device.inject(fault.clone());
        let heard = raw(&device, &[IDENTITY], 1 << 20).await;
        device.clear_faults();

        assert!(holds(&heard, part), "{fault:?}: {heard:02x?}");
    }
    let good = raw(&device, &[IDENTITY], 1 << 20).await;
    assert!(good.ends_with(b"\x05!done\x06.tag=7\x00"), "{good:02x?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_that_never_end_never_end() {
    let (_lab, device) = one(spec()).await;
    for fault in [Fault::EndlessRows, Fault::EndlessWords, Fault::EndlessEmpty] {
        device.inject(fault.clone());
        let heard = raw(&device, &[IDENTITY], 1 << 20).await;
        device.clear_faults();

        assert!(heard.len() >= 1 << 20, "{fault:?}: {}", heard.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_can_lack_its_end_or_come_too_late() {
    let (_lab, device) = one(spec()).await;

    device.inject(Fault::NoDone);
    let heard = raw(&device, &[IDENTITY], 1 << 20).await;
    assert!(holds(&heard, b".tag=7") && !holds(&heard, b"!done\x06.tag=7"));
    device.clear_faults();

    device.inject(Fault::RepliesAfterCancel);
    let listen = ["/ip/address/listen", ".tag=7"];
    let cancel = ["/cancel", "=tag=7", ".tag=8"];
    let heard = raw(&device, &[&listen, &cancel], 1 << 20).await;
    assert!(holds(&heard, b"=late=true"), "{heard:02x?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_hangs_in_the_middle_of_an_answer_but_the_command_ran() {
    let (_lab, device) = one(spec()).await;
    let command = "/ip/address/add".to_owned();
    device.inject(Fault::HangMid { command });
    let mut client = Client::log_in(&device).await;

    let answer = client.run(
        "/ip/address/add",
        &["address=10.1.1.1/24", "interface=ether2"],
    );

    assert!(timeout(SILENCE, answer).await.is_err());
    assert!(!client.is_answered().await);
    let rows = device.rows("/ip/address");
    assert!(
        rows.iter()
            .any(|r| r.text("address").as_deref() == Some("10.1.1.1/24"))
    );
    assert!(
        Client::log_in(&device).await.is_answered().await,
        "others are served"
    );
}
