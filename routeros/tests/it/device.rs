//! A device in memory: as much of one as undo needs.

use std::collections::BTreeMap;
use std::time::Duration;

use routeros::command::Command;
use routeros::row::Row;
use routeros::script::Problem;
use routeros::script::condition::Condition;
use routeros::script::run::{Argument, Call, Data, Host, run};
use routeros::script::{operations, parse};
use routeros::server::{Receiver, Request};
use routeros::undo::{Plan, PlanError, Snapshot, plan};

#[derive(Clone, Debug, Default)]
pub(crate) struct Device {
    menus: BTreeMap<String, Vec<Row>>,
    next_id: u32,
}

impl Device {
    /// Adds a menu of items, given as `name=value` words.
    pub(crate) fn with(mut self, menu: &str, items: &[&str]) -> Self {
        self.menus.entry(menu.to_owned()).or_default();
        for item in items {
            let words = item.split(' ').filter_map(|word| word.split_once('='));
            self.add(menu, &words.collect(), None);
        }
        self
    }

    /// Adds a menu with one record.
    pub(crate) fn with_singleton(mut self, menu: &str, row: Row) -> Self {
        self.menus.insert(menu.to_owned(), vec![row]);
        self
    }

    pub(crate) fn rows(&self, menu: &str) -> &[Row] {
        self.menus.get(menu).map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::new();
        // The guard itself is no part of the change.
        let menus = self
            .menus
            .iter()
            .filter(|(menu, _)| *menu != "/system/scheduler");
        for (menu, rows) in menus {
            snapshot.insert(menu, rows.clone());
        }
        snapshot
    }

    /// Sends the first steps of a plan.
    pub(crate) fn apply(&mut self, plan: &Plan, count: usize) {
        let mut added = Vec::new();
        for step in plan.steps().iter().take(count) {
            let command = step.command(&added).unwrap();
            added.push(self.execute(&command).unwrap());
        }
    }

    /// Fires the timer.
    pub(crate) fn run(&mut self, script: &str) {
        let script = parse(script.as_bytes()).unwrap();
        run(&script, self).unwrap();
    }

    fn execute(&mut self, command: &Command) -> Result<Option<String>, Problem> {
        let mut bytes = Vec::new();
        command.encode(None, &mut bytes);
        let mut receiver = Receiver::new();
        receiver.signed_in();
        receiver.feed(&bytes);
        let request: Request = receiver.poll().unwrap().unwrap();
        let (menu, verb) = request.menu_and_verb();
        let mut values = request.attributes.clone();
        let mut take = |name: &str| {
            let value = values.text(name).map(std::borrow::Cow::into_owned);
            values.unset(name);
            value
        };
        let target = take(".id").or_else(|| take("numbers"));
        let before = take("place-before").or_else(|| take("destination"));
        match verb {
            "add" => return Ok(Some(self.add(menu, &values, before.as_deref()))),
            "unset" => {
                let name = take("value-name").unwrap();
                self.change(menu, target.as_deref(), |row| {
                    row.unset(&name);
                })?;
            }
            "set" => self.change(menu, target.as_deref(), |row| update(row, &values))?,
            "enable" => self.change(menu, target.as_deref(), |row| row.set("disabled", "false"))?,
            "disable" => self.change(menu, target.as_deref(), |row| row.set("disabled", "true"))?,
            "remove" => drop(self.take(menu, &target.unwrap())?),
            "move" => self.shift(menu, &target.unwrap(), before.as_deref())?,
            other => panic!("{other}"),
        }
        Ok(None)
    }

    fn add(&mut self, menu: &str, values: &Row, before: Option<&str>) -> String {
        self.next_id += 1;
        let id = format!("*{:X}", self.next_id);
        let mut row = Row::new().with(".id", &id);
        update(&mut row, values);
        self.insert(menu, row, before);
        id
    }

    fn insert(&mut self, menu: &str, row: Row, before: Option<&str>) {
        let rows = self.menus.entry(menu.to_owned()).or_default();
        let at = before.and_then(|id| rows.iter().position(|row| row.id() == Some(id)));
        rows.insert(at.unwrap_or(rows.len()), row);
    }

    fn take(&mut self, menu: &str, id: &str) -> Result<Row, Problem> {
        let rows = self.menus.get_mut(menu).ok_or_else(missing)?;
        let at = rows
            .iter()
            .position(|row| row.id() == Some(id))
            .ok_or_else(missing)?;
        Ok(rows.remove(at))
    }

    fn shift(&mut self, menu: &str, id: &str, before: Option<&str>) -> Result<(), Problem> {
        let row = self.take(menu, id)?;
        self.insert(menu, row, before);
        Ok(())
    }

    fn change(
        &mut self,
        menu: &str,
        id: Option<&str>,
        change: impl FnOnce(&mut Row),
    ) -> Result<(), Problem> {
        let rows = self.menus.get_mut(menu).ok_or_else(missing)?;
        let row = rows
            .iter_mut()
            .find(|row| row.id() == id)
            .ok_or_else(missing)?;
        let old = row.raw("name").map(<[u8]>::to_vec);
        change(row);
        let new = row.raw("name").map(<[u8]>::to_vec);
        match (old, new) {
            (Some(old), Some(new)) if menu.starts_with("/interface") => self.rename(&old, &new),
            _ => {}
        }
        Ok(())
    }

    /// Whatever names an interface does so by its id.
    fn rename(&mut self, old: &[u8], new: &[u8]) {
        for row in self.menus.values_mut().flatten() {
            for name in ["name", "interface"] {
                if row.raw(name) == Some(old) {
                    row.set(name, new);
                }
            }
        }
    }
}

fn missing() -> Problem {
    Problem::Failed("no such item".to_owned())
}

fn update(row: &mut Row, values: &Row) {
    for (name, value) in values.iter() {
        let value = match value {
            b"yes" => b"true",
            b"no" => &b"false"[..],
            value => value,
        };
        if value.is_empty() {
            row.unset(name);
        } else {
            row.set(name, value);
        }
    }
}

impl Host for Device {
    fn command(&mut self, call: &Call) -> Result<Data, Problem> {
        let rows = self.menus.get(&call.menu).ok_or_else(missing)?;
        if call.verb == "find" {
            let condition = call.filter.clone().unwrap_or(Condition::All(Vec::new()));
            let found = rows.iter().filter(|row| condition.holds(row));
            return Ok(Data::ids(found.filter_map(Row::id)));
        }
        let mut values = Row::new();
        let mut unset = Vec::new();
        let mut ids = Vec::new();
        let mut before = None;
        for argument in &call.arguments {
            match argument {
                Argument::Named(name, value)
                    if matches!(name.as_str(), "place-before" | "destination") =>
                {
                    before = Some(items(value).into_iter().next().ok_or_else(missing)?);
                }
                Argument::Named(name, value) => values.push(name, value.text().unwrap()),
                Argument::Unset(name) => unset.push(name.clone()),
                Argument::Positional(value) => ids.push(items(value)),
            }
        }
        if call.verb == "add" {
            self.add(&call.menu, &values, before.as_deref());
            return Ok(Data::Nothing);
        }
        let is_singleton = ids.is_empty();
        for id in ids.into_iter().flatten() {
            match call.verb.as_str() {
                "set" => self.change(&call.menu, Some(&id), |row| {
                    update(row, &values);
                    for name in &unset {
                        row.unset(name);
                    }
                })?,
                "remove" => drop(self.take(&call.menu, &id)?),
                "move" => self.shift(&call.menu, &id, before.as_deref())?,
                other => panic!("{other}"),
            }
        }
        if is_singleton {
            self.change(&call.menu, None, |row| update(row, &values))?;
        }
        Ok(Data::Nothing)
    }

    fn put(&mut self, _text: &[u8]) {}

    fn log(&mut self, _topic: &str, _text: &[u8]) {}

    fn delay(&mut self, _time: Duration) -> Result<(), Problem> {
        Ok(())
    }
}

fn items(value: &Data) -> Vec<String> {
    let text = String::from_utf8(value.text().unwrap()).unwrap();
    let ids = text.split(';').filter(|id| !id.is_empty());
    ids.map(str::to_owned).collect()
}

pub(crate) fn planned(script: &str, before: &Snapshot) -> Result<Plan, PlanError> {
    let operations = operations(&parse(script.as_bytes()).unwrap()).unwrap();
    plan(&operations, before)
}

/// Plans, and checks that every way of applying it, in part or in whole, is taken back.
pub(crate) fn check(device: &Device, script: &str) -> Plan {
    let plan = planned(script, &device.snapshot()).unwrap();
    let inverse = plan.inverse("tod-1");
    for count in 0..=plan.steps().len() {
        let mut changed = device.clone();
        changed.apply(&plan, count);
        if count == plan.steps().len() {
            assert_eq!(plan.differs_from_after(&changed.snapshot()), [], "{script}");
        }
        for round in 1..=2 {
            changed.run(&inverse);
            assert_eq!(changed.rows("/system/scheduler"), []);
            let left = plan.differs_from_before(&changed.snapshot());
            assert_eq!(
                left,
                [],
                "after {count} steps, round {round}: {script}\n{inverse}"
            );
        }
    }
    plan
}

pub(crate) fn router() -> Device {
    let identity = Row::new().with("name", "r1");
    Device::default()
        .with_singleton("/system/identity", identity)
        .with("/system/scheduler", &["name=tod-1 interval=1m on-event=x run-count=0"])
        .with("/interface", &["name=ether1 type=ether", "name=ether2 type=ether", "name=v10 type=vlan"])
        .with("/interface/vlan", &["name=v10 vlan-id=10 interface=ether2 mac-address=AA:BB running=true"])
        .with("/interface/list/member", &[])
        .with("/interface/bridge/port", &[])
        .with("/ip/dhcp-client", &[])
        .with("/ip/dhcp-server", &[])
        .with(
            "/ip/address",
            &[
                "address=10.0.0.1/24 network=10.0.0.0 interface=ether1 disabled=false dynamic=false",
                "address=10.9.0.1/24 network=10.9.0.0 interface=ether2 comment=lan disabled=false",
                "address=172.16.0.5/24 network=172.16.0.0 interface=ether2 dynamic=true",
            ],
        )
        .with(
            "/ip/service",
            &[
                "name=api port=8728 disabled=false address=",
                "name=telnet port=23 disabled=false",
                "name=api port=8728 dynamic=true connection=true",
            ],
        )
        .with(
            "/ip/route",
            &["dst-address=0.0.0.0/0 gateway=10.0.0.254 active=true", "dst-address=10.5.0.0/16 gateway=10.9.0.2"],
        )
        .with(
            "/ip/firewall/filter",
            &[
                "chain=input action=accept connection-state=established,related bytes=1",
                "chain=input action=accept protocol=tcp dst-port=8728 comment=mgmt",
                "chain=input action=drop in-interface=ether2",
                "chain=forward action=drop",
                "chain=forward action=drop",
            ],
        )
}
