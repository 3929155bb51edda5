//! `todctl audit verify`

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;
use tod_client::store::private::{self, Others};
use tod_client::view::Tone;
use tod_client::view::units::count;
use tod_proto::api::audit::{PlatformVerify, Record, Verdict, Verify, VerifyQuery};
use tod_proto::chain::Link;
use tod_proto::id::TenantId;
use tod_proto::page::Empty;
use tod_proto::untrusted::plain;
use uuid::Uuid;

use super::Source;
use crate::cx::Cx;
use crate::error::{CliError, exit, file};
use crate::term::Paint;

/// The longest line of an exported log.
const MAX_LINE: u64 = 16 << 20;

/// What to check.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// An exported log, as JSON lines, instead of the server's
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The log of what belongs to no tenant
    #[arg(long)]
    platform: bool,
}

/// What a server said earlier.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Noted {
    seq: i64,
    hash: String,
}

pub(super) async fn run(args: Args, cx: &mut Cx) -> Result<(), CliError> {
    let (verdict, earlier) = match &args.file {
        Some(path) => (of_file(path)?, None),
        None => of_server(args.platform, cx).await?,
    };
    report(cx, &verdict, earlier.as_ref())?;
    if verdict.whole {
        Ok(())
    } else {
        Err(CliError::outcome(exit::HALTED))
    }
}

async fn of_server(platform: bool, cx: &mut Cx) -> Result<(Verdict, Option<Noted>), CliError> {
    let source = Source::of(cx, platform).await?;
    let path = note_path(cx, source.tenant.unwrap_or(TenantId(Uuid::nil())))?;
    let earlier = read_note(&path);
    let at = earlier.as_ref().map(|noted| noted.seq);
    let query = VerifyQuery { at };
    let verdict = match source.tenant {
        Some(tenant) => source.client.call(Verify, tenant, query, Empty {}).await?,
        None => {
            source
                .client
                .call(PlatformVerify, Empty {}, query, Empty {})
                .await?
        }
    };
    let verdict = compared(verdict, earlier.as_ref());
    if verdict.whole && verdict.records > 0 {
        write_note(&path, &verdict)?;
    }
    Ok((verdict, earlier))
}

/// A chain that no longer has the record that it had was written anew, however well it agrees with
/// itself.
fn compared(verdict: Verdict, earlier: Option<&Noted>) -> Verdict {
    let Some(noted) = earlier.filter(|_| verdict.whole) else {
        return verdict;
    };
    // What a policy took since then cannot be compared any more.
    let is_gone = verdict
        .cut
        .as_ref()
        .is_some_and(|cut| noted.seq <= cut.through);
    if is_gone || verdict.at.as_ref() == Some(&noted.hash) {
        return verdict;
    }
    Verdict {
        whole: false,
        broken_at: Some(noted.seq),
        reason: Some("the record is not the one that was seen here before".to_owned()),
        ..verdict
    }
}

fn report(cx: &mut Cx, verdict: &Verdict, earlier: Option<&Noted>) -> Result<(), CliError> {
    let records = u64::try_from(verdict.records).unwrap_or(0);
    let through = verdict.cut.as_ref().map_or(0, |cut| cut.through);
    let since = earlier.map(|noted| noted.seq).filter(|seq| *seq > through);
    let value = json!({
        "whole": verdict.whole,
        "records": verdict.records,
        "checkpoints": verdict.checkpoints,
        "broken_at": verdict.broken_at,
        "reason": verdict.reason,
        "head": verdict.head,
        "seen_here_before": since,
        "cut": verdict.cut,
    });
    cx.out.value("AuditVerdict", value, || {
        let good = match (verdict.records, verdict.checkpoints) {
            (0, _) => "there is no record yet".to_owned(),
            (_, 0) => format!("{} records hold each other", count(records)),
            (_, checkpoints) => format!(
                "{} records hold each other, {} vouched for",
                count(records),
                count(u64::try_from(checkpoints).unwrap_or(0))
            ),
        };
        if let Some(seq) = verdict.broken_at {
            let cross = Paint::tone(Tone::Bad, "✗");
            let why = verdict.reason.as_deref();
            let why = plain(why.unwrap_or("not as it was written"));
            return format!("{cross} a-{seq}: {why}\n  up to there, {good}\n");
        }
        let gone = verdict.cut.as_ref().map_or_else(String::new, |cut| {
            let (first, before) = (cut.through + 1, cut.before.strftime("%Y-%m-%d"));
            format!("  from a-{first} on: what was older than {before} is gone by policy\n")
        });
        let seen = since.map_or_else(String::new, |seq| {
            let seen = count(u64::try_from(seq - through).unwrap_or(0));
            format!("  the first {seen} are those that were seen here before\n")
        });
        let tick = Paint::tone(Tone::Good, "✓");
        format!("{tick} {good}\n{gone}{seen}  head {}\n", verdict.head)
    })
}

/// Checks an exported log: from its first record on, which may be any.
fn of_file(path: &Path) -> Result<Verdict, CliError> {
    let name = path.display().to_string();
    let mut open = BufReader::new(File::open(path).map_err(file(&name))?);
    let mut verdict = Verdict {
        whole: true,
        records: 0,
        cut: None,
        checkpoints: 0,
        broken_at: None,
        reason: None,
        head: String::new(),
        at: None,
    };
    let mut last: Option<(Record, Vec<u8>)> = None;
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let mut bounded = (&mut open).take(MAX_LINE);
        if bounded.read_until(b'\n', &mut line).map_err(file(&name))? == 0 {
            break;
        }
        // Also what is longer than a line may be: it was cut.
        let record: Record = serde_json::from_slice(&line).map_err(|_| {
            CliError::usage(format!(
                "{name}, line {number}: not a record that `todctl audit export` wrote as JSON lines"
            ))
        })?;
        let Some(hash) = follows(&record, last.as_ref()) else {
            verdict.whole = false;
            let expected = last.map_or(record.seq, |(last, _)| last.seq + 1);
            verdict.broken_at = Some(expected);
            let reason = "the record is not as it was written, or not there";
            verdict.reason = Some(reason.to_owned());
            break;
        };
        verdict.records += 1;
        verdict.head.clone_from(&record.hash);
        last = Some((record, hash));
    }
    Ok(verdict)
}

/// The hash of a record that is as it was written and follows the one before.
fn follows(record: &Record, last: Option<&(Record, Vec<u8>)>) -> Option<Vec<u8>> {
    let prev = hex::decode(&record.prev_hash).ok()?;
    if let Some((last, hash)) = last
        && (record.tenant != last.tenant || record.seq != last.seq + 1 || prev != *hash)
    {
        return None;
    }
    let detail = if record.form == 1 {
        record.detail.to_string()
    } else {
        String::new()
    };
    let sealed = hex::decode(&record.sealed).ok()?;
    let link = Link {
        seq: record.seq,
        at: record.at,
        actor: &record.actor,
        act: &record.act,
        target: &record.target,
        form: record.form,
        detail: &detail,
        request_id: &record.request_id,
        address: &record.address,
        id: record.id,
        sealed: &sealed,
    };
    let hash = link.hash(record.tenant, &prev)?;
    (hex::encode(hash) == record.hash).then(|| hash.to_vec())
}

fn note_path(cx: &mut Cx, tenant: TenantId) -> Result<PathBuf, CliError> {
    let (context, _) = cx.here()?;
    Ok(cx
        .paths
        .state
        .join("audit")
        .join(context)
        .join(format!("{tenant}.json")))
}

/// A note that cannot be read, or that somebody else may have put there, is no note: the check is
/// then as good as the first.
fn read_note(path: &Path) -> Option<Noted> {
    let bytes = private::read(path, Others::MayRead).ok().flatten()?;
    serde_json::from_slice(&bytes).ok()
}

fn write_note(path: &Path, verdict: &Verdict) -> Result<(), CliError> {
    let through = verdict.cut.as_ref().map_or(0, |cut| cut.through);
    let noted = Noted {
        seq: through + verdict.records,
        hash: verdict.head.clone(),
    };
    let text = serde_json::to_vec(&noted).map_err(std::io::Error::from)?;
    Ok(private::write(path, &text)?)
}
