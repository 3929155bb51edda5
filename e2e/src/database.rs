//! A database of its own on the PostgreSQL of the test run.
#![expect(
    clippy::disallowed_methods,
    reason = "tests are told by the environment where it is"
)]

use anyhow::{Context as _, Result, ensure};
use std::process::Command;

/// An empty database that goes with this value.
#[derive(Debug)]
pub(crate) struct Database {
    socket: String,
    name: String,
}

impl Database {
    /// Makes one, owned by the role that migrates.
    pub(crate) fn create() -> Result<Self> {
        let socket = std::env::var("TOD_TEST_PG")
            .context("TOD_TEST_PG is not set; run this with `cargo xtask test`, or `xtask up`")?;
        let name = format!("e2e_{}", std::process::id());
        let database = Self { socket, name };
        database.psql(
            "postgres",
            &format!("create database {} owner tod_owner", database.name),
        )?;
        Ok(database)
    }

    /// How `todd` reaches it.
    pub(crate) fn url(&self) -> String {
        format!(
            "postgres://tod_app@localhost/{}?host={}",
            self.name, self.socket
        )
    }

    /// The same with a password, which PostgreSQL does not ask for over its socket.
    pub(crate) fn url_with(&self, password: &str) -> String {
        self.url()
            .replacen("tod_app@", &format!("tod_app:{password}@"), 1)
    }

    /// Everything in it, as `pg_dump` writes it.
    pub(crate) fn dump(&self) -> Result<Vec<u8>> {
        let done = Command::new("pg_dump")
            .args(["-U", "tod_super", "-h", &self.socket, "-d", &self.name])
            .output()
            .context("cannot run pg_dump")?;
        ensure!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
        Ok(done.stdout)
    }

    /// What the cluster logs.
    pub(crate) fn log(&self) -> std::path::PathBuf {
        std::path::Path::new(&self.socket).join("log")
    }

    /// Runs a statement as superuser and returns what it prints.
    pub(crate) fn query(&self, sql: &str) -> Result<String> {
        self.psql(&self.name, sql)
    }

    fn psql(&self, database: &str, sql: &str) -> Result<String> {
        let mut psql = Command::new("psql");
        psql.args([
            "-XAtq",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            "tod_super",
            "-h",
            &self.socket,
        ]);
        let done = psql
            .args(["-d", database, "-c", sql])
            .output()
            .context("cannot run psql")?;
        ensure!(
            done.status.success(),
            "{sql}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        Ok(String::from_utf8_lossy(&done.stdout).trim().to_owned())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Without it the database stays until the throw-away cluster goes, which does no harm.
        drop(self.psql(
            "postgres",
            &format!("drop database if exists {} with (force)", self.name),
        ));
    }
}
