//! What each endpoint does.

use tod_proto::api::account::{Me, Whoami};

use crate::api::Cx;
use crate::api::error::Error;
use crate::api::route::Req;

pub(super) async fn whoami(cx: Cx, _: Req<Whoami>) -> Result<Me, Error> {
    let caller = cx.caller()?;
    Ok(Me {
        id: caller.user,
        email: caller.email.clone(),
        name: caller.name.clone(),
        role: caller.role,
        tenant: caller.tenant,
        tenant_name: caller.tenant_name.clone(),
    })
}
