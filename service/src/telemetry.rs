//! Logs: to standard error, as lines for people or as JSON for machines.

use std::io::IsTerminal as _;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use uuid::Uuid;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Lines for people when standard error is a terminal, else JSON.
    #[default]
    Auto,
    /// Lines for people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// What is logged and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Logging {
    /// How lines look: `auto`, `pretty` or `json`.
    pub format: Format,
    /// What is logged: a level, or directives as `info,tod_poller=debug`.
    pub level: String,
}

/// The level or directives make no sense.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// What to log is not understood.
    #[error("`{0}` is neither a log level nor a list of log directives")]
    Level(String),
    /// Somebody else has set up logging in this process.
    #[error("logging is already set up")]
    Twice,
}

impl Default for Logging {
    fn default() -> Self {
        Self {
            format: Format::Auto,
            level: "info".to_owned(),
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "pretty" => Ok(Self::Pretty),
            "json" => Ok(Self::Json),
            other => Err(format!("`{other}` is none of auto, pretty, json")),
        }
    }
}

/// Starts logging.
pub fn init(logging: &Logging) -> Result<(), TelemetryError> {
    let filter = filter(&logging.level)?;
    let terminal = std::io::stderr().is_terminal();
    let json = match logging.format {
        Format::Auto => !terminal,
        Format::Pretty => false,
        Format::Json => true,
    };
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let result = if json {
        registry
            .with(layer.json().flatten_event(true).with_current_span(true))
            .try_init()
    } else {
        registry
            .with(layer.compact().with_ansi(terminal).with_target(false))
            .try_init()
    };
    result.map_err(|_| TelemetryError::Twice)
}

fn filter(level: &str) -> Result<EnvFilter, TelemetryError> {
    let invalid = |_| TelemetryError::Level(level.escape_debug().to_string());
    // Libraries speak up when something is wrong; their `info` is ours to say.
    let quiet = "sqlx=warn,async_nats=warn,hyper=warn,h2=warn,rustls=warn,russh=warn";
    let plain = level.parse::<tracing::Level>().is_ok();
    let directives = if plain {
        format!("{level},{quiet}")
    } else {
        level.to_owned()
    };
    EnvFilter::builder().parse(directives).map_err(invalid)
}

/// A new id for a request, shown to its caller and logged with everything it does.
pub fn request_id() -> String {
    format!("req-{}", Uuid::now_v7().simple())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_directives_are_understood_and_nonsense_is_refused() {
        for level in ["info", "DEBUG", "info,tod_poller=debug"] {
            assert!(filter(level).is_ok(), "{level}");
        }
        assert!(filter("tod=loud").is_err());
        assert_ne!(request_id(), request_id());
    }
}
