//! What hides, and what stays.

use super::*;

fn hidden(text: &str) -> String {
    let veil = Veil::of_script(text.as_bytes());
    veil.hide(text, &mut |secret| format!("<hidden {:04x}>", secret.len()))
}

#[test]
fn what_a_script_sets_to_secrets_is_hidden_and_nothing_else() {
    let text = "/ppp secret add name=branch password=\"a \\\"b\\\"\" comment=\"x y\"\n\
                /snmp/community/add name=meadow-lark addresses=10.0.0.0/8\n\
                /interface wireguard set wg-1 private-key=YWJjZGVm= mtu=1420\n\
                /ip dns set servers=192.0.2.53\n";

    assert_eq!(
        hidden(text),
        "/ppp secret add name=branch password=<hidden 0005> comment=\"x y\"\n\
         /snmp/community/add name=<hidden 000b> addresses=10.0.0.0/8\n\
         /interface wireguard set wg-1 private-key=<hidden 0009> mtu=1420\n\
         /ip dns set servers=192.0.2.53\n"
    );
}

#[test]
fn what_a_variable_held_is_known() {
    let text = ":local pw \"hunter2hunter2\"\n/user add name=ann group=read password=$pw\n";

    let hidden = hidden(text);

    assert!(!hidden.contains("hunter2"), "{hidden}");
    assert!(hidden.contains("name=ann group=read"), "{hidden}");
}

#[test]
fn a_known_value_is_hidden_wherever_it_stands() {
    let mut veil = Veil::default();
    veil.add(b"meadow-lark");
    veil.add(b"YWJjZGVm=");
    for text in [
        "/snmp/community/remove [find where name=\"meadow-lark\"]",
        "/snmp community remove meadow-lark",
        "- /snmp/community name=meadow-lark: is there.",
        "already have community meadow-lark.",
        "the key YWJjZGVm= is taken",
        ":do { :put \"a \\\"meadow-lark\\\" b\" }",
    ] {
        let hidden = veil.hide(text, &mut |_| "<hidden 0000>".to_owned());
        assert!(hidden.contains("<hidden 0000>"), "{hidden}");
        assert!(!hidden.contains("meadow-lark"), "{hidden}");
        assert!(!hidden.contains("YWJj"), "{hidden}");
        // Twice is once.
        assert_eq!(veil.hide(&hidden, &mut |_| "twice".to_owned()), hidden);
    }
    let text = "meadow-larks are no meadow";
    assert_eq!(veil.hide(text, &mut |_| "twice".to_owned()), text);
}

#[test]
fn texts_that_are_no_script_give_nothing_away_either() {
    for text in [
        ":local password \"hunter2\"",
        ":global botToken \"hunter2\"; :put done",
        "/system script add name=a source=\"/user set a password=\\\"hunter2\\\"\"",
        "/tool fetch url=\"https://me:hunter2@example.com/x\"",
        "/tool fetch url=https://me:hunter2@example.com/x",
        "/tool fetch url=\"https://me:hunter2",
        "/tool fetch http-data=\"{\\\"token\\\": \\\"hunter2\\\"}\"",
        "{\"token\": \"hunter2\"}",
        "{\\\"token\\\":\\\"hunter2\\\"}",
        "my password: hunter2",
        "password=\"hunter2",
        "password=(\"hunter\" . \"2\")",
        "password=[:tostr \"hunter2\"]",
    ] {
        let hidden = hidden(text);
        assert!(!hidden.contains("hunter"), "{hidden}");
    }
}

#[test]
fn what_sounds_like_a_secret_and_is_none_stays() {
    for text in [
        "the device refused our password",
        "/ppp secret remove [find where comment=\"a b\"]",
        "/ip ssh set always-allow-password-login=no",
        "/user set ann password=\"\"",
        "wrong password or name",
        "/tool fetch url=https://example.com:8443/x",
        "/ip/address/add address=10.1.2.3/24 interface=ether1 comment=\"to \\\"B\\\"\"",
        ":if ([:len [/ip/route/find]] > 0) do={ :put \"ok: yes\" }",
    ] {
        assert_eq!(hidden(text), text);
    }
}
