//! The document as a whole.

use super::*;

fn schemas() -> Map<String, Value> {
    document()["components"]["schemas"]
        .as_object()
        .unwrap()
        .clone()
}

/// Calls `visit` with every object and where it is.
fn visit(value: &Value, at: &str, see: &mut impl FnMut(&str, &Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            see(at, object);
            for (key, value) in object {
                visit(value, &format!("{at}/{key}"), see);
            }
        }
        Value::Array(array) => {
            for (n, value) in array.iter().enumerate() {
                visit(value, &format!("{at}/{n}"), see);
            }
        }
        _ => {}
    }
}

#[test]
fn every_operation_is_in_the_document_once() {
    let document = document();
    let mut found = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            found.push(format!("{name} {} {path}", method.to_uppercase()));
        }
    }
    let mut wanted: Vec<_> = api::OPS
        .iter()
        .map(|op| format!("{} {} {}", op.name, op.method.as_str(), op.path))
        .collect();

    found.sort();
    wanted.sort();
    assert_eq!(found, wanted);
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();

    visit(&document, "", &mut |at, object| {
        if let Some(to) = object.get("$ref").and_then(Value::as_str) {
            let pointer = to.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{at} refers to {to}");
        }
    });
}

#[test]
fn every_operation_every_field_and_every_schema_says_what_it_is() {
    let document = document();

    for (path, operations) in document["paths"].as_object().unwrap() {
        for operation in operations.as_object().unwrap().values() {
            let summary = operation["summary"].as_str().unwrap();
            assert!(
                summary.len() > 5 && summary.len() <= 120,
                "{path}: {summary}"
            );
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let named = parameter["in"] == "path" || parameter["description"].is_string();
                assert!(named, "{path}: {parameter}");
            }
        }
    }
    for (name, schema) in schemas() {
        visit(&schema, &name, &mut |at, object| {
            for (field, schema) in object
                .get("properties")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
            {
                let says = schema["description"].is_string()
                    || schema["const"].is_string()
                    || schema["$ref"].is_string();
                assert!(says, "{at}: `{field}`");
            }
        });
    }
}

#[test]
fn every_noun_has_a_tag_that_says_what_it_is_about() {
    let document = document();
    let tags: Vec<_> = document["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| tag["name"].as_str().unwrap())
        .collect();

    for op in api::OPS {
        assert!(
            tags.contains(&text::noun(op.name)),
            "say in text.rs what `{}` is about",
            op.name
        );
    }
}

/// Two types of one name would be told apart by a number, which another type could change.
#[test]
fn no_two_types_have_one_name() {
    for name in schemas().keys() {
        assert!(
            !name.ends_with(|c: char| c.is_ascii_digit()),
            "rename `{name}`"
        );
    }
}

#[test]
fn nothing_in_it_reads_like_rust() {
    visit(&document(), "", &mut |at, object| {
        for key in ["description", "summary"] {
            let Some(text) = object.get(key).and_then(Value::as_str) else {
                continue;
            };
            for rust in ["::", "[`", "`]", "Option<"] {
                assert!(!text.contains(rust), "{at}: {text}");
            }
        }
    });
}

#[test]
fn what_may_be_left_out_must_not_be_sent_but_is_always_told() {
    let all = schemas();

    assert_eq!(
        all["NewDevice"]["required"],
        json!(["address", "username", "password"])
    );
    let told = all["Device"]["required"].as_array().unwrap();
    assert!(told.contains(&json!("site")), "{told:?}");
}

#[test]
fn a_type_that_is_read_otherwise_than_written_is_there_twice() {
    let all = schemas();

    assert_eq!(
        all["Quotas"]["required"],
        json!(["devices", "users", "api_keys"])
    );
    assert_eq!(all["QuotasInput"].get("required"), None);
    let patch = &all["TenantPatch"]["properties"]["quotas"];
    assert!(patch.to_string().contains("QuotasInput"), "{patch}");
}

#[test]
fn an_operation_says_who_may_call_it() {
    let document = document();
    let security =
        |path: &str, method: &str| document["paths"][path][method]["security"].to_string();

    let devices = "/api/tenants/{tenant}/devices";
    assert_eq!(
        security(devices, "get"),
        r#"[{"bearer":["viewer"]},{"apiKey":["devices:read"]}]"#
    );
    assert_eq!(
        security("/api/tenants", "post"),
        r#"[{"bearer":["super_admin"]}]"#
    );
    assert_eq!(security("/health", "get"), "[]");
}

#[test]
fn a_body_of_which_nothing_must_be_there_may_be_left_out() {
    let document = document();
    let required = |path: &str, method: &str| {
        document["paths"][path][method]["requestBody"]["required"].clone()
    };

    assert_eq!(required("/api/tenants", "post"), true);
    assert_eq!(required("/api/tenants/{tenant}", "patch"), false);
    let relays = "/api/tenants/{tenant}/devices/{device}/relays";
    assert_eq!(required(relays, "post"), true);
    let rotate = "/api/tenants/{tenant}/kms/rotate";
    assert_eq!(required(rotate, "post"), Value::Null);
}
