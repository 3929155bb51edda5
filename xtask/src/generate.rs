//! `cargo xtask gen`: what is written by our own binaries and committed.

use crate::args::Args;
use crate::bins::Bins;
use crate::{environment, process, say};
use anyhow::{Context as _, Result, bail};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// A committed file and the command whose output it is.
const FILES: &[(&str, &str, &[&str])] = &[
    ("completions/todctl.bash", "todctl", &["completion", "bash"]),
    ("completions/todctl.zsh", "todctl", &["completion", "zsh"]),
    ("completions/todctl.fish", "todctl", &["completion", "fish"]),
    ("docs/cli.md", "todctl", &["__gen", "cli-reference"]),
    ("docs/api.md", "todd", &["__gen", "api-reference"]),
    ("docs/openapi.json", "todd", &["__gen", "openapi"]),
    ("docs/settings.md", "todd", &["__gen", "settings-reference"]),
    ("docs/todd.toml", "todd", &["config", "default"]),
];

/// The folder that `todctl man` fills, with nothing else in it.
const MAN: &str = "man";

/// Paths from the root and what belongs there.
type Tree = BTreeMap<String, String>;

/// Writes the files, or with `--check` compares them.
pub(crate) fn run(mut args: Args) -> Result<()> {
    let check = args.switch("--check");
    let profile = args.value("--profile")?.unwrap_or_else(|| "dev".to_owned());
    let no_build = args.switch("--no-build");
    args.end()?;
    let bins = if no_build {
        Bins::built(&profile)
    } else {
        Bins::build(&profile)?
    };
    let (wanted, there) = (wanted(&bins)?, committed()?);
    let stale = differences(&wanted, &there);
    if stale.is_empty() {
        say::line(&format!(
            "gen: {} files are as the binaries write them",
            wanted.len()
        ));
        return Ok(());
    }
    for path in &stale {
        say::line(&format!(
            "{} {path}",
            if check { "stale:" } else { "wrote" }
        ));
    }
    if check {
        bail!(
            "{} generated files are stale; run: cargo xtask gen",
            stale.len()
        );
    }
    for path in &stale {
        let full = environment::root().join(path);
        match wanted.get(path) {
            Some(text) => {
                let folder = full.parent().unwrap_or(&full);
                std::fs::create_dir_all(folder)?;
                std::fs::write(&full, text)
            }
            None => std::fs::remove_file(&full),
        }
        .with_context(|| format!("cannot write {path}"))?;
    }
    Ok(())
}

fn wanted(bins: &Bins) -> Result<Tree> {
    let mut tree = Tree::new();
    for (path, binary, args) in FILES {
        let text = process::output(clean(Command::new(bins.path(binary)?)).args(*args))?;
        tree.insert((*path).to_owned(), text);
    }
    let scratch = environment::target().join("gen-man");
    if scratch.exists() {
        std::fs::remove_dir_all(&scratch)?;
    }
    std::fs::create_dir_all(&scratch)?;
    process::output(
        clean(Command::new(bins.path("todctl")?))
            .args(["man", "--dir"])
            .arg(&scratch),
    )?;
    read_folder(&scratch, &mut tree)?;
    std::fs::remove_dir_all(&scratch)?;
    Ok(tree)
}

/// What a program writes must not depend on who runs it.
fn clean(mut command: Command) -> Command {
    command.env_clear();
    command.envs([
        ("HOME", "/nonexistent"),
        ("PATH", "/usr/bin:/bin"),
        ("LC_ALL", "C.UTF-8"),
    ]);
    command
}

fn committed() -> Result<Tree> {
    let mut tree = Tree::new();
    for (path, ..) in FILES {
        if let Ok(text) = std::fs::read_to_string(environment::root().join(path)) {
            tree.insert((*path).to_owned(), text);
        }
    }
    read_folder(&environment::root().join(MAN), &mut tree)?;
    Ok(tree)
}

/// Adds the files of `folder` under their committed paths.
fn read_folder(folder: &Path, tree: &mut Tree) -> Result<()> {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if !name.starts_with('.') {
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            tree.insert(format!("{MAN}/{name}"), text);
        }
    }
    Ok(())
}

/// Paths whose content is not what it should be, or that should not be there.
fn differences(wanted: &Tree, there: &Tree) -> Vec<String> {
    let changed = wanted
        .iter()
        .filter(|(path, text)| there.get(*path) != Some(*text));
    let gone = there.iter().filter(|(path, _)| !wanted.contains_key(*path));
    changed.chain(gone).map(|(path, _)| path.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_missing_and_left_over_files_are_stale() {
        let tree = |files: &[(&str, &str)]| {
            files
                .iter()
                .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
                .collect()
        };
        let wanted: Tree = tree(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let there: Tree = tree(&[("a", "1"), ("b", "old"), ("man/old.1", "x")]);
        assert_eq!(differences(&wanted, &there), ["b", "c", "man/old.1"]);
    }
}
