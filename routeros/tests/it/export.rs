//! Exports: of the corpus, and of real devices where `TOD_FIXTURES` says where they are.

use routeros::export::{Export, Layout, Line, LineEnd, Style, Value, normalise, redact};
use routeros::quote;
use routeros::script::{operations, parse};
use routeros::version::Version;

use crate::fixtures::{corpus, exports, is_edited};

#[test]
fn every_export_is_printed_byte_for_byte() {
    for (name, text) in exports().into_iter().filter(|(name, _)| !is_edited(name)) {
        let printed = Export::parse(&text).print();
        if printed != text {
            let lines = |text: &[u8]| -> Vec<String> {
                let text = String::from_utf8_lossy(text);
                text.split('\n').map(str::to_owned).collect()
            };
            let (is, wanted) = (lines(&printed), lines(&text));
            let at = is.iter().zip(&wanted).position(|(a, b)| a != b);
            let at = at.unwrap_or_else(|| is.len().min(wanted.len()));
            panic!(
                "{name}, line {}: {:?} is not {:?}",
                at + 1,
                is.get(at),
                wanted.get(at)
            );
        }
    }
}

#[test]
fn every_export_is_printed_with_either_line_end() {
    for (name, text) in exports().into_iter().filter(|(name, _)| !is_edited(name)) {
        let unix: Vec<u8> = text.iter().copied().filter(|b| *b != b'\r').collect();
        let mut dos = Vec::new();
        for line in unix.split_inclusive(|b| *b == b'\n') {
            dos.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
            dos.extend_from_slice(if line.ends_with(b"\n") { b"\r\n" } else { b"" });
        }
        for (line_end, text) in [(LineEnd::Lf, unix), (LineEnd::CrLf, dos)] {
            let export = Export::parse(&text);
            assert_eq!(export.layout().line_end, line_end, "{name}");
            assert!(export.print() == text, "{name} {line_end:?}");
        }
    }
}

#[test]
fn every_line_of_every_export_is_understood() {
    for (name, text) in exports() {
        let export = Export::parse(&text);
        for line in export.lines() {
            match line {
                Line::Other(text) => panic!("{name}: {}", String::from_utf8_lossy(text)),
                Line::Command(command) => {
                    assert!(matches!(command.verb(), "add" | "set"), "{name}");
                    let is_whole = command.selector().is_some()
                        || command.properties().next().is_some()
                        || command.verb() == "add";
                    assert!(is_whole, "{name}: {:?}", command.text());
                }
                Line::Blank | Line::Comment(_) | Line::Menu(_) => {}
            }
        }
    }
}

#[test]
fn every_value_of_every_export_is_quoted_as_the_device_quotes_it() {
    for (name, text) in exports().into_iter().filter(|(name, _)| !is_edited(name)) {
        let export = Export::parse(&text);
        for command in export.commands() {
            for property in command.properties() {
                let Value::Given(raw) = property.value else {
                    continue;
                };
                let bytes = quote::decode(raw);
                // A word that fits no line is put in quotes, so that it can be cut.
                let is_cut = bytes.len() > 73 && raw.starts_with(b"\"");
                let written = if is_cut {
                    quote::quoted(&bytes)
                } else {
                    quote::value(&bytes)
                };
                let raw = String::from_utf8_lossy(raw);
                assert_eq!(written, raw, "{name} {} {}", command.menu(), property.name);
            }
        }
    }
}

#[test]
fn every_export_reads_as_operations() {
    for (name, text) in exports() {
        // Where a device forgot to end a line, only a normal export is a script.
        let text = normalise(&text).unwrap_or(text);
        let script = parse(&text)
            .map_err(|error| format!("{name}: {error}"))
            .unwrap();
        let operations = operations(&script)
            .map_err(|error| format!("{name}: {error}"))
            .unwrap();
        let export = Export::parse(&text);
        assert_eq!(operations.len(), export.commands().count(), "{name}");
        for (operation, command) in operations.iter().zip(export.commands()) {
            assert_eq!(operation.menu, command.menu(), "{name}");
        }
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
        assert!(normalise(&normal).unwrap() == normal, "{name}");
        for style in [Style::Wrapped, Style::Terse] {
            for line_end in [LineEnd::Lf, LineEnd::CrLf] {
                let layout = Layout {
                    line_end,
                    style,
                    is_open: false,
                };
                let other = Export::parse(&text).print_as(layout);
                assert!(normalise(&other).unwrap() == normal, "{name} {layout:?}");
            }
        }
        let masked = redact(&text);
        assert!(redact(&masked) == masked, "{name}");
    }
}

#[test]
fn nothing_of_the_moment_is_left_in_a_normal_export() {
    for (name, text) in exports() {
        let Ok(normal) = normalise(&text) else {
            continue;
        };
        let normal = String::from_utf8_lossy(&normal).into_owned();
        let comments: Vec<&str> = normal.lines().filter(|l| l.starts_with('#')).collect();
        assert!(comments.is_empty(), "{name}: {comments:?}");
    }
}

#[test]
fn the_header_tells_which_device_it_is() {
    let text = std::fs::read(corpus().join("v7-office.rsc")).unwrap();
    let header = Export::parse(&text).header();
    assert_eq!(header.version, Some(Version::new(7, 18, 2)));
    assert_eq!(header.software_id.as_deref(), Some("A0AA-AAA0"));
    assert_eq!(header.model.as_deref(), Some("L009UiGS"));
    assert_eq!(header.serial_number.as_deref(), Some("AA111AAAAAA"));
}
