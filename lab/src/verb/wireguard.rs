//! `WireGuard`: keys that belong together, and peers that have been heard of.

use aws_lc_rs::agreement::{PrivateKey, X25519};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::core::Core;
use crate::tree::Row;

impl Core {
    /// Gives a new interface a key of its own, and any one the public key that belongs to it.
    pub(super) fn complete_wireguard(&self, row: &mut Row) {
        if row.get("private-key").is_none_or(str::is_empty) {
            let name = row.get("name").unwrap_or_default();
            let count = self.next_action.to_string();
            let mut key = self.seed.of("wireguard").of(name).of(&count).bytes32();
            // As the curve wants it.
            let [first, .., last] = &mut key;
            *first &= 0xF8;
            *last = *last & 0x7F | 0x40;
            row.set("private-key".into(), STANDARD.encode(key));
        }
        let public = row.get("private-key").and_then(public_key);
        if let Some(public) = public {
            row.set("public-key".into(), public);
        }
    }
}

/// Returns the public key of a private one; nothing if it is none.
pub(super) fn public_key(private: &str) -> Option<String> {
    let bytes = STANDARD.decode(private).ok()?;
    let key = PrivateKey::from_private_key(&X25519, &bytes).ok()?;
    let public = key.compute_public_key().ok()?;
    Some(STANDARD.encode(public.as_ref()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_public_key_follows_from_its_private_key() {
        // The first example of RFC 7748, section 6.1.
        let private = "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=";
        let public = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";

        assert_eq!(super::public_key(private).as_deref(), Some(public));
        assert_eq!(super::public_key("short"), None);
    }
}
