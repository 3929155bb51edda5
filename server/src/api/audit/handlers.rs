//! What each endpoint does.
//!
//! A chain is read within its tenant's walls; the platform's is that of the nil tenant, which the
//! database walls off in the same way. Only the addresses of people are looked up across tenants:
//! who runs the server is in none.

use tod_proto::api::audit::{
    Cut, List, ListQuery, PlatformList, PlatformVerify, Record, Show, Verdict, Verify,
};
use tod_proto::id::TenantId;
use tod_proto::page::{MAX_PAGE, Page};

use super::store::{self, Filter};
use crate::api::Cx;
use crate::api::error::Error;
use crate::api::route::Req;
use crate::audit::anchor::Anchor;
use crate::audit::checkpoint::Checkpoint;
use crate::audit::{self, Chain, Link, PLATFORM, anchor, checkpoint};
use crate::db::TenantTx;
use crate::kms::Sealed;
use crate::people;

const DEFAULT_LIMIT: u32 = 100;

pub(super) async fn list(cx: Cx, req: Req<List>) -> Result<Page<Record>, Error> {
    page(&cx, cx.tenant()?, &req.query).await
}

pub(super) async fn platform_list(cx: Cx, req: Req<PlatformList>) -> Result<Page<Record>, Error> {
    page(&cx, PLATFORM, &req.query).await
}

pub(super) async fn show(cx: Cx, req: Req<Show>) -> Result<Record, Error> {
    let (tenant, seq) = req.path;
    let mut tx = cx.begin().await?;
    let link = store::one(&mut tx, seq)
        .await?
        .ok_or_else(|| Error::not_found("audit record"))?;
    let details = details(&cx, &mut tx, std::slice::from_ref(&link)).await?;
    tx.commit().await?;
    let mut records = records(&cx, tenant, vec![link], details).await?;
    records
        .pop()
        .ok_or_else(|| Error::not_found("audit record"))
}

pub(super) async fn verify(cx: Cx, req: Req<Verify>) -> Result<Verdict, Error> {
    verdict(&cx, cx.tenant()?, req.query.at).await
}

pub(super) async fn platform_verify(cx: Cx, req: Req<PlatformVerify>) -> Result<Verdict, Error> {
    verdict(&cx, PLATFORM, req.query.at).await
}

/// One page of a chain, the newest first, with what was sealed opened.
pub(in crate::api) async fn page(
    cx: &Cx,
    chain: TenantId,
    query: &ListQuery,
) -> Result<Page<Record>, Error> {
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Error::invalid(format!("limit: 1 to {MAX_PAGE}")));
    }
    let actor = match &query.actor {
        Some(actor) => Some(people::actor(&cx.app, actor).await?),
        None => None,
    };
    let filter = Filter {
        since: query.since,
        until: query.until,
        actor,
        act: query.act.clone(),
        target: query.target.clone(),
    };
    let mut tx = cx.app.db.tenant(chain).await?;
    let links = store::list(&mut tx, &filter, query.before, i64::from(limit)).await?;
    let total = store::count(&mut tx, &filter).await?;
    let details = details(cx, &mut tx, &links).await?;
    tx.commit().await?;
    let full = links.len() == usize::try_from(limit).unwrap_or(usize::MAX);
    let last = links.last().map(|link| link.seq);
    Ok(Page {
        items: records(cx, chain, links, details).await?,
        next: last
            .filter(|seq| full && *seq > 1)
            .map(|seq| seq.to_string()),
        total: u64::try_from(total).unwrap_or(0),
    })
}

async fn records(
    cx: &Cx,
    chain: TenantId,
    links: Vec<Link>,
    details: Vec<serde_json::Value>,
) -> Result<Vec<Record>, Error> {
    let users = links
        .iter()
        .filter_map(|link| people::of_actor(&link.actor));
    let emails = people::emails(&cx.app, users).await?;
    let records = links.into_iter().zip(details).map(|(link, detail)| Record {
        tenant: chain,
        seq: link.seq,
        at: link.at,
        actor_email: people::of_actor(&link.actor).and_then(|user| emails.get(&user).cloned()),
        actor: link.actor,
        act: link.act,
        target: link.target,
        address: link.address,
        request_id: link.request_id,
        detail,
        sealed: hex::encode(link.sealed),
        id: link.id,
        form: link.form,
        prev_hash: hex::encode(link.prev_hash),
        hash: hex::encode(link.hash),
    });
    Ok(records.collect())
}

/// What was sealed, opened. What does not open any more is null: the rest of the log stays
/// readable.
async fn details(
    cx: &Cx,
    tx: &mut TenantTx,
    links: &[Link],
) -> Result<Vec<serde_json::Value>, Error> {
    let chain = tx.tenant();
    let sealed = links.iter().filter_map(|link| {
        let place = audit::place(link.id?);
        Some(Sealed {
            tenant: chain,
            place,
            bytes: &link.sealed,
        })
    });
    let sealed: Vec<_> = sealed.collect();
    let opened = if chain == PLATFORM {
        let kms = &cx.app.kms;
        let open = |value: &Sealed<'_>| kms.open_platform(value.place, value.bytes);
        sealed.iter().map(open).collect()
    } else {
        cx.keyring()?.open_all(tx, &sealed).await?
    };
    let mut opened = opened.into_iter();
    let details = links.iter().map(|link| {
        let text = match link.id {
            Some(_) => opened.next().and_then(Result::ok),
            None => Some(link.detail.clone().into_bytes().into()),
        };
        text.and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default()
    });
    Ok(details.collect())
}

async fn verdict(cx: &Cx, chain: TenantId, at: Option<i64>) -> Result<Verdict, Error> {
    let mut tx = cx.app.db.tenant(chain).await?;
    let anchor = anchor::newest(&mut tx, chain).await?;
    let (start, hash) = anchor
        .as_ref()
        .map_or((0, Vec::new()), |anchor| (anchor.seq, anchor.hash.clone()));
    let mut checkpoints = checkpoint::all(&mut tx, chain).await?;
    // What vouched for rows that are gone says nothing about those that are left.
    checkpoints.retain(|checkpoint| checkpoint.seq > start);
    let mut unseen = checkpoints.iter().peekable();
    let (mut good, mut head, mut hash_at) = (start, hash, None);
    let mut checkpoint_missed = None;
    let found = audit::verify(&mut tx, chain, |seq, hash| {
        while let Some(checkpoint) = unseen.next_if(|checkpoint| checkpoint.seq <= seq) {
            if checkpoint.seq != seq || checkpoint.hash != hash {
                checkpoint_missed.get_or_insert(checkpoint.seq);
            }
        }
        if at == Some(seq) {
            hash_at = Some(hex::encode(hash));
        }
        good = seq;
        head = hash.to_vec();
    })
    .await?;
    tx.commit().await?;
    let cut_off = unseen.peek().map(|checkpoint| checkpoint.seq);
    let broken = match found {
        Chain::BrokenAt(seq) => Some((seq, "the record is not as it was written, or not there")),
        Chain::Whole(_) => None,
    };
    let broken = forged_anchor(cx, chain, anchor.as_ref())?
        .or(broken)
        .or(checkpoint_missed.map(|seq| (seq, "the record is not the one that was vouched for")))
        .or(cut_off.map(|seq| (seq, "a record that was vouched for is not there")))
        .or(forged_checkpoint(cx, chain, &checkpoints)?);
    Ok(Verdict {
        whole: broken.is_none(),
        records: good - start,
        cut: anchor.map(|anchor| Cut {
            through: anchor.seq,
            hash: hex::encode(anchor.hash),
            before: anchor.until,
            at: anchor.at,
        }),
        checkpoints: i64::try_from(checkpoints.len()).unwrap_or(i64::MAX),
        broken_at: broken.map(|(seq, _)| seq),
        reason: broken.map(|(_, reason)| reason.to_owned()),
        head: hex::encode(head),
        at: hash_at,
    })
}

/// Which record something is wrong with, and what.
type Wrong = Option<(i64, &'static str)>;

fn forged_anchor(cx: &Cx, chain: TenantId, anchor: Option<&Anchor>) -> Result<Wrong, Error> {
    Ok(match anchor {
        Some(anchor) if !anchor.is_ours(&cx.app.kms, chain)? => {
            Some((anchor.seq + 1, "what was before is gone, and not by policy"))
        }
        _ => None,
    })
}

fn forged_checkpoint(cx: &Cx, chain: TenantId, checkpoints: &[Checkpoint]) -> Result<Wrong, Error> {
    for checkpoint in checkpoints {
        if !checkpoint.is_ours(&cx.app.kms, chain)? {
            return Ok(Some((
                checkpoint.seq,
                "the checkpoint of the record is forged",
            )));
        }
    }
    Ok(None)
}
