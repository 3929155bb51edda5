//! `todctl kms`

use clap::Subcommand;
use tod_client::Client;
use tod_proto::api::kms::{
    DataKey, KeyStat, KeyUse, Log, LogQuery, Retire, RetireBody, Rewrap, Rotate, Show, Stats,
    StatsQuery,
};
use tod_proto::id::TenantId;
use tod_proto::page::Empty;

use crate::args::span::Span;
use crate::cx::Cx;
use crate::error::CliError;
use crate::export::Into;
use crate::output::Listing;
use crate::pages;

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the data keys of the tenant, and how much is sealed with each
    #[command(visible_alias = "show")]
    Status,
    /// Make another data key; everything is sealed with it from now on
    Rotate,
    /// Seal with the newest key what is sealed with older ones
    ///
    /// It can be stopped and started again at any time. The audit log is left as it is: its hashes
    /// cover the sealed details.
    Rewrap,
    /// Destroy older data keys for good
    ///
    /// Refused while something is sealed with them. Copies of the database then hold nothing that
    /// those keys could open.
    Retire {
        /// The least number that stays
        #[arg(long, value_name = "N")]
        below: i32,
        /// Also when details of the audit log become unreadable; its chain stays whole
        #[arg(long)]
        lose_audit_details: bool,
    },
    /// See who opened what, and for which purpose
    #[command(after_help = "Examples:\n  todctl kms log --since 24h\n  \
        todctl kms log --purpose device.lease -o wide\n  \
        todctl kms log --who ana@example.org -o json")]
    Log(Which),
    /// Count for what secrets were opened, how often and by whom
    #[command(after_help = "Examples:\n  todctl kms stats --since 24h\n  \
        todctl kms stats --since 30d -o json")]
    Stats {
        /// Nothing older than this
        #[arg(long, value_name = "TIME")]
        since: Option<Span>,
    },
    /// Write who opened what into a file, the oldest first
    #[command(after_help = "Examples:\n  todctl kms export -O uses.csv\n  \
        todctl kms export --since 30d -O uses.jsonl")]
    Export {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        into: Into,
    },
}

/// Which uses.
#[derive(Clone, Debug, clap::Args)]
pub struct Which {
    /// Nothing older than this
    #[arg(long, value_name = "TIME")]
    since: Option<Span>,
    /// Only by this one: an e-mail address or an identifier
    #[arg(long, value_name = "WHO")]
    who: Option<String>,
    /// Only for this purpose, such as device.lease
    #[arg(long, value_name = "PURPOSE")]
    purpose: Option<String>,
}

impl Which {
    fn query(self, cx: &Cx) -> LogQuery {
        let now = cx.clock.now();
        LogQuery {
            since: self.since.map(|span| now - span.0),
            actor: self.who,
            purpose: self.purpose,
            ..LogQuery::default()
        }
    }
}

impl Command {
    /// Runs the command.
    pub async fn run(self, cx: &mut Cx) -> Result<(), CliError> {
        let (client, tenant) = cx.tenant().await?;
        match self {
            Self::Status => {
                cx.out.check::<DataKey>()?;
                let keys = client.call(Show, tenant, Empty {}, Empty {}).await?;
                cx.out.list(Listing::all(keys.keys))
            }
            Self::Rotate => {
                cx.may_change("make another data key")?;
                let keys = client.call(Rotate, tenant, Empty {}, Empty {}).await?;
                cx.say.next("todctl kms rewrap");
                cx.out.list(Listing::all(keys.keys))
            }
            Self::Rewrap => rewrap(cx).await,
            Self::Retire {
                below,
                lose_audit_details,
            } => {
                cx.may_change("destroy data keys")?;
                cx.ask.confirm(&format!(
                    "Destroy the data keys below {below}? What they sealed can never be opened."
                ))?;
                let body = RetireBody {
                    below,
                    lose_audit_details,
                };
                let keys = client.call(Retire, tenant, Empty {}, body).await?;
                cx.out.list(Listing::all(keys.keys))
            }
            Self::Log(which) => {
                cx.out.check::<KeyUse>()?;
                let wanted = cx.out.limit().unwrap_or(100);
                let query = which.query(cx);
                let uses = uses(&client, tenant, query, wanted).await?;
                cx.out.list(uses)
            }
            Self::Stats { since } => {
                cx.out.check::<KeyStat>()?;
                let now = cx.clock.now();
                let since = since.map(|span| now - span.0);
                let query = StatsQuery { since };
                let page = client.call(Stats, tenant, query, Empty {}).await?;
                cx.out.list(Listing::all(page.items))
            }
            Self::Export { which, into } => {
                let query = which.query(cx);
                let progress = cx.say.spinner("Reading who opened what");
                let uses = uses(&client, tenant, query, u32::MAX).await?;
                drop(progress);
                let oldest_first = uses.items.into_iter().rev().collect();
                into.write(cx, oldest_first, "uses")
            }
        }
    }
}

async fn rewrap(cx: &mut Cx) -> Result<(), CliError> {
    cx.may_change("seal stored secrets anew")?;
    let (client, tenant) = cx.tenant().await?;
    let mut sealed = 0;
    let progress = cx.say.spinner("Sealing anew");
    loop {
        let step = client.call(Rewrap, tenant, Empty {}, Empty {}).await?;
        sealed += step.done;
        progress.says(&format!("Sealing anew: {sealed} of {}", sealed + step.left));
        // What somebody else holds at the moment is left for the next time.
        if step.left == 0 || step.done == 0 {
            drop(progress);
            let left = step.left;
            let value = serde_json::json!({ "rewrapped": sealed, "left": left });
            return cx.out.value("Rewrapped", value, || {
                format!("values sealed anew: {sealed}, left: {left}\n")
            });
        }
    }
}

/// The newest uses, up to `wanted`.
async fn uses(
    client: &Client,
    tenant: TenantId,
    query: LogQuery,
    wanted: u32,
) -> Result<Listing<KeyUse>, CliError> {
    let listing = pages::read(wanted, async |limit, before| {
        let query = LogQuery {
            limit: Some(limit),
            before,
            ..query.clone()
        };
        Ok(client.call(Log, tenant, query, Empty {}).await?)
    });
    listing.await
}
