//! A poll by the session machine: answers matched to calls, words split, fields read as what they
//! are, text checked.

use std::hint::black_box;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use routeros::command::Command;
use routeros::login::Credentials;
use routeros::row::{RowRef, Rows};
use routeros::session::{Event, Limits, Session, Tag};
use routeros::value::{Pair, Value};
use routeros::version::Installed;

use crate::Poll;
use crate::device::MENUS;
use crate::replay::connect;

struct Client {
    session: Session,
    stream: TcpStream,
    buffer: Vec<u8>,
    commands: Vec<Command>,
}

/// Each command after the answer to the one before.
pub(crate) fn lock_step<'a>(port: u16) -> Poll<'a> {
    let mut client = Client::open(port);
    Box::new(move || {
        let mut records = 0;
        for at in 0..client.commands.len() {
            records += client.exchange(at..at + 1);
        }
        assert_eq!(records, 37);
    })
}

/// All commands with one write.
pub(crate) fn pipelined<'a>(port: u16) -> Poll<'a> {
    let mut client = Client::open(port);
    Box::new(move || assert_eq!(client.exchange(0..5), 37))
}

impl Client {
    fn open(port: u16) -> Self {
        let credentials = Credentials::new("admin", "");
        let mut client = Self {
            session: Session::new(Instant::now(), Limits::default(), credentials),
            stream: connect(port),
            buffer: vec![0; 64 << 10],
            commands: MENUS.iter().map(|menu| Command::print(menu)).collect(),
        };
        while !client.session.is_open() {
            client.step();
        }
        assert_eq!(client.session.poll_event(), Some(Event::LoggedIn));
        client
    }

    /// Sends some of the commands at once; returns how many records came of them.
    fn exchange(&mut self, which: std::ops::Range<usize>) -> usize {
        let now = Instant::now();
        let mut calls: [Option<Tag>; 5] = [None; 5];
        for (at, call) in calls.iter_mut().enumerate() {
            if which.contains(&at) {
                *call = Some(self.session.call(now, &self.commands[at]));
            }
        }
        let (mut open, mut records) = (which.len(), 0);
        while open > 0 {
            self.step();
            while let Some(event) = self.session.poll_event() {
                match event {
                    Event::Rows { tag, rows } => {
                        let at = calls.iter().position(|call| *call == Some(tag));
                        records += rows.len();
                        read(at.unwrap(), &rows);
                    }
                    Event::Done { .. } => open -= 1,
                    other => panic!("{other:?}"),
                }
            }
        }
        records
    }

    fn step(&mut self) {
        if let Some(bytes) = self.session.poll_output() {
            self.stream.write_all(&bytes).unwrap();
        }
        black_box(self.session.poll_timeout());
        let length = self.stream.read(&mut self.buffer).unwrap();
        let bytes = &self.buffer[..length];
        self.session.handle_input(Instant::now(), bytes).unwrap();
    }
}

fn read(menu: usize, rows: &Rows) {
    for row in rows.iter() {
        match menu {
            0 => resource(&row),
            1 => texts(&row, &["model", "serial-number", "current-firmware"]),
            2 => interface(&row),
            3 => {
                texts(&row, &["name"]);
                fields::<f64>(&row, &["value"]);
                texts(&row, &["type"]);
            }
            _ => registration(&row),
        }
    }
}

fn texts(row: &RowRef<'_>, names: &[&str]) {
    for name in names {
        black_box(row.text(name).unwrap());
    }
}

fn fields<T: Value>(row: &RowRef<'_>, names: &[&str]) {
    for name in names {
        black_box(row.get::<T>(name).unwrap());
    }
}

fn resource(row: &RowRef<'_>) {
    fields::<Duration>(row, &["uptime"]);
    black_box(Installed::parse(&row.text("version").unwrap()).unwrap());
    fields::<u64>(row, &["free-memory", "total-memory", "cpu-load"]);
    fields::<u64>(row, &["free-hdd-space", "total-hdd-space"]);
    texts(row, &["architecture-name", "board-name"]);
}

fn interface(row: &RowRef<'_>) {
    texts(row, &["name", "type"]);
    fields::<u32>(row, &["actual-mtu"]);
    texts(row, &["mac-address"]);
    fields::<u64>(row, &["rx-byte", "tx-byte", "rx-packet", "tx-packet"]);
    fields::<u64>(row, &["rx-drop", "tx-drop", "rx-error", "tx-error"]);
    fields::<bool>(row, &["running", "disabled"]);
    texts(row, &["comment"]);
}

fn registration(row: &RowRef<'_>) {
    texts(row, &["interface", "ssid", "mac-address"]);
    fields::<Duration>(row, &["uptime", "last-activity"]);
    fields::<i32>(row, &["signal"]);
    fields::<u64>(row, &["tx-rate", "rx-rate"]);
    fields::<Pair<u64>>(row, &["packets", "bytes"]);
    fields::<bool>(row, &["authorized"]);
}
