//! What a command is: a read, a change, or something that can lock people out. Pure.

use std::fmt::Write as _;

use crate::api::error::Error;

/// The longest command.
const MAX_COMMAND: usize = 256;
/// The most words.
const MAX_WORDS: usize = 256;
/// The longest word.
const MAX_WORD: usize = 64 << 10;

/// Menus that have a command of their own, or can lock people out.
const DANGEROUS: &[&str] = &[
    "/system/reset-configuration",
    "/system/shutdown",
    "/system/reboot",
    "/system/backup",
    "/system/license",
    "/user",
    "/password",
    "/certificate",
    "/radius",
    "/export",
    "/import",
];

/// Commands that never end by themselves.
const ENDLESS: &[&str] = &["listen", "follow", "follow-only"];

/// Parts of names whose values are nobody's business.
const SECRET: &[&str] = &[
    "password",
    "secret",
    "passphrase",
    "shared-key",
    "preshared",
    "private-key",
    "static-key",
];

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It reads.
    Read,
    /// It may change something.
    Change,
}

/// A command that can be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The API path with its verb.
    pub path: String,
    /// Its words.
    pub words: Vec<String>,
    /// What it does.
    pub kind: Kind,
}

impl Command {
    /// Checks a command and its words.
    pub fn parse(path: &str, words: &[String], allow_dangerous: bool) -> Result<Self, Error> {
        let path = normalise(path)?;
        check_words(words)?;
        let verb = path.rsplit('/').next().unwrap_or_default().to_owned();
        let kind = kind(&path, &verb);
        let once = || words.iter().any(|word| word.starts_with("=once="));
        if ENDLESS.contains(&verb.as_str()) || (verb == "monitor" && !once()) {
            return Err(Error::invalid(format!("`{path}` would never end"))
                .hint("monitor takes the word =once="));
        }
        if let Some(menu) = dangerous(&path, kind).filter(|_| !allow_dangerous) {
            return Err(Error::halted(format!("`{path}` is not run on many devices: {menu} can lock people out or give secrets away"))
                .hint("if it is meant, run it with --allow-dangerous"));
        }
        Ok(Self {
            path,
            words: words.to_vec(),
            kind,
        })
    }

    /// The command on one line, without secrets.
    pub fn shown(&self) -> String {
        let mut shown = self.path.clone();
        for word in &self.words {
            let name = word
                .trim_start_matches(['=', '?'])
                .split('=')
                .next()
                .unwrap_or_default();
            let lower = name.to_ascii_lowercase();
            let is_secret = matches!(lower.as_str(), "key" | "pin")
                || SECRET.iter().any(|part| lower.contains(part));
            if is_secret {
                write!(shown, " ={name}=***").unwrap_or_default();
            } else {
                write!(shown, " {word}").unwrap_or_default();
            }
        }
        shown.chars().filter(|c| *c != '\0').take(1000).collect()
    }
}

/// `/ip address print` and `/ip/address/print` are the same command.
fn normalise(path: &str) -> Result<String, Error> {
    let wrong =
        || Error::invalid("a command is a path with its verb").hint("such as /ip/address/print");
    if path.len() > MAX_COMMAND || !path.starts_with('/') {
        return Err(wrong());
    }
    let parts: Vec<&str> = path
        .split(['/', ' '])
        .filter(|part| !part.is_empty())
        .collect();
    let fits = |part: &&str| {
        part.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if parts.is_empty() || !parts.iter().all(fits) {
        return Err(wrong());
    }
    Ok(format!("/{}", parts.join("/").to_ascii_lowercase()))
}

fn check_words(words: &[String]) -> Result<(), Error> {
    let fits = |word: &String| word.len() <= MAX_WORD && word.starts_with(['=', '?']);
    if words.len() > MAX_WORDS || !words.iter().all(fits) {
        return Err(Error::invalid(
            "arguments are words such as =name=value or ?name=value",
        ));
    }
    Ok(())
}

fn kind(path: &str, verb: &str) -> Kind {
    let reads = matches!(
        verb,
        "print" | "get" | "getall" | "monitor" | "traceroute" | "export"
    ) || matches!(path, "/ping" | "/tool/ping" | "/ip/route/check");
    if reads { Kind::Read } else { Kind::Change }
}

/// The menu that makes a command dangerous. Looking at such a menu is not, exporting is: what comes
/// out may hold secrets.
fn dangerous(path: &str, kind: Kind) -> Option<&'static str> {
    let exports = path.ends_with("/export");
    DANGEROUS
        .iter()
        .copied()
        .find(|menu| {
            let inside = path
                .strip_prefix(menu)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            inside && (kind == Kind::Change || exports)
        })
        .or(exports.then_some("export"))
}

#[cfg(test)]
mod tests {
    use tod_proto::error::ErrorCode;

    use super::*;

    fn parse(path: &str, words: &[&str]) -> Result<Command, ErrorCode> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Command::parse(path, &words, false).map_err(|error| error.code())
    }

    #[test]
    fn reads_and_changes_are_told_apart() {
        for (path, words, kind) in [
            ("/ip/address/print", &[][..], Kind::Read),
            ("/ip address print", &[], Kind::Read),
            ("/interface/monitor-traffic", &[], Kind::Change),
            ("/interface/ethernet/monitor", &["=once="], Kind::Read),
            ("/ping", &["=count=1"], Kind::Read),
            ("/ip/address/add", &["=address=10.0.0.1/24"], Kind::Change),
            ("/user/print", &[], Kind::Read),
        ] {
            assert_eq!(parse(path, words).unwrap().kind, kind, "{path}");
        }
    }

    #[test]
    fn what_can_lock_people_out_is_refused_unless_asked_for() {
        for path in [
            "/system/reboot",
            "/System/Reboot",
            "/system reset-configuration",
            "/user/remove",
            "/user/active/request-logout",
            "/certificate/import",
            "/export",
            "/ip/firewall/export",
            "/import",
        ] {
            assert_eq!(parse(path, &[]), Err(ErrorCode::Halted), "{path}");
            assert!(Command::parse(path, &[], true).is_ok(), "{path}");
        }
        assert!(parse("/user-manager/print", &[]).is_ok());
    }

    #[test]
    fn nothing_is_sent_that_is_not_a_command() {
        for path in [
            "",
            "print",
            "/",
            "/ip/address/print;",
            "/ip/\nprint",
            "/ip/address/listen",
        ] {
            assert_eq!(parse(path, &[]), Err(ErrorCode::Invalid), "{path:?}");
        }
        for word in ["name=x", ".tag=1", "", "/quit"] {
            assert_eq!(
                parse("/ip/address/print", &[word]),
                Err(ErrorCode::Invalid),
                "{word:?}"
            );
        }
        assert_eq!(parse("/interface/monitor", &[]), Err(ErrorCode::Invalid));
    }

    #[test]
    fn secrets_are_not_shown() {
        let words = [
            "=name=x",
            "=password=hunter2",
            "=wpa2-pre-shared-key=abc",
            "=key=k",
        ];

        let shown = parse("/ppp/secret/set", &words).unwrap().shown();

        assert_eq!(
            shown,
            "/ppp/secret/set =name=x =password=*** =wpa2-pre-shared-key=*** =key=***"
        );
    }
}
