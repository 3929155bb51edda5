//! A fleet that was polled, and what it costs when many follow it.

use std::time::{Duration, Instant};

use jiff_sqlx::ToSqlx as _;
use serde_json::json;
use tod_proto::bus::FleetNotice;
use tod_proto::id::TenantId;
use tod_server::event::{self, NewEvent};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::harness::TestApp;
use crate::{Bench, say, threads};

/// Followers of events.
const FOLLOWERS: usize = 1000;
/// Events each second, and for how many seconds.
const RATE: u32 = 50;
const SECONDS: u32 = 10;

/// A tenant's devices.
pub(crate) struct Fleet {
    pub(crate) tenant: TenantId,
}

impl Fleet {
    /// Makes devices as they look after a day of polls.
    pub(crate) async fn insert(app: &TestApp, tenant: TenantId, count: i32) -> Self {
        let mut conn = app.superuser().await;
        let now = app.app.clock.now();
        let statements = [
            "insert into devices (tenant_id, id, name, address, port, ssh_port, tls, username,
                 password, zone, site, tags, poll_seconds, created_at)
             select $1, gen_random_uuid(), 'site-' || n / 10 || '-router-' || n,
                    '10.0.' || n / 250 || '.' || n % 250, 8729, 22, 'auto', 'tod', '\\x00',
                    'default', 'site-' || n / 10, array['core', 'mpls'], 60, $2
             from generate_series(1, $3) n",
            "insert into device_state (tenant_id, device_id, status, status_since, seen_at,
                 identity, model, arch, serial, version, channel, uptime_seconds, cpu_percent,
                 mem_percent, disk_percent, temperature_celsius, voltage, rx_bps, tx_bps, poll_ms)
             select $1, id, 'online', $2, $2, name, 'CCR2004-16G-2S+', 'arm64',
                    substr(id::text, 1, 12), '7.15.3', 'stable', 864000, 12.5, 43.1, 20.9, 41.0,
                    24.1, 123456789, 987654321, 14
             from devices where $3 > 0",
            "insert into device_logins (tenant_id, device_id, hour, logins)
             select $1, id, date_trunc('hour', $2), 1 from devices where $3 > 0",
        ];
        for statement in statements {
            sqlx::query(statement)
                .bind(tenant.0)
                .bind(now.to_sqlx())
                .bind(count)
                .execute(&mut conn)
                .await
                .unwrap();
        }
        sqlx::raw_sql("analyze").execute(&mut conn).await.unwrap();
        Self { tenant }
    }
}

/// A thousand clients follow fifty events a second.
pub(crate) async fn follow(bench: &Bench, clients: &tokio::runtime::Handle) {
    let app = bench.app.app.clone();
    let (fleet, bus) = (app.fleet.clone(), app.bus.clone());
    let stop = CancellationToken::new();
    let notices = tokio::spawn(fleet.run(bus, stop.clone()));
    let (seen, mut done) = mpsc::unbounded_channel();
    let request = bench.request("/events/follow");
    let address = bench.address;
    for _ in 0..FOLLOWERS {
        let (request, seen) = (request.clone(), seen.clone());
        clients.spawn(async move {
            let mut tcp = TcpStream::connect(address).await.unwrap();
            tcp.write_all(&request).await.unwrap();
            let mut buffer = vec![0; 1 << 14];
            // The head says that the stream is open.
            assert!(tcp.read(&mut buffer).await.unwrap() > 0);
            seen.send(()).unwrap();
            let (mut events, mut before) = (0, 0);
            while events < RATE * SECONDS {
                let read = tcp.read(&mut buffer).await.unwrap();
                assert!(read > 0, "the stream ended after {events} events");
                for byte in &buffer[..read] {
                    // Each event ends with an empty line.
                    events += u32::from(*byte == b'\n' && before == b'\n');
                    before = *byte;
                }
            }
            seen.send(()).unwrap();
        });
    }
    for _ in 0..FOLLOWERS {
        done.recv().await.unwrap();
    }
    let (before, begun) = (threads::cpu("server"), Instant::now());
    for n in 0..RATE * SECONDS {
        tokio::time::sleep_until((begun + Duration::from_secs(1) * n / RATE).into()).await;
        happens(bench, n).await;
    }
    for _ in 0..FOLLOWERS {
        done.recv().await.unwrap();
    }
    let (used, took) = (
        threads::cpu("server").saturating_sub(before),
        begun.elapsed(),
    );
    say(
        &json!({"who": "1,000 followers, 50 events a second", "seconds": took.as_secs_f64(),
        "cores": used.as_secs_f64() / took.as_secs_f64()}),
    );
    stop.cancel();
    notices.await.unwrap().unwrap();
}

async fn happens(bench: &Bench, n: u32) {
    let (app, tenant) = (&bench.app.app, bench.fleet.tenant);
    let mut tx = app.db.tenant(tenant).await.unwrap();
    let event = NewEvent {
        kind: "device.status",
        device_name: Some(format!("site-{n}-router")),
        from: Some("online".to_owned()),
        to: Some("offline".to_owned()),
        message: "no answer for 90 s".to_owned(),
        ..NewEvent::default()
    };
    let now = app.clock.now();
    event::record(&mut tx, tenant, now, &[event]).await.unwrap();
    tx.commit().await.unwrap();
    app.tell(&FleetNotice::Events { tenant }).await;
}
