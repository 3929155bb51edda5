//! Exports without secrets.

use super::lex::{atoms, join};
use crate::text::{is_sensitive, lossy};

/// What stands for a secret.
pub const MASK: &str = "***";

/// Masks the values of secrets, line by line. Lines come out unwrapped.
///
/// A string that itself holds an assignment of a secret, as scripts do, is masked as a whole.
pub fn redact(text: &[u8]) -> String {
    let text = lossy(text);
    let lines = join(&text);
    lines
        .iter()
        .flat_map(|line| [redact_line(line), "\n".to_owned()])
        .collect()
}

fn redact_line(line: &str) -> String {
    if line.starts_with('#') {
        return line.to_owned();
    }
    let mut out = String::with_capacity(line.len());
    let mut is_secret = false;
    let mut is_masked = false;
    for atom in atoms(line) {
        if atom == " " {
            is_secret = false;
        }
        if is_secret || (atom.starts_with('"') && assigns_secret(atom)) {
            // An empty string is no secret, and says that there is none.
            let mask = if atom == "\"\"" { atom } else { MASK };
            out.push_str(if is_masked { "" } else { mask });
            is_masked = is_secret;
            continue;
        }
        out.push_str(atom);
        // The value of `name=` goes on until a blank.
        is_secret = atom.strip_suffix('=').is_some_and(is_sensitive);
        is_masked = false;
    }
    out
}

/// Whether there is `password=`, or the like, inside a string.
fn assigns_secret(string: &str) -> bool {
    let parts = string.split('=');
    let names = parts.map(|part| {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        part.rsplit(|c| !is_name(c)).next().unwrap_or_default()
    });
    let mut names: Vec<_> = names.collect();
    // What follows the last `=` is a value.
    names.pop();
    names.into_iter().any(is_sensitive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secrets_are_masked_wherever_they_are() {
        let text = b"/ppp secret\nadd name=joe password=\"hun ter2\" service=l2tp\n\
            add name=ann password=hun=ter\"2\" profile=x\nset passphrase=\"\" name=password\n\
            /system script\nadd name=s source=\"/user set a password=\\\"hunter2\\\"\"\n\
            add name=t source=\":log info password\"\n\
            set wpa2-pre-shared-key=\\\n    hunter2hunter2\n";
        let redacted = redact(text);
        assert_eq!(
            redacted,
            "/ppp secret\nadd name=joe password=*** service=l2tp\n\
             add name=ann password=*** profile=x\nset passphrase=\"\" name=password\n\
             /system script\nadd name=s source=***\nadd name=t source=\":log info password\"\n\
             set wpa2-pre-shared-key=***\n"
        );
    }
}
