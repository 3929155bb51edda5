//! Commands on menus: one order in, rows or a value or a refusal out.

use routeros::error::Trap;
use routeros::row::Row as Record;

use crate::core::{Caller, Core};
use crate::schema::SCHEMA;
use crate::text;
use crate::trap;

mod account;
mod certificate;
mod check;
mod file;
mod inspect;
mod keys;
mod known;
mod listen;
mod mirror;
mod monitor;
mod order;
mod probe;
mod rename;
mod system;
mod update;
mod wireguard;
mod write;

pub(crate) use certificate::{KEY, PEM};
pub(crate) use listen::Marks;
pub(crate) use order::{After, Filter, Order, Outcome};
pub(crate) use system::topics;
pub(crate) use write::read_id;

impl Core {
    /// Carries out a command.
    pub(crate) fn perform(&mut self, caller: &Caller, order: &Order) -> Result<Outcome, Trap> {
        if let Some(outcome) = self.special(caller, order)? {
            return Ok(outcome);
        }
        if !self.has_menu(&order.menu) {
            if self.has_menu_below(&order.menu) {
                return Err(trap::no_such_command());
            }
            return Err(trap::no_such_menu());
        }
        self.mirror(&order.menu);
        if matches!(
            order.verb.as_str(),
            "print" | "getall" | "get" | "find" | "export" | "listen"
        ) {
            self.require(caller, "read")?;
        }
        match order.verb.as_str() {
            "listen" => self.listen(order),
            "print" if order.has("follow-only") => self.listen(order),
            "print" | "getall" => self.print(order),
            "get" => self.get(order),
            "find" => {
                let rows = self.select(order)?;
                let ids: Vec<_> = rows.iter().filter_map(Record::id).collect();
                Ok(Outcome::ret(ids.join(";")))
            }
            "export" => Ok(Outcome::text(self.export(&order.menu, order))),
            "add" | "set" | "unset" | "remove" | "enable" | "disable" | "move" | "comment" => {
                self.require(caller, policy_of(&order.menu))?;
                self.write(caller, order)
            }
            _ => Err(trap::no_such_command()),
        }
    }

    /// Refuses who has not got a right.
    pub(crate) fn require(&self, caller: &Caller, policy: &str) -> Result<(), Trap> {
        if self.has_policy(&caller.user, policy) {
            Ok(())
        } else {
            Err(trap::not_permitted())
        }
    }

    pub(crate) fn has_policy(&self, user: &str, policy: &str) -> bool {
        if user == "system" {
            return true;
        }
        let user = self
            .tree
            .rows("/user")
            .iter()
            .find(|r| r.get("name") == Some(user));
        let group = user.and_then(|u| u.get("group"));
        let group = self
            .tree
            .rows("/user/group")
            .iter()
            .find(|r| r.get("name") == group);
        let policies = group.and_then(|g| g.get("policy")).unwrap_or_default();
        policies.split(',').any(|p| p == policy)
    }

    fn print(&self, order: &Order) -> Result<Outcome, Trap> {
        Self::check_parameters(order, PRINT)?;
        let mut rows = self.select(order)?;
        if order.has("status") {
            self.add_status(&order.menu, &mut rows);
        }
        if order.has("count-only") {
            let count = rows.len().to_string();
            return Ok(Outcome {
                text: Some(count.clone()),
                ..Outcome::ret(count)
            });
        }
        let rows = match order.arg(".proplist").or_else(|| order.arg("proplist")) {
            Some(list) => rows.iter().map(|r| project(r, list)).collect(),
            None => rows,
        };
        let text = order.is_console.then(|| self.table_of(order, &rows));
        Ok(Outcome {
            text,
            ..Outcome::rows(rows)
        })
    }

    fn get(&self, order: &Order) -> Result<Outcome, Trap> {
        let records = match (order.numbers(), self.is_single(&order.menu)) {
            (_, true) => self.records(&order.menu),
            (Some(numbers), false) => {
                let ids = self.resolve(&order.menu, numbers, order.is_console)?;
                let is_meant = |r: &Record| ids.iter().any(|id| r.id() == Some(id.as_str()));
                self.records(&order.menu)
                    .into_iter()
                    .filter(is_meant)
                    .collect()
            }
            (None, false) => return Err(trap::missing_value("numbers")),
        };
        let record = records.into_iter().next().ok_or_else(trap::no_such_item)?;
        let Some(name) = order.arg("value-name") else {
            let all: Vec<_> = record
                .iter()
                .map(|(k, v)| [k.as_bytes(), b"=", v].concat())
                .collect();
            return Ok(Outcome::ret(all.join(&b';')));
        };
        match record.raw(name) {
            Some(value) => Ok(Outcome::ret(value)),
            None if self.knows_property(&order.menu, name) => Ok(Outcome::ret("")),
            None => Err(trap::no_match("value-name")),
        }
    }

    /// Returns the rows that an order is about.
    pub(crate) fn select(&self, order: &Order) -> Result<Vec<Record>, Trap> {
        let mut rows = self.records(&order.menu);
        if let Some(numbers) = order.numbers().or_else(|| order.arg("from")) {
            let ids = self.resolve(&order.menu, numbers, order.is_console)?;
            rows.retain(|r| ids.iter().any(|id| r.id() == Some(id.as_str())));
        }
        rows.retain(|r| order.filter.passes(r));
        Ok(rows)
    }

    /// Turns `*1,ether2,0` into ids.
    pub(crate) fn resolve(
        &self,
        path: &str,
        numbers: &str,
        is_console: bool,
    ) -> Result<Vec<String>, Trap> {
        let records = self.records(path);
        let words = numbers.split([',', ';']).filter(|w| !w.is_empty());
        words
            .map(|word| {
                let by_id = records.iter().find(|r| {
                    word.starts_with('*') && r.id().is_some_and(|id| id.eq_ignore_ascii_case(word))
                });
                let named = |r: &&Record| {
                    let name = r.raw("name").or_else(|| r.raw("default-name"));
                    let name = name.or_else(|| match path {
                        "/queue/interface" => r.raw("interface"),
                        "/disk" => r.raw("slot"),
                        _ => None,
                    });
                    name == Some(text::encode(word).as_slice())
                };
                let by_place = || {
                    let place: usize = word.parse().ok().filter(|_| is_console)?;
                    let mut counted = records.iter().filter(|r| self.counts(path, r));
                    counted.nth(place)
                };
                let found = by_id
                    .or_else(|| records.iter().find(named))
                    .or_else(by_place);
                found
                    .and_then(Record::id)
                    .map(str::to_owned)
                    .ok_or_else(trap::no_such_item)
            })
            .collect()
    }

    /// Says whether a row has a number: dynamic routes have none in newer releases.
    fn counts(&self, path: &str, record: &Record) -> bool {
        path != "/ip/route" || !self.release.has_slashes() || record.raw("dynamic").is_none()
    }

    pub(crate) fn is_single(&self, path: &str) -> bool {
        match SCHEMA.menu(path) {
            Some(menu) => menu.is_single(self.release.version()),
            None => self.tree.table(path).is_some_and(|t| t.is_single),
        }
    }

    /// Refuses arguments that neither the verb nor the menu knows.
    fn check_parameters(order: &Order, known: &[&str]) -> Result<(), Trap> {
        let unknown = order.args.iter().find(|(name, _)| {
            !known.contains(&name.as_str()) && !name.starts_with('.') && name != "numbers"
        });
        unknown.map_or(Ok(()), |(name, _)| Err(trap::unknown_parameter(name)))
    }

    pub(crate) fn knows_property(&self, path: &str, name: &str) -> bool {
        match SCHEMA.menu(path) {
            Some(menu) if menu.props.is_empty() => true,
            Some(menu) => menu.prop(name, self.release.version()).is_some(),
            None => true,
        }
    }
}

const PRINT: &[&str] = &[
    "detail",
    "status",
    "stats",
    "stats-detail",
    "count-only",
    "proplist",
    "from",
    "as-value",
    "terse",
    "brief",
    "without-paging",
    "show-ids",
    "value-list",
    "file",
    "oid",
    "once",
    "where",
    "group-by",
    "interval",
    "append",
    "follow",
    "follow-only",
];

fn policy_of(menu: &str) -> &'static str {
    if menu == "/user" || menu.starts_with("/user/") {
        "policy"
    } else {
        "write"
    }
}

fn project(record: &Record, list: &str) -> Record {
    let wanted = list
        .split(',')
        .filter_map(|n| record.raw(n).map(|v| (n, v)));
    wanted.collect()
}
