//! Laws that plans of configurations obey on devices: what is planned is what comes out.

use proptest::prelude::{ProptestConfig, any, prop, prop_assert_eq};
use proptest::test_runner::TestRunner;
use routeros::config::{plan, read};
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
];

/// Which parts a configuration has, in which variant, and in which order its rules stand.
type Choice = Vec<(bool, u8)>;

/// Returns the commands of a configuration.
fn commands(choice: &Choice, is_turned: bool) -> Vec<String> {
    let parts = PARTS.iter().zip(choice).filter(|(_, (is_in, _))| *is_in);
    let mut commands: Vec<_> = parts
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

async fn pair() -> (Lab, Device, Device) {
    let at = |n| std::net::Ipv4Addr::new(127, 20, 1, n);
    let devices = [("a", 1), ("b", 2)].map(|(name, n)| Spec::new(name, at(n)));
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

#[test]
fn a_plan_from_one_device_to_another_makes_them_alike() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let choice = || prop::collection::vec((any::<bool>(), any::<u8>()), PARTS.len());
    let config = ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let strategy = (choice(), choice(), any::<bool>());
    let ran = TestRunner::new(config).run(&strategy, |(from, to, is_turned)| {
        runtime.block_on(async {
            let (_lab, a, b) = pair().await;
            let before = configured(&a, &commands(&from, false)).await;
            let wanted = configured(&b, &commands(&to, is_turned)).await;

            let parse = |text: &str| read(&Export::parse(text.as_bytes()));
            let operations = plan(&parse(&before), &parse(&wanted));
            let operations = operations.unwrap_or_else(|e| panic!("{e:?}\n{before}\n{wanted}"));
            for operation in &operations {
                let command = operation.to_string();
                if let Err(trap) = a.run(&command).await {
                    panic!("{command}: {trap}\n{before}\n--\n{wanted}");
                }
            }

            let after = exported(&a).await;
            let left = plan(&parse(&after), &parse(&wanted)).unwrap();
            let left: Vec<_> = left.iter().map(ToString::to_string).collect();
            prop_assert_eq!(left, Vec::<String>::new());
            prop_assert_eq!(sorted(&after), sorted(&wanted));
            Ok(())
        })
    });
    ran.unwrap();
}

/// Order that means nothing is not compared; that of rules is part of the second plan.
fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    lines
}
