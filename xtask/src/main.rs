//! The door to the chores.

use std::process::ExitCode;

fn main() -> ExitCode {
    xtask::run()
}
