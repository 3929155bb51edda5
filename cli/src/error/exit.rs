//! The exit codes. `todctl help exit-codes` and `docs/cli.md` promise them.

/// Done.
pub const OK: u8 = 0;
/// Anything not listed.
pub const FAILURE: u8 = 1;
/// A bad flag, selector or file.
pub const USAGE: u8 = 2;
/// Some targets did well and some did not.
pub const PARTIAL: u8 = 3;
/// Not signed in.
pub const AUTH: u8 = 4;
/// The role is too low, or the context is read-only.
pub const FORBIDDEN: u8 = 5;
/// No such thing.
pub const NOT_FOUND: u8 = 6;
/// It exists, is locked or stale.
pub const CONFLICT: u8 = 7;
/// Applied and waiting for confirmation, or still running.
pub const PENDING: u8 = 8;
/// The answer to a question is missing, or was no.
pub const NEEDS_CONFIRMATION: u8 = 9;
/// Time ran out.
pub const TIMEOUT: u8 = 11;
/// The server cannot be reached.
pub const SERVER_UNREACHABLE: u8 = 12;
/// The server failed.
pub const SERVER_ERROR: u8 = 13;
/// Too many requests.
pub const RATE_LIMITED: u8 = 14;
/// Stopped by a safety gate.
pub const HALTED: u8 = 15;
/// The change was undone.
pub const REVERTED: u8 = 16;
/// The device cannot be reached.
pub const DEVICE_UNREACHABLE: u8 = 17;
/// A version cannot do this.
pub const INCOMPATIBLE: u8 = 18;
/// Interrupted.
pub const INTERRUPTED: u8 = 130;
/// The reader of our output went away.
pub const PIPE: u8 = 141;

/// The table, for `todctl help exit-codes`.
pub const TABLE: &[(u8, &str, &str)] = &[
    (OK, "ok", "done, including an empty list"),
    (FAILURE, "failure", "anything not listed"),
    (USAGE, "usage", "bad flag, bad selector, bad file"),
    (PARTIAL, "partial", "some targets did well and some did not"),
    (AUTH, "auth", "not signed in, or the session has ended"),
    (
        FORBIDDEN,
        "forbidden",
        "the role is too low, or the context is read-only",
    ),
    (
        NOT_FOUND,
        "not_found",
        "no such thing, or --fail-empty and nothing matched",
    ),
    (
        CONFLICT,
        "conflict",
        "it exists, is locked by another change, or is stale",
    ),
    (
        PENDING,
        "pending",
        "applied and waiting for confirmation, or still running with --no-wait",
    ),
    (
        NEEDS_CONFIRMATION,
        "needs_confirmation",
        "declined, or no terminal and the flag is missing",
    ),
    (
        10,
        "differs",
        "only with --exit-code: a difference was found",
    ),
    (TIMEOUT, "timeout", "--timeout ran out"),
    (
        SERVER_UNREACHABLE,
        "server_unreachable",
        "DNS, TCP or TLS to the server failed",
    ),
    (
        SERVER_ERROR,
        "server_error",
        "the server failed or answered nonsense",
    ),
    (
        RATE_LIMITED,
        "rate_limited",
        "still too many requests after the retries",
    ),
    (
        HALTED,
        "halted",
        "stopped by a gate before anything was done: --expect, a lock, a refusal",
    ),
    (REVERTED, "reverted", "the change was undone"),
    (
        DEVICE_UNREACHABLE,
        "device_unreachable",
        "the one device did not answer or refused to sign us in",
    ),
    (
        INCOMPATIBLE,
        "incompatible",
        "the server, client or RouterOS version cannot do this",
    ),
    (INTERRUPTED, "interrupted", "Ctrl-C"),
    (PIPE, "pipe", "the reader of the output went away"),
];
