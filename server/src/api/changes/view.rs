//! A stored change as clients see it.

use tod_proto::api::changes::{Change, ChangeStep, DiffLine};
use tod_proto::untrusted::Untrusted;

use crate::push::shade::{Marks, Shade};
use crate::push::store::Record;

/// A change, its secrets behind marks unless there are none.
pub(super) fn change(record: Record, timeline: Vec<ChangeStep>, marks: Option<&Marks>) -> Change {
    let shade = marks.map(|marks| Shade::of(&record.secret, marks));
    let Record {
        id,
        number,
        device,
        device_name,
        push,
        secret,
        actor,
        created_at,
    } = record;
    let shown = |text: String| match &shade {
        Some(shade) => shade.hide(&text),
        None => text,
    };
    let said = |text: &Untrusted| Untrusted::new(shown(text.raw().to_owned()));
    Change {
        id,
        number,
        device,
        device_name,
        state: push.state,
        guard: push.guard,
        window_seconds: push.wanted.window_seconds,
        auto_confirm: push.wanted.then == crate::push::model::Then::Confirm,
        reverts_at: push.reverts_at.filter(|_| !push.state.is_final()),
        diff: secret
            .diff
            .into_iter()
            .map(|line| DiffLine {
                text: said(&line.text),
                ..line
            })
            .collect(),
        warnings: secret.warnings.iter().map(said).collect(),
        script: shown(secret.script),
        undo_script: secret.undo_script.map(|text| Untrusted::new(shown(text))),
        reason: push.reason.map(Untrusted::new),
        timeline,
        actor,
        created_at,
    }
}
