//! Connections that are refused, reset, silent, slow, or something else than they should be.

use std::time::{Duration, Instant};

use routeros::command::Command;
use tod_lab::wire::{Event, Fault};
use tod_lab::{OverLimit, Spec, Switches};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::{Client, SILENCE, SOON, one, spec};

#[tokio::test(flavor = "multi_thread")]
async fn ports_speak_other_protocols() {
    let (_lab, device) = one(spec()).await;
    let at = device.summary();
    for (fault, said) in [
        (Fault::SpeaksHttp, &b"HTTP/1.1 400"[..]),
        (Fault::SpeaksSsh, b"SSH-2.0-OpenSSH"),
    ] {
        device.inject(fault);
        let mut tcp = TcpStream::connect((at.address, at.api_port)).await.unwrap();
        tcp.write_all(b"\x06/login\x00").await.unwrap();
        let mut heard = vec![0; said.len()];
        timeout(SOON, tcp.read_exact(&mut heard))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(heard, said);
        device.clear_faults();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_stall_mute_or_drip() {
    let (_lab, device) = one(spec()).await;
    let at = device.summary();

    device.inject(Fault::MuteAfter { bytes: 200 });
    let mut client = Client::log_in(&device).await;
    assert!(!client.run_is_answered("/interface/print").await);
    device.clear_faults();

    device.inject(Fault::TlsStall);
    let mut tcp = TcpStream::connect((at.address, at.api_ssl_port))
        .await
        .unwrap();
    tcp.write_all(b"\x16\x03\x01\x00\x05hello").await.unwrap();
    let silence = timeout(SILENCE, tcp.read(&mut [0; 16])).await;
    assert!(silence.is_err(), "{silence:?}");
    device.clear_faults();

    device.inject(Fault::Downgrade);
    let mut tcp = TcpStream::connect((at.address, at.api_ssl_port))
        .await
        .unwrap();
    tcp.write_all(b"\x06/login\x05=name\x00").await.unwrap();
    let mut heard = [0; 6];
    timeout(SOON, tcp.read_exact(&mut heard))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&heard, b"\x05!trap");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_processor_answers_a_burst_and_then_takes_its_time() {
    let (_lab, device) = one(spec()).await;
    device.inject(Fault::SlowCpu {
        burst: 20,
        then_ms: 400,
    });
    let mut client = Client::log_in(&device).await;
    let begun = Instant::now();
    for _ in 0..10 {
        client.run("/system/identity/print", &[]).await.ok();
    }
    let (burst, begun) = (begun.elapsed(), Instant::now());
    for _ in 0..15 {
        client.run("/system/identity/print", &[]).await.ok();
    }
    let slow = begun.elapsed();

    assert!(slow > Duration::from_millis(800), "{burst:?}, {slow:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_fails_as_it_does_without_radius_or_rights() {
    let (_lab, device) = one(spec()).await;
    device.inject(Fault::RadiusTimeout);
    let mut client = Client::connect(&device).await;
    let login = ["name=admin", "password=lab"];
    let answer = client.run("/login", &login).await;
    assert_eq!(
        answer.trap.as_deref(),
        Some("could not authenticate - radius timeout")
    );
    device.clear_faults();

    let reader = Spec {
        group: "nobody".to_owned(),
        ..spec()
    };
    let (_lab, device) = one(reader).await;
    let mut client = Client::connect(&device).await;
    let answer = client.run("/login", &login).await;
    assert!(
        answer
            .trap
            .unwrap()
            .starts_with("invalid user name or password")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_session_too_many_is_reset_or_closed() {
    for (over_limit, is_reset) in [(OverLimit::Reset, true), (OverLimit::Close, false)] {
        let switches = Switches {
            over_limit,
            ..Switches::default()
        };
        let (_lab, device) = one(Spec { switches, ..spec() }).await;
        device
            .run("/ip service set api max-sessions=2")
            .await
            .unwrap();
        let _first = Client::log_in(&device).await;
        let _second = Client::log_in(&device).await;

        let at = device.summary();
        // The reset can be faster than the connection is established.
        let end = match TcpStream::connect((at.address, at.api_port)).await {
            Ok(mut third) => timeout(SOON, third.read(&mut [0; 16])).await.unwrap(),
            Err(error) => Err(error),
        };

        assert_eq!(end.is_err(), is_reset, "{end:?}");
        let refused = |e: &Event| matches!(e, Event::Refused { why, .. } if why.contains("many"));
        assert!(device.log().iter().any(|e| refused(&e.event)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_refuses_connections_or_resets_them_in_the_middle() {
    let (_lab, device) = one(spec()).await;
    let at = device.summary();

    device.inject(Fault::Refuse);
    for port in [at.api_port, at.api_ssl_port, at.ssh_port] {
        let end = match TcpStream::connect((at.address, port)).await {
            Ok(mut tcp) => timeout(SOON, tcp.read(&mut [0; 16])).await.unwrap(),
            Err(error) => Err(error),
        };
        assert!(end.is_err(), "{port}: {end:?}");
    }
    device.clear_faults();

    let mut whole = Client::log_in(&device).await;
    whole.run("/interface/print", &[]).await.ok();
    device.inject(Fault::ResetAfter { bytes: 400 });
    let mut short = Client::log_in(&device).await;
    short.send(&[Command::print("/interface")]).await;
    let mut rows = 0;
    while let Some(reply) = timeout(SOON, short.reply()).await.unwrap() {
        rows += usize::from(reply.kind == routeros::reply::Kind::Re);
    }
    assert!(rows < 10, "{rows}");
    // Those that were there before are not meant.
    whole.run("/interface/print", &[]).await.ok();
    device.clear_faults();
    Client::log_in(&device)
        .await
        .run("/interface/print", &[])
        .await
        .ok();
}
