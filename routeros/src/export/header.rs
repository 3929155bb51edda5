//! What the comments at the top of an export say.

use crate::text::lossy;
use crate::version::Version;

/// What the comments at the top of an export say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// When it was made, in the device's own words.
    pub made: Option<String>,
    /// The version.
    pub version: Option<Version>,
    /// `software id`, of devices that have one.
    pub software_id: Option<String>,
    /// `model`, of boards.
    pub model: Option<String>,
    /// `serial number`, of boards.
    pub serial_number: Option<String>,
}

impl Header {
    /// Reads the comments at the top of a text.
    pub fn parse(text: &[u8]) -> Self {
        let lines = text.split(|&b| b == b'\n');
        let comments = lines.map_while(|line| line.strip_prefix(b"#"));
        let mut header = Self::default();
        for comment in comments {
            header.read(comment);
        }
        header
    }

    /// Reads one comment, without its `#`. Returns whether it belongs to a header.
    pub(super) fn read(&mut self, comment: &[u8]) -> bool {
        let comment = lossy(comment);
        let comment = comment.trim();
        if let Some((made, version)) = comment.split_once(" by RouterOS ") {
            self.made = Some(made.to_owned());
            self.version = Version::parse(version.trim());
            return true;
        }
        let Some((name, value)) = comment.split_once('=') else {
            return false;
        };
        let value = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        match name.trim() {
            "software id" => self.software_id = value,
            "model" => self.model = value,
            "serial number" => self.serial_number = value,
            _ => return false,
        }
        true
    }
}
