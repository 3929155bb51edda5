//! Tokens, their policies and lives, and `AppRole`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::ROOT;
use super::wire::{Answer, Asked, auth, data, errors};

/// Tokens and who gets one.
pub(crate) struct Tokens {
    live: BTreeMap<String, Token>,
    policies: BTreeMap<String, Vec<Rule>>,
    roles: BTreeMap<String, Role>,
}

struct Token {
    policies: Vec<String>,
    ttl: u64,
    made: Instant,
    renewed: Instant,
    is_renewable: bool,
    /// How long it may live with all renewals; 0 for ever.
    longest: u64,
}

struct Role {
    secret: String,
    policies: Vec<String>,
    ttl: u64,
    longest: u64,
}

/// What may be done on a path.
struct Rule {
    path: String,
    capabilities: Vec<String>,
}

/// What everybody may.
const DEFAULT: &str = r#"
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
path "sys/capabilities-self" { capabilities = ["update"] }
"#;

impl Default for Tokens {
    fn default() -> Self {
        let mut tokens = Self {
            live: BTreeMap::new(),
            policies: BTreeMap::new(),
            roles: BTreeMap::new(),
        };
        tokens.policy("default", DEFAULT).unwrap();
        let root = Token::new(vec!["root".to_owned()], 0, false, 0);
        tokens.live.insert(ROOT.to_owned(), root);
        tokens
    }
}

impl Token {
    fn new(policies: Vec<String>, ttl: u64, is_renewable: bool, longest: u64) -> Self {
        let now = Instant::now();
        Self {
            policies,
            ttl,
            made: now,
            renewed: now,
            is_renewable,
            longest,
        }
    }

    /// Seconds that are left; nothing once they are over.
    fn left(&self) -> Option<u64> {
        let of = |since: Instant, whole: u64| {
            let left = Duration::from_secs(whole).checked_sub(since.elapsed())?;
            Some(left.as_millis().div_ceil(1000).try_into().unwrap())
        };
        let ttl = if self.ttl == 0 {
            Some(0)
        } else {
            of(self.renewed, self.ttl)
        }?;
        if self.longest == 0 {
            return Some(ttl);
        }
        Some(ttl.min(of(self.made, self.longest)?))
    }
}

fn denied() -> Answer {
    errors(403, "1 error occurred:\n\t* permission denied\n\n")
}

impl Tokens {
    /// Stores a policy, as text.
    pub(crate) fn policy(&mut self, name: &str, text: &str) -> Result<(), String> {
        self.policies.insert(name.to_owned(), parse(text)?);
        Ok(())
    }

    pub(crate) fn make(
        &mut self,
        policies: Vec<String>,
        ttl: u64,
        is_renewable: bool,
        longest: u64,
    ) -> String {
        let token = format!("s.{}", uuid::Uuid::now_v7().simple());
        let made = Token::new(policies, ttl, is_renewable, longest);
        self.live.insert(token.clone(), made);
        token
    }

    pub(crate) fn revoke(&mut self, token: &str) {
        self.live.remove(token);
    }

    /// All tokens but the first: as after a restore of a backup.
    pub(crate) fn revoke_all(&mut self) {
        self.live.retain(|token, _| token == ROOT);
    }

    /// Makes a role. Returns its id and its secret id.
    pub(crate) fn role(&mut self, policy: &str, ttl: u64, longest: u64) -> (String, String) {
        let (id, secret) = (uuid::Uuid::now_v7(), uuid::Uuid::now_v7());
        let role = Role {
            secret: secret.to_string(),
            policies: vec![policy.to_owned()],
            ttl,
            longest,
        };
        self.roles.insert(id.to_string(), role);
        (id.to_string(), secret.to_string())
    }

    pub(super) fn log_in(&mut self, asked: &Asked) -> Answer {
        if asked.method != "POST" && asked.method != "PUT" {
            return errors(405, "unsupported operation");
        }
        if let Err(refusal) = asked.only(&["role_id", "secret_id"]) {
            return refusal;
        }
        let role = self.roles.get(asked.text("role_id"));
        let Some(role) = role.filter(|role| role.secret == asked.text("secret_id")) else {
            return errors(400, "invalid role or secret ID");
        };
        let (policies, ttl, longest) = (role.policies.clone(), role.ttl, role.longest);
        let token = self.make(policies.clone(), ttl, true, longest);
        auth(&json!({
            "client_token": token, "accessor": "a", "policies": policies,
            "token_policies": policies, "metadata": null, "lease_duration": ttl,
            "renewable": true,
        }))
    }

    fn of(&self, asked: &Asked) -> Result<&Token, Answer> {
        let token = asked
            .token
            .as_deref()
            .and_then(|token| self.live.get(token));
        token
            .filter(|token| token.left().is_some())
            .ok_or_else(|| errors(403, "permission denied"))
    }

    /// Whether the token of a request may do this on its path.
    pub(super) fn check(&self, asked: &Asked, operation: &str) -> Result<(), Answer> {
        let may = self.may(self.of(asked)?, &asked.path);
        if may.iter().any(|one| one == operation || one == "root") {
            return Ok(());
        }
        Err(denied())
    }

    fn may(&self, token: &Token, path: &str) -> Vec<String> {
        if token.policies.iter().any(|policy| policy == "root") {
            return vec!["root".to_owned()];
        }
        let own = token.policies.iter().map(String::as_str);
        let rules = own
            .chain(["default"])
            .filter_map(|name| self.policies.get(name))
            .flatten();
        // The longest pattern counts alone.
        let best = rules
            .filter(|rule| matches(&rule.path, path))
            .max_by_key(|rule| rule.path.len());
        match best {
            Some(rule) if !rule.capabilities.iter().any(|one| one == "deny") => {
                rule.capabilities.clone()
            }
            _ => vec!["deny".to_owned()],
        }
    }

    pub(super) fn capabilities(&self, asked: &Asked) -> Answer {
        let Ok(token) = self.of(asked) else {
            return denied();
        };
        let paths = asked.body["paths"].as_array().cloned().unwrap_or_default();
        let paths: Vec<&str> = paths.iter().filter_map(Value::as_str).collect();
        if paths.is_empty() {
            return errors(400, "paths must be supplied");
        }
        let found: serde_json::Map<_, _> = paths
            .iter()
            .map(|path| ((*path).to_owned(), json!(self.may(token, path))))
            .collect();
        data(&Value::Object(found))
    }

    /// What lies under `auth/token/`.
    pub(super) fn answer(&mut self, operation: &str, asked: &Asked) -> Result<Answer, Answer> {
        let verb = asked.path.trim_start_matches("auth/token/");
        match (verb, operation) {
            ("lookup-self", "read") => {
                let token = self.of(asked)?;
                Ok(data(&json!({
                    "id": asked.token, "policies": token.policies, "ttl": token.left(),
                    "creation_ttl": token.ttl, "renewable": token.is_renewable,
                    "explicit_max_ttl": token.longest, "type": "service",
                })))
            }
            ("renew-self", "update") => {
                asked.only(&["increment"])?;
                self.renew(asked)
            }
            ("revoke-self", "update") => {
                self.revoke(asked.token.as_deref().unwrap_or_default());
                Ok((204, Value::Null))
            }
            ("create", "update") => self.create(asked),
            _ => Err(errors(405, "unsupported operation")),
        }
    }

    fn renew(&mut self, asked: &Asked) -> Result<Answer, Answer> {
        let id = asked.token.clone().unwrap_or_default();
        if !self.of(asked)?.is_renewable {
            return Err(errors(400, "lease is not renewable"));
        }
        let token = self.live.get_mut(&id).ok_or_else(denied)?;
        token.renewed = Instant::now();
        let left = token.left().unwrap_or(0);
        Ok(auth(&json!({
            "client_token": id, "policies": token.policies, "lease_duration": left,
            "renewable": true, "metadata": null,
        })))
    }

    fn create(&mut self, asked: &Asked) -> Result<Answer, Answer> {
        asked.only(&[
            "policies",
            "ttl",
            "renewable",
            "explicit_max_ttl",
            "display_name",
            "num_uses",
            "no_parent",
            "no_default_policy",
        ])?;
        let seconds = |field| asked.text(field).trim_end_matches('s').parse().unwrap_or(0);
        let policies = asked.body["policies"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let policies: Vec<_> = policies
            .iter()
            .filter_map(|policy| Some(policy.as_str()?.to_owned()))
            .collect();
        let is_renewable = asked.body["renewable"].as_bool().unwrap_or(true);
        let ttl = seconds("ttl");
        let token = self.make(
            policies.clone(),
            ttl,
            is_renewable,
            seconds("explicit_max_ttl"),
        );
        Ok(auth(&json!({
            "client_token": token, "policies": policies, "lease_duration": ttl,
            "renewable": is_renewable, "metadata": null,
        })))
    }
}

/// Whether a pattern means a path: `*` at its end means any end, `+` any one part.
fn matches(pattern: &str, path: &str) -> bool {
    if let Some(head) = pattern.strip_suffix('*') {
        return path.starts_with(head);
    }
    let (pattern, path): (Vec<_>, Vec<_>) =
        (pattern.split('/').collect(), path.split('/').collect());
    pattern.len() == path.len()
        && pattern
            .iter()
            .zip(&path)
            .all(|(pattern, part)| *pattern == "+" || pattern == part)
}

/// Reads a policy: `path "…" { capabilities = ["…"] }`, with comments.
fn parse(text: &str) -> Result<Vec<Rule>, String> {
    let lines = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default());
    let text: String = lines.flat_map(|line| [line, "\n"]).collect();
    let mut rules = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let problem = || format!("this is no rule: {rest}");
        let head = rest.strip_prefix("path").ok_or_else(problem)?;
        let (path, body) = head.split_once('{').ok_or_else(problem)?;
        let (body, after) = body.split_once('}').ok_or_else(problem)?;
        let (name, list) = body.split_once('=').ok_or_else(problem)?;
        if name.trim() != "capabilities" {
            return Err(problem());
        }
        let list: Vec<String> = serde_json::from_str(list.trim()).map_err(|_| problem())?;
        let known = ["create", "read", "update", "delete", "list", "deny", "sudo"];
        if let Some(unknown) = list.iter().find(|one| !known.contains(&one.as_str())) {
            return Err(format!("invalid capability {unknown}"));
        }
        rules.push(Rule {
            path: serde_json::from_str(path.trim()).map_err(|_| problem())?,
            capabilities: list,
        });
        rest = after.trim();
    }
    Ok(rules)
}
