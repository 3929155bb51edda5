//! Commands of the scripting language, which every menu has.

/// Commands with the names of their arguments.
const COMMANDS: &[(&str, &[&str])] = &[
    ("beep", &["as-value", "frequency", "length"]),
    ("convert", &["from", "options", "to", "transform", "value"]),
    ("delay", &["delay-time"]),
    ("deserialize", &["delimiter", "from", "options", "value"]),
    ("do", &["command", "on-error", "while"]),
    ("error", &[]),
    ("execute", &["as-string", "file", "script"]),
    ("exit", &[]),
    ("find", &[]),
    ("for", &["counter", "do", "from", "step", "to"]),
    ("foreach", &["counter", "do", "in"]),
    ("global", &["do", "value"]),
    ("grep", &["as-array", "pattern", "script"]),
    ("if", &["condition", "do", "else"]),
    ("jobname", &[]),
    ("len", &["value"]),
    ("local", &["do", "value"]),
    ("nothing", &[]),
    ("onerror", &["do", "error", "in"]),
    ("parse", &["value"]),
    ("pick", &["begin", "counter", "end"]),
    ("put", &["message"]),
    ("resolve", &["domain-name", "server", "server-port", "type"]),
    ("retry", &["command", "delay", "max", "on-error"]),
    ("return", &["value"]),
    ("rndnum", &["from", "to"]),
    ("rndstr", &["from", "length"]),
    (
        "serialize",
        &["delimiter", "options", "order", "to", "value"],
    ),
    ("set", &["do", "value"]),
    ("terminal", &[]),
    ("time", &["command"]),
    ("timestamp", &[]),
    ("toarray", &["delimiter", "value"]),
    ("tobool", &["value"]),
    ("tocrlf", &["value"]),
    ("toid", &["value"]),
    ("toip", &["value"]),
    ("toip6", &["value"]),
    ("tolf", &["value"]),
    ("tonsec", &["value"]),
    ("tonum", &["value"]),
    ("tostr", &["value"]),
    ("totime", &["value"]),
    ("typeof", &["value"]),
    ("while", &["condition", "do"]),
];

/// Returns the arguments of a command of the language; nothing if it is none.
pub(super) fn arguments(command: &str) -> Option<&'static [&'static str]> {
    let known = COMMANDS.iter().find(|(name, _)| *name == command)?;
    Some(known.1)
}
