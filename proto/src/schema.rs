//! What the texts of the wire look like, for the description of the API.
//!
//! The server decides by itself what it takes; tests hold the two against each other.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// 32 bytes in hex.
pub const BYTES_32: &str = "^[0-9a-fA-F]{64}$";
/// A number of at most 384 bytes in hex.
pub const NUMBER: &str = "^([0-9a-fA-F]{2}){1,384}$";
/// The name of a tenant.
pub const TENANT: &str = "^[A-Za-z0-9_-]{1,64}$";
/// An e-mail address, as far as it matters.
pub const EMAIL: &str = r"^[^@\s\x00-\x1f\x7f-\x9f]+@[^@\s\x00-\x1f\x7f-\x9f]+$";
/// Any text that can be stored.
pub const NO_NUL: &str = r"^[^\x00]*$";
/// One line of text with something on it: no control characters, none that hide or reorder.
pub const LINE: &str = concat!(
    r"^[^\x00-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]*",
    r"[^\s\x00-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]",
    r"[^\x00-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]*$",
);
/// One line of text, or nothing.
pub const LINE_OR_NOTHING: &str = r"^[^\x00-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]*$";
/// The name of a device: a line without what has a meaning in selectors.
pub const DEVICE_NAME: &str = concat!(
    r#"^[^\s\-*?"'(),=\x00-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"#,
    r#"[^*?"'(),=\x00-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]*$"#,
);
macro_rules! ipv4 {
    () => {
        concat!(
            "((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])[.]){3}",
            "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])",
        )
    };
}
macro_rules! ipv6 {
    () => {
        concat!(
            "([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}",
            "|([0-9A-Fa-f]{1,4}:){1,7}:",
            "|([0-9A-Fa-f]{1,4}:){1,6}:[0-9A-Fa-f]{1,4}",
            "|([0-9A-Fa-f]{1,4}:){1,5}(:[0-9A-Fa-f]{1,4}){1,2}",
            "|([0-9A-Fa-f]{1,4}:){1,4}(:[0-9A-Fa-f]{1,4}){1,3}",
            "|([0-9A-Fa-f]{1,4}:){1,3}(:[0-9A-Fa-f]{1,4}){1,4}",
            "|([0-9A-Fa-f]{1,4}:){1,2}(:[0-9A-Fa-f]{1,4}){1,5}",
            "|[0-9A-Fa-f]{1,4}:(:[0-9A-Fa-f]{1,4}){1,6}",
            "|:((:[0-9A-Fa-f]{1,4}){1,7}|:)",
        )
    };
}

/// An IP address or a host name.
pub const ADDRESS: &str = concat!(
    "^(",
    ipv4!(),
    "|",
    ipv6!(),
    "|([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?[.])*",
    "[A-Za-z_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?[.]?",
    ")$",
);
/// A network: an address and the length of its prefix.
pub const NETWORK: &str = concat!(
    "^((",
    ipv4!(),
    ")/(3[0-2]|[12]?[0-9])|(",
    ipv6!(),
    ")/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))$",
);
/// The password of an account on a device.
pub const PASSWORD: &str = r"^[^\x00\r\n]*$";
/// The name of a zone.
pub const ZONE: &str = "^[a-z0-9_-]{1,64}$";
/// A label: nothing that cannot be seen, and of ASCII only what means nothing in selectors.
pub const TAG: &str = concat!(
    r"^([A-Za-z0-9_.:/-]",
    r"|[^\s\x00-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb])+$",
);
/// The name of a series.
pub const METRIC: &str = "^(cpu|mem|disk|temp|volt|rx|tx|poll_ms|iface:.{1,1024}:(rx|tx))$";
/// A path of the device's API, with its verb.
pub const COMMAND: &str = "^/[A-Za-z0-9/ -]*[A-Za-z0-9-][A-Za-z0-9/ -]*$";
/// How an API key starts.
pub const KEY_HINT: &str = "^mktp_[A-Za-z0-9_-]{4}$";
/// An API key.
pub const API_KEY: &str = "^mktp_[A-Za-z0-9_-]{43}$";

/// How a network is written.
#[derive(Debug)]
pub struct Network;

impl JsonSchema for Network {
    fn schema_name() -> Cow<'static, str> {
        "Network".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A network: an address and the length of its prefix.",
            "type": "string",
            "pattern": NETWORK,
            "examples": ["192.0.2.0/24"],
        })
    }
}
