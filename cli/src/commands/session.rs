//! `todctl session`

use clap::Subcommand;
use tod_client::Client;
use tod_proto::api::account::{RevokeSession, Session, Sessions};
use tod_proto::api::sessions::{
    ListAll, ListQuery, PersonSession, RevokeAll, RevokeAllBody, RevokeOne, RotateKeys,
    RotateKeysBody, SigningKey, SigningKeys,
};
use tod_proto::error::ErrorCode;
use tod_proto::id::{SessionId, TenantId, UserId};
use tod_proto::page::Empty;

use super::user;
use crate::cx::Cx;
use crate::error::CliError;
use crate::output::Listing;
use crate::pages;

/// Whose sessions
#[derive(Debug, clap::Args)]
pub struct Whose {
    /// Those of this person, by e-mail address
    #[arg(long, value_name = "EMAIL", conflicts_with = "all")]
    user: Option<String>,
    /// Those of everybody in the tenant, up to your own role
    #[arg(long)]
    all: bool,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List sign-in sessions: yours, those of a person, or all of the tenant
    #[command(visible_alias = "ls")]
    #[command(after_help = "Examples:\n  todctl session list\n  \
        todctl session list --user bo@example.org\n  todctl session list --all -o json")]
    List {
        #[command(flatten)]
        whose: Whose,
    },
    /// End sign-in sessions; it takes effect within five seconds
    ///
    /// Administrators end those of others, too, up to their own role. The session that asks stays
    /// when many are ended.
    #[command(
        after_help = "Examples:\n  todctl session revoke ss_01kbr3e9x2f7h8j9kmnpqrstvw\n  \
        todctl session revoke --user bo@example.org"
    )]
    Revoke {
        /// Which, as `session list` shows it
        #[arg(required_unless_present_any = ["user", "all"], conflicts_with_all = ["user", "all"])]
        id: Option<SessionId>,
        #[command(flatten)]
        whose: Whose,
    },
    /// Show the keys that access tokens are signed with
    Keys,
    /// Make another key that access tokens are signed with
    ///
    /// The server does so by itself every thirty days. The key before it is believed for as long
    /// as a token of it may be good, an hour.
    RotateKeys {
        /// Destroy the keys before it now: every client has to get a new access token
        #[arg(long)]
        at_once: bool,
    },
}

impl Command {
    /// Runs the command.
    pub async fn run(self, cx: &mut Cx) -> Result<(), CliError> {
        match self {
            Self::List { whose } => list(cx, &whose).await,
            Self::Revoke { id: Some(id), .. } => revoke(cx, id).await,
            Self::Revoke { id: None, whose } => revoke_all(cx, &whose).await,
            Self::Keys => {
                cx.out.check::<SigningKey>()?;
                let client = cx.client()?;
                let page = client
                    .call(SigningKeys, Empty {}, Empty {}, Empty {})
                    .await?;
                cx.out.list(Listing::all(page.items))
            }
            Self::RotateKeys { at_once } => rotate_keys(cx, at_once).await,
        }
    }
}

async fn list(cx: &mut Cx, whose: &Whose) -> Result<(), CliError> {
    if whose.user.is_none() && !whose.all {
        cx.out.check::<Session>()?;
        let client = cx.client()?;
        let page = client.call(Sessions, Empty {}, Empty {}, Empty {}).await?;
        return cx.out.list(Listing::all(page.items));
    }
    cx.out.check::<PersonSession>()?;
    let (client, tenant) = cx.tenant().await?;
    let user = person(&client, tenant, whose).await?;
    let wanted = cx.out.limit().unwrap_or(u32::MAX);
    let listing = of_people(&client, tenant, user, wanted).await?;
    cx.out.list(listing)
}

/// Lists one's own sessions.
pub(super) async fn own(cx: &mut Cx) -> Result<(), CliError> {
    let whose = Whose {
        user: None,
        all: false,
    };
    list(cx, &whose).await
}

/// Lists the sessions of a person.
pub(super) async fn of_person(cx: &mut Cx, email: String) -> Result<(), CliError> {
    let whose = Whose {
        user: Some(email),
        all: false,
    };
    list(cx, &whose).await
}

/// Sessions of a person, or of everybody, up to `wanted`.
pub(super) async fn of_people(
    client: &Client,
    tenant: TenantId,
    user: Option<UserId>,
    wanted: u32,
) -> Result<Listing<PersonSession>, CliError> {
    let listing = pages::read(wanted, async |limit, before| {
        let query = ListQuery {
            user,
            before,
            limit: Some(limit),
        };
        Ok(client.call(ListAll, tenant, query, Empty {}).await?)
    });
    listing.await
}

/// Ends one's own session, or that of another: an identifier does not say whose it is.
async fn revoke(cx: &mut Cx, id: SessionId) -> Result<(), CliError> {
    cx.ask.confirm(&format!("End session {id}?"))?;
    let client = cx.client()?;
    match client.call(RevokeSession, id, Empty {}, Empty {}).await {
        Err(error) if error.code() == Some(ErrorCode::NotFound) => {
            let (client, tenant) = cx.tenant().await?;
            let path = (tenant, id);
            match client.call(RevokeOne, path, Empty {}, Empty {}).await {
                // For who may not see the sessions of others, there is none.
                Err(other) if other.code() == Some(ErrorCode::Forbidden) => {
                    return Err(error.into());
                }
                done => done?,
            };
        }
        done => drop(done?),
    }
    cx.say.note(format!("ended session {id}"));
    Ok(())
}

async fn revoke_all(cx: &mut Cx, whose: &Whose) -> Result<(), CliError> {
    let (client, tenant) = cx.tenant().await?;
    let user = person(&client, tenant, whose).await?;
    let of = whose.user.as_deref().unwrap_or("everybody in the tenant");
    cx.may_change(&format!("end the sessions of {of}"))?;
    cx.ask
        .confirm(&format!("End all sessions of {of}, but this one?"))?;
    let body = RevokeAllBody { user };
    let done = client.call(RevokeAll, tenant, Empty {}, body).await?;
    let value = serde_json::json!({ "ended": done.ended });
    cx.out.value("Ended", value, || {
        format!("{} sessions have ended\n", done.ended)
    })
}

async fn person(
    client: &Client,
    tenant: TenantId,
    whose: &Whose,
) -> Result<Option<UserId>, CliError> {
    match &whose.user {
        Some(email) => Ok(Some(user::find(client, tenant, email).await?.id)),
        None => Ok(None),
    }
}

async fn rotate_keys(cx: &mut Cx, at_once: bool) -> Result<(), CliError> {
    cx.may_change("renew the keys of access tokens")?;
    if at_once {
        cx.ask
            .confirm("Destroy the keys of all access tokens? Clients have to get new ones.")?;
    }
    let client = cx.client()?;
    let body = RotateKeysBody { at_once };
    let page = client.call(RotateKeys, Empty {}, Empty {}, body).await?;
    cx.out.list(Listing::all(page.items))
}
