//! Exports: of the corpus, and of real devices where `TOD_FIXTURES` says where they are.

use std::path::{Path, PathBuf};

use routeros::export::lex::LineKind;
use routeros::export::{Header, Style, diff, lines, normalise, redact, wrap};
use routeros::script::{operations, parse};
use routeros::version::Version;

#[test]
fn lines_are_wrapped_as_devices_wrap_them() {
    let (mut all, mut wrong) = (0, Vec::new());
    for (name, text) in exports() {
        let style = if name.contains("terse") {
            Style::Terse
        } else {
            Style::Wrapped
        };
        for lines in physical(&text).into_iter().filter(|lines| lines.len() > 1) {
            all += 1;
            if wrap(&joined(&lines), style) != lines {
                wrong.push((name.clone(), lines));
            }
        }
    }
    // Three files among the real ones were edited by hand afterwards.
    assert!(
        wrong.len() * 500 < all.max(500),
        "{} of {all}: {:#?}",
        wrong.len(),
        wrong.first()
    );
}

#[test]
fn every_export_reads_as_operations() {
    for (name, text) in exports() {
        let script = parse(&text)
            .map_err(|error| format!("{name}: {error}"))
            .unwrap();
        let operations = operations(&script)
            .map_err(|error| format!("{name}: {error}"))
            .unwrap();
        let commands = lines(&text)
            .into_iter()
            .filter(|line| line.kind == LineKind::Command);
        assert_eq!(operations.len(), commands.count(), "{name}");
    }
}

#[test]
fn an_export_is_equal_to_itself_however_it_is_written() {
    for (name, text) in exports() {
        if text.windows(6).any(|bytes| bytes == b"#error") {
            assert!(normalise(&text).is_err(), "{name}");
            continue;
        }
        let normal = normalise(&text).unwrap();
        assert_eq!(normalise(normal.as_bytes()).unwrap(), normal, "{name}");
        assert_eq!(diff(&text, normal.as_bytes()), [], "{name}");
        let masked = redact(&text);
        assert_eq!(redact(masked.as_bytes()), masked, "{name}");
    }
}

#[test]
fn the_header_tells_which_device_it_is() {
    let header = Header::parse(&std::fs::read(corpus().join("v7-office.rsc")).unwrap());
    assert_eq!(header.version, Some(Version::new(7, 18, 2)));
    assert_eq!(header.software_id.as_deref(), Some("A0AA-AAA0"));
    assert_eq!(header.model.as_deref(), Some("L009UiGS"));
    assert_eq!(header.serial_number.as_deref(), Some("AA111AAAAAA"));
}

/// The names and texts of all exports there are.
fn exports() -> Vec<(String, Vec<u8>)> {
    let mut folders = vec![corpus()];
    #[expect(
        clippy::disallowed_methods,
        reason = "fixtures of others are not in the repository"
    )]
    if let Some(fixtures) = std::env::var_os("TOD_FIXTURES") {
        let exports = Path::new(&fixtures).join("exports");
        folders.extend([exports.join("v6"), exports.join("v7")]);
    }
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

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// The physical lines of each logical line.
fn physical(text: &[u8]) -> Vec<Vec<String>> {
    let text = String::from_utf8_lossy(text).into_owned();
    let mut all = Vec::new();
    let mut open = Vec::new();
    for line in text.lines().map(|line| line.trim_end_matches('\r')) {
        if open.is_empty() && line.starts_with('#') {
            continue;
        }
        open.push(line.to_owned());
        if !line.ends_with('\\') {
            all.push(std::mem::take(&mut open));
        }
    }
    all
}

fn joined(lines: &[String]) -> String {
    let text = lines.join("\n");
    let whole = routeros::export::lines(text.as_bytes());
    let texts: Vec<_> = whole.iter().map(|line| line.text.as_str()).collect();
    let is_terse = lines[0].starts_with('/');
    if is_terse && whole.len() == 1 {
        return format!(
            "/{} {}",
            whole[0].menu.trim_start_matches('/').replace('/', " "),
            texts[0]
        );
    }
    texts.concat()
}
