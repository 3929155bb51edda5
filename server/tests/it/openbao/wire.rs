//! Which path does what, and who may.

use serde_json::{Value, json};

use super::engine::Engine;
use super::tokens::Tokens;
use super::{Fault, UNSEAL_KEY};

/// A request.
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) token: Option<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) body: Value,
    pub(crate) is_json: bool,
}

/// A status and a body; null for none.
pub(crate) type Answer = (u16, Value);

/// Everything that a double holds.
pub(crate) struct State {
    pub(crate) engine: Engine,
    pub(crate) tokens: Tokens,
    pub(crate) is_initialised: bool,
    pub(crate) is_sealed: bool,
    pub(crate) standing: Standing,
    /// The only namespace that it has.
    pub(crate) namespace: Option<String>,
    pub(crate) mount: String,
    pub(crate) fault: Option<Fault>,
    pub(crate) log: Vec<String>,
}

/// What a node is within its cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Active,
    Standby,
    PerformanceStandby,
    RecoverySecondary,
}

impl Default for State {
    fn default() -> Self {
        Self {
            engine: Engine::default(),
            tokens: Tokens::default(),
            is_initialised: true,
            is_sealed: false,
            standing: Standing::Active,
            namespace: None,
            mount: "transit".to_owned(),
            fault: None,
            log: Vec::new(),
        }
    }
}

pub(crate) fn errors(status: u16, text: impl Into<String>) -> Answer {
    (status, json!({ "errors": [text.into()] }))
}

fn envelope(data: &Value, auth: &Value) -> Value {
    json!({
        "request_id": uuid::Uuid::now_v7(), "lease_id": "", "renewable": false,
        "lease_duration": 0, "data": data, "wrap_info": null, "warnings": null, "auth": auth,
    })
}

pub(crate) fn data(data: &Value) -> Answer {
    (200, envelope(data, &Value::Null))
}

pub(crate) fn auth(auth: &Value) -> Answer {
    (200, envelope(&Value::Null, auth))
}

impl Asked {
    fn is_write(&self) -> bool {
        matches!(self.method.as_str(), "POST" | "PUT")
    }

    /// Whether the body has these fields only. The original lets others pass.
    pub(super) fn only(&self, fields: &[&str]) -> Result<(), Answer> {
        let unknown = self.body.as_object().and_then(|body| {
            let mut names = body.keys();
            names.find(|name| !fields.contains(&name.as_str()))
        });
        match unknown {
            Some(name) => Err(errors(400, format!("this call has no field {name}"))),
            None => Ok(()),
        }
    }

    pub(super) fn text(&self, field: &str) -> &str {
        self.body[field].as_str().unwrap_or_default()
    }

    fn flag(&self, name: &str) -> bool {
        let mut pairs = self.query.split('&');
        pairs.any(|pair| pair.split_once('=') == Some((name, "true")))
    }

    /// The status that a query asks for instead of the usual one.
    fn code(&self, name: &str, usual: u16) -> u16 {
        let mut pairs = self
            .query
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        let asked = pairs.find(|(key, _)| *key == name);
        asked
            .and_then(|(_, code)| code.parse().ok())
            .unwrap_or(usual)
    }
}

impl State {
    pub(super) fn answer(&mut self, asked: &Asked) -> Answer {
        if asked.path == "sys/health" {
            return self.health(asked);
        }
        if asked.path == "sys/seal-status" {
            return self.seal_status();
        }
        if asked.path == "sys/unseal" && asked.is_write() {
            self.is_sealed &= asked.text("key") != UNSEAL_KEY;
            return self.seal_status();
        }
        if self.is_sealed || !self.is_initialised {
            return errors(503, "Vault is sealed");
        }
        if !asked.is_json {
            return errors(400, "error parsing JSON");
        }
        if asked.namespace.as_deref().unwrap_or_default()
            != self.namespace.as_deref().unwrap_or_default()
        {
            return errors(404, format!("no handler for route \"{}\"", asked.path));
        }
        if asked.path == "auth/approle/login" {
            return self.tokens.log_in(asked);
        }
        self.let_in(asked).unwrap_or_else(|refusal| refusal)
    }

    /// What needs a token.
    fn let_in(&mut self, asked: &Asked) -> Result<Answer, Answer> {
        let operation = match asked.method.as_str() {
            "GET" if asked.flag("list") => "list",
            "GET" => "read",
            "POST" | "PUT" => "update",
            "DELETE" => "delete",
            "LIST" => "list",
            _ => return Err(errors(405, "unsupported operation")),
        };
        let in_engine = asked
            .path
            .strip_prefix(&format!("{}/", self.mount))
            .map(str::to_owned);
        // Only `encrypt` asks whether the key is there: the original makes it otherwise.
        let missing = in_engine
            .as_deref()
            .and_then(|path| path.strip_prefix("encrypt/"))
            .is_some_and(|key| !self.engine.has(key));
        let operation = if missing && operation == "update" {
            "create"
        } else {
            operation
        };
        self.tokens.check(asked, operation)?;
        if let Some(path) = in_engine {
            return self.engine.answer(&path, operation, asked);
        }
        match (asked.path.as_str(), operation) {
            ("sys/capabilities-self", "update") => Ok(self.tokens.capabilities(asked)),
            ("sys/seal", "update") => {
                self.is_sealed = true;
                Ok((204, Value::Null))
            }
            (path, "update") if path.starts_with("sys/policies/acl/") => {
                asked.only(&["policy"])?;
                let name = path.trim_start_matches("sys/policies/acl/");
                let stored = self.tokens.policy(name, asked.text("policy"));
                stored.map_err(|problem| errors(400, problem))?;
                Ok((204, Value::Null))
            }
            (path, _) if path.starts_with("auth/token/") => self.tokens.answer(operation, asked),
            _ => Err(errors(
                404,
                format!("no handler for route \"{}\"", asked.path),
            )),
        }
    }

    fn health(&self, asked: &Asked) -> Answer {
        let usual = |name, usual| asked.code(name, usual);
        let status = match self.standing {
            _ if !self.is_initialised => usual("uninitcode", 501),
            _ if self.is_sealed => usual("sealedcode", 503),
            Standing::RecoverySecondary => usual("drsecondarycode", 472),
            Standing::PerformanceStandby if !asked.flag("perfstandbyok") => {
                usual("performancestandbycode", 473)
            }
            Standing::Standby if !asked.flag("standbyok") => usual("standbycode", 429),
            _ => usual("activecode", 200),
        };
        let body = json!({
            "initialized": self.is_initialised, "sealed": self.is_sealed,
            "standby": self.standing != Standing::Active, "performance_standby": false,
            "replication_performance_mode": "disabled", "replication_dr_mode": "disabled",
            "server_time_utc": 1_800_000_000, "version": "double",
        });
        match asked.method.as_str() {
            "GET" => (status, body),
            "HEAD" => (status, Value::Null),
            _ => errors(405, "unsupported operation"),
        }
    }

    fn seal_status(&self) -> Answer {
        let body = json!({
            "type": "shamir", "initialized": self.is_initialised, "sealed": self.is_sealed,
            "t": 1, "n": 1, "progress": 0, "nonce": "", "version": "double",
        });
        (200, body)
    }
}
