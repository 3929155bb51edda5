//! Is the server alive, ready, and of which version.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::certificate::Certificate;
use crate::endpoint::{Endpoint, Method, Op, Scope};
use crate::page::Empty;

/// The process answers.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Live;

/// The answer of [`Live`] and [`Ready`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Health {
    /// `ok`, or `unavailable` with the checks that say why.
    pub status: String,
    /// Each part by name: `ok` or what is wrong with it.
    #[serde(default)]
    pub checks: BTreeMap<String, String>,
}

impl Endpoint for Live {
    const OP: Op = Op::json("health.live", Method::Get, "/health", Scope::Public);
    type Path = Empty;
    type Query = Empty;
    type Body = Empty;
    type Output = Health;
}

/// The process can do its work: database, bus and keys are there.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Ready;

impl Endpoint for Ready {
    const OP: Op = Op::json("health.ready", Method::Get, "/health/ready", Scope::Public);
    type Path = Empty;
    type Query = Empty;
    type Body = Empty;
    type Output = Health;
}

/// Version and clock of the server.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Show;

/// The answer of [`Show`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "ServerStatus"))]
pub struct Status {
    /// The version of the server.
    pub version: String,
    /// The version of the API.
    pub api_version: String,
    /// The server's clock, for clients whose own is wrong.
    pub time: Timestamp,
    /// What is wrong with the server that people must see to, in words.
    #[serde(default)]
    pub alarms: Vec<String>,
    /// The certificate that it shows to whoever connects to it; a proxy before it may show another.
    /// Nothing when it speaks no TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
}

impl Endpoint for Show {
    const OP: Op = Op::json("status.show", Method::Get, "/api/status", Scope::Public);
    type Path = Empty;
    type Query = Empty;
    type Body = Empty;
    type Output = Status;
}
