//! Printing of an export: the bytes that a device would write for the tree.

use super::lex::LineEnd;
use super::tree::{Command, Export, Layout, Line, Value};
use super::wrap::{Style, wrap_into};

impl Export {
    /// Prints it as it was laid out. Nothing of the original text is used but names and values.
    pub fn print(&self) -> Vec<u8> {
        self.print_as(self.layout())
    }

    /// Prints it in a layout.
    pub fn print_as(&self, layout: Layout) -> Vec<u8> {
        let line_end = layout.line_end.as_bytes();
        let mut out = Vec::new();
        let mut line = Vec::new();
        let mut is_first = true;
        for (piece, is_glued) in self.pieces() {
            if !std::mem::take(&mut is_first) && !is_glued {
                out.extend_from_slice(line_end);
            }
            line.clear();
            match piece {
                Line::Blank => {}
                Line::Comment(text) | Line::Other(text) => out.extend_from_slice(text),
                Line::Menu(menu) => push_path(menu, &mut out),
                Line::Command(command) => {
                    push_command(&command, &mut line);
                    wrap_into(&line, layout.style, line_end, &mut out);
                }
            }
        }
        if !is_first && !layout.is_open {
            out.extend_from_slice(line_end);
        }
        out
    }
}

impl Layout {
    /// What `/export` writes into a file or on an SSH channel.
    pub const DEVICE: Self = Self {
        line_end: LineEnd::CrLf,
        style: Style::Wrapped,
        is_open: false,
    };
}

/// `/ip/address` as `/ip address`, the way that exports of every version write it.
pub(super) fn push_path(menu: &str, out: &mut Vec<u8>) {
    out.push(b'/');
    let words = menu.bytes().skip(1);
    out.extend(words.map(|b| if b == b'/' { b' ' } else { b }));
}

fn push_command(command: &Command<'_>, line: &mut Vec<u8>) {
    if command.has_path() {
        push_path(command.menu(), line);
        line.push(b' ');
    }
    line.extend_from_slice(command.verb().as_bytes());
    if let Some(selector) = command.selector() {
        line.push(b' ');
        line.extend_from_slice(selector);
    }
    for (property, gap) in command.properties().zip(command.gaps()) {
        line.resize(line.len() + gap + 1, b' ');
        if property.value == Value::Unset {
            line.push(b'!');
        }
        line.extend_from_slice(property.name.as_bytes());
        if let Value::Given(raw) = property.value {
            line.push(b'=');
            line.extend_from_slice(raw);
        }
    }
}
