//! What menus there are and what their properties can hold, read once from two tables.
//!
//! `schema/menus.txt` is written by hand and wins; `schema/tree.txt` has all that is left.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use routeros::version::Version;

mod read;

/// What a property can hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Str,
    Bool,
    Int(i64, i64),
    Duration,
    Ip,
    Prefix,
    Interface,
    Enum(Arc<[&'static str]>),
    Mac,
    Ref(&'static str),
}

/// How a property may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Normal,
    Required,
    ReadOnly,
    WriteOnly,
    Sensitive,
}

/// One property of a menu.
#[derive(Debug, Clone)]
pub(crate) struct Prop {
    pub(crate) name: Arc<str>,
    pub(crate) kind: Kind,
    pub(crate) default: Option<&'static str>,
    pub(crate) access: Access,
    versions: Versions,
}

impl Prop {
    pub(crate) fn exists_in(&self, version: Version) -> bool {
        self.versions.hold(version)
    }
}

/// What a menu's rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    List,
    Fixed,
    Single,
}

/// Where a menu's rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    /// In the tree, as configuration.
    Config,
    /// In the tree, but not in exports and history.
    State,
    /// In the tree, but shown by another menu alone.
    Hidden,
    /// Nowhere: computed when asked for.
    Live,
}

/// One menu.
#[derive(Debug, Clone)]
pub(crate) struct Menu {
    pub(crate) path: Arc<str>,
    pub(crate) shape: Shape,
    pub(crate) storage: Storage,
    pub(crate) is_ordered: bool,
    pub(crate) name: Option<&'static str>,
    pub(crate) unique: Vec<&'static str>,
    pub(crate) taken: String,
    pub(crate) interface_type: Option<&'static str>,
    pub(crate) find: Option<&'static str>,
    pub(crate) noun: String,
    pub(crate) needs_routerboard: bool,
    /// The package that brings it.
    pub(crate) package: Option<&'static str>,
    pub(crate) is_list_in_v7: bool,
    pub(crate) props: Vec<Prop>,
    /// Commands of its own, with their arguments.
    pub(crate) verbs: Vec<(&'static str, Vec<&'static str>)>,
    /// Unless one of these is given, `add` fails with a text of its own.
    pub(crate) need: Option<(Vec<&'static str>, String)>,
    versions: Versions,
}

impl Menu {
    pub(crate) fn prop(&self, name: &str, version: Version) -> Option<&Prop> {
        self.props
            .iter()
            .find(|p| &*p.name == name && p.versions.hold(version))
    }

    /// Returns what a property is when nobody has set it.
    pub(crate) fn default(&self, name: &str, version: Version) -> Option<&'static str> {
        self.prop(name, version)?.default
    }

    pub(crate) fn exists_in(&self, version: Version) -> bool {
        self.versions.hold(version)
    }

    pub(crate) fn is_single(&self, version: Version) -> bool {
        self.shape == Shape::Single && !(self.is_list_in_v7 && version.major >= 7)
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Versions {
    since: Option<(u16, u16)>,
    until: Option<(u16, u16)>,
}

impl Versions {
    fn hold(self, version: Version) -> bool {
        let v = (version.major, version.minor);
        self.since.is_none_or(|s| v >= s) && self.until.is_none_or(|u| v < u)
    }
}

/// All menus, with the orders in which exports have them.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    pub(crate) menus: Vec<Menu>,
    by_path: BTreeMap<Arc<str>, usize>,
    /// By major version, where each menu stands.
    places: BTreeMap<u16, BTreeMap<&'static str, usize>>,
}

impl Schema {
    pub(crate) fn menu(&self, path: &str) -> Option<&Menu> {
        self.by_path.get(path).and_then(|at| self.menus.get(*at))
    }

    /// Returns where the menu stands in an export of a version; unknown ones stand last.
    pub(crate) fn position(&self, path: &str, version: Version) -> usize {
        let places = self.places.get(&version.major);
        let place = places.and_then(|p| p.get(path)).copied();
        place.unwrap_or(usize::MAX)
    }

    /// Returns the menus whose rows are interfaces.
    pub(crate) fn interfaces(&self) -> impl Iterator<Item = &Menu> {
        self.menus.iter().filter(|m| m.interface_type.is_some())
    }
}

/// The one schema.
pub(crate) static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    read::tables(
        include_str!("schema/menus.txt"),
        include_str!("schema/tree.txt"),
    )
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_menu_is_read_and_named_once() {
        assert_eq!(SCHEMA.menus.len(), SCHEMA.by_path.len());
        assert!(SCHEMA.menus.len() > 500);
        let unknown = |m: &&Menu| {
            m.unique
                .iter()
                .any(|u| !m.props.iter().any(|p| *p.name == **u))
        };
        assert!(SCHEMA.menus.iter().find(unknown).is_none());
    }

    #[test]
    fn versions_decide_what_exists() {
        let service = SCHEMA.menu("/ip/service").unwrap();

        assert!(
            service
                .prop("max-sessions", Version::new(7, 15, 3))
                .is_none()
        );
        assert!(
            service
                .prop("max-sessions", Version::new(7, 16, 0))
                .is_some()
        );
    }

    #[test]
    fn what_trees_of_real_devices_have_is_there() {
        let wireless = SCHEMA.menu("/interface/wireless").unwrap();
        let ospf = SCHEMA.menu("/routing/ospf/interface-template").unwrap();

        assert!(wireless.verbs.iter().any(|(verb, _)| *verb == "scan"));
        assert!(ospf.exists_in(Version::new(7, 20, 8)));
        assert!(!ospf.exists_in(Version::new(6, 49, 18)));
    }
}
