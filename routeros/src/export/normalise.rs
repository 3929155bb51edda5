//! Exports without what changes from one to the next by itself.

use thiserror::Error;

use super::header::Header;
use super::note::is_note;
use super::print::push_path;
use super::tree::{Export, Line};
use crate::text::lossy;

/// A menu of the device did not answer in time, so the export is no picture of it: what is missing
/// is not gone.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the export is incomplete: {0}")]
pub struct Incomplete(pub String);

impl Export {
    /// Writes it without header, notes of the device on the state of items, and line wrapping: one
    /// command is one line below its menu. Comments of people stay where they are.
    pub fn normalise(&self) -> Result<Vec<u8>, Incomplete> {
        let mut out = Vec::new();
        let mut shown = "";
        let mut header = Some(Header::default());
        for line in self.lines() {
            let comment = match line {
                Line::Comment(text) => text.strip_prefix(b"#"),
                _ => None,
            };
            let Some(comment) = comment else {
                header = None;
                push_normal(line, &mut shown, &mut out);
                continue;
            };
            if comment.starts_with(b"error exporting") {
                return Err(Incomplete(lossy(comment).into_owned()));
            }
            let is_bare = comment.trim_ascii().is_empty();
            let is_header = header.as_mut().is_some_and(|h| is_bare || h.read(comment));
            if !is_header && !is_note(&lossy(comment)) {
                out.push(b'#');
                out.extend_from_slice(comment.trim_ascii_end());
                out.push(b'\n');
            }
        }
        Ok(out)
    }
}

fn push_normal<'e>(line: Line<'e>, shown: &mut &'e str, out: &mut Vec<u8>) {
    match line {
        Line::Blank | Line::Comment(_) | Line::Menu(_) => {}
        Line::Other(text) => {
            out.extend_from_slice(text.trim_ascii_end());
            out.push(b'\n');
        }
        Line::Command(command) => {
            let menu = command.menu();
            if menu != *shown {
                push_path(menu, out);
                out.push(b'\n');
                *shown = menu;
            }
            out.extend_from_slice(command.text().trim_ascii_end());
            out.push(b'\n');
        }
    }
}

/// Normalises the text of an export: [`Export::normalise`].
pub fn normalise(text: &[u8]) -> Result<Vec<u8>, Incomplete> {
    Export::parse(text).normalise()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(text: &[u8]) -> String {
        String::from_utf8(normalise(text).unwrap()).unwrap()
    }

    #[test]
    fn two_exports_of_one_configuration_are_equal() {
        let wrapped = b"# 2025-03-10 15:04:33 by RouterOS 7.18.2\r\n# software id = A0\r\n#\r\n\
            /interface bridge\r\n# not active\r\nadd comment=defconf name=bridge \\\r\n    \
            port-cost-mode=short\r\n/ip address\r\nadd address=10.0.0.1/24 interface=bridge\r\n";
        let terse = b"# 2026-01-01 00:00:00 by RouterOS 7.18.2\n\
            /interface bridge add comment=defconf name=bridge port-cost-mode=short\n\
            /ip address add address=10.0.0.1/24 interface=bridge\n";
        let expected = "/interface bridge\nadd comment=defconf name=bridge port-cost-mode=short\n\
            /ip address\nadd address=10.0.0.1/24 interface=bridge\n";
        assert_eq!(normal(wrapped), expected);
        assert_eq!(normal(terse), expected);
    }

    #[test]
    fn notes_of_the_device_go_and_comments_of_people_stay() {
        let text = b"# jan/02/2026 10:00:00 by RouterOS 6.49.18\n# software id = A0\n#\n\
            # model = X\n# serial number = Y\n/interface wireless\n\
            # managed by CAPsMAN\n# channel: 2412/20/gn(17dBm), SSID: a, local forwarding\n\
            set [ find default-name=wlan1 ] ssid=a\n# ask Ann before changing this\n#\n\
            # pppoe-out1 not ready\n# the modem is not ready\nadd name=x\n";
        assert_eq!(
            normal(text),
            "/interface wireless\nset [ find default-name=wlan1 ] ssid=a\n\
             # ask Ann before changing this\n#\n# the modem is not ready\nadd name=x\n"
        );
    }

    #[test]
    fn an_export_with_a_hole_is_no_export() {
        let text = b"/ip address\nadd address=1.1.1.1/8\n#error exporting \"/ip/dhcp\" (timeout)\n";
        let error = normalise(text).unwrap_err();
        assert_eq!(error.0, "error exporting \"/ip/dhcp\" (timeout)");
    }
}
