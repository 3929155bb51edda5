//! What a boot into another release makes of the configuration: menus and rows as the new one has
//! them, and properties under their new names.

use super::Core;
use crate::clock::{read_moment, spell_date};
use crate::profile::Release;
use crate::schema::SCHEMA;
use crate::tree::{Key, Row};

/// Menus that go by another name since 7.13.
const WAVE: (&str, &str) = ("/interface/wifiwave2", "/interface/wifi");

/// Single menus whose property has another name since a release: menu, names, release, values.
type Renamed = (
    &'static str,
    (&'static str, &'static str),
    (u16, u16),
    &'static [(&'static str, &'static str)],
);

const RENAMED: &[Renamed] = &[
    (
        "/ip/ssh",
        ("always-allow-password-login", "password-authentication"),
        (7, 21),
        &[("true", "yes"), ("false", "yes-if-no-key")],
    ),
    (
        "/ip/ssh",
        ("allow-none-crypto", "ciphers"),
        (7, 17),
        &[("true", "null,auto"), ("false", "auto")],
    ),
    ("/file", ("creation-time", "last-modified"), (7, 16), &[]),
    ("/ip/route", ("routing-mark", "routing-table"), (7, 0), &[]),
];

/// Properties that hold dates.
const DATED: &[&str] = &[
    "start-date",
    "creation-time",
    "last-modified",
    "invalid-before",
    "invalid-after",
];

impl Core {
    /// Takes the configuration over into the release that runs now.
    pub(super) fn convert(&mut self, old: Release) {
        let base = super::base::of(self.kit(), self.ports, &self.spec);
        let mut tree = std::mem::take(&mut self.tree);
        tree.rebase(&base, |path| self.place_of(path, old));
        self.tree = tree;
        let crosses = |since: (u16, u16)| {
            !old.at_least(since.0, since.1) && self.release.at_least(since.0, since.1)
        };
        let renamed: Vec<_> = RENAMED
            .iter()
            .filter(|(.., since, _)| crosses(*since))
            .collect();
        let (is_seventh, is_iso) = (crosses((7, 0)), crosses((7, 10)));
        for (menu, names, _, values) in renamed {
            self.each_row(menu, |row| rename(row, *names, values));
        }
        if is_seventh {
            self.become_seventh();
        }
        if is_iso {
            self.respell_dates();
        }
        self.drop_unknown();
    }

    /// Says where the rows of a menu go.
    fn place_of(&self, path: &Key, old: Release) -> Option<Key> {
        let moved = path
            .strip_prefix(WAVE.0)
            .filter(|_| !old.at_least(7, 13) && self.release.at_least(7, 13));
        let to = moved.map_or_else(
            || Key::clone(path),
            |rest| format!("{}{rest}", WAVE.1).into(),
        );
        match SCHEMA.menu(&to) {
            Some(menu) => self.offers(menu).then_some(to),
            None => Some(to),
        }
    }

    fn each_row(&mut self, menu: &str, mut change: impl FnMut(&mut Row)) {
        let ids: Vec<u32> = self.tree.rows(menu).iter().map(|r| r.id).collect();
        for id in ids {
            if let Some(row) = self.tree.row_mut(menu, id) {
                change(row);
            }
        }
    }

    /// Does what the first boot of version 7 does: tables for marks, servers in one list, rights.
    fn become_seventh(&mut self) {
        let client = "/system/ntp/client";
        self.each_row(client, |row| {
            let named = ["primary-ntp", "secondary-ntp", "server-dns-names"];
            let servers = named.into_iter().filter_map(|name| row.unset(name));
            let servers: Vec<_> = servers
                .filter(|s| !s.is_empty() && s != "0.0.0.0")
                .collect();
            if !servers.is_empty() {
                row.set("servers".into(), servers.join(","));
            }
        });
        let mut tables: Vec<String> = Vec::new();
        for row in self.tree.rows("/ip/route") {
            let table = row.get("routing-table").filter(|t| *t != "main");
            tables.extend(
                table
                    .filter(|t| !tables.iter().any(|k| k == t))
                    .map(str::to_owned),
            );
        }
        for name in tables {
            let table = [("name", name.as_str()), ("fib", "true")];
            self.tree.seed("/routing/table", &table, false);
        }
        self.each_row("/user/group", |row| {
            let Some(policy) = row.get("policy") else {
                return;
            };
            let kept = policy
                .split(',')
                .filter(|p| !matches!(p.trim_start_matches('!'), "dude" | "tikapp" | "rest-api"));
            let mut kept: Vec<_> = kept.map(str::to_owned).collect();
            let has_api = kept.iter().any(|p| p == "api");
            kept.push(if has_api { "rest-api" } else { "!rest-api" }.to_owned());
            row.set("policy".into(), kept.join(","));
        });
    }

    /// Writes dates the way they have been written since 7.10.
    fn respell_dates(&mut self) {
        let release = self.release;
        for menu in ["/system/scheduler", "/file", "/certificate"] {
            self.each_row(menu, |row| {
                let dated = row.props.iter_mut().filter(|(k, _)| DATED.contains(&&**k));
                dated.for_each(|(_, value)| respell(release, value));
            });
        }
    }

    /// Forgets properties that the release does not have.
    fn drop_unknown(&mut self) {
        let version = self.release.version();
        let paths: Vec<Key> = self
            .tree
            .tables()
            .map(|(path, _)| Key::clone(path))
            .collect();
        for path in paths {
            let Some(menu) = SCHEMA.menu(&path).filter(|m| !m.props.is_empty()) else {
                continue;
            };
            let is_gone = |name: &str| {
                let name = name.trim_start_matches('!');
                let mut named = menu.props.iter().filter(|p| &*p.name == name).peekable();
                named.peek().is_some() && !named.any(|p| p.exists_in(version))
            };
            let rows = self.tree.rows(&path).iter();
            let affected = rows.filter(|r| r.props.iter().any(|(k, _)| is_gone(k)));
            for id in affected.map(|r| r.id).collect::<Vec<_>>() {
                if let Some(row) = self.tree.row_mut(&path, id) {
                    row.props.retain(|(k, _)| !is_gone(k));
                }
            }
        }
    }
}

/// Writes the date in a value, which a time may follow, as a release does.
fn respell(release: Release, value: &mut String) {
    let (date, time) = value.split_once(' ').unwrap_or((value, ""));
    if let Some(at) = read_moment(date, "00:00:00") {
        let date = spell_date(release, at);
        *value = match time {
            "" => date,
            time => format!("{date} {time}"),
        };
    }
}

/// Gives a property its new name, and its values their new spelling.
fn rename(row: &mut Row, (from, to): (&'static str, &'static str), values: &[(&str, &str)]) {
    let Some(value) = row.unset(from) else { return };
    let known = values.iter().find(|(old, _)| *old == value);
    let value = known.map_or(value, |(_, new)| (*new).to_owned());
    row.set(to.into(), value);
}
