//! What a console says of what can be typed.

use super::line::Typed;
use crate::core::Core;
use crate::schema::SCHEMA;

/// What commands do that many menus have.
const COMMANDS: &[(&str, &str)] = &[
    ("add", "Create a new item"),
    ("comment", "Set comment for items"),
    ("disable", "Disable items"),
    ("edit", "Edit value of an item's property"),
    ("enable", "Enable items"),
    (
        "export",
        "Print or save an export script that can be used to restore configuration",
    ),
    ("find", "Find items by value"),
    ("get", "Get value of an item's property"),
    ("import", "Run exported configuration script"),
    ("monitor", "Show current status"),
    ("move", "Change order of items"),
    ("ping", "Send ICMP echo packets"),
    ("print", "Print values of item properties"),
    ("quit", "Quit console"),
    ("redo", "Redo previously undone action"),
    ("remove", "Remove items"),
    ("set", "Change item properties"),
    ("undo", "Undo previous action"),
    ("unset", "Unset value of an item's property"),
];

impl Core {
    /// Returns what is shown when help is asked for, line by line.
    pub(crate) fn help(&self, typed: &Typed, word: &str) -> Vec<String> {
        let choices = self.choices(typed);
        let fitting = choices.iter().filter(|(name, _)| name.starts_with(word));
        let lines: Vec<_> = fitting
            .map(|(name, kind)| {
                let known = COMMANDS.iter().find(|(n, _)| n == name && *kind == "cmd");
                known.map_or_else(|| name.clone(), |(_, text)| format!("{name} -- {text}"))
            })
            .collect();
        if !lines.is_empty() {
            return lines;
        }
        let described = typed.value_of().and_then(|(menu, argument)| {
            let prop = SCHEMA
                .menu(&menu)?
                .prop(&argument, self.release.version())?;
            Some(super::description(&prop.kind).to_owned())
        });
        described.into_iter().filter(|d| !d.is_empty()).collect()
    }
}
