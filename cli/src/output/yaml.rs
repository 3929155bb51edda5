//! YAML. Every text is a JSON string, which is YAML too: there is nothing to misread as a number,
//! a date or a tag, and nothing that a terminal obeys.

use serde_json::Value;

use super::json_safe;

/// A document.
pub(super) fn text(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) if map.is_empty() => out.push_str("{}\n"),
        Value::Array(items) if items.is_empty() => out.push_str("[]\n"),
        Value::Object(_) | Value::Array(_) => block(value, 0, &mut out),
        scalar => {
            out.push_str(&inline(scalar));
            out.push('\n');
        }
    }
    out
}

fn block(value: &Value, indent: usize, out: &mut String) {
    let margin = " ".repeat(indent);
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                out.push_str(&format!("{margin}{}:", name(key)));
                below(value, indent + 2, out);
            }
        }
        Value::Array(items) => {
            for item in items {
                let mut inner = String::new();
                if is_nested(item) {
                    block(item, indent + 2, &mut inner);
                    // The first line stands beside the dash.
                    let rest = inner.get(indent + 2..).unwrap_or_default();
                    out.push_str(&format!("{margin}- {rest}"));
                } else {
                    out.push_str(&format!("{margin}- {}\n", inline(item)));
                }
            }
        }
        scalar => out.push_str(&format!("{margin}{}\n", inline(scalar))),
    }
}

fn below(value: &Value, indent: usize, out: &mut String) {
    if is_nested(value) {
        out.push('\n');
        block(value, indent, out);
    } else {
        out.push_str(&format!(" {}\n", inline(value)));
    }
}

fn is_nested(value: &Value) -> bool {
    match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    }
}

fn inline(value: &Value) -> String {
    json_safe(&value.to_string())
}

/// A key without quotes if nobody can misread it.
fn name(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let word = key.starts_with(|c: char| c.is_ascii_alphabetic());
    let reserved = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    if word && key.chars().all(plain) && !reserved.contains(&key.to_lowercase().as_str()) {
        key.to_owned()
    } else {
        inline(&Value::String(key.to_owned()))
    }
}
