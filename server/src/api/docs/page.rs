//! The description of the API as one page of HTML, which needs no script to be read.
//!
//! ```text
//! nav: search, nouns, operations │ main: introduction, operations by noun, types
//! ```
//!
//! Each operation and each type has an address: `#device.list`, `#type-Device`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::html::{Html, prose};
use super::types::{Types, body, field, kind, list};

/// Makes the page of a document.
pub(super) fn page(document: &Value) -> String {
    let page = Page {
        document,
        types: Types::new(document),
    };
    let mut html = Html::new();
    html.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    html.raw("<meta name=\"color-scheme\" content=\"light dark\">\n");
    html.raw("<title>The API of tod</title>\n");
    html.raw("<link rel=\"stylesheet\" href=\"/docs/docs.css\">\n");
    html.raw("<script src=\"/docs/docs.js\" defer></script>\n</head>\n<body>\n");
    html.raw("<a class=\"skip\" href=\"#main\">Skip to the operations</a>\n");
    page.nav(&mut html);
    html.raw("<main id=\"main\">\n");
    page.introduction(&mut html);
    for tag in list(&document["tags"]) {
        page.noun(&mut html, tag);
    }
    page.refusals(&mut html);
    page.all_types(&mut html);
    html.raw("</main>\n</body>\n</html>\n");
    html.into_string()
}

struct Page<'a> {
    document: &'a Value,
    types: Types<'a>,
}

/// An operation and where it is.
#[derive(Clone, Copy)]
struct Operation<'a> {
    method: &'a str,
    path: &'a str,
    what: &'a Value,
}

impl<'a> Operation<'a> {
    fn name(self) -> &'a str {
        self.what["operationId"].as_str().unwrap_or_default()
    }

    fn summary(self) -> &'a str {
        self.what["summary"].as_str().unwrap_or_default()
    }
}

impl<'a> Page<'a> {
    /// The operations of a noun, in the order of their paths.
    fn operations(&self, noun: &'a Value) -> impl Iterator<Item = Operation<'a>> {
        let paths = self.document["paths"].as_object().into_iter().flatten();
        paths
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().into_iter().flatten();
                methods.map(move |(method, what)| Operation { method, path, what })
            })
            .filter(move |operation| operation.what["tags"][0] == *noun)
    }

    fn nav(&self, html: &mut Html) {
        html.raw("<nav aria-label=\"Operations\">\n<p class=\"title\"><a href=\"#main\">tod</a> ");
        html.element(
            "small",
            "",
            self.document["info"]["version"]
                .as_str()
                .unwrap_or_default(),
        );
        html.raw("</p>\n<div class=\"tools\" hidden>\n");
        html.raw("<input id=\"search\" type=\"search\" placeholder=\"Search (press /)\" ");
        html.raw("aria-label=\"Search operations and types\">\n");
        html.raw("<button id=\"theme\" type=\"button\" title=\"Light or dark\" ");
        html.raw("aria-label=\"Light or dark\">◐</button>\n</div>\n");
        for tag in list(&self.document["tags"]) {
            html.raw("<section>\n<h2>");
            html.link("noun-", tag["name"].as_str().unwrap_or_default());
            html.raw("</h2>\n<ul>\n");
            for operation in self.operations(&tag["name"]) {
                html.raw("<li");
                html.attribute("data-words", &words(operation));
                html.raw("><a");
                html.attribute("href", &format!("#{}", operation.name()));
                html.raw(">");
                html.element("b", operation.method, operation.method);
                html.text(operation.summary());
                html.raw("</a></li>\n");
            }
            html.raw("</ul>\n</section>\n");
        }
        html.raw("<section>\n<h2><a href=\"#types\">Types</a></h2>\n<ul>\n");
        for (name, _) in self.types.all() {
            html.raw("<li");
            html.attribute("data-words", &name.to_lowercase());
            html.raw(">");
            html.link("type-", name);
            html.raw("</li>\n");
        }
        html.raw("</ul>\n</section>\n<p id=\"nothing\" hidden>Nothing is called so.</p>\n</nav>\n");
    }

    fn introduction(&self, html: &mut Html) {
        let info = &self.document["info"];
        html.raw("<header>\n<h1>The API of tod</h1>\n");
        prose(html, info["summary"].as_str().unwrap_or_default());
        prose(html, info["description"].as_str().unwrap_or_default());
        html.raw("<p>For programs: <a href=\"/api/openapi.json\">OpenAPI ");
        html.text(self.document["openapi"].as_str().unwrap_or_default());
        html.raw("</a>.</p>\n<h2>Signing in</h2>\n<dl>\n");
        let schemes = self.document["components"]["securitySchemes"].as_object();
        for (name, scheme) in schemes.into_iter().flatten() {
            let header = match scheme["name"].as_str() {
                Some(header) => format!("{header}: KEY"),
                None => "Authorization: Bearer TOKEN".to_owned(),
            };
            html.raw("<dt>");
            html.element("code", "", &header);
            html.raw(" (");
            html.text(name);
            html.raw(")</dt>\n<dd>");
            prose(html, scheme["description"].as_str().unwrap_or_default());
            html.raw("</dd>\n");
        }
        html.raw("</dl>\n</header>\n");
    }

    fn noun(&self, html: &mut Html, tag: &'a Value) {
        let name = tag["name"].as_str().unwrap_or_default();
        html.raw("<section");
        html.attribute("id", &format!("noun-{name}"));
        html.raw(">\n");
        html.element("h2", "", name);
        prose(html, tag["description"].as_str().unwrap_or_default());
        for operation in self.operations(&tag["name"]) {
            self.operation(html, operation);
        }
        html.raw("</section>\n");
    }

    fn operation(&self, html: &mut Html, operation: Operation<'_>) {
        let what = operation.what;
        html.raw("<article");
        html.attribute("id", operation.name());
        html.attribute("data-words", &words(operation));
        html.raw(">\n<h3><a");
        html.attribute("href", &format!("#{}", operation.name()));
        html.raw(">");
        html.text(operation.summary());
        html.raw("</a></h3>\n<p class=\"request\">");
        html.element("b", operation.method, operation.method);
        html.element("code", "", operation.path);
        html.element("small", "", operation.name());
        html.raw("</p>\n");
        prose(html, what["description"].as_str().unwrap_or_default());
        who(html, what);
        parameters(html, what);
        if let Some(schema) = what.pointer("/requestBody/content/application~1json/schema") {
            html.raw("<h4>Body: ");
            kind(html, schema);
            html.raw("</h4>\n");
            self.types.example(html, schema);
        }
        self.responses(html, what);
        html.raw("</article>\n");
    }

    fn responses(&self, html: &mut Html, what: &Value) {
        let responses = what["responses"].as_object().into_iter().flatten();
        let (refusals, answers): (Vec<_>, Vec<_>) =
            responses.partition(|(_, response)| response.get("$ref").is_some());
        html.raw("<h4>Answers</h4>\n<table>\n<tbody>\n");
        for (status, response) in answers {
            html.raw("<tr><th scope=\"row\">");
            html.element("code", "", status);
            html.raw("</th><td>");
            self.content(html, status, response);
            prose(html, response["description"].as_str().unwrap_or_default());
            html.raw("</td></tr>\n");
        }
        if !refusals.is_empty() {
            html.raw("<tr><th scope=\"row\"><a href=\"#refusals\">Refusals</a></th><td>");
            for (status, refusal) in refusals {
                let about = self.types.resolved(refusal)["description"].as_str();
                html.raw("<code");
                html.attribute("title", about.unwrap_or_default());
                html.raw(">");
                html.text(status);
                html.raw("</code> ");
            }
            html.raw("</td></tr>\n");
        }
        html.raw("</tbody>\n</table>\n");
    }

    /// What the statuses of refusals mean: the same for all operations.
    fn refusals(&self, html: &mut Html) {
        let mut all = BTreeMap::new();
        for methods in self.document["paths"].as_object().into_iter().flatten() {
            for what in methods.1.as_object().into_iter().flatten() {
                let responses = what.1["responses"].as_object().into_iter().flatten();
                all.extend(responses.filter(|(_, response)| response.get("$ref").is_some()));
            }
        }
        html.raw("<section id=\"refusals\">\n<h2>Refusals</h2>\n<p>The body of each is an ");
        html.link("type-", "ErrorBody");
        html.raw(".</p>\n<table>\n<tbody>\n");
        for (status, refusal) in all {
            html.raw("<tr><th scope=\"row\">");
            html.element("code", "", status);
            html.raw("</th><td>");
            let about = self.types.resolved(refusal)["description"].as_str();
            prose(html, about.unwrap_or_default());
            html.raw("</td></tr>\n");
        }
        html.raw("</tbody>\n</table>\n</section>\n");
    }

    /// What an answer holds.
    fn content(&self, html: &mut Html, status: &str, response: &Value) {
        for (media, content) in response["content"].as_object().into_iter().flatten() {
            let data = content.get("x-event-data");
            kind(html, data.unwrap_or(&content["schema"]));
            if media != "application/json" {
                html.raw(" ");
                html.element("small", "", media);
            }
            if status == "200" && content["schema"].get("$ref").is_some() {
                self.types.example(html, &content["schema"]);
            }
        }
        if let Some(message) = response.get("x-message") {
            kind(html, message);
        }
    }

    fn all_types(&self, html: &mut Html) {
        html.raw("<section id=\"types\">\n<h2>Types</h2>\n");
        for (name, schema) in self.types.all() {
            html.raw("<article");
            html.attribute("id", &format!("type-{name}"));
            html.attribute("data-words", &name.to_lowercase());
            html.raw(">\n<h3>");
            html.link("type-", name);
            html.raw("</h3>\n");
            prose(html, schema["description"].as_str().unwrap_or_default());
            body(html, schema);
            html.raw("</article>\n");
        }
        html.raw("</section>\n");
    }
}

fn parameters(html: &mut Html, what: &Value) {
    let parameters = list(&what["parameters"]);
    if parameters.is_empty() {
        return;
    }
    html.raw("<h4>Parameters</h4>\n<table>\n<tbody>\n");
    for parameter in parameters {
        let place = parameter["in"].as_str().unwrap_or_default();
        let required = parameter["required"] == true;
        html.raw("<tr><th scope=\"row\">");
        html.element("code", "", parameter["name"].as_str().unwrap_or_default());
        html.raw("</th><td>");
        html.element("small", "", place);
        html.raw(if required {
            " "
        } else {
            " <i>may be left out</i> "
        });
        field(html, &parameter["schema"]);
        prose(html, parameter["description"].as_str().unwrap_or_default());
        html.raw("</td></tr>\n");
    }
    html.raw("</tbody>\n</table>\n");
}

/// What an operation is found by.
fn words(operation: Operation<'_>) -> String {
    let Operation { method, path, .. } = operation;
    format!(
        "{method} {path} {} {}",
        operation.name(),
        operation.summary()
    )
    .to_lowercase()
}

/// The least role, and what a key needs besides.
fn who(html: &mut Html, what: &Value) {
    let ways = list(&what["security"]);
    html.raw("<p class=\"who\">");
    if ways.is_empty() {
        html.raw("For everybody.");
    }
    for way in ways {
        if let Some(roles) = way.get("bearer") {
            html.raw("Role ");
            html.element("code", "", roles[0].as_str().unwrap_or("viewer"));
        }
        if let Some(scopes) = way.get("apiKey") {
            html.raw(" · API key with ");
            match scopes[0].as_str() {
                Some(scope) => html.element("code", "", scope),
                None => html.text("any scope"),
            }
        }
    }
    if !ways.is_empty() && !ways.iter().any(|way| way.get("apiKey").is_some()) {
        html.raw(" · not for API keys");
    }
    html.raw("</p>\n");
}
