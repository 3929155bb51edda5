//! `todctl man`, and what the man pages and the reference are made from.

use std::path::{Path, PathBuf};

use clap::{Command as Clap, Subcommand};

use crate::args;
use crate::commands::completion::{Shell, script};
use crate::cx::Cx;
use crate::error::{CliError, exit, file};

/// Print or write man pages
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The page, such as device-list [default: todctl itself]
    page: Option<String>,
    /// Write all pages into this directory
    #[arg(long, value_name = "DIR", conflicts_with = "page")]
    dir: Option<PathBuf>,
}

/// What other files are made from.
#[derive(Debug, Subcommand)]
pub enum Gen {
    /// The reference of all commands, in Markdown
    CliReference,
    /// Completion scripts, into a directory
    Completions {
        /// Where to
        dir: PathBuf,
    },
    /// Man pages, into a directory
    Man {
        /// Where to
        dir: PathBuf,
    },
}

/// The whole tree, built, with help of every command.
pub fn tree() -> Clap {
    let mut tree = args::tree();
    tree.build();
    tree
}

pub(super) fn run(args: &Args, cx: &mut Cx) -> Result<(), CliError> {
    if let Some(dir) = &args.dir {
        return write_all(dir, cx);
    }
    let wanted = match args.page.as_deref() {
        None | Some("todctl") => "todctl".to_owned(),
        Some(page) => format!("todctl-{}", page.trim_start_matches("todctl-")),
    };
    let pages = pages()?;
    let page = pages
        .into_iter()
        .find(|(name, _)| *name == format!("{wanted}.1"));
    let (_, text) = page.ok_or_else(|| CliError::NotFound {
        kind: "page",
        name: wanted,
        like: Vec::new(),
    })?;
    cx.out.write(&text)
}

/// Every page with its file name.
pub fn pages() -> Result<Vec<(String, String)>, CliError> {
    let mut pages = Vec::new();
    page("todctl", &tree(), &mut pages)?;
    let codes = exit::TABLE.iter().fold(
        ".TH todctl-exit-codes 7\n.SH NAME\ntodctl\\-exit\\-codes \\- what todctl tells the shell\n.SH CODES\n".to_owned(),
        |text, (code, name, when)| format!("{text}.TP\n\\fB{code}\\fR {name}\n{when}\n"),
    );
    pages.push(("todctl-exit-codes.7".to_owned(), codes));
    Ok(pages)
}

fn page(name: &str, command: &Clap, pages: &mut Vec<(String, String)>) -> Result<(), CliError> {
    let titled = command
        .clone()
        .name(name.to_owned())
        .display_name(name.to_owned());
    let mut text = Vec::new();
    clap_mangen::Man::new(titled)
        .date("")
        .manual("todctl")
        .source(concat!("todctl ", env!("CARGO_PKG_VERSION")))
        .render(&mut text)?;
    pages.push((
        format!("{name}.1"),
        String::from_utf8_lossy(&text).into_owned(),
    ));
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        page(&format!("{name}-{}", sub.get_name()), sub, pages)?;
    }
    Ok(())
}

fn write_all(dir: &Path, cx: &Cx) -> Result<(), CliError> {
    let pages = pages()?;
    for (name, text) in &pages {
        write(&dir.join(name), text)?;
    }
    cx.say
        .note(format!("{} pages in {}", pages.len(), dir.display()));
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), CliError> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).map_err(file(&dir.display()))?;
    }
    std::fs::write(path, text).map_err(file(&path.display()))
}

impl Gen {
    /// Runs the command.
    pub fn run(self, cx: &mut Cx) -> Result<(), CliError> {
        match self {
            Self::CliReference => {
                let text = reference();
                cx.out.write(&text)
            }
            Self::Man { dir } => write_all(&dir, cx),
            Self::Completions { dir } => {
                for (shell, name) in [
                    (Shell::Bash, "todctl.bash"),
                    (Shell::Zsh, "_todctl"),
                    (Shell::Fish, "todctl.fish"),
                    (Shell::Elvish, "todctl.elv"),
                    (Shell::Powershell, "todctl.ps1"),
                ] {
                    write(&dir.join(name), &script(shell)?)?;
                }
                Ok(())
            }
        }
    }
}

/// The reference of all commands, in Markdown.
pub fn reference() -> String {
    let mut out = String::from("# todctl\n\nMade by `todctl __gen cli-reference`; do not edit.\n");
    out.push_str("\n## Exit codes\n\n| code | name | when |\n|---:|---|---|\n");
    for (code, name, when) in exit::TABLE {
        out.push_str(&format!("| {code} | {name} | {when} |\n"));
    }
    let root = tree();
    section("todctl", &root, &mut out);
    out.push_str("\nThe global options above go with every command below.\n");
    subsections("todctl", &root, &mut out);
    out
}

fn section(name: &str, command: &Clap, out: &mut String) {
    let mut titled = command.clone().term_width(100);
    let help = titled.render_long_help().to_string();
    let help: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
    out.push_str(&format!(
        "\n## {name}\n\n```text\n{}\n```\n",
        help.join("\n")
    ));
}

fn subsections(name: &str, command: &Clap, out: &mut String) {
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        let name = format!("{name} {}", sub.get_name());
        let own = sub.clone().mut_args(|arg| {
            if arg.is_global_set() {
                arg.hide(true)
            } else {
                arg
            }
        });
        section(&name, &own, out);
        subsections(&name, sub, out);
    }
}
