//! `todctl doctor`

mod network;

use std::os::unix::fs::PermissionsExt as _;

use jiff::Timestamp;
use serde::Serialize;
use tod_client::store::{Kind, Store};
use tod_client::view::Tone;
use tod_client::view::units::span;
use tod_proto::api::account::Whoami;
use tod_proto::api::status;
use tod_proto::certificate::Certificate;
use tod_proto::page::Empty;
use tod_proto::untrusted::plain;

use crate::cx::Cx;
use crate::error::{CliError, exit};
use crate::term::Paint;

/// Check this machine, the server and the session
#[derive(Debug, clap::Args)]
pub struct Args {}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Ok,
    Warning,
    Failure,
}

#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    verdict: Verdict,
    text: String,
    fix: Option<String>,
    /// When what was looked at ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

fn ok(name: &'static str, text: impl Into<String>) -> Check {
    Check {
        name,
        verdict: Verdict::Ok,
        text: text.into(),
        fix: None,
        expires_at: None,
    }
}

fn bad(name: &'static str, verdict: Verdict, error: &CliError) -> Check {
    let report = error.report();
    let why = report
        .why
        .map(|why| format!(" ({why})"))
        .unwrap_or_default();
    Check {
        name,
        verdict,
        text: format!("{}{why}", report.message),
        fix: report.next.first().cloned().or(report.hint),
        expires_at: None,
    }
}

pub(super) async fn run(Args {}: Args, cx: &mut Cx) -> Result<(), CliError> {
    let mut checks = vec![config(cx)];
    let met = match cx.here() {
        Err(_) => None,
        Ok((_, context)) => Some(network::look(&context, cx.clock.now()).await),
    };
    if let Some(met) = met {
        checks.extend(met.checks);
        if met.usable {
            match server(cx).await {
                Ok((check, served)) => {
                    checks.push(check);
                    let seen = met.certificate.as_ref();
                    checks.extend(network::behind(seen, served.as_ref(), cx.clock.now()));
                }
                Err(error) => checks.push(bad("server", Verdict::Failure, &error)),
            }
            checks.push(
                session(cx)
                    .await
                    .unwrap_or_else(|e| bad("session", Verdict::Failure, &e)),
            );
        }
    }
    checks.extend(api_key(cx));
    checks.push(secrets(cx));
    checks.push(terminal(cx));
    let failures = checks
        .iter()
        .filter(|check| check.verdict == Verdict::Failure)
        .count();
    let warnings = checks
        .iter()
        .filter(|check| check.verdict == Verdict::Warning)
        .count();
    cx.out
        .value("Doctor", serde_json::json!({"checks": checks}), || {
            checks
                .iter()
                .fold(String::new(), |text, check| text + &line(check))
        })?;
    cx.out.flush()?;
    cx.say
        .note(format!("{failures} failures, {warnings} warnings"));
    match failures {
        0 => Ok(()),
        _ => Err(CliError::outcome(exit::FAILURE)),
    }
}

fn line(check: &Check) -> String {
    let (mark, tone) = match check.verdict {
        Verdict::Ok => ("✓", Tone::Good),
        Verdict::Warning => ("▲", Tone::Warn),
        Verdict::Failure => ("✗", Tone::Bad),
    };
    let fix = check
        .fix
        .as_ref()
        .map(|fix| format!("    fix: {fix}"))
        .unwrap_or_default();
    format!(
        "{} {:<11} {}{fix}\n",
        Paint::tone(tone, mark),
        check.name,
        check.text
    )
}

fn config(cx: &mut Cx) -> Check {
    let path = cx.paths.config_file();
    let here = cx.config().and_then(|_| cx.here());
    match here {
        Ok((name, _)) => ok("config", format!("{}, context {name}", path.display())),
        Err(error) => bad("config", Verdict::Failure, &error),
    }
}

/// What the server says of itself, and which certificate it says that it shows.
async fn server(cx: &mut Cx) -> Result<(Check, Option<Certificate>), CliError> {
    let client = cx.client()?;
    let ready = client
        .call(status::Ready, Empty {}, Empty {}, Empty {})
        .await?;
    let shown = client
        .call(status::Show, Empty {}, Empty {}, Empty {})
        .await?;
    let skew = shown
        .time
        .duration_since(cx.clock.now())
        .as_secs()
        .unsigned_abs();
    let parts: Vec<String> = ready
        .checks
        .iter()
        .map(|(name, state)| format!("{} {}", plain(name), plain(state)))
        .collect();
    let text = format!(
        "{}, ready ({}), clock skew {}",
        plain(&shown.version),
        parts.join(", "),
        span(skew)
    );
    let mut check = ok("server", text);
    if !shown.alarms.is_empty() {
        check.verdict = Verdict::Failure;
        let alarms: Vec<String> = shown.alarms.iter().map(|alarm| plain(alarm)).collect();
        check.text = format!("{}; ALARM: {}", check.text, alarms.join("; "));
        check.fix = Some("see the server's log".to_owned());
        return Ok((check, shown.certificate));
    }
    if skew > 60 {
        check.verdict = Verdict::Warning;
        check.fix = Some("set the clock of this machine".to_owned());
    }
    Ok((check, shown.certificate))
}

async fn session(cx: &mut Cx) -> Result<Check, CliError> {
    let me = cx
        .client()?
        .call(Whoami, Empty {}, Empty {}, Empty {})
        .await?;
    Ok(ok("session", format!("{} ({})", plain(&me.email), me.role)))
}

/// A key in the environment acts instead of whoever is signed in, which is easily forgotten; and
/// everything that is started here can read it.
fn api_key(cx: &mut Cx) -> Option<Check> {
    match cx.api_key() {
        Ok(None) => return None,
        Ok(Some(_)) => {}
        Err(error) => return Some(bad("api key", Verdict::Failure, &error)),
    }
    let file = cx.env.os("TODCTL_API_KEY_FILE");
    let file = file.filter(|path| !path.is_empty());
    let name = match file {
        Some(_) => "TODCTL_API_KEY_FILE",
        None => "TODCTL_API_KEY",
    };
    let signed_in = cx.here().ok().and_then(|(_, context)| context.user);
    let mut text = format!("{name} is in the environment");
    if let Some(user) = &signed_in {
        text = format!("{text}: it acts, not {user}, who is signed in");
    }
    let exposed = file.is_some_and(|path| {
        std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0)
    });
    let fix = match (name, &signed_in) {
        _ if exposed => Some("chmod 600 \"$TODCTL_API_KEY_FILE\"".to_owned()),
        ("TODCTL_API_KEY", None) => Some("use TODCTL_API_KEY_FILE".to_owned()),
        (_, Some(_)) => Some(format!("to act as yourself: unset {name}")),
        _ => None,
    };
    if exposed {
        text.push_str("; others can read the file");
    }
    let verdict = match fix {
        Some(_) => Verdict::Warning,
        None => Verdict::Ok,
    };
    Some(Check {
        verdict,
        fix,
        ..ok("api key", text)
    })
}

fn secrets(cx: &mut Cx) -> Check {
    let kind = cx.here().ok().and_then(|(_, context)| context.store);
    match (kind, Store::probe_keyring()) {
        (Some(Kind::Insecure), _) => Check {
            verdict: Verdict::Warning,
            fix: Some("todctl login --store file".to_owned()),
            ..ok("secrets", "kept in a file that only its mode protects")
        },
        (Some(Kind::File), _) => ok("secrets", "kept in an encrypted file"),
        (Some(Kind::Memory), _) => ok("secrets", "not kept"),
        (Some(Kind::Keyring), Err(error)) => bad("secrets", Verdict::Failure, &error.into()),
        (_, Ok(())) => ok("secrets", "the OS keyring answers"),
        (None, Err(error)) => bad("secrets", Verdict::Warning, &error.into()),
    }
}

fn terminal(cx: &mut Cx) -> Check {
    let term = cx.env.text("TERM").unwrap_or("none").to_owned();
    let depth = match cx.env.text("COLORTERM") {
        Some("truecolor" | "24bit") => "true colour",
        _ if term.contains("256color") => "256 colours",
        _ => "16 colours",
    };
    let size = cx
        .term
        .width
        .map_or("no terminal".to_owned(), |width| format!("{width} columns"));
    let mut check = ok("terminal", format!("{term}, {depth}, {size}"));
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| cx.env.text(name));
    if locale.is_some_and(|name| !name.to_lowercase().replace('-', "").contains("utf8")) {
        check.verdict = Verdict::Warning;
        check.fix = Some("use a UTF-8 locale".to_owned());
    }
    check
}
