//! Tests of the token store.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

fn asks(passphrase: &'static str) -> AskPassphrase {
    Arc::new(move |_| Ok(passphrase.into()))
}

fn open(kind: Kind, dir: &Path, passphrase: &'static str) -> Store {
    Store::open(kind, dir, "prod", asks(passphrase))
}

#[test]
fn an_encrypted_file_opens_with_its_passphrase_only() {
    let dir = tempfile::tempdir().unwrap();
    let key = SecretKey::generate("ana@example.org");
    let path = dir.path().join("secrets.enc");

    open(Kind::File, dir.path(), "one")
        .keep_secret_key(Some(&key))
        .unwrap();

    let again = open(Kind::File, dir.path(), "one").secret_key().unwrap();
    assert_eq!(*again.unwrap().reveal(), *key.reveal());
    let other = open(Kind::File, dir.path(), "two").secret_key();
    assert!(matches!(other, Err(StoreError::WrongPassphrase { .. })));
    let bytes = fs::read_to_string(&path).unwrap();
    assert!(!bytes.contains(&key.reveal()[..12]));
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn contexts_do_not_see_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let key = SecretKey::generate("ana@example.org");
    open(Kind::Insecure, dir.path(), "")
        .keep_secret_key(Some(&key))
        .unwrap();

    let other = Store::open(Kind::Insecure, dir.path(), "lab", asks(""));

    assert!(other.secret_key().unwrap().is_none());
    other.keep_secret_key(None).unwrap();
    assert!(
        open(Kind::Insecure, dir.path(), "")
            .secret_key()
            .unwrap()
            .is_some()
    );
}

#[test]
fn files_that_are_open_newer_damaged_or_links_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secrets.enc");
    let read = || open(Kind::File, dir.path(), "one").load();
    let put = |text: &str| private::write(&path, text.as_bytes()).unwrap();

    put("{\"version\":1");
    assert!(matches!(read(), Err(StoreError::Corrupt { .. })));
    put("{\"version\":9,\"future\":true}");
    assert!(matches!(read(), Err(StoreError::Newer { version: 9, .. })));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(
        read(),
        Err(StoreError::TooOpen { mode: 0o644, .. })
    ));
    let real = dir.path().join("real");
    fs::rename(&path, &real).unwrap();
    symlink(&real, &path).unwrap();
    assert!(matches!(read(), Err(StoreError::NotOurs { .. })));
}

/// A file that another account put there, or a link to one, is neither read nor locked.
#[test]
fn what_another_account_owns_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let theirs = if rustix::process::geteuid().is_root() {
        let path = dir.path().join("theirs");
        fs::write(&path, "{}").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::chown(&path, Some(65534), None).unwrap();
        path
    } else {
        "/etc/passwd".into()
    };
    let link = dir.path().join("session.lock");
    symlink(&theirs, &link).unwrap();

    let read = private::read(&theirs, private::Others::MayRead);
    let locked = open(Kind::Insecure, dir.path(), "").lock().map(drop);

    assert!(matches!(read, Err(StoreError::NotOurs { .. })), "{read:?}");
    assert!(
        matches!(locked, Err(StoreError::NotOurs { .. })),
        "{locked:?}"
    );
}

#[test]
fn a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secrets.enc");
    let made = std::process::Command::new("mkfifo")
        .args(["-m", "600"])
        .arg(&path)
        .status();
    assert!(made.unwrap().success());

    let read = open(Kind::File, dir.path(), "one").load();

    assert!(matches!(read, Err(StoreError::NotOurs { .. })), "{read:?}");
}

#[test]
fn a_changed_byte_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secrets.enc");
    let key = SecretKey::generate("a@b");
    open(Kind::File, dir.path(), "one")
        .keep_secret_key(Some(&key))
        .unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let weaker = text.replace("\"passes\": 2", "\"passes\": 1");
    assert_ne!(text, weaker);
    fs::write(&path, weaker).unwrap();

    let read = open(Kind::File, dir.path(), "one").secret_key();

    assert!(matches!(read, Err(StoreError::WrongPassphrase { .. })));
}

#[test]
fn without_a_keyring_the_probe_says_so_in_time() {
    let before = std::time::Instant::now();

    let outcome = Store::probe_keyring();

    assert!(before.elapsed().as_secs() < 4);
    if let Err(error) = outcome {
        assert!(matches!(error, StoreError::NoKeyring(_)), "{error}");
    }
}

#[test]
fn a_person_is_asked_again_and_then_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let person = |answers: &'static [&'static str]| {
        let (asked, answers) = (Arc::clone(&asked), Mutex::new(answers.iter()));
        let ask: AskPassphrase = Arc::new(move |purpose| {
            asked.lock().unwrap().push(purpose);
            let next = answers.lock().unwrap().next().copied();
            next.map(Into::into).ok_or(StoreError::NoPassphrase)
        });
        Store::open_for_person(Kind::File, dir.path(), "prod", ask)
    };

    person(&["one"]).unlock().unwrap();
    person(&["one"]).lock_up();
    let wrong = person(&["two", "three"]).unlock();
    person(&["two", "one"]).unlock().unwrap();
    let remembered = person(&[]).unlock();
    person(&[]).lock_up();

    assert!(matches!(wrong, Err(StoreError::WrongPassphrase { .. })));
    // Where the kernel keeps no keys, everyone is asked.
    assert!(matches!(remembered, Ok(()) | Err(StoreError::NoPassphrase)));
    assert_eq!(
        asked.lock().unwrap()[..6],
        [
            Purpose::Create,
            Purpose::Open,
            Purpose::Again,
            Purpose::Again,
            Purpose::Open,
            Purpose::Again
        ]
    );
    assert!(matches!(
        person(&[]).unlock(),
        Err(StoreError::NoPassphrase)
    ));
}
