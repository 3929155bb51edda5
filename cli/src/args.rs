//! The command line: flags of every command, and arguments with a grammar of their own.

pub mod command;
pub mod number;
pub mod output;
pub mod pairs;
pub mod span;

use anstream::ColorChoice;
use clap::{CommandFactory as _, Parser, ValueEnum};

use crate::args::output::OutputArgs;
use crate::args::span::Span;
use crate::commands::Command;

/// The tree of commands, with examples in the help of each.
pub fn tree() -> clap::Command {
    crate::examples::with(bare())
}

/// The tree as the types say it.
pub(crate) fn bare() -> clap::Command {
    Args::command()
}

/// Fleet console for MikroTik RouterOS
#[derive(Debug, Parser)]
#[command(
    name = "todctl",
    version,
    disable_help_subcommand = true,
    infer_subcommands = false,
    max_term_width = 100,
    after_help = "Exit codes: todctl help exit-codes      Selectors: todctl help selectors"
)]
pub struct Args {
    /// Flags of every command.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal, unless the environment says otherwise
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Flags of every command.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Globals {
    /// Use this context
    #[arg(short = 'c', long, value_name = "NAME", global = true, help_heading = "Global options",
        add = clap_complete::ArgValueCandidates::new(crate::complete::contexts))]
    pub context: Option<String>,
    /// Work in this tenant
    #[arg(
        short = 't',
        long,
        value_name = "NAME",
        global = true,
        help_heading = "Global options"
    )]
    pub tenant: Option<String>,
    /// How results are written.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Answer yes to simple questions
    #[arg(short = 'y', long, global = true, help_heading = "Global options")]
    pub yes: bool,
    /// Say nothing but results and errors
    #[arg(short = 'q', long, global = true, help_heading = "Global options")]
    pub quiet: bool,
    /// Say more; twice for still more
    #[arg(short = 'v', long, action = clap::ArgAction::Count, global = true,
        help_heading = "Global options", hide_short_help = true)]
    pub verbose: u8,
    /// Give each request this long [default: 30s]
    #[arg(
        long,
        value_name = "TIME",
        global = true,
        help_heading = "Global options",
        hide_short_help = true
    )]
    pub timeout: Option<Span>,
    /// Never ask; fail with status 9 instead
    #[arg(
        long,
        global = true,
        help_heading = "Global options",
        hide_short_help = true
    )]
    pub no_input: bool,
    /// When to use colour
    #[arg(
        long,
        value_name = "WHEN",
        global = true,
        help_heading = "Global options",
        hide_short_help = true
    )]
    pub color: Option<When>,
    /// Use no colour
    #[arg(
        long,
        global = true,
        help_heading = "Global options",
        hide_short_help = true
    )]
    pub no_color: bool,
}

impl Globals {
    /// What the flags say about colour.
    pub fn colour(&self) -> Option<ColorChoice> {
        match self.color {
            _ if self.no_color => Some(ColorChoice::Never),
            Some(When::Always) => Some(ColorChoice::Always),
            Some(When::Never) => Some(ColorChoice::Never),
            Some(When::Auto) | None => None,
        }
    }
}
