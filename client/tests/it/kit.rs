//! The Emergency Kit as PDF, read by programs that we did not write.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use tod_client::kit::{Kit, Paper};
use tod_client::secret_key::SecretKey;
use tod_client::tls::Fingerprint;

/// What a stranger sees in a PDF.
#[derive(Debug, Deserialize)]
struct Seen {
    pages: usize,
    points: (f32, f32),
    pypdf: String,
    pdfium: String,
    title: String,
    fonts: Vec<String>,
    attached: std::collections::BTreeMap<String, String>,
    codes: Vec<String>,
    margins: Vec<u8>,
}

fn kit(server: &str, email: &str, pin: Option<Fingerprint>) -> Kit {
    Kit {
        server: server.to_owned(),
        pin,
        email: email.to_owned(),
        secret_key: SecretKey::generate(email),
        made_at: "2026-11-21T12:00:00Z".parse().unwrap(),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "says which Python has the packages of `xtask/python.txt`"
)]
fn see(files: &[PathBuf]) -> Vec<Seen> {
    let python = std::env::var_os("TOD_TEST_PYTHON").unwrap_or_else(|| {
        concat!(env!("CARGO_MANIFEST_DIR"), "/../target/venv/bin/python").into()
    });
    let output = Command::new(python)
        .args(["-c", include_str!("kit/reader.py")])
        .args(files)
        .output()
        .unwrap_or_else(|error| panic!("no Python with `pypdf` ({error}): run `cargo xtask test`"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Text as a person reads it: where a line ends does not count.
fn flat(text: &str) -> String {
    text.split_whitespace().collect()
}

#[test]
fn strangers_read_one_page_with_the_key_and_scan_its_code() {
    let dir = tempfile::tempdir().unwrap();
    let pin = Fingerprint::of(b"a certificate");
    let kits = [
        kit("https://tod.example:8443", "ana@example.org", Some(pin)),
        kit(
            "https://noc.acme-wisp.example",
            "ευα.грим@grün.example",
            None,
        ),
        kit(
            &format!("https://{}.example:8443", "tod-".repeat(40)),
            &format!("{}@example.org", "a".repeat(242)),
            Some(pin),
        ),
    ];
    let mut files = Vec::new();
    for paper in Paper::ALL {
        for (n, kit) in kits.iter().enumerate() {
            let path = dir.path().join(format!("{n}-{}.pdf", paper.as_str()));
            kit.save(&path, paper).unwrap();
            files.push(path);
        }
    }

    let seen = see(&files);

    assert_eq!(seen.len(), 6);
    for (n, seen) in seen.iter().enumerate() {
        let (kit, paper) = (&kits[n % 3], Paper::ALL[n / 3]);
        check(kit, paper, seen, &files[n]);
    }
}

fn check(kit: &Kit, paper: Paper, seen: &Seen, file: &Path) {
    assert_eq!(seen.pages, 1, "{}", file.display());
    let (width, height) = paper.points();
    assert!((seen.points.0 - width).abs() < 0.1, "{:?}", seen.points);
    assert!((seen.points.1 - height).abs() < 0.1, "{:?}", seen.points);
    assert_eq!(seen.title, "tod Emergency Kit");

    let key = kit.secret_key.reveal();
    for text in [&seen.pypdf, &seen.pdfium] {
        // It stands on two lines.
        let digits = flat(text).replace('-', "");
        assert!(digits.contains(&key.replace('-', "")), "no key in {text}");
        for wanted in [
            kit.server.as_str(),
            &kit.email,
            &kit.pin.map_or(String::new(), |pin| pin.to_string()),
            "2026-11-21",
            "todctl account kit import --from",
            &format!("todctl login --server {}", kit.server),
        ] {
            assert!(flat(text).contains(&flat(wanted)), "no {wanted} in {text}");
        }
    }
    assert_eq!(seen.codes, [kit.line().as_str()]);
    assert_eq!(seen.attached.len(), 1, "{:?}", seen.attached.keys());
    assert_eq!(seen.attached["tod-emergency-kit.txt"], *kit.text());
    assert_eq!(seen.fonts.len(), 3, "{:?}", seen.fonts);
    // `ABCDEF+` says that the face is in the file, cut down to what is used.
    assert!(
        seen.fonts.iter().all(|font| font.contains("+DejaVu")),
        "{:?}",
        seen.fonts
    );
    assert_eq!(
        seen.margins,
        [255; 4],
        "ink in a margin: {}",
        file.display()
    );
    let bytes = std::fs::metadata(file).unwrap().len();
    assert!(bytes < 60_000, "{bytes} bytes");
}
