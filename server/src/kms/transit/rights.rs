//! Whether the token may do all that will be needed, asked before the first need.

use std::collections::BTreeMap;

use http::Method;
use serde_json::json;

use super::TransitError;
use super::exchange::{Exchange, parse};

/// What is needed on keys of ours: the path within the engine, and the capability.
const NEEDED: &[(&str, &str)] = &[
    ("keys/{}", "read"),
    ("keys/{}", "update"),
    ("keys/{}", "delete"),
    ("keys/{}/config", "update"),
    ("keys/{}/rotate", "update"),
    ("keys/{}/trim", "update"),
    ("encrypt/{}", "update"),
    ("decrypt/{}", "update"),
    ("rewrap/{}", "update"),
];

/// Asks for the rights on a key that stands for all: none is there yet at the first start.
pub(super) async fn check(
    exchange: &Exchange,
    mount: &str,
    prefix: &str,
) -> Result<(), TransitError> {
    let path = |path: &str, key: &str| format!("{mount}/{}", path.replace("{}", key));
    let ours = format!("{prefix}00000000");
    let mut paths: Vec<String> = NEEDED.iter().map(|(of, _)| path(of, &ours)).collect();
    paths.dedup();
    let body = json!({ "paths": paths });
    let asked = exchange.call(Method::POST, "sys/capabilities-self", Some(body));
    let mut answer: serde_json::Value = parse(&asked.await?)?;
    // Newer servers answer in `data`, older ones beside it.
    let found = match answer.get_mut("data").map(serde_json::Value::take) {
        Some(data) if data.is_object() => data,
        _ => answer,
    };
    let mut missing = BTreeMap::<String, Vec<&str>>::new();
    for (of, capability) in NEEDED {
        let has = found.get(path(of, &ours)).and_then(|has| has.as_array());
        let is_given = has.is_some_and(|has| {
            let mut has = has.iter().filter_map(|one| one.as_str());
            has.any(|one| one == *capability || one == "root")
        });
        if !is_given {
            let pattern = path(of, &format!("{prefix}*"));
            missing.entry(pattern).or_default().push(capability);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let lines = missing
        .into_iter()
        .map(|(path, rights)| format!("{} on {path}", rights.join(", ")));
    Err(TransitError::Rights {
        missing: lines.collect::<Vec<_>>().join("; "),
    })
}
