//! Wrapping of long lines as `/export` does it, found out from what real devices print.
//!
//! Atoms (a blank, a string, what ends at a blank, before a quote or after `=`) go on a line as
//! long as it has at most 77 columns; then it ends in `\` and the next begins with four blanks. A string
//! that fits no line is cut at column 78, and after each `\n` in it.

use super::lex::atoms;

/// The last column for an atom.
const ATOM_END: usize = 77;

/// The last column inside a string that is cut.
const STRING_END: usize = 78;

const INDENT: &str = "    ";

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
    let mut page = Page {
        lines: Vec::new(),
        current: String::new(),
        style,
    };
    for atom in atoms(line) {
        page.atom(atom);
    }
    page.lines.push(page.current);
    page.lines
}

struct Page {
    lines: Vec<String>,
    current: String,
    style: Style,
}

impl Page {
    fn atom(&mut self, atom: &str) {
        let is_string = atom.starts_with('"');
        let has_lines = is_string && units(atom).any(|unit| unit == "\\n");
        let fits = |columns: usize| columns <= ATOM_END || self.style == Style::Terse;
        if atom == " " || (!has_lines && fits(columns(&self.current) + columns(atom))) {
            self.current.push_str(atom);
        } else if has_lines || (is_string && columns(INDENT) + columns(atom) > ATOM_END) {
            self.string(atom, has_lines);
        } else {
            if !self.current.trim().is_empty() {
                self.cut();
            }
            self.current.push_str(atom);
        }
    }

    fn string(&mut self, atom: &str, has_lines: bool) {
        let mut is_fresh = false;
        for unit in units(atom) {
            let is_full = columns(&self.current) + columns(unit) > STRING_END;
            let is_line = unit == "\\n" && has_lines && !is_fresh;
            if is_line || (self.style == Style::Wrapped && is_full) {
                self.cut();
                is_fresh = true;
            }
            let is_start = is_fresh && self.current == INDENT;
            self.current
                .push_str(if is_start && unit == " " { "\\_" } else { unit });
            is_fresh = false;
        }
    }

    fn cut(&mut self) {
        let mut line = std::mem::replace(&mut self.current, INDENT.to_owned());
        line.push('\\');
        self.lines.push(line);
    }
}

fn columns(text: &str) -> usize {
    text.chars().count()
}

/// Characters and escapes, which are never cut.
fn units(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let is_hex = |c: char| c.is_ascii_digit() || ('A'..='F').contains(&c);
        let after = rest.get(1..3).filter(|pair| pair.chars().all(is_hex));
        let end = match first {
            '\\' if after.is_some() => 3,
            '\\' => 1 + rest.chars().nth(1).map_or(0, char::len_utf8),
            c => c.len_utf8(),
        };
        let (unit, left) = rest.split_at_checked(end)?;
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
        assert_eq!(join(&lines.join("\r\n")), [line]);
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
                "[a-z-]{1,20}=([a-z0-9./]{1,30}|\"([a-z ]|\\\\[nr\"$])*\")",
                1..12,
            ),
        ) {
            let line = format!("add {}", words.join(" "));
            let lines = wrap(&line, Style::Wrapped);
            prop_assert!(lines.iter().all(|line| line.len() <= 79 + 3));
            prop_assert_eq!(join(&lines.join("\n")), vec![line]);
        }

        #[test]
        fn any_text_wraps(line in ".*") {
            let _lines = wrap(&line, Style::Wrapped);
        }
    }
}
