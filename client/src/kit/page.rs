//! The page as PDF: what is on it, from top to bottom.

mod sheet;

use jiff::tz::TimeZone;
use krilla::embed::{AssociationKind, EmbeddedFile, MimeType};
use krilla::metadata::{DateTime, Metadata};
use krilla::page::PageSettings;
use krilla::{Data, Document};
use zeroize::Zeroizing;

use self::sheet::{ACCENT, Column, GREY, INK, MARGIN, PANEL, Sheet};
use super::fonts::Fonts;
use super::{Kit, KitError, Paper, Qr};

/// Sizes of what a person has typed, tried in turn until the page holds it.
const SIZES: [f32; 4] = [10.5, 9.0, 7.5, 6.0];
/// The size of ordinary text.
const TEXT: f32 = 10.0;
/// The size of the Secret Key.
const KEY: f32 = 28.0;
/// How wide the QR code is.
const CODE: f32 = 140.0;

/// Draws the page, in letters as large as its addresses allow.
pub(super) fn draw(kit: &Kit, paper: Paper) -> Result<Zeroizing<Vec<u8>>, KitError> {
    let (fonts, code) = (Fonts::load()?, kit.qr()?);
    for size in SIZES {
        let mut document = Document::new();
        let (width, height) = paper.points();
        let settings = PageSettings::from_wh(width, height)
            .ok_or_else(|| KitError::Pdf("the paper has no size".to_owned()))?;
        let mut page = document.start_page_with(settings);
        let mut sheet = Sheet::new(page.surface(), &fonts, (width, height));
        let fits = fill(&mut sheet, kit, &code, size);
        sheet.finish();
        page.finish();
        if fits {
            return finish(document, kit);
        }
    }
    Err(KitError::TooLong)
}

/// Adds what is not seen, and writes the file.
fn finish(mut document: Document, kit: &Kit) -> Result<Zeroizing<Vec<u8>>, KitError> {
    let made = date(kit);
    // Not packed, so that `Found::read` finds the line without knowing PDF.
    let attached = EmbeddedFile {
        path: "tod-emergency-kit.txt".to_owned(),
        mime_type: MimeType::new("text/plain"),
        description: Some("The same as text, for todctl account kit import".to_owned()),
        association_kind: AssociationKind::Alternative,
        data: Data::from(kit.text().as_bytes().to_vec()),
        modification_date: Some(made),
        compress: Some(false),
        location: None,
    };
    document
        .embed_file(attached)
        .ok_or_else(|| KitError::Pdf("it takes no attachment".to_owned()))?;
    let version = env!("CARGO_PKG_VERSION");
    document.set_metadata(
        Metadata::new()
            .title("tod Emergency Kit".to_owned())
            .creator(format!("todctl {version}"))
            .language("en".to_owned())
            .creation_date(made),
    );
    let bytes = document
        .finish()
        .map_err(|error| KitError::Pdf(format!("{error:?}")))?;
    Ok(Zeroizing::new(bytes))
}

fn date(kit: &Kit) -> DateTime {
    let made = kit.made_at.to_zoned(TimeZone::UTC);
    let part = |value: i8| u8::try_from(value).unwrap_or_default();
    DateTime::new(u16::try_from(made.year()).unwrap_or_default())
        .month(part(made.month()))
        .day(part(made.day()))
        .hour(part(made.hour()))
        .minute(part(made.minute()))
        .second(part(made.second()))
        .utc_offset_hour(0)
        .utc_offset_minute(0)
}

/// Draws everything; says whether it fits.
fn fill(sheet: &mut Sheet<'_>, kit: &Kit, code: &Qr, size: f32) -> bool {
    head(sheet, kit);
    secret_key(sheet, kit);
    let top = sheet.y;
    facts(sheet, kit, size);
    let below = scan(sheet, code, top);
    sheet.y = sheet.y.max(below);
    steps(sheet, kit, size);
    safety(sheet);
    foot(sheet)
}

fn head(sheet: &mut Sheet<'_>, kit: &Kit) {
    let fonts = sheet.fonts;
    sheet.y = MARGIN + 20.0;
    sheet.line(&fonts.bold, 25.0, ACCENT, MARGIN, "tod");
    let after = MARGIN + fonts.bold.width("tod ", 25.0);
    sheet.line(&fonts.bold, 25.0, INK, after, "Emergency Kit");
    let made = kit.made_at.strftime("%F").to_string();
    let x = sheet.right() - fonts.plain.width(&made, TEXT);
    sheet.line(&fonts.plain, TEXT, GREY, x, &made);
    sheet.y += 12.0;
    sheet.rule(MARGIN, sheet.right());
    sheet.y += 22.0;
    sheet.paragraph(
        TEXT,
        sheet.column(),
        "With this page and your password you can sign in on a new machine. Without it nobody can, \
         not even with your password. Nobody else has a copy, not even whoever runs the server.",
    );
    sheet.y += 6.0;
}

fn secret_key(sheet: &mut Sheet<'_>, kit: &Kit) {
    let fonts = sheet.fonts;
    let top = sheet.y;
    sheet.panel((MARGIN, top), (sheet.right() - MARGIN, 112.0), PANEL);
    sheet.panel((MARGIN, top), (4.0, 112.0), ACCENT);
    sheet.y = top + 22.0;
    sheet.label("SECRET KEY", MARGIN + 22.0);
    let key = kit.secret_key.reveal();
    // No hyphen where the line ends: a viewer takes it for a word that was broken, and drops it.
    let (first, second) = key.split_at_checked(24).unwrap_or((&key, ""));
    for line in [first.trim_end_matches('-'), second] {
        sheet.y += 35.0;
        sheet.line(&fonts.mono, KEY, INK, MARGIN + 22.0, line);
    }
    sheet.y = top + 112.0 + 30.0;
}

/// What belongs to the key, left of the code.
fn facts(sheet: &mut Sheet<'_>, kit: &Kit, size: f32) {
    let column = Column {
        left: MARGIN,
        right: sheet.right() - CODE - 28.0,
    };
    let pin = kit.pin.map(|pin| pin.to_string());
    let facts = [
        ("SERVER", Some(&kit.server)),
        ("ITS CERTIFICATE (SHA-256)", pin.as_ref()),
        ("E-MAIL", Some(&kit.email)),
    ];
    for (label, value) in facts {
        let Some(value) = value else { continue };
        sheet.label(label, column.left);
        sheet.y += size + 4.0;
        sheet.value(size, column, value);
        sheet.y += 9.0;
    }
    sheet.label("PASSWORD  (write it here, or keep it apart)", column.left);
    sheet.y += 24.0;
    sheet.rule(column.left, column.right);
    sheet.y += 26.0;
}

/// Draws the code beside what was just drawn, and returns where it ends.
fn scan(sheet: &mut Sheet<'_>, code: &Qr, top: f32) -> f32 {
    let left = sheet.right() - CODE;
    sheet.code(code, (left, top - 8.0), CODE);
    let below = sheet.y;
    sheet.y = top - 8.0 + CODE + 13.0;
    let fonts = sheet.fonts;
    let caption = "all of this, for a scanner";
    let x = left + (CODE - fonts.plain.width(caption, 8.0)) / 2.0;
    sheet.line(&fonts.plain, 8.0, GREY, x, caption);
    let end = sheet.y + 26.0;
    sheet.y = below;
    end
}

fn steps(sheet: &mut Sheet<'_>, kit: &Kit, size: f32) {
    sheet.heading("On a new machine");
    let small = size.min(9.0);
    sheet.step("1", "Install todctl.");
    sheet.step(
        "2",
        "If you have this file, or what a scanner read from the code:",
    );
    let import = "todctl account kit import --from tod-emergency-kit.pdf";
    sheet.command(small, &[import.to_owned(), "todctl login".to_owned()]);
    sheet.step(
        "",
        "If you have only paper, type the Secret Key when you are asked:",
    );
    let pieces = kit.login();
    let last = pieces.len().saturating_sub(1);
    let lines = pieces.iter().enumerate().map(|(at, piece)| {
        let indent = if at == 0 { "" } else { "  " };
        let more = if at == last { "" } else { " \\" };
        format!("{indent}{piece}{more}")
    });
    sheet.command(small, &lines.collect::<Vec<_>>());
    sheet.y += 8.0;
}

fn safety(sheet: &mut Sheet<'_>) {
    sheet.heading("Keep it safe");
    sheet.paragraph(
        TEXT,
        sheet.column(),
        "Print this page, keep it where you keep your passport, and delete the file. Whoever finds \
         it still needs your password, and whoever knows your password still needs it.",
    );
}

/// Draws the last line; says whether there was room for it.
fn foot(sheet: &mut Sheet<'_>) -> bool {
    let fonts = sheet.fonts;
    let fits = sheet.y < sheet.bottom() - 16.0;
    sheet.y = sheet.bottom();
    let text = concat!(
        "Made by todctl ",
        env!("CARGO_PKG_VERSION"),
        " on your own machine. The server has never seen this key."
    );
    sheet.line(&fonts.plain, 8.0, GREY, MARGIN, text);
    let word = "confidential";
    let x = sheet.right() - fonts.bold.width(word, 8.0);
    sheet.line(&fonts.bold, 8.0, GREY, x, word);
    fits
}
