//! `todctl config`

pub mod apply;
mod card;
mod keys;
mod watch;

use clap::Subcommand;
use tod_proto::api::changes::{Change, ChangeQuery, Confirm, List, Revert, Show, ShowQuery};
use tod_proto::page::Empty;

use super::device::pick::find;
use crate::args::number::ChangeNumber;
use crate::cx::Cx;
use crate::error::CliError;
use crate::output::Listing;

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    Apply(apply::Args),
    /// Keep a pending change
    Confirm {
        /// Such as c-17
        change: ChangeNumber,
    },
    /// Undo a pending change now
    Revert {
        /// Such as c-17
        change: ChangeNumber,
    },
    /// List changes that wait for confirmation, with the time that is left
    Pending {
        /// Only of this device
        #[arg(value_name = "DEVICE",
            add = clap_complete::ArgValueCandidates::new(crate::complete::devices))]
        device: Option<String>,
    },
    /// List changes, the newest first
    History {
        /// Only of this device
        #[arg(value_name = "DEVICE",
            add = clap_complete::ArgValueCandidates::new(crate::complete::devices))]
        device: Option<String>,
    },
    /// Show one change: what it does, what undoes it, what happened
    ///
    /// Passwords, keys and communities in it are hidden behind marks such as <hidden 9c1e>; the
    /// same value has the same mark.
    #[command(after_help = "Examples:
  todctl config show c-17
  todctl config show c-17 -o json | jq -r .timeline[].message
  todctl config show c-17 --show-secrets    # on record: todctl kms log --purpose change.reveal")]
    Show {
        /// Such as c-17
        change: ChangeNumber,
        /// Show passwords and keys as well; that you did is on record in the audit log
        #[arg(long)]
        show_secrets: bool,
    },
}

impl Command {
    /// Runs the command.
    pub async fn run(self, cx: &mut Cx) -> Result<(), CliError> {
        match self {
            Self::Apply(args) => apply::run(args, cx).await,
            Self::Confirm { change } => confirm(cx, change).await,
            Self::Revert { change } => revert(cx, change).await,
            Self::Pending { device } => list(cx, device, true).await,
            Self::History { device } => list(cx, device, false).await,
            Self::Show {
                change,
                show_secrets,
            } => show(cx, change, show_secrets).await,
        }
    }
}

async fn show(cx: &mut Cx, number: ChangeNumber, secrets: bool) -> Result<(), CliError> {
    cx.out.check::<Change>()?;
    let (client, tenant) = cx.tenant().await?;
    let query = ShowQuery { secrets };
    let change = client
        .call(Show, (tenant, number.0), query, Empty {})
        .await?;
    cx.out.one(change, card::text)
}

async fn list(cx: &mut Cx, device: Option<String>, open: bool) -> Result<(), CliError> {
    cx.out.check::<Change>()?;
    let (client, tenant) = cx.tenant().await?;
    let device = match device {
        Some(name) => Some(find(&client, tenant, &name).await?.id),
        None => None,
    };
    let query = ChangeQuery {
        device,
        open,
        limit: cx.out.limit(),
    };
    let page = client.call(List, tenant, query, Empty {}).await?;
    if page.items.is_empty() && open {
        cx.say.note("no change waits for confirmation");
    }
    cx.out.list(Listing::all(page.items))
}

async fn confirm(cx: &mut Cx, number: ChangeNumber) -> Result<(), CliError> {
    cx.may_change(&format!("confirm c-{}", number.0))?;
    let (client, tenant) = cx.tenant().await?;
    let change = client
        .call(Confirm, (tenant, number.0), Empty {}, Empty {})
        .await?;
    let change = watch::to_end(cx, &client, tenant, change).await?;
    watch::finish(cx, change, watch::Wanted::Kept)
}

async fn revert(cx: &mut Cx, number: ChangeNumber) -> Result<(), CliError> {
    let line = format!("revert c-{}", number.0);
    cx.may_change(&line)?;
    let question = format!("{}: {line}?", cx.place());
    cx.ask.confirm(&question)?;
    let (client, tenant) = cx.tenant().await?;
    let change = client
        .call(Revert, (tenant, number.0), Empty {}, Empty {})
        .await?;
    let change = watch::to_end(cx, &client, tenant, change).await?;
    watch::finish(cx, change, watch::Wanted::Undone)
}
