//! `todctl device delete`

use tod_proto::api::devices::Delete;
use tod_proto::page::Empty;
use tod_proto::untrusted::plain;

use super::pick::{SelectorArgs, targets};
use crate::cx::Cx;
use crate::error::{CliError, exit};

/// Delete devices and their history
///
/// Nothing is done to the devices themselves.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    selector: SelectorArgs,
    /// Refuse unless exactly so many devices match
    #[arg(long, value_name = "N")]
    expect: Option<u32>,
    /// Only say what would be deleted
    #[arg(short = 'n', long)]
    dry_run: bool,
}

pub(super) async fn run(args: Args, cx: &mut Cx) -> Result<(), CliError> {
    if args.dry_run {
        let selector = args.selector.required()?;
        let (client, tenant) = cx.tenant().await?;
        let (devices, _) = super::pick::select(&client, tenant, Some(selector), None).await?;
        cx.say
            .note(format!("dry run: would delete {} devices", devices.len()));
        return cx.out.list(crate::output::Listing::all(devices));
    }
    let (client, tenant, devices) = targets(cx, &args.selector, "delete", args.expect).await?;
    let mut failed = 0;
    for device in &devices {
        match client
            .call(Delete, (tenant, device.id), Empty {}, Empty {})
            .await
        {
            Ok(Empty {}) => cx.say.note(format!("deleted {}", plain(&device.name))),
            Err(error) => {
                failed += 1;
                cx.say.loud(format!("{}: {error}", plain(&device.name)));
            }
        }
    }
    match failed {
        0 => Ok(()),
        failed if failed == devices.len() => Err(CliError::outcome(exit::FAILURE)),
        _ => Err(CliError::outcome(exit::PARTIAL)),
    }
}
