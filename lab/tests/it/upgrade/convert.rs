//! What a boot into another release makes of a device: menus, rows, names and radios.

use tod_lab::wire::{Answer, Request};
use tod_lab::{Device, Lab};

use super::{booted, said};
use crate::harness::{Client, one, spec};

/// Offers a release, lets the device install it, and waits until it is up again.
async fn upgraded(lab: &Lab, device: &Device, version: &str) {
    let feed = Request::Feed {
        channel: "stable".to_owned(),
        version: version.to_owned(),
    };
    assert_eq!(lab.answer(feed).await, Answer::Done);
    device.run("/system package update install").await.unwrap();
    booted(device, 1).await;
    assert_eq!(device.summary().version, version);
}

fn names(device: &Device, menu: &str) -> Vec<String> {
    let rows = device.rows(menu);
    let names = rows.iter().filter_map(|r| r.text("name"));
    names.map(std::borrow::Cow::into_owned).collect()
}

/// Returns the names of rows in menus where much is there from the start.
fn built_in(device: &Device) -> Vec<Vec<String>> {
    let menus = [
        "/interface",
        "/ip/service",
        "/user/group",
        "/system/logging/action",
        "/queue/type",
        "/interface/list",
        "/ppp/profile",
        "/ip/firewall/service-port",
    ];
    let sorted = menus.map(|menu| {
        let mut names = names(device, menu);
        names.sort();
        names
    });
    sorted.into()
}

/// Returns the lines of an export, without those that begin it.
async fn exported(device: &Device) -> Vec<String> {
    let text = device.run("/export").await.unwrap();
    let lines = text.lines().filter(|l| !l.starts_with('#'));
    lines.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgraded_device_is_what_a_new_one_would_be_and_keeps_its_configuration() {
    for (board, from, to) in [
        ("RB5009UG+S+", "7.12.1", "7.20.8"),
        ("CHR", "7.1.5", "7.24"),
        ("hAP ac^2", "7.10", "7.22.3"),
        ("CRS328-24P-4S+", "7.18.2", "7.20.8"),
    ] {
        let (lab, device) = one(spec().version(from).board(board)).await;
        let (_other, new) = one(spec().version(to).board(board)).await;
        let commands = [
            "/interface ethernet set ether2 comment=\"to the roof\" name=roof",
            "/interface bridge add name=br-a",
            "/interface vlan add name=v7 vlan-id=7 interface=br-a",
            "/ip address add address=10.1.0.1/24 interface=v7",
            "/ip service set telnet disabled=yes",
            "/ip firewall filter add chain=forward action=accept comment=one",
            "/ip firewall filter add chain=forward action=drop comment=two",
            "/system logging add topics=debug action=memory",
            "/user group add name=noc policy=read,api",
        ];
        for command in commands {
            device.run(command).await.unwrap();
            new.run(command).await.unwrap();
        }

        upgraded(&lab, &device, to).await;

        assert_eq!(built_in(&device), built_in(&new), "{board} {from} {to}");
        assert_eq!(
            exported(&device).await,
            exported(&new).await,
            "{board} {from} {to}"
        );
        let mut ids: Vec<_> = device
            .rows("/interface")
            .iter()
            .map(|r| r.id().unwrap().to_owned())
            .collect();
        ids.sort();
        let count = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), count, "no two interfaces have one id");
        // What it can do and could not: it is asked as every other device is.
        let mut client = Client::log_in(&device).await;
        let taken = client.run("/safe-mode/take", &[]).await;
        assert_eq!(taken.trap, None, "{to}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn radios_are_driven_by_the_next_driver_with_the_networks_they_had() {
    let (lab, device) = one(spec().version("7.12.1").board("hAP ax^2")).await;
    for command in [
        "/interface wifiwave2 security add name=sec authentication-types=wpa2-psk",
        "/interface wifiwave2 set wifi1 configuration.ssid=attic disabled=no",
    ] {
        device.run(command).await.unwrap();
    }

    upgraded(&lab, &device, "7.20.8").await;

    let radios = device.rows("/interface/wifi");
    assert_eq!(radios.len(), 2);
    assert_eq!(radios[0].text("configuration.ssid").unwrap(), "attic");
    assert_eq!(radios[0].text("disabled").unwrap(), "false");
    assert_eq!(names(&device, "/interface/wifi/security"), ["sec"]);
    let mut client = Client::log_in(&device).await;
    let old = client.run("/interface/wifiwave2/print", &[]).await;
    assert_eq!(old.trap.as_deref(), Some("no such command prefix"));
    let packages = names(&device, "/system/package");
    assert!(packages.contains(&"wifi-qcom".to_owned()), "{packages:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_step_to_7_turns_marks_into_tables_and_rights_servers_and_dates_follow() {
    let (_lab, device) = one(spec().version("6.49.18").board("hEX")).await;
    for command in [
        "/ip route add dst-address=10.9.0.0/16 gateway=127.20.0.254 routing-mark=voice",
        "/system ntp client set enabled=yes primary-ntp=192.0.2.1 secondary-ntp=192.0.2.2",
        "/user group add name=noc policy=read,api,tikapp",
        "/ip ssh set always-allow-password-login=yes",
        "/system scheduler add name=x interval=1d start-date=jul/21/2030 on-event=:put",
        "/system package update set channel=upgrade",
    ] {
        device.run(command).await.unwrap();
    }
    device.run("/system package update install").await.unwrap();
    booted(&device, 1).await;

    assert_eq!(device.summary().version, "7.12.1");
    let routes = device.rows("/ip/route");
    let marked = routes
        .iter()
        .find(|r| r.text("dst-address").as_deref() == Some("10.9.0.0/16"));
    assert_eq!(marked.unwrap().text("routing-table").unwrap(), "voice");
    assert_eq!(marked.unwrap().raw("routing-mark"), None);
    assert_eq!(names(&device, "/routing/table"), ["main", "voice"]);
    assert_eq!(
        said(&device, "/system/ntp/client", "servers"),
        "192.0.2.1,192.0.2.2"
    );
    assert_eq!(
        said(&device, "/system/scheduler", "start-date"),
        "2030-07-21"
    );
    let groups = device.rows("/user/group");
    for row in &groups {
        let policy = row.text("policy").unwrap();
        assert!(
            !policy.contains("tikapp") && !policy.contains("dude"),
            "{policy}"
        );
        assert!(policy.split(',').any(|p| p == "rest-api"), "{policy}");
    }
    assert_eq!(groups.len(), 4);
    assert_eq!(
        said(&device, "/ip/ssh", "always-allow-password-login"),
        "true"
    );
    let prompt = device.run("/export").await.unwrap();
    assert!(prompt.contains("/routing table\r\nadd"), "{prompt}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_setting_keeps_its_meaning() {
    let (lab, device) = one(spec().version("7.15.3")).await;
    device
        .run("/ip ssh set always-allow-password-login=yes")
        .await
        .unwrap();
    device.run("/file add name=a.txt contents=x").await.unwrap();

    upgraded(&lab, &device, "7.22.3").await;

    assert_eq!(said(&device, "/ip/ssh", "password-authentication"), "yes");
    let file = device.rows("/file").remove(0);
    assert!(file.raw("last-modified").is_some() && file.raw("creation-time").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_brings_the_main_package_alone_past_7_13_loses_the_radios() {
    for (board, driver, menu) in [
        ("hAP ac^2", "wireless", "/interface/wireless"),
        ("hAP ax^2", "wifi-qcom", "/interface/wifi"),
    ] {
        let (_lab, device) = one(spec().version("7.12.1").board(board)).await;
        let arch = said(&device, "/system/resource", "architecture-name");
        let file = |name: &str| format!("/file add name={name}-7.20.4-{arch}.npk contents=x");
        device.run(&file("routeros")).await.unwrap();
        device.reboot();
        booted(&device, 1).await;

        assert_eq!(device.summary().version, "7.20.4");
        let radios = |device: &Device| {
            let rows = device.rows("/interface");
            let radios = rows
                .iter()
                .filter(|r| matches!(r.text("type").as_deref(), Some("wlan" | "wifi")));
            radios.count()
        };
        assert_eq!(radios(&device), 0, "{board}");
        device.run(&file(driver)).await.unwrap();
        device.reboot();
        booted(&device, 2).await;

        assert_eq!(radios(&device), 2, "{board}");
        assert_eq!(device.rows(menu).len(), 2);
        assert!(
            device
                .own_log()
                .join("\n")
                .contains(&format!("installed {driver}-7.20.4"))
        );
        let packages = device.rows("/system/package");
        let own = packages.iter().filter(|r| r.raw("available").is_none());
        let own: Vec<_> = own.filter_map(|r| r.text("name")).collect();
        assert_eq!(own, ["routeros", driver]);
    }
}
