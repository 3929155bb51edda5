//! Keys that the kernel remembers, so that a passphrase is asked for once and not by each command.
//!
//! They are in the user's keyring of the kernel: in memory, never on disk, gone after a while
//! without use or when the machine stops. Where there is none, nothing is remembered.

pub(super) use kernel::{find, forget, keep};

#[cfg(target_os = "linux")]
mod kernel {
    use linux_keyutils::{Key, KeyError, KeyRing, KeyRingIdentifier};
    use zeroize::Zeroizing;

    /// How long a key is kept after it was last used, in seconds.
    const KEPT: usize = 60 * 60;

    fn ring() -> Result<KeyRing, KeyError> {
        KeyRing::from_special_id(KeyRingIdentifier::User, true)
    }

    fn search(name: &str) -> Option<Key> {
        ring().ok()?.search(name).ok()
    }

    /// The key called `name`; it is kept for another while.
    pub(in super::super) fn find(name: &str) -> Option<Zeroizing<[u8; 32]>> {
        let key = search(name)?;
        let mut bytes = Zeroizing::new([0; 32]);
        let length = key.read(&mut *bytes).ok()?;
        // If it cannot be prolonged, it is asked for sooner.
        let _shorter = key.set_timeout(KEPT);
        (length == bytes.len()).then_some(bytes)
    }

    /// Keeps a key, if the kernel does that here.
    pub(in super::super) fn keep(name: &str, bytes: &[u8; 32]) {
        let Ok(key) = ring().and_then(|ring| ring.add_key(name, bytes)) else {
            return;
        };
        if key.set_timeout(KEPT).is_err() {
            // What would stay for ever is not kept at all.
            let _until_then = key.invalidate();
        }
    }

    /// Forgets a key.
    pub(in super::super) fn forget(name: &str) {
        if let Some(key) = search(name) {
            let _until_then = key.invalidate();
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod kernel {
    use zeroize::Zeroizing;

    pub(in super::super) fn find(_name: &str) -> Option<Zeroizing<[u8; 32]>> {
        None
    }

    pub(in super::super) fn keep(_name: &str, _bytes: &[u8; 32]) {}

    pub(in super::super) fn forget(_name: &str) {}
}
