//! Finds what cargo built beside the test.

use anyhow::{Context as _, Result, ensure};
use std::path::PathBuf;

/// The path of one of our binaries, of the same build as this test.
pub(crate) fn path(name: &str) -> Result<PathBuf> {
    let here = std::env::current_exe().context("cannot tell where this test lies")?;
    // target/debug/deps/it-0123456789abcdef
    let folder = here.parent().and_then(std::path::Path::parent);
    let path = folder
        .context("this test does not lie where cargo puts tests")?
        .join(name);
    ensure!(
        path.is_file(),
        "no `{name}` in {}: build it with `cargo build --workspace --bins --tests`",
        path.display()
    );
    Ok(path)
}
