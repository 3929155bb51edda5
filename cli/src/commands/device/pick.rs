//! Picking devices: one by its name, or many by a selector.

use std::io::Read as _;

use serde_json::Value;
use tod_client::Client;
use tod_proto::api::devices::{Device, List, ListQuery, Show};
use tod_proto::error::ErrorCode;
use tod_proto::id::{DeviceId, TenantId};
use tod_proto::page::{Empty, MAX_PAGE};
use tod_proto::selector::Selector;

use crate::complete::Inventory;
use crate::cx::{Cx, similar};
use crate::error::{CliError, exit};

/// A selector, as several commands take it.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct SelectorArgs {
    /// Which devices: `site=berlin cpu.gt=80`; `-` reads names from stdin
    #[arg(value_name = "SELECTOR",
        add = clap_complete::ArgValueCandidates::new(crate::complete::selectors))]
    pub terms: Vec<String>,
    /// A further term; all must hold
    #[arg(
        short = 'l',
        long = "selector",
        visible_alias = "filter",
        value_name = "TERM"
    )]
    pub more: Vec<String>,
}

impl SelectorArgs {
    /// The selector as text for the server, checked; `None` if there is none.
    pub fn text(&self) -> Result<Option<String>, CliError> {
        let mut terms: Vec<String> = Vec::new();
        for term in self.terms.iter().chain(&self.more) {
            terms.push(match term.as_str() {
                "-" => names_from_stdin()?,
                term => term.to_owned(),
            });
        }
        match terms.as_slice() {
            [] => Ok(None),
            [one] => {
                one.parse::<Selector>()?;
                Ok(Some(one.clone()))
            }
            many => {
                Selector::from_arguments(many)?;
                let parts: Vec<String> = many.iter().map(|term| format!("({term})")).collect();
                Ok(Some(parts.join(" ")))
            }
        }
    }

    /// The same, for commands that must not mean "all" by accident.
    pub fn required(&self) -> Result<String, CliError> {
        self.text()?.ok_or_else(|| CliError::Usage {
            message: "which devices?".to_owned(),
            hint: Some("give a selector such as site=berlin, or say `all`".to_owned()),
        })
    }
}

/// Names, identifiers or JSON lines with either, joined into one selector.
fn names_from_stdin() -> Result<String, CliError> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(1 << 20)
        .read_to_string(&mut text)?;
    let names: Vec<String> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| {
            let value: Option<Value> = serde_json::from_str(line).ok();
            let field = |name| value.as_ref()?.get(name)?.as_str().map(str::to_owned);
            field("id")
                .or_else(|| field("name"))
                .unwrap_or_else(|| line.to_owned())
        })
        .map(|name| format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")))
        .collect();
    if names.is_empty() {
        return Err(CliError::usage("stdin names no device"));
    }
    Ok(names.join(" or "))
}

/// Devices that match, page by page; at most `limit`. With them comes how many there are.
pub async fn select(
    client: &Client,
    tenant: TenantId,
    selector: Option<String>,
    limit: Option<u32>,
) -> Result<(Vec<Device>, u64), CliError> {
    let mut devices: Vec<Device> = Vec::new();
    let mut cursor = None;
    loop {
        let have = u32::try_from(devices.len()).unwrap_or(u32::MAX);
        let left = limit.map(|limit| limit.saturating_sub(have));
        let query = ListQuery {
            selector: selector.clone(),
            limit: Some(left.unwrap_or(MAX_PAGE).min(MAX_PAGE)),
            cursor,
        };
        let page = client.call(List, tenant, query, Empty {}).await?;
        devices.extend(page.items);
        cursor = page.next;
        let enough = limit.is_some_and(|limit| devices.len() >= limit as usize);
        if cursor.is_none() || enough {
            let total = page.total.max(devices.len() as u64);
            return Ok((devices, total));
        }
    }
}

/// The one device with this name, start of an identifier, or address.
pub async fn find(client: &Client, tenant: TenantId, name: &str) -> Result<Device, CliError> {
    if let Ok(id) = name.parse::<DeviceId>() {
        return match client.call(Show, (tenant, id), Empty {}, Empty {}).await {
            Err(error) if error.code() == Some(ErrorCode::NotFound) => {
                Err(missing(client, tenant, name).await)
            }
            result => Ok(result?),
        };
    }
    let quoted = format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    let (mut devices, total) = select(client, tenant, Some(quoted), Some(5)).await?;
    // An exact name wins over the start of an identifier.
    if let Some(place) = devices.iter().position(|device| device.name == name) {
        return Ok(devices.swap_remove(place));
    }
    match (devices.pop(), total) {
        (Some(device), 1) => Ok(device),
        (None, _) => Err(missing(client, tenant, name).await),
        (Some(_), total) => Err(CliError::Usage {
            message: format!("\"{name}\" is {total} devices"),
            hint: Some("give the whole name".to_owned()),
        }),
    }
}

/// Says that there is no such device, with names like it.
async fn missing(client: &Client, tenant: TenantId, name: &str) -> CliError {
    let devices = select(client, tenant, None, Some(2000)).await;
    let names: Vec<String> = devices
        .map(|(devices, _)| devices.into_iter().map(|device| device.name).collect())
        .unwrap_or_default();
    CliError::NotFound {
        kind: "device",
        name: name.to_owned(),
        like: similar(name, names.iter()),
    }
}

/// The devices that a change is for; asks as the number of them demands.
pub async fn targets(
    cx: &mut Cx,
    args: &SelectorArgs,
    effect: &str,
    expect: Option<u32>,
) -> Result<(Client, TenantId, Vec<Device>), CliError> {
    let selector = args.required()?;
    let (client, tenant) = cx.tenant().await?;
    let (devices, _) = select(&client, tenant, Some(selector.clone()), None).await?;
    if devices.is_empty() {
        return Err(match args.terms.as_slice() {
            [one] if matches!(one.parse(), Ok(Selector::Name(_))) => {
                missing(&client, tenant, one).await
            }
            _ => CliError::Outcome {
                status: exit::NOT_FOUND,
                message: format!("no device matches {selector}"),
            },
        });
    }
    let count = u32::try_from(devices.len()).unwrap_or(u32::MAX);
    confirm_count(cx, effect, count, expect)?;
    Ok((client, tenant, devices))
}

/// Above this many devices, `--yes` alone is not enough.
const MANY: u32 = 25;

/// Asks before something is done to this many devices.
pub fn confirm_count(
    cx: &mut Cx,
    effect: &str,
    count: u32,
    expect: Option<u32>,
) -> Result<(), CliError> {
    if let Some(expect) = expect
        && expect != count
    {
        return Err(CliError::Halted {
            message: format!("{count} devices match, not {expect}; nothing was done"),
            hint: None,
        });
    }
    let devices = if count == 1 { "1 device" } else { "devices" };
    let number = if count == 1 {
        String::new()
    } else {
        format!("{count} ")
    };
    let line = format!("{}: {effect} {number}{devices}", cx.place());
    cx.may_change(&line)?;
    if count == 1 {
        return cx.ask.confirm(&format!("{line}?"));
    }
    if cx.ask.yes() && (count <= MANY || expect.is_some()) {
        return Ok(());
    }
    cx.say.loud(line);
    let flag = if count > MANY {
        format!("--yes --expect {count}")
    } else {
        "--yes".to_owned()
    };
    cx.ask.type_word(
        "Type the number of devices to continue:",
        &count.to_string(),
        &flag,
    )
}

/// Leaves the names behind for completion.
pub fn remember(cx: &mut Cx, devices: &[Device]) {
    if let Ok((name, _)) = cx.here() {
        Inventory::of(devices).save(&cx.paths, &name);
    }
}
