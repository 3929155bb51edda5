//! `todctl`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tod_cli::main()
}
