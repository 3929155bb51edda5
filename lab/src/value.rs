//! What a property accepts, and how the device spells it afterwards.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use routeros::error::Trap;
use routeros::value::{Value as _, format_duration};

use crate::schema::{Kind, Prop};
use crate::trap;

/// What a value may have to refer to.
pub(crate) trait Names {
    /// Says whether there is an interface, or an interface list, of this name.
    fn has_interface(&self, name: &str) -> bool;
    /// Says whether a menu has a row of this name.
    fn has_row(&self, menu: &str, name: &str) -> bool;
}

/// Checks a value and returns it as the device stores it.
pub(crate) fn accept(names: &impl Names, prop: &Prop, text: &str) -> Result<String, Trap> {
    let name = &*prop.name;
    match &prop.kind {
        Kind::Str => Ok(text.to_owned()),
        Kind::Bool => match bool::parse(text.as_bytes()) {
            Some(value) => Ok(value.to_string()),
            None => Err(trap::invalid(name)),
        },
        // A flag that is given is on; only its absence says otherwise.
        Kind::Flag => Ok("true".to_owned()),
        Kind::Kibibytes => {
            let number = text.strip_suffix("KiB").unwrap_or(text);
            let value: Option<u64> = number.parse().ok();
            value
                .map(|v| v.to_string())
                .ok_or_else(|| trap::invalid(name))
        }
        Kind::Int(low, high) => {
            let value = integer(text).ok_or_else(|| trap::invalid(name))?;
            if (*low..=*high).contains(&value) {
                Ok(value.to_string())
            } else {
                Err(trap::out_of_range(name, *low, *high))
            }
        }
        Kind::Duration => match Duration::parse(text.as_bytes()) {
            Some(value) => Ok(format_duration(value)),
            None => Err(trap::invalid(name)),
        },
        Kind::Ip => match text.parse::<IpAddr>() {
            Ok(value) => Ok(value.to_string()),
            Err(_) => Err(trap::invalid(name)),
        },
        Kind::Prefix => Net::parse(text)
            .map(|n| n.to_string())
            .ok_or_else(|| trap::invalid(name)),
        Kind::Interface if names.has_interface(text) => Ok(text.to_owned()),
        Kind::Ref(menu) if names.has_row(menu, text) => Ok(text.to_owned()),
        Kind::Enum(values) if text.split(',').all(|part| values.contains(&part)) => {
            Ok(text.to_owned())
        }
        Kind::Enum(values) => yes_or_no(values, text).ok_or_else(|| trap::no_match(name)),
        Kind::Interface | Kind::Ref(_) => Err(trap::no_match(name)),
        Kind::Mac => mac(text).ok_or_else(|| trap::invalid(name)),
    }
}

/// Some choices have `yes` and `no` among others, and take `true` and `false` for them.
fn yes_or_no(values: &[&str], text: &str) -> Option<String> {
    let spelled = match text {
        "true" => "yes",
        "false" => "no",
        _ => return None,
    };
    values.contains(&spelled).then(|| spelled.to_owned())
}

fn integer(text: &str) -> Option<i64> {
    match text.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

fn mac(text: &str) -> Option<String> {
    let parts: Vec<_> = text.split(':').collect();
    let is_hex = |p: &&str| p.len() == 2 && p.bytes().all(|b| b.is_ascii_hexdigit());
    (parts.len() == 6 && parts.iter().all(is_hex)).then(|| text.to_ascii_uppercase())
}

/// An address with a prefix length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Net {
    pub(crate) address: IpAddr,
    pub(crate) bits: u8,
}

impl Net {
    /// Parses `10.0.0.1/24`; without a length it is one address.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits
                .parse()
                .ok()
                .or_else(|| netmask(bits))
                .filter(|b| *b <= most)?,
            None => most,
        };
        Some(Self { address, bits })
    }

    pub(crate) fn contains(self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                let shift = 32 - u32::from(self.bits.min(32));
                let mask = u32::MAX.checked_shl(shift).unwrap_or(0);
                u32::from(a) & mask == u32::from(b) & mask
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                let shift = 128 - u32::from(self.bits.min(128));
                let mask = u128::MAX.checked_shl(shift).unwrap_or(0);
                u128::from(a) & mask == u128::from(b) & mask
            }
            _ => false,
        }
    }

    /// Returns the first address of the network.
    pub(crate) fn network(self) -> IpAddr {
        match self.address {
            IpAddr::V4(a) => {
                let mask = u32::MAX
                    .checked_shl(32 - u32::from(self.bits.min(32)))
                    .unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from(u32::from(a) & mask))
            }
            IpAddr::V6(a) => {
                let mask = u128::MAX
                    .checked_shl(128 - u32::from(self.bits.min(128)))
                    .unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from(u128::from(a) & mask))
            }
        }
    }
}

impl std::fmt::Display for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

fn netmask(text: &str) -> Option<u8> {
    let mask = u32::from(text.parse::<Ipv4Addr>().ok()?);
    let bits = mask.leading_ones();
    (mask.count_ones() == bits).then(|| u8::try_from(bits).unwrap_or(32))
}

/// Says whether an address is in a matcher: an address, a network, a range, or `!` and one of them.
pub(crate) fn address_matches(matcher: &str, address: IpAddr) -> bool {
    if let Some(not) = matcher.strip_prefix('!') {
        return !address_matches(not, address);
    }
    if let Some((low, high)) = matcher.split_once('-')
        && let (Ok(low), Ok(high)) = (low.parse::<IpAddr>(), high.parse::<IpAddr>())
    {
        return low <= address && address <= high;
    }
    Net::parse(matcher).is_some_and(|net| net.contains(address))
}

/// Says whether a port is in a matcher such as `22,8000-9000` or `!22`.
pub(crate) fn port_matches(matcher: &str, port: u16) -> bool {
    if let Some(not) = matcher.strip_prefix('!') {
        return !port_matches(not, port);
    }
    matcher.split(',').any(|part| match part.split_once('-') {
        Some((low, high)) => match (low.parse::<u16>(), high.parse::<u16>()) {
            (Ok(low), Ok(high)) => (low..=high).contains(&port),
            _ => false,
        },
        None => part.parse() == Ok(port),
    })
}
