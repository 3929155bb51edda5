//! Answers of many devices, grouped by identical ones: 212 times the same line is noise.

use std::collections::{BTreeMap, BTreeSet};

use tod_client::view::{Align, Cell, Tone};
use tod_proto::api::runs::{ResultStatus, Row, RunResult};
use tod_proto::untrusted::plain;
use unicode_width::UnicodeWidthStr as _;

use crate::output::draw;
use crate::term::Paint;

/// More columns than this are shown as lines of `name value`.
const MAX_COLUMNS: usize = 8;
/// As many names stand beside a group; the others are counted.
const MAX_NAMES: usize = 12;

/// Groups of devices with the same answer, the largest first, failures in the end.
pub(super) fn text(results: &[RunResult], merge: bool, width: Option<u16>) -> String {
    let width = usize::from(width.unwrap_or(100));
    let mut groups: Vec<(String, Vec<&RunResult>)> = Vec::new();
    for result in results
        .iter()
        .filter(|result| result.status == ResultStatus::Ok)
    {
        let answer = answer(result, width);
        match groups.iter_mut().find(|(text, _)| merge && *text == answer) {
            Some((_, members)) => members.push(result),
            None => groups.push((answer, vec![result])),
        }
    }
    groups.sort_by_key(|(_, members)| std::cmp::Reverse(members.len()));
    let mut out = String::new();
    for (answer, members) in &groups {
        out.push_str(&head(members, ""));
        out.push_str(answer);
    }
    out.push_str(&troubles(results, ResultStatus::Failed, "failed"));
    out.push_str(&troubles(results, ResultStatus::Skipped, "skipped"));
    out
}

/// `6 devices  ber-core-01 ham-core-01 …`
fn head(members: &[&RunResult], word: &str) -> String {
    let count = match members.len() {
        1 => format!("1 device{word}"),
        many => format!("{many} devices{word}"),
    };
    format!("{}  {}\n", Paint::bold(&count), names(members))
}

fn names(members: &[&RunResult]) -> String {
    let shown = members
        .iter()
        .take(MAX_NAMES)
        .map(|result| plain(&result.device));
    let mut names = shown.collect::<Vec<_>>().join(" ");
    if members.len() > MAX_NAMES {
        names.push_str(&format!(" and {} more", members.len() - MAX_NAMES));
    }
    names
}

/// What went wrong, by reason.
fn troubles(results: &[RunResult], status: ResultStatus, word: &str) -> String {
    let mut reasons: BTreeMap<String, Vec<&RunResult>> = BTreeMap::new();
    let mut count = 0;
    for result in results.iter().filter(|result| result.status == status) {
        let reason = result
            .message
            .as_ref()
            .map_or("no reason given", |m| m.raw());
        reasons.entry(plain(reason)).or_default().push(result);
        count += 1;
    }
    if count == 0 {
        return String::new();
    }
    let devices = if count == 1 { "device" } else { "devices" };
    let title = format!("{count} {devices} {word}");
    let mut out = format!("{}\n", Paint::warn(&title));
    let most = reasons
        .keys()
        .map(|reason| reason.width())
        .max()
        .unwrap_or(0)
        .min(60);
    for (reason, members) in reasons {
        let gap = " ".repeat(most.saturating_sub(reason.width()));
        out.push_str(&format!(
            "  {:<3} {reason}{gap}  {}\n",
            members.len(),
            names(&members)
        ));
    }
    out
}

/// What one device answered.
fn answer(result: &RunResult, width: usize) -> String {
    let mut out = match result.rows.as_slice() {
        [] => match &result.ret {
            Some(ret) => format!("  {}\n", plain(ret.raw())),
            None => "  done\n".to_owned(),
        },
        [one] => pairs(one, width),
        many => table(many, width),
    };
    if result.truncated {
        out.push_str("  … there is more\n");
    }
    out
}

/// `name value   name value`, as many to a line as fit.
fn pairs(row: &Row, width: usize) -> String {
    let mut out = String::new();
    let mut line = String::from(" ");
    for (name, value) in row {
        let value = plain(value.raw());
        let pair = format!(
            " {} {}  ",
            plain(name),
            if value.is_empty() { "\"\"" } else { &value }
        );
        if line.width() + pair.trim_end().width() > width && line.width() > 1 {
            out.push_str(line.trim_end());
            out.push('\n');
            line = String::from(" ");
        }
        line.push_str(&pair);
    }
    out.push_str(line.trim_end());
    out.push('\n');
    out
}

fn table(rows: &[Row], width: usize) -> String {
    let mut keys: BTreeSet<&str> = rows
        .iter()
        .flat_map(|row| row.keys().map(String::as_str))
        .collect();
    if keys.len() > MAX_COLUMNS {
        return rows.iter().map(|row| pairs(row, width)).collect();
    }
    let mut titles = Vec::new();
    for first in [".id", "name"] {
        titles.extend(keys.take(first));
    }
    titles.extend(keys);
    let cells: Vec<Vec<Cell>> = rows
        .iter()
        .map(|row| {
            let first = Cell::text("").tone(Tone::Plain);
            let values = titles.iter().map(|key| {
                row.get(*key)
                    .map_or_else(Cell::absent, |v| Cell::text(v.raw()))
            });
            std::iter::once(first).chain(values).collect()
        })
        .collect();
    let heads: Vec<String> = titles
        .iter()
        .map(|title| plain(title).to_uppercase())
        .collect();
    let heads: Vec<&str> = std::iter::once("")
        .chain(heads.iter().map(String::as_str))
        .collect();
    draw(&cells, Some(&heads), &vec![Align::Left; heads.len()])
}

/// For pipes: `device TAB status TAB name=value…`, a line for each row.
pub(super) fn lines(results: &[RunResult]) -> String {
    let mut out = String::new();
    for result in results {
        let word = tod_client::view::run::word(result.status);
        let head = format!("{}\t{word}", plain(&result.device));
        if result.rows.is_empty() {
            let text = result.message.as_ref().or(result.ret.as_ref());
            let text = text.map(|text| plain(text.raw())).unwrap_or_default();
            out.push_str(format!("{head}\t{text}").trim_end_matches('\t'));
            out.push('\n');
        }
        for row in &result.rows {
            out.push_str(&head);
            for (name, value) in row {
                out.push_str(&format!("\t{}={}", plain(name), plain(value.raw())));
            }
            out.push('\n');
        }
    }
    out
}
