//! What it costs to put an act on record, and to check a chain.

use std::hint::black_box;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tod_proto::chain::Link;
use tod_proto::endpoint::Role;
use tod_proto::id::TenantId;
use tod_proto::page::Page;
use tod_server::audit::{self, Act, Chain, Origin};
use uuid::Uuid;

use crate::harness::send;
use crate::{Bench, say};

/// How often an act is done with and without a record.
const ACTS: u32 = 300;
/// Records of the chain that is checked in memory, and of the one in the database.
const LINKS: u32 = 1_000_000;
const ROWS: i32 = 200_000;

/// Checks of chains.
pub(crate) async fn chains(bench: &Bench) {
    hashes();
    verify(bench).await;
}

/// An operation through the API, and the difference that a record makes to a transaction. The
/// operation is one of the smallest that are recorded: one row of one device changes.
pub(crate) async fn acts(bench: &Bench) {
    let (app, tenant) = (&bench.app, bench.fleet.tenant);
    let operator = app.member(tenant, Role::Operator).await;
    let devices = format!("/api/tenants/{tenant}/devices");
    let listed = app.get(&operator, &format!("{devices}?limit=1")).await;
    let listed: Page<tod_proto::api::devices::Device> = listed.ok();
    let device = listed.items[0].id;
    let path = format!("{devices}/{device}");
    // Not the router of the tests, which holds every answer against the description of the API.
    let (router, token) = (app.app.router(), Some(&*operator.token));
    let (mut whole, mut with, mut without) = (Vec::new(), Vec::new(), Vec::new());
    // In turns, so that a busy moment hits all.
    for n in 0..ACTS {
        let begun = Instant::now();
        let note = json!({ "note": format!("note {n}") });
        let answer = send(router.clone(), token, "PATCH", &path, Some(note)).await;
        whole.push(begun.elapsed());
        answer.ok::<serde_json::Value>();
        for (times, recorded) in [(&mut with, true), (&mut without, false)] {
            let begun = Instant::now();
            act(bench, device.0, n, recorded).await;
            times.push(begun.elapsed());
        }
    }
    let record = median(with).saturating_sub(median(without));
    say(&json!({"who": "an act", "us": us(median(whole))}));
    say(&json!({"who": "its record", "us": us(record)}));
}

async fn act(bench: &Bench, device: Uuid, n: u32, recorded: bool) {
    let (app, tenant) = (&bench.app.app, bench.fleet.tenant);
    let mut tx = app.db.tenant(tenant).await.unwrap();
    sqlx::query("update devices set note = $2 where id = $1")
        .bind(device)
        .bind(format!("note {n}"))
        .execute(&mut *tx)
        .await
        .unwrap();
    if recorded {
        let act = Act {
            actor: "tod",
            act: "device.set",
            target: device.to_string(),
            detail: json!({ "note": format!("note {n}") }),
            origin: Origin::default(),
        };
        audit::record(app, &mut tx, tenant, act).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// A chain in memory, against the bare hash of as many bytes.
fn hashes() {
    let sealed = [7; 120];
    let link = |seq| Link {
        seq,
        at: Timestamp::UNIX_EPOCH,
        actor: "us_0190d5a8e3f07cc2b4a8f1d2c3b4a596",
        act: "device.set",
        target: "dv_0190d5a8e3f07cc2b4a8f1d2c3b4a596",
        form: 2,
        detail: "",
        request_id: "rq_0190d5a8e3f07cc2b4a8f1d2c3b4a596",
        address: "192.0.2.17",
        id: Some(Uuid::nil()),
        sealed: &sealed,
    };
    let tenant = TenantId(Uuid::nil());
    let begun = Instant::now();
    let mut prev = Vec::new();
    for seq in 1..=i64::from(LINKS) {
        prev = link(seq).hash(tenant, &prev).unwrap().to_vec();
    }
    black_box(&prev);
    let took = begun.elapsed();
    // Fields, their lengths, and the fixed ones.
    let bytes = vec![7_u8; 33 + 8 * 7 + 16 + 16 + 16 + 36 + 10 + 36 + 36 + 10 + sealed.len()];
    let begun = Instant::now();
    for _ in 0..LINKS {
        black_box(Sha256::digest(black_box(&bytes)));
    }
    let bare = begun.elapsed();
    let per_second = |took: Duration| f64::from(LINKS) / took.as_secs_f64();
    say(&json!({"who": "a chain in memory", "per_second": per_second(took)}));
    say(&json!({"who": "its bare hashes", "per_second": per_second(bare)}));
}

/// A chain as it lies in the database.
async fn verify(bench: &Bench) {
    let app = &bench.app;
    let tenant = app.tenant("long").await;
    let mut conn = app.superuser().await;
    let fill = "
        do $$
        declare
            tenant uuid := (select id from tenants where name = 'long');
            prev bytea := '';
            one bytea;
            id uuid;
            sealed bytea := decode(repeat('07', 120), 'hex');
        begin
            for n in 1..ROWS loop
                id := gen_random_uuid();
                one := audit_hash(prev, tenant, n, n, 'us_0190d5a8e3f07cc2b4a8f1d2c3b4a596',
                    'device.set', 'dv_0190d5a8e3f07cc2b4a8f1d2c3b4a596',
                    'rq_0190d5a8e3f07cc2b4a8f1d2c3b4a596', '192.0.2.17', id, sealed);
                insert into audit_log (tenant_id, seq, at, actor, act, target, detail, form,
                    request_id, address, id, sealed, prev_hash, hash)
                values (tenant, n, to_timestamp(0) + n * interval '1 microsecond',
                    'us_0190d5a8e3f07cc2b4a8f1d2c3b4a596', 'device.set',
                    'dv_0190d5a8e3f07cc2b4a8f1d2c3b4a596', '', 2,
                    'rq_0190d5a8e3f07cc2b4a8f1d2c3b4a596', '192.0.2.17', id, sealed, prev, one);
                prev := one;
            end loop;
            insert into audit_heads (tenant_id, seq, prev, hash) values (tenant, ROWS, '', prev);
        end $$";
    let fill = fill.replace("ROWS", &ROWS.to_string());
    sqlx::raw_sql(sqlx::AssertSqlSafe(fill))
        .execute(&mut conn)
        .await
        .unwrap();
    let mut tx = app.app.db.tenant(tenant).await.unwrap();
    let begun = Instant::now();
    let chain = audit::verify(&mut tx, tenant, |_, _| {}).await.unwrap();
    let took = begun.elapsed();
    assert_eq!(chain, Chain::Whole(i64::from(ROWS)));
    let per_second = f64::from(ROWS) / took.as_secs_f64();
    say(&json!({"who": "a chain in the database", "per_second": per_second}));
}

fn us(took: Duration) -> f64 {
    took.as_secs_f64() * 1e6
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
