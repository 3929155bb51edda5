//! What a row may hold: values that parse, names that exist, keys that are free.

use routeros::error::Trap;

use crate::core::Core;
use crate::schema::{Access, Kind, Menu, SCHEMA};
use crate::trap;
use crate::tree::{Key, Row};
use crate::value::{Names, Net, accept};

impl Names for Core {
    fn has_interface(&self, name: &str) -> bool {
        let is_list = || {
            self.tree
                .rows("/interface/list")
                .iter()
                .any(|r| r.get("name") == Some(name))
        };
        self.interface(name).is_some() || name == "all" || is_list()
    }

    fn has_row(&self, menu: &str, name: &str) -> bool {
        self.tree
            .rows(menu)
            .iter()
            .any(|r| r.get("name") == Some(name))
    }
}

impl Core {
    /// Fills in what a device fills in by itself, after checking that nothing is missing.
    pub(super) fn complete(&self, menu: &Menu, row: &mut Row) -> Result<(), Trap> {
        if let (Some("name"), None) = (menu.name, row.get("name")) {
            let base = match menu.interface_type {
                Some(kind) => kind.to_owned(),
                None => menu.path.rsplit('/').next().unwrap_or("item").to_owned(),
            };
            let is_free = |n: &String| {
                let rows = self.tree.rows(&menu.path);
                self.interface(n).is_none() && !rows.iter().any(|r| r.get("name") == Some(n))
            };
            let name = (1..10_000).map(|n| format!("{base}{n}")).find(is_free);
            row.set("name".into(), name.unwrap_or(base));
        }
        let need = menu.need.as_ref().filter(|_| !row.is("template"));
        if let Some((names, text)) = need.filter(|_| self.release.has_slashes()) {
            let is_bare = names.is_empty() && row.props.is_empty();
            let lacks = !names.is_empty() && !names.iter().any(|n| row.get(n).is_some());
            if is_bare || lacks {
                return Err(trap::failure(text));
            }
        }
        let missing: Vec<_> = menu
            .props
            .iter()
            .filter(|p| p.exists_in(self.release.version()) && row.get(&p.name).is_none())
            .filter(|p| match p.access {
                Access::Required => true,
                Access::RequiredLately => self.release.at_least(7, 20),
                _ => false,
            })
            .map(|p| &*p.name)
            .collect();
        if !missing.is_empty() {
            return Err(trap::missing_value(&missing.join(" ")));
        }
        match &*menu.path {
            "/ip/address" if row.get("network").is_none() => {
                let net = row.get("address").and_then(Net::parse);
                if let Some(net) = net {
                    row.set("network".into(), net.network().to_string());
                }
            }
            "/ip/route" => {
                if let Some(net) = row.get("dst-address").and_then(Net::parse) {
                    let net = Net {
                        address: net.network(),
                        bits: net.bits,
                    };
                    row.set("dst-address".into(), net.to_string());
                }
            }
            "/system/scheduler" => {
                self.corrupt(row);
                self.stamp_start(row);
            }
            "/file" => self.stamp_file(row),
            "/interface/wireguard" => self.complete_wireguard(row),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn checked(
        &self,
        menu: Option<&Menu>,
        name: &str,
        value: &str,
    ) -> Result<(Key, String), Trap> {
        let Some(menu) = menu else {
            return Ok((Key::from(name), value.to_owned()));
        };
        if menu.props.is_empty() {
            return self.checked_interface(name, value);
        }
        let prop = menu.prop(name, self.release.version());
        let prop = prop.filter(|p| p.access != Access::ReadOnly);
        let prop = prop.ok_or_else(|| trap::unknown_parameter(name))?;
        if value.is_empty() && prop.default.is_none() && prop.access != Access::Required
            || prop.kind == Kind::Prefix && value.is_empty()
        {
            return Ok((Key::clone(&prop.name), String::new()));
        }
        accept(self, prop, value).map(|value| (Key::clone(&prop.name), value))
    }

    /// `/interface` takes what all its types have.
    fn checked_interface(&self, name: &str, value: &str) -> Result<(Key, String), Trap> {
        if !matches!(name, "name" | "disabled" | "comment" | "mtu") {
            return Err(trap::unknown_parameter(name));
        }
        self.checked(SCHEMA.menu("/interface/bridge"), name, value)
    }

    pub(super) fn check_unique(&self, menu: &Menu, row: &Row, id: Option<u32>) -> Result<(), Trap> {
        if menu.interface_type.is_some() {
            let name = row.get("name").unwrap_or_default();
            if self.interface(name).is_some_and(|i| Some(i.row.id) != id) {
                return Err(trap::failure("failure: already have device with such name"));
            }
        }
        if menu.unique.is_empty() {
            return Ok(());
        }
        let is_same = |other: &&Row| {
            let differs = |key: &&str| row.get(key) != other.get(key);
            Some(other.id) != id && !menu.unique.iter().any(differs)
        };
        match self.tree.rows(&menu.path).iter().find(is_same) {
            Some(_) => Err(trap::failure(&menu.taken)),
            None => Ok(()),
        }
    }
}
