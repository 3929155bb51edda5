//! Wrapping of long lines as `/export` does it, found out from what real devices print.
//!
//! Atoms (a blank, a string, what ends at a blank, before a quote or after `=`) go on a line as
//! long as it has at most 77 columns; then it ends in `\` and the next begins with four blanks. A string
//! that fits no line is cut at column 78, and after each `\n` in it.

use super::lex::atoms;

/// The last column for an atom.
pub(super) const ATOM_END: usize = 77;

/// The last column inside a string that is cut.
const STRING_END: usize = 78;

const INDENT: &[u8] = b"    ";

/// Which kind of export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Lines are wrapped.
    Wrapped,
    /// `export terse`: only strings with `\n` in them are cut, after each.
    Terse,
}

/// Puts a logical line on physical ones, without line ends.
pub fn wrap(line: &str, style: Style) -> Vec<String> {
    let mut out = Vec::with_capacity(line.len() + line.len() / 8);
    wrap_into(line.as_bytes(), style, b"\n", &mut out);
    let lines = out.split(|&b| b == b'\n');
    // Nothing but whole characters was moved.
    lines
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect()
}

/// Puts a logical line on physical ones with line ends between them, but none after the last.
pub(super) fn wrap_into(line: &[u8], style: Style, line_end: &[u8], out: &mut Vec<u8>) {
    let mut page = Page {
        out,
        line_end,
        column: 0,
        is_empty: true,
        style,
    };
    for atom in atoms(line) {
        page.atom(atom);
    }
}

struct Page<'p> {
    out: &'p mut Vec<u8>,
    line_end: &'p [u8],
    /// Columns of the present line.
    column: usize,
    /// The present line has nothing but blanks.
    is_empty: bool,
    style: Style,
}

impl Page<'_> {
    fn push(&mut self, text: &[u8]) {
        self.column += columns(text);
        self.is_empty &= text == b" ";
        self.out.extend_from_slice(text);
    }

    fn atom(&mut self, atom: &[u8]) {
        let is_string = atom.first() == Some(&b'"');
        let has_lines = is_string && units(atom).any(|unit| unit == b"\\n");
        let width = columns(atom);
        let fits = self.column + width <= ATOM_END || self.style == Style::Terse;
        if atom == b" " || (!has_lines && fits) {
            self.push(atom);
        } else if has_lines || (is_string && INDENT.len() + width > ATOM_END) {
            self.string(atom, has_lines);
        } else {
            if !self.is_empty {
                self.cut();
            }
            self.push(atom);
        }
    }

    fn string(&mut self, atom: &[u8], has_lines: bool) {
        for unit in units(atom) {
            let is_full = self.column + columns(unit) > STRING_END;
            let is_line = unit == b"\\n" && has_lines;
            if is_line || (self.style == Style::Wrapped && is_full) {
                self.cut();
                self.push(if unit == b" " { b"\\_" } else { unit });
            } else {
                self.push(unit);
            }
        }
    }

    fn cut(&mut self) {
        self.out.push(b'\\');
        self.out.extend_from_slice(self.line_end);
        self.out.extend_from_slice(INDENT);
        self.column = INDENT.len();
        self.is_empty = true;
    }
}

/// How many characters there are: bytes that continue one are none.
fn columns(text: &[u8]) -> usize {
    text.iter().filter(|&&b| b & 0xC0 != 0x80).count()
}

/// Characters and escapes, which are never cut.
fn units(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let is_hex = |b: &u8| matches!(b, b'0'..=b'9' | b'A'..=b'F');
        let head = match rest {
            [] => return None,
            [b'\\', high, low, ..] if is_hex(high) && is_hex(low) => 3,
            [b'\\', _, ..] => 2,
            _ => 1,
        };
        // A character of several bytes stays whole.
        let tail = rest.iter().skip(head).take_while(|&&b| b & 0xC0 == 0x80);
        let (unit, left) = rest.split_at_checked(head + tail.count())?;
        rest = left;
        Some(unit)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::lex::join;
    use super::*;

    #[test]
    fn a_line_is_cut_between_atoms_and_after_equals_signs() {
        let line = "add action=accept chain=input comment=\"defconf: accept ICMP\" \
            in-interface-list=WAN protocol=icmp";
        assert_eq!(
            wrap(line, Style::Wrapped),
            [
                "add action=accept chain=input comment=\"defconf: accept ICMP\" \\",
                "    in-interface-list=WAN protocol=icmp",
            ]
        );
        assert_eq!(wrap(line, Style::Terse), [line]);
    }

    #[test]
    fn a_long_string_is_cut_where_the_line_ends() {
        let line = format!("add name=x source=\"{}\"", "a ".repeat(60).trim_end());
        let lines = wrap(&line, Style::Wrapped);
        assert_eq!(lines[0].len(), 79);
        assert!(lines[1].starts_with("    \\_a"), "{}", lines[1]);
        let joined = join(lines.join("\r\n").as_bytes());
        assert_eq!((joined.text, joined.lines.len()), (line.into_bytes(), 1));
    }

    #[test]
    fn strings_with_lines_in_them_are_cut_even_when_terse() {
        let lines = wrap("add source=\"a\\r\\nb\"", Style::Terse);
        assert_eq!(lines, ["add source=\"a\\r\\", "    \\nb\""]);
    }

    proptest! {
        #[test]
        fn what_is_wrapped_can_be_joined(
            words in proptest::collection::vec(
                "[a-z-]{1,20}=([a-z0-9./]{1,30}|\"([a-zé ]|\\\\[nr\"$])*\")",
                1..12,
            ),
        ) {
            let line = format!("add {}", words.join(" "));
            let lines = wrap(&line, Style::Wrapped);
            prop_assert!(lines.iter().all(|line| line.chars().count() <= 79 + 3));
            prop_assert_eq!(join(lines.join("\n").as_bytes()).text, line.into_bytes());
        }

        #[test]
        fn any_text_wraps(line in ".*") {
            let _lines = wrap(&line, Style::Wrapped);
        }
    }
}
