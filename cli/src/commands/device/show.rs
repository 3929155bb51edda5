//! `todctl device show`

use jiff::Timestamp;
use tod_client::view::units::{ago, bps, percent, span_long};
use tod_client::view::{Cell, device};
use tod_proto::api::devices::Device;
use tod_proto::untrusted::{Untrusted, plain};

use super::pick::find;
use crate::cx::Cx;
use crate::error::CliError;
use crate::term::Paint;

/// Show one device
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name, the start of its identifier, or its address
    #[arg(value_name = "DEVICE",
        add = clap_complete::ArgValueCandidates::new(crate::complete::devices))]
    device: String,
}

pub(super) async fn run(args: Args, cx: &mut Cx) -> Result<(), CliError> {
    cx.out.check::<Device>()?;
    let (client, tenant) = cx.tenant().await?;
    let device = find(&client, tenant, &args.device).await?;
    cx.out.one(device, card)
}

fn text(value: Option<&Untrusted>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| plain(value.raw()))
}

/// What is known of a device, in about ten lines.
fn card(d: &Device, now: Timestamp) -> String {
    let mut lines = vec![head(d, now)];
    let mut line = |label: &str, text: String| lines.push(format!("  {label:<9} {text}"));
    let (model, arch) = (text(d.model.as_ref()), text(d.arch.as_ref()));
    line(
        "model",
        format!("{model} ({arch})   serial {}", text(d.serial.as_ref())),
    );
    let (version, channel) = (text(d.version.as_ref()), text(d.channel.as_ref()));
    line("routeros", format!("{version} {channel}"));
    line("address", ways(d));
    let tags = if d.tags.is_empty() {
        "-".to_owned()
    } else {
        plain(&d.tags.join(" "))
    };
    let site = d.site.as_deref().map_or_else(|| "-".to_owned(), plain);
    line("site", format!("{site}   tags {tags}"));
    line("uptime", age(d, now));
    line("health", health(d));
    let rate = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), bps);
    line(
        "traffic",
        format!("rx {}  tx {}", rate(d.rx_bps), rate(d.tx_bps)),
    );
    let poll = d
        .poll_ms
        .map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"));
    line(
        "polling",
        format!("{poll} for a poll, signed in {}× in 24 h", d.logins_today),
    );
    if let Some(other) = &d.other_serial {
        let name = plain(&d.name);
        let text = format!("serial number {other} answers   todctl device accept {name}");
        line("another", Paint::warn(&text).to_string());
    }
    if let Some(change) = d.pending_change {
        let text = format!("c-{change} waits for confirmation   todctl config confirm c-{change}");
        line("change", Paint::warn(&text).to_string());
    }
    if let Some(note) = &d.note {
        line("note", plain(note));
    }
    line("id", d.id.to_string());
    lines.join("\n") + "\n"
}

/// `ber-core-02  ▲ degr for 4m   CPU 97 %`
fn head(d: &Device, now: Timestamp) -> String {
    let status = device::status(d.status);
    let shown = Paint::tone(status.tone, &status.text);
    let since = ago(d.status_since, now);
    let reason = d.status_reason.as_ref().map(|reason| plain(reason.raw()));
    let reason = reason
        .map(|reason| format!("   {reason}"))
        .unwrap_or_default();
    format!("{}  {shown} for {since}{reason}", plain(&d.name))
}

/// How it is reached.
fn ways(d: &Device) -> String {
    let api = format!("api {} TLS {}", d.port, device::tls(d.tls));
    let ssh = format!("ssh {} as {}", d.ssh_port, plain(&d.username));
    format!(
        "{}   {api}   {ssh}   zone {}",
        plain(&d.address),
        plain(&d.zone)
    )
}

/// How long it has been up, and when it was last heard of.
fn age(d: &Device, now: Timestamp) -> String {
    let up = d.uptime_seconds.map_or_else(|| "-".to_owned(), span_long);
    let seen = d
        .seen_at
        .map_or_else(|| "never".to_owned(), |at| format!("{} ago", ago(at, now)));
    format!("{up}   last seen {seen}   polled every {}s", d.poll_seconds)
}

fn health(d: &Device) -> String {
    let share = |label: &str, value: Option<f64>| {
        let cell = Cell::maybe(value, device::load);
        format!(
            "{label} {}",
            Paint::tone(cell.tone, &value.map_or("-".to_owned(), percent))
        )
    };
    let mut parts = vec![
        share("cpu", d.cpu_percent),
        share("mem", d.mem_percent),
        share("disk", d.disk_percent),
    ];
    parts.extend(
        d.temperature_celsius
            .map(|value| format!("temp {value:.0}C")),
    );
    parts.extend(d.voltage.map(|value| format!("{value:.1}V")));
    parts.join("   ")
}
