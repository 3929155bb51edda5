//! `todctl device interfaces`

use tod_proto::api::devices::{Interface, Interfaces};
use tod_proto::page::Empty;

use super::pick::find;
use crate::cx::Cx;
use crate::error::CliError;
use crate::output::Listing;

/// List the interfaces of a device, as the last poll saw them
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name, the start of its identifier, or its address
    #[arg(value_name = "DEVICE",
        add = clap_complete::ArgValueCandidates::new(crate::complete::devices))]
    device: String,
}

pub(super) async fn run(args: Args, cx: &mut Cx) -> Result<(), CliError> {
    cx.out.check::<Interface>()?;
    let (client, tenant) = cx.tenant().await?;
    let device = find(&client, tenant, &args.device).await?;
    let page = client
        .call(Interfaces, (tenant, device.id), Empty {}, Empty {})
        .await?;
    cx.out.list(Listing::all(page.items))
}
