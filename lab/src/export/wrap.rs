//! How long lines of an export are broken, found from what real devices write.
//!
//! A line is a run of atoms: a blank, a quoted string, or what ends at a blank, before a quote or
//! after `=`. An atom that does not fit goes to the next line; a string that fits no line is cut.

/// The last column an atom may end in.
const WIDTH: usize = 77;
/// The same inside a string that is cut.
const CUT: usize = 78;

enum Atom<'a> {
    Blank,
    Word(&'a str),
    Quoted(&'a str),
}

/// Breaks one logical line.
pub(super) fn wrap(line: &str, is_terse: bool) -> Vec<String> {
    let mut out = Out {
        lines: Vec::new(),
        line: String::new(),
        is_terse,
    };
    for atom in atoms(line) {
        match atom {
            Atom::Blank => out.line.push(' '),
            Atom::Word(word) => out.atom(word),
            Atom::Quoted(text) => {
                let is_multi = units(text).any(|u| u == "\\n");
                let fits = !is_multi && (is_terse || out.line.len() + text.len() <= WIDTH);
                if !fits && (is_multi || 4 + text.len() > WIDTH) {
                    out.cut(text, is_multi);
                } else {
                    out.atom(text);
                }
            }
        }
    }
    out.lines.push(out.line);
    out.lines
}

struct Out {
    lines: Vec<String>,
    line: String,
    is_terse: bool,
}

impl Out {
    fn atom(&mut self, atom: &str) {
        if !self.is_terse && self.line.len() + atom.len() > WIDTH && !self.line.trim().is_empty() {
            self.next();
        }
        self.line.push_str(atom);
    }

    fn next(&mut self) {
        let line = std::mem::replace(&mut self.line, "    ".to_owned());
        self.lines.push(line + "\\");
    }

    fn cut(&mut self, text: &str, is_multi: bool) {
        let mut is_fresh = false;
        for unit in units(text) {
            let too_long = !self.is_terse && self.line.len() + unit.len() > CUT;
            if unit == "\\n" && is_multi && !is_fresh || too_long {
                self.next();
                is_fresh = true;
            }
            if is_fresh && unit == " " && self.line == "    " {
                self.line.push_str("\\_");
            } else {
                self.line.push_str(unit);
            }
            is_fresh = false;
        }
    }
}

/// Splits a quoted string into characters and escapes, which are never cut.
fn units(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let width = if first == '\\' {
            let is_hex = |c: &u8| c.is_ascii_digit() || (b'A'..=b'F').contains(c);
            let hex = rest
                .as_bytes()
                .get(1..3)
                .is_some_and(|h| h.iter().all(is_hex));
            if hex { 3 } else { 2 }
        } else {
            first.len_utf8()
        };
        let (unit, after) = rest.split_at_checked(width).unwrap_or((rest, ""));
        rest = after;
        Some(unit)
    })
}

fn atoms(line: &str) -> impl Iterator<Item = Atom<'_>> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let first = rest.bytes().next()?;
        let width = match first {
            b' ' => 1,
            b'"' => quoted_width(rest),
            _ => word_width(rest),
        };
        let (atom, after) = rest.split_at_checked(width).unwrap_or((rest, ""));
        rest = after;
        Some(match first {
            b' ' => Atom::Blank,
            b'"' => Atom::Quoted(atom),
            _ => Atom::Word(atom),
        })
    })
}

fn quoted_width(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn word_width(text: &str) -> usize {
    let end = text.bytes().enumerate().find_map(|(at, byte)| match byte {
        b' ' | b'"' => Some(at),
        b'=' => Some(at + 1),
        _ => None,
    });
    end.unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn an_atom_that_does_not_fit_goes_to_the_next_line() {
        let line = "add admin-mac=00:00:5E:00:53:00 auto-mac=no comment=defconf name=bridge \
                    port-cost-mode=short";

        let lines = wrap(line, false);

        assert_eq!(
            lines,
            [
                "add admin-mac=00:00:5E:00:53:00 auto-mac=no comment=defconf name=bridge \\",
                "    port-cost-mode=short"
            ]
        );
        assert_eq!(wrap(line, true), [line]);
    }

    #[test]
    fn a_string_of_lines_is_cut_before_each_end() {
        let lines = wrap(r#"add on-event="a\r\n b\r\nc""#, true);

        assert_eq!(
            lines,
            [r#"add on-event="a\r\"#, r#"    \n b\r\"#, r#"    \nc""#]
        );
    }
}
