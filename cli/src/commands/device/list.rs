//! `todctl device list`

#[cfg(test)]
mod tests;

use tod_proto::api::devices::{Device, Status};
use tod_proto::selector::Selector;

use super::pick::{SelectorArgs, remember, select};
use crate::cx::Cx;
use crate::error::CliError;
use crate::output::Listing;

/// List devices
///
/// Lists every device that matches, without a limit. Not on a terminal, it writes tab-separated
/// values with full precision and no header.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  todctl device list                              all, live status
  todctl device list status=offline site=berlin   what is down in Berlin
  todctl device list version.lt=7.15 -o name      names, for a pipe
  todctl device list tag=core --json name,cpu_percent --sort-by -cpu_percent")]
pub struct Args {
    #[command(flatten)]
    selector: SelectorArgs,
    /// Say how the selector is understood, and list nothing
    #[arg(long)]
    explain: bool,
}

pub(super) async fn run(args: Args, cx: &mut Cx) -> Result<(), CliError> {
    let selector = args.selector.text()?;
    if args.explain {
        let text = selector.unwrap_or_else(|| "all".to_owned());
        let parsed: Selector = text.parse()?;
        return cx.out.write(&format!("{parsed:#?}\n"));
    }
    cx.out.check::<Device>()?;
    let (client, tenant) = cx.tenant().await?;
    // What is to be sorted must be there first.
    let limit = cx
        .out
        .limit()
        .filter(|_| cx.globals.output.sort_by.is_empty());
    let (devices, total) = select(&client, tenant, selector.clone(), limit).await?;
    if selector.is_none() && devices.len() as u64 == total {
        remember(cx, &devices);
    }
    if devices.is_empty() {
        match &selector {
            Some(selector) => cx.say.note(format!("no device matches '{selector}'")),
            None => cx
                .say
                .note("there are no devices yet: todctl device add ADDRESS"),
        }
    }
    let summary = summary(&devices);
    let for_people = cx.out.is_for_people();
    cx.out.list(Listing {
        items: devices,
        total,
    })?;
    if let Some(summary) = summary.filter(|_| for_people) {
        cx.out.flush()?;
        cx.say.note(summary);
    }
    Ok(())
}

/// `2 devices · 1 degraded`
fn summary(devices: &[Device]) -> Option<String> {
    let count = |status| {
        devices
            .iter()
            .filter(|device| device.status == status)
            .count()
    };
    let mut parts = match devices.len() {
        0 => return None,
        1 => vec!["1 device".to_owned()],
        many => vec![format!("{many} devices")],
    };
    for status in [Status::Degraded, Status::Offline, Status::Unknown] {
        match count(status) {
            0 => {}
            some => parts.push(format!("{some} {}", status.as_str())),
        }
    }
    Some(parts.join(" · "))
}
