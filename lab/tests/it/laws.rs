//! Laws that plans of configurations obey on devices: what is planned is what comes out, and back.

use proptest::prelude::{ProptestConfig, any, prop, prop_assert_eq};
use proptest::test_runner::{TestCaseError, TestRunner};
use routeros::config::{diff_exports, plan, read, script};
use routeros::export::Export;
use tod_lab::{Device, Fleet, Lab, Options, Spec};

/// Things that a configuration may have; `#` stands for one of a few values.
const PARTS: &[(&str, &[&str])] = &[
    (
        "/interface bridge add name=br1 comment=#",
        &["core", "\"two words\"", "\"\""],
    ),
    (
        "/interface bridge add name=br2 priority=#",
        &["0x1000", "0x2000"],
    ),
    (
        "/interface vlan add name=v10 interface=ether3 vlan-id=#",
        &["10", "11"],
    ),
    (
        "/interface vlan add name=v20 interface=ether4 vlan-id=# comment=x",
        &["20", "21"],
    ),
    ("/interface list add name=WAN comment=#", &["a", "b"]),
    ("/interface list add name=LAN", &["a"]),
    (
        "/ip pool add name=p1 ranges=#",
        &["10.1.0.10-10.1.0.20", "10.1.0.10-10.1.0.99"],
    ),
    (
        "/ip address add address=10.1.0.1/24 interface=ether2 comment=#",
        &["one", "uno"],
    ),
    (
        "/ip address add address=#/24 interface=ether5 comment=two",
        &["10.2.0.1", "10.3.0.1"],
    ),
    (
        "/ip firewall address-list add list=bad address=# comment=n1",
        &["1.1.1.1", "2.2.2.2"],
    ),
    (
        "/ip firewall address-list add list=good address=3.3.3.3 comment=#",
        &["n2", "n3"],
    ),
    (
        "/ip firewall filter add chain=input action=# comment=r1 protocol=tcp",
        &["accept", "drop"],
    ),
    (
        "/ip firewall filter add chain=forward action=drop comment=r2 dst-port=# protocol=udp",
        &["53", "123"],
    ),
    (
        "/ip firewall filter add chain=forward action=# comment=r3",
        &["accept", "log"],
    ),
    (
        "/ip firewall nat add chain=srcnat action=masquerade comment=n1 out-interface=#",
        &["ether1", "ether2"],
    ),
    ("/ip dns set servers=#", &["8.8.8.8", "9.9.9.9,1.1.1.1"]),
    (
        "/ip dns static add name=a.example address=10.0.0.# ",
        &["1", "2"],
    ),
    (
        "/ip route add dst-address=10.#.0.0/16 gateway=127.20.1.254 comment=far",
        &["80", "90"],
    ),
    (
        "/system note set note=#",
        &["hello", "\"a \\\"quoted\\\" word\""],
    ),
    (
        "/system ntp client set enabled=# servers=127.0.0.9",
        &["yes", "no"],
    ),
    (
        "/system script add name=s1 source=#",
        &["\":put 1\"", "\":put 2\\n:put 3\""],
    ),
    ("/snmp set enabled=yes contact=#", &["noc", "\"n o c\""]),
    ("/ip service set telnet disabled=#", &["yes", "no"]),
    ("/ip service set www port=#", &["8080", "81"]),
    (
        "/ip address add address=10.4.0.1/24 interface=#",
        &["ether2 disabled=yes", "ether3 comment=\"a \\\"b\\\"\""],
    ),
    (
        "/interface list member add list=all-of interface=#",
        &["ether6", "ether7"],
    ),
    (
        "/interface bridge add name=br3 protocol-mode=#",
        &["none", "rstp"],
    ),
    (
        "/ip firewall filter add chain=forward action=accept comment=r4 disabled=#",
        &["yes", "no"],
    ),
    (
        "/ip firewall filter add chain=forward action=drop dst-port=# protocol=tcp",
        &["22", "23"],
    ),
];

/// Releases that a law is tried on, in turn.
const RELEASES: [&str; 5] = ["6.49.18", "7.1.5", "7.12.1", "7.18.2", "7.22.3"];

/// Which parts a configuration has, in which variant, and in which order its rules stand.
type Choice = Vec<(bool, u8)>;

/// Returns the commands of a configuration, as far as a release knows them.
fn commands(choice: &Choice, is_turned: bool, release: &str) -> Vec<String> {
    let parts = PARTS.iter().zip(choice).filter(|(_, (is_in, _))| *is_in);
    let is_there = |command: &str| !release.starts_with('6') || !command.contains("ntp client");
    let mut commands: Vec<_> = parts
        .filter(|((command, _), _)| is_there(command))
        .map(|((command, values), (_, n))| {
            command.replace('#', values[usize::from(*n) % values.len()])
        })
        .collect();
    if is_turned {
        // Only where order means something does this change anything.
        commands.reverse();
    }
    commands
}

async fn configured(device: &Device, commands: &[String]) -> String {
    device.run("/interface list add name=all-of").await.unwrap();
    for command in commands {
        if let Err(trap) = device.run(command).await {
            panic!("{command}: {trap}");
        }
    }
    exported(device).await
}

async fn exported(device: &Device) -> String {
    let text = device.run("/export show-sensitive").await.unwrap();
    // Two devices differ in what their headers say, and in where they are.
    let lines = text.lines().filter(|l| !l.starts_with('#'));
    lines.collect::<Vec<_>>().join("\n")
}

async fn pair(release: &str) -> (Lab, Device, Device) {
    let at = |n| std::net::Ipv4Addr::new(127, 20, 1, n);
    let devices = [("a", 1), ("b", 2)].map(|(name, n)| Spec::new(name, at(n)).version(release));
    let fleet = Fleet {
        devices: devices.to_vec(),
    };
    let lab = Lab::start(fleet, Options::default()).await.unwrap();
    let (a, b) = (lab.device("a").unwrap(), lab.device("b").unwrap());
    for device in [&a, &b] {
        for command in [
            "/ip address remove [find]",
            "/system identity set name=same",
        ] {
            device.run(command).await.unwrap();
        }
    }
    (lab, a, b)
}

fn parsed(text: &str) -> Export {
    Export::parse(text.as_bytes())
}

/// Carries out what is planned from one configuration to another, and looks what came of it.
async fn carried_out(device: &Device, from: &str, to: &str) -> Result<usize, TestCaseError> {
    let (now, wanted) = (parsed(from), parsed(to));
    let operations = plan(&read(&now), &read(&wanted));
    let operations = operations.unwrap_or_else(|e| panic!("{e:?}\n{from}\n--\n{to}"));
    prop_assert_eq!(
        operations.is_empty(),
        diff_exports(&now, &wanted).is_empty()
    );
    for command in script(&operations, &read(&now)).unwrap().lines() {
        match device.run(command).await {
            Ok(said) => prop_assert_eq!(said, "", "{}", command),
            Err(trap) => panic!("{command}: {trap}\n{from}\n--\n{to}"),
        }
    }

    let after = exported(device).await;
    let is = parsed(&after);
    let left = plan(&read(&is), &read(&wanted)).unwrap();
    let left: Vec<_> = left.iter().map(ToString::to_string).collect();
    prop_assert_eq!(left, Vec::<String>::new(), "a second plan");
    prop_assert_eq!(diff_exports(&is, &wanted), []);
    prop_assert_eq!(sorted(&after), sorted(to));
    Ok(operations.len())
}

#[test]
fn a_plan_from_one_device_to_another_makes_them_alike_and_one_back_undoes_it() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let choice = || prop::collection::vec((any::<bool>(), any::<u8>()), PARTS.len());
    let config = ProptestConfig {
        cases: 40,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let planned = std::cell::Cell::new(0);
    let strategy = (choice(), choice(), any::<bool>(), 0..RELEASES.len());
    let ran = TestRunner::new(config).run(&strategy, |(from, to, is_turned, release)| {
        let release = RELEASES[release];
        runtime.block_on(async {
            let (_lab, a, b) = pair(release).await;
            let before = configured(&a, &commands(&from, false, release)).await;
            let wanted = configured(&b, &commands(&to, is_turned, release)).await;

            let there = carried_out(&a, &before, &wanted).await?;
            let back = carried_out(&a, &exported(&a).await, &before).await?;
            planned.set(planned.get() + there + back);
            Ok(())
        })
    });
    ran.unwrap();
    assert!(planned.get() > 100, "{}", planned.get());
}

/// Order that means nothing is not compared; that of rules is part of the second plan.
fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    lines
}
