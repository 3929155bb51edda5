//! What commands show on a console again and again: echoes, hops, samples.

use std::time::Duration;

use routeros::row::Row as Record;
use routeros::script::Problem;
use routeros::script::run::Host as _;

use super::{Console, Watch};
use crate::device::Pings;
use crate::print::echo;
use crate::verb::Order;

/// Monitors that were asked for longer end sooner.
const LONGEST: Duration = Duration::from_mins(1);

/// Echoes that one command without a terminal waits for.
const ECHOES: u64 = 20;

impl Console<'_> {
    pub(super) fn line(&mut self, text: &str) {
        self.text.push_str(text);
        if !text.ends_with('\n') {
            self.text.push_str("\r\n");
        }
    }

    pub(super) fn rows(&mut self, order: &Order, rows: &[Record]) {
        let shown = self.device.core().table_of(order, rows);
        self.line(&shown);
    }

    /// Shows samples for as long as was asked. Somebody at a terminal may watch them; without one,
    /// one is shown.
    pub(super) fn monitor(&mut self, order: Order) -> Result<(), Problem> {
        let pace = order.pace();
        let mut left = order.time("duration").map(|d| d.min(LONGEST));
        loop {
            let rows = self.device.core().sample(&order);
            let rows = rows.map_err(|trap| Problem::Failed(trap.message))?;
            if left.is_none() && self.caller.watches {
                self.watch = Some(Watch::Samples(order));
                return Ok(());
            }
            self.rows(&order, &rows);
            let wait = left.unwrap_or_default().min(pace);
            if wait.is_zero() {
                return Ok(());
            }
            self.delay(wait)?;
            left = left.map(|left| left.saturating_sub(wait));
        }
    }

    pub(super) fn trace(&mut self, address: &str) {
        self.line(" # ADDRESS                          LOSS SENT    LAST     AVG    BEST   WORST");
        for (n, row) in self.device.trace(address).iter().enumerate() {
            let of = |name| row.text(name).unwrap_or_default();
            let line = format!(
                "{:>2} {:<32} {:>3}% {:>4} {:>7} {:>7} {:>7} {:>7}",
                n + 1,
                of("address"),
                of("loss"),
                of("sent"),
                of("last"),
                of("avg"),
                of("best"),
                of("worst")
            );
            self.line(line.trim_end());
        }
    }

    pub(super) fn ping(&mut self, address: &str, count: Option<u64>) {
        if count.is_none() && self.caller.watches {
            self.watch = Some(Watch::Echoes(address.to_owned()));
            return;
        }
        let is_modern = self.device.release().has_slashes();
        self.line(&echo::head(is_modern));
        let mut pings = Pings::new(address);
        let mut last = Record::new();
        for _ in 0..count.unwrap_or(4).clamp(1, ECHOES) {
            last = pings.next(self.device.echo(address));
            self.line(&echo::row(&last, is_modern));
        }
        self.line(&echo::total(&last));
    }
}
