//! `cargo xtask sqlx`: checks every query of the server against a migrated database, and keeps
//! what the checks found in `.sqlx`, so that builds need no database.

use crate::args::Args;
use crate::services::{Services, Stay};
use crate::setup::{self, Purpose};
use crate::{environment, process, say};
use anyhow::{Context as _, Result, bail};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Query files by name.
type Queries = BTreeMap<String, String>;

/// Refreshes `.sqlx`, or with `--check` compares it.
pub(crate) fn run(mut args: Args) -> Result<()> {
    let check = args.switch("--check");
    args.end()?;
    setup::ensure(Purpose::Up)?;
    let services = Services::start(Stay::WithUs)?;
    let url = migrated_database(&services)?;
    let fresh = environment::target().join("sqlx-fresh");
    if fresh.exists() {
        std::fs::remove_dir_all(&fresh)?;
    }
    std::fs::create_dir_all(&fresh)?;
    compile_against(&url, &fresh)?;
    let (wanted, folder) = (read(&fresh)?, environment::root().join(".sqlx"));
    let there = read(&folder)?;
    if wanted == there {
        say::line(&format!("sqlx: {} queries are as committed", wanted.len()));
        return Ok(());
    }
    if check {
        bail!(".sqlx is stale; run: cargo xtask sqlx");
    }
    replace(&folder, &wanted, &there)?;
    say::line(&format!("sqlx: wrote {} queries", wanted.len()));
    Ok(())
}

/// Makes a database and runs the migrations in it, as the server does at its start.
fn migrated_database(services: &Services) -> Result<String> {
    let socket = services.dir().display().to_string();
    let mut create = psql(&socket, "tod_super", "postgres");
    process::output(create.args(["-c", "create database tod owner tod_owner"]))?;
    let mut files: Vec<PathBuf> = std::fs::read_dir(environment::root().join("migrations"))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    files.sort();
    for file in files {
        let mut command = psql(&socket, "tod_owner", "tod");
        process::output(command.args(["--single-transaction", "-f"]).arg(&file))
            .with_context(|| format!("migration {} failed", file.display()))?;
    }
    Ok(format!("postgres://tod_owner@localhost/tod?host={socket}"))
}

fn psql(socket: &str, role: &str, database: &str) -> Command {
    let mut command = Command::new("psql");
    command.args([
        "-X",
        "-q",
        "-v",
        "ON_ERROR_STOP=1",
        "-h",
        socket,
        "-U",
        role,
        "-d",
        database,
    ]);
    command
}

/// The macros write a file per query when they are given a database and a folder.
fn compile_against(url: &str, folder: &Path) -> Result<()> {
    // Macros run only in what is compiled, and cargo does not know that they read a database.
    process::run(Command::new("touch").arg(environment::root().join("server/src/lib.rs")))?;
    let mut cargo = process::cargo(&["check", "--workspace", "--all-targets"]);
    cargo
        .env("DATABASE_URL", url)
        .env("SQLX_OFFLINE_DIR", folder)
        .env("SQLX_OFFLINE", "false");
    say::step(&process::shown(&cargo));
    process::run(&mut cargo)
}

fn read(folder: &Path) -> Result<Queries> {
    let mut queries = Queries::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name.starts_with("query-") {
            queries.insert(name, std::fs::read_to_string(&path)?);
        }
    }
    Ok(queries)
}

fn replace(folder: &Path, wanted: &Queries, there: &Queries) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    for (name, text) in wanted {
        std::fs::write(folder.join(name), text)?;
    }
    for name in there.keys().filter(|name| !wanted.contains_key(*name)) {
        std::fs::remove_file(folder.join(name))?;
    }
    Ok(())
}
