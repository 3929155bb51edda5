//! `todctl device add`

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tod_proto::api::devices::{Add, NewDevice, TlsMode};
use tod_proto::page::Empty;
use tod_proto::untrusted::plain;

use crate::cx::Cx;
use crate::error::{CliError, exit, file};
use crate::output::Listing;
use crate::secrets::PasswordArgs;

/// A list of devices is not longer.
const MAX_FILE: u64 = 64 << 20;

/// Add devices
///
/// They are polled at once. A file has a header line (CSV) or is a JSON array or JSON lines, with
/// the fields name, address, port, `ssh_port`, tls, username, password, zone, site, tags, note and
/// `poll_seconds`; what it leaves out comes from the flags.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    todctl device add 10.4.0.1 --name ber-core-01 --username tod --password-file pw --site berlin\n  \
    todctl device add --from routers.csv --username tod --password-stdin < pw")]
pub struct Args {
    /// Addresses: IP or host name
    #[arg(value_name = "ADDRESS", required_unless_present = "from")]
    addresses: Vec<String>,
    /// Add the devices of this file; `-` is stdin
    #[arg(long, value_name = "FILE", conflicts_with = "addresses")]
    from: Option<PathBuf>,
    /// How the file is written [default: by its name, else csv]
    #[arg(long = "format", value_name = "FORMAT", requires = "from")]
    file_format: Option<FileFormat>,
    /// The name [default: the address]
    #[arg(long)]
    name: Option<String>,
    /// The port of the API [default: 8729, or 8728 with --tls plain or ssh]
    #[arg(long)]
    port: Option<u16>,
    /// The port of SSH [default: 22]
    #[arg(long)]
    ssh_port: Option<u16>,
    /// How the API session is protected: auto, verified, pinned, plain, anonymous, ssh
    #[arg(long, value_parser = tls_mode)]
    tls: Option<TlsMode>,
    /// The account to sign in with
    #[arg(long)]
    username: Option<String>,
    #[command(flatten)]
    password: PasswordArgs,
    /// Which pollers reach it
    #[arg(long)]
    zone: Option<String>,
    /// Where it stands
    #[arg(short = 's', long)]
    site: Option<String>,
    /// A label; may be repeated
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Free text
    #[arg(long)]
    note: Option<String>,
    /// Seconds between polls [default: 60]
    #[arg(long, value_name = "N")]
    poll_seconds: Option<u32>,
    /// Only say what would be added
    #[arg(short = 'n', long)]
    dry_run: bool,
}

/// How a list of devices is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FileFormat {
    /// Comma-separated with a header
    Csv,
    /// A JSON array, or an object with `items`
    Json,
    /// One JSON object for each line
    Jsonl,
}

/// A TLS mode by its name.
pub fn tls_mode(text: &str) -> Result<TlsMode, String> {
    match text {
        "auto" => Ok(TlsMode::Auto),
        "verified" | "ca" => Ok(TlsMode::Verified),
        "pinned" => Ok(TlsMode::Pinned),
        "plain" => Ok(TlsMode::Plain),
        "anonymous" => Ok(TlsMode::Anonymous),
        "ssh" => Ok(TlsMode::Ssh),
        _ => Err(format!(
            "no TLS mode `{text}`: there are auto, verified, pinned, plain, anonymous and ssh"
        )),
    }
}

/// A device as a file describes it: everything but the address may be missing.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Entry {
    name: Option<String>,
    address: String,
    port: Option<u16>,
    ssh_port: Option<u16>,
    tls: Option<String>,
    username: Option<String>,
    password: Option<SecretString>,
    zone: Option<String>,
    site: Option<String>,
    tags: Option<Tags>,
    note: Option<String>,
    poll_seconds: Option<u32>,
}

/// A list in JSON, words in CSV.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Tags {
    List(Vec<String>),
    Words(String),
}

pub(super) async fn run(args: Args, cx: &mut Cx) -> Result<(), CliError> {
    let entries = match &args.from {
        Some(path) => read(path, args.file_format)?,
        None => args
            .addresses
            .iter()
            .map(|address| Entry {
                address: address.clone(),
                ..Entry::default()
            })
            .collect(),
    };
    if args.name.is_some() && entries.len() != 1 {
        return Err(CliError::usage("--name names one device"));
    }
    let lacking = entries.iter().any(|entry| entry.password.is_none());
    let password = match args.password.given(cx)? {
        None if lacking && !args.dry_run => {
            Some(args.password.get(cx, "Password of the devices:")?)
        }
        given => given,
    };
    let devices: Vec<NewDevice> = entries
        .into_iter()
        .map(|entry| args.complete(entry, password.as_ref()))
        .collect::<Result<_, _>>()?;
    if args.dry_run {
        cx.say.note(format!(
            "dry run: would add {} devices; nothing was sent",
            devices.len()
        ));
        return Ok(());
    }
    cx.may_change(&format!("add {} devices", devices.len()))?;
    send(cx, devices).await
}

/// Adds one device after the other.
async fn send(cx: &mut Cx, devices: Vec<NewDevice>) -> Result<(), CliError> {
    let (client, tenant) = cx.tenant().await?;
    let total = devices.len();
    let (mut added, mut failed) = (Vec::new(), 0);
    for device in devices {
        let name = device
            .name
            .clone()
            .unwrap_or_else(|| device.address.clone());
        match client.call(Add, tenant, Empty {}, device).await {
            Ok(device) => added.push(device),
            Err(error) if total == 1 => return Err(error.into()),
            Err(error) => {
                failed += 1;
                cx.say.loud(format!("{}: {error}", plain(&name)));
            }
        }
    }
    let count = added.len();
    cx.out.list(Listing::all(added))?;
    cx.out.flush()?;
    cx.say.next("todctl device list");
    match (count, failed) {
        (_, 0) => Ok(()),
        (0, _) => Err(CliError::outcome(exit::FAILURE)),
        _ => Err(CliError::outcome(exit::PARTIAL)),
    }
}

impl Args {
    /// Fills what the entry leaves out from the flags.
    fn complete(
        &self,
        entry: Entry,
        password: Option<&SecretString>,
    ) -> Result<NewDevice, CliError> {
        let missing = |what: &str| CliError::usage(format!("{}: {what} is missing", entry.address));
        if entry.address.is_empty() {
            return Err(CliError::usage("an entry without an address"));
        }
        let username = entry.username.clone().or_else(|| self.username.clone());
        let username = username.ok_or_else(|| missing("--username"))?;
        let secret = entry.password.as_ref().or(password);
        let tls = entry
            .tls
            .as_deref()
            .map(tls_mode)
            .transpose()
            .map_err(CliError::usage)?;
        let tags = match entry.tags {
            None => self.tags.clone(),
            Some(Tags::List(tags)) => tags,
            Some(Tags::Words(words)) => words
                .split([',', ' ', ';'])
                .filter(|tag| !tag.is_empty())
                .map(str::to_owned)
                .collect(),
        };
        Ok(NewDevice {
            name: entry.name.or_else(|| self.name.clone()),
            address: entry.address,
            port: entry.port.or(self.port),
            ssh_port: entry.ssh_port.or(self.ssh_port),
            tls: tls.or(self.tls).unwrap_or_default(),
            username,
            password: secret
                .map(|s| s.expose_secret().to_owned())
                .unwrap_or_default(),
            zone: entry.zone.or_else(|| self.zone.clone()),
            site: entry.site.or_else(|| self.site.clone()),
            tags,
            note: entry.note.or_else(|| self.note.clone()),
            poll_seconds: entry.poll_seconds.or(self.poll_seconds),
        })
    }
}

fn read(path: &Path, format: Option<FileFormat>) -> Result<Vec<Entry>, CliError> {
    let name = path.display().to_string();
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(File::open(path).map_err(file(&name))?)
    };
    let mut text = String::new();
    source
        .take(MAX_FILE)
        .read_to_string(&mut text)
        .map_err(file(&name))?;
    let format = format.unwrap_or(match path.extension().and_then(|e| e.to_str()) {
        Some("json") => FileFormat::Json,
        Some("jsonl" | "ndjson") => FileFormat::Jsonl,
        _ => FileFormat::Csv,
    });
    // The message may quote the file, and the file may hold passwords: only the place is told.
    let place = |line: usize| CliError::usage(format!("{name}: line {line} does not parse"));
    match format {
        FileFormat::Csv => csv(&text, &name),
        FileFormat::Jsonl => {
            let lines = text
                .lines()
                .enumerate()
                .filter(|(_, line)| !line.trim().is_empty());
            let parse = |(n, line)| serde_json::from_str(line).map_err(|_| place(n + 1));
            lines.map(parse).collect()
        }
        FileFormat::Json => {
            let value: serde_json::Value =
                serde_json::from_str(&text).map_err(|error| place(error.line()))?;
            let items = value.get("items").cloned().unwrap_or(value);
            serde_json::from_value(items).map_err(|error| place(error.line().max(1)))
        }
    }
}

/// Reads entries of a table whose header names the fields.
fn csv(text: &str, name: &str) -> Result<Vec<Entry>, CliError> {
    let place = |line: usize| CliError::usage(format!("{name}: line {line} does not parse"));
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::Headers)
        .from_reader(text.as_bytes());
    let header = reader.headers().map_err(|_| place(1))?.clone();
    let known = [
        "name",
        "address",
        "port",
        "ssh_port",
        "tls",
        "username",
        "password",
        "zone",
        "site",
        "tags",
        "note",
        "poll_seconds",
    ];
    if let Some(other) = header.iter().find(|title| !known.contains(title)) {
        return Err(CliError::Usage {
            message: format!("{name}: there is no field `{}`", plain(other)),
            hint: Some(format!("the fields are {}", known.join(" "))),
        });
    }
    let entries = reader.deserialize().enumerate();
    entries
        .map(|(n, entry)| entry.map_err(|_| place(n + 2)))
        .collect()
}
