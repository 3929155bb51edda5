//! What the tour said, held against the lab's log and configuration trees.

use super::cast::turns;
use super::{Cast, Stage};
use crate::lab::text;
use crate::say;
use anyhow::{Result, bail, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The configuration of every device of the lab before the tour.
#[derive(Debug)]
pub(super) struct Before {
    trees: BTreeMap<String, Value>,
    turns: BTreeMap<String, u64>,
}

impl Before {
    pub(super) fn read(stage: &Stage) -> Result<Self> {
        let mut before = Self {
            trees: BTreeMap::new(),
            turns: BTreeMap::new(),
        };
        for device in stage.lab.devices()? {
            let name = text(&device, "name").to_owned();
            before.trees.insert(name.clone(), stage.lab.tree(&name)?);
            before.turns.insert(name, turns(&device));
        }
        Ok(before)
    }
}

/// Checks every claim; the first that does not hold is the error.
pub(super) fn hold(stage: &Stage, cast: &Cast, before: &Before) -> Result<()> {
    exec_told_the_truth(stage, cast)?;
    polls_go_on(stage, cast, before)?;
    logins_are_few(stage, cast)?;
    trees_are_as_they_should_be(stage, cast, before)?;
    nothing_of_ours_is_left(stage)
}

fn exec_told_the_truth(stage: &Stage, cast: &Cast) -> Result<()> {
    let args = [
        "exec",
        &cast.selector,
        "-o",
        "jsonl",
        "--",
        "/ip/address/print",
    ];
    let results = stage.todctl.lines(&args)?;
    let mut named: Vec<_> = results
        .iter()
        .map(|result| text(result, "device").to_owned())
        .collect();
    named.sort();
    ensure!(
        named == cast.selected,
        "exec answered for {named:?}, not for {:?}",
        cast.selected
    );
    let mut rows = 0;
    for result in &results {
        let device = text(result, "device");
        let said = result
            .get("rows")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let true_rows = stage.lab.rows(device, "/ip/address")?;
        ensure!(
            said.len() == true_rows.len(),
            "exec told {} rows of {device}",
            said.len()
        );
        for (said, truth) in said.iter().zip(&true_rows) {
            same_row(said, truth, device)?;
            rows += 1;
        }
    }
    ok(&format!(
        "exec: {rows} rows of {} devices are those of their trees",
        results.len()
    ));
    Ok(())
}

/// The API leaves out what is empty; everything else must be said, and nothing but that.
fn same_row(said: &Value, truth: &Value, device: &str) -> Result<()> {
    let empty = serde_json::Map::new();
    let (said, truth) = (
        said.as_object().unwrap_or(&empty),
        truth.as_object().unwrap_or(&empty),
    );
    for (key, value) in said {
        let there = truth.get(key);
        ensure!(
            there == Some(value),
            "{device}: exec told {key}={value}, the tree has {there:?}"
        );
    }
    for (key, value) in truth.iter().filter(|(_, value)| value.as_str() != Some("")) {
        ensure!(
            said.contains_key(key),
            "{device}: exec did not tell {key}={value}"
        );
    }
    Ok(())
}

fn polls_go_on(stage: &Stage, cast: &Cast, before: &Before) -> Result<()> {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let devices = stage.lab.devices()?;
        let still: Vec<_> = devices
            .iter()
            .filter(|device| cast.fleet.iter().any(|name| name == text(device, "name")))
            .filter(|device| {
                let then = before.turns.get(text(device, "name")).copied().unwrap_or(0);
                turns(device) < then + 2
            })
            .map(|device| text(device, "name").to_owned())
            .collect();
        if still.is_empty() {
            ok(&format!(
                "polls: all {} devices were asked again and again",
                cast.fleet.len()
            ));
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "not polled any more: {still:?}");
        std::thread::sleep(Duration::from_millis(250));
    }
}

fn logins_are_few(stage: &Stage, cast: &Cast) -> Result<()> {
    let mut logins: BTreeMap<String, u64> = BTreeMap::new();
    for entry in stage.lab.log(0)? {
        if text(&entry, "event") == "logged-in" && text(&entry, "via").starts_with("api") {
            *logins.entry(text(&entry, "device").to_owned()).or_default() += 1;
        }
    }
    for device in &cast.fleet {
        let count = logins.get(device).copied().unwrap_or(0);
        ensure!(
            count > 0,
            "{device} is said to be online and was never signed in to"
        );
    }
    let mut once = 0;
    for (device, count) in &logins {
        let most = cast.most_logins(device);
        ensure!(
            *count <= most,
            "{device} was signed in to {count} times, {most} at most"
        );
        once += u64::from(*count == 1);
    }
    ok(&format!(
        "logins: {once} of {} devices once; `{}` once more to verify its change, `{}` after its path was cut",
        logins.len(),
        cast.changed,
        cast.cut
    ));
    Ok(())
}

fn trees_are_as_they_should_be(stage: &Stage, cast: &Cast, before: &Before) -> Result<()> {
    for (device, then) in &before.trees {
        let now = stage.lab.tree(device)?;
        let added = differences(then, &now);
        if *device == cast.changed {
            let [(menu, None, Some(row))] = added.as_slice() else {
                bail!("{device}: one row should have been added, and this differs: {added:?}");
            };
            ensure!(
                menu == "/ip/firewall/address-list" && text(row, "address") == "198.51.100.9",
                "{device}: another row than the change's was added: {row}"
            );
            ok(&format!(
                "confirmed: {device} has {menu} {}",
                text(row, "address")
            ));
        } else {
            ensure!(
                added.is_empty(),
                "{device} is not as it was before: {added:?}"
            );
        }
    }
    ok(&format!("reverted: {} is as it was before", cast.cut));
    ok(&format!(
        "others: {} devices are as they were before",
        before.trees.len() - 2
    ));
    Ok(())
}

type Difference = (String, Option<Value>, Option<Value>);

/// Rows that are in one tree and not in the other, by menu.
fn differences(then: &Value, now: &Value) -> Vec<Difference> {
    let empty = serde_json::Map::new();
    let (then, now) = (
        then.as_object().unwrap_or(&empty),
        now.as_object().unwrap_or(&empty),
    );
    let rows = |tree: &serde_json::Map<String, Value>, menu: &str| -> Vec<Value> {
        tree.get(menu)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let mut menus: Vec<&String> = then.keys().chain(now.keys()).collect();
    menus.sort();
    menus.dedup();
    let mut found = Vec::new();
    for menu in menus {
        let (then, now) = (rows(then, menu), rows(now, menu));
        let gone = then.iter().filter(|row| !now.contains(row));
        found.extend(gone.map(|row| (menu.clone(), Some(row.clone()), None)));
        let new = now.iter().filter(|row| !then.contains(row));
        found.extend(new.map(|row| (menu.clone(), None, Some(row.clone()))));
        if then.len() == now.len() && then != now && then.iter().all(|row| now.contains(row)) {
            found.push((menu.clone(), None, Some(Value::from("in another order"))));
        }
    }
    found
}

/// What a push puts on a device is named `tod-…`.
fn nothing_of_ours_is_left(stage: &Stage) -> Result<()> {
    let devices = stage.lab.devices()?;
    for device in &devices {
        let device = text(device, "name");
        for menu in ["/system/scheduler", "/system/script", "/file"] {
            for row in stage.lab.rows(device, menu)? {
                ensure!(
                    !text(&row, "name").starts_with("tod-"),
                    "{device}: {menu} still has {row}"
                );
            }
        }
    }
    ok(&format!(
        "left behind: no scheduler entry, script or file of ours on {} devices",
        devices.len()
    ));
    Ok(())
}

fn ok(text: &str) {
    say::line(&format!("ok  {text}"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn trees_differ_by_rows_and_by_order() {
        let a = json!({"/m": [{"x": "1"}, {"x": "2"}], "/n": [{"y": "1"}]});
        assert_eq!(differences(&a, &a), []);
        let b = json!({"/m": [{"x": "2"}, {"x": "1"}], "/o": [{"z": "1"}]});
        let found = differences(&a, &b);
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(found[0].0, "/m");
        assert_eq!(found[1], ("/n".to_owned(), Some(json!({"y": "1"})), None));
        assert_eq!(found[2], ("/o".to_owned(), None, Some(json!({"z": "1"}))));
    }

    #[test]
    fn an_answer_that_leaves_something_out_is_not_the_truth() {
        let truth = json!({".id": "*1", "address": "10.0.0.1/24", "comment": ""});
        assert!(same_row(&json!({".id": "*1", "address": "10.0.0.1/24"}), &truth, "d").is_ok());
        assert!(same_row(&json!({".id": "*1"}), &truth, "d").is_err());
        assert!(same_row(&json!({".id": "*2", "address": "10.0.0.1/24"}), &truth, "d").is_err());
    }
}
