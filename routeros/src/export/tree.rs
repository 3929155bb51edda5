//! The tree of an export: menus, commands, selectors and properties, in the order they stand in.

use std::borrow::Cow;
use std::ops::Range;

use super::header::Header;
use super::lex::LineEnd;
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
    pub(super) text: Vec<u8>,
    pub(super) lines: Vec<Node>,
    pub(super) properties: Vec<Span>,
    pub(super) menus: Vec<String>,
    pub(super) layout: Layout,
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
pub(super) struct Node {
    pub(super) menu: usize,
    pub(super) text: Range<usize>,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
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
pub(super) struct Span {
    /// Blanks before it, beyond the one that there has to be.
    pub(super) gap: usize,
    pub(super) name: Range<usize>,
    pub(super) value: SpanValue,
}

#[derive(Clone, Debug)]
pub(super) enum SpanValue {
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

impl Export {
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
