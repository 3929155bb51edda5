//! net-snmp's `snmpwalk`: three versions, two hashes, two ciphers.

use std::process::{Output, Stdio};

use tod_lab::Device;
use tokio::process::Command;
use tokio::time::timeout;

use super::{RELEASES, lab};
use crate::harness::SOON;

const AS_NUMBERS: &[&str] = &["-On", "-Oe", "-t", "2", "-r", "0"];

async fn walk(device: &Device, options: &[&str], of: &str) -> Output {
    let at = device.summary();
    let mut command = Command::new("snmpwalk");
    // No files of the machine's: neither names of objects nor engines seen before.
    command.env("MIBS", "").env("SNMPCONFPATH", "/nonexistent");
    command.env("SNMP_PERSISTENT_DIR", "/nonexistent");
    command.args(options).args(AS_NUMBERS);
    command
        .arg(format!("udp:{}:{}", at.address, at.snmp_port))
        .arg(of);
    command.stdin(Stdio::null()).kill_on_drop(true);
    timeout(SOON, command.output()).await.unwrap().unwrap()
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

const OPEN: &[&str] = &["-v2c", "-c", "public"];

#[tokio::test(flavor = "multi_thread")]
async fn snmpwalk_reads_system_interfaces_storage_and_health() {
    let lab = lab(RELEASES).await;
    for device in lab.devices() {
        device
            .run("/snmp set enabled=yes contact=me location=here")
            .await
            .unwrap();
        let summary = device.summary();

        for options in [OPEN, &["-v1", "-c", "public"]] {
            let system = said(&walk(&device, options, ".1.3.6.1.2.1.1").await);
            let interfaces = said(&walk(&device, options, ".1.3.6.1.2.1.2.2.1.2").await);

            assert!(
                system.contains(&format!("\"RouterOS {}\"", summary.board)),
                "{system}"
            );
            assert!(
                system.contains(".1.3.6.1.2.1.1.4.0 = STRING: \"me\""),
                "{system}"
            );
            assert!(
                system.contains(".1.3.6.1.2.1.1.3.0 = Timeticks:"),
                "{system}"
            );
            assert!(interfaces.contains("STRING: \"ether1\""), "{interfaces}");
        }
        let wide = said(&walk(&device, OPEN, ".1.3.6.1.2.1.31.1.1.1").await);
        assert!(wide.contains("1.6.1 = Counter64: "), "{wide}");
        let host = said(&walk(&device, OPEN, ".1.3.6.1.2.1.25").await);
        assert!(
            host.contains("\"main memory\"") && host.contains("\"system disk\""),
            "{host}"
        );
        assert!(
            host.contains(".1.3.6.1.2.1.25.3.3.1.2.1 = INTEGER: "),
            "{host}"
        );
        let own = said(&walk(&device, OPEN, ".1.3.6.1.4.1.14988").await);
        assert!(own.contains(&format!("\"{}\"", summary.serial)), "{own}");
        assert!(
            own.contains(&format!(".4.4.0 = STRING: \"{}\"", summary.version)),
            "{own}"
        );
        // The whole walk ends, and no name comes twice.
        let all = said(&walk(&device, OPEN, ".1").await);
        let lines = all.lines().filter(|l| !l.contains("No more variables"));
        let mut names: Vec<_> = lines.filter_map(|l| l.split_once(" = ")).collect();
        let count = names.len();
        names.dedup_by_key(|(name, _)| *name);
        assert!(
            count > 100 && names.len() == count,
            "{count} of {}",
            names.len()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn snmp_is_silent_until_it_is_enabled_and_to_whom_it_does_not_know() {
    let lab = lab(&RELEASES[..1]).await;
    let device = lab.devices().remove(0);

    assert!(said(&walk(&device, OPEN, ".1.3.6.1.2.1.1").await).contains("Timeout"));
    device.run("/snmp set enabled=yes").await.unwrap();
    let other = walk(&device, &["-v2c", "-c", "private"], ".1.3.6.1.2.1.1").await;
    assert!(said(&other).contains("Timeout"));
    device
        .run("/ip firewall filter add chain=input protocol=udp action=drop")
        .await
        .unwrap();
    assert!(said(&walk(&device, OPEN, ".1.3.6.1.2.1.1").await).contains("Timeout"));
    assert_eq!(device.counts().logins, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn version_3_signs_and_hides() {
    let lab = lab(RELEASES).await;
    for device in lab.devices() {
        device.run("/snmp set enabled=yes").await.unwrap();
        for (name, security, hash, cipher) in [
            ("a", "authorized", "MD5", "DES"),
            ("b", "private", "MD5", "DES"),
            ("c", "private", "SHA1", "AES"),
            ("d", "authorized", "SHA1", "AES"),
        ] {
            let line = format!(
                "/snmp community add name={name} security={security} \
                 authentication-protocol={hash} authentication-password=12345678 \
                 encryption-protocol={cipher} encryption-password=87654321"
            );
            device.run(&line).await.unwrap();
            let hash = if hash == "SHA1" { "SHA" } else { hash };
            let mut options = vec!["-v3", "-u", name, "-a", hash, "-A", "12345678"];
            if security == "private" {
                options.extend(["-l", "authPriv", "-x", cipher, "-X", "87654321"]);
            } else {
                options.extend(["-l", "authNoPriv"]);
            }

            let good = said(&walk(&device, &options, ".1.3.6.1.2.1.1.5").await);
            options[6] = "wrong-password";
            let bad = said(&walk(&device, &options, ".1.3.6.1.2.1.1.5").await);

            let name = device.summary().name;
            assert!(
                good.contains(&format!("STRING: \"{name}\"")),
                "{name}: {good}"
            );
            assert!(bad.contains("Authentication failure"), "{bad}");
        }
        // Who must hide may not speak openly, neither signed nor by version 2c.
        let options = [
            "-v3",
            "-u",
            "b",
            "-l",
            "authNoPriv",
            "-a",
            "MD5",
            "-A",
            "12345678",
        ];
        let open = said(&walk(&device, &options, ".1.3.6.1.2.1.1.5").await);
        assert!(!open.contains("STRING"), "{open}");
        let open = said(&walk(&device, &["-v2c", "-c", "b"], ".1.3.6.1.2.1.1.5").await);
        assert!(open.contains("Timeout"), "{open}");
    }
}
