//! Exports without what changes from one to the next by itself.

use thiserror::Error;

use super::lex::{LineKind, lines};

/// A menu of the device did not answer in time, so the export is no picture of it: what is missing
/// is not gone.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the export is incomplete: {0}")]
pub struct Incomplete(pub String);

/// Removes headers, comments on the state of items and line wrapping: one command is one line.
pub fn normalise(text: &[u8]) -> Result<String, Incomplete> {
    let mut out = String::new();
    let mut shown = String::new();
    for line in lines(text) {
        match line.kind {
            LineKind::Comment if line.text.starts_with("#error") => {
                return Err(Incomplete(line.text.trim_start_matches('#').to_owned()));
            }
            LineKind::Comment | LineKind::Menu => {}
            LineKind::Command => {
                if line.menu != shown {
                    out.push_str(&path(&line.menu));
                    out.push('\n');
                    shown = line.menu;
                }
                out.push_str(line.text.trim_end());
                out.push('\n');
            }
        }
    }
    Ok(out)
}

/// `/ip/address` as `/ip address`, the way that exports of every version write it.
fn path(menu: &str) -> String {
    format!("/{}", menu.trim_start_matches('/').replace('/', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(normalise(wrapped).unwrap(), expected);
        assert_eq!(normalise(terse).unwrap(), expected);
    }

    #[test]
    fn an_export_with_a_hole_is_no_export() {
        let text = b"/ip address\nadd address=1.1.1.1/8\n#error exporting \"/ip/dhcp\" (timeout)\n";
        let error = normalise(text).unwrap_err();
        assert_eq!(error.0, "error exporting \"/ip/dhcp\" (timeout)");
    }
}
