//! The client of the Transit engine against the double: let in, kept out, cut off, lied to.

use std::time::{Duration, Instant};

use tod_server::kms::transit::{Login, Settings, Transit, TransitError};

use crate::fake::eventually;
use crate::openbao::{Double, Fault, ROOT, Standing};

/// The policy of the documentation.
pub(crate) fn policy() -> &'static str {
    let text = include_str!("../../../docs/kms.md");
    let (_, block) = text.split_once("```hcl\n").unwrap();
    block.split_once("```").unwrap().0
}

pub(crate) fn settings(double: &Double, login: Login) -> Settings {
    Settings {
        address: double.url(),
        mount: "transit".to_owned(),
        prefix: "tod-".to_owned(),
        namespace: None,
        authorities: None,
        login,
        timeout: Duration::from_secs(2),
    }
}

/// A client that is let in as the documentation says.
pub(crate) fn client(double: &Double) -> Transit {
    let token = double.token(policy(), 3600);
    Transit::new(settings(double, Login::Token(token.into()))).unwrap()
}

fn root(double: &Double, timeout: Duration) -> Transit {
    let login = Login::Token(ROOT.into());
    Transit::new(Settings {
        timeout,
        ..settings(double, login)
    })
    .unwrap()
}

#[tokio::test]
async fn the_policy_of_the_documentation_is_enough_and_none_of_it_is_too_much() {
    let double = Double::start().await;
    let transit = client(&double);
    transit.start().await.unwrap();
    transit.create("tod-a").await.unwrap();
    let sealed = transit.seal("tod-a", b"here", b"secret").await.unwrap();
    transit.rotate("tod-a").await.unwrap();
    let anew = transit.rewrap("tod-a", b"here", &sealed).await.unwrap();
    assert!(anew.starts_with("vault:v2:"), "{anew}");
    transit.trim("tod-a", 2).await.unwrap();
    let opened = transit.open("tod-a", b"here", &anew).await.unwrap();
    assert_eq!(*opened, b"secret");
    for (context, sealed) in [(&b"there"[..], &anew), (b"here", &sealed)] {
        let refused = transit.open("tod-a", context, sealed).await.unwrap_err();
        assert!(!refused.is_outage(), "{refused}");
    }
    transit.destroy("tod-a").await.unwrap();
    transit.destroy("tod-a").await.unwrap();
    assert!(double.with(|state| state.engine.keys.is_empty()));
    // Others' keys are none of ours.
    transit.create("billing").await.unwrap_err();

    let rights: Vec<(usize, &str)> = policy()
        .match_indices('"')
        .map(|(at, _)| at)
        .collect::<Vec<_>>()
        .chunks(2)
        .map(|pair| (pair[0], &policy()[pair[0]..=pair[1]]))
        .filter(|(_, quoted)| !quoted.contains('/'))
        .collect();
    assert_eq!(rights.len(), 6, "{rights:?}");
    for (at, right) in rights {
        let mut less = policy().to_owned();
        less.replace_range(at..at + right.len(), "\"deny\"");
        let token = double.token(&less, 60).into();
        let short = Transit::new(settings(&double, Login::Token(token))).unwrap();
        let refused = short.start().await.unwrap_err();
        assert!(
            matches!(refused, TransitError::Rights { .. }),
            "{less}: {refused}"
        );
        let named = right.trim_matches('"');
        assert!(refused.to_string().contains(named), "{less}: {refused}");
        assert!(refused.to_string().contains("/tod-*"), "{refused}");
    }
}

#[tokio::test]
async fn a_service_that_cannot_serve_is_named_with_its_setting() {
    let mut double = Double::start().await;
    let good = client(&double);
    for (standing, serves) in [
        (Standing::Standby, true),
        (Standing::PerformanceStandby, true),
        (Standing::RecoverySecondary, false),
        (Standing::Active, true),
    ] {
        double.with(|state| state.standing = standing);
        assert_eq!(good.start().await.is_ok(), serves, "{standing:?}");
    }
    double.with(|state| state.is_sealed = true);
    assert_eq!(good.start().await, Err(TransitError::Sealed));
    double.with(|state| (state.is_sealed, state.is_initialised) = (false, false));
    assert_eq!(good.start().await, Err(TransitError::Uninitialised));
    double.with(|state| state.is_initialised = true);

    let says = async |settings: Settings, words: &str| {
        let refused = Transit::new(settings).unwrap().start().await.unwrap_err();
        assert!(refused.to_string().contains(words), "{words}: {refused}");
    };
    let with = |login| settings(&double, login);
    says(with(Login::Token("s.other".into())), "OPENBAO_TOKEN").await;
    let nowhere = Login::TokenFile("/nowhere/token".into());
    says(with(nowhere), "`keys.transit.token_file`: /nowhere/token").await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secret-id");
    std::fs::write(&file, "wrong\n").unwrap();
    let role = Login::AppRole {
        role_id: "nobody".to_owned(),
        secret_id_file: file,
    };
    says(with(role), "`keys.transit.role_id`").await;
    let mut elsewhere = with(Login::Token(ROOT.into()));
    elsewhere.namespace = Some("other".to_owned());
    says(elsewhere, "no handler").await;
    let gone = with(Login::Token(ROOT.into()));
    double.down().await;
    says(gone, "`keys.transit.address`").await;
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_what_will_not_is_not() {
    let double = Double::start().await;
    let transit = root(&double, Duration::from_secs(5));
    for status in [429, 500, 502, 503, 473] {
        double.asked();
        double.fault(Fault::Status(status, 2));
        transit.create("tod-a").await.unwrap();
        assert_eq!(double.asked().len(), 3, "{status}");
    }
    for status in [400, 401, 403, 404, 405, 412] {
        double.fault(Fault::Status(status, 1));
        let refused = transit.create("tod-a").await.unwrap_err();
        let reason = "on purpose".to_owned();
        assert_eq!(refused, TransitError::Refused { status, reason });
        assert_eq!(double.asked().len(), 1, "{status}");
        double.fault(None);
    }
}

#[tokio::test]
async fn no_call_outlasts_its_deadline_whatever_the_service_does() {
    let mut double = Double::start().await;
    let thief = Double::start().await;
    let deadline = Duration::from_millis(400);
    let faults = [
        Fault::Slow(Duration::from_mins(1)),
        Fault::Status(503, usize::MAX),
        Fault::Garbage,
        Fault::Huge,
        Fault::Redirect(format!("{}/v1/transit/keys/tod-a", thief.url())),
    ];
    for fault in faults {
        let transit = root(&double, deadline);
        double.fault(fault.clone());
        let began = Instant::now();
        let error = transit.create("tod-a").await.unwrap_err();
        assert!(error.is_outage(), "{fault:?}: {error}");
        assert!(began.elapsed() < deadline * 5, "{fault:?}");
        // Whoever comes next is told at once.
        double.asked();
        let error = transit.create("tod-a").await.unwrap_err();
        assert!(
            matches!(error, TransitError::Resting(_)),
            "{fault:?}: {error}"
        );
        assert!(double.asked().is_empty());
        double.fault(None);
        eventually(async || transit.create("tod-a").await.ok()).await;
    }
    assert!(thief.asked().is_empty(), "no token is carried elsewhere");

    let transit = root(&double, deadline);
    double.down().await;
    let error = transit.create("tod-a").await.unwrap_err();
    assert!(matches!(error, TransitError::Unreachable { .. }), "{error}");
    double.up().await;
    eventually(async || transit.create("tod-a").await.ok()).await;
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends_and_replaced_when_it_cannot_be() {
    let double = Double::start().await;
    let (role_id, secret) = double.with(|state| {
        state.tokens.policy("tod", policy()).unwrap();
        state.tokens.role("tod", 2, 4)
    });
    let dir = tempfile::tempdir().unwrap();
    let secret_id_file = dir.path().join("secret-id");
    std::fs::write(&secret_id_file, format!("{secret}\n")).unwrap();
    let login = Login::AppRole {
        role_id,
        secret_id_file,
    };
    let transit = Transit::new(settings(&double, login)).unwrap();
    transit.start().await.unwrap();
    assert!(!transit.tend().await.unwrap(), "it is new");

    let asked = |what: &str| {
        double
            .asked()
            .iter()
            .filter(|one| one.ends_with(what))
            .count()
    };
    let tended = async || {
        eventually(async || transit.tend().await.unwrap().then_some(())).await;
        transit.create("tod-a").await.unwrap();
    };
    double.asked();
    tended().await;
    assert_eq!(asked("renew-self"), 1);
    // Its longest life is four seconds: it is renewed as long as that is of use, then replaced.
    eventually(async || {
        transit.tend().await.unwrap();
        (asked("approle/login") == 1).then_some(())
    })
    .await;
    transit.create("tod-a").await.unwrap();

    // One that was taken away is replaced at once.
    double.with(|state| state.tokens.revoke_all());
    transit.create("tod-a").await.unwrap();
    assert_eq!(asked("approle/login"), 1);
}

#[tokio::test]
async fn a_token_file_is_read_again_when_its_token_is_refused() {
    let double = Double::start().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    let first = double.token(policy(), 60);
    std::fs::write(&file, &first).unwrap();
    let transit = Transit::new(settings(&double, Login::TokenFile(file.clone()))).unwrap();
    transit.start().await.unwrap();

    double.with(|state| state.tokens.revoke(&first));
    let refused = transit.create("tod-a").await.unwrap_err();
    assert!(matches!(refused, TransitError::Refused { status: 403, .. }));
    std::fs::write(&file, double.token(policy(), 60)).unwrap();

    transit.create("tod-a").await.unwrap();
}

#[tokio::test]
async fn only_the_given_authority_vouches_for_the_service() {
    let authority = |name: &str| {
        rcgen::generate_simple_self_signed(["127.0.0.1".to_owned(), name.to_owned()]).unwrap()
    };
    let (made, other) = (authority("bao"), authority("other"));
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let tls = std::sync::Arc::new(config).into();
    let double = Double::start_with(Some(tls)).await;
    let trusting = |pem: Option<String>| {
        let mut settings = settings(&double, Login::Token(ROOT.into()));
        settings.authorities = pem.map(String::into_bytes);
        Transit::new(settings)
    };

    trusting(Some(made.cert.pem()))
        .unwrap()
        .start()
        .await
        .unwrap();
    double.asked();
    for pem in [Some(other.cert.pem()), None] {
        let refused = trusting(pem).unwrap().start().await.unwrap_err();
        assert!(
            matches!(refused, TransitError::Unreachable { .. }),
            "{refused}"
        );
    }
    assert!(
        double.asked().is_empty(),
        "nobody who is not trusted is told anything"
    );
    let refused = trusting(Some("nothing".to_owned())).unwrap_err();
    assert!(refused.to_string().contains("keys.transit.authorities"));
}

#[tokio::test]
async fn nothing_that_is_shown_or_logged_holds_a_token() {
    let seen = Captured::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(seen.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let double = Double::start().await;
    let canary = double.token(policy(), 1);
    let settings = settings(&double, Login::Token(canary.clone().into()));
    let mut shown = vec![format!("{settings:?}")];
    let transit = Transit::new(settings).unwrap();
    transit.start().await.unwrap();
    shown.push(format!("{transit:?}"));
    for fault in [
        Some(Fault::Garbage),
        Some(Fault::Redirect(double.url())),
        Some(Fault::Status(403, 9)),
        None,
    ] {
        double.fault(fault);
        let error = transit.create("billing").await.unwrap_err();
        shown.push(format!("{error} {error:?} {:?}", transit.tend().await));
    }
    drop(guard);

    let logged = String::from_utf8(seen.0.lock().unwrap().clone()).unwrap();
    assert!(
        logged.contains("the key service cannot be used"),
        "{logged}"
    );
    assert!(
        !logged.contains(&canary) && !shown.concat().contains(&canary),
        "{logged}\n{shown:?}"
    );
}

/// What is logged.
#[derive(Clone, Default)]
struct Captured(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl tracing_subscriber::fmt::MakeWriter<'_> for Captured {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
