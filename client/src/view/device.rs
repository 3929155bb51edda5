//! Columns of devices and of what belongs to them.

use jiff::Timestamp;
use tod_proto::api::devices::{Device, Interface, Point, Status, TlsMode};
use tod_proto::untrusted::Untrusted;

use super::units::{bps, bytes, percent, rfc3339, span};
use super::{Cell, Column, Tone, View};

/// A mark for a status, so that colour is not needed: `●`, `▲`, `✗`, `◌`.
pub fn glyph(status: Status) -> char {
    match status {
        Status::Online => '●',
        Status::Degraded => '▲',
        Status::Offline => '✗',
        Status::Unknown => '◌',
    }
}

/// A short word for a status.
pub fn word(status: Status) -> &'static str {
    match status {
        Status::Online => "up",
        Status::Degraded => "degr",
        Status::Offline => "down",
        Status::Unknown => "unkn",
    }
}

/// What a status means.
pub fn tone(status: Status) -> Tone {
    match status {
        Status::Online => Tone::Good,
        Status::Degraded => Tone::Warn,
        Status::Offline => Tone::Bad,
        Status::Unknown => Tone::Dim,
    }
}

/// Mark and word: `● up`.
pub fn status(status: Status) -> Cell {
    let text = format!("{} {}", glyph(status), word(status));
    Cell::pair(text, status.as_str()).tone(tone(status))
}

/// A share that is worth a look above 80 and worth a call above 95.
pub fn load(value: f64) -> Cell {
    let tone = match value {
        value if value >= 95.0 => Tone::Bad,
        value if value >= 80.0 => Tone::Warn,
        _ => Tone::Plain,
    };
    Cell::pair(percent(value), number(value)).tone(tone)
}

/// The name of a TLS mode on the wire.
pub fn tls(mode: TlsMode) -> &'static str {
    mode.as_str()
}

fn number(value: f64) -> String {
    // `{}` of a float is the shortest text that reads back as the same.
    format!("{value}")
}

fn outside(text: Option<&Untrusted>) -> Cell {
    Cell::maybe(text, |text| Cell::text(text.raw()))
}

impl View for Device {
    const KIND: &'static str = "Device";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("status", "STATUS", |d, _| status(d.status)),
        Column::new("name", "NAME", |d, _| Cell::text(&d.name)),
        Column::new("address", "ADDRESS", |d, _| Cell::text(&d.address)),
        Column::new("model", "MODEL", |d, _| outside(d.model.as_ref())),
        Column::new("version", "ROS", |d, _| outside(d.version.as_ref())),
        Column::right("cpu", "CPU", |d, _| Cell::maybe(d.cpu_percent, load)),
        Column::right("mem", "MEM", |d, _| Cell::maybe(d.mem_percent, load)),
        Column::right("uptime", "UPTIME", |d, _| {
            Cell::maybe(d.uptime_seconds, |s| Cell::pair(span(s), s))
        }),
        Column::new("site", "SITE", |d, _| {
            Cell::maybe(d.site.as_ref(), Cell::text)
        }),
        Column::new("tags", "TAGS", |d, _| {
            Cell::pair(d.tags.join(" "), d.tags.join(","))
        }),
        Column::wide_right("since", "SINCE", |d, now| Cell::ago(d.status_since, now)),
        Column::wide_right("seen", "SEEN", |d, now| {
            Cell::maybe(d.seen_at, |at| Cell::ago(at, now))
        }),
        Column::wide("reason", "REASON", |d, _| outside(d.status_reason.as_ref())),
        Column::wide_right("rx", "RX", |d, _| {
            Cell::maybe(d.rx_bps, |v| Cell::pair(bps(v), v))
        }),
        Column::wide_right("tx", "TX", |d, _| {
            Cell::maybe(d.tx_bps, |v| Cell::pair(bps(v), v))
        }),
        Column::wide_right("disk", "DISK", |d, _| Cell::maybe(d.disk_percent, load)),
        Column::wide_right("temp", "TEMP", |d, _| {
            Cell::maybe(d.temperature_celsius, |v| {
                Cell::pair(format!("{v:.0}C"), number(v))
            })
        }),
        Column::wide("identity", "IDENTITY", |d, _| outside(d.identity.as_ref())),
        Column::wide("serial", "SERIAL", |d, _| outside(d.serial.as_ref())),
        Column::wide("arch", "ARCH", |d, _| outside(d.arch.as_ref())),
        Column::wide("channel", "CHANNEL", |d, _| outside(d.channel.as_ref())),
        Column::wide_right("port", "PORT", |d, _| Cell::text(d.port.to_string())),
        Column::wide("tls", "TLS", |d, _| Cell::text(tls(d.tls))),
        Column::wide("zone", "ZONE", |d, _| Cell::text(&d.zone)),
        Column::wide_right("poll", "POLL", |d, _| {
            Cell::maybe(d.poll_ms, |ms| Cell::pair(format!("{ms} ms"), ms))
        }),
        Column::wide_right("logins", "LOGINS", |d, _| {
            Cell::text(d.logins_today.to_string())
        }),
        Column::wide("change", "CHANGE", |d, _| {
            Cell::maybe(d.pending_change, |n| {
                Cell::text(format!("c-{n}")).tone(Tone::Accent)
            })
        }),
        Column::wide("id", "ID", |d, _| Cell::text(d.id.to_string())),
    ];

    fn name(&self) -> String {
        self.name.clone()
    }

    fn id(&self) -> String {
        self.id.to_string()
    }
}

impl View for Interface {
    const KIND: &'static str = "Interface";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("state", "STATE", |i, _| match (i.disabled, i.running) {
            (true, _) => Cell::pair("◌ off", "disabled").tone(Tone::Dim),
            (false, true) => Cell::pair("● up", "running").tone(Tone::Good),
            (false, false) => Cell::pair("✗ down", "down").tone(Tone::Bad),
        }),
        Column::new("name", "NAME", |i, _| Cell::text(i.name.raw())),
        Column::new("type", "TYPE", |i, _| Cell::text(i.kind.raw())),
        Column::right("rx", "RX", |i, _| {
            Cell::maybe(i.rx_bps, |v| Cell::pair(bps(v), v))
        }),
        Column::right("tx", "TX", |i, _| {
            Cell::maybe(i.tx_bps, |v| Cell::pair(bps(v), v))
        }),
        Column::new("mac", "MAC", |i, _| outside(i.mac.as_ref())),
        Column::right("mtu", "MTU", |i, _| {
            Cell::maybe(i.mtu, |v| Cell::text(v.to_string()))
        }),
        Column::right("errors", "ERRORS", |i, _| {
            Cell::maybe(i.errors, |v| Cell::text(v.to_string()))
        }),
        Column::right("drops", "DROPS", |i, _| {
            Cell::maybe(i.drops, |v| Cell::text(v.to_string()))
        }),
        Column::new("comment", "COMMENT", |i, _| outside(i.comment.as_ref())),
        Column::wide_right("rx_bytes", "RX BYTES", |i, _| {
            Cell::maybe(i.rx_bytes, |v| Cell::pair(bytes(v), v))
        }),
        Column::wide_right("tx_bytes", "TX BYTES", |i, _| {
            Cell::maybe(i.tx_bytes, |v| Cell::pair(bytes(v), v))
        }),
    ];

    fn name(&self) -> String {
        self.name.to_string()
    }

    fn id(&self) -> String {
        self.name.to_string()
    }
}

impl View for Point {
    const KIND: &'static str = "Point";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("time", "TIME", |p, now: Timestamp| Cell::ago(p.at, now)),
        Column::right("value", "VALUE", |p, _| Cell::text(number(p.value))),
    ];

    fn name(&self) -> String {
        rfc3339(self.at)
    }

    fn id(&self) -> String {
        rfc3339(self.at)
    }
}
