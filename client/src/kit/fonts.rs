//! The typefaces of the page, and how wide text is in them.
//!
//! There is no shaping: a letter is a glyph. That is right for Latin, Greek and Cyrillic, which is
//! what the faces hold (see `fonts/README.md`).

use krilla::surface::Surface;
use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::charmap::Charmap;
use skrifa::instance::{LocationRef, Size};
use skrifa::metrics::GlyphMetrics;
use skrifa::{FontRef, MetadataProvider as _};

use super::KitError;

/// One face.
pub(super) struct Face {
    font: Font,
    letters: Charmap<'static>,
    widths: GlyphMetrics<'static>,
}

/// The faces of the page.
pub(super) struct Fonts {
    pub(super) plain: Face,
    pub(super) bold: Face,
    pub(super) mono: Face,
}

impl Fonts {
    pub(super) fn load() -> Result<Self, KitError> {
        Ok(Self {
            plain: Face::of(include_bytes!("../../fonts/DejaVuSans.ttf"))?,
            bold: Face::of(include_bytes!("../../fonts/DejaVuSans-Bold.ttf"))?,
            mono: Face::of(include_bytes!("../../fonts/DejaVuSansMono.ttf"))?,
        })
    }
}

impl Face {
    fn of(bytes: &'static [u8]) -> Result<Self, KitError> {
        let broken = || KitError::Pdf("a typeface is broken".to_owned());
        let face = FontRef::new(bytes).map_err(|_| broken())?;
        Ok(Self {
            font: Font::new(bytes.into(), 0).ok_or_else(broken)?,
            letters: face.charmap(),
            widths: face.glyph_metrics(Size::unscaled(), LocationRef::default()),
        })
    }

    fn glyph(&self, letter: char) -> skrifa::GlyphId {
        self.letters.map(letter).unwrap_or_default()
    }

    /// How far a letter advances, in parts of the size.
    fn advance(&self, letter: char) -> f32 {
        let width = self.widths.advance_width(self.glyph(letter));
        width.unwrap_or_default() / self.font.units_per_em()
    }

    /// How wide text is.
    pub(super) fn width(&self, text: &str, size: f32) -> f32 {
        text.chars().map(|letter| self.advance(letter)).sum::<f32>() * size
    }

    /// Draws a line of text whose baseline begins at `(x, y)`.
    pub(super) fn draw(&self, on: &mut Surface<'_>, (x, y): (f32, f32), size: f32, text: &str) {
        let glyph = |(at, letter): (usize, char)| KrillaGlyph {
            glyph_id: GlyphId::new(self.glyph(letter).to_u32()),
            text_range: at..at + letter.len_utf8(),
            x_advance: self.advance(letter),
            x_offset: 0.0,
            y_offset: 0.0,
            y_advance: 0.0,
            location: None,
        };
        let glyphs: Vec<_> = text.char_indices().map(glyph).collect();
        let start = krilla::geom::Point::from_xy(x, y);
        on.draw_glyphs(start, &glyphs, self.font.clone(), text, size, false);
    }

    /// Breaks text into lines that are no wider than `width`: between words, or within a word that
    /// is wider than a line.
    pub(super) fn wrap(&self, text: &str, size: f32, width: f32) -> Vec<String> {
        let fits = |line: &str, more: &str| {
            self.width(line, size) + self.width(more.trim_end(), size) <= width
        };
        let mut lines: Vec<String> = Vec::new();
        for word in text.split_inclusive(' ') {
            match lines.last_mut() {
                Some(line) if fits(line, word) => line.push_str(word),
                _ if fits("", word) => lines.push(word.to_owned()),
                _ => {
                    let letters = word.chars().map(String::from);
                    letters.for_each(|letter| add(&mut lines, &letter, fits));
                }
            }
        }
        lines
    }
}

/// Adds a letter to the last line, or to a new one when it does not fit.
fn add(lines: &mut Vec<String>, letter: &str, fits: impl Fn(&str, &str) -> bool) {
    match lines.last_mut() {
        Some(line) if fits(line, letter) => line.push_str(letter),
        last => {
            // A viewer takes a hyphen at the end of a line for that of a broken word, and drops it.
            let hyphen = last.filter(|line| line.ends_with('-'));
            let hyphen = hyphen.and_then(String::pop).map(String::from);
            lines.push(hyphen.unwrap_or_default() + letter);
        }
    }
}
