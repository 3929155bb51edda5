//! What SSH devices offer: what russh does, or what devices of long ago did.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use russh::keys::{Algorithm, PrivateKey};
use russh::{Preferred, cipher, kex, mac};

use crate::device::Inner;

/// Returns what a device offers.
pub(super) fn of(device: &Arc<Inner>) -> Preferred {
    if !device.spec.switches.old_ssh {
        return Preferred::default();
    }
    Preferred {
        kex: Cow::Borrowed(&[
            kex::DH_GEX_SHA256,
            kex::DH_G14_SHA1,
            kex::DH_GEX_SHA1,
            kex::DH_G1_SHA1,
        ]),
        key: Cow::Borrowed(&[Algorithm::Rsa { hash: None }]),
        cipher: Cow::Borrowed(&[
            cipher::AES_256_CTR,
            cipher::AES_192_CTR,
            cipher::AES_128_CTR,
            cipher::AES_256_CBC,
            cipher::AES_192_CBC,
            cipher::AES_128_CBC,
            cipher::TRIPLE_DES_CBC,
        ]),
        mac: Cow::Borrowed(&[mac::HMAC_SHA256, mac::HMAC_SHA1]),
        ..Preferred::default()
    }
}

/// Returns the RSA key that all devices of long ago share, made on first touch.
pub(super) fn old_host_key() -> Option<PrivateKey> {
    static KEY: OnceLock<Option<PrivateKey>> = OnceLock::new();
    let make = || {
        let pair = KeyPair::generate(KeySize::Rsa2048).ok()?;
        let der: Pkcs8V1Der<'_> = pair.as_der().ok()?;
        russh::keys::pkcs8::decode_pkcs8(der.as_ref(), None).ok()
    };
    let key = KEY.get_or_init(make).clone();
    if key.is_none() {
        tracing::warn!("cannot make an old host key");
    }
    key
}
