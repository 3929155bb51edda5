//! What it costs to put an act on record, and to check a chain.

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustls::pki_types::PrivateKeyDer;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tod_client::Client;
use tod_client::https::Https;
use tod_client::tls::{Fingerprint, Trust};
use tod_proto::api::devices::Device;
use tod_proto::api::{api_keys, changes, devices, users};
use tod_proto::chain::Link;
use tod_proto::endpoint::Role;
use tod_proto::id::{DeviceId, TenantId};
use tod_proto::page::{Empty, Page};
use tod_server::audit::{self, Act, Chain, Origin};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{Bench, say};

/// How often each act is done in a turn, and how many turns there are.
const PER_TURN: u32 = 40;
const TURNS: u32 = 10;
/// Kinds of acts.
const KINDS: u8 = 5;
/// Records of the chain that is checked in memory, and of the one in the database.
const LINKS: u32 = 1_000_000;
const ROWS: i32 = 200_000;

/// Checks of chains.
pub(crate) async fn chains(bench: &Bench) {
    hashes();
    verify(bench).await;
}

/// Operations as an engineer's client sees them, over TLS as it is shipped, and the difference that
/// a record makes to a transaction.
pub(crate) async fn acts(bench: &Arc<Bench>, clients: &Handle) {
    let (app, tenant) = (&bench.app, bench.fleet.tenant);
    let admin = app.member(tenant, Role::Admin).await;
    let path = format!("/api/tenants/{tenant}/devices?limit=1");
    let listed: Page<Device> = app.get(&admin, &path).await.ok();
    let device = listed.items[0].id;
    let client = behind_tls(bench).await.with_token(admin.token);
    let (mut with, mut without) = (Vec::new(), Vec::new());
    let mut kinds = Kind::ALL.map(|kind| (kind, Vec::new()));
    // In turns, so that a busy moment hits all.
    for turn in 0..TURNS {
        for (kind, times) in &mut kinds {
            let (kind, client) = (*kind, client.clone());
            let asked = clients.spawn(async move {
                let mut times = Vec::new();
                for n in turn * PER_TURN..(turn + 1) * PER_TURN {
                    let begun = Instant::now();
                    kind.happen(&client, tenant, device, n).await.unwrap();
                    times.push(begun.elapsed());
                }
                times
            });
            times.extend(asked.await.unwrap());
        }
        let bench = Arc::clone(bench);
        // On a thread of the server, as its requests are.
        let turn = tokio::spawn(async move { records(&bench, device.0).await });
        let (more_with, more_without) = turn.await.unwrap();
        with.extend(more_with);
        without.extend(more_without);
    }
    let record = median(with).saturating_sub(median(without));
    say(&json!({"who": "the record of an act", "us": us(record)}));
    let kinds = kinds.map(|(kind, times)| (kind.name(), us(median(times))));
    let each: f64 = kinds.iter().map(|(_, us)| us / f64::from(KINDS)).sum();
    say(&json!({"who": "an act", "us": each}));
    for (kind, us) in kinds {
        say(&json!({"who": kind, "us": us}));
    }
}

/// A client of a server as it is shipped.
async fn behind_tls(bench: &Bench) -> Client {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let certificate = made.cert.der().clone();
    let pin = Fingerprint::of(&certificate);
    let mut config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = bench.app.app.clone();
    tokio::spawn(async move {
        let stop = CancellationToken::new();
        let tls = Some(Arc::new(config).into());
        served.serve(listener, tls, stop).await.unwrap();
    });
    let transport = Https::new(&format!("https://{address}"), Trust::Pin(pin)).unwrap();
    Client::new(transport)
}

/// What people do.
#[derive(Clone, Copy)]
enum Kind {
    Note,
    Device,
    Key,
    Invitation,
    Change,
}

impl Kind {
    const ALL: [Self; KINDS as usize] = [
        Self::Note,
        Self::Device,
        Self::Key,
        Self::Invitation,
        Self::Change,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Note => "another note",
            Self::Device => "another device",
            Self::Key => "another API key",
            Self::Invitation => "an invitation",
            Self::Change => "a change",
        }
    }

    /// The same for the `n`th time.
    async fn happen(
        self,
        client: &Client,
        tenant: TenantId,
        device: DeviceId,
        n: u32,
    ) -> Result<(), tod_client::Error> {
        match self {
            Self::Note => {
                let body = json!({ "note": format!("note {n}") });
                let path = (tenant, device);
                client.call(devices::Set, path, Empty {}, of(body)).await?;
            }
            Self::Device => {
                let address = Ipv4Addr::from_bits(0x0a80_0000 + n);
                let body = json!({
                    "name": format!("new-{n}"), "address": address,
                    "username": "tod", "password": "hunter2",
                });
                client
                    .call(devices::Add, tenant, Empty {}, of(body))
                    .await?;
            }
            Self::Key => {
                let body = json!({ "name": format!("key-{n}"), "scopes": ["devices:read"] });
                client
                    .call(api_keys::Create, tenant, Empty {}, of(body))
                    .await?;
            }
            Self::Invitation => {
                let email = format!("p{n}@example.net");
                let body = json!({ "email": email, "name": "Ana", "role": "viewer" });
                client
                    .call(users::Invite, tenant, Empty {}, of(body))
                    .await?;
            }
            Self::Change => {
                let script = "/ip dns set servers=192.0.2.53";
                let body = json!({ "device": device, "script": script, "dry_run": true });
                client
                    .call(changes::Apply, tenant, Empty {}, of(body))
                    .await?;
            }
        }
        Ok(())
    }
}

fn of<T: DeserializeOwned>(body: Value) -> T {
    serde_json::from_value(body).unwrap()
}

/// What transactions took with a record and without.
async fn records(bench: &Bench, device: Uuid) -> (Vec<Duration>, Vec<Duration>) {
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for n in 0..PER_TURN {
        for (times, recorded) in [(&mut with, true), (&mut without, false)] {
            let begun = Instant::now();
            act(bench, device, n, recorded).await;
            times.push(begun.elapsed());
        }
    }
    (with, without)
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
        audit::commit(app, tx, tenant, act).await.unwrap();
    } else {
        tx.commit().await.unwrap();
    }
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
