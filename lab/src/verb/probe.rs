//! Commands that ask the network: `ping` and `traceroute`.

use routeros::error::Trap;

use super::{After, Order, Outcome};
use crate::core::{Caller, Core};
use crate::trap;

impl Core {
    /// Carries out a command that asks the network; nothing if it is none.
    pub(super) fn probe(
        &self,
        caller: &Caller,
        order: &Order,
        path: &str,
    ) -> Result<Option<Outcome>, Trap> {
        match path {
            "/ping" | "/tool/ping" => self.ping(caller, order).map(Some),
            "/tool/traceroute" => self.traceroute(caller, order).map(Some),
            _ => Ok(None),
        }
    }

    fn ping(&self, caller: &Caller, order: &Order) -> Result<Outcome, Trap> {
        self.require(caller, "test")?;
        let address = order
            .arg("address")
            .ok_or_else(|| trap::missing_value("address"))?;
        Ok(Outcome::after(After::Ping {
            address: address.to_owned(),
            count: order.arg("count").and_then(|c| c.parse().ok()),
        }))
    }

    fn traceroute(&self, caller: &Caller, order: &Order) -> Result<Outcome, Trap> {
        self.require(caller, "test")?;
        let address = order
            .arg("address")
            .ok_or_else(|| trap::missing_value("address"))?;
        Ok(Outcome::after(After::Trace {
            address: address.to_owned(),
            count: order.arg("count").and_then(|c| c.parse().ok()),
        }))
    }
}
