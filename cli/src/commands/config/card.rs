//! A change, as people read it.

use jiff::Timestamp;
use tod_client::view::units::{ago, clock};
use tod_client::view::{Tone, change};
use tod_proto::api::changes::{Change, DiffLine, GuardKind};
use tod_proto::untrusted::{plain, plain_block};

use crate::term::Paint;

/// The lines of a plan.
pub(super) fn plan(item: &Change) -> String {
    let count = match item.diff.len() {
        0 => "no changes".to_owned(),
        1 => "1 change".to_owned(),
        many => format!("{many} changes"),
    };
    let mut out = format!("{}: {count}\n", plain(&item.device_name));
    let most = item
        .diff
        .iter()
        .map(|line| line.menu.chars().count())
        .max()
        .unwrap_or(0)
        .min(40);
    for line in &item.diff {
        out.push_str(&diff_line(line, most));
    }
    out
}

fn diff_line(line: &DiffLine, width: usize) -> String {
    let tone = match line.sign {
        '+' => Tone::Good,
        '-' => Tone::Bad,
        '~' => Tone::Warn,
        _ => Tone::Accent,
    };
    let text = format!(
        "  {} {:<width$}  {}",
        line.sign,
        plain(&line.menu),
        plain(line.text.raw())
    );
    format!("{}\n", Paint::tone(tone, &text))
}

/// What could go wrong.
pub(super) fn warnings(item: &Change) -> Vec<String> {
    let lines = item.warnings.iter().map(|warning| plain(warning.raw()));
    lines
        .map(|line| Paint::warn(&format!("▲ {line}")).to_string())
        .collect()
}

/// What guards it, in words. A plan has no guard yet, but what it will be is known.
pub(super) fn guard(item: &Change, is_unguarded: bool) -> String {
    match item.guard {
        Some(GuardKind::None) => "NO GUARD: nothing undoes a mistake".to_owned(),
        None if is_unguarded => "NO GUARD: nothing will undo a mistake".to_owned(),
        Some(GuardKind::Undo) | None => {
            format!(
                "the device undoes it after {}s unless it is confirmed",
                item.window_seconds
            )
        }
    }
}

/// Everything that is known of a change.
pub(super) fn text(item: &Change, now: Timestamp) -> String {
    let state = change::state(item.state);
    let mut out = format!(
        "c-{}  {}  {}  by {}  {} ago\n",
        item.number,
        Paint::tone(state.tone, &state.text),
        plain(&item.device_name),
        plain(&item.actor),
        ago(item.created_at, now),
    );
    if let Some(reason) = &item.reason {
        out.push_str(&format!("  reason    {}\n", plain(reason.raw())));
    }
    out.push_str(&format!("  guard     {}\n", guard(item, false)));
    if let Some(at) = item.reverts_at.filter(|_| !item.state.is_final()) {
        out.push_str(&format!("  reverts   at {}\n", clock(at)));
    }
    out.push_str(&plan(item));
    for line in warnings(item) {
        out.push_str(&format!("  {line}\n"));
    }
    if !item.timeline.is_empty() {
        out.push_str("what happened\n");
    }
    for step in &item.timeline {
        let mark = change::glyph(step.state);
        let (at, word) = (clock(step.at), step.state.as_str());
        out.push_str(&format!(
            "  {at}  {mark} {word:<10}  {}\n",
            plain(step.message.raw())
        ));
    }
    if let Some(undo) = &item.undo_script {
        out.push_str("what undoes it\n");
        for line in plain_block(undo.raw()).lines() {
            out.push_str(&format!("  {line}\n"));
        }
    }
    out
}
