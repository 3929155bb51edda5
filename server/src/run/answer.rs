//! What a device answered, sealed: it may hold any secret of the device.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use tod_proto::api::runs::Row;
use tod_proto::id::TenantId;
use tod_service::reconcile::Reconcile;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::store::Outcome;
use crate::api::App;
use crate::api::error::Error;
use crate::kms::{Keyring, Kms, Place, Sealed};

/// How many answers of earlier versions are sealed at a time.
const BATCH: i64 = 200;
/// The longest text that a device says beside its rows.
const TEXT: usize = 4000;
/// What is shown in the place of an answer whose key is gone.
const LOST: &str = "the answer does not open: its key is not there any more";

/// Everything in a result that came from a device.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) rows: Vec<Row>,
    pub(super) ret: Option<String>,
    pub(super) message: Option<String>,
}

impl Answer {
    pub(super) fn of(outcome: &Outcome) -> Self {
        let short = |text: &String| text.chars().take(TEXT).collect();
        Self {
            rows: outcome.rows.clone(),
            ret: outcome.ret.as_ref().map(short),
            message: outcome.message.as_ref().map(short),
        }
    }
}

/// An answer as the database has it.
pub(super) struct Kept {
    pub(super) id: Uuid,
    pub(super) sealed: Option<Vec<u8>>,
    /// What earlier versions kept in the clear, until it is sealed.
    pub(super) answer: Option<Vec<u8>>,
    pub(super) ret: Option<String>,
    pub(super) message: Option<String>,
}

impl Kept {
    fn in_the_clear(&self) -> Result<Answer, Error> {
        let rows = self.answer.as_deref().unwrap_or(b"[]");
        Ok(Answer {
            rows: serde_json::from_slice(rows).map_err(Error::internal)?,
            ret: self.ret.clone(),
            message: self.message.clone(),
        })
    }
}

fn place(id: Uuid) -> Place {
    Place {
        table: "run_results",
        column: "sealed",
        row: id,
    }
}

/// Seals an answer for the row with this identifier. An empty one stays empty.
pub(super) async fn seal(
    kms: &Kms,
    tx: &mut PgConnection,
    tenant: TenantId,
    id: Uuid,
    answer: &Answer,
) -> Result<Option<Vec<u8>>, Error> {
    if *answer == Answer::default() {
        return Ok(None);
    }
    let plain = Zeroizing::new(serde_json::to_vec(answer).map_err(Error::internal)?);
    Ok(Some(kms.seal(tx, tenant, place(id), &plain).await?))
}

/// Opens answers, in their order. One whose key is gone says so, and leaves the others alone.
pub(super) async fn open_all(
    keys: &Keyring<'_>,
    tx: &mut PgConnection,
    tenant: TenantId,
    kept: &[Kept],
) -> Result<Vec<Answer>, Error> {
    let sealed = kept.iter().filter_map(|kept| {
        Some(Sealed {
            tenant,
            place: place(kept.id),
            bytes: kept.sealed.as_deref()?,
        })
    });
    let sealed: Vec<_> = sealed.collect();
    let mut opened = keys.open_all(tx, &sealed).await?.into_iter();
    let mut answers = Vec::with_capacity(kept.len());
    for kept in kept {
        answers.push(match &kept.sealed {
            None => kept.in_the_clear()?,
            Some(_) => match opened.next() {
                Some(Ok(plain)) => serde_json::from_slice(&plain).map_err(Error::internal)?,
                _ => Answer {
                    message: Some(LOST.to_owned()),
                    ..Answer::default()
                },
            },
        });
    }
    Ok(answers)
}

/// Seals what earlier versions kept in the clear.
#[derive(Debug)]
pub struct Answers(App);

impl Answers {
    /// Works on the database of `app`.
    pub fn new(app: App) -> Self {
        Self(app)
    }

    async fn seal_some(&self, tenant: TenantId) -> Result<usize, Error> {
        let mut tx = self.0.db.tenant(tenant).await?;
        let rows = sqlx::query_as!(
            Kept,
            "select id, sealed, answer, ret, message
             from run_results
             where tenant_id = $1
               and (answer is not null or ret is not null or message is not null)
             limit $2
             for update skip locked",
            tenant.0,
            BATCH,
        )
        .fetch_all(&mut *tx)
        .await?;
        for kept in &rows {
            let answer = kept.in_the_clear()?;
            let sealed = seal(&self.0.kms, &mut tx, tenant, kept.id, &answer).await?;
            sqlx::query!(
                "update run_results
                 set sealed = $3, answer = null, ret = null, message = null
                 where tenant_id = $1 and id = $2",
                tenant.0,
                kept.id,
                sealed,
            )
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(rows.len())
    }
}

impl Reconcile for Answers {
    const NAME: &'static str = "answers in the clear";
    const EVERY: Duration = Duration::from_mins(1);

    async fn run(&mut self) -> anyhow::Result<usize> {
        let mut tx = self.0.db.system("answers in the clear").await?;
        let tenants = sqlx::query_scalar!(
            "select distinct tenant_id from run_results
             where answer is not null or ret is not null or message is not null",
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        let mut done = 0;
        for tenant in tenants {
            loop {
                let some = self.seal_some(TenantId(tenant)).await?;
                done += some;
                if some == 0 {
                    break;
                }
            }
        }
        Ok(done)
    }
}
