//! One request, one answer.

use std::time::Duration;

use tod_client::stub::Stub;
use tod_client::{Client, Error};
use tod_proto::api::account::Whoami;
use tod_proto::api::status::{Health, Live};
use tod_proto::api::tenants::{Create, CreateBody, List};
use tod_proto::error::{ErrorBody, ErrorCode};
use tod_proto::page::{Empty, Page};

pub(crate) fn refusal(code: ErrorCode) -> ErrorBody {
    ErrorBody {
        code,
        message: "no".to_owned(),
        detail: None,
        hint: None,
        request_id: "rq_1".to_owned(),
    }
}

pub(crate) fn none<T>() -> Page<T> {
    Page {
        items: Vec::new(),
        next: None,
        total: 0,
    }
}

fn alive() -> Health {
    Health {
        status: "ok".to_owned(),
        checks: std::collections::BTreeMap::new(),
    }
}

async fn live(client: &Client) -> Result<Health, Error> {
    client.call(Live, Empty {}, Empty {}, Empty {}).await
}

#[tokio::test]
async fn a_read_is_tried_again_while_the_server_is_busy() {
    let stub = Stub::default()
        .answer(Live, Err(refusal(ErrorCode::Unavailable)))
        .answer(Live, Err(refusal(ErrorCode::RateLimited)))
        .answer(Live, Ok(alive()));

    let answer = live(&Client::new(stub.clone())).await;

    assert_eq!(answer.unwrap(), alive());
    assert_eq!(stub.calls().len(), 3);
}

#[tokio::test]
async fn a_change_is_sent_once_and_carries_a_key() {
    let stub = Stub::default().answer(Create, Err(refusal(ErrorCode::Unavailable)));
    let client = Client::new(stub.clone()).with_token("t");
    let body = CreateBody {
        name: "acme".to_owned(),
    };

    let answer = client.call(Create, Empty {}, Empty {}, body).await;

    assert!(matches!(answer, Err(Error::Refused(_))));
    let calls = stub.calls();
    assert_eq!(calls.len(), 1);
    assert!(calls[0].idempotent);
    assert_eq!(calls[0].body["name"], "acme");
    assert_eq!(calls[0].token.as_deref(), Some("t"));
}

#[tokio::test]
async fn a_call_has_a_deadline() {
    let stub = Stub::default().answer(Live, Err(refusal(ErrorCode::Unavailable)));
    let client = Client::new(stub).with_deadline(Duration::from_millis(50));

    assert!(matches!(live(&client).await, Err(Error::Deadline(_))));
}

#[tokio::test]
async fn nobody_is_signed_in_without_a_token() {
    let stub = Stub::default().answer(List, Ok(none()));
    let client = Client::new(stub.clone());

    let answer = client.call(Whoami, Empty {}, Empty {}, Empty {}).await;

    assert!(matches!(answer, Err(Error::SignedOut)));
    assert_eq!(stub.calls().len(), 0);
}

#[tokio::test]
async fn answers_of_proxies_and_of_other_versions_are_understood() {
    for (status, body, code) in [
        (
            502,
            "<html>bad gateway</html>",
            Some(ErrorCode::Unavailable),
        ),
        (500, "", Some(ErrorCode::Internal)),
        (
            400,
            r#"{"code":"brand_new","message":"x"}"#,
            Some(ErrorCode::Other),
        ),
        (404, "not here", None),
        (200, "{", None),
    ] {
        let client = Client::new(Stub::default().raw(Live, status, body));

        let error = live(&client).await.unwrap_err();

        assert_eq!(error.code(), code, "{status} {body}");
        if code.is_none() {
            assert!(matches!(error, Error::Garbled { .. }), "{error}");
        }
    }
}
