//! Secrets: which properties hold them, and texts that give one away.
//!
//! Errs towards yes: a masked value is a smaller harm than a leaked one.

/// What stands for a secret.
pub const MASK: &str = "***";

/// Parts of names that tell of a secret.
const PARTS: [&str; 14] = [
    "password",
    "passphrase",
    "secret",
    "token",
    "private-key",
    "preshared-key",
    "pre-shared-key",
    "shared-key",
    "auth-key",
    "authentication-key",
    "static-key",
    "encryption-key",
    "tunnel-key",
    "protection-key",
];

/// Names of secrets that say less.
const WHOLE: [&str; 19] = [
    "activation-code",
    "apikey",
    "api-key",
    "cak",
    "confirmation-code",
    "eab-hmac-key",
    "eab-key-b64",
    "enc-key",
    "key",
    "key-val",
    "mtik-key",
    "pin",
    "puk",
    "response",
    "ret",
    "sim-pin",
    "tcp-md5-key",
    "wep-key",
    "wpa-key",
];

/// Names that sound like secrets and are settings about them.
const HARMLESS: [&str; 10] = [
    "always-allow-password-login",
    "minimum-password-length",
    "multi-passphrase-group",
    "password-authentication",
    "password-characters",
    "password-format",
    "password-length",
    "private-key-file",
    "reset-private-key",
    "token-refresh-handicap",
];

/// Secrets whose names do not tell, by menu.
const IN_MENUS: [(&str, &str); 5] = [
    ("/app", "environment"),
    ("/container/envs", "value"),
    ("/snmp", "trap-community"),
    ("/snmp/community", "name"),
    ("/zerotier", "identity"),
];

/// Names that tell of a secret elsewhere, by menu.
const NOT_IN_MENUS: [(&str, &str); 2] = [("/container/envs", "key"), ("/user/ssh-keys", "key")];

/// Whether a property of this name holds a secret, as far as names tell.
pub fn is_sensitive(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let last = name.rsplit('.').next().unwrap_or_default();
    let tells = WHOLE.contains(&last) || PARTS.iter().any(|part| last.contains(part));
    tells && !HARMLESS.contains(&last)
}

/// Whether a property of a menu holds a secret.
pub fn is_secret(menu: &str, name: &str) -> bool {
    let is_listed = |list: &[(&str, &str)]| list.contains(&(menu, name));
    !is_listed(&NOT_IN_MENUS) && (is_sensitive(name) || is_listed(&IN_MENUS))
}

/// Whether a text, such as a script, gives a secret away: it assigns something to a name that tells
/// of one, or has an address with a password in it.
pub fn holds_secret(text: &[u8]) -> bool {
    has_password_in_address(text) || assigns_secret(text)
}

fn assigns_secret(text: &[u8]) -> bool {
    let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let mut rest = text;
    while let Some(start) = rest.iter().position(|&b| is_name(b)) {
        let word = rest.get(start..).unwrap_or_default();
        let end = word.iter().position(|&b| !is_name(b)).unwrap_or(word.len());
        let (word, after) = word.split_at(end);
        rest = after;
        let name = std::str::from_utf8(word).unwrap_or_default();
        if gives_value(after) && is_sensitive(name) {
            return true;
        }
    }
    false
}

/// Whether what follows a name gives it a value: `=x`, `:x`, or a string after a blank.
fn gives_value(after: &[u8]) -> bool {
    let after = after.strip_prefix(b"\\\"").unwrap_or(after);
    let after = after.strip_prefix(b"\"").unwrap_or(after);
    let value = after.trim_ascii_start();
    match value.split_first() {
        Some((b'=' | b':', rest)) => {
            let rest = rest.trim_ascii();
            let rest = rest.strip_prefix(b"\\").unwrap_or(rest);
            !rest.is_empty() && !rest.starts_with(b"\"\"") && !rest.starts_with(b"\"\\\"")
        }
        Some((b'"', rest)) => value.len() < after.len() && !rest.starts_with(b"\""),
        Some((b'\\', [b'"', rest @ ..])) => value.len() < after.len() && !rest.starts_with(b"\\\""),
        _ => false,
    }
}

/// `https://user:password@host`
pub(crate) fn has_password_in_address(text: &[u8]) -> bool {
    let starts = text.windows(3).enumerate().filter(|(_, w)| *w == b"://");
    starts.filter_map(|(at, _)| text.get(at + 3..)).any(|rest| {
        let ends = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'/' | b'"' | b'\\' | b'?');
        let end = rest.iter().position(ends).unwrap_or(rest.len());
        let authority = rest.get(..end).unwrap_or_default();
        let at = authority.iter().rposition(|&b| b == b'@');
        let user = at.and_then(|at| authority.get(..at)).unwrap_or_default();
        user.contains(&b':')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_name_and_by_menu() {
        for (menu, name) in [
            ("/user", "password"),
            (
                "/interface/wireless/security-profiles",
                "wpa2-pre-shared-key",
            ),
            ("/interface/wireguard", "private-key"),
            ("/interface/wifi", "security.passphrase"),
            ("/radius", "secret"),
            ("/snmp/community", "name"),
            ("/container/envs", "value"),
            ("/x", "Passphrase"),
        ] {
            assert!(is_secret(menu, name), "{menu} {name}");
        }
        for (menu, name) in [
            ("/user", "name"),
            ("/interface/wireguard/peers", "public-key"),
            ("/ip/ssh", "always-allow-password-login"),
            ("/user/ssh-keys", "key"),
            ("/container/envs", "key"),
            ("/interface/wifi/aaa", "password-format"),
            ("/x", "keepalive"),
        ] {
            assert!(!is_secret(menu, name), "{menu} {name}");
        }
    }

    /// The names that `export` leaves out unless it is told to show what is sensitive.
    #[test]
    fn what_devices_themselves_hide_is_secret() {
        let names = "auth-key authentication-password cak challenge-passphrase challenge-password \
            confirm-new-password connection-request-password eap-password enc-key encryption-key \
            encryption-password export-passphrase ipsec-secret key key-passphrase key-val \
            mac-auth-password management-protection-key mschapv2-password new-password \
            nv2-preshared-key nvme-tcp-password nvme-tcp-server-password old-password otp-secret \
            passphrase password paypal-password pin ppk-secret preshared-key \
            private-key private-passphrase private-pre-shared-key secret secrets \
            self-encryption-password shared-secret sim-pin smb-password smb-server-password \
            sshfs-password static-key-0 static-key-3 static-sta-private-key tcp-md5-key \
            vpn-peer-private-key vpn-private-key web-private-password wpa-pre-shared-key \
            wpa2-pre-shared-key";
        for name in names.split_whitespace() {
            assert!(is_secret("/ip/ipsec/key", name), "{name}");
        }
        assert!(is_secret("/zerotier", "identity"));
    }

    #[test]
    fn texts_that_give_a_secret_away_are_known() {
        for text in [
            "/user set a password=hunter2",
            "/user set a password=\"hunter2\"",
            ":local password \"hunter2\"",
            ":global botToken \"12:ab\"",
            "{\"token\": \"x\"}",
            "{\\\"token\\\":\\\"x\\\"}",
            "fetch url=\"https://me:hunter2@example.com/x\"",
        ] {
            assert!(holds_secret(text.as_bytes()), "{text}");
        }
        for text in [
            ":log info \"wrong password\"",
            ":log info password",
            "/user set a password=",
            "mail to ann@example.com: https://example.com/a:b@c",
            "the token ring",
        ] {
            assert!(!holds_secret(text.as_bytes()), "{text}");
        }
    }
}
