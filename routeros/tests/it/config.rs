//! Configurations: compared, and led from one to the other.

use routeros::config::{Difference, apply, diff, diff_exports, plan, read, script};
use routeros::export::{Export, Layout, Style};
use routeros::script::operation::MAX_OPERATIONS;
use routeros::script::{operations as read_operations, parse};
use routeros::undo::{PlanProblem, Snapshot};

use crate::fixtures::{exports, is_edited};

fn lines(differences: &[Difference]) -> Vec<String> {
    let lines = differences.iter().flat_map(Difference::lines);
    lines.map(|line| line.to_string()).collect()
}

fn differ(old: &str, new: &str) -> Vec<String> {
    let (old, new) = (Export::parse(old.as_bytes()), Export::parse(new.as_bytes()));
    let found = lines(&diff_exports(&old, &new));
    assert_eq!(found, lines(&diff(&read(&old), &read(&new))));
    found
}

fn planned(old: &str, new: &str) -> Vec<String> {
    let read = |text: &str| read(&Export::parse(text.as_bytes()));
    let (old, new) = (read(old), read(new));
    let operations = plan(&old, &new).unwrap();
    let there = apply(&operations, &old).unwrap();
    assert_eq!(plan(&there, &new).unwrap(), []);
    operations.iter().map(ToString::to_string).collect()
}

#[test]
fn items_are_the_same_by_what_they_are() {
    let old = "/ip address\nadd address=10.0.0.1/24 interface=ether1\n\
        add address=10.0.1.1/24 comment=lan interface=ether2\n\
        /ip dns\nset servers=1.1.1.1\n";
    let new = "/ip address\nadd address=10.0.2.1/24 comment=lan interface=ether2\n\
        add address=10.0.0.1/24 disabled=yes interface=ether1\n\
        add address=10.0.3.1/24 interface=ether3\n/ip dns\nset servers=9.9.9.9\n";
    assert_eq!(
        differ(old, new),
        [
            "~ /ip/address address=10.0.0.1/24 interface=ether1 disabled: \"\" → yes",
            "~ /ip/address comment=lan address: 10.0.1.1/24 → 10.0.2.1/24",
            "+ /ip/address address=10.0.3.1/24 interface=ether3",
            "~ /ip/dns servers: 1.1.1.1 → 9.9.9.9",
        ]
    );
    assert_eq!(
        planned(old, new),
        [
            "/ip address set [find where address=\"10.0.0.1/24\" and interface=\"ether1\"] \
             disabled=yes",
            "/ip address set [find where comment=\"lan\"] address=10.0.2.1/24",
            "/ip address add address=10.0.3.1/24 interface=ether3",
            "/ip dns set servers=9.9.9.9",
        ]
    );
    assert_eq!(
        planned(new, old),
        [
            "/ip address remove [find where address=\"10.0.3.1/24\" and interface=\"ether3\"]",
            "/ip address set [find where comment=\"lan\"] address=10.0.1.1/24",
            "/ip address set [find where address=\"10.0.0.1/24\" and interface=\"ether1\"] !disabled",
            "/ip dns set servers=1.1.1.1",
        ]
    );
}

#[test]
fn order_counts_where_it_means_something() {
    let addresses = [
        "/ip address\nadd address=1.1.1.1/8\nadd address=2.2.2.2/8\n",
        "/ip address\nadd address=2.2.2.2/8\nadd address=1.1.1.1/8\n",
    ];
    assert_eq!(differ(addresses[0], addresses[1]), [""; 0]);
    assert_eq!(planned(addresses[0], addresses[1]), [""; 0]);
    let rules = "/ip firewall filter\nadd action=accept chain=input comment=a\n\
        add action=drop chain=input dst-port=23\nadd action=drop chain=input\n";
    let moved = "/ip firewall filter\nadd action=drop chain=input\n\
        add action=accept chain=input comment=a\nadd action=accept chain=input dst-port=53\n\
        add action=drop chain=input dst-port=22\n";
    assert_eq!(
        differ(rules, moved),
        [
            "~ /ip/firewall/filter chain=input action=drop dst-port: 23 → 22",
            "~ /ip/firewall/filter chain=input action=drop moved",
            "+ /ip/firewall/filter action=accept chain=input dst-port=53",
        ]
    );
    assert_eq!(
        planned(rules, moved),
        [
            "/ip firewall filter set [find where action=\"drop\" and chain=\"input\" and \
             dst-port=23] dst-port=22",
            "/ip firewall filter move [find where action=\"drop\" and chain=\"input\" and \
             !dst-port] destination=[find where comment=\"a\"]",
            "/ip firewall filter add action=accept chain=input dst-port=53 \
             place-before=[find where action=\"drop\" and chain=\"input\" and dst-port=22]",
        ]
    );
}

#[test]
fn a_renamed_interface_takes_with_it_what_names_it() {
    let old = "/interface bridge\nadd name=old protocol-mode=none vlan-filtering=yes\n\
        /interface ethernet\nset [ find default-name=ether2 ] name=lan\n\
        /ip address\nadd address=10.0.0.1/24 interface=old\n\
        add address=10.1.0.1/24 interface=lan\n";
    let new = "/interface bridge\nadd name=new protocol-mode=none vlan-filtering=yes\n\
        /interface ethernet\nset [ find default-name=ether2 ] name=office\n\
        /ip address\nadd address=10.0.0.1/24 interface=new\n\
        add address=10.1.0.1/24 interface=office\n";
    let export = |text: &str| Export::parse(text.as_bytes());
    let found = diff_exports(&export(old), &export(new));
    assert_eq!(found[0].renamed(), Some((&b"old"[..], &b"new"[..])));
    assert_eq!(
        differ(old, new),
        [
            "~ /interface/bridge name=old name: old → new",
            "~ /interface/ethernet name=lan name: lan → office",
        ]
    );
    assert_eq!(
        planned(old, new),
        [
            "/interface bridge set [find where name=\"old\"] name=new",
            "/interface ethernet set [find where default-name=\"ether2\"] name=office",
        ]
    );
}

#[test]
fn a_flag_that_is_no_longer_mentioned_is_set_the_other_way_round() {
    let read = |text: &str| read(&Export::parse(text.as_bytes()));
    let old = "/ip address\nadd address=10.0.0.1/24 comment=a disabled=yes interface=ether1\n\
        /ip dns\nset allow-remote-requests=yes servers=1.1.1.1\n";
    let new =
        "/ip address\nadd address=10.0.0.1/24 interface=ether1\n/ip dns\nset servers=1.1.1.1\n";
    let operations = plan(&read(old), &read(new)).unwrap();
    assert_eq!(
        script(&operations, &read(old)).unwrap(),
        "/ip address set [find where comment=\"a\"] comment=\"\" disabled=no\n\
         /ip dns set allow-remote-requests=no\n"
    );
}

#[test]
fn names_may_change_places() {
    let old = "/interface ethernet\nset [ find default-name=ether1 ] name=a\n\
        set [ find default-name=ether2 ] name=b\n\
        /ip address\nadd address=10.0.0.1/24 interface=a\nadd address=10.1.0.1/24 interface=b\n";
    let new = old
        .replace("name=a", "name=c")
        .replace("name=b", "name=a")
        .replace("name=c", "name=b");
    let new = new
        .replace("interface=a", "interface=c")
        .replace("interface=b", "interface=a");
    let new = new.replace("interface=c", "interface=b");
    assert_eq!(
        differ(old, &new),
        [
            "~ /interface/ethernet name=a name: a → b",
            "~ /interface/ethernet name=b name: b → a",
        ]
    );
    assert_eq!(
        planned(old, &new),
        [
            "/interface ethernet set [find where default-name=\"ether2\"] name=b-was",
            "/interface ethernet set [find where default-name=\"ether1\"] name=b",
            "/interface ethernet set [find where default-name=\"ether2\"] name=a",
        ]
    );
}

#[test]
fn what_one_side_does_not_show_is_sealed() {
    let shown = "/ppp secret\nadd name=joe password=hunter2 service=l2tp\n";
    let hidden = "/ppp secret\nadd name=joe service=l2tp\n";
    let masked = "/ppp secret\nadd name=joe password=*** service=pppoe\n";
    let other = "/ppp secret\nadd name=joe password=other service=l2tp\n";
    assert_eq!(
        differ(shown, hidden),
        ["~ /ppp/secret name=joe password: sealed"]
    );
    assert_eq!(planned(shown, hidden), [""; 0]);
    assert_eq!(
        planned(hidden, shown),
        ["/ppp secret set [find where name=\"joe\"] password=hunter2"]
    );
    assert_eq!(
        differ(shown, masked),
        [
            "~ /ppp/secret name=joe service: l2tp → pppoe",
            "~ /ppp/secret name=joe password: sealed",
        ]
    );
    assert_eq!(
        planned(shown, masked),
        ["/ppp secret set [find where name=\"joe\"] service=pppoe"]
    );
    assert_eq!(
        differ(shown, other),
        ["~ /ppp/secret name=joe password: *** → ***"]
    );
    let found = format!(
        "{:?}",
        diff_exports(
            &Export::parse(shown.as_bytes()),
            &Export::parse(other.as_bytes())
        )
    );
    assert!(
        !found.contains("hunter2") && !found.contains("other"),
        "{found}"
    );
}

#[test]
fn what_others_name_comes_first_and_goes_last() {
    let old = "/interface vlan\nadd interface=ether1 name=v10 vlan-id=10\n\
        /interface list\nadd name=A\n/interface list member\nadd interface=v10 list=A\n\
        /ip address\nadd address=10.0.0.1/24 interface=v10\n";
    let new = "/interface vlan\nadd interface=ether2 name=v20 vlan-id=20\n\
        /interface list\nadd name=B\n/interface list member\nadd interface=v20 list=B\n\
        /ip address\nadd address=10.0.0.1/24 interface=v20\n";
    assert_eq!(
        planned(old, new),
        [
            "/interface vlan add interface=ether2 name=v20 vlan-id=20",
            "/interface list add name=B",
            "/interface list member remove [find where list=\"A\" and interface=\"v10\"]",
            "/interface list member add interface=v20 list=B",
            "/ip address set [find where address=\"10.0.0.1/24\" and interface=\"v10\"] \
             interface=v20",
            "/interface list remove [find where name=\"A\"]",
            "/interface vlan remove [find where name=\"v10\"]",
        ]
    );
}

#[test]
fn items_that_the_device_made_are_set_and_never_added() {
    let old = "/ip service\nset telnet disabled=yes\n/port\nset 0 name=serial0\n";
    let new = "/interface wireless security-profiles\nset [ find default=yes ] \
        supplicant-identity=MikroTik\n/ip service\nset www port=8080\n\
        /ppp profile\nset *0 use-encryption=yes\n/port\nset 0 name=serial0\n/ip cloud\nset ddns-enabled=yes\n";
    assert_eq!(
        planned(old, new),
        [
            "/interface wireless security-profiles set [find where default=yes] \
             supplicant-identity=MikroTik",
            "/ip service set telnet !disabled",
            "/ip service set www port=8080",
            "/ppp profile set *0 use-encryption=yes",
            "/ip cloud set ddns-enabled=yes",
        ]
    );
    assert_eq!(
        planned(new, old).len(),
        5,
        "and back again: {:?}",
        planned(new, old)
    );
}

/// Another edition of an export: some commands are gone, some have other values, some stand
/// elsewhere.
fn edited(export: &Export) -> Export {
    let normal = Export::parse(&export.print_as(Layout {
        style: Style::Terse,
        ..export.layout()
    }));
    let text = String::from_utf8_lossy(&normal.print()).into_owned();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let is_add = |line: &String| line.starts_with("add ") || line.contains(" add ");
    for at in (0..lines.len()).step_by(11) {
        if is_add(&lines[at]) {
            lines[at] = lines[at].replacen("comment=", "comment=\\5A", 1);
            lines[at] = lines[at].replacen("disabled=yes", "disabled=no", 1);
        }
    }
    for at in (5..lines.len()).step_by(29) {
        if is_add(&lines[at]) && is_add(&lines[at - 1]) {
            lines.swap(at, at - 1);
        }
    }
    let mut at = 0;
    lines.retain(|line| {
        at += 1;
        at % 37 != 0 || !is_add(line)
    });
    Export::parse(lines.join("\n").as_bytes())
}

/// The real ones, each with itself, with another edition of it, and the small ones with the next.
#[test]
fn the_laws_hold_for_every_export() {
    let exports: Vec<_> = exports()
        .into_iter()
        .filter(|(name, _)| !is_edited(name))
        .map(|(name, text)| (name, Export::parse(&text)))
        .collect();
    for (at, (name, export)) in exports.iter().enumerate() {
        let snapshot = read(export);
        assert_eq!(diff(&snapshot, &snapshot), [], "{name}");
        assert_eq!(diff_exports(export, export), [], "{name}");
        assert_eq!(plan(&snapshot, &snapshot).unwrap(), [], "{name}");
        check(&format!("{name}, edited"), export, &edited(export));
        let (other_name, other) = &exports[(at + 1) % exports.len()];
        if export.commands().count() + other.commands().count() < 300 {
            check(&format!("{name} to {other_name}"), export, other);
        }
    }
}

/// Whoever applies a plan is where it leads to, and knows the way back.
pub(crate) fn check(what: &str, old: &Export, new: &Export) {
    let (a, b) = (read(old), read(new));
    let operations = match plan(&a, &b) {
        Ok(operations) => operations,
        Err(PlanProblem::HasNoItems(menu)) => {
            let is_record = |s: &Snapshot| s.rows(&menu).unwrap()[0].id().is_none();
            assert_ne!(is_record(&a), is_record(&b), "{what}: {menu}");
            return;
        }
        Err(error) => panic!("{what}: {error}"),
    };
    let there = apply(&operations, &a)
        .map_err(|e| format!("{what}: {e}"))
        .unwrap();
    same(what, &there, &b);
    assert_eq!(plan(&there, &b).unwrap(), [], "{what}: a second plan");
    // The same as text.
    let text: Vec<String> = operations.iter().map(ToString::to_string).collect();
    let script = parse(text.join("\n").as_bytes()).unwrap();
    let again = read_operations(&script);
    if text.len() <= MAX_OPERATIONS {
        let applied = apply(&again.unwrap(), &a).unwrap();
        same(what, &applied, &b);
    }
    // And back.
    let back = apply(&plan(&there, &a).unwrap(), &there).unwrap();
    same(what, &back, &a);
    // What is different is what is planned.
    let found = diff(&a, &b);
    let is_sealed =
        |d: &Difference| d.changes.is_empty() && !d.is_moved && d.old.is_some() && d.new.is_some();
    let (of_rows, of_text) = (lines(&found), lines(&diff_exports(old, new)));
    let differs = of_rows.iter().zip(&of_text).find(|(a, b)| a != b);
    assert_eq!(differs, None, "{what}");
    assert_eq!(of_rows.len(), of_text.len(), "{what}");
    if found.iter().all(is_sealed) {
        assert!(
            found.iter().any(|d| !d.sealed.is_empty()) || operations.is_empty(),
            "{what}"
        );
    } else {
        assert!(!operations.is_empty(), "{what}");
    }
}

/// Compares without any of what is tested: values by name, in order where order means something.
fn same(what: &str, is: &Snapshot, wanted: &Snapshot) {
    let ordered = [
        "/ip/firewall/filter",
        "/ip/firewall/nat",
        "/ip/firewall/mangle",
        "/queue/simple",
    ];
    let rows = |snapshot: &Snapshot, menu: &str| -> Vec<Vec<String>> {
        let rows = snapshot.rows(menu).unwrap_or_default().iter().map(|row| {
            let mut values: Vec<String> = row
                .iter()
                .filter(|(name, value)| {
                    let is_key = row.raw(".by") == Some(name.as_bytes())
                        || row.raw(".found") == Some(name.as_bytes());
                    let is_empty = *name == "comment" && value.is_empty();
                    let is_secret = routeros::secret::is_secret(menu, name);
                    !name.starts_with('.') && !is_key && !is_empty && !is_secret
                })
                .map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value)))
                .collect();
            values.sort();
            values
        });
        // Nothing is known of what nothing is said of.
        let mut rows: Vec<_> = rows.filter(|values| !values.is_empty()).collect();
        if !ordered.contains(&menu) {
            rows.sort();
        }
        rows
    };
    for menu in is.order().iter().chain(wanted.order()) {
        assert_eq!(rows(is, menu), rows(wanted, menu), "{what}: {menu}");
    }
}
