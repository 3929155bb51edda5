//! Running other programs, and carrying their exit status to ours.

use crate::environment;
use anyhow::{Context as _, Result, bail};
use std::fmt;
use std::process::{Command, ExitCode, Stdio};

/// A program that ran and said no.
#[derive(Debug)]
pub struct Failed {
    what: String,
    code: Option<i32>,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "`{}` ended with status {code}", self.what),
            None => write!(f, "`{}` was ended by a signal", self.what),
        }
    }
}

impl std::error::Error for Failed {}

/// The exit code that tells the caller what `error` was.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    let code = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<Failed>()?.code);
    let code = code
        .and_then(|code| u8::try_from(code).ok())
        .filter(|code| *code != 0);
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Cargo, at the root of the workspace.
pub fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(environment::var("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(environment::root()).args(args);
    // Set by `cargo run` for xtask alone; they would make cargo rebuild what reads them.
    for name in [
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_PATH",
        "CARGO_PKG_NAME",
    ] {
        command.env_remove(name);
    }
    command
}

/// The command as one would type it, without its environment.
pub fn shown(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    if let Some((_, name)) = text.rsplit_once('/') {
        text = name.to_owned();
    }
    for arg in command.get_args() {
        let arg = arg.to_string_lossy();
        let plain = !arg.is_empty() && !arg.contains([' ', '"', '\'', '$', '(', '|', '*', ';']);
        text.push(' ');
        if plain {
            text.push_str(&arg);
        } else {
            text.extend(["'", &arg, "'"]);
        }
    }
    text
}

/// Runs a command with our own streams; anything but success is an error.
pub fn run(command: &mut Command) -> Result<()> {
    let what = shown(command);
    let status = command
        .status()
        .with_context(|| format!("cannot run `{what}`"))?;
    if status.success() {
        return Ok(());
    }
    Err(Failed {
        what,
        code: status.code(),
    }
    .into())
}

/// Runs a command and returns what it wrote to stdout; its stderr is part of the error.
pub fn output(command: &mut Command) -> Result<String> {
    let what = shown(command);
    let done = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run `{what}`"))?;
    if !done.status.success() {
        let stderr = String::from_utf8_lossy(&done.stderr);
        let failed = Failed {
            what,
            code: done.status.code(),
        };
        bail!(anyhow::Error::from(failed).context(stderr.trim().to_owned()));
    }
    String::from_utf8(done.stdout).with_context(|| format!("`{what}` did not write UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_a_failed_program_becomes_ours() {
        let error = run(Command::new("sh").args(["-c", "exit 7"])).unwrap_err();
        assert_eq!(format!("{error}"), "`sh -c 'exit 7'` ended with status 7");
        let wrapped = error.context("outer");
        assert_eq!(
            format!("{:?}", exit_code(&wrapped)),
            format!("{:?}", ExitCode::from(7))
        );
    }

    #[test]
    fn what_a_failed_program_said_is_part_of_the_error() {
        let error = output(Command::new("sh").args(["-c", "echo sorry >&2; exit 1"])).unwrap_err();
        assert!(format!("{error:#}").contains("sorry"), "{error:#}");
    }
}
