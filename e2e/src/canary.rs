//! Secrets that occur nowhere else in the world, and the search for them in everything that a world
//! leaves behind, in every spelling that bytes are usually given.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use regex::bytes::Regex;

/// A secret that was found where it may not be: which, how it was spelt, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// Which secret.
    pub secret: String,
    /// How it was spelt.
    pub spelling: &'static str,
    /// Where.
    pub place: String,
}

/// Secrets to look for.
#[derive(Debug, Default)]
pub struct Canaries {
    secrets: BTreeMap<String, Vec<u8>>,
}

/// All spellings of secrets, compiled.
#[derive(Clone, Debug)]
pub struct Search {
    needles: BTreeMap<Vec<u8>, (String, &'static str)>,
    all: Regex,
}

impl Canaries {
    /// Adds a secret. One that is short would be found by accident.
    pub fn plant(&mut self, name: &str, secret: &str) -> Result<()> {
        let secret = secret.trim();
        anyhow::ensure!(secret.len() >= 12, "{name} is too short to be told apart");
        self.plant_bytes(name, secret.as_bytes().to_vec());
        Ok(())
    }

    /// Adds a secret that is no text.
    pub fn plant_bytes(&mut self, name: &str, secret: Vec<u8>) {
        self.secrets.insert(name.to_owned(), secret);
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.secrets.len()
    }

    /// A secret by its name.
    pub fn get(&self, name: &str) -> Result<&str> {
        let secret = self.secrets.get(name);
        let secret = secret.with_context(|| format!("no secret `{name}` was planted"))?;
        Ok(std::str::from_utf8(secret)?)
    }

    /// Prepares the search for all but those that have one of these names.
    pub fn search(&self, but: &[&str]) -> Result<Search> {
        let mut needles = BTreeMap::new();
        for (name, secret) in &self.secrets {
            if but.iter().any(|other| name.starts_with(other)) {
                continue;
            }
            for (spelling, text) in spellings(secret) {
                needles
                    .entry(text)
                    .or_insert_with(|| (name.clone(), spelling));
            }
        }
        let escaped: Vec<String> = needles.keys().map(|needle| literal(needle)).collect();
        let all = regex::bytes::RegexBuilder::new(&escaped.join("|"))
            .unicode(false)
            .size_limit(64 << 20)
            .build()?;
        Ok(Search { needles, all })
    }
}

/// Every way in which a secret may be written, the plain one first.
fn spellings(secret: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let text = String::from_utf8_lossy(secret);
    let hex = hex::encode(secret);
    let percent: String = secret.iter().map(|byte| percent(*byte)).collect();
    let json = serde_json::Value::from(&*text).to_string();
    let json = json.get(1..json.len() - 1).unwrap_or_default().to_owned();
    let mut all = vec![
        ("plain", secret.to_vec()),
        ("hex", hex.clone().into_bytes()),
        ("HEX", hex.to_uppercase().into_bytes()),
        ("percent", percent.clone().into_bytes()),
        ("percent, small", percent.to_lowercase().into_bytes()),
        ("JSON", json.clone().into_bytes()),
        (
            "JSON in JSON",
            json.replace('\\', "\\\\").replace('"', "\\\"").into_bytes(),
        ),
        ("COPY", text.replace('\\', "\\\\").into_bytes()),
        ("SQL", text.replace('\'', "''").into_bytes()),
        ("reversed", secret.iter().rev().copied().collect()),
        (
            "UTF-16",
            secret.iter().flat_map(|byte| [*byte, 0]).collect(),
        ),
    ];
    // Of what is no text there is no spelling as text.
    if std::str::from_utf8(secret).is_err() {
        all.retain(|(spelling, _)| ["plain", "hex", "HEX"].contains(spelling));
    }
    // In the middle of longer text, the letters of Base64 depend on what is before.
    for before in 0..3 {
        for (name, engine) in [
            ("Base64", STANDARD_NO_PAD),
            ("Base64 for URLs", URL_SAFE_NO_PAD),
        ] {
            let padded = [&vec![0; before], secret].concat();
            let text = engine.encode(&padded);
            let start = (before * 8).div_ceil(6);
            let end = padded.len() * 8 / 6;
            if let Some(stable) = text.get(start..end) {
                all.push((name, stable.as_bytes().to_vec()));
            }
        }
    }
    all
}

/// A pattern that matches these bytes and nothing else.
fn literal(bytes: &[u8]) -> String {
    let digits = hex::encode(bytes);
    let mut pattern = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at % 2 == 0 {
            pattern.push_str("\\x");
        }
        pattern.push(digit);
    }
    pattern
}

fn percent(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

impl Search {
    /// What is found in some bytes.
    pub fn bytes(&self, place: &str, bytes: &[u8]) -> BTreeSet<Hit> {
        let found = self.all.find_iter(bytes);
        let hits = found.filter_map(|found| self.needles.get(found.as_bytes()));
        hits.map(|(secret, spelling)| Hit {
            secret: secret.clone(),
            spelling,
            place: place.to_owned(),
        })
        .collect()
    }

    /// What is found in the files of a folder, and in their names. Sockets and what goes away
    /// meanwhile are passed over.
    pub fn folder(&self, folder: &Path) -> Result<BTreeSet<Hit>> {
        let mut hits = BTreeSet::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten() {
                let entry = entry?;
                let (path, kind) = (entry.path(), entry.file_type()?);
                let place = path.display().to_string();
                hits.extend(self.bytes(&format!("the name {place}"), place.as_bytes()));
                if kind.is_dir() {
                    folders.push(path);
                } else if kind.is_file() {
                    let bytes = std::fs::read(&path).unwrap_or_default();
                    hits.extend(self.bytes(&place, &bytes));
                }
            }
        }
        Ok(hits)
    }

    /// Looks at the arguments and the environment of every process on this machine until it is
    /// told to stop.
    pub fn watch_processes(&self) -> Watch {
        let (search, stop) = (self.clone(), Arc::new(AtomicBool::new(false)));
        let rounds = Arc::new(AtomicUsize::new(0));
        let (stopped, round) = (Arc::clone(&stop), Arc::clone(&rounds));
        let work = std::thread::spawn(move || {
            let mut hits = BTreeSet::new();
            let mut seen = BTreeSet::new();
            while !stopped.load(Ordering::Relaxed) {
                search.processes(&mut hits, &mut seen);
                round.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(5));
            }
            (hits, seen)
        });
        Watch { stop, rounds, work }
    }

    fn processes(&self, hits: &mut BTreeSet<Hit>, seen: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let path = entry.path();
            let is_process = entry.file_name().to_string_lossy().parse::<u32>().is_ok();
            if !is_process {
                continue;
            }
            // A process may end while it is looked at.
            let name = std::fs::read_to_string(path.join("comm")).unwrap_or_default();
            for what in ["cmdline", "environ"] {
                let bytes = std::fs::read(path.join(what)).unwrap_or_default();
                let place = format!("{what} of {}", name.trim());
                hits.extend(self.bytes(&place, &bytes));
                seen.extend((!bytes.is_empty()).then_some(place));
            }
        }
    }
}

/// A search that goes on beside the test.
#[derive(Debug)]
pub struct Watch {
    stop: Arc<AtomicBool>,
    rounds: Arc<AtomicUsize>,
    work: JoinHandle<(BTreeSet<Hit>, BTreeSet<String>)>,
}

impl Watch {
    /// How often all processes were looked at.
    pub fn rounds(&self) -> usize {
        self.rounds.load(Ordering::Relaxed)
    }

    /// What was found, and whose arguments and environments were looked at.
    pub fn end(self) -> Result<(BTreeSet<Hit>, BTreeSet<String>)> {
        self.stop.store(true, Ordering::Relaxed);
        let found = self.work.join();
        found.map_err(|_| anyhow::anyhow!("the search in processes failed"))
    }
}

/// Everything that goes over a bus.
#[derive(Debug)]
pub struct Spy {
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Spy {
    /// Says something on the bus of the server at `address`.
    pub fn publish(address: &str, user: &str, password: &str, said: (&str, &str)) -> Result<()> {
        let mut socket = TcpStream::connect(address)?;
        let connect = serde_json::json!({ "verbose": true, "user": user, "pass": password });
        let (subject, text) = said;
        let text = format!("PUB {subject} {}\r\n{text}\r\n", text.len());
        socket.write_all(format!("CONNECT {connect}\r\n{text}PING\r\n").as_bytes())?;
        let mut answer = vec![0; 4096];
        socket.read(&mut answer).map(drop)?;
        Ok(())
    }

    /// Subscribes to every subject of a NATS server.
    pub fn on(address: &str, user: &str, password: &str) -> Result<Self> {
        let mut socket = TcpStream::connect(address)?;
        let connect = serde_json::json!({
            "verbose": false, "pedantic": false, "headers": true, "lang": "test", "version": "0",
            "user": user, "pass": password,
        });
        socket.write_all(format!("CONNECT {connect}\r\nSUB > 1\r\nPING\r\n").as_bytes())?;
        let heard = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&heard);
        std::thread::spawn(move || {
            let mut piece = vec![0; 1 << 16];
            while let Ok(length @ 1..) = socket.read(&mut piece) {
                let bytes = piece.get(..length).unwrap_or_default();
                let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
                log.extend_from_slice(bytes);
                // A server asks now and then whether we are there.
                if bytes.windows(6).any(|window| window == b"PING\r\n")
                    && socket.write_all(b"PONG\r\n").is_err()
                {
                    break;
                }
            }
        });
        Ok(Self { heard })
    }

    /// What was heard until now.
    pub fn heard(&self) -> Vec<u8> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.clone()
    }
}
