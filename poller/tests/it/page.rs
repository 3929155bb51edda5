//! The page about devices that do what they must not names tests that exist.

use std::fs;
use std::path::{Path, PathBuf};

const PAGE: &str = include_str!("../../../docs/hostile-devices.md");

/// All of our sources in a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let found = entries.flat_map(|path| match path.extension() {
        _ if path.is_dir() => sources(&path),
        Some(ending) if ending == "rs" => vec![path],
        _ => Vec::new(),
    });
    found.collect()
}

/// The folders and paths of the tests that it names.
fn named() -> Vec<(&'static str, &'static str)> {
    let quoted = PAGE.split('`').skip(1).step_by(2);
    let tests = quoted.filter_map(|text| text.split_once(' '));
    tests.filter(|(_, path)| path.contains("::")).collect()
}

#[test]
fn every_test_that_it_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let named = named();
    assert!(named.len() > 50, "{}", named.len());
    for (folder, path) in named {
        let (module, name) = path.rsplit_once("::").unwrap();
        let file = module
            .trim_end_matches("::tests")
            .rsplit("::")
            .next()
            .unwrap();
        let function = format!("fn {name}(");
        let is_there = sources(&root.join(folder)).iter().any(|source| {
            let is_named = source.components().any(|part| {
                let part = Path::new(part.as_os_str());
                part.file_stem().is_some_and(|stem| stem == file)
            });
            is_named && fs::read_to_string(source).unwrap().contains(&function)
        });
        assert!(is_there, "{folder} {path}");
    }
}
