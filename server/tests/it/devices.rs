//! Devices: adding, finding, changing, deleting.

use futures_util::StreamExt as _;
use serde_json::json;
use tod_proto::api::audit::Record;
use tod_proto::api::devices::{Device, Interface, Point, Status};
use tod_proto::api::events::Event;
use tod_proto::bus::{self, FleetNotice};
use tod_proto::endpoint::Role;
use tod_proto::error::ErrorCode;
use tod_proto::id::TenantId;
use tod_proto::page::{Empty, Page};

use crate::harness::{Person, TestApp};

/// A tenant with an operator.
pub(crate) async fn acme(app: &TestApp) -> (TenantId, Person, String) {
    let tenant = app.tenant("acme").await;
    let ana = app.member(tenant, Role::Operator).await;
    (tenant, ana, format!("/api/tenants/{tenant}/devices"))
}

pub(crate) fn router(name: &str, address: &str) -> serde_json::Value {
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
    let keys = app.app.kms.keyring("a test", "look", app.app.clock.now());
    let mut open = async |tenant, row| {
        let sealed = tod_server::kms::Sealed {
            tenant,
            place: place(row),
            bytes: &stored,
        };
        keys.open(&mut tx, sealed).await
    };
    assert_eq!(
        open(tenant, device.id.0).await.unwrap().as_slice(),
        b"hunter2"
    );
    assert!(open(tenant, uuid::Uuid::nil()).await.is_err());
    let other = app.tenant("other").await;
    assert!(open(other, device.id.0).await.is_err());
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
    let (tenant, ana, devices) = acme(&app).await;
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
    let boss = app.member(tenant, Role::Admin).await;
    let path = format!("/api/tenants/{tenant}/audit?act=device.set");
    let log: Page<Record> = app.get(&boss, &path).await.ok();
    let detail = log.items[0].detail.to_string();
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
