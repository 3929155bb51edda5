//! Tests of output formats.

use serde_json::json;

use super::*;

#[test]
fn json_is_safe_to_look_at_and_keeps_its_value() {
    let value = json!({"a": "x\u{9b}31m\u{202e}\u{7f}\u{e0041}é北"});

    let text = json_safe(&value.to_string());

    assert_eq!(text, r#"{"a":"x\u009b31m\u202e\u007f\udb40\udc41é北"}"#);
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
}

#[test]
fn yaml_reads_back_as_the_same_value() {
    let value = json!({
        "a": {"yes": [1, {"b": [], "c": {}}, ["x", null]], "no": "no"},
        "weird key: #": "multi\nline \u{85} \u{202e}",
        "n": 1.5, "t": true, "empty": {},
        "list": [{"k": {"deep": [{"x": 1, "y": 2}]}}],
    });

    let text = yaml::text(&value);

    let read: Value = serde_yaml_ng::from_str(&text).unwrap();
    assert_eq!(read, value, "{text}");
    assert!(!text.contains(['\u{85}', '\u{202e}']), "{text}");
}

#[test]
fn fields_are_known_without_an_instance() {
    let fields = fields_of::<tod_proto::api::devices::Device>();

    assert!(fields.contains(&"cpu_percent"), "{fields:?}");
    assert!(!fields_of::<tod_proto::api::runs::RunResult>().is_empty());
}
