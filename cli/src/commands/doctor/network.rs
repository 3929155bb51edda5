//! The way to the server: whether it is the one that is meant, and for how long it can show that.

use jiff::Timestamp;
use tod_client::Error;
use tod_client::profile::Context;
use tod_client::tls::{Introduction, Trust, introduce};
use tod_proto::certificate::{Certificate, Standing};

use super::{Check, Verdict, bad, ok};
use crate::error::CliError;

/// What a first look at the server showed.
pub(super) struct Met {
    pub(super) checks: Vec<Check>,
    /// Whether a call can be made.
    pub(super) usable: bool,
    /// The certificate that was shown to us.
    pub(super) certificate: Option<Certificate>,
}

/// Connects, and looks at the certificate.
pub(super) async fn look(context: &Context, now: Timestamp) -> Met {
    let server = &context.server;
    let (shown, trust) = match (introduce(server).await, context.trust()) {
        (Ok(Some(shown)), Ok(trust)) => (shown, trust),
        (Ok(None), _) => return alone(ok("network", format!("{server}, without TLS"))),
        (Err(error), _) | (_, Err(error)) => {
            return alone(bad("network", Verdict::Failure, &CliError::Call(error)));
        }
    };
    let pinned = trust != Trust::Authorities;
    let network = match who(&shown, trust) {
        Ok(who) => {
            let short = shown.fingerprint.short();
            ok(
                "network",
                format!("{server}, TLS, certificate {short} {who}"),
            )
        }
        Err(error) => bad("network", Verdict::Failure, &CliError::Call(error)),
    };
    let usable = network.verdict != Verdict::Failure;
    let mut checks = vec![network];
    checks.extend(shown.certificate.as_ref().map(|it| lasts(it, pinned, now)));
    Met {
        checks,
        usable,
        certificate: shown.certificate,
    }
}

fn alone(check: Check) -> Met {
    Met {
        usable: check.verdict != Verdict::Failure,
        checks: vec![check],
        certificate: None,
    }
}

/// Why the server is taken for the one that is meant.
fn who(shown: &Introduction, trust: Trust) -> Result<&'static str, Error> {
    let seen = shown.fingerprint.to_string();
    match (trust, &shown.untrusted) {
        (Trust::Pin(pin), _) if pin == shown.fingerprint => Ok("pinned"),
        (Trust::Pin(pin), _) => Err(Error::PinMismatch {
            expected: pin.to_string(),
            seen,
        }),
        (Trust::Authorities, None) => Ok("vouched for"),
        (Trust::Authorities, Some(reason)) => Err(Error::Untrusted {
            seen: Some(seen),
            reason: reason.clone(),
        }),
    }
}

/// How long the certificate that we were shown can be used.
fn lasts(certificate: &Certificate, pinned: bool, now: Timestamp) -> Check {
    let mut check = judge("certificate", certificate, now);
    let ends = matches!(
        certificate.standing(now),
        Standing::EndsSoon | Standing::Ended
    );
    if let Some(fix) = check.fix.as_mut().filter(|_| pinned && ends) {
        fix.push_str("; then tell whoever pinned it: todctl login --trust-server SHA256");
    }
    if pinned && check.verdict == Verdict::Failure {
        check
            .text
            .push_str("; this context goes by its pin, others are refused");
    }
    check
}

/// What the server shows to a proxy that stands before it, if one does: nobody else sees it end.
pub(super) fn behind(
    seen: Option<&Certificate>,
    served: Option<&Certificate>,
    now: Timestamp,
) -> Option<Check> {
    let served = served?;
    if seen.is_some_and(|seen| seen.fingerprint == served.fingerprint) {
        return None;
    }
    let mut check = judge("origin", served, now);
    check.text = format!("behind a proxy, todd's own certificate {}", check.text);
    Some(check)
}

fn judge(name: &'static str, certificate: &Certificate, now: Timestamp) -> Check {
    let renew = "renew the files of TLS_CERT and TLS_KEY on the server, which reads them again";
    let (verdict, fix) = match certificate.standing(now) {
        Standing::Good => (Verdict::Ok, None),
        Standing::EndsSoon => (Verdict::Warning, Some(renew)),
        Standing::Ended => (Verdict::Failure, Some(renew)),
        Standing::NotYet => (
            Verdict::Failure,
            Some("is the clock of this machine right? else the server needs one that is valid"),
        ),
    };
    Check {
        verdict,
        fix: fix.map(str::to_owned),
        expires_at: Some(certificate.not_after),
        ..ok(name, certificate.describe(now))
    }
}
