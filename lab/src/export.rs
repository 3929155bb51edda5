//! `/export`: the configuration as commands, wrapped the way devices wrap it.

use routeros::export::wrap;
use routeros::quote;

use crate::clock::spell_moment;
use crate::core::Core;
use crate::schema::{Access, Kind, Menu, Prop, SCHEMA, Shape, Storage, Writing};
use crate::text;
use crate::tree::Row;
use crate::verb::Order;

mod order;
mod verbose;

use order::Section;

/// The key under which a loaded row remembers how its export addressed it.
pub(crate) const SELECTOR: &str = ".selector";

/// The key under which a row that was always there remembers what an export set on it.
pub(crate) const LOADED: &str = ".loaded";

/// A longer word does not fit a line; it is put in quotes, so that it can be cut.
const WORD: usize = 73;

/// Which properties are written.
#[derive(Debug, Clone, Copy)]
struct Style {
    is_verbose: bool,
    is_terse: bool,
    shows_secrets: bool,
}

impl Core {
    /// Writes the configuration of a menu and what is below it; of everything if it is empty.
    pub(crate) fn export(&self, under: &str, order: &Order) -> String {
        let is_v7 = self.release.has_slashes();
        let style = Style {
            is_verbose: order.has("verbose"),
            is_terse: order.has("terse"),
            shows_secrets: order.has("show-sensitive") || !is_v7 && !order.has("hide-sensitive"),
        };
        let mut lines = self.header();
        for section in self.sections(style.is_verbose) {
            let path = &section.path;
            let is_wanted = under.is_empty()
                || **path == *under
                || path
                    .strip_prefix(under)
                    .is_some_and(|rest| rest.starts_with('/'));
            if !is_wanted {
                continue;
            }
            let commands = self.commands(&section, style);
            if commands.is_empty() {
                continue;
            }
            let menu = format!("/{}", path.trim_start_matches('/').replace('/', " "));
            if style.is_terse {
                for command in commands {
                    lines.extend(wrap(
                        &format!("{menu} {command}"),
                        routeros::export::Style::Terse,
                    ));
                }
            } else {
                lines.push(menu);
                for command in commands {
                    lines.extend(wrap(&command, routeros::export::Style::Wrapped));
                }
            }
        }
        lines.push(String::new());
        lines.join("\r\n")
    }

    fn header(&self) -> Vec<String> {
        let at = spell_moment(self.release, self.wall());
        let mut lines = vec![format!("# {at} by RouterOS {}", self.release)];
        if self.board.is_routerboard() {
            lines.push(format!("# software id = {}", self.software_id()));
            lines.push("#".to_owned());
            lines.push(format!("# model = {}", self.board.model));
            lines.push(format!("# serial number = {}", self.spec.serial()));
        } else {
            lines.push("# software id = ".to_owned());
            lines.push("#".to_owned());
        }
        lines
    }

    fn commands(&self, section: &Section, style: Style) -> Vec<String> {
        let path = &*section.path;
        let menu = SCHEMA.menu(path);
        let is_single = self.is_single(path);
        let untouched = [Row::default()];
        let rows = self.tree.rows(path);
        let rows = if rows.is_empty() { &untouched } else { rows };
        let is_short = path.starts_with("/interface/wifi") && self.release.at_least(7, 15);
        let places = section.rows.iter();
        let rows = places.filter_map(|id| rows.iter().enumerate().find(|(_, r)| r.id == *id));
        rows.filter_map(|(n, row)| {
            let is_set = row.is_builtin || is_single || row.get(SELECTOR).is_some();
            let origin = self.tree.base.row(path, row.id);
            let origin = origin.filter(|_| row.is_builtin && !is_single);
            let props = self.props(menu, path, (row, origin), style);
            if !is_set {
                return Some(join("add", &props, is_short));
            }
            if props.is_empty() {
                return None;
            }
            let verb = match row.get(SELECTOR) {
                Some(selector) => format!("set {selector}"),
                None => match address(menu, row, n, self.release.has_slashes()) {
                    Some(address) if !is_single => format!("set {address}"),
                    _ => "set".to_owned(),
                },
            };
            Some(join(&verb, &props, is_short))
        })
        .collect()
    }

    /// Returns the properties of a row that are worth writing, sorted by name.
    fn props(
        &self,
        menu: Option<&Menu>,
        path: &str,
        (row, origin): (&Row, Option<&Row>),
        mut style: Style,
    ) -> Vec<Written> {
        let version = self.release.version();
        let is_old = style.is_verbose && !self.release.has_slashes();
        let entry = verbose::of(path, row).filter(|_| is_old);
        // What is not written whole there is written as ever.
        style.is_verbose &= !is_old || entry.is_some();
        let known = || {
            let props = menu.into_iter().flat_map(|m| &m.props);
            props.filter(|p| p.exists_in(version))
        };
        let stored = row.props.iter().map(|(k, v)| (&**k, v.as_str()));
        let shown = known().filter_map(|p| {
            let is_missing = p.writing == Writing::Shown && row.get(&p.name).is_none();
            Some((&*p.name, p.default.filter(|_| is_missing)?))
        });
        let worthy = stored.chain(shown).filter_map(|(key, value)| {
            let prop = menu.and_then(|m| m.prop(key, version));
            let pair = (key, value);
            Self::is_worth_writing(prop, row, origin, pair, style)
                .then(|| Self::written(menu, prop, pair, style))
        });
        let mut props: Vec<_> = worthy.collect();
        let along = known().filter(|p| p.writing == Writing::Along && !props.is_empty());
        let along: Vec<_> = along
            .filter(|p| !props.iter().any(|(k, _)| *k == *p.name))
            .filter_map(|p| Some((p.name.to_string(), Some(spell(row.get(&p.name)?, false)))))
            .collect();
        props.extend(along);
        if let Some(entry) = entry {
            entry.complete(row, origin, &mut props, style);
        } else if style.is_verbose {
            let missing = known().filter(|p| row.get(&p.name).is_none());
            let missing = missing.filter(|p| !props.iter().any(|(k, _)| *k == *p.name));
            let missing: Vec<_> = missing
                .filter_map(|p| Some((p, p.default?)))
                .map(|(p, v)| Self::written(menu, Some(p), (&p.name, v), style))
                .collect();
            props.extend(missing);
        }
        props.sort_by(|a, b| a.0.trim_start_matches('!').cmp(b.0.trim_start_matches('!')));
        props
    }

    fn is_worth_writing(
        prop: Option<&Prop>,
        row: &Row,
        origin: Option<&Row>,
        (key, value): (&str, &str),
        style: Style,
    ) -> bool {
        if matches!(key, SELECTOR | LOADED | "default" | "builtin") {
            return false;
        }
        let is_hidden = match prop.map_or(Access::Normal, |p| p.access) {
            Access::ReadOnly | Access::WriteOnly => true,
            Access::Sensitive => !style.shows_secrets && !row.is_pinned,
            _ => false,
        };
        let writing = prop.map_or(Writing::Changed, |p| p.writing);
        let default = prop.and_then(|p| p.default);
        let default = default.filter(|_| writing == Writing::Changed);
        let usual = origin.and_then(|o| o.get(key)).or(default);
        let loaded = row.get(LOADED).unwrap_or_default();
        let is_loaded = row.is_pinned || loaded.split(',').any(|l| *l == *key);
        let is_usual = usual == Some(value) && !is_loaded && writing != Writing::Shown;
        !is_hidden && (!is_usual || style.is_verbose)
    }

    /// Spells a property as exports do.
    fn written(
        menu: Option<&Menu>,
        prop: Option<&Prop>,
        (key, value): (&str, &str),
        style: Style,
    ) -> Written {
        let is_address = menu.is_some_and(|m| &*m.path == "/ip/address");
        let mut value = match prop.map(|p| &p.kind) {
            Some(Kind::Flag) => return (key.to_owned(), None),
            Some(Kind::Kibibytes) => format!("{value}KiB"),
            // One address alone is written without its length.
            Some(Kind::Prefix) if is_address => {
                spell(value.strip_suffix("/32").unwrap_or(value), false)
            }
            kind => spell(value, kind == Some(&Kind::Bool)),
        };
        if !style.is_terse && value.len() > WORD && !value.starts_with('"') {
            value = format!("\"{value}\"");
        }
        (key.to_owned(), (!key.starts_with('!')).then_some(value))
    }
}

/// A property as it is written; without a value, it is a word alone.
type Written = (String, Option<String>);

/// Says how a row that was always there is addressed.
fn address(menu: Option<&Menu>, row: &Row, place: usize, is_v7: bool) -> Option<String> {
    let menu = menu?;
    match menu.find {
        // Only later releases call a switch by its name.
        Some("name") if !is_v7 && &*menu.path == "/interface/ethernet/switch" => {
            Some(place.to_string())
        }
        Some("index") => Some(place.to_string()),
        Some("id") => Some(row.shown_id()),
        Some("name") => row.get("name").map(|n| spell(n, false)),
        Some("[name]") => Some(format!("[ find name={} ]", spell(row.get("name")?, false))),
        Some(key) if key.starts_with('=') => row.get(key.get(1..)?).map(|n| spell(n, false)),
        Some("default") if !row.is("default") => row.get("name").map(|n| spell(n, false)),
        Some("default") => Some("[ find default=yes ]".to_owned()),
        Some(key) => Some(format!("[ find {key}={} ]", spell(row.get(key)?, false))),
        None if menu.shape == Shape::List && row.is("default") => {
            Some("[ find default=yes ]".to_owned())
        }
        None if menu.storage == Storage::Config => row.get("name").map(str::to_owned),
        None => None,
    }
}

fn spell(value: &str, is_bool: bool) -> String {
    match value {
        "true" if is_bool => "yes".to_owned(),
        "false" if is_bool => "no".to_owned(),
        _ => quote::value(&text::encode(value)),
    }
}

/// Joins a command. Short ones write, of names with a dot, only the first of a group whole.
fn join(verb: &str, props: &[Written], is_short: bool) -> String {
    let mut line = verb.to_owned();
    let mut group = "";
    for (name, value) in props {
        line.push(' ');
        match name.split_once('.') {
            Some((of, member)) if is_short && of == group => line.extend([".", member]),
            Some((of, _)) => {
                group = of;
                line.push_str(name);
            }
            None => line.push_str(name),
        }
        if let Some(value) = value {
            line.push('=');
            line.push_str(value);
        }
    }
    line
}
