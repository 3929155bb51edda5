//! How replies are written where nobody knows for certain: what switches make of them.

use std::borrow::Cow;
use std::time::Duration;

use routeros::error::{Category, Trap};
use routeros::row::Row as Record;
use routeros::server::{Request, Response};
use routeros::value::Value as _;
use routeros::version::Feature;

use crate::core::Core;
use crate::schema::{Access, Kind, Menu, SCHEMA};
use crate::switches::{Empty, Notes, Switches, Traps};
use crate::verb::Outcome;

/// Arguments that name rows.
const NAMING: &[&str] = &[
    ".id",
    "numbers",
    "destination",
    "place-before",
    "copy-from",
    "from",
];

/// An answer to a request, with its tag where the device puts it.
pub(super) fn respond(switches: &Switches, request: &Request, response: Response) -> Response {
    let response = request.respond(response);
    if switches.late_tags {
        response.tag_last()
    } else {
        response
    }
}

/// A refusal as the device words it.
pub(super) fn worded(switches: &Switches, trap: &Trap) -> Trap {
    let Trap { category, message } = trap.clone();
    match switches.traps {
        Traps::Usual => Trap { category, message },
        Traps::Bare => Trap {
            category: None,
            message,
        },
        Traps::Numbered if message.ends_with(')') => Trap { category, message },
        Traps::Numbered => {
            let number = category.map_or(6, Category::number);
            let message = format!("{message} ({number})");
            Trap { category, message }
        }
    }
}

impl Core {
    /// Says whether a command is answered with `!empty`.
    pub(super) fn says_empty(&self, request: &Request, outcome: &Outcome, has_rows: bool) -> bool {
        let is_print = request.path.ends_with("/print") || request.path.ends_with("/getall");
        let is_meant = match self.spec.switches.empty {
            Empty::Usual => is_print,
            Empty::Every => true,
            Empty::Never => false,
        };
        is_meant && !has_rows && outcome.ret.is_none() && self.release.has(Feature::EmptyReply)
    }

    /// Writes rows as the device does.
    pub(super) fn write_rows(&self, menu: &str, wanted: Option<&str>, rows: &mut [Record]) {
        if self.spec.switches == Switches::default() {
            return;
        }
        let known = SCHEMA.menu(menu);
        for row in rows {
            *row = self.in_dialect(known, row);
            if self.spec.switches.shows_unset {
                self.show_unset(known, wanted, row);
            }
        }
    }

    fn in_dialect(&self, menu: Option<&Menu>, row: &Record) -> Record {
        let switches = &self.spec.switches;
        let mut written = Record::new();
        for (name, value) in row.iter() {
            match (name, switches.notes) {
                (".about", Notes::None) => {}
                (".about", Notes::Plain) => written.push("about", value),
                (".id", _) => {
                    let id = std::str::from_utf8(value).unwrap_or_default();
                    written.push(".id", self.shown_ids(id).as_bytes());
                    if switches.dotted_keys {
                        written.push(".nextid", "*FFFFFFFF");
                        written.push(".flags", "");
                    }
                }
                _ => {
                    let prop = menu.and_then(|m| m.prop(name, self.release.version()));
                    let kind = prop.map(|p| &p.kind);
                    written.push(name, self.value(kind, value));
                }
            }
        }
        written
    }

    fn value<'a>(&self, kind: Option<&Kind>, value: &'a [u8]) -> Cow<'a, [u8]> {
        let switches = &self.spec.switches;
        let is_text = matches!(kind, Some(Kind::Str | Kind::Ref(_) | Kind::Interface));
        match value {
            b"true" if switches.plain_flags && !is_text => Cow::Borrowed(b"yes"),
            b"false" if switches.plain_flags && !is_text => Cow::Borrowed(b"no"),
            _ if switches.clock_durations && kind == Some(&Kind::Duration) => {
                match Duration::parse(value) {
                    Some(duration) => Cow::Owned(clock(duration).into_bytes()),
                    None => Cow::Borrowed(value),
                }
            }
            _ => Cow::Borrowed(value),
        }
    }

    fn show_unset(&self, menu: Option<&Menu>, wanted: Option<&str>, row: &mut Record) {
        let props = menu.into_iter().flat_map(|menu| &menu.props);
        for prop in props {
            let is_wanted = wanted.is_none_or(|list| list.split(',').any(|n| *n == *prop.name));
            let is_shown = prop.kind == Kind::Str
                && prop.access != Access::WriteOnly
                && prop.exists_in(self.release.version());
            if is_wanted && is_shown && row.raw(&prop.name).is_none() {
                row.push(&prop.name, "");
            }
        }
    }

    /// Ids as the device shows them: with some switch, each boot moves them all by one.
    pub(super) fn shown_ids<'a>(&self, ids: &'a str) -> Cow<'a, str> {
        self.moved_ids(ids, u32::wrapping_add)
    }

    /// Ids as a client has named them, made those of the tree. `name` is that of the argument.
    pub(super) fn meant_ids<'a>(&self, name: &str, ids: &'a str) -> Cow<'a, str> {
        if NAMING.contains(&name) {
            self.moved_ids(ids, u32::wrapping_sub)
        } else {
            Cow::Borrowed(ids)
        }
    }

    fn moved_ids<'a>(&self, ids: &'a str, moved: impl Fn(u32, u32) -> u32) -> Cow<'a, str> {
        let by = u32::try_from(self.boot).unwrap_or_default();
        if !self.spec.switches.new_ids || by == 0 || !ids.contains('*') {
            return Cow::Borrowed(ids);
        }
        let words = ids.split(',').map(|word| match crate::verb::read_id(word) {
            Some(id) => format!("*{:X}", moved(id, by)),
            None => word.to_owned(),
        });
        Cow::Owned(words.collect::<Vec<_>>().join(","))
    }
}

/// Writes `1d02:03:04`.
fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let days = match (days / 7, days % 7) {
        (0, 0) => String::new(),
        (0, days) => format!("{days}d"),
        (weeks, 0) => format!("{weeks}w"),
        (weeks, days) => format!("{weeks}w{days}d"),
    };
    let (hours, minutes) = (rest / 3600, rest / 60 % 60);
    format!("{days}{hours:02}:{minutes:02}:{:02}", rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_a_clock_shows_them() {
        for (seconds, text) in [
            (5, "00:00:05"),
            (600, "00:10:00"),
            (93_784, "1d02:03:04"),
            (604_800, "1w00:00:00"),
        ] {
            assert_eq!(clock(Duration::from_secs(seconds)), text);
            let read = Duration::parse(text.as_bytes());
            assert_eq!(read, Some(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn a_number_is_put_after_what_has_none() {
        let switches = Switches {
            traps: Traps::Numbered,
            ..Switches::default()
        };
        let said = |trap| worded(&switches, &trap).message;

        assert_eq!(said(crate::trap::no_such_item()), "no such item (0)");
        assert_eq!(
            said(crate::trap::not_permitted()),
            "not enough permissions (9)"
        );
    }
}
