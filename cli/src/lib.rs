//! The command line of `todctl`.
//!
//! | module | what it is |
//! |---|---|
//! | [`args`], [`examples`] | flags of every command, and arguments with a grammar of their own |
//! | [`commands`] | one module for each noun, one file in it for each verb |
//! | [`cx`] | what a command may reach: server, output, questions, configuration |
//! | [`output`], [`pages`], [`export`] | the only thing that writes results; long lists, and files of them |
//! | [`say`], [`ask`] | talk and questions, on stderr |
//! | [`screen`] | a page that leaves nothing on the terminal |
//! | [`error`] | how commands fail, and what the shell is told |
//!
//! **Invariant:** a command returns; it does not print, exit, or read the environment.

#![expect(
    clippy::format_push_string,
    reason = "text for people is put together in many places, none of them hot"
)]

pub mod args;
pub mod ask;
pub mod commands;
pub mod complete;
pub mod cx;
pub mod env;
pub mod error;
pub mod examples;
pub mod export;
pub mod join;
pub mod kit;
pub mod output;
pub mod pages;
pub mod say;
pub mod screen;
pub mod secrets;
pub mod term;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::FromArgMatches as _;
use clap_complete::CompleteEnv;

use crate::args::Args;
use crate::cx::Cx;
use crate::env::Env;
use crate::error::{CliError, exit};
use crate::say::Say;
use crate::term::Term;

/// Parses, runs, reports.
pub fn main() -> ExitCode {
    if asks_for_version(std::env::args_os().skip(1)) {
        return tell_version();
    }
    CompleteEnv::with_factory(args::tree).complete();
    let env = Env::of_process();
    // Where it is refused there is no such file anyway.
    drop(tod_client::store::private::leave_no_core());
    let parsed = args::tree().try_get_matches();
    let args = match parsed.and_then(|matches| Args::from_arg_matches(&matches)) {
        Ok(args) => args,
        Err(error) => return refuse(&error, &env),
    };
    let term = Term::of_process(&env, args.globals.colour());
    let say = Say::stderr(&term, args.globals.quiet);
    let mut cx = Cx::of_process(args.globals, env, term, say.clone());
    let result = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => {
            let result = match args.command {
                Some(command) => runtime.block_on(command.run(&mut cx)),
                None => commands::help::start(&mut cx),
            };
            // A keyring or a terminal that hangs must not keep us from ending.
            runtime.shutdown_background();
            result
        }
        Err(error) => Err(CliError::Io(error)),
    };
    match result.and_then(|()| cx.out.flush()) {
        Ok(()) => ExitCode::from(exit::OK),
        Err(error) => report(&error, &say, cx.out.is_for_programs()),
    }
}

/// Whether nothing but the version is wanted. Installers, prompts and scripts ask for it all the
/// time, and it takes the tree of commands longer to be built than all the rest.
fn asks_for_version(mut arguments: impl Iterator<Item = OsString>) -> bool {
    let first = arguments.next();
    first.is_some_and(|first| first == "--version" || first == "-V") && arguments.next().is_none()
}

fn tell_version() -> ExitCode {
    let written = writeln!(io::stdout(), "todctl {}", env!("CARGO_PKG_VERSION"));
    let status = written.map_or_else(|error| CliError::Io(error).status(), |()| exit::OK);
    ExitCode::from(status)
}

/// The one place that tells a person or a program about an error.
fn report(error: &CliError, say: &Say, for_programs: bool) -> ExitCode {
    let report = error.report();
    if !error.is_silent() {
        if for_programs {
            say.error_json(&report);
        } else {
            say.error(&report);
        }
    }
    ExitCode::from(report.exit)
}

/// Help and version, and arguments that do not parse.
fn refuse(error: &clap::Error, env: &Env) -> ExitCode {
    let programs = || {
        let mut words = std::env::args().skip(1);
        words.any(|word| {
            word.starts_with("--json")
                || word == "json"
                || word == "-ojson"
                || word == "jsonl"
                || word == "--output=json"
        })
    };
    if error.use_stderr() && programs() {
        let text = error.render().to_string();
        let first = text.lines().next().unwrap_or_default();
        let error = CliError::usage(first.trim_start_matches("error: "));
        return report(
            &error,
            &Say::stderr(&Term::of_process(env, None), false),
            true,
        );
    }
    // Whoever closed the stream does not want to know.
    drop(error.print());
    drop(io::stdout().flush());
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(exit::USAGE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_tree_is_sound() {
        args::tree().debug_assert();
    }

    #[test]
    fn no_command_takes_the_name_of_a_flag_of_all_commands() {
        fn walk(command: &clap::Command, globals: &[&clap::Id]) {
            for sub in command.get_subcommands() {
                for arg in sub.get_arguments() {
                    let (name, id) = (sub.get_name(), arg.get_id());
                    assert!(!globals.contains(&id), "{name} {id}");
                }
                walk(sub, globals);
            }
        }
        let root = args::tree();
        let globals = root.get_arguments().filter(|arg| arg.is_global_set());

        walk(&root, &globals.map(clap::Arg::get_id).collect::<Vec<_>>());
    }
}
