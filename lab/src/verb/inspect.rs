//! `/console/inspect`: what there is to type, asked by paths or by half a line.

use std::collections::BTreeMap;

use routeros::error::Trap;
use routeros::row::Row as Record;

use super::{Order, Outcome, PRINT};
use crate::core::Core;
use crate::schema::{Access, Kind, Menu, Prop, SCHEMA, Shape, Storage};
use crate::trap;

mod help;
mod highlight;
mod language;
mod line;

/// Menus that are only ways to others.
const WAYS: &[&str] = &["/interface", "/ip", "/ipv6", "/system", "/tool", "/user"];

/// What can follow a path.
pub(crate) type Children = BTreeMap<String, &'static str>;

impl Core {
    /// Answers `request=self`, `child`, `completion`, `syntax` and `highlight`.
    pub(super) fn inspect(&self, order: &Order) -> Result<Outcome, Trap> {
        let request = order
            .arg("request")
            .ok_or_else(|| trap::missing_value("request"))?;
        let path = order.arg("path").unwrap_or_default();
        let path = path.replace(',', "/");
        let path = format!("/{}", path.trim_matches('/'));
        let path = path.trim_end_matches('/');
        let rows = match request {
            "self" => vec![child("self", last(path), self.node(path)?)],
            "child" => {
                let mut children = self.children(path)?;
                if path.is_empty() {
                    children.extend(self.language());
                }
                let rows = children
                    .iter()
                    .map(|(name, kind)| child("child", name, kind));
                rows.collect()
            }
            "completion" => self.completions(path, order.arg("input").unwrap_or_default()),
            "syntax" => self.syntax(path)?,
            "highlight" => {
                let classes = self.highlight(order.arg("input").unwrap_or_default());
                let row = Record::new().with("type", "highlight");
                vec![row.with("highlight", classes)]
            }
            _ => return Err(trap::no_match("request")),
        };
        Ok(Outcome::rows(rows))
    }

    /// Returns what a path leads to.
    fn node(&self, path: &str) -> Result<&'static str, Trap> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", ""));
        if name.is_empty() {
            return Ok("dir");
        }
        let kind = self.children(parent)?.get(name).copied();
        kind.ok_or_else(trap::no_such_menu)
    }

    /// Returns what can follow a path: menus and commands, or the arguments of a command.
    pub(crate) fn children(&self, path: &str) -> Result<Children, Trap> {
        if path.is_empty() || self.has_menu(path) || self.has_menu_below(path) {
            let mut children = self.menus_below(path);
            let menu = SCHEMA.menu(path).filter(|_| self.has_menu(path));
            let commands = menu.into_iter().flat_map(|m| self.commands_of(m));
            children.extend(commands.map(|c| (c.to_owned(), "cmd")));
            if path.is_empty() {
                let roots = ["export", "import", "ping", "quit", "redo", "undo"];
                children.extend(roots.map(|c| (c.to_owned(), "cmd")));
            }
            return Ok(children);
        }
        let (parent, verb) = path.rsplit_once('/').unwrap_or(("", path));
        if let Some(known) = language::arguments(verb).filter(|_| parent.is_empty()) {
            return Ok(known.iter().map(|a| ((*a).to_owned(), "arg")).collect());
        }
        let menu = SCHEMA.menu(parent).filter(|_| self.has_menu(parent));
        let arguments = menu.and_then(|m| self.arguments_of(m, verb));
        let arguments = arguments.ok_or_else(trap::no_such_menu)?;
        Ok(arguments.into_iter().map(|a| (a, "arg")).collect())
    }

    fn menus_below(&self, path: &str) -> Children {
        let below = format!("{path}/");
        let offered = SCHEMA.menus.iter().filter(|m| self.offers(m));
        let visible = offered.filter(|m| m.storage != Storage::Hidden);
        let names = visible.filter_map(|m| m.path.strip_prefix(&below));
        names
            .filter_map(|rest| rest.split('/').next())
            .map(|name| {
                let is_way = WAYS.contains(&format!("{path}/{name}").as_str());
                (name.to_owned(), if is_way { "path" } else { "dir" })
            })
            .collect()
    }

    /// Returns the commands of a menu.
    pub(super) fn commands_of(&self, menu: &Menu) -> Vec<&'static str> {
        let version = self.release.version();
        let has = |name: &str| menu.prop(name, version).is_some();
        let is_single = menu.is_single(version);
        let is_stored = menu.storage != Storage::Live;
        let mut commands = vec!["print", "get"];
        let rows: &[&'static str] = match (is_stored, is_single, menu.shape) {
            (false, true, _) => &[],
            (false, false, _) => &["find"],
            (true, true, _) => &["set", "edit", "export"],
            (true, false, Shape::List) => {
                &["add", "set", "remove", "find", "edit", "export", "unset"]
            }
            (true, false, _) => &["set", "find", "edit", "export"],
        };
        commands.extend(rows);
        if is_stored && !is_single {
            commands.extend(
                has("disabled")
                    .then_some(["enable", "disable"])
                    .into_iter()
                    .flatten(),
            );
            commands.extend(has("comment").then_some("comment"));
            commands.extend(menu.is_ordered.then_some("move"));
        }
        commands.extend(menu.verbs.iter().map(|(verb, _)| *verb));
        commands
    }

    /// Returns the arguments of a command; nothing if the menu has no such command.
    fn arguments_of(&self, menu: &Menu, verb: &str) -> Option<Vec<String>> {
        if !self.commands_of(menu).contains(&verb) {
            return None;
        }
        let version = self.release.version();
        let settable = |p: &&Prop| p.exists_in(version) && p.access != Access::ReadOnly;
        let props = menu
            .props
            .iter()
            .filter(settable)
            .map(|p| p.name.to_string());
        let owned = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        if let Some((_, names)) = menu.verbs.iter().find(|(v, _)| *v == verb) {
            return Some(owned(names));
        }
        Some(match verb {
            "add" => {
                let places: &[&str] = if menu.is_ordered {
                    &["copy-from", "place-before"]
                } else {
                    &["copy-from"]
                };
                props.chain(owned(places)).collect()
            }
            "set" if menu.is_single(version) => props.collect(),
            "set" => props.chain(owned(&["numbers"])).collect(),
            "print" => owned(PRINT),
            "get" if menu.is_single(version) => owned(&["value-name"]),
            "get" | "edit" => owned(&["number", "value-name"]),
            "unset" => owned(&["numbers", "value-name"]),
            "move" => owned(&["numbers", "destination"]),
            "comment" => owned(&["numbers", "comment"]),
            "find" => owned(&["where"]),
            "export" => owned(&["compact", "file", "hide-sensitive", "terse", "verbose"]),
            _ => owned(&["numbers"]),
        })
    }

    /// Completes the last word of a line.
    fn completions(&self, path: &str, input: &str) -> Vec<Record> {
        let typed = self.typed(path, input);
        let from = typed.from;
        let word = input.get(from..).unwrap_or_default();
        let choices = self.choices(&typed);
        let fitting = choices.iter().filter(|(name, _)| name.starts_with(word));
        fitting
            .map(|(name, style)| {
                Record::new()
                    .with("type", "completion")
                    .with("completion", name)
                    .with("style", *style)
                    .with("preference", "96")
                    .with("offset", from.to_string())
                    .with("show", "true")
            })
            .collect()
    }

    /// Returns what an argument can be.
    fn values(&self, command: &str, name: &str) -> Children {
        let (menu, _) = command.rsplit_once('/').unwrap_or((command, ""));
        let prop = SCHEMA
            .menu(menu)
            .and_then(|m| m.prop(name, self.release.version()));
        let of = |values: &[&str]| values.iter().map(|v| ((*v).to_owned(), "arg")).collect();
        let named = |path: &str| {
            let rows = self.tree.rows(path).iter();
            let names = rows.filter_map(|r| r.get("name"));
            names.map(|n| (n.to_owned(), "obj")).collect()
        };
        match prop.map(|p| &p.kind) {
            Some(Kind::Bool) => of(&["no", "yes"]),
            Some(Kind::Enum(values)) => of(values),
            Some(Kind::Interface) => {
                let all = self.interfaces().into_iter();
                all.map(|i| (i.name().to_owned(), "obj")).collect()
            }
            Some(Kind::Ref(path)) => named(path),
            _ => Children::new(),
        }
    }

    fn syntax(&self, path: &str) -> Result<Vec<Record>, Trap> {
        let row = |symbol: &str, kind: &str, text: &str| {
            Record::new()
                .with("type", "syntax")
                .with("symbol", symbol)
                .with("symbol-type", kind)
                .with("nested", "0")
                .with("nonorm", "false")
                .with("text", text)
        };
        if self.node(path)? != "arg" {
            let children = self.children(path)?;
            let rows = children.keys().map(|name| row(name, "explanation", ""));
            return Ok(rows.collect());
        }
        let (command, name) = path.rsplit_once('/').unwrap_or(("", path));
        let (menu, _) = command.rsplit_once('/').unwrap_or((command, ""));
        let prop = SCHEMA
            .menu(menu)
            .and_then(|m| m.prop(name, self.release.version()));
        let text = prop.map_or("", |p| description(&p.kind));
        Ok(vec![row(name, "definition", text)])
    }
}

/// Returns what a word means: what is called so, or the only one that begins so.
pub(crate) fn meant(children: &Children, word: &str) -> Option<(String, &'static str)> {
    if let Some(kind) = children.get(word) {
        return Some((word.to_owned(), kind));
    }
    let mut begun = children.iter().filter(|(name, _)| name.starts_with(word));
    let (name, kind) = begun.next().filter(|_| !word.is_empty())?;
    begun.next().is_none().then(|| (name.clone(), *kind))
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

fn child(kind: &str, name: &str, node: &str) -> Record {
    Record::new()
        .with("type", kind)
        .with("name", name)
        .with("node-type", node)
}

/// Says of a kind of values what a console says.
fn description(kind: &Kind) -> &'static str {
    match kind {
        Kind::Str => "string value",
        Kind::Bool => "yes | no",
        Kind::Flag => "",
        Kind::Kibibytes | Kind::Int(..) => "integer number",
        Kind::Duration => "time interval",
        Kind::Ip => "A.B.C.D    (IP address)",
        Kind::Prefix => "A.B.C.D/M    (IP prefix)",
        Kind::Mac => "AB[:|-|.]CD[:|-|.]EF[:|-|.]GH[:|-|.]IJ[:|-|.]KL    (MAC address)",
        Kind::Interface | Kind::Enum(_) | Kind::Ref(_) => "see completion",
    }
}
