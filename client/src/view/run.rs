//! Columns of runs and their results.

use tod_proto::api::runs::{ResultStatus, Run, RunResult, RunState};

use super::{Cell, Column, Tone, View};

/// The name of a result on the wire.
pub fn word(status: ResultStatus) -> &'static str {
    match status {
        ResultStatus::Ok => "ok",
        ResultStatus::Failed => "failed",
        ResultStatus::Skipped => "skipped",
    }
}

/// Mark and word: `✓ ok`.
pub fn result(status: ResultStatus) -> Cell {
    let (glyph, tone) = match status {
        ResultStatus::Ok => ('✓', Tone::Good),
        ResultStatus::Failed => ('✗', Tone::Bad),
        ResultStatus::Skipped => ('◌', Tone::Dim),
    };
    let word = word(status);
    Cell::pair(format!("{glyph} {word}"), word).tone(tone)
}

fn state(run: &Run) -> Cell {
    let (text, tone) = match (run.state, run.failed + run.skipped) {
        (RunState::Running, _) => ("◐ running", Tone::Accent),
        (RunState::Finished, 0) => ("✓ done", Tone::Good),
        (RunState::Finished, _) if run.ok == 0 => ("✗ failed", Tone::Bad),
        (RunState::Finished, _) => ("▲ partial", Tone::Warn),
    };
    let value = match run.state {
        RunState::Running => "running",
        RunState::Finished => "finished",
    };
    Cell::pair(text, value).tone(tone)
}

impl View for Run {
    const KIND: &'static str = "Run";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("run", "RUN", |r, _| Cell::text(format!("r-{}", r.number))),
        Column::new("state", "STATE", |r, _| state(r)),
        Column::right("targets", "TARGETS", |r, _| {
            Cell::text(r.targets.to_string())
        }),
        Column::right("ok", "OK", |r, _| Cell::text(r.ok.to_string())),
        Column::right("failed", "FAILED", |r, _| Cell::text(r.failed.to_string())),
        Column::right("skipped", "SKIPPED", |r, _| {
            Cell::text(r.skipped.to_string())
        }),
        Column::right("created", "AGE", |r, now| Cell::ago(r.created_at, now)),
        Column::new("actor", "BY", |r, _| Cell::text(&r.actor)),
        Column::new("selector", "SELECTOR", |r, _| Cell::text(&r.selector)),
        Column::new("command", "COMMAND", |r, _| Cell::text(&r.command)),
        Column::wide("id", "ID", |r, _| Cell::text(r.id.to_string())),
    ];

    fn name(&self) -> String {
        format!("r-{}", self.number)
    }

    fn id(&self) -> String {
        self.id.to_string()
    }
}

impl View for RunResult {
    const KIND: &'static str = "RunResult";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("device", "DEVICE", |r, _| Cell::text(&r.device)),
        Column::new("status", "STATUS", |r, _| result(r.status)),
        Column::right("duration", "TOOK", |r, _| {
            Cell::pair(format!("{} ms", r.duration_ms), r.duration_ms)
        }),
        Column::right("rows", "ROWS", |r, _| Cell::text(r.rows.len().to_string())),
        Column::new("ret", "RETURNED", |r, _| {
            Cell::maybe(r.ret.as_ref(), |ret| Cell::text(ret.raw()))
        }),
        Column::new("message", "MESSAGE", |r, _| {
            Cell::maybe(r.message.as_ref(), |message| Cell::text(message.raw()))
        }),
        Column::wide("id", "ID", |r, _| Cell::text(r.id.to_string())),
    ];

    fn name(&self) -> String {
        self.device.clone()
    }

    fn id(&self) -> String {
        self.id.to_string()
    }
}
