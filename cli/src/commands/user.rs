//! `todctl user`

mod card;

use clap::Subcommand;
use serde_json::json;
use tod_client::Client;
use tod_client::view::units::{ago, rfc3339};
use tod_proto::api::api_keys::{self, ApiKey};
use tod_proto::api::users::{
    Delete, Invitation, Invite, InviteBody, List, RemoveTotp, Reset, Set, User, UserPatch,
};
use tod_proto::endpoint::Role;
use tod_proto::id::TenantId;
use tod_proto::page::Empty;

use super::session;
use crate::cx::{Cx, similar};
use crate::error::CliError;
use crate::output::Listing;

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List people
    #[command(visible_alias = "ls")]
    List,
    /// Show a person, where they are signed in, and their API keys
    Show {
        /// Their e-mail address
        email: String,
    },
    /// Invite a person; stdout is the invitation and nothing else
    Invite {
        /// Their e-mail address
        email: String,
        /// What they may do: viewer, operator, admin
        #[arg(long)]
        role: Role,
        /// Their name
        #[arg(long, help = "Their name [default: what stands before the @]")]
        name: Option<String>,
    },
    /// Change a person's role, or whether they may sign in
    Set {
        /// Their e-mail address
        email: String,
        /// The new role
        #[arg(long)]
        role: Option<Role>,
        /// Let them sign in
        #[arg(long, conflicts_with = "disable")]
        enable: bool,
        /// Do not let them sign in; their sessions end within seconds
        #[arg(long)]
        disable: bool,
    },
    /// Change a person's role
    Role {
        /// Their e-mail address
        email: String,
        /// viewer, operator, admin
        role: Role,
    },
    /// Let a person sign in
    Enable {
        /// Their e-mail address
        email: String,
    },
    /// Do not let a person sign in; their sessions end within seconds
    Disable {
        /// Their e-mail address
        email: String,
    },
    /// List where a person is signed in
    Sessions {
        /// Their e-mail address
        email: String,
    },
    /// Let a person start anew; stdout is the invitation and nothing else
    ///
    /// Their password and Secret Key are good no longer and their sessions end. They enrol again
    /// with the invitation, and keep their role.
    Reset {
        /// Their e-mail address
        email: String,
    },
    /// Take the second step of a person's sign-in away
    ///
    /// For who has lost their authenticator and their recovery codes. Make sure that it is they who
    /// ask: their password and Secret Key are enough to sign in then.
    RemoveTotp {
        /// Their e-mail address
        email: String,
    },
    /// Remove a person; what they did stays in the audit log
    Delete {
        /// Their e-mail address
        email: String,
    },
}

impl Command {
    /// Runs the command.
    pub async fn run(self, cx: &mut Cx) -> Result<(), CliError> {
        match self {
            Self::List => {
                cx.out.check::<User>()?;
                let (client, tenant) = cx.tenant().await?;
                let page = client.call(List, tenant, Empty {}, Empty {}).await?;
                cx.out.list(Listing::all(page.items))
            }
            Self::Show { email } => show(cx, &email).await,
            Self::Invite { email, role, name } => invite(cx, email, role, name).await,
            Self::Set {
                email,
                role,
                enable,
                disable,
            } => {
                let active = (enable || disable).then_some(enable);
                set(cx, &email, UserPatch { role, active }).await
            }
            Self::Role { email, role } => {
                let (role, active) = (Some(role), None);
                set(cx, &email, UserPatch { role, active }).await
            }
            Self::Enable { email } => switch(cx, &email, true).await,
            Self::Disable { email } => switch(cx, &email, false).await,
            Self::Sessions { email } => session::of_person(cx, email).await,
            Self::Reset { email } => reset(cx, &email).await,
            Self::RemoveTotp { email } => remove_totp(cx, &email).await,
            Self::Delete { email } => delete(cx, &email).await,
        }
    }
}

async fn show(cx: &mut Cx, email: &str) -> Result<(), CliError> {
    cx.out.check::<User>()?;
    let (client, tenant) = cx.tenant().await?;
    let user = find(&client, tenant, email).await?;
    let sessions = session::of_people(&client, tenant, Some(user.id), u32::MAX).await?;
    let query = api_keys::ListQuery { all: false };
    let keys = client.call(api_keys::List, tenant, query, Empty {}).await?;
    let of_theirs = |key: &ApiKey| key.user == user.id;
    let keys: Vec<_> = keys.items.into_iter().filter(of_theirs).collect();
    cx.out.one(user, |user, now| {
        card::card(user, &sessions.items, &keys, now)
    })
}

async fn invite(
    cx: &mut Cx,
    email: String,
    role: Role,
    name: Option<String>,
) -> Result<(), CliError> {
    cx.may_change(&format!("invite {email} as {role}"))?;
    let (client, tenant) = cx.tenant().await?;
    let before = email.split('@').next().unwrap_or_default().to_owned();
    let body = InviteBody {
        name: name.unwrap_or(before),
        email,
        role,
    };
    let answer = client.call(Invite, tenant, Empty {}, body).await?;
    invited(cx, &answer)
}

/// Shows an invitation, once.
fn invited(cx: &mut Cx, answer: &Invitation) -> Result<(), CliError> {
    let value = json!({
        "email": answer.user.email,
        "role": answer.user.role,
        "token": answer.token,
        "expires_at": rfc3339(answer.expires_at),
    });
    let until = ago(answer.expires_at, cx.clock.now());
    cx.say.note(format!(
        "{} is invited as {}; the invitation is shown once and ends {until}",
        answer.user.email, answer.user.role
    ));
    cx.say
        .next("todctl enrol --server … --token-file invitation   (on their machine)");
    cx.out
        .value("Invitation", value, || format!("{}\n", answer.token))
}

async fn set(cx: &mut Cx, email: &str, patch: UserPatch) -> Result<(), CliError> {
    if patch.role.is_none() && patch.active.is_none() {
        return Err(CliError::usage(
            "nothing to change: give --role, --enable or --disable",
        ));
    }
    cx.may_change(&format!("change {email}"))?;
    let (client, tenant) = cx.tenant().await?;
    let user = find(&client, tenant, email).await?;
    let user = client.call(Set, (tenant, user.id), Empty {}, patch).await?;
    cx.out.list(Listing::all(vec![user]))
}

async fn switch(cx: &mut Cx, email: &str, active: bool) -> Result<(), CliError> {
    let (role, active) = (None, Some(active));
    set(cx, email, UserPatch { role, active }).await
}

async fn reset(cx: &mut Cx, email: &str) -> Result<(), CliError> {
    let (client, tenant) = cx.tenant().await?;
    let user = find(&client, tenant, email).await?;
    cx.may_change(&format!("reset {}", user.email))?;
    cx.ask.confirm(&format!(
        "Reset {}? Their password, Secret Key and sessions are good no longer.",
        user.email
    ))?;
    let path = (tenant, user.id);
    let answer = client.call(Reset, path, Empty {}, Empty {}).await?;
    invited(cx, &answer)
}

async fn remove_totp(cx: &mut Cx, email: &str) -> Result<(), CliError> {
    let (client, tenant) = cx.tenant().await?;
    let user = find(&client, tenant, email).await?;
    cx.may_change(&format!("take the second step of {} away", user.email))?;
    cx.ask.confirm(&format!(
        "Let {} sign in without a second step?",
        user.email
    ))?;
    let path = (tenant, user.id);
    client.call(RemoveTotp, path, Empty {}, Empty {}).await?;
    cx.say
        .note(format!("{} has no second step any more", user.email));
    Ok(())
}

async fn delete(cx: &mut Cx, email: &str) -> Result<(), CliError> {
    let (client, tenant) = cx.tenant().await?;
    let user = find(&client, tenant, email).await?;
    cx.may_change(&format!("remove {}", user.email))?;
    cx.ask
        .confirm(&format!("Remove {} for good?", user.email))?;
    let path = (tenant, user.id);
    client.call(Delete, path, Empty {}, Empty {}).await?;
    cx.say.note(format!("removed {}", user.email));
    Ok(())
}

/// A person of the tenant, by e-mail address.
pub(super) async fn find(client: &Client, tenant: TenantId, email: &str) -> Result<User, CliError> {
    let page = client.call(List, tenant, Empty {}, Empty {}).await?;
    let wanted = tod_client::srp::account(email);
    let emails: Vec<String> = page.items.iter().map(|user| user.email.clone()).collect();
    let found = page
        .items
        .into_iter()
        .find(|user| user.email.to_lowercase() == wanted);
    found.ok_or_else(|| CliError::NotFound {
        kind: "user",
        name: email.to_owned(),
        like: similar(&wanted, emails.iter()),
    })
}
