//! The description of the API, for programs and for people.

mod html;
mod page;
mod types;

use std::sync::LazyLock;

use serde_json::Value;
use tod_proto::api::docs::{OpenApi, Page, Script, Style};
use tod_proto::openapi;

use super::file::Contents;
use super::route::Routes;

/// Binds the files of the description.
pub fn routes() -> Routes {
    Routes::new()
        .bind_file(OpenApi, document)
        .bind_file(Page, page)
        .bind_file(Style, style)
        .bind_file(Script, script)
}

fn parsed() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(openapi::document);
    &DOCUMENT
}

fn document() -> &'static Contents {
    static DOCUMENT: LazyLock<Contents> = LazyLock::new(|| Contents::new(parsed().to_string()));
    &DOCUMENT
}

fn page() -> &'static Contents {
    // Nothing but the two files beside it, from this server.
    const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
        base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    static PAGE: LazyLock<Contents> =
        LazyLock::new(|| Contents::new(page::page(parsed())).with_policy(POLICY));
    &PAGE
}

fn style() -> &'static Contents {
    static STYLE: LazyLock<Contents> =
        LazyLock::new(|| Contents::new(include_str!("docs/docs.css")));
    &STYLE
}

fn script() -> &'static Contents {
    static SCRIPT: LazyLock<Contents> =
        LazyLock::new(|| Contents::new(include_str!("docs/docs.js")));
    &SCRIPT
}
