//! Faults: each one is met by a client, and gone when it is cleared.

use std::time::{Duration, Instant};

use tod_lab::wire::{Event, Fault};
use tod_lab::{Device, Fleet, Lab, OverLimit, Spec, Switches};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::{Client, SILENCE, SOON, one, spec};

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

#[tokio::test(flavor = "multi_thread")]
async fn numbers_and_rows_go_wrong() {
    let (_lab, device) = one(spec()).await;
    let mut client = Client::log_in(&device).await;
    let before = client.run("/interface/print", &[]).await.ok();

    device.inject(Fault::OddNumbers);
    let odd = client.run("/interface/print", &[]).await.ok();
    let values: Vec<_> = odd
        .rows
        .iter()
        .flat_map(|r| r.iter().map(|(_, v)| v.to_vec()))
        .collect();
    for wanted in [&b"-5"[..], b"18446744073709551616", b"1.5MiB"] {
        assert!(values.iter().any(|v| v == wanted));
    }
    device.clear_faults();

    device.inject(Fault::PartialRows {
        menu: "/interface".to_owned(),
    });
    let half = client.run("/interface/print", &[]).await.ok();
    assert_eq!(half.rows.len(), before.rows.len() / 2);
    device.clear_faults();

    device.inject(Fault::CounterWrap);
    let narrow = client.run("/interface/print", &["?name=ether1"]).await.ok();
    assert!(narrow.one("rx-byte").parse::<u64>().unwrap() < 1 << 32);
    device.clear_faults();

    let rx = |answer: &crate::harness::Answer| answer.one("rx-byte").parse::<u64>().unwrap();
    let before = rx(&client.run("/interface/print", &["?name=ether1"]).await.ok());
    device.inject(Fault::CounterReset);
    let after = rx(&client.run("/interface/print", &["?name=ether1"]).await.ok());
    assert!(after < before / 10, "{after} of {before}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_comments_hold_every_byte() {
    let (_lab, device) = one(spec()).await;
    let mut client = Client::log_in(&device).await;
    device.inject(Fault::EvilComments);

    let rows = client.run("/interface/ethernet/print", &[]).await.ok().rows;

    let comment = |n: usize| rows[n].raw("comment").unwrap().to_vec();
    let every: Vec<u8> = (0..=u8::MAX).collect();
    assert_eq!(comment(0), every);
    assert!(comment(1).windows(3).any(|w| w == "\u{202e}".as_bytes()));
    assert!(comment(2).len() > 65_000);
    device.clear_faults();
    let rows = client.run("/interface/ethernet/print", &[]).await.ok().rows;
    assert_eq!(rows[0].raw("comment"), None);
}

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
        then_ms: 50,
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

    assert!(slow > Duration::from_millis(150), "{burst:?}, {slow:?}");
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
async fn a_clone_shows_what_is_another_ones() {
    let fleet = Fleet {
        devices: vec![
            spec(),
            Spec::new("r2", std::net::Ipv4Addr::new(127, 20, 0, 8)),
        ],
    };
    let lab = Lab::start(fleet, tod_lab::Options::default())
        .await
        .unwrap();
    let (one, two) = (lab.device("r1").unwrap(), lab.device("r2").unwrap());
    let serial = |d: &Device| {
        d.rows("/system/routerboard")[0]
            .text("serial-number")
            .unwrap()
            .into_owned()
    };
    let mac = |d: &Device| {
        d.rows("/interface/ethernet")[0]
            .text("mac-address")
            .unwrap()
            .into_owned()
    };
    assert_ne!((serial(&one), mac(&one)), (serial(&two), mac(&two)));

    one.inject(Fault::CloneOf {
        device: "r2".to_owned(),
    });

    assert_eq!((serial(&one), mac(&one)), (serial(&two), mac(&two)));
    one.clear_faults();
    assert_ne!(serial(&one), serial(&two));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_push_needs_is_refused_or_forgotten() {
    let (_lab, device) = one(spec()).await;
    let mut client = Client::log_in(&device).await;
    let save = ["name=x", "dont-encrypt=yes"];

    device.inject(Fault::FlashFull);
    let full = client.run("/system/backup/save", &save).await;
    assert_eq!(full.trap.as_deref(), Some("failure: not enough space"));
    let resource = client.run("/system/resource/print", &[]).await.ok();
    assert_eq!(resource.one("free-hdd-space"), "0");
    device.clear_faults();

    device.inject(Fault::BackupFails);
    let failed = client.run("/system/backup/save", &save).await;
    assert!(failed.trap.unwrap().contains("could not save"));
    device.clear_faults();
    client.run("/system/backup/save", &save).await.ok();

    device.inject(Fault::SafeModeHeld);
    let taken = client.run("/safe-mode/take", &[]).await;
    assert!(taken.trap.unwrap().contains("already taken by stranger"));
    device.clear_faults();
    client.run("/safe-mode/take", &[]).await.ok();
    client.run("/safe-mode/release", &[]).await.ok();

    device.inject(Fault::ExportTimeout {
        menu: "/ip/address".to_owned(),
    });
    let export = device.run("/export").await.unwrap();
    assert!(
        export.contains("#error exporting \"/ip/address\" (timeout)"),
        "{export}"
    );
    assert!(!export.contains("127.20.0.7/24"), "{export}");
    device.clear_faults();

    client
        .run(
            "/system/scheduler/add",
            &["name=x", "interval=1h", "on-event=:put x"],
        )
        .await
        .ok();
    device.inject(Fault::ForgetScheduler);
    device.reboot();
    timeout(SOON, device.wait_for(|e| matches!(e, Event::Booted)))
        .await
        .unwrap();
    assert_eq!(device.rows("/system/scheduler").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_file_says_what_goes_wrong_and_when() {
    let fleet = Fleet::parse(
        r#"
        [[device]]
        name = "r1"
        address = "127.20.0.7"
        certificate = "none"
        faults = [
            { kind = "flash-full" },
            { kind = "silent", at_s = 60, for_s = 60 },
        ]

        [device.switches]
        over-limit = "close"
        dead = "yes"
        "#,
    )
    .unwrap();
    let lab = Lab::start(fleet, tod_lab::Options::default())
        .await
        .unwrap();
    let device = lab.device("r1").unwrap();
    assert_eq!(
        device.rows("/system/resource")[0]
            .text("free-hdd-space")
            .as_deref(),
        Some("0")
    );
    let mut client = Client::log_in(&device).await;
    let silent = |e: &Event| matches!(e, Event::Silenced { .. });

    lab.advance(Duration::from_secs(61));
    timeout(SOON, device.wait_for(silent)).await.unwrap();
    assert!(!client.is_answered().await);
    lab.advance(Duration::from_secs(61));
    timeout(
        SOON,
        device.wait_for(|e| matches!(e, Event::Restored { .. })),
    )
    .await
    .unwrap();
    assert!(Client::log_in(&device).await.is_answered().await);
}
