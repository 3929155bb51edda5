//! Tokens that are good, and forged ones.

use super::*;

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn key(byte: u8, signs_from: Timestamp, retires_at: Option<Timestamp>) -> Key {
    Key {
        id: SigningKeyId(uuid::Uuid::from_bytes([byte; 16])),
        material: Arc::new(Material::new(&[byte; 32])),
        signs_from,
        retires_at,
    }
}

fn ring() -> Ring {
    Ring(vec![key(7, now() - ACCESS * 4, None)])
}

fn signer() -> Signer {
    Signer::new("tod-test", ACCESS)
}

fn sign(ring: &Ring, at: Timestamp) -> String {
    let (session, user) = (SessionId::generate(), UserId::generate());
    signer().sign(ring, session, user, at).unwrap().0
}

fn header(kid: &str) -> Header {
    Header {
        kid: Some(kid.to_owned()),
        ..Header::new(ALGORITHM)
    }
}

fn forged(header: &Header, key: &[u8], change: impl FnOnce(&mut serde_json::Value)) -> String {
    let mut claims = serde_json::json!({
        "iss": "tod-test", "aud": AUDIENCE, "sub": UserId::generate(),
        "sid": SessionId::generate(), "jti": "x", "iat": now().as_second(),
        "nbf": now().as_second(), "exp": now().as_second() + 900,
    });
    change(&mut claims);
    jsonwebtoken::encode(header, &claims, &EncodingKey::from_secret(key)).unwrap()
}

/// A token whose header is this text, signed as HS256 with the right key.
fn with_header(text: &str) -> String {
    use aws_lc_rs::hmac;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    let good = sign(&ring(), now());
    let body = good.split('.').nth(1).unwrap();
    let said = format!("{}.{body}", URL_SAFE_NO_PAD.encode(text));
    let tag = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]),
        said.as_bytes(),
    );
    format!("{said}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
}

#[test]
fn a_token_says_who_and_until_when_and_with_which_key() {
    let (session, user) = (SessionId::generate(), UserId::generate());

    let (token, expires) = signer().sign(&ring(), session, user, now()).unwrap();

    let claims = signer().check(&ring(), &token, now()).unwrap();
    assert_eq!(
        claims,
        Claims {
            session,
            user,
            expires
        }
    );
    assert_eq!(expires, now() + ACCESS);
    let header = jsonwebtoken::decode_header(&token).unwrap();
    assert_eq!(header.kid, Some(ring().0[0].id.to_string()));
    assert_eq!(header.alg, ALGORITHM);
}

#[test]
fn a_token_is_good_for_as_long_as_it_is_told_and_an_hour_at_most() {
    let (session, user) = (SessionId::generate(), UserId::generate());
    for (told, good) in [
        (Duration::from_mins(1), Duration::from_mins(1)),
        (LONGEST, LONGEST),
        (LONGEST * 2, LONGEST),
    ] {
        let signer = Signer::new("tod-test", told);
        let (token, expires) = signer.sign(&ring(), session, user, now()).unwrap();
        assert_eq!(expires, now() + good);
        let last = expires + LEEWAY - Duration::from_secs(1);
        assert!(signer.check(&ring(), &token, last).is_ok());
        assert!(signer.check(&ring(), &token, expires + LEEWAY).is_err());
    }
}

#[test]
fn no_two_tokens_are_alike() {
    let (session, user) = (SessionId::generate(), UserId::generate());
    let sign = || signer().sign(&ring(), session, user, now()).unwrap().0;

    assert_ne!(sign(), sign(), "each has a `jti` of its own");
}

#[test]
fn an_ended_token_is_refused_after_a_leeway_of_less_than_a_minute() {
    let token = sign(&ring(), now());
    let check = |at| signer().check(&ring(), &token, at).is_ok();

    assert!(LEEWAY <= Duration::from_mins(1));
    assert!(check(now() + ACCESS + Duration::from_secs(29)));
    assert!(!check(now() + ACCESS + Duration::from_secs(30)));
    assert!(check(now() - Duration::from_secs(30)));
    assert!(!check(now() - Duration::from_secs(31)));
    // A server whose clock is an hour off believes nothing of the others, either way.
    assert!(!check(now() + Duration::from_hours(1)));
    assert!(!check(now() - Duration::from_hours(1)));
}

/// The second time the signature is not computed again.
#[test]
fn a_token_that_was_good_is_held_against_the_time_and_the_keys_again() {
    let (signer, token) = (signer(), sign(&ring(), now()));
    let first = signer.check(&ring(), &token, now()).unwrap();
    assert_eq!(signer.check(&ring(), &token, now()), Ok(first));

    let ended = now() + ACCESS + LEEWAY;
    let too_early = now() - LEEWAY - Duration::from_secs(1);
    for at in [ended, too_early] {
        assert!(signer.check(&ring(), &token, at).is_err());
        // Whatever was found then, it is good now.
        assert_eq!(signer.check(&ring(), &token, now()), Ok(first));
    }
    let gone = Err(Refused::UnknownKey);
    assert_eq!(signer.check(&Ring::default(), &token, now()), gone);
    let retired = Ring(vec![key(7, now() - ACCESS * 4, Some(now()))]);
    assert_eq!(signer.check(&retired, &token, now()), gone);
    // Every other token is another one, whatever it begins with.
    let end = token.len() - 1;
    for other in [
        &token[..end],
        &format!("{token}A"),
        &token.to_ascii_uppercase(),
    ] {
        assert!(signer.check(&ring(), other, now()).is_err(), "{other}");
    }
    assert_eq!(signer.check(&ring(), &token, now()), Ok(first));
}

#[test]
fn the_newest_key_whose_time_has_come_signs_and_both_are_believed() {
    let begins = now() + Duration::from_secs(5);
    let retires = begins + ACCESS + LEEWAY * 2;
    let old = key(1, now() - ACCESS, Some(retires));
    let ring = Ring(vec![old, key(2, begins, None)]);
    let signs = |at| ring.signing(at).unwrap().id.0.as_bytes()[0];

    assert_eq!(signs(now()), 1);
    assert_eq!(signs(begins), 2);
    assert_eq!(
        signs(now() - ACCESS * 9),
        1,
        "also after a clock was set back"
    );
    let last = begins - Duration::from_secs(1);
    let (by_old, by_new) = (sign(&ring, last), sign(&ring, begins));
    assert!(signer().check(&ring, &by_old, last + ACCESS).is_ok());
    assert!(signer().check(&ring, &by_new, begins + ACCESS).is_ok());
    assert_eq!(
        signer().check(&ring, &by_old, retires),
        Err(Refused::UnknownKey)
    );
}

#[test]
fn forged_tokens_are_refused() {
    let kid = ring().0[0].id.to_string();
    let good = forged(&header(&kid), &[7; 32], |_| {});
    assert!(signer().check(&ring(), &good, now()).is_ok());

    let claims = |change: fn(&mut serde_json::Value)| forged(&header(&kid), &[7; 32], change);
    let other_algorithm = Header {
        kid: Some(kid.clone()),
        ..Header::new(Algorithm::HS384)
    };
    for (what, token) in [
        ("another key", forged(&header(&kid), &[8; 32], |_| {})),
        (
            "another algorithm",
            forged(&other_algorithm, &[7; 32], |_| {}),
        ),
        ("another issuer", claims(|c| c["iss"] = "x".into())),
        ("another audience", claims(|c| c["aud"] = "x".into())),
        ("an audience more", claims(|c| c["aud"] = "tod-apis".into())),
        (
            "no end",
            claims(|c| drop(c.as_object_mut().unwrap().remove("exp"))),
        ),
        (
            "an end that is no time",
            claims(|c| c["exp"] = i64::MAX.into()),
        ),
        (
            "an hour from now",
            claims(|c| c["nbf"] = (c["nbf"].as_i64().unwrap() + 3600).into()),
        ),
        (
            "an hour ago",
            claims(|c| c["exp"] = (c["exp"].as_i64().unwrap() - 3600).into()),
        ),
        (
            "a subject that is none",
            claims(|c| c["sub"] = "root".into()),
        ),
        (
            "a session of another kind",
            claims(|c| c["sid"] = c["sub"].clone()),
        ),
        ("too long", "a".repeat(MAX_LENGTH + 1)),
        ("nothing", String::new()),
        ("dots", "..".to_owned()),
    ] {
        assert!(signer().check(&ring(), &token, now()).is_err(), "{what}");
    }
}

/// What a token calls its key is a name in our list, or nothing.
#[test]
fn a_name_that_no_key_has_opens_nothing() {
    let kid = ring().0[0].id.to_string();
    let kids = |kid: &str| forged(&header(kid), &[7; 32], |_| {});
    assert!(signer().check(&ring(), &kids(&kid), now()).is_ok());

    for (what, token) in [
        (
            "no name of a key",
            forged(&Header::new(ALGORITHM), &[7; 32], |_| {}),
        ),
        (
            "an unknown key",
            kids(&SigningKeyId::generate().to_string()),
        ),
        ("a path for a key", kids("../../../../dev/null")),
        ("an URL for a key", kids("https://evil.example/key")),
        ("SQL for a key", kids("' or 1=1 --")),
        ("nothing for a key", kids("")),
        ("a key and more", kids(&format!("{kid} "))),
    ] {
        assert!(signer().check(&ring(), &token, now()).is_err(), "{what}");
    }
}

/// The header does not choose: neither the algorithm nor where the key comes from.
#[test]
fn what_the_header_asks_for_counts_for_nothing() {
    let kid = ring().0[0].id.to_string();
    let ask = |alg: &str| with_header(&format!(r#"{{"typ":"JWT","alg":"{alg}","kid":"{kid}"}}"#));
    assert!(signer().check(&ring(), &ask("HS256"), now()).is_ok());

    for alg in [
        "none", "None", "nOnE", "", "hs256", "HS512", "RS256", "PS256", "ES256", "EdDSA",
    ] {
        assert!(signer().check(&ring(), &ask(alg), now()).is_err(), "{alg}");
        // Without a signature, too.
        let token = ask(alg);
        let unsigned = &token[..=token.rfind('.').unwrap()];
        assert!(signer().check(&ring(), unsigned, now()).is_err(), "{alg}");
    }
    let own_key = format!(
        r#"{{"alg":"HS256","kid":"x","jwk":{{"kty":"oct","k":"{}"}},"jku":"https://evil.example"}}"#,
        "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc"
    );
    assert!(
        signer()
            .check(&ring(), &with_header(&own_key), now())
            .is_err()
    );
}
