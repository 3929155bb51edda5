//! `/export`: the configuration as commands, wrapped the way devices wrap it.

use std::sync::Arc;

use routeros::quote;
use tokio::sync::Notify;

use crate::clock::spell_moment;
use crate::core::{Core, Surroundings};
use crate::schema::{Access, Kind, Menu, SCHEMA, Shape, Storage};
use crate::text;
use crate::tree::{Key, Row, Tree};
use crate::verb::Order;

mod wrap;

/// The key under which a loaded row remembers how its export addressed it.
pub(crate) const SELECTOR: &str = ".selector";

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
        let factory = self.factory();
        let mut lines = self.header();
        for path in self.export_order() {
            let is_wanted = under.is_empty()
                || *path == *under
                || path
                    .strip_prefix(under)
                    .is_some_and(|rest| rest.starts_with('/'));
            if !is_wanted {
                continue;
            }
            let commands = self.commands(&path, &factory, style);
            if commands.is_empty() {
                continue;
            }
            let menu = format!("/{}", path.trim_start_matches('/').replace('/', " "));
            if style.is_terse {
                for command in commands {
                    lines.extend(wrap::wrap(&format!("{menu} {command}"), true));
                }
            } else {
                lines.push(menu);
                for command in commands {
                    lines.extend(wrap::wrap(&command, false));
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

    /// Returns the menus with rows: those of a loaded export first, in its order.
    fn export_order(&self) -> Vec<Key> {
        let mut order = self.tree.order.clone();
        let mut rest: Vec<_> = self.tree.tables().map(|(path, _)| path).collect();
        rest.retain(|p| !order.contains(p));
        rest.sort_by_key(|p| (SCHEMA.position(p).unwrap_or(usize::MAX), Arc::clone(p)));
        order.extend(rest.into_iter().cloned());
        order.retain(|p| Self::is_config(p));
        order
    }

    /// Returns the tree that the device had when it was new.
    fn factory(&self) -> Tree {
        let around = Surroundings {
            ports: self.ports,
            pace: self.pace,
            clock: Arc::clone(&self.clock),
            ledger: Arc::default(),
        };
        let parts = (self.release, self.board);
        Self::build(
            Arc::clone(&self.spec),
            &around,
            parts,
            Arc::new(Notify::new()),
        )
        .tree
    }

    fn commands(&self, path: &str, factory: &Tree, style: Style) -> Vec<String> {
        let menu = SCHEMA.menu(path);
        let Some(table) = self.tree.table(path) else {
            return Vec::new();
        };
        let rows = table.rows.iter().enumerate().filter(|(_, r)| !r.is_dynamic);
        rows.filter_map(|(n, row)| {
            let is_set = row.is_builtin || table.is_single || row.get(SELECTOR).is_some();
            let origin = factory.table(path).and_then(|t| t.row(row.id));
            let origin = origin.filter(|_| row.is_builtin && !table.is_single);
            let props = self.props(menu, row, origin, style);
            if !is_set {
                return Some(join("add", &props));
            }
            if props.is_empty() {
                return None;
            }
            let verb = match row.get(SELECTOR) {
                Some(selector) => format!("set {selector}"),
                None => match address(menu, row, n) {
                    Some(address) if !table.is_single => format!("set {address}"),
                    _ => "set".to_owned(),
                },
            };
            Some(join(&verb, &props))
        })
        .collect()
    }

    /// Returns the properties of a row that are worth writing, sorted by name.
    fn props(
        &self,
        menu: Option<&Menu>,
        row: &Row,
        origin: Option<&Row>,
        style: Style,
    ) -> Vec<(String, String)> {
        let mut props = Vec::new();
        let default = |name: &str| {
            let prop = menu?.props.iter().find(|p| &*p.name == name)?;
            prop.default.as_deref()
        };
        for (key, value) in row.props.iter().filter(|(k, _)| &**k != SELECTOR) {
            let prop = menu.and_then(|m| m.prop(key, self.release.version()));
            let access = prop.map_or(Access::Normal, |p| p.access);
            let is_hidden = access == Access::ReadOnly
                || access == Access::WriteOnly
                || access == Access::Sensitive && !style.shows_secrets && !row.is_pinned;
            let usual = origin.and_then(|o| o.get(key)).or_else(|| default(key));
            let is_usual = usual == Some(value) && !row.is_pinned;
            if is_hidden || is_usual && !style.is_verbose {
                continue;
            }
            let is_bool = prop.is_some_and(|p| p.kind == Kind::Bool);
            props.push((key.to_string(), spell(value, is_bool)));
        }
        if style.is_verbose
            && let Some(menu) = menu
        {
            let rest = menu
                .props
                .iter()
                .filter(|p| p.exists_in(self.release.version()));
            let missing = rest.filter(|p| row.get(&p.name).is_none());
            props.extend(missing.filter_map(|p| {
                let default = p.default.as_deref()?;
                Some((p.name.to_string(), spell(default, p.kind == Kind::Bool)))
            }));
        }
        props.sort_by(|a, b| a.0.trim_start_matches('!').cmp(b.0.trim_start_matches('!')));
        props
    }
}

/// Says how a row that was always there is addressed.
fn address(menu: Option<&Menu>, row: &Row, place: usize) -> Option<String> {
    let menu = menu?;
    match menu.find.as_deref() {
        Some("index") => Some(place.to_string()),
        Some("name") => row.get("name").map(str::to_owned),
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

fn join(verb: &str, props: &[(String, String)]) -> String {
    let mut line = verb.to_owned();
    for (name, value) in props {
        line.push(' ');
        line.push_str(name);
        if !name.starts_with('!') {
            line.push('=');
            line.push_str(value);
        }
    }
    line
}
