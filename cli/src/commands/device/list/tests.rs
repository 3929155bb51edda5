//! Tests of the list of devices.

use tod_client::stub::Stub;
use tod_proto::api::devices::List;
use tod_proto::error::{ErrorBody, ErrorCode};

use super::*;
use crate::args::Globals;

#[tokio::test]
async fn tells_a_stranger_to_sign_in() {
    let refusal = ErrorBody {
        code: ErrorCode::Unauthenticated,
        message: "sign in first".to_owned(),
        detail: None,
        hint: None,
        request_id: String::new(),
    };
    let stub = Stub::default().answer(List, Err(refusal));
    let mut cx = Cx::for_tests(stub, Globals::default(), jiff::Timestamp::UNIX_EPOCH);
    let args = Args {
        selector: SelectorArgs::default(),
        explain: false,
    };

    let report = run(args, &mut cx).await.unwrap_err().report();

    assert_eq!(report.exit, 4);
    assert_eq!(report.next, ["todctl login"]);
}
