//! What a key for programs may be let into: areas, each to read or to write.
//!
//! ```text
//! role × operation:  Op::scope      who may call it at all
//! scope × operation: Op::need()     what a key must hold besides
//! ```

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::endpoint::{Carrier, Method, Op, Scope};

/// A part of the API. Its name is the noun of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Area {
    /// Devices, their interfaces and values.
    Devices,
    /// What happened.
    Events,
    /// Commands on many devices.
    Exec,
    /// Changes of configuration.
    Config,
    /// Terminals on devices.
    Ssh,
    /// People and their roles.
    Users,
    /// The audit log.
    Audit,
}

impl Area {
    /// All areas.
    pub const ALL: [Self; 7] = [
        Self::Devices,
        Self::Events,
        Self::Exec,
        Self::Config,
        Self::Ssh,
        Self::Users,
        Self::Audit,
    ];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Devices => "devices",
            Self::Events => "events",
            Self::Exec => "exec",
            Self::Config => "config",
            Self::Ssh => "ssh",
            Self::Users => "users",
            Self::Audit => "audit",
        }
    }
}

/// What is done to an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// It is looked at.
    Read,
    /// It is changed. Who may write may read.
    Write,
}

/// What a key may do in one area: `devices:read`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grant {
    /// Where.
    pub area: Area,
    /// What.
    pub access: Access,
}

/// What a key needs for an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: any key will do, and where the operation is public none at all.
    Nothing,
    /// This, or writing in the same area.
    Grant(Grant),
    /// A person who is signed in: no key is enough.
    Person,
}

/// How a program finds out where it is.
const FOR_ANY_KEY: [&str; 3] = ["account.whoami", "status.show", "tenant.list"];

impl Op {
    /// What a key needs for this operation.
    pub fn need(&self) -> Need {
        // Everybody may call those, with or without a key.
        if self.scope == Scope::Public {
            return Need::Nothing;
        }
        // What spans tenants is for people.
        if self.scope == Scope::Platform {
            return Need::Person;
        }
        let area = match self.name.split('.').next().unwrap_or_default() {
            "device" => Area::Devices,
            "event" => Area::Events,
            "run" => Area::Exec,
            "change" => Area::Config,
            "relay" => Area::Ssh,
            "user" => Area::Users,
            "audit" => Area::Audit,
            _ if FOR_ANY_KEY.contains(&self.name) => return Need::Nothing,
            _ => return Need::Person,
        };
        let reads = self.method == Method::Get && self.carrier != Carrier::Socket;
        let access = if reads { Access::Read } else { Access::Write };
        Need::Grant(Grant { area, access })
    }
}

impl Grant {
    /// Every grant there is.
    pub fn all() -> impl Iterator<Item = Self> {
        Area::ALL
            .into_iter()
            .flat_map(|area| [Access::Read, Access::Write].map(|access| Self { area, access }))
    }

    /// Whether this allows `wanted`.
    pub fn covers(self, wanted: Self) -> bool {
        self.area == wanted.area && self.access >= wanted.access
    }
}

impl Need {
    /// Whether a key with these grants has what it needs.
    pub fn is_met_by(self, grants: &[Grant]) -> bool {
        match self {
            Self::Nothing => true,
            Self::Grant(wanted) => grants.iter().any(|grant| grant.covers(wanted)),
            Self::Person => false,
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("any"),
            Self::Grant(grant) => grant.fmt(f),
            Self::Person => f.write_str("none"),
        }
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let access = match self.access {
            Access::Read => "read",
            Access::Write => "write",
        };
        write!(f, "{}:{access}", self.area.as_str())
    }
}

impl FromStr for Grant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::all()
            .find(|grant| grant.to_string() == text)
            .ok_or_else(|| {
                let areas: Vec<_> = Area::ALL.iter().map(|area| area.as_str()).collect();
                let text: String = text.chars().take(64).collect();
                format!(
                    "no scope `{text}`: it is AREA:read or AREA:write, where AREA is one of {}",
                    areas.join(", ")
                )
            })
    }
}

impl Serialize for Grant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Grant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Grant {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Grant".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let all: Vec<String> = Self::all().map(|grant| grant.to_string()).collect();
        schemars::json_schema!({
            "description": "What a key may do in one area. Who may write may read.",
            "type": "string",
            "enum": all,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::OPS;

    fn need(name: &str) -> String {
        let op = OPS.iter().find(|op| op.name == name).unwrap();
        op.need().to_string()
    }

    #[test]
    fn a_grant_survives_its_text() {
        for grant in Grant::all() {
            assert_eq!(grant.to_string().parse(), Ok(grant));
        }
        assert!("devices".parse::<Grant>().is_err());
        assert!("devices:admin".parse::<Grant>().is_err());
    }

    #[test]
    fn who_may_write_may_read_and_nothing_elsewhere() {
        let grant = |text: &str| text.parse::<Grant>().unwrap();

        assert!(grant("devices:write").covers(grant("devices:read")));
        assert!(!grant("devices:read").covers(grant("devices:write")));
        assert!(!grant("devices:write").covers(grant("config:read")));
    }

    /// Written out once more, so that a new operation is placed on purpose.
    #[test]
    fn every_operation_needs_what_its_noun_says() {
        assert_eq!(need("device.list"), "devices:read");
        assert_eq!(need("device.follow"), "devices:read");
        assert_eq!(need("device.delete"), "devices:write");
        assert_eq!(need("change.apply"), "config:write");
        assert_eq!(need("run.start"), "exec:write");
        assert_eq!(need("relay.open"), "ssh:write");
        assert_eq!(need("user.invite"), "users:write");
        assert_eq!(need("account.whoami"), "any");
        assert_eq!(need("tenant.list"), "any");
        for person in ["tenant.create", "session.list", "session.revoke"] {
            assert_eq!(need(person), "none");
        }
    }
}
