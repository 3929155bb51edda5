//! In which order an export writes things: menu by menu, but nothing before what it refers to.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::core::Core;
use crate::schema::{SCHEMA, Shape, Storage};
use crate::tree::{Key, Row};

/// Properties that name rows of menus which come later: menu, property, the menu named.
const LATER: &[(&str, &str, &str)] = &[
    (
        "/interface/wireless",
        "security-profile",
        "/interface/wireless/security-profiles",
    ),
    ("/caps-man/configuration", "datapath", "/caps-man/datapath"),
    ("/caps-man/configuration", "security", "/caps-man/security"),
    ("/caps-man/configuration", "rates", "/caps-man/rates"),
    (
        "/caps-man/configuration",
        "datapath.interface-list",
        "/interface/list",
    ),
    (
        "/caps-man/configuration",
        "datapath.bridge",
        "/interface/bridge",
    ),
    ("/caps-man/interface", "datapath", "/caps-man/datapath"),
    ("/caps-man/interface", "security", "/caps-man/security"),
    ("/caps-man/interface", "rates", "/caps-man/rates"),
    (
        "/caps-man/interface",
        "configuration",
        "/caps-man/configuration",
    ),
    ("/queue/interface", "queue", "/queue/type"),
    (
        "/ip/dhcp-server",
        "dhcp-option-set",
        "/ip/dhcp-server/option/sets",
    ),
    ("/ip/dhcp-server", "address-pool", "/ip/pool"),
];

/// Menus of which the second comes first on devices of 6.43 that are put together of packages, and
/// not one bundle.
const TURNED: &[(&str, &str)] = &[
    ("/interface/bridge", "/interface/ethernet"),
    (
        "/interface/wireless/manual-tx-power-table",
        "/interface/wireless/nstreme",
    ),
];

/// Rows of one menu that are written together.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) path: Key,
    pub(super) rows: Vec<u32>,
}

impl Core {
    /// Returns what is written, in order. Menus of a loaded export stand as they stood there.
    pub(super) fn sections(&self, is_whole: bool) -> Vec<Section> {
        let order = self.menus_in_order(is_whole);
        let places: BTreeMap<&str, usize> = order.iter().map(|p| &**p).zip(0..).collect();
        let mut sections = BTreeMap::new();
        for (at, path) in order.iter().enumerate() {
            let rows = self.tree.rows(path);
            if rows.is_empty() && self.is_single(path) {
                sections.insert((at, 0, at), vec![0]);
            }
            let depends = LATER.iter().any(|(menu, ..)| *menu == &**path);
            let mut rows: Vec<_> = rows.iter().filter(|r| !r.is_dynamic).collect();
            let is_interface = SCHEMA
                .menu(path)
                .is_some_and(|m| m.interface_type.is_some());
            if is_interface && self.tree.order.is_empty() {
                // What stands on another of its kind comes after it.
                let stands = |r: &&Row| r.get("master-interface").is_some_and(|m| m != "none");
                rows.sort_by_cached_key(|r| {
                    (stands(r), r.get("name").unwrap_or_default().to_lowercase())
                });
            }
            for row in rows {
                let after = Some(row).filter(|_| depends);
                let after = after.and_then(|row| self.waits_for(path, row, &places, is_whole));
                let place = after.filter(|after| *after > at);
                let key = place.map_or((at, 0, at), |after| (after, 1, at));
                sections.entry(key).or_insert_with(Vec::new).push(row.id);
            }
        }
        let each = sections.into_iter().filter_map(|((_, _, at), rows)| {
            let path = Arc::clone(order.get(at)?);
            Some(Section { path, rows })
        });
        each.collect()
    }

    /// Returns the place of the last menu that a row refers to.
    fn waits_for(
        &self,
        path: &str,
        row: &Row,
        places: &BTreeMap<&str, usize>,
        is_whole: bool,
    ) -> Option<usize> {
        let refers = LATER.iter().filter(|(menu, ..)| *menu == path);
        let targets = refers.filter_map(|(_, name, target)| {
            let value = row.get(name)?;
            let rows = self.tree.rows(target);
            let named = rows.iter().find(|r| r.get("name") == Some(value))?;
            // What is there from the start needs no waiting.
            let is_new = is_whole
                || !named.is_builtin
                || named.get("default").is_none() && *target == "/queue/type";
            places.get(target).copied().filter(|_| is_new)
        });
        let stands_on = row.get("master-interface").filter(|m| *m != "none");
        let master = stands_on.and_then(|name| {
            let rows = self.tree.rows(path);
            let mut named = rows.iter().filter(|r| r.id != row.id);
            named.find(|r| r.get("name") == Some(name) && r.get("master-interface").is_none())
        });
        let master = master.and_then(|m| self.waits_for(path, m, places, is_whole));
        targets.max().max(master)
    }

    fn menus_in_order(&self, is_whole: bool) -> Vec<Key> {
        let mut order = self.tree.order.clone();
        let mut rest: Vec<Key> = self
            .tree
            .tables()
            .map(|(path, _)| Arc::clone(path))
            .collect();
        if is_whole {
            let single = |m: &&crate::schema::Menu| {
                m.shape == Shape::Single && m.storage == Storage::Config && self.offers(m)
            };
            let all = SCHEMA.menus.iter().filter(single);
            rest.extend(all.map(|m| Arc::clone(&m.path)));
        }
        rest.sort_by_key(|p| (SCHEMA.position(p, self.release.version()), Arc::clone(p)));
        rest.dedup();
        let is_early = !self.release.at_least(6, 44);
        for (first, second) in TURNED
            .iter()
            .filter(|_| is_early && !self.kit().has_package("ppp"))
        {
            let place = |name: &str| rest.iter().position(|p| **p == *name);
            if let (Some(first), Some(second)) = (place(first), place(second)) {
                let path = rest.remove(second);
                rest.insert(first, path);
            }
        }
        rest.retain(|p| !order.contains(p));
        order.extend(rest);
        order.retain(|p| Self::is_config(p));
        order
    }
}
