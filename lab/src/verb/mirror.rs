//! Menus whose rows follow the interfaces: one row each, made when somebody looks there.

use crate::core::Core;
use crate::tree::{Change, Row};

/// Such menus, with the type of interface that they follow and the property that names it.
const MIRRORS: &[(&str, &str, &str)] = &[
    ("/queue/interface", "", "interface"),
    ("/interface/wireless/nstreme", "wlan", "name"),
    ("/interface/wireless/manual-tx-power-table", "wlan", "name"),
    ("/interface/ethernet/switch/port", "ether", "name"),
];

/// The id of the port that the processor has in a switch.
const CPU_PORT: u32 = 0xFFFF;

impl Core {
    /// Brings the rows of a menu up to date with the interfaces, if it follows them.
    pub(super) fn mirror(&mut self, path: &str) {
        let Some((path, kind, name)) = MIRRORS.iter().find(|(p, ..)| *p == path) else {
            return;
        };
        let all = self.interfaces().into_iter();
        let wanted = all.filter(|i| kind.is_empty() || i.kind == *kind);
        let mut wanted: Vec<_> = wanted.map(|i| (i.row.id, i.name().to_owned())).collect();
        let is_switch = *path == "/interface/ethernet/switch/port";
        if is_switch && !self.release.has_slashes() {
            // The port of the processor, which is none that has a socket.
            wanted.push((CPU_PORT, "switch1-cpu".to_owned()));
        }
        let path = Self::key(path);
        let rows = self.tree.rows(&path);
        let gone: Vec<u32> = rows
            .iter()
            .filter(|r| !wanted.iter().any(|(id, _)| *id == r.id))
            .map(|r| r.id)
            .collect();
        for id in gone {
            let path = std::sync::Arc::clone(&path);
            self.tree.apply(Change::Remove { path, id });
        }
        for (at, (id, interface)) in wanted.into_iter().enumerate() {
            if let Some(row) = self.tree.row_mut(&path, id) {
                row.set((*name).into(), interface);
                continue;
            }
            let row = Row {
                id,
                props: vec![((*name).into(), interface)],
                is_builtin: true,
                ..Row::default()
            };
            let path = std::sync::Arc::clone(&path);
            self.tree.apply(Change::Insert { path, at, row });
        }
    }
}
