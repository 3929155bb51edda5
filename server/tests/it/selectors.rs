//! Selectors: the database and the evaluation in memory must pick the same devices.

use serde_json::json;
use tod_proto::api::devices::Device;
use tod_proto::page::Page;

use crate::devices::{acme, router};
use crate::harness::{Person, TestApp};

const SELECTORS: [&str; 45] = [
    "all",
    "core-1",
    "CORE-1",
    "core*",
    "?ore-1",
    "10.0.0.2",
    "site=berlin",
    "site=BERLIN",
    "site!=berlin",
    "site=b*",
    "site=\"\"",
    "tag=edge",
    "tag!=edge",
    "tag=edge,lab",
    "not tag=lab",
    "status=online",
    "status=offline,unknown",
    "cpu>50",
    "cpu.ge=50",
    "cpu=50..100",
    "cpu!=99",
    "version<7.15",
    "version>=7.20rc1",
    "version=7.9..7.15",
    "version!=7.15.3",
    "up>1d",
    "up<1h",
    "seen<5m",
    "seen>5m",
    "created<1h",
    "pending=true",
    "pending=false",
    "model~rb",
    "model!~rb",
    "model^=CCR",
    "note~100%",
    "note~a_b",
    "identity=x\\y",
    "zone=default and (site=berlin or cpu>90)",
    "name.re=^core",
    "not (site=berlin cpu>50)",
    "tls=auto",
    "mem<=50",
    "temp>20",
    "rx>1000",
];

#[tokio::test]
async fn sql_and_memory_agree_on_every_selector() {
    let app = TestApp::new().await;
    let (_, ana, devices) = acme(&app).await;
    arrange_fleet(&app, &ana, &devices).await;
    let now = app.app.clock.now();
    let all: Page<Device> = app.get(&ana, &devices).await.ok();
    assert_eq!(all.items.len(), 6);
    let id = all.items[0].id;

    for text in SELECTORS.map(str::to_owned).into_iter().chain([
        id.to_string(),
        id.to_string()[..20].to_owned(),
        format!("id={id}"),
    ]) {
        let selector: tod_proto::selector::Selector = text
            .parse()
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        let expected: Vec<_> = all
            .items
            .iter()
            .filter(|device| selector.matches(device, now))
            .map(|device| device.name.clone())
            .collect();
        let query = serde_urlencoded::to_string([("selector", &text)]).unwrap();
        let page: Page<Device> = app.get(&ana, &format!("{devices}?{query}")).await.ok();
        let found: Vec<_> = page.items.into_iter().map(|device| device.name).collect();
        assert_eq!(found, expected, "{text}");
    }
    let wrong = app
        .get(&ana, &format!("{devices}?selector=cpuu%3E3"))
        .await
        .refused(400);
    assert!(wrong.hint.is_some() && wrong.detail.is_some(), "{wrong:?}");
}

async fn arrange_fleet(app: &TestApp, ana: &Person, devices: &str) {
    for (name, address, site, tags, note) in [
        (
            "core-1",
            "10.0.0.1",
            Some("berlin"),
            vec!["edge"],
            Some("100% a_b"),
        ),
        (
            "core-2",
            "10.0.0.2",
            Some("Berlin"),
            vec!["edge", "lab"],
            None,
        ),
        ("edge-1", "10.0.0.3", Some("riga"), vec![], Some("axb 100")),
        ("edge-2", "10.0.0.4", None, vec!["lab"], None),
        ("Lab", "10.0.0.5", None, vec![], None),
        ("new", "10.0.0.6", Some("berlin"), vec![], None),
    ] {
        let mut body = router(name, address);
        body["site"] = json!(site);
        body["tags"] = json!(tags);
        body["note"] = json!(note);
        app.post(ana, devices, body).await.ok::<Device>();
    }
    let mut conn = app.superuser().await;
    let facts = "
        update device_state s
        set status = f.status, cpu_percent = f.cpu, mem_percent = f.cpu, version = f.version,
            version_key = f.key::bigint[], uptime_seconds = f.up, model = f.model, rx_bps = f.up,
            temperature_celsius = f.cpu, identity = 'x\\y', pending_change = f.pending,
            seen_at = d.created_at - make_interval(secs => f.seen)
        from devices d, (values
            ('core-1', 'online', 50.0, '7.15.3', '{7,15,3,3,0}', 90000, 'CCR2004', 17, 1),
            ('core-2', 'online', 99.0, '7.9', '{7,9,0,3,0}', 60, 'ccr2116', null, 400),
            ('edge-1', 'offline', 12.5, '7.20rc1', '{7,20,0,2,1}', 3600, 'RB5009', null, 10),
            ('edge-2', 'degraded', 91.0, '7.20', '{7,20,0,3,0}', 86400, 'hAP ax', null, 299),
            ('Lab', 'online', 0.0, 'strange', null, 0, null, null, 0)
        ) f (name, status, cpu, version, key, up, model, pending, seen)
        where d.name = f.name and s.device_id = d.id";
    let changed = sqlx::raw_sql(facts).execute(&mut conn).await.unwrap();
    assert_eq!(changed.rows_affected(), 5);
}
