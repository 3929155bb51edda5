//! `todctl device set`

use tod_client::Client;
use tod_proto::api::devices::{Device, DevicePatch, Set};
use tod_proto::id::TenantId;
use tod_proto::selector::Selector;
use tod_proto::untrusted::plain;

use super::pick::{SelectorArgs, targets};
use crate::args::pairs::Pair;
use crate::cx::Cx;
use crate::error::{CliError, exit};
use crate::output::Listing;
use crate::secrets::PasswordArgs;

/// Change the record of devices
///
/// Settings: name, address, port, `ssh_port`, tls (auto, verified, pinned, plain, anonymous, ssh),
/// username, zone, site, tags (a,b), note, `poll_seconds`, `forget_pins=true`. An empty value
/// removes. A new password comes from --password-stdin or --password-file.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  todctl device set ber-core-01 site=berlin tags=core,vip\n  \
    todctl device set site=bern poll_seconds=30 --where site=bern"
)]
pub struct Args {
    /// One device or selector terms, then settings such as site=berlin
    #[arg(required = true, value_name = "DEVICE SETTING…",
        add = clap_complete::ArgValueCandidates::new(crate::complete::devices))]
    words: Vec<String>,
    /// Which devices, if not by the first word
    #[arg(long = "where", value_name = "SELECTOR")]
    r#where: Vec<String>,
    #[command(flatten)]
    password: PasswordArgs,
    /// Refuse unless exactly so many devices match
    #[arg(long, value_name = "N")]
    expect: Option<u32>,
}

pub(super) async fn run(args: Args, cx: &mut Cx) -> Result<(), CliError> {
    let (first, rest) = args
        .words
        .split_first()
        .ok_or_else(|| CliError::usage("which device?"))?;
    // The first word is a device unless `--where` says which.
    let (terms, settings) = if args.r#where.is_empty() {
        (vec![first.clone()], rest.to_vec())
    } else {
        (args.r#where.clone(), args.words.clone())
    };
    let mut patch = DevicePatch::default();
    for setting in &settings {
        assign(
            &mut patch,
            &setting.parse::<Pair>().map_err(CliError::usage)?,
        )?;
    }
    if let Some(password) = args.password.given(cx)? {
        use secrecy::ExposeSecret as _;
        patch.password = Some(password.expose_secret().to_owned());
    } else if settings.is_empty() {
        return Err(CliError::usage(
            "nothing to change: give settings such as site=berlin",
        ));
    }
    let selector = SelectorArgs {
        terms,
        more: Vec::new(),
    };
    // A change of the record of one named device needs no question: it is undone the same way.
    let simple = matches!(selector.required()?.parse(), Ok(Selector::Name(_)));
    let (client, tenant, devices) = if simple {
        cx.may_change(&format!("change the record of {first}"))?;
        let (client, tenant) = cx.tenant().await?;
        let device = super::pick::find(&client, tenant, first).await?;
        (client, tenant, vec![device])
    } else {
        targets(cx, &selector, "change the record of", args.expect).await?
    };
    let (done, failed) = send(cx, &client, tenant, devices, &patch, simple).await?;
    let none = done.is_empty();
    cx.out.list(Listing::all(done))?;
    match failed {
        0 => Ok(()),
        _ if none => Err(CliError::outcome(exit::FAILURE)),
        _ => Err(CliError::outcome(exit::PARTIAL)),
    }
}

/// Sends a patch for each device; the error of a single one is the command's.
async fn send(
    cx: &Cx,
    client: &Client,
    tenant: TenantId,
    devices: Vec<Device>,
    patch: &DevicePatch,
    is_single: bool,
) -> Result<(Vec<Device>, usize), CliError> {
    let (mut done, mut failed) = (Vec::new(), 0);
    for device in devices {
        let path = (tenant, device.id);
        match client
            .call(Set, path, tod_proto::page::Empty {}, patch.clone())
            .await
        {
            Ok(device) => done.push(device),
            Err(error) if is_single => return Err(error.into()),
            Err(error) => {
                failed += 1;
                cx.say.loud(format!("{}: {error}", plain(&device.name)));
            }
        }
    }
    Ok((done, failed))
}

/// Puts one assignment into a patch.
fn assign(patch: &mut DevicePatch, pair: &Pair) -> Result<(), CliError> {
    let value = pair.value.clone();
    let number = |what: &str| CliError::usage(format!("`{value}` is not a {what}"));
    match pair.key.as_str() {
        "name" => patch.name = Some(value),
        "address" => patch.address = Some(value),
        "port" => patch.port = Some(value.parse().map_err(|_| number("port"))?),
        "ssh_port" => patch.ssh_port = Some(value.parse().map_err(|_| number("port"))?),
        "tls" => patch.tls = Some(super::add::tls_mode(&value).map_err(CliError::usage)?),
        "username" => patch.username = Some(value),
        "zone" => patch.zone = Some(value),
        "site" => patch.site = Some(value),
        "tags" => {
            let tags = value.split([',', ' ']).filter(|tag| !tag.is_empty());
            patch.tags = Some(tags.map(str::to_owned).collect());
        }
        "note" => patch.note = Some(value),
        "poll_seconds" => {
            patch.poll_seconds = Some(value.parse().map_err(|_| number("number of seconds"))?);
        }
        "forget_pins" => patch.forget_pins = value == "true" || value == "yes",
        "password" => {
            return Err(CliError::Usage {
                message: "a password does not belong on the command line".to_owned(),
                hint: Some("use --password-stdin or --password-file FILE".to_owned()),
            });
        }
        key => return Err(CliError::usage(format!("a device has no setting `{key}`"))),
    }
    Ok(())
}
