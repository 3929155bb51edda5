//! Devices: adding, finding, changing, deleting.

use std::time::Duration;

use serde_json::json;
use tod_proto::api::devices::{Device, Interface, Point, Status};
use tod_proto::api::events::Event;
use tod_proto::bus::{self, FleetNotice};
use tod_proto::endpoint::Role;
use tod_proto::error::ErrorCode;
use tod_proto::id::TenantId;
use tod_proto::page::{Empty, Page};
use tod_server::audit::{self, Chain};

use crate::harness::{Person, TestApp};

/// A tenant with an operator.
async fn acme(app: &TestApp) -> (TenantId, Person, String) {
    let tenant = app.tenant("acme").await;
    let ana = app.member(tenant, Role::Operator).await;
    (tenant, ana, format!("/api/tenants/{tenant}/devices"))
}

fn router(name: &str, address: &str) -> serde_json::Value {
    json!({ "name": name, "address": address, "username": "tod", "password": "hunter2" })
}

#[tokio::test]
async fn a_new_device_is_there_unknown_and_told_to_everybody() {
    let app = TestApp::new().await;
    let (tenant, ana, devices) = acme(&app).await;
    let mut notices = app.bus.subscribe::<FleetNotice>(bus::FLEET).await.unwrap();

    let added: Device = app
        .post(&ana, &devices, router("core-1", "10.0.0.1"))
        .await
        .ok();

    let shown: Device = app.get(&ana, &format!("{devices}/{}", added.id)).await.ok();
    assert_eq!(shown, added);
    assert_eq!(
        (added.port, added.ssh_port, added.poll_seconds),
        (8729, 22, 60)
    );
    assert_eq!(added.status, Status::Unknown);
    assert_eq!(added.zone, "default");
    use futures_util::StreamExt as _;
    let told = notices.next().await.unwrap();
    assert_eq!(
        told,
        FleetNotice::Devices {
            tenant,
            devices: vec![added.id]
        }
    );
    let events: Page<Event> = app
        .get(&ana, &format!("/api/tenants/{tenant}/events"))
        .await
        .ok();
    assert_eq!(events.items[0].kind, "device.added");
    assert_eq!(events.items[0].actor.as_deref(), Some(ana.email.as_str()));
}

#[tokio::test]
async fn the_password_is_sealed_and_opens_only_in_its_place() {
    let app = TestApp::new().await;
    let (tenant, ana, devices) = acme(&app).await;
    let added = app.post(&ana, &devices, router("core-1", "10.0.0.1")).await;
    assert!(!added.body.contains("hunter2"), "{added}");
    let device: Device = added.ok();

    let mut conn = app.superuser().await;
    let stored: Vec<u8> = sqlx::query_scalar("select password from devices where id = $1")
        .bind(device.id.0)
        .fetch_one(&mut conn)
        .await
        .unwrap();

    assert!(!stored.windows(7).any(|window| window == b"hunter2"));
    let place = |row| tod_server::kms::Place {
        table: "devices",
        column: "password",
        row,
    };
    let mut tx = app.app.db.system("look").await.unwrap();
    let kms = &app.app.kms;
    let opened = kms
        .open(&mut tx, tenant, place(device.id.0), &stored)
        .await
        .unwrap();
    assert_eq!(opened.as_slice(), b"hunter2");
    let elsewhere = place(uuid::Uuid::nil());
    assert!(kms.open(&mut tx, tenant, elsewhere, &stored).await.is_err());
    let other = app.tenant("other").await;
    assert!(
        kms.open(&mut tx, other, place(device.id.0), &stored)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn names_and_addresses_are_taken_once() {
    let app = TestApp::new().await;
    let (_, ana, devices) = acme(&app).await;
    app.post(&ana, &devices, router("core-1", "10.0.0.1"))
        .await
        .ok::<Device>();

    let name = app
        .post(&ana, &devices, router("CORE-1", "10.0.0.2"))
        .await
        .refused(409);
    let address = app
        .post(&ana, &devices, router("core-2", "10.0.0.1"))
        .await
        .refused(409);

    assert_eq!(name.message, "another device is already named `CORE-1`");
    assert_eq!(
        address.message,
        "10.0.0.1 port 8729 in zone `default` is `core-1` already"
    );
    let mut other_port = router("core-2", "10.0.0.1");
    other_port["port"] = 8728.into();
    app.post(&ana, &devices, other_port).await.ok::<Device>();
    let mut other_zone = router("core-3", "10.0.0.1");
    other_zone["zone"] = "lab".into();
    app.post(&ana, &devices, other_zone).await.ok::<Device>();
}

#[tokio::test]
async fn another_tenant_may_use_the_same_name_and_address() {
    let app = TestApp::new().await;
    let (_, ana, devices) = acme(&app).await;
    let other = app.tenant("other").await;
    let bo = app.member(other, Role::Operator).await;
    app.post(&ana, &devices, router("core-1", "10.0.0.1"))
        .await
        .ok::<Device>();

    let there = format!("/api/tenants/{other}/devices");

    app.post(&bo, &there, router("core-1", "10.0.0.1"))
        .await
        .ok::<Device>();
}

#[tokio::test]
async fn a_refusal_names_the_field() {
    let app = TestApp::new().await;
    let (_, ana, devices) = acme(&app).await;
    let with = |field: &str, value: serde_json::Value| {
        let mut body = router("core-1", "10.0.0.1");
        body[field] = value;
        app.post(&ana, &devices, body)
    };

    for (field, value) in [
        ("port", json!(70_000)),
        ("port", json!(0)),
        ("address", json!("10.0.0.1:8728")),
        ("poll_seconds", json!(1)),
        ("tls", json!("maybe")),
        ("tags", json!(["a b"])),
        ("name", json!("all")),
        ("zone", json!("Mixed Case")),
        ("username", json!(7)),
    ] {
        let refused = with(field, value.clone()).await.refused(400);
        assert!(
            refused.message.starts_with(field),
            "{field} {value}: {refused:?}"
        );
        assert_eq!(refused.code, ErrorCode::Invalid);
    }
    let limit = app
        .get(&ana, &format!("{devices}?limit=x"))
        .await
        .refused(400);
    assert!(limit.message.starts_with("limit"), "{limit:?}");
    app.get(&ana, &format!("{devices}/dv_x")).await.refused(400);
}

#[tokio::test]
async fn a_change_takes_what_is_given_and_leaves_the_rest() {
    let app = TestApp::new().await;
    let (_, ana, devices) = acme(&app).await;
    let mut body = router("core-1", "10.0.0.1");
    body["site"] = "berlin".into();
    let device: Device = app.post(&ana, &devices, body).await.ok();
    let path = format!("{devices}/{}", device.id);
    let revision = async || {
        let mut conn = app.superuser().await;
        sqlx::query_scalar::<_, i64>("select revision from devices")
            .fetch_one(&mut conn)
            .await
    };
    assert_eq!(revision().await.unwrap(), 1);

    let patch = json!({ "name": "core-9", "site": "", "tags": ["edge"], "password": "new" });
    let changed: Device = app.patch(&ana, &path, patch).await.ok();

    let expected = Device {
        name: "core-9".to_owned(),
        site: None,
        tags: vec!["edge".to_owned()],
        ..device
    };
    assert_eq!(changed, expected);
    assert_eq!(revision().await.unwrap(), 2);
    let mut conn = app.superuser().await;
    let detail: String =
        sqlx::query_scalar("select detail from audit_log where act = 'device.set'")
            .fetch_one(&mut conn)
            .await
            .unwrap();
    assert!(
        detail.contains("core-9") && !detail.contains("\"new\""),
        "{detail}"
    );
}

#[tokio::test]
async fn a_deleted_device_leaves_its_event_and_nothing_else() {
    let app = TestApp::new().await;
    let (tenant, ana, devices) = acme(&app).await;
    let device: Device = app
        .post(&ana, &devices, router("core-1", "10.0.0.1"))
        .await
        .ok();
    let path = format!("{devices}/{}", device.id);

    app.delete(&ana, &path).await.ok::<Empty>();

    app.get(&ana, &path).await.refused(404);
    app.delete(&ana, &path).await.refused(404);
    let events: Page<Event> = app
        .get(
            &ana,
            &format!("/api/tenants/{tenant}/events?kind=device.deleted"),
        )
        .await
        .ok();
    assert_eq!(events.total, 1);
    let mut conn = app.superuser().await;
    let left: i64 = sqlx::query_scalar("select count(*) from device_state")
        .fetch_one(&mut conn)
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_device_with_a_pending_change_is_not_deleted() {
    let app = TestApp::new().await;
    let (_, ana, devices) = acme(&app).await;
    let device: Device = app
        .post(&ana, &devices, router("core-1", "10.0.0.1"))
        .await
        .ok();
    let mut conn = app.superuser().await;
    sqlx::query("update device_state set pending_change = 17")
        .execute(&mut conn)
        .await
        .unwrap();

    let refused = app
        .delete(&ana, &format!("{devices}/{}", device.id))
        .await
        .refused(409);

    assert!(refused.message.contains("c-17"), "{refused:?}");
}

#[tokio::test]
async fn pages_hold_every_device_once() {
    let app = TestApp::new().await;
    let (_, ana, devices) = acme(&app).await;
    for n in 0..7 {
        let name = format!("{}-{n}", if n % 2 == 0 { "Core" } else { "edge" });
        app.post(&ana, &devices, router(&name, &format!("10.0.0.{n}")))
            .await
            .ok::<Device>();
    }

    for selector in ["all", "name.re=."] {
        let (mut names, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("{devices}?limit=3&selector={selector}{cursor}");
            let page: Page<Device> = app.get(&ana, &path).await.ok();
            assert_eq!(page.total, 7);
            names.extend(page.items.into_iter().map(|device| device.name));
            let Some(next) = page.next else { break };
            cursor = format!("&cursor={next}");
        }
        let all = [
            "Core-0", "Core-2", "Core-4", "Core-6", "edge-1", "edge-3", "edge-5",
        ];
        assert_eq!(names, all, "{selector}");
    }
    app.get(&ana, &format!("{devices}?cursor=zz"))
        .await
        .refused(400);
    app.get(&ana, &format!("{devices}?limit=501"))
        .await
        .refused(400);
}

/// The database and the evaluation in memory must pick the same devices.
#[tokio::test]
async fn sql_and_memory_agree_on_every_selector() {
    let app = TestApp::new().await;
    let (tenant, ana, devices) = acme(&app).await;
    arrange_fleet(&app, &ana, &devices).await;
    let now = app.app.clock.now();
    let all: Page<Device> = app.get(&ana, &devices).await.ok();
    assert_eq!(all.items.len(), 6);
    let id = all.items[0].id;

    let selectors = [
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
    for text in selectors.map(str::to_owned).into_iter().chain([
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
    drop(tenant);
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

#[tokio::test]
async fn interfaces_come_in_the_devices_order_byte_for_byte() {
    let app = TestApp::new().await;
    let (_, ana, devices) = acme(&app).await;
    let device: Device = app
        .post(&ana, &devices, router("core-1", "10.0.0.1"))
        .await
        .ok();
    let mut conn = app.superuser().await;
    let rows = "insert into interfaces
            (tenant_id, device_id, name, position, kind, running, disabled, rx_bytes)
        select tenant_id, id, i.name, i.position, 'ether', true, false, 9223372036854775807
        from devices, (values ('sfp-1', 0), (E'ether1\\x1b[2J', 1)) i (name, position)";
    sqlx::query(rows).execute(&mut conn).await.unwrap();

    let page: Page<Interface> = app
        .get(&ana, &format!("{devices}/{}/interfaces", device.id))
        .await
        .ok();

    let names: Vec<_> = page
        .items
        .iter()
        .map(|interface| interface.name.raw())
        .collect();
    assert_eq!(names, ["sfp-1", "ether1\x1b[2J"]);
    assert_eq!(
        page.items[0].rx_bytes,
        Some(u64::try_from(i64::MAX).unwrap())
    );
}

#[tokio::test]
async fn every_act_is_in_the_chain_and_a_change_behind_its_back_shows() {
    let app = TestApp::new().await;
    let (tenant, ana, devices) = acme(&app).await;
    for n in 1..4 {
        let body = router(&format!("core-{n}"), &format!("10.0.0.{n}"));
        app.post(&ana, &devices, body).await.ok::<Device>();
        app.hands.advance(Duration::from_millis(1));
    }
    let chain = async || {
        let mut tx = app.app.db.tenant(tenant).await.unwrap();
        audit::verify(&mut tx, tenant).await.unwrap()
    };
    assert_eq!(chain().await, Chain::Whole(3));
    let mut conn = app.superuser().await;
    let mut meddle = async |sql: &'static str| {
        sqlx::raw_sql(sql).execute(&mut conn).await.unwrap();
    };

    meddle("update audit_log set actor = 'nobody' where seq = 2").await;
    assert_eq!(chain().await, Chain::BrokenAt(2));
    meddle("delete from audit_log where seq = 2").await;
    assert_eq!(chain().await, Chain::BrokenAt(2));
    meddle("delete from audit_log where seq > 1").await;
    assert_eq!(chain().await, Chain::BrokenAt(2));
}

#[tokio::test]
async fn an_act_that_cannot_be_audited_does_not_happen() {
    let app = TestApp::new().await;
    let (_, ana, devices) = acme(&app).await;
    let mut conn = app.superuser().await;
    sqlx::raw_sql("revoke insert on audit_log from tod_app")
        .execute(&mut conn)
        .await
        .unwrap();

    let refused = app.post(&ana, &devices, router("core-1", "10.0.0.1")).await;

    assert_eq!(refused.refused(500).code, ErrorCode::Internal);
    let page: Page<Device> = app.get(&ana, &devices).await.ok();
    assert_eq!(page.total, 0);
}

#[tokio::test]
async fn a_series_is_read_and_goes_with_its_device() {
    let app = TestApp::new().await;
    let (tenant, ana, devices) = acme(&app).await;
    let device: Device = app
        .post(&ana, &devices, router("core-1", "10.0.0.1"))
        .await
        .ok();
    let now = app.app.clock.now();
    let mut tx = app.app.db.system("arrange a test").await.unwrap();
    tod_server::metrics::store::make_partitions(&mut tx, now)
        .await
        .unwrap();
    sqlx::query(
        "insert into samples (tenant_id, device_id, series, at, value)
         select $1, $2, s, $3 - n * interval '1 minute', n
         from generate_series(0, 9) n, unnest(array['cpu', 'iface:ether1:rx']) s",
    )
    .bind(tenant.0)
    .bind(device.id.0)
    .bind(jiff_sqlx::ToSqlx::to_sqlx(now))
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let path = format!("{devices}/{}/series", device.id);

    let points: Page<Point> = app
        .get(&ana, &format!("{path}?metric=cpu&limit=3"))
        .await
        .ok();
    let port: Page<Point> = app
        .get(&ana, &format!("{path}?metric=iface:ether1:rx"))
        .await
        .ok();
    let wrong = app
        .get(&ana, &format!("{path}?metric=love"))
        .await
        .refused(400);
    app.delete(&ana, &format!("{devices}/{}", device.id))
        .await
        .ok::<Empty>();

    let values: Vec<_> = points.items.iter().map(|point| point.value).collect();
    assert_eq!(values, [2.0, 1.0, 0.0]);
    assert_eq!(port.items.len(), 10);
    assert!(wrong.message.starts_with("metric"), "{wrong:?}");
    let mut conn = app.superuser().await;
    let left: i64 = sqlx::query_scalar("select count(*) from samples")
        .fetch_one(&mut conn)
        .await
        .unwrap();
    assert_eq!(left, 0);
}
