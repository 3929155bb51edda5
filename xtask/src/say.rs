//! The one place that prints: what was done goes to stdout, what is going on to stderr.

use std::io::Write as _;

/// Prints a result.
pub fn line(text: &str) {
    let end = if text.ends_with('\n') { "" } else { "\n" };
    // A reader that went away (`| head`) is no reason to fail a chore.
    drop(write!(std::io::stdout().lock(), "{text}{end}"));
}

/// Announces a step.
pub fn step(text: &str) {
    drop(writeln!(std::io::stderr().lock(), "==> {text}"));
}

/// Adds a remark to a step.
pub fn note(text: &str) {
    drop(writeln!(std::io::stderr().lock(), "    {text}"));
}

/// Reports why a chore failed, with its chain of causes.
pub fn error(error: &anyhow::Error) {
    let mut stderr = std::io::stderr().lock();
    drop(writeln!(stderr, "error: {error}"));
    for cause in error.chain().skip(1) {
        drop(writeln!(stderr, "   why: {cause}"));
    }
}
