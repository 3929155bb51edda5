//! A stored change as clients see it.

use std::sync::LazyLock;

use regex::Regex;
use tod_proto::api::changes::{Change, ChangeStep, DiffLine};
use tod_proto::endpoint::Role;
use tod_proto::untrusted::Untrusted;

use crate::push::store::Record;

/// `password=…`, in quotes or not.
static SECRET: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let names = "password|secret|passphrase|shared-key|private-key|preshared-key|static-key";
    Regex::new(&format!(
        r#"(?i)([\w-]*(?:{names})[\w-]*\s*=\s*)("(?:[^"\\]|\\.)*"|[^\s;]+)"#
    ))
    .ok()
});

/// A change for a person with this role: viewers do not see secrets that a script sets.
pub(super) fn change(record: Record, timeline: Vec<ChangeStep>, role: Role) -> Change {
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
    let shown = |text: String| {
        if role >= Role::Operator {
            text
        } else {
            masked(&text)
        }
    };
    let line = |line: DiffLine| DiffLine {
        text: Untrusted::new(shown(line.text.raw().to_owned())),
        ..line
    };
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
        diff: secret.diff.into_iter().map(line).collect(),
        warnings: secret.warnings,
        script: shown(secret.script),
        undo_script: secret.undo_script.map(|text| Untrusted::new(shown(text))),
        reason: push.reason.map(Untrusted::new),
        timeline,
        actor,
        created_at,
    }
}

fn masked(text: &str) -> String {
    match &*SECRET {
        Some(secret) => secret.replace_all(text, "${1}***").into_owned(),
        None => "***".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_viewer_sees_what_is_set_and_not_to_which_secret() {
        let script = "/ppp/secret/add name=a password=\"x y\\\"z\" comment=b\n\
                      /interface/wireguard/set wg private-key=abc=";

        assert_eq!(
            masked(script),
            "/ppp/secret/add name=a password=*** comment=b\n\
             /interface/wireguard/set wg private-key=***"
        );
    }
}
