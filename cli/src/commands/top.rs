//! `todctl top`

use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tod_client::view::units::bps;
use tod_client::view::{Cell, Column, View, device};
use tod_proto::api::devices::Device;

use super::device::pick::{SelectorArgs, select};
use crate::args::span::Span;
use crate::cx::Cx;
use crate::error::CliError;
use crate::output::Listing;

/// See the busiest devices
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    selector: SelectorArgs,
    /// What to order by
    #[arg(long, value_enum, default_value_t = By::Cpu)]
    sort: By,
    /// Look once and end; implied without a terminal
    #[arg(long)]
    once: bool,
    /// How often to look
    #[arg(long, value_name = "TIME", default_value = "2s")]
    interval: Span,
    /// How many devices
    #[arg(long, value_name = "N", default_value_t = 20)]
    lines: usize,
}

/// What to order by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// Processor
    Cpu,
    /// Memory
    Mem,
    /// Received
    Rx,
    /// Sent
    Tx,
    /// Temperature
    Temp,
}

/// A device in this list.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Busy(Device);

impl View for Busy {
    const KIND: &'static str = "Device";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("name", "NAME", |d, _| Cell::text(&d.0.name)),
        Column::new("cpu", "CPU", |d, _| {
            Cell::maybe(d.0.cpu_percent, |cpu| {
                let load = device::load(cpu);
                let text = format!("{:>4} {}", load.text, bar(cpu));
                Cell::pair(text, load.value).tone(load.tone)
            })
        }),
        Column::right("mem", "MEM", |d, _| {
            Cell::maybe(d.0.mem_percent, device::load)
        }),
        Column::right("rx", "RX", |d, _| {
            Cell::maybe(d.0.rx_bps, |v| Cell::pair(bps(v), v))
        }),
        Column::right("tx", "TX", |d, _| {
            Cell::maybe(d.0.tx_bps, |v| Cell::pair(bps(v), v))
        }),
        Column::right("temp", "TEMP", |d, _| {
            Cell::maybe(d.0.temperature_celsius, |v| {
                Cell::pair(format!("{v:.0}C"), v)
            })
        }),
        Column::new("status", "STATUS", |d, _| device::status(d.0.status)),
        Column::wide("id", "ID", |d, _| Cell::text(d.0.id.to_string())),
    ];

    fn name(&self) -> String {
        self.0.name.clone()
    }

    fn id(&self) -> String {
        self.0.id.to_string()
    }
}

/// Twelve cells for a hundred percent, in eighths.
fn bar(percent: f64) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 96"
    )]
    let eighths = (percent.clamp(0.0, 100.0) * 0.96) as usize;
    "█".repeat(eighths / 8) + PARTS.get(eighths % 8).copied().unwrap_or_default()
}

fn key(device: &Device, by: By) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "only the order counts")]
    let rate = |value: Option<u64>| value.map(|value| value as f64);
    let value = match by {
        By::Cpu => device.cpu_percent,
        By::Mem => device.mem_percent,
        By::Rx => rate(device.rx_bps),
        By::Tx => rate(device.tx_bps),
        By::Temp => device.temperature_celsius,
    };
    value.unwrap_or(-1.0)
}

pub(super) async fn run(args: Args, cx: &mut Cx) -> Result<(), CliError> {
    cx.out.check::<Busy>()?;
    let selector = args.selector.text()?;
    let (client, tenant) = cx.tenant().await?;
    let once = args.once || !cx.term.stdout_tty;
    loop {
        let (mut devices, _) = select(&client, tenant, selector.clone(), None).await?;
        devices.sort_by(|a, b| key(b, args.sort).total_cmp(&key(a, args.sort)));
        devices.truncate(args.lines);
        let busy = devices.into_iter().map(Busy).collect();
        if !once {
            // Home, and clear what is below: no flicker.
            cx.out.write("\x1b[H\x1b[J")?;
        }
        cx.out.list(Listing::all(busy))?;
        cx.out.flush()?;
        if once {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(args.interval.0.max(Duration::from_millis(500))) => {}
            _ = tokio::signal::ctrl_c() => return Err(CliError::outcome(crate::error::exit::INTERRUPTED)),
        }
    }
}
