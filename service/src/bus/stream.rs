//! The durable streams there are, with their caps.

use std::time::Duration;

use serde::Serialize;

/// From this share of its bytes on, a stream is reported as filling up.
pub const ALARM_PERCENT: u64 = 80;

/// A durable stream. When a cap is reached, the oldest messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Names it on the NATS server.
    pub name: &'static str,
    /// It covers every subject that begins with this and a dot.
    pub prefix: &'static str,
    /// The most bytes it holds.
    pub max_bytes: u64,
    /// The longest it holds a message.
    pub max_age: Duration,
    /// How long a dedup id is remembered.
    pub dedup_window: Duration,
}

/// What pollers saw.
pub const SAMPLES: Stream = Stream {
    name: "TOD_SAMPLES",
    prefix: "tod.v1.sample",
    max_bytes: 512 << 20,
    max_age: Duration::from_hours(24),
    dedup_window: Duration::from_mins(2),
};

/// Messages that will never go well, kept for inspection.
pub const DEAD: Stream = Stream {
    name: "TOD_DEAD",
    prefix: "tod.v1.dead",
    max_bytes: 32 << 20,
    max_age: Duration::from_hours(30 * 24),
    dedup_window: Duration::from_mins(2),
};

/// Every stream there is.
pub const STREAMS: &[Stream] = &[SAMPLES, DEAD];

/// How full a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Fill {
    /// Messages held.
    pub messages: u64,
    /// Bytes held.
    pub bytes: u64,
    /// The most bytes it may hold.
    pub max_bytes: u64,
}

impl Stream {
    /// Whether `subject` belongs to this stream.
    pub fn covers(&self, subject: &str) -> bool {
        let rest = subject.strip_prefix(self.prefix);
        rest.is_some_and(|rest| rest.len() > 1 && rest.starts_with('.'))
    }

    /// The pattern of all its subjects.
    pub fn pattern(&self) -> String {
        format!("{}.>", self.prefix)
    }
}

impl Fill {
    /// Whether it should be reported as filling up.
    pub fn is_alarming(&self) -> bool {
        self.bytes.saturating_mul(100) >= self.max_bytes.saturating_mul(ALARM_PERCENT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_subject_belongs_to_two_streams() {
        for (at, stream) in STREAMS.iter().enumerate() {
            let subject = format!("{}.x", stream.prefix);
            assert!(stream.covers(&subject));
            assert!(!stream.covers(stream.prefix));
            assert!(!stream.covers(&format!("{}x.y", stream.prefix)));
            let others = STREAMS.iter().enumerate().filter(|(other, _)| *other != at);
            assert!(others.into_iter().all(|(_, other)| !other.covers(&subject)));
        }
    }

    #[test]
    fn four_fifths_full_is_alarming() {
        let fill = |bytes| Fill {
            messages: 1,
            bytes,
            max_bytes: 100,
        };
        assert!(!fill(79).is_alarming());
        assert!(fill(80).is_alarming());
    }
}
