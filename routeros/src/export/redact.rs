//! Exports without secrets.

use super::print::push_path;
use super::tree::{Command, Export, Line, Value};
use crate::secret::{MASK, holds_secret, is_secret};

impl Export {
    /// Masks secrets: values of properties that hold them, and values, scripts and comments that
    /// give one away. A value that is empty stays, as it says that there is none.
    #[must_use]
    pub fn redact(&self) -> Self {
        let mut out = Vec::new();
        for (at, line) in self.lines().enumerate() {
            if at > 0 {
                out.push(b'\n');
            }
            match line {
                Line::Blank => {}
                Line::Menu(menu) => push_path(menu, &mut out),
                Line::Comment(text) | Line::Other(text) if holds_secret(text) => {
                    out.extend_from_slice(b"# ");
                    out.extend_from_slice(MASK.as_bytes());
                }
                Line::Comment(text) | Line::Other(text) => out.extend_from_slice(text),
                Line::Command(command) => push_masked(&command, &mut out),
            }
        }
        if !self.layout().is_open {
            out.push(b'\n');
        }
        Self::parse(&out).laid_out(self.layout())
    }
}

/// Masks the secrets in the text of an export: [`Export::redact`].
pub fn redact(text: &[u8]) -> Vec<u8> {
    Export::parse(text).redact().print()
}

fn push_masked(command: &Command<'_>, out: &mut Vec<u8>) {
    if command.has_path() {
        push_path(command.menu(), out);
        out.push(b' ');
    }
    out.extend_from_slice(command.verb().as_bytes());
    if let Some(selector) = command.selector() {
        let is_safe = !holds_secret(selector);
        out.push(b' ');
        out.extend_from_slice(if is_safe { selector } else { MASK.as_bytes() });
    }
    for (property, (name, value)) in command.properties().zip(command.settings()) {
        out.push(b' ');
        if value == Value::Unset {
            out.push(b'!');
        }
        out.extend_from_slice(property.name.as_bytes());
        if let Value::Given(raw) = value {
            out.push(b'=');
            let bytes = crate::quote::decode(raw);
            let is_masked = !bytes.is_empty()
                && (is_secret(command.menu(), &name) || holds_secret(&bytes) || holds_secret(raw));
            out.extend_from_slice(if is_masked { MASK.as_bytes() } else { raw });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secrets_are_masked_wherever_they_are() {
        let text = b"/ppp secret\nadd name=joe password=\"hun ter2\" service=l2tp\n\
            add name=ann password=hun=ter\"2\" profile=x\nset passphrase=\"\" name=password\n\
            /system script\nadd name=s source=\"/user set a password=\\\"hunter2\\\"\"\n\
            add name=t source=\":log info password\"\n# my password: hunter2\n\
            /interface wifi\nset wpa2-pre-shared-key=\\\n    hunter2hunter2\n\
            add security.ft=yes .passphrase=hunter2\n";
        let redacted = redact(text);
        assert_eq!(
            String::from_utf8(redacted).unwrap(),
            "/ppp secret\nadd name=joe password=*** service=l2tp\n\
             add name=ann password=*** profile=x\nset passphrase=\"\" name=password\n\
             /system script\nadd name=s source=***\nadd name=t source=\":log info password\"\n\
             # ***\n/interface wifi\nset wpa2-pre-shared-key=***\n\
             add security.ft=yes .passphrase=***\n"
        );
    }
}
