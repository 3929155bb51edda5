//! Tests of the client half of SRP.

use sha1::Sha1;
use srp::{Client, Server, ServerG3072};

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
        *me.secret(&kdf).unwrap().bytes
    };

    // U+00FC, and u with U+0308, with a space from a clipboard.
    assert_eq!(secret("gr\u{fc}n"), secret("gru\u{308}n "));
    assert_ne!(secret("gr\u{fc}n"), secret("grun"));
}

/// RFC 5054, appendix B: the 1024-bit group with SHA-1.
mod rfc_5054 {
    pub(super) const ACCOUNT: &str = "alice";
    pub(super) const PASSWORD: &[u8] = b"password123";
    pub(super) const SALT: &str = "beb25379d1a8581eb5a727673a2441ee";
    pub(super) const V: &str = "\
        7e273de8696ffc4f4e337d05b4b375beb0dde1569e8fa00a9886d8129bada1f1822223ca1a605b530e379ba4\
        729fdc59f105b4787e5186f5c671085a1447b52a48cf1970b4fb6f8400bbf4cebfbb168152e08ab5ea53d15c\
        1aff87b2b9da6e04e058ad51cc72bfc9033b564e26480d78e955a5e29e7ab245db2be315e2099afb";
    pub(super) const LOWER_A: &str =
        "60975527035cf2ad1989806f0407210bc81edc04e2762a56afd529ddda2d4393";
    pub(super) const LOWER_B: &str =
        "e487cb59d31ac550471e81f00f6928e01dda08e974a004f49e61f5d105284d20";
    pub(super) const UPPER_A: &str = "\
        61d5e490f6f1b79547b0704c436f523dd0e560f0c64115bb72557ec44352e8903211c04692272d8b2d1a5358\
        a2cf1b6e0bfcf99f921530ec8e39356179eae45e42ba92aeaced825171e1e8b9af6d9c03e1327f44be087ef0\
        6530e69f66615261eef54073ca11cf5858f0edfdfe15efeab349ef5d76988a3672fac47b0769447b";
    pub(super) const UPPER_B: &str = "\
        bd0c61512c692c0cb6d041fa01bb152d4916a1e77af46ae105393011baf38964dc46a0670dd125b95a981652\
        236f99d9b681cbf87837ec996c6da04453728610d0c6ddb58b318885d7d82c7f8deb75ce7bd4fbaa37089e6f\
        9c6059f388838e7a00030b331eb76840910440b1b27aaeaeeb4012b7d7665238a8e3fb004b117b58";
    pub(super) const PREMASTER: &str = "\
        b0dc82babcf30674ae450c0287745e7990a3381f63b387aaf271a10d233861e359b48220f7c4693c9ae12b0a\
        6f67809f0876e2d013800d6c41bb59b6d5979b5c00a172b4a2a5903a0bdcaf8a709585eb2afafa8f3499b200\
        210dcc1f10eb33943cd67fc88a2f39a4be5bec4ec0a3212dc346d7e474b29ede8a469ffeca686e5a";
}

#[test]
#[expect(
    deprecated,
    reason = "the RFC's vectors are of a group that is too small to use"
)]
fn the_vectors_of_rfc_5054_come_out_of_the_code_that_signs_in() {
    use rfc_5054::*;
    use srp::groups::G1024;
    let bytes = |text: &str| hex::decode(text).unwrap();
    let (client, server) = (Client::<G1024, Sha1>::new(), Server::<G1024, Sha1>::new());

    let verifier = client.compute_verifier(ACCOUNT.as_bytes(), PASSWORD, &bytes(SALT));
    let public = server.compute_public_ephemeral(&bytes(LOWER_B), &verifier);
    let (mine, check) = exchange(
        &client,
        ACCOUNT,
        PASSWORD,
        &bytes(LOWER_A),
        &bytes(SALT),
        &public,
    )
    .unwrap();
    let theirs = server
        .process_reply(
            ACCOUNT.as_bytes(),
            &bytes(SALT),
            &bytes(LOWER_B),
            &verifier,
            &mine,
        )
        .unwrap();

    assert_eq!(hex::encode(verifier), V);
    assert_eq!(hex::encode(public), UPPER_B);
    assert_eq!(hex::encode(mine), UPPER_A);
    assert_eq!(hex::encode(check.key()), PREMASTER);
    assert_eq!(hex::encode(theirs.key()), PREMASTER);
    assert_eq!(
        check.proof(),
        theirs
            .verify_client(check.proof())
            .map(|_| check.proof())
            .unwrap()
    );
    check.verify_server(theirs.proof()).unwrap();
}

/// Numbers of one handshake, as Python's `srp` computed them at both ends.
#[derive(serde::Deserialize)]
struct Vector {
    name: String,
    secret: String,
    salt: String,
    verifier: String,
    a: String,
    client_public: String,
    server_public: String,
    shared: String,
    client_proof: String,
    server_proof: String,
}

#[test]
fn our_client_proves_what_python_proved() {
    let bytes = |text: &str| hex::decode(text).unwrap();
    let whole = |text: &str| format!("{text:0>768}");
    let mut short = [0; 3];
    for line in include_str!("vectors.jsonl").lines() {
        let vector: Vector = serde_json::from_str(line).unwrap();
        let kdf = Kdf {
            rounds: KDF_ROUNDS,
            salt: "ab".repeat(32),
        };
        let secret = Secret {
            account: vector.name.clone(),
            kdf: kdf.clone(),
            bytes: Zeroizing::new(bytes(&vector.secret).try_into().unwrap()),
        };
        let name = vector.name.as_bytes();
        let verifier = group().compute_verifier(name, &*secret.bytes, &bytes(&vector.salt));
        assert_eq!(whole(&hex::encode(verifier)), vector.verifier);

        // A number is the same with its zeros and without.
        let public = vector.server_public.as_str();
        for server_public in [public, public.trim_start_matches("00")] {
            let challenge = SrpChallenge {
                handshake: String::new(),
                kdf: kdf.clone(),
                srp_salt: vector.salt.clone(),
                server_public: server_public.to_owned(),
            };
            let answer = secret.answer_with(&challenge, &bytes(&vector.a)).unwrap();
            assert_eq!(whole(&answer.client_public), vector.client_public);
            assert_eq!(answer.client_proof, vector.client_proof);
            assert_eq!(whole(&hex::encode(answer.verifier.key())), vector.shared);
            answer.check(&vector.server_proof).unwrap();
        }
        let numbers = [&vector.client_public, &vector.server_public, &vector.shared];
        for (count, number) in short.iter_mut().zip(numbers) {
            *count += i32::from(number.starts_with("00"));
        }
    }
    // Numbers with leading zero bytes are there.
    assert!(short.iter().all(|&count| count >= 2), "{short:?}");
}
