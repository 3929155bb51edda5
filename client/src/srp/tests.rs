//! Tests of the client half of SRP.

use srp::ServerG3072;

use super::*;

fn password() -> SecretString {
    "correct horse".into()
}

fn key() -> SecretKey {
    // Written down so that the vector below does not depend on the clock or on chance.
    SecretKey::generate("ana@example.org")
}

/// Plays the server with crate `srp`: returns the challenge and what checks the answer.
fn challenge(verifier: &Verifier, b: &[u8; 48]) -> SrpChallenge {
    let v = hex::decode(&verifier.verifier).unwrap();
    let public = ServerG3072::<Sha256>::new().compute_public_ephemeral(b, &v);
    SrpChallenge {
        handshake: "h".into(),
        kdf: verifier.kdf.clone(),
        srp_salt: verifier.srp_salt.clone(),
        server_public: hex::encode(public),
    }
}

fn serve(verifier: &Verifier, b: &[u8; 48], answer: &Answer) -> Option<String> {
    let v = hex::decode(&verifier.verifier).unwrap();
    let salt = hex::decode(&verifier.srp_salt).unwrap();
    let public = hex::decode(&answer.client_public).unwrap();
    let proof = hex::decode(&answer.client_proof).unwrap();
    let server = ServerG3072::<Sha256>::new();
    let check = server
        .process_reply(b"ana@example.org", &salt, b, &v, &public)
        .unwrap();
    check.verify_client(&proof).ok()?;
    Some(hex::encode(check.proof()))
}

#[test]
fn the_right_password_and_key_sign_in_and_both_ends_prove_it() {
    let (password, key) = (password(), key());
    let me = |email| Credentials {
        email,
        password: &password,
        secret_key: &key,
    };
    let verifier = me("Ana@Example.org ").verifier().unwrap();
    let b = [7; 48];

    let answer = me("ana@example.org")
        .answer(&challenge(&verifier, &b))
        .unwrap();
    let proof = serve(&verifier, &b, &answer).unwrap();

    assert_eq!(verifier.verifier.len(), 768);
    answer.check(&proof).unwrap();
    assert!(matches!(
        answer.check(&"00".repeat(32)),
        Err(Error::Impostor)
    ));
}

#[test]
fn the_right_password_with_another_key_does_not_sign_in() {
    let (password, key, other) = (password(), key(), key());
    let email = "ana@example.org";
    let me = |secret_key| Credentials {
        email,
        password: &password,
        secret_key,
    };
    let verifier = me(&key).verifier().unwrap();

    let answer = me(&other).answer(&challenge(&verifier, &[7; 48])).unwrap();

    assert_eq!(serve(&verifier, &[7; 48], &answer), None);
}

#[test]
fn a_server_cannot_lower_the_rounds_or_send_nonsense() {
    let (password, key) = (password(), key());
    let me = Credentials {
        email: "ana@example.org",
        password: &password,
        secret_key: &key,
    };
    let good = SrpChallenge {
        handshake: "h".into(),
        kdf: Kdf {
            rounds: KDF_ROUNDS,
            salt: "ab".repeat(32),
        },
        srp_salt: "cd".repeat(32),
        server_public: "05".into(),
    };
    let with = |change: fn(&mut SrpChallenge)| {
        let mut bad = good.clone();
        change(&mut bad);
        me.answer(&bad).map(|_| ())
    };

    assert!(with(|_| {}).is_ok());
    assert!(matches!(
        with(|c| c.kdf.rounds = KDF_ROUNDS - 1),
        Err(Error::WeakKdf(_))
    ));
    assert!(matches!(
        with(|c| c.kdf.rounds = u32::MAX),
        Err(Error::WeakKdf(_))
    ));
    for change in [
        (|c| c.server_public = String::new()) as fn(&mut SrpChallenge),
        |c| c.server_public = "00".repeat(384),
        |c| c.server_public = "ff".repeat(385),
        |c| c.server_public = "zz".into(),
        |c| c.srp_salt = String::new(),
        |c| c.kdf.salt = "ab".repeat(4000),
    ] {
        assert!(matches!(with(change), Err(Error::Garbled { .. })));
    }
}

#[test]
fn a_password_is_the_same_however_it_was_typed() {
    let key = key();
    let kdf = Kdf {
        rounds: KDF_ROUNDS,
        salt: "ab".repeat(32),
    };
    let secret = |text: &str| {
        let password: SecretString = text.into();
        let me = Credentials {
            email: "a@b",
            password: &password,
            secret_key: &key,
        };
        *me.secret(&kdf).unwrap()
    };

    // U+00FC, and u with U+0308, with a space from a clipboard.
    assert_eq!(secret("gr\u{fc}n"), secret("gru\u{308}n "));
    assert_ne!(secret("gr\u{fc}n"), secret("grun"));
}
