//! Who opened what for what: the rows of `key_uses`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use tod_proto::id::TenantId;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Kms, KmsError, Sealed, envelope};
use crate::api::error::Error;

/// Opens values of tenants for somebody, for one purpose.
#[derive(Clone, Debug)]
pub struct Keyring<'a> {
    pub(super) kms: &'a Kms,
    pub(super) actor: Cow<'a, str>,
    pub(super) purpose: &'static str,
    pub(super) now: Timestamp,
    pub(super) each: bool,
}

impl Keyring<'_> {
    /// Leaves one row for each value that is opened at once, not one for all of a kind.
    #[must_use]
    pub fn each(mut self) -> Self {
        self.each = true;
        self
    }

    /// Opens a value.
    pub async fn open(
        &self,
        conn: &mut PgConnection,
        sealed: Sealed<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut opened = self.open_all(conn, &[sealed]).await?;
        Ok(opened.pop().ok_or(KmsError::Shut)??)
    }

    /// Opens values. One that does not open leaves the others alone.
    pub async fn open_all(
        &self,
        conn: &mut PgConnection,
        sealed: &[Sealed<'_>],
    ) -> Result<Vec<Result<Zeroizing<Vec<u8>>, KmsError>>, Error> {
        let mut opened = Vec::with_capacity(sealed.len());
        let mut versions = Vec::with_capacity(sealed.len());
        let mut missing = BTreeMap::new();
        for value in sealed {
            let version = envelope::key_version(value.bytes)
                .ok()
                .and_then(|version| i32::try_from(version).ok())
                .unwrap_or(0);
            versions.push(version);
            // A key that is not to be had is asked for once, not for each value.
            if let Some(error) = missing.get(&(value.tenant, version)) {
                opened.push(Err(*error));
                continue;
            }
            let place = envelope::aad(value.tenant, value.place);
            opened.push(match self.kms.key(conn, value.tenant, version).await? {
                Ok(key) => envelope::open(&key, &place, value.bytes),
                Err(error) => {
                    missing.insert((value.tenant, version), error);
                    Err(error)
                }
            });
        }
        self.note(conn, rows(sealed, &versions, self.each)).await?;
        Ok(opened)
    }

    async fn note(&self, conn: &mut PgConnection, rows: Vec<Row>) -> Result<(), Error> {
        if rows.is_empty() {
            return Ok(());
        }
        let tenants: Vec<Uuid> = rows.iter().map(|row| row.tenant.0).collect();
        let ids: Vec<Uuid> = rows.iter().map(|_| Uuid::now_v7()).collect();
        let versions: Vec<i32> = rows.iter().map(|row| row.version).collect();
        let places: Vec<String> = rows.iter().map(|row| row.place.clone()).collect();
        let resources: Vec<Option<Uuid>> = rows.iter().map(|row| row.resource).collect();
        let counts: Vec<i32> = rows.iter().map(|row| row.count).collect();
        sqlx::query!(
            "insert into key_uses
                 (tenant_id, id, at, actor, purpose, version, place, resource, count)
             select tenant, id, $3, $4, $5, version, place, resource, count
             from unnest($1::uuid[], $2::uuid[], $6::int[], $7::text[], $8::uuid[], $9::int[])
                 as t (tenant, id, version, place, resource, count)",
            &tenants,
            &ids,
            self.now.to_sqlx() as _,
            &*self.actor,
            self.purpose,
            &versions,
            &places,
            &resources as &[Option<Uuid>],
            &counts,
        )
        .execute(conn)
        .await?;
        Ok(())
    }
}

/// One row.
struct Row {
    tenant: TenantId,
    version: i32,
    place: String,
    resource: Option<Uuid>,
    count: i32,
}

fn rows(opened: &[Sealed<'_>], versions: &[i32], each: bool) -> Vec<Row> {
    let rows = opened.iter().zip(versions).map(|(value, version)| Row {
        tenant: value.tenant,
        version: *version,
        place: format!("{}.{}", value.place.table, value.place.column),
        resource: Some(value.place.row),
        count: 1,
    });
    if each {
        return rows.collect();
    }
    let mut together = BTreeMap::<_, Row>::new();
    for row in rows {
        let key = (row.tenant, row.place.clone());
        match together.get_mut(&key) {
            Some(sum) => {
                sum.count = sum.count.saturating_add(1);
                sum.version = sum.version.max(row.version);
                sum.resource = None;
            }
            None => {
                together.insert(key, row);
            }
        }
    }
    together.into_values().collect()
}
