//! The description of the API, as programs and people get it.

use std::collections::BTreeSet;

use axum::body::Body;
use http::{Request, StatusCode};
use tod_proto::api::OPS;

use crate::harness::{Answer, TestApp, answer};

/// Asks without any token, as anybody may.
async fn get(app: &TestApp, path: &str, has: Option<&str>) -> Answer {
    let mut request = Request::get(path);
    if let Some(etag) = has {
        request = request.header("if-none-match", etag);
    }
    let request = request.body(Body::empty()).unwrap();
    answer(app.router(), request).await
}

#[tokio::test]
async fn the_description_is_for_everybody_and_is_sent_once() {
    let app = TestApp::new().await;

    for (path, kind) in [
        ("/api/openapi.json", "application/json"),
        ("/docs", "text/html; charset=utf-8"),
        ("/docs/docs.css", "text/css; charset=utf-8"),
        ("/docs/docs.js", "text/javascript; charset=utf-8"),
    ] {
        let first = get(&app, path, None).await;
        assert_eq!(first.status, 200, "{path}");
        assert_eq!(first.headers["content-type"], kind);
        assert_eq!(first.headers["cache-control"], "no-cache");
        let etag = first.headers["etag"].to_str().unwrap();
        for has in [etag.to_owned(), format!("\"x\", W/{etag}"), "*".to_owned()] {
            let again = get(&app, path, Some(&has)).await;
            assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{path} with {has}");
            assert_eq!(again.body, "");
        }
        let changed = get(&app, path, Some("\"x\"")).await;
        assert_eq!(changed.body, first.body, "{path}");
    }
    let document: serde_json::Value = get(&app, "/api/openapi.json", None).await.ok();
    assert_eq!(document, tod_proto::openapi::document());
}

/// The values of an attribute, in order.
fn values<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
    let start = format!(" {attribute}=\"");
    html.split(&start)
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect()
}

#[tokio::test]
async fn every_operation_and_type_has_an_address_on_the_page_and_every_link_leads_somewhere() {
    let app = TestApp::new().await;

    let page = get(&app, "/docs", None).await.body;

    let places = values(&page, "id");
    let unique: BTreeSet<_> = places.iter().copied().collect();
    assert_eq!(places.len(), unique.len(), "an id is there twice");
    for op in OPS {
        assert!(unique.contains(op.name), "{}", op.name);
    }
    let document = tod_proto::openapi::document();
    for name in document["components"]["schemas"]
        .as_object()
        .unwrap()
        .keys()
    {
        assert!(unique.contains(format!("type-{name}").as_str()), "{name}");
    }
    for link in values(&page, "href")
        .into_iter()
        .chain(values(&page, "src"))
    {
        match link.strip_prefix('#') {
            Some(place) => assert!(unique.contains(place), "{link}"),
            None => assert_eq!(get(&app, link, None).await.status, 200, "{link}"),
        }
    }
}

/// The policy that is sent with the page would keep a browser from running any of it.
#[tokio::test]
async fn nothing_on_the_page_is_inline_or_from_elsewhere() {
    let app = TestApp::new().await;

    let answer = get(&app, "/docs", None).await;

    let policy = answer.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    assert!(
        !policy.contains("unsafe") && !policy.contains('*'),
        "{policy}"
    );
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    let page = answer.body;
    for inline in [
        "<style",
        " style=",
        "<script>",
        " onclick=",
        "javascript:",
        "http",
    ] {
        assert!(!page.contains(inline), "{inline}");
    }
    assert_eq!(page.matches("<script").count(), 1);
}

/// Elements that have no end.
const VOID: [&str; 4] = ["meta", "link", "input", "!DOCTYPE"];

#[tokio::test]
async fn every_element_of_the_page_is_closed_where_it_was_opened() {
    let app = TestApp::new().await;
    let page = get(&app, "/docs", None).await.body;
    let mut open = Vec::new();

    for tag in page.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap();
        let name = tag.split([' ', '\n']).next().unwrap();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "</{name}>"),
            None if VOID.contains(&name) => {}
            None => {
                // Where it may not be, a browser would move it.
                let inside = open.last().copied().unwrap_or_default();
                let block = ["p", "pre", "table", "details", "ul", "article"].contains(&name);
                let inline = ["p", "a", "code", "small", "h3", "h4"].contains(&inside);
                assert!(!(block && inline), "<{name}> in <{inside}>");
                open.push(name);
            }
        }
    }

    assert_eq!(open, [""; 0]);
}
