//! The reference of the API, written from the declarations that server and client use.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tod_proto::api::OPS;
use tod_proto::endpoint::{Carrier, Op, Scope};

const HEAD: &str = "\
# The API

Written from the declarations in `proto/src/api`; `cargo xtask gen` writes it anew. Every type is
described in [openapi.json](openapi.json), an OpenAPI 3.1 document, which each server has at
`/api/openapi.json` and shows as a page at `/docs`.

Everything is JSON over HTTPS. A caller who is signed in sends `Authorization: Bearer TOKEN`.
Errors are `{code, message, detail, hint, request_id}`. What belongs to another tenant does not
exist: 404. A role may do all that the lower ones may: viewer, operator, admin, super_admin.

A program sends an API key instead, as `X-API-Key` or `Authorization: Bearer mktp_…`. It acts for the
person who made it, never above their role of the moment, and where its scopes let it: the column
`key` says which scope an operation needs. Who may write may read.
";

/// The same with all types, as OpenAPI 3.1.
pub fn openapi() -> serde_json::Result<String> {
    serde_json::to_string_pretty(&tod_proto::openapi::document())
}

/// The reference, in Markdown.
pub fn api() -> String {
    let mut groups = BTreeMap::<&str, Vec<&Op>>::new();
    for op in OPS {
        let group = op.name.split('.').next().unwrap_or_default();
        groups.entry(group).or_default().push(op);
    }
    let mut text = HEAD.to_owned();
    for (group, ops) in groups {
        text.extend([
            "\n## ",
            group,
            "\n\n| operation | request | who | key | answer |\n|---|---|---|---|---|\n",
        ]);
        for op in ops {
            let who = match op.scope {
                Scope::Public => "anyone",
                Scope::Account => "anyone signed in",
                Scope::Tenant(role) => role.as_str(),
                Scope::Platform => "super_admin",
            };
            let answer = match op.carrier {
                Carrier::Json => "JSON",
                Carrier::Events => "server-sent events",
                Carrier::Socket => "WebSocket",
                Carrier::File => "a file",
            };
            let (method, path) = (op.method.as_str(), op.path);
            let line = writeln!(
                text,
                "| `{}` | `{method} {path}` | {who} | {} | {answer} |",
                op.name,
                op.need()
            );
            // Writing to a string does not fail.
            debug_assert!(line.is_ok());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_in_the_reference_once() {
        let text = api();
        for op in OPS {
            let row = format!("| `{}` | `{} {}` |", op.name, op.method.as_str(), op.path);
            assert_eq!(text.matches(&row).count(), 1, "{row}");
        }
        assert!(text.lines().all(|line| line == line.trim_end()));
    }
}
