//! The fields that a selector may name.

/// What the values of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text, compared without case.
    Text,
    /// One of a few words.
    Status,
    /// A RouterOS version: 7.9 is less than 7.15.
    Version,
    /// A number.
    Number,
    /// A length of time: `10m`, `2h`, `7d`.
    Duration,
    /// `true` or `false`.
    Bool,
}

macro_rules! fields {
    ($($(#[doc = $doc:literal])* $name:ident = $word:literal : $kind:ident),+ $(,)?) => {
        /// A field of a device.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Field {
            $($(#[doc = $doc])* $name,)+
        }

        impl Field {
            /// Every field.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The word in a selector.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }

            /// What its values are.
            pub fn kind(self) -> Kind {
                match self {
                    $(Self::$name => Kind::$kind,)+
                }
            }

            /// What it means, in a line for the help.
            pub fn help(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),*),)+
                }
            }
        }
    };
}

fields! {
    /// The device's name in tod.
    Name = "name": Text,
    /// Its identifier, or the start of it.
    Id = "id": Text,
    /// Its address.
    Address = "address": Text,
    /// What it calls itself.
    Identity = "identity": Text,
    /// Its serial number.
    Serial = "serial": Text,
    /// Its model.
    Model = "model": Text,
    /// Its processor architecture.
    Arch = "arch": Text,
    /// Its version of RouterOS.
    Version = "version": Version,
    /// Its release channel.
    Channel = "channel": Text,
    /// online, degraded, offline or unknown.
    Status = "status": Status,
    /// How long it has had its status.
    StatusSince = "status_since": Duration,
    /// How long ago it last answered.
    Seen = "seen": Duration,
    /// How long it has been up.
    Up = "up": Duration,
    /// Load of its processor in percent.
    Cpu = "cpu": Number,
    /// Memory in use in percent.
    Mem = "mem": Number,
    /// Disk in use in percent.
    Disk = "disk": Number,
    /// Temperature in degrees Celsius.
    Temp = "temp": Number,
    /// Supply voltage.
    Volt = "volt": Number,
    /// Bits received each second.
    Rx = "rx": Number,
    /// Bits sent each second.
    Tx = "tx": Number,
    /// Where it stands.
    Site = "site": Text,
    /// One of its labels.
    Tag = "tag": Text,
    /// Which pollers reach it.
    Zone = "zone": Text,
    /// auto, verified, pinned or plain.
    Tls = "tls": Text,
    /// Its note.
    Note = "note": Text,
    /// How long ago it was added.
    Created = "created": Duration,
    /// Whether a change waits for confirmation.
    Pending = "pending": Bool,
}

impl Field {
    /// The field of this name.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|field| field.as_str().eq_ignore_ascii_case(word))
    }

    /// The field whose name is closest to a wrong one.
    pub(super) fn nearest(word: &str) -> Option<Self> {
        let word = word.to_ascii_lowercase();
        Self::ALL
            .iter()
            .copied()
            .map(|field| (distance(field.as_str(), &word), field))
            .min_by_key(|(distance, _)| *distance)
            .filter(|(distance, _)| *distance <= 2)
            .map(|(_, field)| field)
    }
}

/// The number of letters to change, add or drop.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(32).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(&b) {
            let above = *cell;
            let here = (diagonal + usize::from(x != *y))
                .min(above + 1)
                .min(left + 1);
            diagonal = above;
            left = here;
            *cell = here;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}
