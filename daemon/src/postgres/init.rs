//! Making a cluster, so that it is there whole or not at all.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, bail};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::DATABASE;
use super::account::Account;
use super::binaries::Binaries;

/// Makes a cluster with our roles and our database at `home`.
pub(super) async fn make(
    binaries: &Binaries,
    account: &Account,
    home: &Path,
    durable: bool,
) -> anyhow::Result<()> {
    let aside = home.with_extension("new");
    match fs::remove_dir_all(&aside) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot remove {}", aside.display()));
        }
        _ => {}
    }
    let made = fs::DirBuilder::new().mode(0o700).create(&aside);
    made.with_context(|| format!("cannot create {}", aside.display()))?;
    account.own_path(&aside)?;
    initdb(binaries, account, &aside, durable).await?;
    // A server in single-user mode: so no superuser ever needs a way to sign in.
    let roles = tod_server::db::ROLES_SQL.trim();
    let create = format!("{roles}\n\ncreate database {DATABASE} owner tod_owner;\n\n");
    alone(binaries, account, &aside, "postgres", &create).await?;
    let own = "alter schema public owner to tod_owner;\n\n";
    alone(binaries, account, &aside, DATABASE, own).await?;
    fs::rename(&aside, home).with_context(|| format!("cannot create {}", home.display()))
}

async fn initdb(
    binaries: &Binaries,
    account: &Account,
    home: &Path,
    durable: bool,
) -> anyhow::Result<()> {
    let mut command = Command::new(binaries.program("initdb"));
    command.arg("--pgdata").arg(home);
    command.args([
        "--username=postgres",
        "--encoding=UTF8",
        "--no-locale",
        "--data-checksums",
    ]);
    command.args(["--auth=reject", "--no-instructions"]);
    if !durable {
        command.arg("--no-sync");
    }
    account.apply(&mut command);
    let output = command
        .current_dir(home)
        .stdin(Stdio::null())
        .output()
        .await;
    let output = output.context("cannot run initdb")?;
    if !output.status.success() {
        bail!(
            "initdb failed ({}): {}",
            output.status,
            tail(&output.stderr)
        );
    }
    Ok(())
}

/// Runs statements, each ended by an empty line, in a server of one's own.
async fn alone(
    binaries: &Binaries,
    account: &Account,
    home: &Path,
    database: &str,
    statements: &str,
) -> anyhow::Result<()> {
    let mut command = Command::new(binaries.program("postgres"));
    command
        .args(["--single", "-j", "-c", "exit_on_error=on", "-D"])
        .arg(home)
        .arg(database);
    account.apply(&mut command);
    command.current_dir(home).kill_on_drop(true);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot run postgres")?;
    let mut stdin = child.stdin.take().context("postgres takes no statements")?;
    stdin
        .write_all(statements.as_bytes())
        .await
        .context("postgres takes no statements")?;
    drop(stdin);
    let output = child
        .wait_with_output()
        .await
        .context("cannot run postgres")?;
    if !output.status.success() || contains(&output.stderr, "ERROR:") {
        bail!(
            "the roles could not be made ({}): {}",
            output.status,
            tail(&output.stderr)
        );
    }
    Ok(())
}

fn contains(output: &[u8], word: &str) -> bool {
    String::from_utf8_lossy(output).contains(word)
}

/// The end of what a program said, on one line.
pub(super) fn tail(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<_> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let from = lines.len().saturating_sub(6);
    let last = lines.get(from..).unwrap_or_default().join(" | ");
    last.escape_debug().to_string()
}
