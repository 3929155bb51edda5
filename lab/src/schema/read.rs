//! Reading the two tables of menus.

use std::sync::Arc;

use routeros::text::is_sensitive;

use super::{Access, Builtin, Kind, Menu, Prop, Schema, Shape, Storage, Versions, Writing};

/// Menus whose rows are interfaces, where the written table does not say so, with their type.
const INTERFACES: &[(&str, &str)] = &[
    ("/caps-man/interface", "cap"),
    ("/interface/6to4", "6to4-tunnel"),
    ("/interface/eoipv6", "eoipv6"),
    ("/interface/gre6", "gre6-tunnel"),
    ("/interface/ipip", "ipip"),
    ("/interface/ipipv6", "ipipv6"),
    ("/interface/l2tp-client", "l2tp-out"),
    ("/interface/l2tp-ether", "l2tp-ether"),
    ("/interface/l2tp-server", "l2tp-in"),
    ("/interface/lte", "lte"),
    ("/interface/macsec", "macsec"),
    ("/interface/macvlan", "macvlan"),
    ("/interface/mesh", "mesh"),
    ("/interface/ovpn-client", "ovpn-out"),
    ("/interface/ovpn-server", "ovpn-in"),
    ("/interface/ppp-client", "ppp-out"),
    ("/interface/ppp-server", "ppp-in"),
    ("/interface/pppoe-server", "pppoe-in"),
    ("/interface/pptp-client", "pptp-out"),
    ("/interface/pptp-server", "pptp-in"),
    ("/interface/sstp-client", "sstp-out"),
    ("/interface/sstp-server", "sstp-in"),
    ("/interface/veth", "veth"),
    ("/interface/vpls", "vpls"),
    ("/interface/vrrp", "vrrp"),
    ("/interface/vxlan", "vxlan"),
    ("/zerotier/interface", "zerotier"),
];

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

/// Puts a schema together from the table written by hand and the one of whole trees.
pub(super) fn tables(written: &'static str, trees: &'static str, builtin: &'static str) -> Schema {
    let mut schema = Schema::default();
    let mut at = usize::MAX;
    for line in lines(written) {
        match (line.strip_prefix(' '), schema.menus.get_mut(at)) {
            (Some(props), Some(menu)) => menu.add(props, false),
            _ => at = schema.push(menu(line)),
        }
    }
    let rules = |m: &&mut Menu| m.noun.ends_with("_rule") && m.is_ordered;
    for menu in schema.menus.iter_mut().filter(rules) {
        for line in FIREWALL.lines() {
            menu.add(line.trim(), true);
        }
    }
    for line in lines(trees) {
        if let Some(order) = line.strip_prefix('>') {
            schema.order(order);
        } else if let (Some(props), Some(menu)) = (line.strip_prefix(' '), schema.menus.get_mut(at))
        {
            match props.strip_prefix('!') {
                Some(verb) => menu.verb(verb),
                None => menu.add(props, true),
            }
        } else {
            at = schema.merge(menu(line));
        }
    }
    for line in lines(builtin) {
        if let Some(order) = line.strip_prefix('>') {
            schema.order(order);
        } else if let Some(row) = line.strip_prefix(' ') {
            if let Some(menu) = schema.menus.get_mut(at) {
                menu.row(row);
            }
        } else {
            at = schema.find(line);
        }
    }
    for menu in &mut schema.menus {
        menu.noun = menu.noun.replace('_', " ");
    }
    schema
}

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines()
        .filter(|l| !l.starts_with('#') && !l.is_empty())
}

impl Schema {
    fn push(&mut self, menu: Menu) -> usize {
        let at = self.menus.len();
        self.by_path.insert(Arc::clone(&menu.path), at);
        self.menus.push(menu);
        at
    }

    /// Adds a menu unless it was written by hand; those keep all but what they do not say.
    fn merge(&mut self, mut menu: Menu) -> usize {
        if let Some(at) = self.by_path.get(&menu.path) {
            if let Some(known) = self.menus.get_mut(*at) {
                known.need = known.need.take().or(menu.need);
            }
            return *at;
        }
        if let Some((_, kind)) = INTERFACES.iter().find(|(path, _)| *path == &*menu.path) {
            menu.interface_type = Some(kind);
            menu.name = Some("name");
            "device".clone_into(&mut menu.noun);
        }
        self.push(menu)
    }

    /// Finds the menu of a head such as `/port find=index`, and notes how rows are addressed.
    fn find(&mut self, line: &'static str) -> usize {
        let (path, find) = line.split_once(" find=").unwrap_or((line, ""));
        let at = self.by_path.get(path).copied().unwrap_or(usize::MAX);
        if let Some(menu) = self.menus.get_mut(at) {
            menu.find = Some(find);
        }
        at
    }

    fn order(&mut self, line: &'static str) {
        let mut words = line.split(' ');
        let Some(since) = words.next().and_then(bound) else {
            return;
        };
        let same = line.split_once('=').and_then(|(_, of)| bound(of));
        let same = same.and_then(|of| self.places.get(&of).cloned());
        let places = same.unwrap_or_else(|| words.zip(0..).collect());
        self.places.insert(since, places);
    }
}

impl Menu {
    /// Reads a line of alike properties; with `is_more`, only those that are not there yet.
    fn add(&mut self, line: &'static str, is_more: bool) {
        let mut words = line.split(' ');
        let names = words.next().unwrap_or_default();
        let kind = kind(words.next().unwrap_or("str"));
        let mut default = None;
        let mut access = Access::Normal;
        let mut versions = Versions::default();
        let mut writing = Writing::Changed;
        for word in words {
            match word {
                "req" if is_more => access = Access::RequiredLately,
                "req" => access = Access::Required,
                "ro" => access = Access::ReadOnly,
                "wo" => access = Access::WriteOnly,
                "kept" => writing = Writing::Kept,
                "along" => writing = Writing::Along,
                "clearable" => writing = Writing::Clearable,
                "shown" => writing = Writing::Shown,
                "sensitive" => access = Access::Sensitive,
                _ if versions.read(word) => {}
                _ => default = word.strip_prefix('='),
            }
        }
        for name in names.split(',') {
            if is_more && self.props.iter().any(|p| &*p.name == name) {
                continue;
            }
            let is_plain = is_more && access == Access::Normal && kind == Kind::Str;
            let is_secret = is_plain && is_sensitive(name);
            self.props.push(Prop {
                name: Arc::from(name),
                kind: kind.clone(),
                default,
                access: if is_secret { Access::Sensitive } else { access },
                writing,
                versions,
            });
        }
    }

    /// Reads a row that is there from the start.
    fn row(&mut self, line: &'static str) {
        let mut row = Builtin {
            id: None,
            board: None,
            props: Vec::new(),
            versions: Versions::default(),
        };
        for word in line.split(' ') {
            if let Some(id) = word.strip_prefix('*') {
                row.id = u32::from_str_radix(id, 16).ok();
            } else if let Some(board) = word.strip_prefix("board=") {
                row.board = Some(board);
            } else if !row.versions.read(word)
                && let Some((name, value)) = word.split_once('=')
            {
                let known = self.props.iter().find(|p| &*p.name == name);
                let key = known.map_or_else(|| Arc::from(name), |p| Arc::clone(&p.name));
                row.props.push((key, value));
            }
        }
        self.builtin.push(row);
    }

    fn verb(&mut self, line: &'static str) {
        let (verb, names) = line.split_once(' ').unwrap_or((line, ""));
        let names = names.split(',').filter(|n| !n.is_empty());
        self.verbs.push((verb, names.collect()));
    }
}

impl Versions {
    /// Reads a bound such as `>=7.16`; anything else is none.
    fn read(&mut self, word: &str) -> bool {
        if let Some(text) = word.strip_prefix(">=") {
            self.since = bound(text);
            return true;
        }
        if let Some(text) = word.strip_prefix('<') {
            self.until = bound(text);
            return true;
        }
        self.is_old_too |= word == "v6";
        word == "v6"
    }
}

fn bound(text: &str) -> Option<(u16, u16)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn menu(line: &'static str) -> Menu {
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
        board: None,
        package: None,
        single_until: None,
        builtin: Vec::new(),
        props: Vec::new(),
        verbs: Vec::new(),
        need: None,
        versions: Versions::default(),
    };
    for word in words {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        match key {
            "single" => menu.shape = Shape::Single,
            "fixed" => menu.shape = Shape::Fixed,
            "live" => menu.storage = Storage::Live,
            "state" => menu.storage = Storage::State,
            "hidden" => menu.storage = Storage::Hidden,
            "ordered" => menu.is_ordered = true,
            "pkg" => menu.package = Some(value),
            "routerboard" | "power" => menu.board = Some(key),
            "v6single" => menu.single_until = Some((7, 0)),
            _ if word.starts_with("single<") => {
                menu.single_until = word.strip_prefix("single<").and_then(bound);
            }
            "name" => menu.name = Some(value),
            "unique" => menu.unique = value.split(',').collect(),
            "taken" => menu.taken = value.replace('_', " "),
            "iface" => menu.interface_type = Some(value),
            "find" => menu.find = Some(value),
            "noun" => value.clone_into(&mut menu.noun),
            "need" => {
                let (names, text) = value.split_once(':').unwrap_or(("", value));
                let names = names.split(',').filter(|n| !n.is_empty()).collect();
                menu.need = Some((names, format!("failure: {}", text.replace('_', " "))));
            }
            _ => {
                menu.versions.read(word);
            }
        }
    }
    menu
}

fn kind(word: &'static str) -> Kind {
    let (kind, rest) = word.split_once(':').unwrap_or((word, ""));
    match kind {
        "bool" => Kind::Bool,
        "flag" => Kind::Flag,
        "kib" => Kind::Kibibytes,
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
        "enum" => Kind::Enum(rest.split('|').collect()),
        "mac" => Kind::Mac,
        "ref" => Kind::Ref(rest),
        _ => Kind::Str,
    }
}
