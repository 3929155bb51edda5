//! `todctl device accept`

use tod_proto::api::devices::{Accept, AcceptBody};
use tod_proto::page::Empty;
use tod_proto::untrusted::plain;

use super::pick::find;
use crate::cx::Cx;
use crate::error::{CliError, exit};
use crate::output::Listing;

/// Take another device that answers at a device's address for that device
///
/// A device is known by its serial number. When another one answers at its address, a replacement
/// or somebody else's, it is shown and watched, but nothing is written to it until this says that
/// it is meant.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  todctl device accept ber-core-01")]
pub struct Args {
    /// Which
    #[arg(value_name = "DEVICE",
        add = clap_complete::ArgValueCandidates::new(crate::complete::devices))]
    device: String,
}

pub(super) async fn run(args: Args, cx: &mut Cx) -> Result<(), CliError> {
    let (client, tenant) = cx.tenant().await?;
    let device = find(&client, tenant, &args.device).await?;
    let name = plain(&device.name);
    let Some(other) = &device.other_serial else {
        return Err(CliError::Outcome {
            status: exit::CONFLICT,
            message: format!("{name} answers as itself: there is nothing to accept"),
        });
    };
    let known = device.serial.as_ref().map(ToString::to_string);
    cx.may_change(&format!("take another device for {name}"))?;
    cx.say.loud(format!(
        "{name}: serial number {other} answers, {} is known",
        known.as_deref().unwrap_or("none")
    ));
    cx.ask.confirm("Is that the device that is meant?")?;
    let body = AcceptBody {
        serial: other.raw().to_owned(),
    };
    let path = (tenant, device.id);
    let device = client.call(Accept, path, Empty {}, body).await?;
    cx.out.list(Listing::all(vec![device]))
}
