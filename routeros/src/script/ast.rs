//! The tree of a script.

use super::ScriptError;
use super::condition::Condition;

/// A place in a script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Bytes from the start.
    pub offset: usize,
    /// From 1.
    pub line: u32,
    /// From 1, in bytes.
    pub column: u32,
}

/// Statements, one after the other. A whole script is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// In order.
    pub statements: Vec<Statement>,
}

/// A statement and where it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Where it starts.
    pub position: Position,
    /// What it is.
    pub kind: Kind,
}

/// What a statement is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `/ip address`: what follows is relative to this menu.
    Menu(Path),
    /// `/ip address { … }`: the block is relative to this menu.
    Within(Path, Block),
    /// A command of a menu.
    Command(Command),
    /// `{ … }`, with its own local variables and menu.
    Block(Block),
    /// `:do { … } on-error={ … }`, with `while=( … )` perhaps.
    Do {
        /// What is done.
        body: Block,
        /// What is done if it fails; without one, the failure goes up.
        on_error: Option<Block>,
        /// It is done again as long as this holds.
        again: Option<Expression>,
    },
    /// `:while ( … ) do={ … }`
    While {
        /// As long as this holds.
        condition: Expression,
        /// This is done.
        body: Block,
    },
    /// `:if ( … ) do={ … } else={ … }`
    If {
        /// If this holds,
        condition: Expression,
        /// this is done,
        then: Block,
        /// or else this.
        otherwise: Option<Block>,
    },
    /// `:foreach name in=values do={ … }`
    Foreach {
        /// The variable.
        name: String,
        /// What it becomes, one after the other.
        values: Expression,
        /// What is done each time.
        body: Block,
    },
    /// `:for name from=1 to=9 step=2 do={ … }`
    For {
        /// The variable.
        name: String,
        /// Its first value.
        from: Expression,
        /// Its last value.
        to: Expression,
        /// What is added each time; 1 or −1 without one.
        step: Option<Expression>,
        /// What is done each time.
        body: Block,
    },
    /// `:local`, `:global` and `:set`.
    Assign {
        /// Which of them.
        scope: Scope,
        /// The variable.
        name: String,
        /// Its value, if one is given.
        value: Option<Expression>,
    },
    /// `:put`, `:log`, `:delay` and the like.
    Builtin {
        /// Without the colon.
        name: String,
        /// What follows.
        arguments: Vec<Argument>,
    },
    /// Something with a name in it that the device does not have: an error when it comes to it.
    Wrong(Box<Kind>, ScriptError),
}

/// Which variable is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A new one of this block.
    Local,
    /// One of the whole device.
    Global,
    /// The one that is there.
    Existing,
}

/// A menu, as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path {
    /// It starts with a slash.
    pub is_absolute: bool,
    /// Its words; `..` goes up.
    pub words: Vec<String>,
}

/// A command of a menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The menu.
    pub path: Path,
    /// The verb.
    pub verb: String,
    /// The arguments, without conditions.
    pub arguments: Vec<Argument>,
    /// The conditions, of `find` and of `print where`.
    pub filter: Option<Condition<Expression>>,
}

/// An argument of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// A value alone: items, or the name of a flag.
    Positional(Expression),
    /// `name=value`
    Named(String, Expression),
    /// `!name`
    Unset(String),
}

/// Something with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// Text, bare or quoted; numbers are text.
    Text(Vec<u8>),
    /// `$name`
    Variable(String),
    /// `[ … ]`: the value of the last statement.
    Substitution(Block),
    /// `{ … }` where commands are expected as data, as in `on-event={ … }`.
    Source(Vec<u8>),
    /// `{1;2;3}` or `{a=1}`, in order; keys are kept as pairs of two.
    Array(Vec<Expression>),
    /// Several that become one text.
    Concatenation(Vec<Expression>),
    /// `!x`
    Not(Box<Expression>),
    /// `-x`
    Negative(Box<Expression>),
    /// `~x`: all bits the other way round.
    Inverse(Box<Expression>),
    /// `any x`: whether it has a value.
    Any(Box<Expression>),
    /// `>x`: to be worked out later.
    Deferred(Box<Expression>),
    /// `a + b`
    Binary(Operator, Box<(Expression, Expression)>),
}

/// What joins two expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `or`, `||`
    Or,
    /// `and`, `&&`
    And,
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `>`
    Greater,
    /// `<=`
    AtMost,
    /// `>=`
    AtLeast,
    /// `~`: the left matches the pattern on the right.
    Matches,
    /// `in`: the left address is in the network on the right.
    In,
    /// `.`: texts joined.
    Join,
    /// `,`: arrays joined.
    Append,
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `*`
    Times,
    /// `/`
    Over,
    /// `%`
    Modulo,
    /// `|`
    BitOr,
    /// `^`
    BitXor,
    /// `&`
    BitAnd,
    /// `<<`
    ShiftLeft,
    /// `>>`
    ShiftRight,
    /// `->`: an element of an array.
    Element,
    /// `<%%`: the right are the arguments of the left.
    Apply,
    /// Nothing: two values beside each other.
    Beside,
}
