//! The schemas that operations refer to, once for each name.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::SCHEMAS;
use super::text::Links;

/// What follows the name of a type that is read otherwise than it is written.
const INPUT: &str = "Input";

/// All schemas by name.
#[derive(Debug)]
pub(super) struct Components {
    schemas: Map<String, Value>,
    /// Names of types that are there twice.
    twice: BTreeSet<String>,
}

impl Components {
    /// Puts together what is read and what is written.
    pub(super) fn merge(takes: Map<String, Value>, gives: Map<String, Value>) -> Self {
        let mut twice: BTreeSet<String> = takes
            .iter()
            .filter(|(name, schema)| gives.get(*name).is_some_and(|other| other != *schema))
            .map(|(name, _)| name.clone())
            .collect();
        // What contains such a type is itself such a type.
        loop {
            let more: Vec<String> = takes
                .iter()
                .filter(|(name, schema)| {
                    gives.contains_key(*name)
                        && !twice.contains(*name)
                        && refers(schema).any(|name| twice.contains(name))
                })
                .map(|(name, _)| name.clone())
                .collect();
            if more.is_empty() {
                break;
            }
            twice.extend(more);
        }
        let mut components = Self {
            schemas: gives,
            twice,
        };
        for (name, mut schema) in takes {
            components.input(&mut schema);
            let name = components.input_name(&name);
            components.schemas.entry(name).or_insert(schema);
        }
        components
    }

    /// Makes a schema of what is read refer to what is read.
    pub(super) fn input(&self, schema: &mut Value) {
        walk(schema, &mut |object| {
            if let Some(Value::String(to)) = object.get_mut("$ref")
                && let Some(name) = to.strip_prefix(SCHEMAS)
            {
                *to = format!("{SCHEMAS}{}", self.input_name(name));
            }
        });
    }

    fn input_name(&self, name: &str) -> String {
        if self.twice.contains(name) {
            format!("{name}{INPUT}")
        } else {
            name.to_owned()
        }
    }

    /// Whether a body of this schema must be there: one that is not counts as an empty object.
    pub(super) fn must_be_sent(&self, body: &Value) -> bool {
        let name = body["$ref"]
            .as_str()
            .and_then(|to| to.strip_prefix(SCHEMAS));
        let schema = name.and_then(|name| self.schemas.get(&self.input_name(name)));
        let schema = schema.unwrap_or(body);
        schema.get("required").is_some() || schema.get("oneOf").is_some()
    }

    /// Tidies all schemas.
    pub(super) fn finish(&mut self, links: &Links) {
        for schema in self.schemas.values_mut() {
            tidy(schema, links);
        }
    }

    pub(super) fn into_map(self) -> Map<String, Value> {
        self.schemas
    }
}

/// The names of the schemas that a schema refers to.
fn refers(schema: &Value) -> impl Iterator<Item = &str> {
    let mut names = Vec::new();
    let mut left = vec![schema];
    while let Some(value) = left.pop() {
        match value {
            Value::Object(object) => {
                if let Some(Value::String(to)) = object.get("$ref") {
                    names.extend(to.strip_prefix(SCHEMAS));
                }
                left.extend(object.values());
            }
            Value::Array(array) => left.extend(array),
            _ => {}
        }
    }
    names.into_iter()
}

/// Writes descriptions for people who do not read Rust, and bounds for numbers that have some.
pub(super) fn tidy(schema: &mut Value, links: &Links) {
    walk(schema, &mut |object| {
        if let Some(Value::String(text)) = object.get("description") {
            let text = links.plain(text);
            if text.is_empty() {
                object.remove("description");
            } else {
                object.insert("description".to_owned(), text.into());
            }
        }
        if object.get("default") == Some(&Value::Null) {
            object.remove("default");
        }
        let (least, most) = match object.get("format").and_then(Value::as_str) {
            Some("uint32") => (json!(0), json!(u32::MAX)),
            Some("int32") => (json!(i32::MIN), json!(i32::MAX)),
            Some("int16") => (json!(i16::MIN), json!(i16::MAX)),
            Some("uint64") => (json!(0), json!(u64::MAX)),
            Some("int64") => (json!(i64::MIN), json!(i64::MAX)),
            _ => return,
        };
        object.entry("minimum").or_insert(least);
        object.entry("maximum").or_insert(most);
    });
}

/// Calls `visit` with every object in a value, the outer ones first.
pub(super) fn walk(value: &mut Value, visit: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            visit(object);
            for value in object.values_mut() {
                walk(value, visit);
            }
        }
        Value::Array(array) => {
            for value in array {
                walk(value, visit);
            }
        }
        _ => {}
    }
}

/// A thing without a body or parameters says so by saying nothing.
pub(super) fn drop_empty(document: &mut Value) {
    walk(document, &mut |object| {
        if object.get("parameters") == Some(&json!([])) {
            object.remove("parameters");
        }
    });
}
