//! Files of the corpus, and of real devices where `TOD_FIXTURES` says where they are.

use std::path::{Path, PathBuf};

/// A folder of the fixtures, if there are any.
pub(crate) fn fixtures(folder: &str) -> Option<PathBuf> {
    #[expect(
        clippy::disallowed_methods,
        reason = "fixtures of others are not in the repository"
    )]
    let fixtures = std::env::var_os("TOD_FIXTURES")?;
    Some(Path::new(&fixtures).join(folder))
}

pub(crate) fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// The names and texts of all exports there are.
pub(crate) fn exports() -> Vec<(String, Vec<u8>)> {
    let mut folders = vec![corpus()];
    folders.extend(fixtures("exports/v6"));
    folders.extend(fixtures("exports/v7"));
    let files = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let paths = files.map(|file| file.unwrap().path());
    let mut exports: Vec<_> = paths
        .filter(|path| path.is_file())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(&path).unwrap())
        })
        .collect();
    exports.sort();
    assert!(!exports.is_empty());
    exports
}

/// Somebody edited these by hand, so they are not what a device writes.
pub(crate) fn is_edited(name: &str) -> bool {
    matches!(name, "unknown_router1.rsc" | "7.19.4_L009_small.rsc")
}
