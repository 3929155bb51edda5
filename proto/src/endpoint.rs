//! One operation of the API, described once and used by both ends.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What a person may do. Each role may do all that the lower ones may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// May read.
    Viewer,
    /// May change devices.
    Operator,
    /// May change the tenant: users, keys, settings.
    Admin,
    /// May do everything in every tenant.
    SuperAdmin,
}

impl Role {
    /// All roles, the least first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Admin, Self::SuperAdmin];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
            Self::SuperAdmin => "super_admin",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| {
                format!("no role `{text}`: there are viewer, operator, admin and super_admin")
            })
    }
}

/// The HTTP methods in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads.
    Get,
    /// Makes a thing, or does something.
    Post,
    /// Changes part of a thing.
    Patch,
    /// Removes a thing.
    Delete,
}

impl Method {
    /// The name in HTTP.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// Who may call an operation, and what it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Anyone, signed in or not. It sees no tenant's data.
    Public,
    /// Any signed-in person, about themselves.
    Account,
    /// A member of the tenant in the path (placeholder `{tenant}`) with at least this role.
    /// For anyone else the tenant does not exist.
    Tenant(Role),
    /// Super administrators, across tenants.
    Platform,
}

/// How the response is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// One JSON document.
    Json,
    /// Server-sent events, each one JSON document.
    Events,
    /// A WebSocket.
    Socket,
    /// A file that is the same for everybody.
    File,
}

/// Method, path and access of an operation.
#[derive(Clone, Copy, Debug)]
pub struct Op {
    /// Its name, such as `device.list`, in logs, audit and documents.
    pub name: &'static str,
    /// The HTTP method.
    pub method: Method,
    /// The path template, in axum's notation.
    pub path: &'static str,
    /// Who may call it.
    pub scope: Scope,
    /// How the response is carried.
    pub carrier: Carrier,
}

impl Op {
    /// An operation that answers with one JSON document.
    pub const fn json(
        name: &'static str,
        method: Method,
        path: &'static str,
        scope: Scope,
    ) -> Self {
        Self {
            name,
            method,
            path,
            scope,
            carrier: Carrier::Json,
        }
    }
}

/// What crosses the wire: it is written, read and, for the description of the API, described.
#[cfg(not(feature = "schema"))]
pub trait Wire: Serialize + DeserializeOwned + Send {}
#[cfg(not(feature = "schema"))]
impl<T: Serialize + DeserializeOwned + Send> Wire for T {}

/// What crosses the wire: it is written, read and, for the description of the API, described.
#[cfg(feature = "schema")]
pub trait Wire: Serialize + DeserializeOwned + Send + schemars::JsonSchema {}
#[cfg(feature = "schema")]
impl<T: Serialize + DeserializeOwned + Send + schemars::JsonSchema> Wire for T {}

/// An operation that answers once.
pub trait Endpoint {
    /// Method, path and access.
    const OP: Op;
    /// The values of the placeholders in [`Op::path`], in order.
    type Path: Wire;
    /// The query string.
    type Query: Wire;
    /// The request body.
    type Body: Wire;
    /// The response body.
    type Output: Wire;
}

/// An operation that answers with a stream of items, as server-sent events.
///
/// The `id:` field of each event is a cursor: a client that reconnects sends it back in
/// `Last-Event-ID` and misses nothing.
pub trait Feed {
    /// Method, path and access; the carrier is [`Carrier::Events`].
    const OP: Op;
    /// The values of the placeholders in [`Op::path`], in order.
    type Path: Wire;
    /// The query string.
    type Query: Wire;
    /// One event.
    type Item: Wire;
}

/// An operation that turns into a WebSocket.
pub trait Pipe {
    /// Method, path and access; the carrier is [`Carrier::Socket`].
    const OP: Op;
    /// The values of the placeholders in [`Op::path`], in order.
    type Path: Wire;
    /// The query string.
    type Query: Wire;
    /// The text messages, both ways; each is one JSON document.
    type Message: Wire;
}

/// A file of the server itself, the same for everybody until the server is replaced.
pub trait File {
    /// Method, path and access; the carrier is [`Carrier::File`].
    const OP: Op;
    /// What it is, as `Content-Type` says it.
    const CONTENT_TYPE: &'static str;
}
