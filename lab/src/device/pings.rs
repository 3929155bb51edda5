//! Echoes asked for one after the other, and what they come to.

use std::time::Duration;

use routeros::row::Row as Record;
use routeros::value::format_duration;

/// Echoes of one address.
#[derive(Debug)]
pub(crate) struct Pings {
    address: String,
    sent: u64,
    received: u32,
    all: Duration,
    least: Duration,
    most: Duration,
}

impl Pings {
    pub(crate) fn new(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            sent: 0,
            received: 0,
            all: Duration::ZERO,
            least: Duration::MAX,
            most: Duration::ZERO,
        }
    }

    /// Returns how many were asked for.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// Takes an echo or its absence; returns it with what all come to so far.
    pub(crate) fn next(&mut self, echo: Option<Duration>) -> Record {
        let mut row = Record::new()
            .with("seq", self.sent.to_string())
            .with("host", &self.address);
        self.sent += 1;
        if let Some(time) = echo {
            self.received = self.received.saturating_add(1);
            self.all += time;
            self.least = self.least.min(time);
            self.most = self.most.max(time);
            row.push("size", "56");
            row.push("ttl", "64");
            row.push("time", format_duration(time));
        } else {
            row.push("status", "timeout");
        }
        for (name, value) in self.total().iter() {
            row.push(name, value);
        }
        row
    }

    /// Returns what all come to so far.
    pub(crate) fn total(&self) -> Record {
        let received = u64::from(self.received);
        let mut row = Record::new();
        row.push("sent", self.sent.to_string());
        row.push("received", received.to_string());
        let loss = 100 - 100 * received.min(self.sent) / self.sent.max(1);
        row.push("packet-loss", loss.to_string());
        if let Some(middle) = self.all.checked_div(self.received) {
            row.push("min-rtt", format_duration(self.least));
            row.push("avg-rtt", format_duration(middle));
            row.push("max-rtt", format_duration(self.most));
        }
        row
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Pings;

    #[test]
    fn echoes_add_up() {
        let mut pings = Pings::new("10.0.0.1");

        pings.next(Some(Duration::from_millis(1)));
        pings.next(Some(Duration::from_millis(3)));
        let last = pings.next(None);

        let of = |name| last.text(name).unwrap_or_default().into_owned();
        assert_eq!(
            [of("sent"), of("received"), of("packet-loss")],
            ["3", "2", "34"]
        );
        assert_eq!(
            [of("min-rtt"), of("avg-rtt"), of("max-rtt")],
            ["1ms", "2ms", "3ms"]
        );
    }
}
