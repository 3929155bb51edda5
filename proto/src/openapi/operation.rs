//! One operation of the document.

use serde_json::{Map, Value, json};

use super::components::{Components, tidy};
use super::text::{Links, first_sentence, noun};
use super::{Answer, Described, responses};
use crate::access::Need;
use crate::endpoint::{Role, Scope};

pub(super) fn operation(described: &Described, schemas: &Components, links: &Links) -> Value {
    let op = &described.op;
    let about = links.plain(&described.about);
    let (summary, more) = first_sentence(&about);
    let mut parameters = in_path(described);
    parameters.extend(in_query(described));
    match described.answer {
        Answer::Events(_) => parameters.push(last_event_id()),
        Answer::File(_) => parameters.push(if_none_match()),
        Answer::Json(_) | Answer::Socket(_) => {}
    }
    let mut operation = json!({
        "operationId": op.name,
        "tags": [noun(op.name)],
        "summary": summary,
        "security": security(described),
        "parameters": parameters,
    });
    if let Value::Object(operation) = &mut operation {
        if !more.is_empty() {
            operation.insert("description".to_owned(), more.into());
        }
        if let Some(body) = &described.body {
            let content = json!({ "application/json": { "schema": body } });
            let body = json!({ "required": schemas.must_be_sent(body), "content": content });
            operation.insert("requestBody".to_owned(), body);
        }
    }
    // What is read.
    schemas.input(&mut operation);
    tidy(&mut operation, links);
    // What is written.
    if let Value::Object(operation) = &mut operation {
        let mut responses = responses::refusals(described);
        responses.extend(success(&described.answer));
        operation.insert("responses".to_owned(), responses.into());
    }
    operation
}

/// The values of the placeholders, in order.
fn in_path(described: &Described) -> Vec<Value> {
    let names = described.op.path.split(['{', '}']).skip(1).step_by(2);
    let schemas = match described.path.get("prefixItems") {
        Some(Value::Array(several)) => several.clone(),
        _ => vec![described.path.clone()],
    };
    names
        .zip(schemas)
        .map(|(name, schema)| {
            json!({ "name": name, "in": "path", "required": true, "schema": schema })
        })
        .collect()
}

/// The fields of the query, those that must be there first.
fn in_query(described: &Described) -> Vec<Value> {
    let fields = described.query.get("properties");
    let required = described.query.get("required").and_then(Value::as_array);
    let mut parameters: Vec<(bool, Value)> = fields
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, schema)| {
            let required = required.is_some_and(|all| all.iter().any(|one| one == name));
            (required, parameter(name, schema.clone(), required))
        })
        .collect();
    parameters.sort_by_key(|(required, _)| !required);
    parameters.into_iter().map(|(_, one)| one).collect()
}

fn parameter(name: &str, schema: Value, required: bool) -> Value {
    let mut schema = without_null(schema);
    let about = schema
        .as_object_mut()
        .and_then(|schema| schema.remove("description"));
    let mut parameter = json!({
        "name": name, "in": "query", "required": required, "schema": schema,
    });
    if let (Some(about), Value::Object(parameter)) = (about, &mut parameter) {
        parameter.insert("description".to_owned(), about);
    }
    parameter
}

/// Nothing in a query is null: it is there or it is not.
fn without_null(schema: Value) -> Value {
    let Value::Object(mut schema) = schema else {
        return schema;
    };
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|one| one != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = schema.remove("anyOf") {
        for choice in choices {
            if choice.get("type") != Some(&json!("null"))
                && let Value::Object(choice) = choice
            {
                schema.extend(choice);
            }
        }
    }
    schema.into()
}

fn last_event_id() -> Value {
    json!({
        "name": "Last-Event-ID", "in": "header", "required": false,
        "description": "The `id` of the last event that the client has seen: the stream goes on \
            after it.",
        "schema": { "type": "string" },
    })
}

fn if_none_match() -> Value {
    json!({
        "name": "If-None-Match", "in": "header", "required": false,
        "description": "The `ETag` of what the client has.",
        "schema": { "type": "string" },
    })
}

/// Who may call it: the least role, and what a key needs besides.
fn security(described: &Described) -> Value {
    let least = match described.op.scope {
        Scope::Public => return json!([]),
        Scope::Account => Role::Viewer,
        Scope::Tenant(least) => least,
        Scope::Platform => Role::SuperAdmin,
    };
    let bearer = json!({ "bearer": [least] });
    match described.op.need() {
        Need::Nothing => json!([bearer, { "apiKey": [] }]),
        Need::Grant(grant) => json!([bearer, { "apiKey": [grant] }]),
        Need::Person => json!([bearer]),
    }
}

fn success(answer: &Answer) -> Map<String, Value> {
    let (status, response) = match answer {
        Answer::Json(schema) => {
            let content = json!({ "application/json": { "schema": schema } });
            ("200", json!({ "description": "Done.", "content": content }))
        }
        Answer::Events(schema) => {
            let content = json!({ "text/event-stream": {
                "schema": { "type": "string" },
                "x-event-data": schema,
            } });
            let about = "Server-sent events. `data` of each is one JSON document of the schema \
                `x-event-data`, `id` a cursor for `Last-Event-ID`.";
            ("200", json!({ "description": about, "content": content }))
        }
        Answer::Socket(schema) => {
            let about = "A WebSocket. Binary messages are the bytes of the terminal, both ways; \
                each text message is one JSON document of the schema `x-message`.";
            ("101", json!({ "description": about, "x-message": schema }))
        }
        Answer::File(content_type) => return file(content_type),
    };
    [(status.to_owned(), responses::identified(response))]
        .into_iter()
        .collect()
}

fn file(content_type: &str) -> Map<String, Value> {
    let media_type = content_type.split(';').next().unwrap_or(content_type);
    let kind = if media_type == "application/json" {
        "object"
    } else {
        "string"
    };
    let content = json!({ media_type: { "schema": { "type": kind } } });
    let etag = json!({ "ETag": { "$ref": "#/components/headers/ETag" } });
    let file = json!({ "description": "The file.", "content": content, "headers": etag });
    let same = json!({ "description": "The client has it already.", "headers": etag });
    [("200", file), ("304", same)]
        .into_iter()
        .map(|(status, response)| (status.to_owned(), responses::identified(response)))
        .collect()
}
