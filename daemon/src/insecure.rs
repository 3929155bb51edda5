//! What is fit for work on tod and not for a network: refused outside of `dev`, by the name of the
//! variable or setting, with what to do.

use std::net::IpAddr;
use std::path::Path;

use anyhow::bail;
use base64::Engine as _;
use secrecy::ExposeSecret as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::config::{Backend, Config, Database, Setting, Target};
use crate::environment::Environment;
use crate::postgres::Role;

/// Something that is not safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The variable or setting.
    pub name: String,
    /// What is wrong with it.
    pub problem: String,
    /// What to do.
    pub remedy: &'static str,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}; {}", self.name, self.problem, self.remedy)
    }
}

fn finding(name: &str, problem: impl Into<String>, remedy: &'static str) -> Finding {
    Finding {
        name: name.to_owned(),
        problem: problem.into(),
        remedy,
    }
}

/// Refuses what is not safe, unless this is `dev`, where it is said.
pub fn refuse(setting: Setting, findings: &[Finding]) -> anyhow::Result<()> {
    if findings.is_empty() {
        return Ok(());
    }
    if setting == Setting::Dev {
        for finding in findings {
            tracing::warn!("accepted because this is dev: {finding}");
        }
        return Ok(());
    }
    let lines: Vec<_> = findings.iter().map(|it| format!("\n  {it}")).collect();
    bail!(
        "not safe outside of dev (ENVIRONMENT=dev accepts it):{}",
        lines.concat()
    )
}

/// What can be seen without connecting anywhere.
pub fn look(config: &Config, environment: &Environment) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(secrets(environment));
    found.extend(database(&config.database));
    found.extend(key_service(config));
    let http = &config.http;
    if !http.tls && !http.listen.ip().is_loopback() {
        let problem = format!("plain HTTP on {}, which others can reach", http.listen);
        let remedy = "leave TLS on, or listen on 127.0.0.1 behind a proxy that speaks it";
        found.push(finding("http.tls", problem, remedy));
    }
    if http.door().cors_origins.is_any() {
        let remedy = "list the origins of the pages that may call, as https://console.example";
        found.push(finding(
            "CORS_ORIGINS",
            "`*` lets every web page call",
            remedy,
        ));
    }
    for server in config.bus.nats.iter().flat_map(|nats| nats.split(',')) {
        let (scheme, rest) = server.trim().split_once("://").unwrap_or(("nats", server));
        let host = rest.rsplit('@').next().unwrap_or_default();
        let host = match host.rsplit_once(':') {
            Some((before, _)) if !host.ends_with(']') => before,
            _ => host,
        };
        if !["tls", "wss"].contains(&scheme) && !is_loopback(host) {
            let problem = format!("NATS at {} in the clear", host.escape_debug());
            found.push(finding("NATS_URL", problem, "write tls://HOST:4222"));
        }
    }
    found
}

fn key_service(config: &Config) -> Option<Finding> {
    let keys = &config.keys;
    let is_used = keys.backend == Backend::Transit && config.target != Target::Poller;
    if !is_used || !keys.transit.is_known() {
        return None;
    }
    let remedy = "make another: bao token create -policy=tod -period=24h -orphan";
    let problem = "a token of an example, that everybody knows";
    Some(finding("OPENBAO_TOKEN", problem, remedy))
}

fn secrets(environment: &Environment) -> Vec<Finding> {
    let mut found = Vec::new();
    if environment
        .get("CREDENTIAL_ENCRYPTION_KEY")
        .is_some_and(is_example_key)
    {
        let problem = "an example, a pattern or text, which others can guess";
        let remedy = "make one: openssl rand -hex 32";
        found.push(finding("CREDENTIAL_ENCRYPTION_KEY", problem, remedy));
    }
    if environment.get("JWT_SECRET_KEY").is_some_and(is_example) {
        let problem = "an example; whoever copied it has copied others, too";
        let remedy = "remove it: keys of tokens are made here";
        found.push(finding("JWT_SECRET_KEY", problem, remedy));
    }
    found
}

/// Words of examples.
const EXAMPLES: [&str; 8] = [
    "change",
    "example",
    "insecure",
    "placeholder",
    "replace",
    "your-",
    "your_",
    "default",
];

fn is_example(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let word = EXAMPLES.iter().any(|word| lower.contains(word));
    word || ["secret", "test", "dev"]
        .iter()
        .any(|start| lower.starts_with(start))
        || few(text.as_bytes(), 6)
}

/// Whether there are fewer than `least` different bytes.
fn few(bytes: &[u8], least: usize) -> bool {
    let mut seen = bytes.to_vec();
    seen.sort_unstable();
    seen.dedup();
    seen.len() < least
}

/// Whether a key was not drawn at random: of 32 random bytes, nearly all are different.
fn is_example_key(text: &str) -> bool {
    let text = text.trim();
    let hex = hex::decode(text).ok();
    let bytes = hex.or_else(|| base64::engine::general_purpose::STANDARD.decode(text).ok());
    let Some(bytes) = bytes else {
        return is_example(text);
    };
    let step = |pair: &[u8]| match pair {
        [one, other] => other.wrapping_sub(*one),
        _ => 0,
    };
    let mut steps = bytes.windows(2).map(step);
    let first = steps.next();
    let counts = steps.all(|step| Some(step) == first);
    counts || few(&bytes, 16) || bytes.iter().all(|byte| (b' '..=b'~').contains(byte))
}

/// Passwords that everybody tries first, and those of examples.
const PASSWORDS: [&str; 14] = [
    "postgres",
    "password",
    "app_password",
    "poller_password",
    "secret",
    "changeme",
    "change_me",
    "change-me",
    "tod",
    "admin",
    "root",
    "example",
    "123456",
    "tod_app",
];

fn database(database: &Database) -> Vec<Finding> {
    let urls = [
        ("DATABASE_URL", &database.url, Role::App),
        ("database.owner_url", &database.owner_url, Role::Owner),
        ("database.system_url", &database.system_url, Role::System),
    ];
    let mut found = Vec::new();
    for (name, url, role) in urls {
        let Some(url) = url else { continue };
        if password(url.expose_secret()).is_some_and(|it| PASSWORDS.contains(&it.as_str())) {
            let remedy = "give the role another: alter role … password '…'";
            found.push(finding(name, "the password of an example", remedy));
        }
        let Ok(Some(options)) = database.connect(role) else {
            continue;
        };
        if is_in_the_clear(&options) {
            let problem = format!(
                "{} is reached without TLS being required",
                options.get_host().escape_debug()
            );
            let remedy = "append ?sslmode=verify-full (or require)";
            found.push(finding(name, problem, remedy));
        }
    }
    found
}

/// The password in a URL, in lower case.
fn password(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = place.split('/').next()?;
    let in_place = authority
        .rsplit_once('@')
        .and_then(|(who, _)| who.split_once(':'))
        .map(|(_, password)| password);
    let in_query = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("password="));
    in_place.or(in_query).map(str::to_ascii_lowercase)
}

fn is_in_the_clear(options: &PgConnectOptions) -> bool {
    let is_optional = matches!(
        options.get_ssl_mode(),
        PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer
    );
    let host = options.get_host();
    is_optional && options.get_socket().is_none() && !host.starts_with('/') && !is_loopback(host)
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost"
        || bare
            .parse()
            .is_ok_and(|ip: IpAddr| ip.to_canonical().is_loopback())
}

/// What a role of the database may do beyond its work.
pub fn of_role(role: Role, seen: &crate::database::Seen) -> Option<Finding> {
    let problem = if seen.superuser {
        "is a superuser, for whom no wall between tenants stands"
    } else if seen.bypasses {
        "may bypass row-level security, the wall between tenants"
    } else if seen.owns && role != Role::Owner {
        "owns the tables, so that it could take the walls between tenants down"
    } else {
        return None;
    };
    let name = match role {
        Role::App => "DATABASE_URL",
        Role::Owner => "database.owner_url",
        Role::System => "database.system_url",
    };
    let problem = format!("the role {} {problem}", seen.user.escape_debug());
    let remedy = "sign in as a role that only has what the migrations grant";
    Some(finding(name, problem, remedy))
}

/// A key file that others can read.
pub fn of_key_file(path: &Path) -> Option<Finding> {
    let mode = crate::tls::exposed(path)?;
    let problem = format!("{} can be read by others (mode {mode:o})", path.display());
    Some(finding("keys.master_key_file", problem, "chmod 600"))
}

#[cfg(test)]
mod tests;
