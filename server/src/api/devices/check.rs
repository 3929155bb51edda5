//! What may be in a device's record. Each refusal names the field and says what is allowed.
//!
//! Which addresses a poller may connect to is not decided here but by the zone that the poller
//! serves, at the moment of connecting.

use std::net::IpAddr;

use tod_proto::api::devices::{DevicePatch, NewDevice, TlsMode};
use tod_proto::id::DeviceId;
use tod_proto::untrusted::plain;

use crate::api::error::Error;

/// The zone of devices that name none.
const DEFAULT_ZONE: &str = "default";
const DEFAULT_POLL_SECONDS: i32 = 60;

/// A device's record, checked. The password is apart: it is sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) port: i32,
    pub(crate) ssh_port: i32,
    pub(crate) tls: TlsMode,
    pub(crate) username: String,
    pub(crate) zone: String,
    pub(crate) site: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) note: Option<String>,
    pub(crate) poll_seconds: i32,
}

impl Record {
    /// Checks a new device.
    pub(super) fn new(new: NewDevice) -> Result<Self, Error> {
        let address = address(&new.address)?;
        Ok(Self {
            name: match &new.name {
                Some(given) => name(given)?,
                None => name(&address)?,
            },
            address,
            port: port("port", new.port.unwrap_or(new.tls.default_port()))?,
            ssh_port: port("ssh_port", new.ssh_port.unwrap_or(22))?,
            tls: new.tls,
            username: username(&new.username)?,
            zone: zone(new.zone.as_deref().unwrap_or(DEFAULT_ZONE))?,
            site: optional("site", new.site.as_deref(), 64)?,
            tags: tags(new.tags)?,
            note: note(new.note.as_deref())?,
            poll_seconds: new
                .poll_seconds
                .map_or(Ok(DEFAULT_POLL_SECONDS), poll_seconds)?,
        })
    }

    /// Puts a change into the record. What is absent stays; an empty text removes.
    pub(super) fn patched(self, patch: &DevicePatch) -> Result<Self, Error> {
        let given = |text: &Option<String>| text.clone();
        Ok(Self {
            name: given(&patch.name).map_or(Ok(self.name), |text| name(&text))?,
            address: given(&patch.address).map_or(Ok(self.address), |text| address(&text))?,
            port: patch
                .port
                .map_or(Ok(self.port), |number| port("port", number))?,
            ssh_port: patch
                .ssh_port
                .map_or(Ok(self.ssh_port), |number| port("ssh_port", number))?,
            tls: patch.tls.unwrap_or(self.tls),
            username: given(&patch.username).map_or(Ok(self.username), |text| username(&text))?,
            zone: given(&patch.zone).map_or(Ok(self.zone), |text| zone(&text))?,
            site: match &patch.site {
                Some(text) => optional("site", Some(text), 64)?,
                None => self.site,
            },
            tags: patch.tags.clone().map_or(Ok(self.tags), tags)?,
            note: match &patch.note {
                Some(text) => note(Some(text))?,
                None => self.note,
            },
            poll_seconds: patch
                .poll_seconds
                .map_or(Ok(self.poll_seconds), poll_seconds)?,
        })
    }
}

fn invalid<T>(field: &str, why: &str) -> Result<T, Error> {
    Err(Error::invalid(format!("{field}: {why}")))
}

fn name(text: &str) -> Result<String, Error> {
    let text = line("name", text, 128)?;
    let keyword = ["all", "and", "or", "not"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word));
    if keyword || text.parse::<DeviceId>().is_ok() {
        return invalid(
            "name",
            "this word has a meaning in selectors; choose another",
        );
    }
    if text.starts_with('-') || text.contains(['*', '?', '"', '\'', '(', ')', ',', '=']) {
        return invalid(
            "name",
            "it must not begin with `-` or hold any of * ? \" ' ( ) , =",
        );
    }
    Ok(text)
}

/// An IP address in its usual form, or a host name in lower case.
fn address(text: &str) -> Result<String, Error> {
    let text = text.trim();
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok(ip.to_canonical().to_string());
    }
    let why = "give an IP address or a host name, without port, brackets or path";
    let host = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    if host.is_empty() || host.len() > 253 || !host.split('.').all(label) {
        return invalid("address", why);
    }
    // `127.1`, `0x7f000001` and `2130706433` are addresses to some resolvers.
    let last = host.rsplit('.').next().unwrap_or_default();
    if last.starts_with("0x") || last.chars().all(|c| c.is_ascii_digit()) {
        return invalid(
            "address",
            "write an IP address with four numbers: 192.0.2.1",
        );
    }
    Ok(host)
}

fn port(field: &str, number: u16) -> Result<i32, Error> {
    if number == 0 {
        return invalid(field, "a port is 1 to 65535");
    }
    Ok(i32::from(number))
}

fn username(text: &str) -> Result<String, Error> {
    line("username", text, 128)
}

/// Checks a password: RouterOS takes any text, and none.
pub(super) fn password(text: &str) -> Result<&str, Error> {
    if text.len() > 512 || text.contains(['\0', '\r', '\n']) {
        return invalid("password", "at most 512 bytes, without line ends");
    }
    Ok(text)
}

/// Checks the name of a series.
pub(super) fn metric(text: &str) -> Result<(), Error> {
    let known = ["cpu", "mem", "disk", "temp", "volt", "rx", "tx", "poll_ms"].contains(&text);
    let interface = text
        .strip_prefix("iface:")
        .and_then(|rest| {
            rest.strip_suffix(":rx")
                .or_else(|| rest.strip_suffix(":tx"))
        })
        .is_some_and(|name| !name.is_empty() && name.len() <= 1024);
    if known || interface {
        return Ok(());
    }
    let why = "cpu, mem, disk, temp, volt, rx, tx, poll_ms, iface:NAME:rx or iface:NAME:tx";
    invalid("metric", why)
}

fn zone(text: &str) -> Result<String, Error> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if !(1..=64).contains(&text.len()) || !text.chars().all(fits) {
        return invalid("zone", "1 to 64 lower-case letters, digits, `-` and `_`");
    }
    Ok(text.to_owned())
}

fn tags(tags: Vec<String>) -> Result<Vec<String>, Error> {
    if tags.len() > 64 {
        return invalid("tags", "at most 64");
    }
    let mut out = Vec::with_capacity(tags.len());
    for tag in tags {
        let fits = |c: char| {
            let harmless = c.is_ascii_alphanumeric() || "-_.:/".contains(c);
            harmless || (!c.is_ascii() && !c.is_whitespace())
        };
        let counted = (1..=64).contains(&tag.chars().count());
        if !counted || !tag.chars().all(fits) || plain(&tag) != tag {
            return invalid(
                "tags",
                "each is 1 to 64 characters: letters, digits, - _ . : / and what is not ASCII",
            );
        }
        out.push(tag);
    }
    out.sort();
    out.dedup();
    Ok(out)
}

fn poll_seconds(seconds: u32) -> Result<i32, Error> {
    match i32::try_from(seconds) {
        Ok(seconds @ 5..=86_400) => Ok(seconds),
        _ => invalid("poll_seconds", "5 to 86400"),
    }
}

fn optional(field: &str, text: Option<&str>, most: usize) -> Result<Option<String>, Error> {
    match text.map(str::trim) {
        None | Some("") => Ok(None),
        Some(text) => line(field, text, most).map(Some),
    }
}

fn note(text: Option<&str>) -> Result<Option<String>, Error> {
    match text.map(str::trim) {
        None | Some("") => Ok(None),
        Some(text) if text.chars().count() > 4000 || text.contains('\0') => {
            invalid("note", "at most 4000 characters")
        }
        Some(text) => Ok(Some(text.to_owned())),
    }
}

/// One line that any terminal can show as it is.
fn line(field: &str, text: &str, most: usize) -> Result<String, Error> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > most {
        return invalid(field, &format!("1 to {most} characters"));
    }
    if plain(text) != text {
        return invalid(
            field,
            "no control characters, and none that hide or reorder others",
        );
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_kept_in_one_form() {
        for (given, kept) in [
            (" 192.0.2.1 ", "192.0.2.1"),
            ("2001:DB8::0:1", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("Core-1.Example.NET.", "core-1.example.net"),
            ("router", "router"),
        ] {
            assert_eq!(address(given).unwrap(), kept);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for given in [
            "",
            "192.0.2.1:8728",
            "[::1]",
            "fe80::1%eth0",
            "http://x",
            "a b",
            "0x7f000001",
            "2130706433",
            "127.1",
            "0177.0.0.1",
            "-x",
            "a..b",
            "ro\u{202e}uter",
        ] {
            assert!(address(given).is_err(), "{given}");
        }
        assert!(address(&"a".repeat(64)).is_err());
    }

    #[test]
    fn names_that_would_confuse_are_refused() {
        for given in [
            "",
            " ",
            "all",
            "NOT",
            "-v",
            "a*",
            "a\x1b[2J",
            "x=1",
            "a\u{200b}b",
        ] {
            assert!(name(given).is_err(), "{given}");
        }
        assert!(name(&DeviceId::generate().to_string()).is_err());
        assert_eq!(name(" Büro Süd 1 ").unwrap(), "Büro Süd 1");
    }

    #[test]
    fn tags_are_sorted_and_told_once() {
        let given = ["b", "a", "b"].map(str::to_owned).to_vec();
        assert_eq!(tags(given).unwrap(), ["a", "b"]);
        for bad in [
            "a b",
            "",
            "a,b",
            "a=b",
            "a\u{3000}b",
            "a\u{202e}b",
            "a\u{85}b",
        ] {
            assert!(tags(vec![bad.to_owned()]).is_err(), "{bad}");
        }
        assert!(tags(vec!["Büro-北★".to_owned()]).is_ok());
    }
}
