//! The certificate that a server shows: when it ends, and how it is renewed.

use std::path::Path;

use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustix::process::Signal;
use tod_client::tls::{Trust, introduce};
use tod_client::{Client, Https};
use tod_proto::api::status::Show;
use tod_proto::certificate::Certificate;
use tod_proto::page::Empty;
use tod_service::clock::Clock;

use crate::check::{check, verdicts};
use crate::harness::{Todd, folder, serve, wait_until};

/// The beginning of a day, so many days from now.
fn midnight(days: i64) -> Timestamp {
    let today = Clock::system().now().to_zoned(TimeZone::UTC).date();
    let day = today.saturating_add(days.days());
    day.to_zoned(TimeZone::UTC).unwrap().timestamp()
}

/// Makes a certificate that is valid between two days, counted from today.
fn certificate(folder: &Path, from: i64, until: i64) -> [(&'static str, String); 2] {
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let day = |days| {
        let date = midnight(days).to_zoned(TimeZone::UTC).date();
        let small = |number: i8| u8::try_from(number).unwrap();
        date_time_ymd(date.year().into(), small(date.month()), small(date.day()))
    };
    (params.not_before, params.not_after) = (day(from), day(until));
    let pair = KeyPair::generate().unwrap();
    let made = params.self_signed(&pair).unwrap().pem();
    let names = [
        ("TLS_CERT", "cert.pem", made),
        ("TLS_KEY", "key.pem", pair.serialize_pem()),
    ];
    names.map(|(variable, name, text)| {
        let path = folder.join(name);
        crate::harness::private(&path, &text);
        (variable, path.to_str().unwrap().to_owned())
    })
}

#[test]
fn check_tells_when_a_certificate_ends() {
    let folder = folder();
    let until = |days| format!("{} 00:00 UTC", midnight(days).strftime("%F"));
    let cases = [
        (
            (-1, 40),
            "ok",
            format!("is valid until {}, for 39 days", until(40)),
        ),
        (
            (-1, 20),
            "warning",
            format!("ends in 19 days, on {}", until(20)),
        ),
        (
            (-9, -3),
            "failure",
            format!("ended 3 days ago, on {}: clients refuse it", until(-3)),
        ),
        (
            (2, 400),
            "failure",
            format!("is not valid before {}: clients refuse it", until(2)),
        ),
    ];
    for ((from, to), verdict, said) in cases {
        let given = certificate(folder.path(), from, to);
        let given = given.each_ref().map(|(name, path)| (*name, path.as_str()));

        let (status, report) = check(folder.path(), &[], &given);

        let found = verdicts(&report, "certificate");
        let (judged, text) = found.first().unwrap();
        assert_eq!(
            (judged.as_str(), status),
            (verdict, i32::from(verdict == "failure"))
        );
        assert!(text.ends_with(&format!("cert.pem {said}")), "{text}");
        assert_eq!(
            report["checks"].to_string().contains("\"repair\""),
            verdict != "ok"
        );
    }
}

#[test]
fn the_certificate_that_is_made_here_lasts() {
    let folder = folder();
    let (_, report) = check(folder.path(), &[], &[]);
    let before = verdicts(&report, "certificate");
    assert_eq!(
        before.first().unwrap().1,
        "one of our own, made at the first start"
    );

    Todd::start(folder.path()).stop();

    let (_, report) = check(folder.path(), &[], &[]);
    let after = verdicts(&report, "certificate");
    let (judged, text) = after.first().unwrap();
    assert_eq!(judged, "ok");
    assert!(
        text.contains("tls/cert.pem is valid until 2070-01-01 00:00 UTC"),
        "{text}"
    );
}

/// What a server shows to whoever connects, and what it says that it shows.
async fn shown(address: &str) -> (Certificate, Option<Certificate>) {
    let url = format!("https://{address}");
    let met = introduce(&url).await.unwrap().unwrap();
    let client = Client::new(Https::new(&url, Trust::Pin(met.fingerprint)).unwrap());
    let status = client
        .call(Show, Empty {}, Empty {}, Empty {})
        .await
        .unwrap();
    (met.certificate.unwrap(), status.certificate)
}

#[test]
fn a_renewed_certificate_is_shown_after_a_hangup() {
    let folder = folder();
    let given = certificate(folder.path(), -1, 10);
    let data = folder.path().join("data");
    let mut serve = serve(&data);
    let todd = Todd::spawn(
        {
            serve.envs(given);
            serve
        },
        &data,
    );
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (before, told) = runtime.block_on(shown(&todd.address));
    assert_eq!(before.fingerprint, todd.fingerprint);
    assert_eq!(before.not_after, midnight(10));
    assert_eq!(told.as_ref(), Some(&before), "it knows what it shows");

    certificate(folder.path(), -1, 400);
    todd.signal(Signal::HUP);

    wait_until("the new certificate is shown", || {
        let (after, told) = runtime.block_on(shown(&todd.address));
        after != before && after.not_after == midnight(400) && told == Some(after)
    });
    todd.stop();
}
