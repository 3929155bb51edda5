//! What values properties take, which of them are only read, and which an `add` cannot miss.

use serde_json::Value;

use super::{Menus, Prop};

/// Names of properties whose completions are names of things, not all that they take.
const OPEN: &[&str] = &[
    "chain",
    "jump-target",
    "group",
    "user",
    "queue",
    "profile",
    "kind",
    "parent",
    "port",
    "name",
    "comment",
    "topics",
    "rule",
    "code",
    "mode-config",
    "ipsec-policy",
    "policy",
    "list",
    "default-profile",
    "configuration.country",
];

/// Names of things that every router has, and that give a completion of names away.
const NAMES: &[&str] = &[
    "ether1",
    "lo",
    "all",
    "dynamic",
    "static",
    "default",
    "admin",
    "full",
    "main",
    "serial0",
    "default-encryption",
    "memory",
    "public",
    "no-mark",
    "guest",
];

/// Returns the kind that a description stands for.
fn of_description(text: &str) -> Option<&'static str> {
    if text.ends_with("(time interval)") || text == "time interval" {
        Some("dur")
    } else if text.starts_with("AB[") {
        Some("mac")
    } else {
        None
    }
}

/// Adds what completion said of values.
pub(super) fn learn(menus: &mut Menus, facts: &Value) {
    for (key, fact) in facts.as_object().into_iter().flatten() {
        let Some((path, name)) = key.split_once(' ') else {
            continue;
        };
        let Some((path, "add" | "set")) = path.rsplit_once('/') else {
            continue;
        };
        let prop = menus.get_mut(path).and_then(|m| m.props.get_mut(name));
        if let Some(prop) = prop
            && path != "/ip/kid-control"
            && let Some(kind) = kind(name, fact)
        {
            prop.kind = kind;
        }
    }
}

fn kind(name: &str, fact: &Value) -> Option<String> {
    let values = fact.get("values").and_then(Value::as_array);
    let description = fact.get("desc").and_then(Value::as_str);
    let Some(values) = values else {
        return description.and_then(of_description).map(str::to_owned);
    };
    if description.is_some() {
        // A value of its own, or one of some words.
        return Some("str".to_owned());
    }
    let words: Option<Vec<&str>> = values.iter().map(Value::as_str).collect();
    let words = words?;
    if name.ends_with("interface") && words == ["ether1", "lo"] {
        return Some("iface".to_owned());
    }
    if words == ["no", "yes"] {
        return Some("bool".to_owned());
    }
    let is_word = |w: &&str| {
        !w.is_empty() && !w.contains([' ', '"']) && w.parse::<f64>().is_err() && !NAMES.contains(w)
    };
    let is_closed = words.len() > 1
        && words.len() <= 24
        && words.iter().all(is_word)
        && !OPEN.contains(&name)
        && !words
            .iter()
            .any(|w| w.starts_with("default-") || *w == "greater-than");
    is_closed.then(|| format!("enum:{}", words.join("|")))
}

/// Adds the properties that are shown and cannot be set.
pub(super) fn learn_read_only(menus: &mut Menus, text: &str) {
    for line in text.lines() {
        let Some((path, names)) = line.split_once(": ") else {
            continue;
        };
        let Some(menu) = menus.get_mut(path) else {
            continue;
        };
        for name in names.split(',').filter(|n| *n != "about") {
            let read_only = || Prop {
                places: menu.places.clone(),
                kind: "str".to_owned(),
                is_read_only: true,
                ..Prop::default()
            };
            menu.props
                .entry(name.trim().to_owned())
                .or_insert_with(read_only);
        }
    }
}

/// Adds what an `add` with nothing in it was told.
pub(super) fn learn_required(menus: &mut Menus, facts: &Value) {
    for fact in facts.as_array().into_iter().flatten() {
        let field = |name| fact.get(name).and_then(Value::as_str);
        let (Some(path), Some(error)) = (field("path"), field("rawError")) else {
            continue;
        };
        let Some(menu) = menus.get_mut(path) else {
            continue;
        };
        let required = fact.get("required").and_then(Value::as_array);
        let names = required.into_iter().flatten().filter_map(Value::as_str);
        let names: Vec<String> = names.map(str::to_owned).collect();
        let message = error.split(" (/").next().unwrap_or(error);
        if message.starts_with("Script Error: missing value(s)") {
            for name in &names {
                if let Some(prop) = menu.props.get_mut(name) {
                    prop.is_required = true;
                }
            }
        } else if let Some(text) = message.strip_prefix("failure: ") {
            menu.need = Some((names, text.to_owned()));
        }
    }
}
