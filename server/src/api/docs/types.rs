//! Schemas as people read them: what kind of value, within which bounds, and an example.

use serde_json::{Map, Value, json};

use super::html::{Html, prose};

/// How far an example follows types that hold types.
const DEPTH: usize = 8;

/// The types of a document.
pub(super) struct Types<'a> {
    document: &'a Value,
}

/// The elements of an array, or none.
pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

impl<'a> Types<'a> {
    pub(super) fn new(document: &'a Value) -> Self {
        Self { document }
    }

    /// All types by name.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let schemas = self.document["components"]["schemas"].as_object();
        let schemas = schemas.into_iter().flatten();
        schemas.map(|(name, schema)| (name.as_str(), schema))
    }

    /// What a reference leads to, or the value itself.
    pub(super) fn resolved<'b>(&self, value: &'b Value) -> &'b Value
    where
        'a: 'b,
    {
        let to = value["$ref"].as_str().and_then(|to| to.strip_prefix('#'));
        to.and_then(|to| self.document.pointer(to)).unwrap_or(value)
    }

    /// Adds an example that can be opened.
    pub(super) fn example(&self, html: &mut Html, schema: &Value) {
        let value = self.sample(schema, DEPTH);
        let text = serde_json::to_string_pretty(&value).unwrap_or_default();
        html.raw("<details><summary>Example</summary><pre>");
        html.text(&text);
        html.raw("</pre></details>\n");
    }

    /// A value that a schema takes.
    fn sample(&self, schema: &Value, depth: usize) -> Value {
        let schema = self.resolved(schema);
        let given = [
            list(&schema["examples"]).first(),
            schema.get("const"),
            list(&schema["enum"]).first(),
            schema.get("default"),
        ];
        if let Some(given) = given.into_iter().flatten().next() {
            return given.clone();
        }
        let first = list(&schema["oneOf"])
            .first()
            .or(list(&schema["anyOf"]).first());
        if let Some(first) = first.filter(|_| depth > 0) {
            return self.sample(first, depth - 1);
        }
        let kind = schema["type"].as_str().or(schema["type"][0].as_str());
        match kind {
            Some("object") if depth > 0 => self.object(schema, depth - 1),
            Some("array") if depth > 0 && schema.get("items").is_some() => {
                json!([self.sample(&schema["items"], depth - 1)])
            }
            Some("array") => json!([]),
            Some("string") => text(schema),
            Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(0)),
            Some("boolean") => json!(false),
            Some("object") => json!({}),
            _ => Value::Null,
        }
    }

    fn object(&self, schema: &Value, depth: usize) -> Value {
        let mut object = Map::new();
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            object.insert(name.clone(), self.sample(field, depth));
        }
        object.into()
    }
}

/// Adds what kind of value a schema takes: `array of Device`.
pub(super) fn kind(html: &mut Html, schema: &Value) {
    if let Some(to) = schema["$ref"].as_str() {
        html.link("type-", to.rsplit('/').next().unwrap_or(to));
        return;
    }
    let choices = ["anyOf", "oneOf"].map(|key| list(&schema[key]));
    let choices = choices.concat();
    if !choices.is_empty() && choices.iter().all(|one| one.get("const").is_none()) {
        for (n, choice) in choices.iter().enumerate() {
            html.raw(if n > 0 { " or " } else { "" });
            kind(html, choice);
        }
        return;
    }
    let mut types: Vec<&str> = list(&schema["type"])
        .iter()
        .filter_map(Value::as_str)
        .collect();
    types.extend(schema["type"].as_str());
    if types.is_empty() {
        html.text("anything");
    }
    for (n, one) in types.iter().enumerate() {
        html.raw(if n > 0 { " or " } else { "" });
        match (
            *one,
            schema.get("items"),
            schema.get("additionalProperties"),
        ) {
            ("array", Some(items), _) => {
                html.raw("array of ");
                kind(html, items);
            }
            ("object", _, Some(values)) if values.is_object() => {
                html.raw("map of texts to ");
                kind(html, values);
            }
            _ => html.text(one),
        }
    }
}

/// Adds the kind of a value and its bounds.
pub(super) fn field(html: &mut Html, schema: &Value) {
    kind(html, schema);
    bounds(html, schema);
    if let Some(items) = schema.get("items") {
        bounds(html, items);
    }
}

/// Adds what a type consists of.
pub(super) fn body(html: &mut Html, schema: &Value) {
    let choices = list(&schema["oneOf"]);
    if choices.iter().any(|choice| choice.get("const").is_some()) {
        constants(html, choices);
    } else if choices.is_empty() {
        if schema.get("properties").is_none() {
            html.raw("<p>");
            field(html, schema);
            html.raw("</p>\n");
        }
        fields(html, schema);
    } else {
        html.raw("<p>One of these:</p>\n");
        for choice in choices {
            prose(html, choice["description"].as_str().unwrap_or_default());
            fields(html, choice);
        }
    }
}

/// Adds a table of the fields of an object: first those that must be there.
fn fields(html: &mut Html, schema: &Value) {
    let Some(fields) = schema["properties"].as_object() else {
        return;
    };
    let required = list(&schema["required"]);
    let needed = required
        .iter()
        .filter_map(|name| Some((name.as_str()?, fields.get(name.as_str()?)?, true)));
    let others = fields
        .iter()
        .filter(|(name, _)| !required.iter().any(|one| one == *name))
        .map(|(name, schema)| (name.as_str(), schema, false));
    html.raw("<table>\n<tbody>\n");
    for (name, value, needed) in needed.chain(others) {
        html.raw("<tr><th scope=\"row\">");
        html.element("code", "", name);
        html.raw("</th><td>");
        html.raw(if needed { "" } else { "<i>may be absent</i> " });
        field(html, value);
        prose(html, value["description"].as_str().unwrap_or_default());
        html.raw("</td></tr>\n");
    }
    html.raw("</tbody>\n</table>\n");
}

fn text(schema: &Value) -> Value {
    match schema["format"].as_str() {
        Some("date-time") => json!("2026-11-21T12:00:00Z"),
        Some("uuid") => json!("019aa000-0000-7000-8000-000000000000"),
        _ => json!("…"),
    }
}

/// Adds a table of the values of an enumeration.
fn constants(html: &mut Html, choices: &[Value]) {
    html.raw("<table>\n<tbody>\n");
    for choice in choices {
        let values = choice.get("const").into_iter().chain(list(&choice["enum"]));
        for value in values {
            html.raw("<tr><th scope=\"row\">");
            html.element("code", "", value.as_str().unwrap_or_default());
            html.raw("</th><td>");
            prose(html, choice["description"].as_str().unwrap_or_default());
            html.raw("</td></tr>\n");
        }
    }
    html.raw("</tbody>\n</table>\n");
}

/// Adds the bounds of a value, apart from those that every number of its size has.
fn bounds(html: &mut Html, schema: &Value) {
    let sized = schema["format"]
        .as_str()
        .is_some_and(|format| format.starts_with("int") || format.starts_with("uint"));
    let plain = [
        json!(0),
        json!(u32::MAX),
        json!(u64::MAX),
        json!(i64::MAX),
        json!(i64::MIN),
    ];
    let names = [
        ("minimum", "at least"),
        ("maximum", "at most"),
        ("minLength", "characters, at least"),
        ("maxLength", "characters, at most"),
        ("minItems", "items, at least"),
        ("maxItems", "items, at most"),
        ("pattern", "matches"),
        ("default", "without it"),
        ("const", "always"),
    ];
    for (key, name) in names {
        let Some(bound) = schema.get(key) else {
            continue;
        };
        if sized && plain.contains(bound) {
            continue;
        }
        let bound = bound
            .as_str()
            .map_or_else(|| bound.to_string(), str::to_owned);
        html.raw(" · ");
        html.text(name);
        html.raw(" ");
        html.element("code", "", &bound);
    }
    if let Some(format) = schema["format"].as_str().filter(|_| !sized) {
        html.raw(" · ");
        html.element("small", "", format);
    }
    for value in list(&schema["enum"]) {
        html.raw(" ");
        html.element("code", "", value.as_str().unwrap_or("null"));
    }
}
