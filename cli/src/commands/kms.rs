//! `todctl kms`

use clap::Subcommand;
use tod_proto::api::kms::{
    DataKey, KeyUse, Log, LogQuery, Retire, RetireBody, Rewrap, Rotate, Show,
};
use tod_proto::page::Empty;

use crate::args::span::Span;
use crate::cx::Cx;
use crate::error::CliError;
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
        todctl kms log --who ana@example.org -o csv > uses.csv")]
    Log {
        /// Nothing older than this
        #[arg(long, value_name = "TIME")]
        since: Option<Span>,
        /// Only by this one: an e-mail address or an identifier
        #[arg(long, value_name = "WHO")]
        who: Option<String>,
        /// Only for this purpose, such as device.lease
        #[arg(long, value_name = "PURPOSE")]
        purpose: Option<String>,
    },
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
            Self::Log {
                since,
                who,
                purpose,
            } => {
                let now = cx.clock.now();
                let query = LogQuery {
                    since: since.map(|span| now - span.0),
                    actor: who,
                    purpose,
                    ..LogQuery::default()
                };
                log(cx, query).await
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
                format!("{sealed} values are sealed anew, {left} are left\n")
            });
        }
    }
}

async fn log(cx: &mut Cx, query: LogQuery) -> Result<(), CliError> {
    cx.out.check::<KeyUse>()?;
    let (client, tenant) = cx.tenant().await?;
    let wanted = cx.out.limit().unwrap_or(100);
    let listing = pages::read(wanted, async |limit, before| {
        let query = LogQuery {
            limit: Some(limit),
            before,
            ..query.clone()
        };
        Ok(client.call(Log, tenant, query, Empty {}).await?)
    });
    let listing = listing.await?;
    cx.out.list(listing)
}
