//! Words that are known without a device's command tree.

/// Verbs of menus. A word that is none of them and has no arguments is part of a menu's path.
const VERBS: &[&str] = &[
    "add",
    "set",
    "remove",
    "enable",
    "disable",
    "move",
    "comment",
    "print",
    "get",
    "getall",
    "find",
    "export",
    "import",
    "edit",
    "unset",
    "reset",
    "listen",
    "monitor",
    "monitor-traffic",
    "run",
    "ping",
    "traceroute",
    "save",
    "load",
    "sign",
    "take",
    "release",
    "unroll",
    "upgrade",
    "install",
    "download",
    "check-for-updates",
    "reboot",
    "shutdown",
    "reset-configuration",
    "fetch",
    "flush",
    "make-static",
    "renew",
    "send",
    "wake",
    "scan",
    "blink",
    "info",
    "warning",
    "error",
    "debug",
    "undo",
    "redo",
    "quit",
    "beep",
    "password",
    "reset-counters",
    "reset-counters-all",
    "reset-mac-address",
    "start",
    "stop",
    "downgrade",
    "request-logout",
    "clear",
    "make-supout",
];

/// Commands of the language that may be written without their colon.
const KEYWORDS: &[&str] = &[
    "do", "if", "for", "foreach", "while", "local", "global", "put", "delay", "log", "return",
];

/// Commands of the root that do something to the device, and are no part of the language.
const ACTIONS: &[&str] = &[
    "beep", "export", "import", "password", "ping", "quit", "redo", "undo",
];

/// Menus below the root.
const ROOTS: &[&str] = &[
    "app",
    "caps-man",
    "certificate",
    "console",
    "container",
    "disk",
    "dude",
    "file",
    "interface",
    "iot",
    "ip",
    "ipv6",
    "log",
    "lora",
    "mpls",
    "openflow",
    "partitions",
    "port",
    "ppp",
    "queue",
    "radius",
    "routing",
    "safe-mode",
    "snmp",
    "special-login",
    "system",
    "task",
    "tool",
    "tr069-client",
    "user",
    "user-manager",
    "zerotier",
];

/// Menus whose last word is a verb elsewhere.
const MENUS: &[&[&str]] = &[&["system", "upgrade"], &["tool", "mac-server", "ping"]];

/// Whether a word is a verb after these words of a path.
pub(super) fn is_verb(path: &[String], word: &str) -> bool {
    let is_menu = MENUS.iter().any(|menu| {
        let menu = menu.split_last();
        menu.is_some_and(|(last, before)| *last == word && path == before)
    });
    VERBS.contains(&word) && !is_menu
}

/// Whether a command of the root is an action rather than a word of the language.
pub(super) fn is_action(word: &str) -> bool {
    ACTIONS.contains(&word)
}

/// Whether a word is a command of some menu, whatever else a device has.
pub fn is_verb_somewhere(word: &str) -> bool {
    VERBS.contains(&word)
}

pub(super) fn is_keyword(word: &str) -> bool {
    KEYWORDS.contains(&word)
}

/// Whether a menu may exist below the root.
pub(super) fn is_root(word: &str) -> bool {
    ROOTS.contains(&word)
}
