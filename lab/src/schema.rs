//! What menus there are and what their properties can hold, read once from `schema/menus.txt`.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use routeros::version::Version;

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
    Enum(Vec<String>),
    Mac,
    Ref(String),
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
    pub(crate) default: Option<String>,
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
    pub(crate) name: Option<String>,
    pub(crate) unique: Vec<String>,
    pub(crate) taken: String,
    pub(crate) interface_type: Option<String>,
    pub(crate) find: Option<String>,
    pub(crate) noun: String,
    pub(crate) needs_routerboard: bool,
    pub(crate) is_list_in_v7: bool,
    pub(crate) props: Vec<Prop>,
    versions: Versions,
}

impl Menu {
    pub(crate) fn prop(&self, name: &str, version: Version) -> Option<&Prop> {
        self.props
            .iter()
            .find(|p| &*p.name == name && p.versions.hold(version))
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

    fn read(&mut self, word: &str) -> bool {
        let parse = |text: &str| {
            let (major, minor) = text.split_once('.')?;
            Some((major.parse().ok()?, minor.parse().ok()?))
        };
        if let Some(text) = word.strip_prefix(">=") {
            self.since = parse(text);
            return true;
        }
        if let Some(text) = word.strip_prefix('<') {
            self.until = parse(text);
            return true;
        }
        false
    }
}

/// All menus, in the order of `/export`, and by path.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) menus: Vec<Menu>,
    by_path: BTreeMap<Arc<str>, usize>,
}

impl Schema {
    pub(crate) fn menu(&self, path: &str) -> Option<&Menu> {
        self.by_path.get(path).and_then(|at| self.menus.get(*at))
    }

    /// Returns where the menu stands in an export.
    pub(crate) fn position(&self, path: &str) -> Option<usize> {
        self.by_path.get(path).copied()
    }

    /// Returns the menus whose rows are interfaces.
    pub(crate) fn interfaces(&self) -> impl Iterator<Item = &Menu> {
        self.menus.iter().filter(|m| m.interface_type.is_some())
    }
}

/// The one schema.
pub(crate) static SCHEMA: LazyLock<Schema> =
    LazyLock::new(|| parse(include_str!("schema/menus.txt")));

/// Matchers of all four firewall tables, after their own properties.
const FIREWALL: &str = "src-address,dst-address str
 src-address-list,dst-address-list str
 protocol,src-port,dst-port,port str
 in-interface,out-interface str
 in-interface-list,out-interface-list str
 connection-state,connection-nat-state,connection-type,connection-mark,connection-limit str
 packet-mark,routing-mark,tcp-flags,icmp-options,limit,dst-limit,content,layer7-protocol str
 src-address-type,dst-address-type,ipsec-policy,hotspot,tcp-mss,dscp,packet-size,time str
 src-mac-address,tls-host,psd,random,nth,per-connection-classifier,ttl,fragment str
 in-bridge-port,out-bridge-port,ingress-priority,priority,ipv4-options,realm,p2p str
 address-list,address-list-timeout str
 log bool =false
 log-prefix str =
 bytes,packets int ro
 invalid,dynamic bool ro
 disabled bool =false
 comment str";

fn parse(text: &str) -> Schema {
    let mut menus: Vec<Menu> = Vec::new();
    for line in text
        .lines()
        .filter(|l| !l.starts_with('#') && !l.is_empty())
    {
        if let Some(props) = line.strip_prefix(' ') {
            if let Some(menu) = menus.last_mut() {
                read_props(&mut menu.props, props);
            }
        } else {
            menus.push(read_menu(line));
        }
    }
    for menu in menus
        .iter_mut()
        .filter(|m| m.noun.ends_with("_rule") && m.is_ordered)
    {
        for line in FIREWALL.lines() {
            read_props(&mut menu.props, line.trim());
        }
    }
    for menu in &mut menus {
        menu.noun = menu.noun.replace('_', " ");
    }
    let by_path = menus
        .iter()
        .enumerate()
        .map(|(i, m)| (Arc::clone(&m.path), i))
        .collect();
    Schema { menus, by_path }
}

fn read_menu(line: &str) -> Menu {
    let mut words = line.split(' ');
    let mut menu = Menu {
        path: Arc::from(words.next().unwrap_or_default()),
        shape: Shape::List,
        storage: Storage::Config,
        is_ordered: false,
        name: None,
        unique: Vec::new(),
        taken: String::new(),
        interface_type: None,
        find: None,
        noun: "item".to_owned(),
        needs_routerboard: false,
        is_list_in_v7: false,
        props: Vec::new(),
        versions: Versions::default(),
    };
    for word in words {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        match key {
            "single" => menu.shape = Shape::Single,
            "fixed" => menu.shape = Shape::Fixed,
            "live" => menu.storage = Storage::Live,
            "state" => menu.storage = Storage::State,
            "ordered" => menu.is_ordered = true,
            "routerboard" => menu.needs_routerboard = true,
            "v6single" => {
                menu.shape = Shape::Single;
                menu.is_list_in_v7 = true;
            }
            "name" => menu.name = Some(value.to_owned()),
            "unique" => menu.unique = value.split(',').map(str::to_owned).collect(),
            "taken" => menu.taken = value.replace('_', " "),
            "iface" => menu.interface_type = Some(value.to_owned()),
            "find" => menu.find = Some(value.to_owned()),
            "noun" => value.clone_into(&mut menu.noun),
            _ => {
                menu.versions.read(word);
            }
        }
    }
    menu
}

fn read_props(props: &mut Vec<Prop>, line: &str) {
    let mut words = line.split(' ');
    let names = words.next().unwrap_or_default();
    let kind = read_kind(words.next().unwrap_or("str"));
    let mut default = None;
    let mut access = Access::Normal;
    let mut versions = Versions::default();
    for word in words {
        match word {
            "req" => access = Access::Required,
            "ro" => access = Access::ReadOnly,
            "wo" => access = Access::WriteOnly,
            "sensitive" => access = Access::Sensitive,
            _ if versions.read(word) => {}
            _ => default = word.strip_prefix('=').map(str::to_owned),
        }
    }
    for name in names.split(',') {
        props.push(Prop {
            name: Arc::from(name),
            kind: kind.clone(),
            default: default.clone(),
            access,
            versions,
        });
    }
}

fn read_kind(word: &str) -> Kind {
    let (kind, rest) = word.split_once(':').unwrap_or((word, ""));
    match kind {
        "bool" => Kind::Bool,
        "int" => {
            let range = rest.split_once("..").map(|(a, b)| (a.parse(), b.parse()));
            match range {
                Some((Ok(a), Ok(b))) => Kind::Int(a, b),
                _ => Kind::Int(0, i64::from(u32::MAX)),
            }
        }
        "dur" => Kind::Duration,
        "ip" => Kind::Ip,
        "prefix" => Kind::Prefix,
        "iface" => Kind::Interface,
        "enum" => Kind::Enum(rest.split('|').map(str::to_owned).collect()),
        "mac" => Kind::Mac,
        "ref" => Kind::Ref(rest.to_owned()),
        _ => Kind::Str,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_menu_is_read_and_named_once() {
        assert_eq!(SCHEMA.menus.len(), SCHEMA.by_path.len());
        assert!(SCHEMA.menus.len() > 80);
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
}
