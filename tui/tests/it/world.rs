//! A dashboard with a fleet, and hands to type with.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::{SignedDuration, Timestamp};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use tod_proto::api::devices::{Device, Status, TlsMode};
use tod_proto::id::DeviceId;
use tod_tui::app::{App, Context};
use tod_tui::event::{Effect, Event, Link};
use tod_tui::theme::Theme;
use uuid::Uuid;

pub(crate) struct World {
    pub(crate) app: App,
    terminal: Terminal<TestBackend>,
}

pub(crate) fn now() -> Timestamp {
    "2026-03-18T14:07:22Z".parse().unwrap()
}

pub(crate) fn device(n: u32) -> Device {
    let status = match n % 10 {
        7 => Status::Offline,
        8 => Status::Degraded,
        _ => Status::Online,
    };
    Device {
        id: DeviceId(Uuid::from_u128(u128::from(n) + 1)),
        name: format!("ber-cpe-{n:04}"),
        address: format!("10.4.{}.{}", n / 250, n % 250 + 1),
        port: 8729,
        ssh_port: 22,
        tls: TlsMode::Auto,
        username: "tod".to_owned(),
        zone: "default".to_owned(),
        site: Some(
            if n.is_multiple_of(2) {
                "berlin"
            } else {
                "hamburg"
            }
            .to_owned(),
        ),
        tags: vec!["cpe".to_owned()],
        note: None,
        poll_seconds: 60,
        status,
        status_since: now() - SignedDuration::from_mins(i64::from(n % 90)),
        status_reason: (status == Status::Offline).then(|| "no answer within 5 s".into()),
        seen_at: Some(now() - SignedDuration::from_secs(6)),
        identity: Some("evil \u{1b}[2J name".into()),
        model: Some("hAP ac²".into()),
        arch: Some("arm".into()),
        serial: Some("HF909XXXX01".into()),
        other_serial: None,
        version: Some(
            if n.is_multiple_of(3) {
                "6.49.18"
            } else {
                "7.15.3"
            }
            .into(),
        ),
        channel: Some("stable".into()),
        uptime_seconds: Some(86_400 * u64::from(n % 300 + 1)),
        cpu_percent: Some(f64::from(n % 100)),
        mem_percent: Some(f64::from(n * 7 % 100)),
        disk_percent: Some(12.0),
        temperature_celsius: Some(48.0),
        voltage: Some(24.1),
        rx_bps: Some(u64::from(n) * 1_000_000),
        tx_bps: Some(u64::from(n) * 300_000),
        poll_ms: Some(41),
        logins_today: 1,
        pending_change: None,
        created_at: now() - SignedDuration::from_hours(24 * 30),
    }
}

impl World {
    /// A dashboard that has heard nothing yet.
    pub(crate) fn empty(width: u16, height: u16) -> Self {
        let context = Context {
            tenant: "acme-wisp".to_owned(),
            label: "PROD".to_owned(),
            server: "https://prod.tod.example:8443".to_owned(),
            user: "ana@acme-wisp.example".to_owned(),
            protected: true,
            needs_secret_key: false,
        };
        Self {
            app: App::new(context, Theme::named("mono").unwrap(), now()),
            terminal: Terminal::new(TestBackend::new(width, height)).unwrap(),
        }
    }

    /// A dashboard with devices.
    pub(crate) fn with(devices: u32, width: u16, height: u16) -> Self {
        let mut world = Self::empty(width, height);
        world.happens(&Event::Link(Link::Live(38)));
        world.happens(&Event::Devices((0..devices).map(device).collect()));
        world
    }

    pub(crate) fn happens(&mut self, event: &Event) -> Vec<Effect> {
        self.app.update(event)
    }

    /// Types keys: each word is a key such as `j` or `ctrl-k`; `'text` types its letters.
    pub(crate) fn types(&mut self, keys: &str) -> Vec<Effect> {
        let mut effects = Vec::new();
        for key in keys.split(' ') {
            if let Some(text) = key.strip_prefix('\'') {
                for c in text.chars() {
                    effects.extend(self.press(KeyEvent::from(KeyCode::Char(c))));
                }
            } else {
                effects.extend(self.press(named(key)));
            }
        }
        effects
    }

    fn press(&mut self, key: KeyEvent) -> Vec<Effect> {
        match self.app.action_of(key) {
            Some(action) => self.app.update(&Event::Action(action)),
            None => Vec::new(),
        }
    }

    /// Draws a frame.
    pub(crate) fn draw(&mut self) {
        self.terminal.draw(|frame| self.app.view(frame)).unwrap();
    }

    /// The screen as text, without blanks at the ends of lines.
    pub(crate) fn screen(&mut self) -> String {
        self.draw();
        let buffer = self.terminal.backend().buffer();
        let area = buffer.area;
        (0..area.height)
            .map(|y| {
                let row: String = (0..area.width)
                    .filter_map(|x| buffer.cell((x, y)))
                    .map(ratatui::buffer::Cell::symbol)
                    .collect();
                row.trim_end().to_owned()
            })
            .collect::<Vec<_>>()
            .join("\n")
            // The clock shows the reader's own time zone, wherever the test runs.
            .replace(&tod_tui::units::clock(now()), "14:07:22")
    }
}

fn named(key: &str) -> KeyEvent {
    if let Some(letter) = key.strip_prefix("ctrl-") {
        let code = KeyCode::Char(letter.chars().next().unwrap());
        return KeyEvent::new(code, KeyModifiers::CONTROL);
    }
    KeyEvent::from(match key {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "space" => KeyCode::Char(' '),
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "backspace" => KeyCode::Backspace,
        one => KeyCode::Char(one.chars().next().unwrap()),
    })
}
