//! The tree of an export: menus, commands, selectors and properties, in the order they stand in.

use std::borrow::Cow;
use std::ops::Range;

use super::header::Header;
use super::lex::{LineEnd, join, value_end};
use super::wrap::Style;
use crate::quote;

/// An export, taken apart.
///
/// It holds one copy of the text without line ends and wrapping, and where everything is in it.
///
/// ```
/// use routeros::export::Export;
///
/// let text = b"/ip address\r\nadd address=10.0.0.1/24 interface=ether1\r\n";
/// let export = Export::parse(text);
/// let command = export.commands().next().unwrap();
/// assert_eq!((command.menu(), command.verb()), ("/ip/address", "add"));
/// assert_eq!(export.print(), text);
/// ```
#[derive(Clone, Debug)]
pub struct Export {
    text: Vec<u8>,
    lines: Vec<Node>,
    properties: Vec<Span>,
    menus: Vec<String>,
    layout: Layout,
}

/// How an export is laid out on its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// What ends a line.
    pub line_end: LineEnd,
    /// Whether lines are wrapped.
    pub style: Style,
    /// The last line has no end.
    pub is_open: bool,
}

#[derive(Clone, Debug)]
struct Node {
    menu: usize,
    text: Range<usize>,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Blank,
    Comment,
    Menu {
        is_glued: bool,
    },
    Command {
        verb: Range<usize>,
        selector: Option<Range<usize>>,
        properties: Range<usize>,
    },
    Other,
}

#[derive(Clone, Debug)]
struct Span {
    /// Blanks before it, beyond the one that there has to be.
    gap: usize,
    name: Range<usize>,
    value: SpanValue,
}

#[derive(Clone, Debug)]
enum SpanValue {
    Given(Range<usize>),
    Unset,
    Flag,
}

/// A logical line.
#[derive(Clone, Copy, Debug)]
pub enum Line<'e> {
    /// There is nothing on it.
    Blank,
    /// `# …`, with its `#`.
    Comment(&'e [u8]),
    /// `/ip address` alone, as `/ip/address`.
    Menu(&'e str),
    /// A command.
    Command(Command<'e>),
    /// Something that no export has; as it is written.
    Other(&'e [u8]),
}

/// A command: `add`, `set` or the like.
#[derive(Clone, Copy, Debug)]
pub struct Command<'e> {
    export: &'e Export,
    node: &'e Node,
}

/// A property of a command, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Property<'e> {
    /// Its name; since 7.15 `.mode` may stand for `configuration.mode`.
    pub name: &'e str,
    /// What is said of it.
    pub value: Value<'e>,
}

/// What is said of a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'e> {
    /// `name=value`: the value with its quotes and escapes.
    Given(&'e [u8]),
    /// `!name`: it has none.
    Unset,
    /// `name` alone.
    Flag,
}

impl Value<'_> {
    /// The bytes that are meant; none for [`Value::Unset`], `yes` for [`Value::Flag`].
    pub fn bytes(&self) -> Option<Cow<'_, [u8]>> {
        match self {
            Self::Given(raw) => Some(quote::decode(raw)),
            Self::Unset => None,
            Self::Flag => Some(Cow::Borrowed(b"yes")),
        }
    }
}

/// Verbs that stand after the menu in terse exports.
const VERBS: [&[u8]; 6] = [b"add", b"set", b"remove", b"move", b"enable", b"disable"];

impl Export {
    /// Takes a text apart. Every text is one; what is no export becomes [`Line::Other`].
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
            properties: Vec::with_capacity(joined.lines.len() * 6),
            menus: vec![String::new()],
            text: Vec::new(),
        };
        let mut path: &[u8] = &[];
        for text in joined.lines {
            let line = joined.text.get(text.clone()).unwrap_or_default();
            let command = match line.first() {
                None => {
                    export.push(text, Kind::Blank);
                    continue;
                }
                Some(b'#') => {
                    export.push(text, Kind::Comment);
                    continue;
                }
                Some(b'/') => {
                    let end = path_end(line);
                    let words = line.get(..end).unwrap_or_default();
                    if words != path && is_path(words) {
                        path = words;
                        export.menus.push(normal(words));
                    }
                    if words != path {
                        export.push(text, Kind::Other);
                        continue;
                    }
                    if end == line.len() {
                        export.push(text, Kind::Menu { is_glued: false });
                        continue;
                    }
                    // Some versions forget to end the line when a note follows.
                    if let Some(command) = line.strip_suffix(path).filter(|c| c.len() > end) {
                        let seam = text.start + command.len();
                        let kind = export.command(&joined.text, text.start + end + 1..seam);
                        export.push(text.start..seam, kind);
                        export.push(seam..text.end, Kind::Menu { is_glued: true });
                        continue;
                    }
                    text.start + end + 1
                }
                Some(_) => text.start,
            };
            let kind = export.command(&joined.text, command..text.end);
            export.push(text, kind);
        }
        export.text = joined.text;
        export
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
                Token::Flag(_) | Token::Text if may_select && verb != b"add" => {
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

    /// The lines, in order, and whether a line end is missing before them.
    pub(super) fn pieces(&self) -> impl Iterator<Item = (Line<'_>, bool)> {
        self.lines.iter().map(|node| {
            let is_glued = matches!(node.kind, Kind::Menu { is_glued: true });
            (self.view(node), is_glued)
        })
    }

    /// The lines, in order.
    pub fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        self.lines.iter().map(|node| self.view(node))
    }

    /// The commands, in order.
    pub fn commands(&self) -> impl Iterator<Item = Command<'_>> {
        self.lines().filter_map(|line| match line {
            Line::Command(command) => Some(command),
            _ => None,
        })
    }

    /// What the comments at the top say.
    pub fn header(&self) -> Header {
        let mut header = Header::default();
        let comments = self.lines().map_while(|line| match line {
            Line::Comment(text) => text.strip_prefix(b"#"),
            _ => None,
        });
        for comment in comments {
            header.read(comment);
        }
        header
    }

    /// How it is laid out.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The same, to be printed in another layout.
    pub(super) fn laid_out(self, layout: Layout) -> Self {
        Self { layout, ..self }
    }

    fn view<'e>(&'e self, node: &'e Node) -> Line<'e> {
        match &node.kind {
            Kind::Blank => Line::Blank,
            Kind::Comment => Line::Comment(self.slice(&node.text)),
            Kind::Menu { .. } => Line::Menu(self.menu(node)),
            Kind::Command { .. } => Line::Command(Command { export: self, node }),
            Kind::Other => Line::Other(self.slice(&node.text)),
        }
    }

    fn menu(&self, node: &Node) -> &str {
        self.menus.get(node.menu).map_or("", String::as_str)
    }

    fn slice(&self, range: &Range<usize>) -> &[u8] {
        self.text.get(range.clone()).unwrap_or_default()
    }

    fn name(&self, range: &Range<usize>) -> &str {
        // Only ASCII passes as a name.
        std::str::from_utf8(self.slice(range)).unwrap_or_default()
    }
}

impl<'e> Command<'e> {
    /// The menu, such as `/ip/address`; empty before the first one.
    pub fn menu(&self) -> &'e str {
        self.export.menu(self.node)
    }

    /// Whether the menu stands on the same line.
    pub fn has_path(&self) -> bool {
        self.export.slice(&self.node.text).first() == Some(&b'/')
    }

    /// The verb.
    pub fn verb(&self) -> &'e str {
        match &self.node.kind {
            Kind::Command { verb, .. } => self.export.name(verb),
            _ => "",
        }
    }

    /// What says which items are meant, as written: `[ find default-name=ether1 ]`, `0`, `telnet`.
    pub fn selector(&self) -> Option<&'e [u8]> {
        match &self.node.kind {
            Kind::Command { selector, .. } => selector.as_ref().map(|s| self.export.slice(s)),
            _ => None,
        }
    }

    /// The properties, in order.
    pub fn properties(&self) -> impl Iterator<Item = Property<'e>> {
        let export = self.export;
        self.spans().iter().map(|span| Property {
            name: export.name(&span.name),
            value: match &span.value {
                SpanValue::Given(value) => Value::Given(export.slice(value)),
                SpanValue::Unset => Value::Unset,
                SpanValue::Flag => Value::Flag,
            },
        })
    }

    /// Blanks before each property, beyond the one that there has to be.
    pub(super) fn gaps(&self) -> impl Iterator<Item = usize> {
        self.spans().iter().map(|span| span.gap)
    }

    fn spans(&self) -> &'e [Span] {
        let range = match &self.node.kind {
            Kind::Command { properties, .. } => properties.clone(),
            _ => 0..0,
        };
        self.export.properties.get(range).unwrap_or_default()
    }

    /// The properties with their whole names: `configuration.mode` for `.mode`.
    pub fn settings(&self) -> impl Iterator<Item = (Cow<'e, str>, Value<'e>)> {
        let mut group = "";
        self.properties().map(move |property| {
            let name = property.name;
            match name.split_once('.') {
                Some(("", _)) => (Cow::Owned(format!("{group}{name}")), property.value),
                Some((of, _)) => {
                    group = of;
                    (Cow::Borrowed(name), property.value)
                }
                None => (Cow::Borrowed(name), property.value),
            }
        })
    }

    /// The command as written, from its verb on, on one line.
    pub fn text(&self) -> &'e [u8] {
        match &self.node.kind {
            Kind::Command { verb, .. } => self.export.slice(&(verb.start..self.node.text.end)),
            _ => &[],
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
