//! The keyring of the operating system.

use std::sync::mpsc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::{StoreError, Vault};

/// What our entries are filed under.
const SERVICE: &str = "todctl";
/// A keyring without a desktop behind it may wait for ever for someone to type a password.
const DEADLINE: Duration = Duration::from_secs(2);

pub(super) struct Keyring;

/// Whether the keyring works here.
pub(super) fn probe() -> Result<(), StoreError> {
    patient(|| match keyring::Entry::store_status() {
        Ok(()) => read("probe").map(|_| ()),
        Err(error) => Err(StoreError::NoKeyring(error.to_string())),
    })
}

/// Runs something that may never come back, and waits for it for a while.
///
/// A plain thread, because the store's own runtime must not find itself inside ours, and because
/// a thread that hangs must not keep ours from stopping.
fn patient<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let (tx, rx) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        // Nobody listens any more when the deadline has passed.
        drop(tx.send(act()));
    });
    rx.recv_timeout(DEADLINE)
        .map_err(|_| StoreError::NoKeyring("it does not answer within 2 s".to_owned()))?
}

fn entry(name: &str) -> Result<keyring::Entry, StoreError> {
    keyring::Entry::new(SERVICE, name).map_err(|error| StoreError::NoKeyring(error.to_string()))
}

fn read(name: &str) -> Result<Option<Zeroizing<String>>, StoreError> {
    match entry(name)?.get_password() {
        Ok(value) => Ok(Some(Zeroizing::new(value))),
        Err(keyring::Error::NoEntry) => Ok(None),
        Err(error) => Err(StoreError::NoKeyring(error.to_string())),
    }
}

impl Vault for Keyring {
    fn get(&self, name: &str) -> Result<Option<Zeroizing<String>>, StoreError> {
        let name = name.to_owned();
        patient(move || read(&name))
    }

    fn put(&self, name: &str, value: Option<&str>) -> Result<(), StoreError> {
        let (name, value) = (name.to_owned(), value.map(|v| Zeroizing::new(v.to_owned())));
        patient(move || {
            let entry = entry(&name)?;
            let result = match value {
                Some(value) => entry.set_password(&value),
                None => match entry.delete_credential() {
                    Err(keyring::Error::NoEntry) => Ok(()),
                    result => result,
                },
            };
            result.map_err(|error| StoreError::NoKeyring(error.to_string()))
        })
    }
}
