//! Terminals into devices.
//!
//! A client opens a relay and gets a ticket, then connects a WebSocket with it; the poller that
//! leases the device dials another WebSocket out to the same server, which joins the two. Binary
//! messages carry terminal bytes both ways; text messages carry [`RelayControl`] as JSON.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::endpoint::{Carrier, Endpoint, Method, Op, Pipe, Role, Scope};
use crate::id::{DeviceId, RelayId, TenantId};
use crate::page::Empty;
use crate::untrusted::Untrusted;

/// What is opened on the device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RelayKind {
    /// An interactive shell on a pseudo-terminal.
    Shell {
        /// The value of `TERM`.
        #[cfg_attr(
            feature = "schema",
            schemars(length(max = 64), regex(pattern = "^[!-~]*$"))
        )]
        term: String,
        /// Columns of the terminal.
        #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
        cols: u16,
        /// Rows of the terminal.
        #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
        rows: u16,
    },
    /// One command, without a terminal.
    Exec {
        /// The command line.
        #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 65_536)))]
        command: String,
    },
}

/// Opens a relay to a device.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Open;

/// The answer of [`Open`].
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "RelayTicket"))]
pub struct Ticket {
    /// The relay.
    pub relay: RelayId,
    /// Good once, for [`Terminal`], until `expires_at`.
    pub ticket: String,
    /// At most 120 seconds from now.
    pub expires_at: Timestamp,
    /// The account on the device.
    pub username: String,
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticket")
            .field("relay", &self.relay)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl Endpoint for Open {
    const OP: Op = Op::json(
        "relay.open",
        Method::Post,
        "/api/tenants/{tenant}/devices/{device}/relays",
        Scope::Tenant(Role::Operator),
    );
    type Path = (TenantId, DeviceId);
    type Query = Empty;
    type Body = RelayKind;
    type Output = Ticket;
}

/// A message beside the terminal bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RelayControl {
    /// The poller is signed in to the device; bytes follow.
    Opened,
    /// The client's terminal has a new size.
    Resize {
        /// Columns.
        cols: u16,
        /// Rows.
        rows: u16,
    },
    /// The client will send no more bytes.
    Eof,
    /// What was opened ended with this status; the socket closes after it.
    Exit {
        /// The exit status as the device gave it.
        status: u32,
    },
    /// What was opened was ended by a signal; the socket closes after it.
    Signal {
        /// Its name, without `SIG`.
        name: String,
    },
    /// It could not be opened, or broke; the socket closes after it.
    Failed {
        /// What happened, for people.
        message: Untrusted,
        /// What to do next.
        hint: Option<String>,
    },
}

/// The client's end of a relay.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Terminal;

/// The query of [`Terminal`] and [`Dial`].
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TicketQuery {
    /// The ticket.
    pub ticket: String,
}

impl std::fmt::Debug for TicketQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TicketQuery").finish_non_exhaustive()
    }
}

impl Pipe for Terminal {
    const OP: Op = Op {
        name: "relay.terminal",
        method: Method::Get,
        path: "/api/relays/{relay}/terminal",
        scope: Scope::Public,
        carrier: Carrier::Socket,
    };
    type Path = RelayId;
    type Query = TicketQuery;
    type Message = RelayControl;
}

/// The poller's end of a relay. Its ticket is another one, handed out over the bus.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Dial;

impl Pipe for Dial {
    const OP: Op = Op {
        name: "relay.dial",
        method: Method::Get,
        path: "/api/relays/{relay}/dial",
        scope: Scope::Public,
        carrier: Carrier::Socket,
    };
    type Path = RelayId;
    type Query = TicketQuery;
    type Message = RelayControl;
}
