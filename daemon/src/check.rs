//! `todd check`: every setting with its value and where it is from, and whether a start would go
//! well. It changes nothing.

use std::io::Write as _;
use std::process::ExitCode;

use serde::Serialize;
use tod_proto::untrusted::plain;
use tod_service::layers::Layers;

use crate::args::{CheckArgs, Output};
use crate::config::Config;
use crate::environment::Environment;
use crate::settings;

mod probes;

/// Everything that is said.
#[derive(Debug, Serialize)]
struct Report {
    /// Whether no check failed.
    ok: bool,
    settings: Vec<Row>,
    names: Vec<Note>,
    checks: Vec<Check>,
}

/// A setting.
#[derive(Debug, Serialize)]
struct Row {
    key: String,
    value: String,
    from: String,
}

/// A name that means nothing, or something else than whoever wrote it thinks.
#[derive(Debug, Serialize)]
struct Note {
    name: String,
    message: String,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Ok,
    Warning,
    Failure,
}

/// Something that was looked at.
#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    verdict: Verdict,
    message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    repair: Option<String>,
}

impl Check {
    fn ok(name: &'static str, message: impl Into<String>) -> Self {
        Self {
            name,
            verdict: Verdict::Ok,
            message: message.into(),
            repair: None,
        }
    }

    fn warning(name: &'static str, message: impl Into<String>, repair: impl Into<String>) -> Self {
        Self {
            name,
            verdict: Verdict::Warning,
            message: message.into(),
            repair: Some(repair.into()),
        }
    }

    fn failure(name: &'static str, message: impl Into<String>, repair: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Failure,
            ..Self::warning(name, message, repair)
        }
    }
}

/// Looks at everything and says it. 0: all is well; 1: something is not; 2: the configuration
/// cannot be read.
pub(crate) fn run(args: &CheckArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let (report, code) = look(args, environment)?;
    let text = match args.output {
        Output::Json => serde_json::to_string_pretty(&report)?,
        Output::Text => report.text(),
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush())?;
    Ok(ExitCode::from(code))
}

fn look(args: &CheckArgs, environment: &Environment) -> anyhow::Result<(Report, u8)> {
    let mut names = strange_variables(environment);
    let unreadable = |error: anyhow::Error, names| {
        let repair = "the settings there are: docs/settings.md, or todd config default";
        let report = Report {
            ok: false,
            settings: Vec::new(),
            names,
            checks: vec![Check::failure(
                "configuration",
                format!("{error:#}"),
                repair,
            )],
        };
        Ok((report, 2))
    };
    let layers = match Config::layers(&args.common, environment) {
        Ok(layers) => layers,
        Err(error) => return unreadable(error, names),
    };
    names.extend(strange_keys(&layers));
    let config = match Config::load(&args.common, environment) {
        Ok((config, _)) => config,
        Err(error) => return unreadable(error, names),
    };
    let settings = rows(&config, &layers, environment)?;
    let checks = crate::block_on(async { Ok(probes::all(&config, environment).await) })?;
    let ok = checks.iter().all(|check| check.verdict != Verdict::Failure);
    let report = Report {
        ok,
        settings,
        names,
        checks,
    };
    Ok((report, u8::from(!ok)))
}

fn rows(config: &Config, layers: &Layers, environment: &Environment) -> anyhow::Result<Vec<Row>> {
    let values = serde_json::to_value(config)?;
    let mut rows = Vec::new();
    for setting in settings::all() {
        let pointer = format!("/{}", setting.key.replace('.', "/"));
        let value = match values.pointer(&pointer) {
            None | Some(serde_json::Value::Null) => "not set".to_owned(),
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
        };
        let from = layers.origin(&setting.key).map(ToString::to_string);
        rows.push(Row {
            value: without_password(&value),
            from: from.unwrap_or_else(|| "default".to_owned()),
            key: setting.key,
        });
    }
    let key = "CREDENTIAL_ENCRYPTION_KEY";
    if environment.get(key).is_some() {
        rows.push(Row {
            key: key.to_owned(),
            value: "set, not shown".to_owned(),
            from: format!("variable {key}"),
        });
    }
    Ok(rows)
}

/// Addresses of NATS may hold a name and a password.
fn without_password(text: &str) -> String {
    match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://…@{rest}"),
        _ => text.to_owned(),
    }
}

/// Variables that mean nothing here, or look as if they were meant to mean something.
fn strange_variables(environment: &Environment) -> Vec<Note> {
    let own: Vec<String> = settings::all()
        .iter()
        .filter_map(|setting| settings::variable(&setting.key))
        .collect();
    let known = || {
        let aliases = settings::ALIASES.iter().map(|alias| alias.name);
        let alone = settings::ALONE.iter().map(|(name, _)| *name);
        aliases.chain(alone).chain(own.iter().map(String::as_str))
    };
    let mut notes = Vec::new();
    for (name, _) in environment.all() {
        let retired = settings::RETIRED.iter().find(|(other, _)| *other == name);
        let message = match retired {
            Some((_, reason)) => format!("has no effect: {reason}"),
            None if known().any(|other| other == name) => continue,
            None => match settings::nearest(&name, known()) {
                Some(near) => format!("is unknown; did you mean {near}?"),
                None => continue,
            },
        };
        notes.push(Note { name, message });
    }
    notes.sort_by(|one, other| one.name.cmp(&other.name));
    notes
}

/// Keys that no setting has.
fn strange_keys(layers: &Layers) -> Vec<Note> {
    let all = settings::all();
    let known = || all.iter().map(|setting| setting.key.as_str());
    let mut notes = Vec::new();
    for (key, origin) in layers.origins() {
        if known().any(|other| other == key) {
            continue;
        }
        let near = settings::nearest(&key, known());
        let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        notes.push(Note {
            name: key,
            message: format!("is no setting ({origin}){near}"),
        });
    }
    notes
}

impl Report {
    fn text(&self) -> String {
        let mut lines = Vec::new();
        let width = |texts: &mut dyn Iterator<Item = &str>| {
            texts.map(|text| text.chars().count()).max().unwrap_or(0)
        };
        let keys = width(&mut self.settings.iter().map(|row| row.key.as_str()));
        let values = width(&mut self.settings.iter().map(|row| row.value.as_str())).min(40);
        for row in &self.settings {
            let (key, value, from) = (&row.key, plain(&row.value), plain(&row.from));
            lines.push(format!("{key:keys$}  {value:values$}  {from}"));
        }
        for note in &self.names {
            lines.push(format!("▲ {} {}", plain(&note.name), plain(&note.message)));
        }
        for check in &self.checks {
            let mark = match check.verdict {
                Verdict::Ok => "✓",
                Verdict::Warning => "▲",
                Verdict::Failure => "✗",
            };
            lines.push(format!("{mark} {}: {}", check.name, plain(&check.message)));
            if let Some(repair) = &check.repair {
                lines.push(format!("    {}", plain(repair)));
            }
        }
        let count = |verdict| {
            let alike = self.checks.iter().filter(|check| check.verdict == verdict);
            alike.count()
        };
        let warnings = count(Verdict::Warning) + self.names.len();
        lines.push(match (count(Verdict::Failure), warnings) {
            (0, 0) => "all is well".to_owned(),
            (failures, warnings) => format!("failures: {failures}, warnings: {warnings}"),
        });
        lines.join("\n")
    }
}
