//! Comments that a device writes into an export by itself.
//!
//! They tell of the moment: which interface runs, what a radio does. All other comments are
//! somebody's, and stay.

/// Notes that are always the same.
const WHOLE: [&str; 10] = [
    "Interface not active",
    "Interface not running",
    "inactive time",
    "managed by CAPsMAN",
    "no interface",
    "not active",
    "not ready",
    "Firmware upgraded successfully, please reboot for changes to take effect!",
    "DHCP server can not run on slave interface!",
    "DHCP client can not run on slave or passthrough interface!",
];

/// Notes with something of the moment at their end.
const STARTS: [&str; 5] = [
    "poe-out status: ",
    "channel: ",
    "received packet from ",
    "in/out-interface matcher not possible",
    "in/out-bridge-port matcher not possible",
];

/// Notes with a name or a cause in front.
const ENDS: [&str; 4] = [
    " not ready",
    " not running",
    " bad format",
    " please restart the device in order to apply the new setting",
];

/// Whether a comment, without its `#`, is a device's.
pub(super) fn is_note(comment: &str) -> bool {
    // The state of a wireless client that has none.
    if comment == " " {
        return true;
    }
    let comment = comment.trim();
    let is_one_word = |text: &str| !text.contains(' ');
    WHOLE.contains(&comment)
        || STARTS.iter().any(|start| comment.starts_with(start))
        || ENDS
            .iter()
            .filter_map(|end| comment.strip_suffix(end))
            .any(is_one_word)
}
