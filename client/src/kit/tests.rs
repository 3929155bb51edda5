//! Tests of the Emergency Kit. `tests/it/kit.rs` reads it with programs that we did not write.

use std::os::unix::fs::PermissionsExt as _;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

fn kit() -> Kit {
    let email = "ana@example.org";
    Kit {
        server: "https://tod.example:8443".to_owned(),
        pin: Some(Fingerprint::of(b"a certificate")),
        email: email.to_owned(),
        secret_key: SecretKey::generate(email),
        made_at: "2026-11-21T00:00:00Z".parse().unwrap(),
    }
}

#[track_caller]
fn same(found: Result<Found, KitError>, wanted: &Kit) {
    let Ok(Found::Kit(found)) = found else {
        panic!("{found:?}");
    };
    assert_eq!(*found.line(), *wanted.line());
}

#[test]
fn a_kit_is_private_and_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();

    for name in ["kit.txt", "kit.pdf", "kit"] {
        let path = dir.path().join(name);
        kit().save(&path, Paper::A4).unwrap();
        let before = std::fs::read(&path).unwrap();

        let again = kit().save(&path, Paper::A4);

        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let Err(KitError::Io(error)) = again else {
            panic!("{name}: {again:?}");
        };
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), before);
        assert_eq!(before.starts_with(b"%PDF"), name == "kit.pdf", "{name}");
    }
}

#[test]
fn a_kit_is_read_from_whatever_it_was_kept_in() {
    let kit = kit();

    same(Found::read(kit.text().as_bytes()), &kit);
    same(Found::read(kit.line().as_bytes()), &kit);
    for paper in Paper::ALL {
        same(Found::read(&kit.pdf(paper).unwrap()), &kit);
    }
    // With a mail program's line ends, and with what a person wrote around it.
    same(
        Found::read(kit.text().replace('\n', "\r\n").as_bytes()),
        &kit,
    );
    let noted = format!("scanned today:\n  \"{}\"\n", &*kit.line());
    same(Found::read(noted.as_bytes()), &kit);
}

#[test]
fn a_secret_key_alone_is_found_too() {
    let key = kit().secret_key.reveal();

    for text in [
        key.to_string(),
        format!("{}\n", key.to_lowercase()),
        key.replace('-', " "),
        format!("notes\n  Secret Key   {}\n", &*key),
    ] {
        let found = Found::read(text.as_bytes());
        assert!(matches!(found, Ok(Found::Key(_))), "{found:?}");
        assert_eq!(*found.unwrap().secret_key().reveal(), *key);
    }
}

#[test]
fn a_damaged_kit_is_refused_without_repeating_what_it_holds() {
    let kit = kit();
    let (line, key) = (kit.line(), kit.secret_key.reveal());
    let other = SecretKey::generate(&kit.email).reveal();
    let refused = |text: &str| Found::read(text.as_bytes()).unwrap_err();

    for empty in ["", "hello", "%PDF-1.7\n…", "tod kit"] {
        assert!(matches!(refused(empty), KitError::Nothing), "{empty}");
    }
    let newer = line.replace("tod-kit:1?", "tod-kit:2?");
    assert!(matches!(refused(&newer), KitError::Newer));
    let two = kit.text().replace(
        &format!("Secret Key   {}", &*key),
        &format!("Secret Key   {}", &*other),
    );
    assert!(matches!(refused(&two), KitError::Differ));
    let wrong = if key.ends_with('7') { "8" } else { "7" };
    let mistyped = format!("{}{wrong}", &key[..key.len() - 1]);
    assert!(matches!(
        refused(&line.replace(&*key, &mistyped)),
        KitError::Key(_)
    ));
    assert!(matches!(
        refused(&kit.text().replacen(&*key, &mistyped, 1)),
        KitError::Key(_)
    ));
    for bad in [
        line.replace("server=", "sever="),
        line.replace("made=2026", "made=MMXXVI"),
        line.replace("pin=", "pin=zz"),
        line.replace("ana%40", "%0A"),
        line.replace("tod-kit:1?", "tod-kit:1"),
        format!("{}{}", &*line, "x".repeat(5000)),
    ] {
        let error = refused(&bad);
        assert!(matches!(error, KitError::Damaged(_)), "{bad}: {error:?}");
        assert!(!error.to_string().contains(&key[10..16]), "{error}");
    }
}

#[test]
fn the_longest_addresses_still_make_one_page_and_longer_ones_none() {
    let long = Kit {
        server: format!("https://{}.example:8443", "tod-".repeat(40)),
        email: format!("{}@example.org", "a".repeat(242)),
        ..kit()
    };
    let too_long = Kit {
        server: format!("https://{}.example", "tod-".repeat(900)),
        ..kit()
    };

    for paper in Paper::ALL {
        same(Found::read(&long.pdf(paper).unwrap()), &long);
        assert!(matches!(too_long.pdf(paper), Err(KitError::TooLong)));
    }
}

#[test]
fn nothing_shows_the_key_by_accident() {
    let kit = kit();
    let key = kit.secret_key.reveal();

    for text in [
        format!("{kit:?}"),
        format!("{:?}", kit.qr().unwrap()),
        format!("{:?}", Found::read(kit.line().as_bytes()).unwrap()),
    ] {
        assert!(!text.contains(&key[10..16]), "{text}");
    }
}

proptest! {
    #[test]
    fn whatever_a_file_holds_it_is_read_or_refused(
        noise in vec(any::<u8>(), 0..300),
        changes in vec((any::<Index>(), any::<u8>()), 1..4),
        is_line: bool,
        is_pdf: bool,
    ) {
        let kit = kit();
        let key = kit.secret_key.reveal();
        let whole = if is_line { kit.line() } else { kit.text() };
        let mut bytes = whole.as_bytes().to_vec();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let start: &[u8] = if is_pdf { b"%PDF-1.7\n" } else { b"" };

        for bytes in [[start, &noise].concat(), [start, &bytes, &noise].concat()] {
            match Found::read(&bytes) {
                // What is read is a key that is whole.
                Ok(found) => {
                    let read = found.secret_key().reveal();
                    prop_assert!(read.parse::<SecretKey>().is_ok());
                }
                Err(error) => {
                    let said = error.to_string();
                    prop_assert!(!said.contains(&key[10..16]), "{said}");
                }
            }
        }
    }
}
