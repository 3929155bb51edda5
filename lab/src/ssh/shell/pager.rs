//! A page at a time: what does not fit on the screen waits for a key.

use std::collections::VecDeque;

/// What is asked at the end of a page.
const QUESTION: &str = "-- [Q quit|D dump|down]";

/// What has not been shown yet.
#[derive(Debug)]
pub(super) struct Pager {
    lines: VecDeque<String>,
    page: usize,
}

/// What to show next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// More is to come, after a key.
    More(String),
    /// That was all.
    Last(String),
}

impl Pager {
    /// Splits a text into pages for a screen of so many rows.
    pub(super) fn new(text: &str, rows: u32) -> Self {
        Self {
            lines: text.split_inclusive('\n').map(str::to_owned).collect(),
            page: usize::try_from(rows).unwrap_or(usize::MAX).max(2) - 1,
        }
    }

    /// Shows the first page.
    pub(super) fn first(&mut self) -> Page {
        self.next(self.page)
    }

    /// Takes a key.
    pub(super) fn key(&mut self, byte: u8) -> Page {
        let page = match byte {
            b'q' | b'Q' | 0x03 => {
                self.lines.clear();
                Page::Last(String::new())
            }
            b'd' | b'D' => self.next(usize::MAX),
            b'\r' | b'\n' => self.next(1),
            // Also the last byte of the arrows.
            b' ' | b'B' => self.next(self.page),
            _ => return Page::More(String::new()),
        };
        let rubbed = format!("\r{}\r", " ".repeat(QUESTION.len()));
        match page {
            Page::More(text) => Page::More(rubbed + &text),
            Page::Last(text) => Page::Last(rubbed + &text),
        }
    }

    fn next(&mut self, count: usize) -> Page {
        let count = count.min(self.lines.len());
        let text: String = self.lines.drain(..count).collect();
        if self.lines.is_empty() {
            Page::Last(text)
        } else {
            Page::More(text + QUESTION)
        }
    }
}

/// Says whether a command's output comes in pages.
pub(super) fn is_paged(line: &str) -> bool {
    let mut words = line.split([' ', '/']);
    words.any(|w| w == "print")
        && !["without-paging", "as-value", "file=", "follow"]
            .iter()
            .any(|w| line.contains(w))
}

#[cfg(test)]
mod tests {
    use super::{Page, Pager};

    #[test]
    fn a_key_shows_a_page_a_line_all_or_nothing() {
        let text = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", ""].join("\r\n");
        let mut pager = Pager::new(&text, 4);

        let Page::More(first) = pager.first() else {
            panic!("all at once");
        };
        assert!(first.starts_with("0\r\n1\r\n2\r\n-- [Q quit"), "{first}");
        assert!(matches!(pager.key(b'\r'), Page::More(t) if t.contains("\r3\r\n--")));
        assert!(matches!(pager.key(b' '), Page::More(t) if t.contains("\r4\r\n5\r\n6\r\n--")));
        assert!(matches!(pager.key(b'd'), Page::Last(t) if t.ends_with("7\r\n8\r\n9\r\n")));
        assert_eq!(
            Pager::new("a\r\n", 4).first(),
            Page::Last("a\r\n".to_owned())
        );
    }
}
