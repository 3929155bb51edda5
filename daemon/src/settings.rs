//! Every setting there is: its own name, the names that the field knows it by, and names that have
//! no meaning here, with the reason.
//!
//! **Invariant:** what a setting is and what its default is stands in `config/default.toml` alone,
//! what else it is called here alone; reference, `todd check` and the layers read these.

use std::fmt::Write as _;

use anyhow::bail;

use crate::config;
use crate::environment::Environment;

mod retired;

pub use self::retired::RETIRED;

/// A name that the field knows a setting by.
#[derive(Clone, Copy, Debug)]
pub struct Alias {
    /// The variable.
    pub name: &'static str,
    /// The setting, dotted.
    pub key: &'static str,
    unit: Unit,
}

/// What the variable's number counts.
#[derive(Clone, Copy, Debug)]
enum Unit {
    /// It is no number.
    Text,
    Number,
    Seconds,
    Minutes,
    Days,
}

const fn alias(name: &'static str, key: &'static str, unit: Unit) -> Alias {
    Alias { name, key, unit }
}

/// Names that mean a setting. Later ones win, and a `TOD_` variable before all.
pub const ALIASES: &[Alias] = &[
    alias("ENVIRONMENT", "environment", Unit::Text),
    alias("LOG_LEVEL", "log.level", Unit::Text),
    alias("APP_BASE_URL", "http.base_url", Unit::Text),
    alias("TLS_CERT", "http.certificate", Unit::Text),
    alias("TLS_KEY", "http.key", Unit::Text),
    alias("FORWARDED_ALLOW_IPS", "http.trusted_proxies", Unit::Text),
    alias("TRUSTED_PROXIES", "http.trusted_proxies", Unit::Text),
    alias("CORS_ORIGINS", "http.cors_origins", Unit::Text),
    alias("DATABASE_URL", "database.url", Unit::Text),
    alias("DB_POOL_SIZE", "database.connections", Unit::Number),
    alias("NATS_URL", "bus.nats", Unit::Text),
    alias("OPENBAO_ADDR", "keys.transit.address", Unit::Text),
    alias("OPENBAO_TOKEN", "keys.transit.token", Unit::Text),
    alias(
        "JWT_ACCESS_TOKEN_EXPIRE_MINUTES",
        "auth.access",
        Unit::Minutes,
    ),
    alias("JWT_REFRESH_TOKEN_EXPIRE_DAYS", "auth.session", Unit::Days),
    alias("SSH_IDLE_TIMEOUT", "terminals.idle", Unit::Seconds),
    alias("SSH_MAX_SESSIONS", "terminals.most", Unit::Number),
    alias("SSH_MAX_PER_USER", "terminals.per_person", Unit::Number),
    alias("SSH_MAX_PER_DEVICE", "terminals.per_device", Unit::Number),
    alias("POLL_INTERVAL_SECONDS", "poller.every", Unit::Seconds),
    alias(
        "CONNECTION_TIMEOUT_SECONDS",
        "poller.connect_timeout",
        Unit::Seconds,
    ),
    alias(
        "COMMAND_TIMEOUT_SECONDS",
        "poller.command_timeout",
        Unit::Seconds,
    ),
    alias(
        "CIRCUIT_BREAKER_MAX_FAILURES",
        "poller.breaker_failures",
        Unit::Number,
    ),
    alias(
        "CIRCUIT_BREAKER_BASE_BACKOFF_SECONDS",
        "poller.breaker_wait",
        Unit::Seconds,
    ),
    alias(
        "CIRCUIT_BREAKER_MAX_BACKOFF_SECONDS",
        "poller.breaker_longest",
        Unit::Seconds,
    ),
];

/// Variables that are no setting of the file.
pub const ALONE: &[(&str, &str)] = &[
    (
        "CREDENTIAL_ENCRYPTION_KEY",
        "the key that wraps all others: 64 digits of hex, or base64 of 32 bytes",
    ),
    ("TOD_CONFIG", "the configuration file, as --config"),
    ("TOD_DATA_DIR", "the data directory, as --data-dir"),
];

/// A setting as the default configuration describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Its key, dotted.
    pub key: String,
    /// Its default, as TOML; nothing when there is none to write down.
    pub default: Option<String>,
    /// What it is.
    pub about: String,
}

impl Alias {
    /// The value as the setting wants it. A number that is none is refused by the variable's name.
    pub fn translate(&self, text: &str) -> anyhow::Result<String> {
        let suffix = match self.unit {
            Unit::Text => return Ok(text.to_owned()),
            Unit::Number => "",
            Unit::Seconds => "s",
            Unit::Minutes => "m",
            Unit::Days => "d",
        };
        let text = text.trim();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            let name = self.name;
            bail!(
                "variable {name}: `{}` is no whole number",
                text.escape_debug()
            );
        }
        Ok(format!("{text}{suffix}"))
    }
}

/// All settings, in the order of the default configuration.
pub fn all() -> Vec<Described> {
    let (mut found, mut section, mut about) = (Vec::new(), String::new(), String::new());
    let mut is_fresh = false;
    for line in config::DEFAULT.lines() {
        let name = line.trim_matches(['[', ']']);
        if line.starts_with('[') {
            section = format!("{name}.");
            if line.starts_with("[[") {
                found.push(Described {
                    key: name.to_owned(),
                    default: None,
                    about: std::mem::take(&mut about),
                });
            }
            continue;
        }
        let bare = line.strip_prefix("# ").unwrap_or(line);
        let setting = bare.split_once(" = ").filter(|(key, _)| !key.contains(' '));
        match setting {
            // What is inside a zone is told with it.
            Some(_) if section == "poller.zones." => {}
            Some((key, value)) => {
                is_fresh = true;
                found.push(Described {
                    key: format!("{section}{key}"),
                    default: (!line.starts_with('#')).then(|| value.to_owned()),
                    about: about.clone(),
                });
            }
            None if line.starts_with('#') => {
                if std::mem::take(&mut is_fresh) {
                    about.clear();
                }
                if !about.is_empty() {
                    about.push(' ');
                }
                about.push_str(bare);
            }
            None => {
                is_fresh = false;
                about.clear();
            }
        }
    }
    found
}

/// The variable that sets a key.
pub fn variable(key: &str) -> Option<String> {
    // Those without a section have names of their own.
    key.contains('.')
        .then(|| format!("TOD_{}", key.to_uppercase().replace('.', "__")))
}

/// Names of variables that mean a key, its own first.
pub fn names(key: &str) -> Vec<String> {
    let aliases = ALIASES.iter().filter(|alias| alias.key == key);
    let own = match key {
        "data_dir" => Some("TOD_DATA_DIR".to_owned()),
        _ => variable(key),
    };
    own.into_iter()
        .chain(aliases.map(|alias| alias.name.to_owned()))
        .collect()
}

/// Names that are set and have no meaning here, each with the reason.
pub fn without_effect(
    environment: &Environment,
) -> impl Iterator<Item = (&'static str, &'static str)> {
    let is_set = |name: &str| environment.get(name).is_some();
    RETIRED
        .iter()
        .copied()
        .filter(move |(name, _)| is_set(name))
}

/// What somebody may have meant by `word`.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let far = (word.len() / 4).clamp(1, 3);
    let distances = known.into_iter().map(|name| (distance(word, name), name));
    distances
        .filter(|(distance, _)| *distance <= far)
        .min()
        .map(|(_, name)| name)
}

/// How many letters to change, add or leave out, from one word to another.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (i, a) in one.chars().enumerate() {
        let (mut corner, mut left) = (i, i + 1);
        let mut next = vec![left];
        for (above, b) in row.iter().skip(1).zip(other.chars()) {
            let change = corner + usize::from(a != b);
            left = change.min(above + 1).min(left + 1);
            corner = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

const HEAD: &str = "\
# Settings

Written from the program; `cargo xtask gen` writes it anew. Later layers win: the defaults, the file
(`--config`), variables by the names that the field knows, variables that begin with `TOD_`, flags.
`todd check` shows each value and where it is from. [todd.toml](todd.toml) is the file with all
defaults.

| setting | variables | default | what |
|---|---|---|---|
";

/// The reference, in Markdown.
pub fn reference() -> String {
    let mut text = HEAD.to_owned();
    for setting in all() {
        let names: Vec<_> = names(&setting.key)
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        let default = setting
            .default
            .map(|it| format!("`{it}`"))
            .unwrap_or_default();
        let (key, about) = (&setting.key, setting.about.replace('|', "\\|"));
        let row = format!("| `{key}` | {} | {default} | {about} |", names.join(" "));
        text.push_str(&row.replace("|  |", "| |"));
        text.push('\n');
    }
    text.push_str("\n## Variables alone\n\n| variable | what |\n|---|---|\n");
    for (name, what) in ALONE {
        line(&mut text, name, what);
    }
    text.push_str(
        "\n## Names without a meaning here\n\n`todd check` says so when they are set.\n\n\
         | variable | instead |\n|---|---|\n",
    );
    for (name, reason) in RETIRED {
        line(&mut text, name, reason);
    }
    text
}

fn line(text: &mut String, name: &str, what: &str) {
    let written = writeln!(text, "| `{name}` | {what} |");
    // Writing to a string does not fail.
    debug_assert!(written.is_ok());
}

#[cfg(test)]
mod tests;
