//! Taking the text of an export apart.

use std::ops::Range;

use super::lex::{LineEnd, join, value_end};
use super::tree::{Export, Kind, Layout, Node, Span, SpanValue};
use super::wrap::Style;

/// Verbs that stand after the menu in terse exports.
const VERBS: [&[u8]; 6] = [b"add", b"set", b"remove", b"move", b"enable", b"disable"];

impl Export {
    /// Takes a text apart. Every text is one; what is no export becomes
    /// [`Line::Other`](super::Line::Other).
    pub fn parse(source: &[u8]) -> Self {
        let joined = join(source);
        let style = if joined.is_wide {
            Style::Terse
        } else {
            Style::Wrapped
        };
        let mut export = Self {
            layout: Layout {
                line_end: LineEnd::of(source),
                style,
                is_open: joined.is_open,
            },
            lines: Vec::with_capacity(joined.lines.len()),
            properties: Vec::with_capacity(source.len() / 24),
            menus: vec![String::new()],
            text: Vec::new(),
        };
        let mut path: &[u8] = &[];
        for span in joined.lines {
            let line = joined.text.get(span.clone()).unwrap_or_default();
            match line.first() {
                None => export.push(span, Kind::Blank),
                Some(b'#') => export.push(span, Kind::Comment),
                Some(b'/') => export.with_path(&joined.text, span, &mut path),
                Some(_) => {
                    let kind = export.command(&joined.text, span.clone());
                    export.push(span, kind);
                }
            }
        }
        export.text = joined.text;
        export
    }

    /// Takes a line that starts with a menu: the menu alone, or with a command.
    fn with_path<'t>(&mut self, text: &'t [u8], span: Range<usize>, path: &mut &'t [u8]) {
        let line = text.get(span.clone()).unwrap_or_default();
        let end = path_end(line);
        let words = line.get(..end).unwrap_or_default();
        if words != *path && is_path(words) {
            *path = words;
            self.menus.push(normal(words));
        }
        if words != *path {
            return self.push(span, Kind::Other);
        }
        if end == line.len() {
            return self.push(span, Kind::Menu { is_glued: false });
        }
        // Some versions forget to end the line when a note follows.
        let whole = line.strip_suffix(*path).filter(|whole| whole.len() > end);
        let seam = span.start + whole.unwrap_or(line).len();
        let kind = self.command(text, span.start + end + 1..seam);
        self.push(span.start..seam, kind);
        if whole.is_some() {
            self.push(seam..span.end, Kind::Menu { is_glued: true });
        }
    }

    fn push(&mut self, text: Range<usize>, kind: Kind) {
        let menu = self.menus.len() - 1;
        self.lines.push(Node { menu, text, kind });
    }

    fn command(&mut self, text: &[u8], span: Range<usize>) -> Kind {
        let first = self.properties.len();
        let line = text.get(span.clone()).unwrap_or_default();
        let verb_end = line.iter().position(|&b| b == b' ').unwrap_or(line.len());
        let verb = line.get(..verb_end).unwrap_or_default();
        if verb.is_empty() || !verb.iter().all(|b| b.is_ascii_lowercase() || *b == b'-') {
            return Kind::Other;
        }
        let mut selector = None;
        let mut gap = 0;
        let mut at = verb_end + 1;
        while let Some(rest) = line.get(at..).filter(|rest| !rest.is_empty()) {
            let offset = span.start + at;
            let blanks = std::mem::take(&mut gap);
            let (width, token) = token(rest, offset, blanks);
            let may_select = selector.is_none() && first == self.properties.len();
            match token {
                // What is named before any property says which items are meant.
                Token::Flag(_) | Token::Text
                    if may_select && blanks == 0 && width > 0 && verb != b"add" =>
                {
                    selector = Some(offset..offset + width);
                }
                Token::Property(property) | Token::Flag(property) => {
                    self.properties.push(property);
                }
                Token::Text if width > 0 => {
                    self.properties.truncate(first);
                    return Kind::Other;
                }
                Token::Text => gap = blanks + 1,
            }
            at += width + 1;
        }
        Kind::Command {
            verb: span.start..span.start + verb_end,
            selector,
            properties: first..self.properties.len(),
        }
    }
}

/// How long the path is that a line starts with: up to the blank before its verb.
fn path_end(line: &[u8]) -> usize {
    let mut blanks = line.iter().enumerate().filter(|(_, b)| **b == b' ');
    let verb = blanks.find(|(at, _)| {
        let rest = line.get(at + 1..).unwrap_or_default();
        let end = rest.iter().position(|&b| b == b' ').unwrap_or(rest.len());
        VERBS.contains(&rest.get(..end).unwrap_or_default())
    });
    verb.map_or(line.len(), |(at, _)| at)
}

/// Whether a path is written as exports do: a slash, and words with one blank between them.
fn is_path(path: &[u8]) -> bool {
    let Some(words) = path.strip_prefix(b"/") else {
        return false;
    };
    let is_word = |word: &[u8]| {
        let is_name = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
        !word.is_empty() && word.iter().all(is_name)
    };
    words.split(|&b| b == b' ').all(is_word)
}

fn normal(path: &[u8]) -> String {
    path.iter()
        .map(|&b| if b == b' ' { '/' } else { char::from(b) })
        .collect()
}

/// What stands between blanks.
enum Token {
    Property(Span),
    Flag(Span),
    Text,
}

/// Takes a token, and how long it is.
fn token(text: &[u8], offset: usize, gap: usize) -> (usize, Token) {
    let is_unset = text.first() == Some(&b'!');
    let start = usize::from(is_unset);
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/');
    let rest = text.get(start..).unwrap_or_default();
    let end = start + rest.iter().take_while(|b| is_name(b)).count();
    let name = offset + start..offset + end;
    match text.get(end) {
        Some(b'=') if end > start && !is_unset => {
            let start = end + 1;
            let width = value_end(text.get(start..).unwrap_or_default());
            let value = SpanValue::Given(offset + start..offset + start + width);
            (start + width, Token::Property(Span { gap, name, value }))
        }
        None | Some(b' ') if end > start && is_unset => {
            let value = SpanValue::Unset;
            (end, Token::Property(Span { gap, name, value }))
        }
        None | Some(b' ') if end > start => {
            let value = SpanValue::Flag;
            (end, Token::Flag(Span { gap, name, value }))
        }
        _ => (value_end(text), Token::Text),
    }
}
