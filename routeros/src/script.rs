//! Scripts: the part of RouterOS' language that changes of configuration are written in.
//!
//! [`parse`] makes a tree with positions, [`check`] does so with the commands of a device at hand, [`run`](run::run) executes it against any [`run::Host`],
//! and [`operations`] reads it as an ordered list of typed changes.
//!
//! **Invariant:** size, depth and steps are bounded; no text makes any of the three panic.

use std::fmt;

use thiserror::Error;

pub mod ast;
pub mod condition;
mod cursor;
mod expression;
mod known;
pub mod operation;
mod parser;
pub mod run;
mod text;
pub mod tree;
mod words;
mod write;

pub use ast::{Block, Position};
pub use operation::operations;
pub use parser::parse;
pub use tree::{Child, Tree, check, understand};
pub use words::is_verb_somewhere;

/// The longest script that is read: three times the export of a large core router.
pub const MAX_SCRIPT: usize = 1 << 20;

/// The deepest nesting of braces, brackets and parentheses.
pub const MAX_DEPTH: usize = 64;

/// What is wrong with a script, or went wrong in it, in the words of RouterOS where it has any.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Problem {
    /// It is not the language.
    #[error("syntax error")]
    Syntax,
    /// A command is followed by something that does not belong to it.
    #[error("expected end of command")]
    ExpectedEnd,
    /// There is no command where one should be.
    #[error("expected command name")]
    ExpectedCommand,
    /// A `}` is missing.
    #[error("expected closing brace")]
    ExpectedBrace,
    /// A `]` is missing.
    #[error("expected closing bracket")]
    ExpectedBracket,
    /// A quote is missing.
    #[error("expected closing quote")]
    ExpectedQuote,
    /// There is no such command.
    #[error("bad command name {0}")]
    BadCommand(String),
    /// The command does not have such an argument.
    #[error("bad parameter {0}")]
    BadParameter(String),
    /// A required argument is missing.
    #[error("missing value(s) of argument(s) {0}")]
    MissingArgument(String),
    /// The script is longer than [`MAX_SCRIPT`].
    #[error("script too long")]
    TooLong,
    /// The script nests deeper than [`MAX_DEPTH`].
    #[error("script too deep")]
    TooDeep,
    /// The script does not come to an end.
    #[error("runtime limit exceeded")]
    TooManySteps,
    /// A command failed, or `:error` was called. Only this one can be caught with `on-error`.
    #[error("{0}")]
    Failed(String),
    /// It is the language, but not the part of it that can be planned and undone.
    #[error("{0} is not supported in a planned change")]
    Unsupported(String),
}

/// A problem, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    /// What it is.
    pub problem: Problem,
    /// Where it is.
    pub position: Position,
}

impl ScriptError {
    pub(crate) fn new(problem: Problem, position: Position) -> Self {
        Self { problem, position }
    }
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = self.problem.to_string();
        let Position { line, column, .. } = self.position;
        let problem = crate::text::escape(&problem);
        write!(f, "{problem} (line {line} column {column})")
    }
}

impl std::error::Error for ScriptError {}
