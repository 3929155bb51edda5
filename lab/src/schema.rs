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
    /// A word that stands alone, without a value.
    Flag,
    /// Kibibytes: a number, written with its unit in exports.
    Kibibytes,
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
    /// Required, as far as is known of late releases.
    RequiredLately,
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
    pub(crate) writing: Writing,
    versions: Versions,
}

impl Prop {
    pub(crate) fn exists_in(&self, version: Version) -> bool {
        self.versions.hold(version)
    }
}

/// When an export writes a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writing {
    /// When it is not at its default.
    Changed,
    /// When somebody has set it.
    Kept,
    /// When anything else of its row is written.
    Along,
    /// When somebody has set it, or said that there is none of it: `!name`.
    Clearable,
    /// Always.
    Shown,
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

/// A row that every device has.
#[derive(Debug, Clone)]
pub(crate) struct Builtin {
    pub(crate) id: Option<u32>,
    /// The board that has it, if not all have.
    pub(crate) board: Option<&'static str>,
    pub(crate) props: Vec<(Arc<str>, &'static str)>,
    versions: Versions,
}

impl Builtin {
    pub(crate) fn exists_in(&self, version: Version) -> bool {
        self.versions.hold(version)
    }
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
    /// The kind of board that has it: `routerboard`, or `power` that its ports give.
    pub(crate) board: Option<&'static str>,
    /// The package that brings it.
    pub(crate) package: Option<&'static str>,
    /// Until this version, it is one record.
    single_until: Option<(u16, u16)>,
    /// Rows that are there from the start.
    pub(crate) builtin: Vec<Builtin>,
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
        let is_early = |until| (version.major, version.minor) < until;
        match self.single_until {
            Some(until) => is_early(until),
            None => self.shape == Shape::Single,
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Versions {
    /// Version 6 has it, whatever the bounds say.
    is_old_too: bool,
    since: Option<(u16, u16)>,
    until: Option<(u16, u16)>,
}

impl Versions {
    fn hold(self, version: Version) -> bool {
        let v = (version.major, version.minor);
        self.is_old_too && v.0 == 6
            || self.since.is_none_or(|s| v >= s) && self.until.is_none_or(|u| v < u)
    }
}

/// All menus, with the orders in which exports have them.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    pub(crate) menus: Vec<Menu>,
    by_path: BTreeMap<Arc<str>, usize>,
    /// Since which version each menu stands where.
    places: BTreeMap<(u16, u16), BTreeMap<&'static str, usize>>,
}

impl Schema {
    pub(crate) fn menu(&self, path: &str) -> Option<&Menu> {
        self.by_path.get(path).and_then(|at| self.menus.get(*at))
    }

    /// Returns where the menu stands in an export of a version; unknown ones stand last.
    pub(crate) fn position(&self, path: &str, version: Version) -> usize {
        let mut places = self.places.range(..=(version.major, version.minor));
        let place = places.next_back().and_then(|(_, p)| p.get(path));
        place.copied().unwrap_or(usize::MAX)
    }
}

/// The one schema.
pub(crate) static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    read::tables(
        include_str!("schema/menus.txt"),
        include_str!("schema/tree.txt"),
        include_str!("schema/builtin.txt"),
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
