//! Runs `todctl` as a person or a script would.

use crate::{process, say};
use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The client and the variables that tell it which context to use.
#[derive(Debug, Clone)]
pub struct Todctl {
    /// The binary.
    pub path: PathBuf,
    /// Where it runs, and where its files are.
    pub dir: PathBuf,
    /// Set for each call.
    pub variables: Vec<(String, String)>,
}

impl Todctl {
    /// Ready to run, without a terminal.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        command
            .args(args)
            .current_dir(&self.dir)
            .stdin(Stdio::null());
        command.env("NO_COLOR", "1").env("COLUMNS", "120");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Prints the command and its output; any other exit code than `expected` is an error.
    pub fn show(&self, args: &[&str], expected: &[i32]) -> Result<String> {
        let mut command = self.command(args);
        // As it looks on a terminal, which this is not.
        command.env("TODCTL_OUTPUT", "table");
        say::line(&format!("$ {}", process::shown(&command)));
        let done = command.output().context("cannot run todctl")?;
        let stdout = String::from_utf8_lossy(&done.stdout).into_owned();
        say::line(&format!(
            "{stdout}{}",
            String::from_utf8_lossy(&done.stderr)
        ));
        match done.status.code() {
            Some(code) if expected.contains(&code) => Ok(stdout),
            other => bail!(
                "`{}` ended with {other:?}, not {expected:?}",
                process::shown(&command)
            ),
        }
    }

    /// The JSON that a command prints.
    pub fn json(&self, args: &[&str]) -> Result<Value> {
        let mut command = self.command(args);
        let text = process::output(command.args(["-o", "json"]))?;
        serde_json::from_str(&text).with_context(|| format!("`{}`", process::shown(&command)))
    }

    /// The items of the JSON that a list prints.
    pub fn items(&self, args: &[&str]) -> Result<Vec<Value>> {
        let value = self.json(args)?;
        let items = value.get("items").and_then(Value::as_array);
        items
            .cloned()
            .with_context(|| format!("`todctl {}` printed no items", args.join(" ")))
    }

    /// The JSON lines that a command prints.
    pub fn lines(&self, args: &[&str]) -> Result<Vec<Value>> {
        let text = process::output(&mut self.command(args))?;
        text.lines()
            .map(|line| serde_json::from_str(line).with_context(|| format!("not JSON: {line}")))
            .collect()
    }
}
