//! Redaction: no secret that was put into an export is in what comes out.

use proptest::prelude::*;
use routeros::export::{Export, Layout, LineEnd, Style};
use routeros::quote;
use routeros::veil::Veil;

/// Places where RouterOS keeps secrets.
const PLACES: [(&str, &str); 40] = [
    ("/caps-man security", "passphrase"),
    ("/caps-man access-list", "private-passphrase"),
    ("/container envs", "value"),
    ("/disk", "encryption-key"),
    ("/disk", "smb-password"),
    ("/interface dot1x client", "password"),
    ("/interface eoip", "ipsec-secret"),
    ("/interface l2tp-client", "password"),
    ("/interface lte", "pin"),
    ("/interface lte apn", "password"),
    ("/interface macsec", "cak"),
    ("/interface ovpn-client", "key-passphrase"),
    ("/interface vrrp", "password"),
    ("/interface wifi", "security.passphrase"),
    ("/interface wifi security", "eap-password"),
    ("/interface wireguard", "private-key"),
    ("/interface wireguard peers", "preshared-key"),
    ("/interface wireless", "nv2-preshared-key"),
    ("/interface wireless access-list", "private-pre-shared-key"),
    (
        "/interface wireless security-profiles",
        "wpa2-pre-shared-key",
    ),
    ("/interface wireless security-profiles", "static-key-0"),
    (
        "/interface wireless security-profiles",
        "management-protection-key",
    ),
    ("/ip hotspot user", "password"),
    ("/ip hotspot user", "otp-secret"),
    ("/ip ipsec identity", "secret"),
    ("/ip ipsec peer", "ppk-secret"),
    ("/ip socksify", "socks5-password"),
    ("/ppp secret", "password"),
    ("/radius", "secret"),
    ("/routing bgp connection", "tcp-md5-key"),
    ("/routing ospf interface-template", "auth-key"),
    ("/routing rip keys", "key"),
    ("/snmp community", "authentication-password"),
    ("/snmp community", "name"),
    ("/snmp", "trap-community"),
    ("/system ntp key", "key-val"),
    ("/tool e-mail", "password"),
    ("/tool romon", "secrets"),
    ("/tr069-client", "connection-request-password"),
    ("/user-manager router", "shared-secret"),
];

/// Scripts that hold one, with `@` for it.
const SCRIPTS: [&str; 8] = [
    "/ppp secret set joe password=@",
    "/ppp secret set joe password=\"@\"\r\n:log info done",
    ":local secret \"@\"\n:put hello",
    ":global BotToken \"@\"; /system script run x",
    "/tool fetch url=\"https://me:@@mail.example/\" mode=https",
    "/tool fetch http-data=\"{\\\"password\\\":\\\"@\\\"}\"",
    ":set wpa2-pre-shared-key \"@\"",
    "{ :local apikey \"@\" ; :if (true) do={ :put 1 } }",
];

prop_compose! {
    /// A command with the secret, and with other properties around it.
    fn any_command()(
        place in prop::sample::select(&PLACES[..]),
        script in prop::option::of(prop::sample::select(&SCRIPTS[..])),
        secret in "Zq[A-Za-z0-9]{10,40}[ ?$\"\\\\=;,/+]{0,3}[A-Za-z0-9]{6,80}qZ",
        before in prop::collection::vec("[a-z]{3,12}=[a-z0-9]{1,20}", 0..4),
        after in prop::collection::vec("[a-z]{3,12}=\"[a-z ]{1,60}\"", 0..3),
        is_alone in any::<bool>(),
    ) -> (String, String) {
        let plain: String = secret.chars().filter(char::is_ascii_alphanumeric).collect();
        let (menu, property) = match script {
            Some(script) => {
                // Inside a script nothing needs quotes of its own.
                let script = script.replace("@@", "\u{1}").replace('@', &plain);
                let script = script.replace('\u{1}', &format!("{plain}@"));
                let source = quote::value(script.as_bytes());
                ("/system script", format!("source={source}"))
            }
            None => (place.0, format!("{}={}", place.1, quote::value(secret.as_bytes()))),
        };
        let words = [&before[..], &[property], &after[..]].concat().join(" ");
        let text = if is_alone {
            format!("{menu} add {words}\n")
        } else {
            format!("{menu}\nadd {words}\n")
        };
        (text, plain)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_planted_secret_survives(
        commands in prop::collection::vec(any_command(), 1..6),
        is_terse in any::<bool>(),
        is_dos in any::<bool>(),
    ) {
        let text: String = commands.iter().map(|(text, _)| text.as_str()).collect();
        let layout = Layout {
            line_end: if is_dos { LineEnd::CrLf } else { LineEnd::Lf },
            style: if is_terse { Style::Terse } else { Style::Wrapped },
            is_open: false,
        };
        let laid_out = Export::parse(text.as_bytes()).print_as(layout);
        let export = Export::parse(&laid_out);
        prop_assert_eq!(export.commands().count(), commands.len());
        let masked = String::from_utf8(export.redact().print()).unwrap();
        for (_, secret) in &commands {
            // Not even a part of it, however lines are cut.
            for part in secret.as_bytes().windows(8) {
                let part = std::str::from_utf8(part).unwrap();
                prop_assert!(!masked.contains(part), "{part} in {masked}");
            }
        }
        prop_assert_eq!(Export::parse(masked.as_bytes()).commands().count(), commands.len());
    }

    #[test]
    fn no_planted_secret_is_seen_through_a_veil(
        commands in prop::collection::vec(any_command(), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let text: String = commands.iter().map(|(text, _)| text.as_str()).collect();
        // A script that breaks off somewhere gives nothing away either.
        for script in [&text[..], &text[..cut.index(text.len())]] {
            let veil = Veil::of_script(script.as_bytes());
            let mut mark = |_: &[u8]| "<hidden 0000>".to_owned();
            let hidden = veil.hide(script, &mut mark);
            for (_, secret) in &commands {
                // Without capitals it could be of another word.
                let has_capital = |part: &&[u8]| part.iter().any(u8::is_ascii_uppercase);
                for part in secret.as_bytes().windows(8).filter(has_capital) {
                    let part = std::str::from_utf8(part).unwrap();
                    prop_assert!(!hidden.contains(part), "{part} in {hidden}");
                }
            }
            prop_assert_eq!(veil.hide(&hidden, &mut mark), hidden);
        }
    }
}
