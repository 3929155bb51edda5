//! `todctl audit`

pub mod export;
pub mod tail;
pub mod verify;

use clap::Subcommand;
use tod_client::Client;
use tod_client::view::units::rfc3339;
use tod_proto::api::audit::{List, ListQuery, PlatformList, Record, Show};
use tod_proto::id::TenantId;
use tod_proto::page::{Empty, Page};
use tod_proto::untrusted::plain;

use crate::args::span::Span;
use crate::cx::Cx;
use crate::error::CliError;
use crate::pages;

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List who did what, the newest first
    #[command(
        visible_alias = "ls",
        after_help = "Examples:\n  todctl audit list --since 24h\n  \
        todctl audit list --actor ana@example.org --action change.\n  \
        todctl audit list --limit 500 -o jsonl | jq"
    )]
    List(Which),
    /// Show one record with its details
    Show {
        /// Which, as `audit list` shows it: a-17
        record: String,
    },
    /// Write the log into a file, the oldest first
    #[command(
        after_help = "A file of JSON lines can be checked on any machine: todctl audit verify FILE\n\n\
        Examples:\n  todctl audit export -O audit.jsonl\n  \
        todctl audit export --since 30d -O audit.csv"
    )]
    Export(export::Args),
    /// Show the newest records, the oldest of them first, and go on with -f
    #[command(after_help = "Examples:\n  todctl audit tail -f\n  \
        todctl audit tail -f --action change. -o jsonl | jq .target")]
    Tail(tail::Args),
    /// Check that no record was changed, removed or slipped in
    #[command(
        after_help = "The server recomputes the chain of hashes. What it says is noted on this \
        machine, and the\nnext time it must still say the same of the records that it had.\n\
        A file is checked here, without a server.\n\n\
        Examples:\n  todctl audit verify\n  todctl audit verify audit.jsonl"
    )]
    Verify(verify::Args),
}

/// Which records.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Which {
    /// Nothing older than this
    #[arg(long, value_name = "TIME")]
    since: Option<Span>,
    /// Nothing newer than this
    #[arg(long, value_name = "TIME")]
    until: Option<Span>,
    /// Only of this person: an e-mail address or an identifier
    #[arg(long, value_name = "WHO")]
    actor: Option<String>,
    /// Only this act; `device.` or `device.*` stands for all that begin so
    #[arg(long = "action", value_name = "ACT")]
    act: Option<String>,
    /// Only to this: an identifier or a name
    #[arg(long, value_name = "WHAT")]
    target: Option<String>,
    /// What belongs to no tenant: tenants made and removed, people in none
    #[arg(long)]
    platform: bool,
}

impl Command {
    /// Runs the command.
    pub async fn run(self, cx: &mut Cx) -> Result<(), CliError> {
        match self {
            Self::List(which) => list(which, cx).await,
            Self::Show { record } => show(&record, cx).await,
            Self::Export(args) => export::run(args, cx).await,
            Self::Tail(args) => tail::run(args, cx).await,
            Self::Verify(args) => verify::run(args, cx).await,
        }
    }
}

impl Which {
    fn query(&self, cx: &Cx) -> ListQuery {
        let now = cx.clock.now();
        ListQuery {
            since: self.since.map(|span| now - span.0),
            until: self.until.map(|span| now - span.0),
            actor: self.actor.clone(),
            act: self
                .act
                .as_deref()
                .map(|act| act.trim_end_matches('*').to_owned()),
            target: self.target.clone(),
            ..ListQuery::default()
        }
    }
}

/// Where a log is read from.
struct Source {
    client: Client,
    /// None for the platform's.
    tenant: Option<TenantId>,
}

impl Source {
    async fn of(cx: &mut Cx, platform: bool) -> Result<Self, CliError> {
        if platform {
            let client = cx.client()?;
            return Ok(Self {
                client,
                tenant: None,
            });
        }
        let (client, tenant) = cx.tenant().await?;
        Ok(Self {
            client,
            tenant: Some(tenant),
        })
    }

    async fn page(&self, query: ListQuery) -> Result<Page<Record>, CliError> {
        let page = match self.tenant {
            Some(tenant) => self.client.call(List, tenant, query, Empty {}).await?,
            None => {
                self.client
                    .call(PlatformList, Empty {}, query, Empty {})
                    .await?
            }
        };
        Ok(page)
    }
}

async fn list(which: Which, cx: &mut Cx) -> Result<(), CliError> {
    cx.out.check::<Record>()?;
    let source = Source::of(cx, which.platform).await?;
    let query = which.query(cx);
    let wanted = cx.out.limit().unwrap_or(100);
    let listing = pages::read(wanted, async |limit, before| {
        let query = ListQuery {
            limit: Some(limit),
            before,
            ..query.clone()
        };
        source.page(query).await
    });
    let listing = listing.await?;
    cx.out.list(listing)
}

async fn show(record: &str, cx: &mut Cx) -> Result<(), CliError> {
    let seq = record.strip_prefix("a-").unwrap_or(record);
    let seq = seq
        .parse()
        .map_err(|_| CliError::usage(format!("`{}` is not a record like a-17", plain(record))))?;
    let (client, tenant) = cx.tenant().await?;
    let record = client.call(Show, (tenant, seq), Empty {}, Empty {}).await?;
    cx.out.one(record, |record, _| card(record))
}

fn card(record: &Record) -> String {
    let who = match &record.actor_email {
        Some(email) => format!("{} ({})", plain(email), record.actor),
        None => plain(&record.actor),
    };
    let details = serde_json::to_string_pretty(&record.detail).unwrap_or_default();
    let details: Vec<String> = details.lines().map(plain).collect();
    let or_none = |text: &str| {
        if text.is_empty() {
            "-".to_owned()
        } else {
            plain(text)
        }
    };
    format!(
        "record   a-{}\nwhen     {}\nwho      {who}\nwhat     {}\nto       {}\nfrom     {}\n\
         request  {}\nhash     {}\n\n{}\n",
        record.seq,
        rfc3339(record.at),
        plain(&record.act),
        plain(&record.target),
        or_none(&record.address),
        or_none(&record.request_id),
        record.hash,
        details.join("\n"),
    )
}
