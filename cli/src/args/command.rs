//! RouterOS commands as people type them, turned into the words of the API.
//!
//! `/ip/service/set telnet disabled=yes` and `/ip address print where interface=ether1` are the
//! notation of the device's own command line; the API wants `=disabled=yes` and `?interface=ether1`.

use crate::error::CliError;

/// A command for the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiCommand {
    /// The path with its verb: `/ip/address/print`.
    pub path: String,
    /// `=name=value` and `?query` words.
    pub words: Vec<String>,
}

/// Words that end a path.
const VERBS: &[&str] = &[
    "add",
    "check-for-updates",
    "clear",
    "comment",
    "disable",
    "edit",
    "enable",
    "export",
    "find",
    "get",
    "getall",
    "import",
    "info",
    "install",
    "listen",
    "monitor",
    "monitor-traffic",
    "move",
    "ping",
    "print",
    "reboot",
    "release",
    "remove",
    "renew",
    "reset",
    "reset-configuration",
    "reset-counters",
    "run",
    "save",
    "scan",
    "set",
    "shutdown",
    "traceroute",
    "unset",
    "upgrade",
];

/// Verbs whose bare words name the items that they act on.
const ON_ITEMS: &[&str] = &[
    "comment",
    "disable",
    "enable",
    "get",
    "monitor",
    "move",
    "remove",
    "reset-counters",
    "run",
    "set",
    "unset",
];

impl ApiCommand {
    /// Reads the words after `--`. One word with blanks in it is split as a shell would.
    pub fn parse(words: &[String]) -> Result<Self, CliError> {
        let split;
        let words = match words {
            [one] if one.contains(char::is_whitespace) => {
                split = tokens(one)?;
                &split
            }
            words => words,
        };
        let mut words = words.iter().map(String::as_str).peekable();
        let mut path = words
            .next()
            .unwrap_or_default()
            .trim_end_matches('/')
            .to_owned();
        if !path.starts_with('/') || path.len() < 2 {
            return Err(usage(
                "a RouterOS command starts with a path: /ip/address/print",
            ));
        }
        while let Some(word) = words.peek() {
            if is_done(&path) || word.contains(['=', '*']) || *word == "where" {
                break;
            }
            path = format!("{path}/{}", words.next().unwrap_or_default());
        }
        if path.contains("//") || path.contains("..") || path.chars().any(char::is_control) {
            return Err(usage("the path of the command makes no sense"));
        }
        let verb = path.rsplit('/').next().unwrap_or_default().to_owned();
        let mut out = Vec::new();
        while let Some(word) = words.next() {
            if word == "where" {
                queries(&mut words, &mut out)?;
            } else {
                out.push(argument(word, &verb));
            }
        }
        Ok(Self { path, words: out })
    }

    /// Whether it only reads: nothing is asked before it runs.
    pub fn is_read(&self) -> bool {
        let verb = self.path.rsplit('/').next().unwrap_or_default();
        match verb {
            "print" | "getall" | "get" | "export" | "ping" | "traceroute" | "find" | "info" => true,
            "monitor" | "monitor-traffic" => self.words.iter().any(|word| word == "=once="),
            _ => false,
        }
    }
}

fn is_done(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or_default();
    VERBS.contains(&last)
}

fn argument(word: &str, verb: &str) -> String {
    match word.split_once('=') {
        // `=name=value` is how the API itself writes it.
        Some(("", _)) => word.to_owned(),
        Some((key, value)) => format!("={key}={value}"),
        None if word.starts_with(['?', '=']) => word.to_owned(),
        None if word.starts_with('*') => format!("=.id={word}"),
        None if ON_ITEMS.contains(&verb) && word != "once" => format!("=numbers={word}"),
        None => format!("={word}="),
    }
}

/// Reads what follows `where`: comparisons, all of which must hold unless `or` stands between.
fn queries<'a>(
    words: &mut impl Iterator<Item = &'a str>,
    out: &mut Vec<String>,
) -> Result<(), CliError> {
    let mut joiner: Option<&str> = None;
    let mut count = 0;
    for word in words {
        if matches!(word, "and" | "or") {
            joiner = Some(word);
            continue;
        }
        query(word, out)?;
        count += 1;
        if count > 1 {
            out.push(if joiner == Some("or") { "?#|" } else { "?#&" }.to_owned());
        }
        joiner = None;
    }
    if count == 0 {
        return Err(usage("nothing follows `where`"));
    }
    Ok(())
}

fn query(word: &str, out: &mut Vec<String>) -> Result<(), CliError> {
    if word.contains('~') {
        return Err(CliError::Usage {
            message: format!("the API cannot compare with `~`: {word}"),
            hint: Some("filter the output instead: -o jsonl | jq".to_owned()),
        });
    }
    if let Some((key, value)) = word.split_once("!=") {
        out.push(format!("?{key}={value}"));
        out.push("?#!".to_owned());
    } else if let Some((key, value)) = word.split_once('=') {
        out.push(format!("?{key}={value}"));
    } else if let Some((key, value)) = word.split_once('>') {
        out.push(format!("?>{key}={value}"));
    } else if let Some((key, value)) = word.split_once('<') {
        out.push(format!("?<{key}={value}"));
    } else if let Some(key) = word.strip_prefix('!') {
        out.push(format!("?{key}=true"));
        out.push("?#!".to_owned());
    } else {
        out.push(format!("?{word}=true"));
    }
    Ok(())
}

/// Splits a line at blanks; double quotes keep them.
fn tokens(line: &str) -> Result<Vec<String>, CliError> {
    let mut out = Vec::new();
    let mut token: Option<String> = None;
    let mut quoted = false;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                quoted = !quoted;
                token.get_or_insert_default();
            }
            '\\' if quoted => {
                let next = chars
                    .next()
                    .ok_or_else(|| usage("a lone `\\` ends the command"))?;
                token.get_or_insert_default().push(next);
            }
            c if c.is_whitespace() && !quoted => out.extend(token.take()),
            c => token.get_or_insert_default().push(c),
        }
    }
    if quoted {
        return Err(usage("a quote is not closed"));
    }
    out.extend(token);
    Ok(out)
}

fn usage(message: &str) -> CliError {
    CliError::usage(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> (String, Vec<String>) {
        let words: Vec<String> = line.split('|').map(str::to_owned).collect();
        let command = ApiCommand::parse(&words).unwrap();
        (command.path, command.words)
    }

    fn words(line: &str) -> String {
        let (path, words) = parse(line);
        format!("{path} {}", words.join(" ")).trim_end().to_owned()
    }

    #[test]
    fn paths_are_written_with_slashes_or_blanks() {
        assert_eq!(words("/ip/address/print"), "/ip/address/print");
        assert_eq!(words("/ip|address|print"), "/ip/address/print");
        assert_eq!(
            words("/ip address print detail"),
            "/ip/address/print =detail="
        );
    }

    #[test]
    fn assignments_become_attributes() {
        assert_eq!(
            words("/ip/service/set|telnet|disabled=yes"),
            "/ip/service/set =numbers=telnet =disabled=yes"
        );
        assert_eq!(words("/ip/route/remove|*1F"), "/ip/route/remove =.id=*1F");
        assert_eq!(
            words("/interface/monitor-traffic|interface=ether1|once"),
            "/interface/monitor-traffic =interface=ether1 =once="
        );
        assert_eq!(
            parse("/ip/address/add address=10.0.0.1/24 comment=\"a \\\"b\\\" = c\"").1,
            ["=address=10.0.0.1/24", "=comment=a \"b\" = c"]
        );
        assert_eq!(
            words("/ping|=count=3|address=10.0.0.1"),
            "/ping =count=3 =address=10.0.0.1"
        );
    }

    #[test]
    fn conditions_become_queries() {
        assert_eq!(
            words("/ip/route/print where dst-address=0.0.0.0/0 active"),
            "/ip/route/print ?dst-address=0.0.0.0/0 ?active=true ?#&"
        );
        assert_eq!(
            words("/interface/print where type=ether or !running"),
            "/interface/print ?type=ether ?running=true ?#! ?#|"
        );
        assert_eq!(
            words("/x/print where a!=b c>3"),
            "/x/print ?a=b ?#! ?>c=3 ?#&"
        );
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            "print",
            "",
            "/",
            "/a/print where",
            "/a/print where a~b",
            "/a/print \"x",
            "/a//b",
        ] {
            assert!(ApiCommand::parse(&[bad.to_owned()]).is_err(), "{bad}");
        }
        assert!(ApiCommand::parse(&[]).is_err());
    }

    #[test]
    fn reads_are_told_from_changes() {
        let reads = |line: &str| ApiCommand::parse(&[line.to_owned()]).unwrap().is_read();

        assert!(reads("/ip address print"));
        assert!(reads("/interface monitor-traffic ether1 once"));
        assert!(!reads("/interface monitor-traffic ether1"));
        assert!(!reads("/system reboot"));
        assert!(!reads("/ip/address/add address=1.1.1.1"));
    }
}
