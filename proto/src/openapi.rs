//! The API as an OpenAPI 3.1 document, made from the operations and the types of this crate.
//!
//! ```text
//! Op, types ──► Describer ──► operations ──► paths
//!                   └───────► components ──► schemas, once for each name
//! ```
//!
//! A type that is read otherwise than it is written (a field that may be left out, say) is there
//! twice: what a client sends is then called `…Input`.

mod components;
mod operation;
mod responses;
mod text;

use schemars::generate::{Contract, SchemaSettings};
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::api;
use crate::endpoint::{Endpoint, Feed, File, Op, Pipe};

/// Where schemas are.
const SCHEMAS: &str = "#/components/schemas/";

/// What the operations take and give, collected.
#[derive(Debug)]
pub(crate) struct Describer {
    takes: SchemaGenerator,
    gives: SchemaGenerator,
    operations: Vec<Described>,
}

/// An operation and the schemas of what it takes and gives.
#[derive(Debug)]
struct Described {
    op: Op,
    /// The name of its type, as doc comments call it.
    marker: &'static str,
    /// Its doc comment.
    about: String,
    path: Value,
    query: Value,
    body: Option<Value>,
    answer: Answer,
}

#[derive(Debug)]
enum Answer {
    Json(Value),
    Events(Value),
    Socket(Value),
    File(&'static str),
}

impl Describer {
    fn new() -> Self {
        let generator = |contract: Contract| {
            let mut settings = SchemaSettings::draft2020_12();
            settings.definitions_path = "/components/schemas".into();
            settings.contract = contract;
            settings.into_generator()
        };
        let mut gives = generator(Contract::Serialize);
        // Refusals refer to it.
        gives.subschema_for::<crate::error::ErrorBody>();
        Self {
            takes: generator(Contract::Deserialize),
            gives,
            operations: Vec::new(),
        }
    }

    pub(crate) fn endpoint<E: Endpoint + JsonSchema>(&mut self) {
        let body = self.takes.subschema_for::<E::Body>().to_value();
        let body = (body != reference("Empty")).then_some(body);
        let answer = Answer::Json(self.gives.subschema_for::<E::Output>().to_value());
        self.add::<E, E::Path, E::Query>(E::OP, body, answer);
    }

    pub(crate) fn feed<F: Feed + JsonSchema>(&mut self) {
        let answer = Answer::Events(self.gives.subschema_for::<F::Item>().to_value());
        self.add::<F, F::Path, F::Query>(F::OP, None, answer);
    }

    pub(crate) fn pipe<P: Pipe + JsonSchema>(&mut self) {
        let answer = Answer::Socket(self.gives.subschema_for::<P::Message>().to_value());
        self.add::<P, P::Path, P::Query>(P::OP, None, answer);
    }

    pub(crate) fn file<F: File + JsonSchema>(&mut self) {
        let answer = Answer::File(F::CONTENT_TYPE);
        self.add::<F, crate::page::Empty, crate::page::Empty>(F::OP, None, answer);
    }

    fn add<Marker, Path, Query>(&mut self, op: Op, body: Option<Value>, answer: Answer)
    where
        Marker: JsonSchema,
        Path: JsonSchema,
        Query: JsonSchema,
    {
        let name = std::any::type_name::<Marker>();
        let about = Marker::json_schema(&mut self.takes);
        let about = about.get("description").and_then(Value::as_str);
        self.operations.push(Described {
            op,
            marker: name.rsplit("::").next().unwrap_or(name),
            about: about.unwrap_or_default().to_owned(),
            path: self.takes.subschema_for::<Path>().to_value(),
            query: Query::json_schema(&mut self.takes).to_value(),
            body,
            answer,
        });
    }
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("{SCHEMAS}{name}") })
}

/// The whole API. It is the same every time.
pub fn document() -> Value {
    let mut describer = Describer::new();
    api::describe(&mut describer);
    let Describer {
        mut takes,
        mut gives,
        operations,
    } = describer;
    let links = text::Links::new(&operations);
    let mut schemas =
        components::Components::merge(takes.take_definitions(true), gives.take_definitions(true));
    let mut paths = Map::new();
    for described in &operations {
        let operation = operation::operation(described, &schemas, &links);
        let path = paths.entry(described.op.path).or_insert_with(|| json!({}));
        if let Value::Object(path) = path {
            path.insert(described.op.method.as_str().to_lowercase(), operation);
        }
    }
    schemas.finish(&links);
    let mut document = json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "tod",
            "summary": "A fleet of MikroTik routers under management.",
            "description": text::INTRODUCTION,
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache 2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "This server." }],
        "tags": text::tags(&operations),
        "paths": paths,
        "components": {
            "schemas": schemas.into_map(),
            "responses": responses::components(),
            "headers": responses::headers(),
            "securitySchemes": {
                "bearer": {
                    "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                    "description": "An access token from `account.srp_finish` or \
                        `account.refresh`, or an API key.",
                },
                "apiKey": {
                    "type": "apiKey", "in": "header", "name": "X-API-Key",
                    "description": "An API key, `mktp_…`. It acts for the person who made it, \
                        never above their role of the moment, and where its scopes let it.",
                },
            },
        },
    });
    components::drop_empty(&mut document);
    document
}

#[cfg(test)]
mod tests;
