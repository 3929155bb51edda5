//! A kit as one line, and finding a Secret Key in whatever a person has kept.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Kit, KitError};
use crate::secret_key::SecretKey;

/// What the line starts with, before its version.
const SCHEME: &str = "tod-kit:";
/// The version that this program writes.
const VERSION: &str = "1";
/// No line of ours is longer; it would not fit into a QR code.
const MAX_LINE: usize = 4096;

/// The values of the line.
#[derive(Deserialize)]
struct Line {
    server: String,
    email: String,
    key: String,
    #[serde(default)]
    pin: Option<String>,
    made: Date,
}

/// What was found in a file.
#[derive(Clone, Debug)]
pub enum Found {
    /// A kit.
    Kit(Box<Kit>),
    /// A Secret Key and nothing else.
    Key(SecretKey),
}

impl Found {
    /// Finds a kit or a Secret Key: in a kit as text or as our own PDF, in what a scanner made of
    /// its QR code, or alone.
    pub fn read(bytes: &[u8]) -> Result<Self, KitError> {
        // In a PDF only the line can be read without unpacking it.
        let written = if bytes.starts_with(b"%PDF") {
            None
        } else {
            let text = Zeroizing::new(String::from_utf8_lossy(bytes).into_owned());
            written_in(&text).map(str::parse::<SecretKey>).transpose()?
        };
        let kit = line_in(bytes).map(parse).transpose()?;
        match (kit, written) {
            (Some(kit), Some(key)) if *key.reveal() != *kit.secret_key.reveal() => {
                Err(KitError::Differ)
            }
            (Some(kit), _) => Ok(Self::Kit(Box::new(kit))),
            (None, Some(key)) => Ok(Self::Key(key)),
            (None, None) => Err(KitError::Nothing),
        }
    }

    /// The Secret Key.
    pub fn secret_key(&self) -> &SecretKey {
        match self {
            Self::Kit(kit) => &kit.secret_key,
            Self::Key(key) => key,
        }
    }
}

/// Writes a kit as one line.
pub(super) fn line(kit: &Kit) -> Zeroizing<String> {
    let key = kit.secret_key.reveal();
    let made = kit.made_at.strftime("%F").to_string();
    // Capitals and digits take less room in a QR code.
    let pin = kit.pin.map(|pin| pin.to_string().to_ascii_uppercase());
    let mut values = vec![
        ("server", kit.server.as_str()),
        ("email", kit.email.as_str()),
        ("key", key.as_str()),
        ("made", made.as_str()),
    ];
    values.extend(pin.as_deref().map(|pin| ("pin", pin)));
    let query = Zeroizing::new(serde_urlencoded::to_string(&values).unwrap_or_default());
    Zeroizing::new(format!("{SCHEME}{VERSION}?{}", &*query))
}

/// The first line of ours in `bytes`, without its scheme.
fn line_in(bytes: &[u8]) -> Option<&[u8]> {
    let start = bytes
        .windows(SCHEME.len())
        .position(|window| window.eq_ignore_ascii_case(SCHEME.as_bytes()))?;
    let rest = bytes.get(start + SCHEME.len()..)?;
    let ours = |byte: &u8| byte.is_ascii_graphic() && !b"()<>\"".contains(byte);
    let end = rest.iter().position(|byte| !ours(byte));
    rest.get(..end.unwrap_or(rest.len()))
}

fn parse(line: &[u8]) -> Result<Kit, KitError> {
    let damaged = |why: &str| KitError::Damaged(why.to_owned());
    if line.len() > MAX_LINE {
        return Err(damaged("its line is too long"));
    }
    let line = std::str::from_utf8(line).map_err(|_| damaged("its line is no text"))?;
    let (version, query) = line
        .split_once('?')
        .ok_or_else(|| damaged("its line has no values"))?;
    if version != VERSION {
        return Err(KitError::Newer);
    }
    // What is wrong is not repeated: it may be the Secret Key.
    let line: Line =
        serde_urlencoded::from_str(query).map_err(|_| damaged("its line has other values"))?;
    let key = Zeroizing::new(line.key);
    let pin = line.pin.as_deref().map(str::parse).transpose();
    let made = line.made.to_zoned(TimeZone::UTC);
    let clean = |text: &str| !text.is_empty() && !text.chars().any(char::is_control);
    if !clean(&line.server) || !clean(&line.email) {
        return Err(damaged("it names no server or nobody"));
    }
    Ok(Kit {
        server: line.server,
        email: line.email,
        secret_key: key.parse()?,
        pin: pin.map_err(KitError::Damaged)?,
        made_at: made.map_or(Timestamp::UNIX_EPOCH, |made| made.timestamp()),
    })
}

/// A Secret Key that stands in text alone on a line, or on the line that says so.
fn written_in(text: &str) -> Option<&str> {
    let starts = |text: &str| {
        text.get(..2)
            .is_some_and(|start| start.eq_ignore_ascii_case("A3"))
    };
    text.lines().find_map(|line| {
        let line = line.trim();
        let after = line.split_once("Secret Key").map(|(_, after)| after.trim());
        [Some(line), after]
            .into_iter()
            .flatten()
            .find(|text| starts(text))
    })
}
