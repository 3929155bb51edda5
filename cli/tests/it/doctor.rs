//! `todctl doctor` and how long the certificate of the server can be used.

use std::sync::Arc;

use jiff::Timestamp;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::Value;
use tod_client::stub::Stub;
use tod_client::tls::Fingerprint;
use tod_proto::api::status::{Health, Ready, Show, Status};
use tod_proto::certificate::Certificate;
use tokio_rustls::TlsAcceptor;

use crate::fixtures::{fleet, stub};
use crate::harness::{Machine, Ran};

/// A certificate of a server on this machine.
struct Made {
    pem: String,
    fingerprint: String,
    acceptor: TlsAcceptor,
}

/// Makes one that is valid between these years, months and days.
fn made(from: (i32, u8, u8), until: (i32, u8, u8)) -> Made {
    let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    params.not_before = date_time_ymd(from.0, from.1, from.2);
    params.not_after = date_time_ymd(until.0, until.1, until.2);
    let pair = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&pair).unwrap();
    let key = PrivateKeyDer::try_from(pair.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key);
    Made {
        pem: certificate.pem(),
        fingerprint: Fingerprint::of(certificate.der()).to_string(),
        acceptor: TlsAcceptor::from(Arc::new(config.unwrap())),
    }
}

/// A server that is well, and says that it shows `certificate`.
fn well(certificate: Option<Certificate>) -> Stub {
    let status = Status {
        version: "1.0.0".to_owned(),
        api_version: "tod/v1".to_owned(),
        time: "2026-03-18T14:07:22Z".parse().unwrap(),
        alarms: Vec::new(),
        certificate,
    };
    let health = Health {
        status: "ok".to_owned(),
        checks: [("database".to_owned(), "ok".to_owned())].into(),
    };
    stub(fleet())
        .answer(Show, Ok(status))
        .answer(Ready, Ok(health))
}

fn pinned(made: &Made) -> Machine {
    let pin = format!("pin_sha256 = \"{}\"", made.fingerprint);
    Machine::with_tls(well(None), made.acceptor.clone(), &pin)
}

/// What was found by this name: on one line for people, and for programs.
fn found(machine: &Machine, name: &str, vars: &[(&str, &str)]) -> (i32, String, Value) {
    let ran = machine.run_with(&["doctor", "-o", "table"], vars, "");
    let line = |ran: &Ran| {
        let line = ran.stdout.lines().find(|line| {
            let mut words = line.split_whitespace();
            words.nth(1) == Some(name)
        });
        line.unwrap_or_default().to_owned()
    };
    let json = machine.run_with(&["doctor", "-o", "json"], vars, "");
    assert_eq!(json.status, ran.status, "{json}");
    let report: Value = serde_json::from_str(&json.stdout).unwrap();
    let checks = report["items"][0]["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == name);
    (ran.status, line(&ran), check.cloned().unwrap_or_default())
}

#[test]
fn doctor_tells_when_the_certificate_of_the_server_ends() {
    let renew = "renew the files of TLS_CERT and TLS_KEY on the server, which reads them again; \
                 then tell whoever pinned it: todctl login --trust-server SHA256";
    let early = "is the clock of this machine right? else the server needs one that is valid";
    let pin = "; this context goes by its pin, others are refused";
    // The clock of the machine stands at 2026-03-18 14:07.
    let cases = [
        (
            ((2026, 1, 1), (2026, 4, 18)),
            (0, "✓", "ok"),
            "is valid until 2026-04-18 00:00 UTC, for 30 days".to_owned(),
            None,
        ),
        (
            ((2026, 1, 1), (2026, 4, 17)),
            (0, "▲", "warning"),
            "ends in 29 days, on 2026-04-17 00:00 UTC".to_owned(),
            Some(renew),
        ),
        (
            ((2026, 1, 1), (2026, 3, 18)),
            (1, "✗", "failure"),
            format!("ended 14 hours ago, on 2026-03-18 00:00 UTC{pin}"),
            Some(renew),
        ),
        (
            ((2026, 3, 19), (2027, 3, 19)),
            (1, "✗", "failure"),
            format!("is not valid before 2026-03-19 00:00 UTC{pin}"),
            Some(early),
        ),
    ];
    for ((from, until), (status, mark, verdict), text, fix) in cases {
        let machine = pinned(&made(from, until));
        let (ended, line, check) = found(&machine, "certificate", &[]);
        assert_eq!(ended, status, "{line}");
        let said = fix.map(|fix| format!("    fix: {fix}")).unwrap_or_default();
        assert_eq!(line, format!("{mark} certificate {text}{said}"));
        assert_eq!(check["verdict"], verdict, "{check}");
        assert_eq!(check["text"], text, "{check}");
        assert_eq!(check["fix"].as_str(), fix, "{check}");
        let expires: Timestamp = check["expires_at"].as_str().unwrap().parse().unwrap();
        let (year, month, day) = until;
        let date = format!("{year}-{month:02}-{day:02}T00:00:00Z");
        assert_eq!(expires.to_string(), date);
    }
}

#[test]
fn doctor_tells_a_certificate_that_an_authority_vouches_for_from_one_that_ended() {
    let good = made((2020, 1, 1), (2090, 1, 1));
    let over = made((2020, 1, 1), (2020, 2, 1));
    for (made, verdict, who) in [(good, "ok", "vouched for"), (over, "failure", "expired")] {
        let machine = Machine::with_tls(well(None), made.acceptor, "");
        machine.write("authorities.pem", &made.pem);
        let file = machine.path("authorities.pem");
        let vars = [("SSL_CERT_FILE", file.to_str().unwrap())];

        let (_, line, check) = found(&machine, "network", &vars);
        assert_eq!(check["verdict"], verdict, "{line}");
        assert!(line.contains(who), "{line}");
        let (_, line, check) = found(&machine, "certificate", &vars);
        assert_eq!(check["verdict"], verdict, "{line}");
        // Whom nothing is said to says nothing.
        let (_, _, server) = found(&machine, "server", &vars);
        assert_eq!(server.is_null(), verdict == "failure", "{server}");
    }
}

#[test]
fn doctor_says_that_the_server_shows_another_certificate_than_the_pinned_one() {
    let (one, other) = (
        made((2020, 1, 1), (2090, 1, 1)),
        made((2020, 1, 1), (2090, 1, 1)),
    );
    let pin = format!("pin_sha256 = \"{}\"", other.fingerprint);
    let machine = Machine::with_tls(well(None), one.acceptor, &pin);

    let (status, line, _) = found(&machine, "network", &[]);

    assert_eq!(status, 1);
    let (expected, seen) = (&other.fingerprint, &one.fingerprint);
    let why = format!("pinned {expected}, but the server shows {seen}");
    assert!(line.starts_with('✗') && line.contains(&why), "{line}");
}

#[test]
fn doctor_sees_through_a_proxy_to_the_certificate_of_the_server() {
    let made = made((2020, 1, 1), (2090, 1, 1));
    let pin = format!("pin_sha256 = \"{}\"", made.fingerprint);
    let own = |fingerprint: &str| Certificate {
        fingerprint: fingerprint.to_owned(),
        not_before: "2026-01-01T00:00:00Z".parse().unwrap(),
        not_after: "2026-03-20T00:00:00Z".parse().unwrap(),
    };
    let machine =
        |certificate| Machine::with_tls(well(Some(certificate)), made.acceptor.clone(), &pin);

    let other = machine(own(&"ab".repeat(32)));
    let (status, line, check) = found(&other, "origin", &[]);
    assert_eq!((status, &check["verdict"]), (0, &"warning".into()));
    let said = "behind a proxy, todd's own certificate ends in 33 hours, on 2026-03-20 00:00 UTC";
    assert!(line.contains(said), "{line}");
    assert_eq!(check["expires_at"], "2026-03-20T00:00:00.000Z");

    // Without one in between there is one certificate, and one line.
    let same = machine(own(&made.fingerprint));
    assert_eq!(found(&same, "origin", &[]).2, Value::Null);
}
