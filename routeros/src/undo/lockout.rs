//! Lock-out: whether a change would cut the way on which it comes.

use std::fmt;
use std::net::IpAddr;

use super::model::{Entry, Model};
use super::planner::Plan;
use super::properties::is_interface_menu;
use crate::row::Row;
use crate::script::condition::{Condition, Relation};
use crate::text::{escape, lossy};
use crate::value::Value as _;

/// The way to a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MgmtPath {
    /// The device's address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// The interface, if it is known; it is found by the address otherwise.
    pub interface: Option<String>,
    /// Our address, as the device sees it.
    pub source: Option<IpAddr>,
    /// The account.
    pub user: Option<String>,
}

/// What would be cut. Names are foreign text; `Display` escapes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The address goes, or is disabled.
    AddressGone(IpAddr),
    /// The address moves to another interface.
    AddressMoved(IpAddr),
    /// The interface goes, or is disabled.
    InterfaceDown(String),
    /// The service is disabled.
    ServiceDisabled(String),
    /// The service gets another port.
    PortChanged(String),
    /// The service does not accept our address.
    ServiceRestricted(String),
    /// A rule would drop new connections.
    Dropped(String),
    /// The route back to us goes.
    RouteGone(String),
    /// The account goes, or is disabled, or loses its group.
    UserChanged(String),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddressGone(address) => {
                write!(
                    f,
                    "removes or disables {address}, by which the device is reached"
                )
            }
            Self::AddressMoved(address) => {
                write!(
                    f,
                    "moves {address}, by which the device is reached, to another interface"
                )
            }
            Self::InterfaceDown(name) => {
                write!(
                    f,
                    "takes down {}, by which the device is reached",
                    escape(name)
                )
            }
            Self::ServiceDisabled(name) => {
                write!(
                    f,
                    "disables service {}, by which the device is managed",
                    escape(name)
                )
            }
            Self::PortChanged(name) => {
                write!(
                    f,
                    "changes the port of {}, by which the device is managed",
                    escape(name)
                )
            }
            Self::ServiceRestricted(name) => {
                write!(
                    f,
                    "lets {} refuse the address that we come from",
                    escape(name)
                )
            }
            Self::Dropped(rule) => write!(f, "may drop new connections: {}", escape(rule)),
            Self::RouteGone(route) => write!(f, "removes the route back: {}", escape(route)),
            Self::UserChanged(name) => {
                write!(
                    f,
                    "disables or changes account {}, which we use",
                    escape(name)
                )
            }
        }
    }
}

/// Predicts what a plan would cut. It sees the menus that the plan touches, no others.
pub fn lockout(plan: &Plan, path: &MgmtPath) -> Vec<Warning> {
    let (was, is) = (&plan.was, &plan.will_be);
    let mut warnings = Vec::new();
    let interface = path
        .interface
        .clone()
        .or_else(|| carrier(was, path).map(|row| string(row, "interface")));
    warnings.extend(address(was, is, path));
    let mut carriers = interface
        .iter()
        .flat_map(|interface| carriers(was, interface));
    warnings.extend(carriers.find_map(|interface| interface_down(was, is, &interface)));
    warnings.extend(service(was, is, path));
    warnings.extend(dropped(was, is, path, interface.as_deref()));
    warnings.extend(route(was, is, path));
    warnings.extend(user(was, is, path));
    warnings
}

fn rows<'m>(model: &'m Model, menu: &str) -> impl Iterator<Item = &'m Row> {
    model.entries(menu).iter().map(|entry| &entry.row)
}

fn string(row: &Row, name: &str) -> String {
    row.text(name).unwrap_or_default().into_owned()
}

fn is_on(row: &Row) -> bool {
    !row.flag("disabled")
}

fn address_menu(path: &MgmtPath) -> &'static str {
    match path.address {
        IpAddr::V4(_) => "/ip/address",
        IpAddr::V6(_) => "/ipv6/address",
    }
}

/// The row that gives the device our address of it.
fn carrier<'m>(model: &'m Model, path: &MgmtPath) -> Option<&'m Row> {
    rows(model, address_menu(path)).find(|row| {
        let address = row.raw("address").unwrap_or_default();
        let address = address.split(|&b| b == b'/').next().unwrap_or_default();
        is_on(row) && IpAddr::parse(address) == Some(path.address)
    })
}

fn address(was: &Model, is: &Model, path: &MgmtPath) -> Option<Warning> {
    let old = carrier(was, path)?;
    let Some(new) = carrier(is, path) else {
        return Some(Warning::AddressGone(path.address));
    };
    let is_renamed = old.id().is_some() && old.id() == new.id();
    let (from, to) = (string(old, "interface"), string(new, "interface"));
    let is_known = from != to && !(is_renamed && renamed(was, is, &from, &to));
    is_known.then_some(Warning::AddressMoved(path.address))
}

/// Whether one interface only has another name.
fn renamed(was: &Model, is: &Model, from: &str, to: &str) -> bool {
    was.menus.iter().any(|(menu, entries)| {
        is_interface_menu(menu)
            && entries.iter().any(|entry| {
                let now = is.entry(menu, entry.handle);
                string(&entry.row, "name") == from
                    && now.is_some_and(|now| string(&now.row, "name") == to)
            })
    })
}

/// The interface and what it stands on: the one below a VLAN, the only port of a bridge.
fn carriers(was: &Model, interface: &str) -> Vec<String> {
    let mut carriers = vec![interface.to_owned()];
    while let Some(upper) = carriers.last().filter(|_| carriers.len() < 8) {
        let vlans = rows(was, "/interface/vlan").filter(|row| string(row, "name") == *upper);
        let ports = rows(was, "/interface/bridge/port");
        let ports = ports.filter(|row| is_on(row) && string(row, "bridge") == *upper);
        let lower: Vec<String> = vlans
            .chain(ports)
            .map(|row| string(row, "interface"))
            .collect();
        match <[String; 1]>::try_from(lower) {
            Ok([lower]) if !carriers.contains(&lower) => carriers.push(lower),
            _ => break,
        }
    }
    carriers
}

fn interface_down(was: &Model, is: &Model, interface: &str) -> Option<Warning> {
    let is_cut = was.menus.iter().any(|(menu, entries)| {
        let is_ours = |e: &Entry, name: &str| is_on(&e.row) && string(&e.row, name) == interface;
        let is_gone = |entry: &Entry| {
            is.entry(menu, entry.handle)
                .is_none_or(|now| !is_on(&now.row))
        };
        let cut = |name: &str| entries.iter().any(|e| is_ours(e, name) && is_gone(e));
        (is_interface_menu(menu) && cut("name"))
            || (menu == "/interface/bridge/port" && cut("interface"))
    });
    is_cut.then(|| Warning::InterfaceDown(interface.to_owned()))
}

fn service(was: &Model, is: &Model, path: &MgmtPath) -> Option<Warning> {
    let menu = "/ip/service";
    let old = was.entries(menu).iter().find(|entry| {
        let port = entry.row.maybe::<u16>("port").ok().flatten();
        is_on(&entry.row) && port == Some(path.port) && !entry.row.flag("dynamic")
    })?;
    let name = string(&old.row, "name");
    let Some(new) = is.entry(menu, old.handle).filter(|new| is_on(&new.row)) else {
        return Some(Warning::ServiceDisabled(name));
    };
    if new.row.raw("port") != old.row.raw("port") {
        return Some(Warning::PortChanged(name));
    }
    let allowed = string(&new.row, "address");
    let is_changed = new.row.raw("address") != old.row.raw("address");
    let networks = allowed.split(',').filter(|network| !network.is_empty());
    let admits = |source: IpAddr| {
        let mut networks = networks.clone().peekable();
        networks.peek().is_none() || networks.any(|network| is_within(source, network))
    };
    let is_admitted = path.source.map_or(allowed.is_empty(), admits);
    (is_changed && !is_admitted).then_some(Warning::ServiceRestricted(name))
}

/// Uses the conditions of scripts, which know addresses and networks.
fn is_within(address: IpAddr, network: &str) -> bool {
    let row = Row::new().with("address", address.to_string());
    let network = network.as_bytes().to_vec();
    Condition::Compare("address".to_owned(), Relation::In, network).holds(&row)
}

fn dropped(was: &Model, is: &Model, path: &MgmtPath, interface: Option<&str>) -> Option<Warning> {
    let family = if path.address.is_ipv4() {
        "/ip"
    } else {
        "/ipv6"
    };
    [("raw", "prerouting"), ("filter", "input")]
        .iter()
        .find_map(|(table, chain)| {
            let menu = format!("{family}/firewall/{table}");
            let verdict = |model| first_drop(model, &menu, chain, path, interface);
            let new = verdict(is)?;
            let is_old = verdict(was).is_some_and(|old| old.id() == new.id() && old == new);
            let rule = || super::diff::Line::added(&menu, new).text;
            (!is_old).then(|| Warning::Dropped(rule()))
        })
}

/// The rule that drops a new connection, if none before it accepts the connection for certain.
fn first_drop<'m>(
    model: &'m Model,
    menu: &str,
    chain: &str,
    path: &MgmtPath,
    interface: Option<&str>,
) -> Option<&'m Row> {
    for row in rows(model, menu).filter(|row| is_on(row) && string(row, "chain") == chain) {
        let fit = fits(row, path, interface);
        match row.raw("action").unwrap_or(b"accept") {
            b"accept" if fit == Fit::Yes => return None,
            b"drop" | b"reject" | b"tarpit" if fit != Fit::No => return Some(row),
            _ => {}
        }
    }
    None
}

/// Whether a rule matches a connection of ours.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    No,
    Perhaps,
    Yes,
}

fn fits(row: &Row, path: &MgmtPath, interface: Option<&str>) -> Fit {
    const NO_MATCHERS: [&str; 9] = [
        "chain",
        "action",
        "comment",
        "disabled",
        "log",
        "log-prefix",
        "reject-with",
        ".id",
        ".nextid",
    ];
    row.iter()
        .filter(|(name, value)| !NO_MATCHERS.contains(name) && !value.is_empty())
        .filter(|(name, _)| super::properties::is_setting("/ip/firewall/filter", name))
        .map(|(name, value)| matcher(name, &lossy(value), path, interface))
        .min()
        .unwrap_or(Fit::Yes)
}

fn matcher(name: &str, value: &str, path: &MgmtPath, interface: Option<&str>) -> Fit {
    let (is_negated, value) = match value.strip_prefix('!') {
        Some(value) => (true, value),
        None => (false, value),
    };
    let fit = match name {
        "protocol" => Some(matches!(value, "tcp" | "6")),
        "dst-port" | "port" => Some(has_port(value, path.port)),
        "connection-state" => Some(value.split(',').any(|state| state == "new")),
        "connection-nat-state" => Some(false),
        "dst-address" => is_range(path.address, value),
        "src-address" => path.source.and_then(|source| is_range(source, value)),
        "in-interface" => interface.map(|interface| interface == value),
        _ => None,
    };
    match fit {
        None => Fit::Perhaps,
        Some(fit) if fit != is_negated => Fit::Yes,
        Some(_) => Fit::No,
    }
}

fn has_port(ports: &str, port: u16) -> bool {
    ports.split(',').any(|range| {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        let bounds = from.parse::<u16>().ok().zip(to.parse::<u16>().ok());
        bounds.is_some_and(|(from, to)| (from..=to).contains(&port))
    })
}

fn is_range(address: IpAddr, range: &str) -> Option<bool> {
    let Some((from, to)) = range.split_once('-') else {
        return Some(is_within(address, range));
    };
    let (from, to) = (from.parse::<IpAddr>().ok()?, to.parse::<IpAddr>().ok()?);
    Some(from <= address && address <= to)
}

fn route(was: &Model, is: &Model, path: &MgmtPath) -> Option<Warning> {
    let source = path.source?;
    let menu = if source.is_ipv4() {
        "/ip/route"
    } else {
        "/ipv6/route"
    };
    let leads = |row: &Row| is_on(row) && is_within(source, &string(row, "dst-address"));
    let length = |row: &Row| {
        let network = string(row, "dst-address");
        network
            .rsplit_once('/')
            .and_then(|(_, n)| n.parse::<u8>().ok())
    };
    let best = |model: &Model| {
        rows(model, menu)
            .filter(|row| leads(row))
            .max_by_key(|r| length(r))
            .cloned()
    };
    let old = best(was)?;
    let is_same = |new: Row| {
        new.raw("gateway") == old.raw("gateway") && new.raw("dst-address") == old.raw("dst-address")
    };
    let gone = !best(is).is_some_and(is_same);
    gone.then(|| Warning::RouteGone(super::diff::label(menu, &old)))
}

fn user(was: &Model, is: &Model, path: &MgmtPath) -> Option<Warning> {
    let menu = "/user";
    let name = path.user.as_deref()?;
    let old = was
        .entries(menu)
        .iter()
        .find(|e| string(&e.row, "name") == name)?;
    let is_kept = |new: &Entry| {
        is_on(&new.row)
            && ["name", "group", "address"]
                .iter()
                .all(|p| new.row.raw(p) == old.row.raw(p))
    };
    let is_changed = !is.entry(menu, old.handle).is_some_and(is_kept);
    is_changed.then(|| Warning::UserChanged(name.to_owned()))
}
