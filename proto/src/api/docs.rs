//! The description of the API: for programs as OpenAPI, for people as a page.
//!
//! It is the same on every server of a version and tells nothing about what a server holds, so it
//! is for everybody.

use crate::endpoint::{Carrier, File, Method, Op, Scope};

const fn file(name: &'static str, path: &'static str) -> Op {
    Op {
        name,
        method: Method::Get,
        path,
        scope: Scope::Public,
        carrier: Carrier::File,
    }
}

/// This description of the API, as OpenAPI 3.1.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OpenApi;

impl File for OpenApi {
    const OP: Op = file("docs.openapi", "/api/openapi.json");
    const CONTENT_TYPE: &'static str = "application/json";
}

/// The same as a page to read.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Page;

impl File for Page {
    const OP: Op = file("docs.page", "/docs");
    const CONTENT_TYPE: &'static str = "text/html; charset=utf-8";
}

/// How the page looks.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Style;

impl File for Style {
    const OP: Op = file("docs.style", "/docs/docs.css");
    const CONTENT_TYPE: &'static str = "text/css; charset=utf-8";
}

/// Searching in the page, which can be read without.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Script;

impl File for Script {
    const OP: Op = file("docs.script", "/docs/docs.js");
    const CONTENT_TYPE: &'static str = "text/javascript; charset=utf-8";
}
