//! Another tenant's thing makes the database do the same work as a thing that never was, so that
//! nobody tells them apart by how long an answer takes.

use tod_proto::endpoint::{Carrier, Method};
use tod_server::api::App;

use super::Scene;
use super::table::{Place, Row, table};
use super::things::Things;
use crate::harness::answer;
use crate::spent::{self, Counts, minus};

/// How often each is asked before it counts: statements are prepared and planned then.
const WARM: usize = 7;
const ROUNDS: usize = 4;

/// What a request has cost.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cost {
    status: u16,
    statements: Counts<String>,
    rows: Counts<&'static str>,
}

/// A server of one connection for each of its roles, so that none is left out of the count.
struct Desk {
    scene: Scene,
    app: App,
}

impl Desk {
    async fn new() -> Self {
        let scene = Scene::new().await;
        let app = scene
            .app
            .replica_with(|config| config.database_connections = 1);
        let desk = Self { scene, app };
        let (mut tenant, mut system) = desk.connections().await;
        spent::as_in_large_tables(&mut [&mut *tenant, &mut *system]).await;
        tenant.commit().await.unwrap();
        system.commit().await.unwrap();
        desk
    }

    async fn connections(&self) -> (tod_server::db::TenantTx, tod_server::db::SystemTx) {
        let tenant = self.app.db.tenant(self.scene.ours).await.unwrap();
        (tenant, self.app.db.system("count").await.unwrap())
    }

    async fn spent(&self) -> (Counts<String>, Counts<&'static str>) {
        let (mut tenant, mut system) = self.connections().await;
        let statements = spent::statements(&mut [&mut *tenant, &mut *system]).await;
        tenant.commit().await.unwrap();
        system.commit().await.unwrap();
        (statements, spent::rows(&self.scene.app.db).await)
    }

    async fn cost(&self, row: &Row, place: &Place, text: &str, things: &Things) -> Cost {
        let token = &self.scene.boss.token;
        let request = self.scene.request(row, place, text, token, things);
        let before = self.spent().await;
        let status = answer(self.app.router(), request).await.status.as_u16();
        let after = self.spent().await;
        Cost {
            status,
            statements: minus(&after.0, &before.0),
            rows: minus(&after.1, &before.1),
        }
    }

    /// What each of some things costs. Now and then PostgreSQL looks something up for itself: the
    /// cheapest round is the request itself.
    async fn least<const N: usize>(
        &self,
        (row, place, text): (&Row, &Place, &str),
        things: [&Things; N],
    ) -> [Cost; N] {
        for _ in 0..WARM {
            for one in things {
                let request = (self.scene).request(row, place, text, &self.scene.boss.token, one);
                answer(self.app.router(), request).await;
            }
        }
        let mut seen = Vec::new();
        for _ in 0..ROUNDS {
            for one in things {
                seen.push(self.cost(row, place, text, one).await);
            }
        }
        std::array::from_fn(|which| {
            let rounds = seen.iter().skip(which).step_by(N);
            let least = rounds.min_by_key(|cost| cost.rows.values().sum::<i64>());
            least.unwrap().clone()
        })
    }
}

/// Every way to ask for one thing by its name.
fn lookups() -> Vec<(Row, Place, &'static str)> {
    let rows = table().into_iter();
    let reads = rows.filter(|row| row.op.method == Method::Get && row.op.carrier == Carrier::Json);
    reads
        .flat_map(|row| {
            let places = row.places.clone().into_iter();
            let paths = places.filter_map(move |place| match &place {
                Place::Path(_, texts) => Some((row.clone(), place.clone(), *texts.first()?)),
                _ => None,
            });
            paths.collect::<Vec<_>>()
        })
        .collect()
}

#[tokio::test]
async fn another_tenants_thing_costs_what_one_that_never_was_costs() {
    let desk = Desk::new().await;
    let (foreign, unknown) = (&desk.scene.foreign, &desk.scene.unknown);
    let (mut asked, mut different) = (0, Vec::new());

    for (row, place, text) in lookups() {
        let [theirs, nobodys] = desk.least((&row, &place, text), [foreign, unknown]).await;
        asked += 1;
        if theirs != nobodys {
            let name = row.op.name;
            different.push(format!("{name} {text}:\n  {theirs:?}\n  {nobodys:?}"));
        }
    }

    assert!(different.is_empty(), "{}", different.join("\n"));
    assert!(asked >= 15, "{asked}");
}

/// The same count does tell one's own thing: otherwise it would tell nothing at all.
#[tokio::test]
async fn the_count_tells_ones_own_thing_from_one_that_never_was() {
    let desk = Desk::new().await;
    let (own, unknown) = (&desk.scene.own, &desk.scene.unknown);
    let mut told = 0;
    for (row, place, text) in lookups() {
        if text == "{device}" {
            let [ours, nobodys] = desk.least((&row, &place, text), [own, unknown]).await;
            assert_eq!((ours.status, nobodys.status), (200, 404), "{}", row.op.name);
            for kind in ["tup_returned", "tup_fetched"] {
                assert!(ours.rows[kind] > nobodys.rows[kind], "{ours:?} {nobodys:?}");
            }
            told += 1;
        }
    }
    assert!(told >= 3, "{told}");
}
