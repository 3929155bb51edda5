//! `todctl events`

use futures_util::StreamExt as _;
use tod_client::Update;
use tod_client::view::units::span;
use tod_proto::api::events::{Event, EventQuery, Follow, List};
use tod_proto::page::Empty;

use super::device::pick::find;
use crate::cx::Cx;
use crate::error::CliError;
use crate::output::Listing;

/// See what happened
///
/// The oldest comes first. With --follow, new ones follow as they happen; the stream takes itself
/// up again after an interruption and misses nothing.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  todctl events\n  todctl events -f --type device.status\n  \
    todctl events -f -o jsonl ber-core-01 | jq"
)]
pub struct Args {
    /// Only about this device
    #[arg(value_name = "DEVICE",
        add = clap_complete::ArgValueCandidates::new(crate::complete::devices))]
    device: Option<String>,
    /// Go on as things happen
    #[arg(short = 'f', long)]
    follow: bool,
    /// Only of this kind, or of kinds that start with it: device, device.status, change
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Only after this cursor
    #[arg(long, value_name = "CURSOR")]
    after: Option<u64>,
    /// Start with this many of the newest
    #[arg(long, value_name = "N", default_value_t = 50)]
    tail: u32,
}

pub(super) async fn run(args: Args, cx: &mut Cx) -> Result<(), CliError> {
    cx.out.check::<Event>()?;
    let (client, tenant) = cx.tenant().await?;
    let device = match &args.device {
        Some(name) => Some(find(&client, tenant, name).await?.id),
        None => None,
    };
    let mut query = EventQuery {
        kind: args.kind,
        device,
        after: args.after,
        limit: Some(cx.out.limit().unwrap_or(args.tail)),
    };
    let page = client.call(List, tenant, query.clone(), Empty {}).await?;
    if !args.follow {
        return cx.out.list(Listing::all(page.items));
    }
    for event in &page.items {
        cx.out.stream(event)?;
    }
    query.after = page.items.last().map(|event| event.cursor).or(args.after);
    query.limit = None;
    let mut feed = client.follow(Follow, &tenant, &query);
    let mut left = cx.out.limit().map(|limit| limit as usize);
    while left != Some(0) {
        match feed.next().await {
            Some(Ok(Update::Item(event))) => {
                cx.out.stream(&event)?;
                left = left.map(|left| left - 1);
            }
            Some(Ok(Update::Connected)) => {}
            Some(Ok(Update::Lost { error, retry_in })) => {
                let wait = span(retry_in.as_secs().max(1));
                cx.say.note(format!("{error}; trying again in {wait}"));
            }
            Some(Err(error)) => return Err(error.into()),
            None => break,
        }
    }
    Ok(())
}
