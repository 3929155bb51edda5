//! What a handler is given besides the request: the application and the admitted caller.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRequestParts as _, RawPathParams};
use http::request::Parts;
use sqlx::PgConnection;
use tod_proto::access::Need;
use tod_proto::endpoint::{Method, Op, Role, Scope};
use tod_proto::id::TenantId;

use super::App;
use super::envelope;
use super::error::Error;
use super::totp;
use crate::audit::{self, Act, Origin};
use crate::auth::{self, Credential, Principal};
use crate::db::{Scoped, TenantTx};
use crate::kms::Keyring;

/// The application and the caller, already checked against the operation's scope.
#[derive(Clone, Debug)]
pub struct Cx {
    /// The application.
    pub app: App,
    /// Names the request in logs.
    pub request_id: Arc<str>,
    /// Where the request came from.
    pub peer: IpAddr,
    op: &'static str,
    caller: Option<Arc<Principal>>,
    tenant: Option<TenantId>,
}

impl Cx {
    /// Lets the sender of a request in, or says why not.
    pub(super) async fn admit(app: App, mut parts: Parts, op: &Op) -> Result<(Self, Parts), Error> {
        let mut cx = Self {
            request_id: envelope::request_id(&parts.extensions),
            peer: envelope::peer(&parts.extensions),
            app,
            op: op.name,
            caller: None,
            tenant: None,
        };
        if op.scope == Scope::Public {
            return Ok((cx, parts));
        }
        let caller = auth::authenticate(&cx.app, &parts.headers, cx.peer).await?;
        if caller.owes_totp && !totp::OPEN.contains(&op.name) {
            return Err(Error::forbidden(
                "your tenant asks for a second step of sign-in; yours has none",
            )
            .hint("take one up: todctl account totp enable"));
        }
        match op.scope {
            Scope::Public | Scope::Account => {}
            Scope::Platform => require(op, caller.role, Role::SuperAdmin)?,
            Scope::Tenant(least) => {
                let tenant = tenant_in_path(&mut parts).await?;
                if caller.tenant != Some(tenant) {
                    Box::pin(enter(&cx.app, &caller, tenant)).await?;
                }
                require(op, caller.role, least)?;
                cx.tenant = Some(tenant);
            }
        }
        require_scope(op, &caller)?;
        // Whatever changes something seals a record of it.
        if let (Some(tenant), true) = (cx.tenant, op.method != Method::Get) {
            Box::pin(cx.app.kms.warm(&cx.app.db, tenant)).await;
        }
        cx.caller = Some(caller);
        Ok((cx, parts))
    }

    /// The caller, of any operation that is not public.
    pub fn caller(&self) -> Result<&Principal, Error> {
        self.caller
            .as_deref()
            .ok_or_else(|| self.misuse("has no caller"))
    }

    /// The tenant in the path.
    pub fn tenant(&self) -> Result<TenantId, Error> {
        self.tenant.ok_or_else(|| self.misuse("has no tenant"))
    }

    /// Whether the caller may do something else in this tenant, or why not.
    pub fn check(&self, op: &Op) -> Result<(), Error> {
        let caller = self.caller()?;
        if let Scope::Tenant(least) = op.scope {
            require(op, caller.role, least)?;
        }
        require_scope(op, caller)
    }

    /// Begins a transaction in the tenant in the path.
    pub async fn begin(&self) -> Result<TenantTx, Error> {
        self.app.db.tenant(self.tenant()?).await
    }

    /// Whether the caller may still do what they were let in for.
    pub(super) async fn readmit(&self, headers: &http::HeaderMap, least: Scope) -> bool {
        let Some(before) = &self.caller else {
            return true;
        };
        let Ok(now) = auth::authenticate(&self.app, headers, self.peer).await else {
            return false;
        };
        if now.owes_totp {
            return false;
        }
        match least {
            Scope::Tenant(least) => {
                now.role >= least && (now.tenant == before.tenant || now.role == Role::SuperAdmin)
            }
            Scope::Platform => now.role == Role::SuperAdmin,
            Scope::Account | Scope::Public => true,
        }
    }

    /// What opens sealed values for the caller, for this operation.
    pub fn keyring(&self) -> Result<Keyring<'_>, Error> {
        let now = self.app.clock.now();
        Ok(self.app.kms.keyring(self.caller()?.actor(), self.op, now))
    }

    /// Which request this is, for the audit log.
    pub fn origin(&self) -> Origin<'_> {
        Origin {
            request: &self.request_id,
            address: Some(self.peer),
        }
    }

    /// Writes into the audit log of `tenant` what the caller does, and commits it.
    pub async fn commit(
        &self,
        tx: impl Scoped,
        tenant: TenantId,
        target: impl ToString,
        detail: serde_json::Value,
    ) -> Result<(), Error> {
        let actor = self.caller()?.actor();
        self.commit_as((&actor, self.op), tx, tenant, target, detail)
            .await
    }

    /// The same for somebody who is not signed in, or for an act that is not the operation itself:
    /// the actor, and the act.
    pub async fn commit_as(
        &self,
        who_did: (&str, &'static str),
        tx: impl Scoped,
        tenant: TenantId,
        target: impl ToString,
        detail: serde_json::Value,
    ) -> Result<(), Error> {
        let act = self.act(who_did, target.to_string(), detail);
        audit::commit(&self.app, tx, tenant, act).await
    }

    /// Writes into the audit log of `tenant` what the caller does, in a transaction that goes on.
    pub async fn record(
        &self,
        tx: &mut PgConnection,
        tenant: TenantId,
        target: impl ToString,
        detail: serde_json::Value,
    ) -> Result<(), Error> {
        let actor = self.caller()?.actor();
        let act = self.act((&actor, self.op), target.to_string(), detail);
        audit::record(&self.app, tx, tenant, act).await
    }

    fn act<'a>(
        &'a self,
        (actor, act): (&'a str, &'static str),
        target: String,
        detail: serde_json::Value,
    ) -> Act<'a> {
        Act {
            actor,
            act,
            target,
            detail,
            origin: self.origin(),
        }
    }

    fn misuse(&self, what: &str) -> Error {
        Error::internal(anyhow::anyhow!("operation `{}` {what}", self.op))
    }
}

fn require(op: &Op, role: Role, least: Role) -> Result<(), Error> {
    if role >= least {
        return Ok(());
    }
    let hint = match least {
        Role::SuperAdmin => "only who runs the server may do this",
        _ => "ask an administrator of the tenant for the role",
    };
    let message = format!("`{}` needs the role {least}; yours is {role}", op.name);
    Err(Error::forbidden(message).hint(hint))
}

/// What a key may not do, whatever its role.
fn require_scope(op: &Op, caller: &Principal) -> Result<(), Error> {
    let Credential::Key(_, grants) = &caller.credential else {
        return Ok(());
    };
    let need = op.need();
    if need.is_met_by(grants) {
        return Ok(());
    }
    let error = match need {
        Need::Grant(wanted) => Error::forbidden(format!("`{}` needs the scope {wanted}", op.name))
            .hint(format!(
                "make a key that has it: todctl apikey create NAME --scope {wanted}"
            )),
        Need::Person | Need::Nothing => {
            Error::forbidden(format!("`{}` is not for API keys", op.name))
                .hint("sign in: todctl login")
        }
    };
    Err(error)
}

async fn tenant_in_path(parts: &mut Parts) -> Result<TenantId, Error> {
    let params = RawPathParams::from_request_parts(parts, &())
        .await
        .map_err(|error| Error::invalid(error.body_text()))?;
    params
        .iter()
        .find(|(name, _)| *name == "tenant")
        .and_then(|(_, value)| value.parse().ok())
        .ok_or_else(|| Error::not_found("tenant"))
}

/// Into a tenant that is not one's own: for most, it does not exist.
async fn enter(app: &App, caller: &Principal, tenant: TenantId) -> Result<(), Error> {
    if caller.role != Role::SuperAdmin {
        return Err(Error::not_found("tenant"));
    }
    let mut tx = app.db.tenant(tenant).await?;
    let exists = sqlx::query_scalar!("select id from tenants where id = $1", tenant.0)
        .fetch_optional(&mut *tx)
        .await?;
    tx.commit().await?;
    exists.map(drop).ok_or_else(|| Error::not_found("tenant"))
}
