//! A sheet of paper that is filled from top to bottom.

use krilla::color::rgb::Color;
use krilla::geom::{PathBuilder, Rect};
use krilla::paint::Fill;
use krilla::surface::Surface;

use super::super::fonts::{Face, Fonts};
use super::super::qr::Qr;

/// What is free of ink on every side, in points.
pub(super) const MARGIN: f32 = 56.0;
/// Text.
pub(super) const INK: (u8, u8, u8) = (17, 24, 39);
/// Text of less interest.
pub(super) const GREY: (u8, u8, u8) = (100, 108, 122);
/// Labels.
pub(super) const ACCENT: (u8, u8, u8) = (13, 94, 175);
/// Behind what stands out.
pub(super) const PANEL: (u8, u8, u8) = (241, 245, 250);
const RULE: (u8, u8, u8) = (186, 193, 204);

/// Where text begins and ends.
#[derive(Clone, Copy)]
pub(super) struct Column {
    pub(super) left: f32,
    pub(super) right: f32,
}

/// A sheet.
pub(super) struct Sheet<'a> {
    surface: Surface<'a>,
    pub(super) fonts: &'a Fonts,
    size: (f32, f32),
    /// The baseline of what comes next.
    pub(super) y: f32,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(surface: Surface<'a>, fonts: &'a Fonts, size: (f32, f32)) -> Self {
        Self {
            surface,
            fonts,
            size,
            y: MARGIN,
        }
    }

    pub(super) fn finish(self) {
        self.surface.finish();
    }

    pub(super) fn right(&self) -> f32 {
        self.size.0 - MARGIN
    }

    pub(super) fn bottom(&self) -> f32 {
        self.size.1 - 40.0
    }

    /// All of the width.
    pub(super) fn column(&self) -> Column {
        Column {
            left: MARGIN,
            right: self.right(),
        }
    }

    fn ink(&mut self, (red, green, blue): (u8, u8, u8)) {
        let fill = Fill {
            paint: Color::new(red, green, blue).into(),
            ..Fill::default()
        };
        self.surface.set_fill(Some(fill));
    }

    /// One line of text at the baseline, which does not move.
    pub(super) fn line(&mut self, face: &Face, size: f32, color: (u8, u8, u8), x: f32, text: &str) {
        self.ink(color);
        face.draw(&mut self.surface, (x, self.y), size, text);
    }

    /// Text in as many lines as it takes; the baseline of what comes next is below it.
    pub(super) fn paragraph(&mut self, size: f32, column: Column, text: &str) {
        let face = &self.fonts.plain;
        for line in face.wrap(text, size, column.right - column.left) {
            self.line(face, size, INK, column.left, line.trim_end());
            self.y += size * 1.5;
        }
    }

    /// The same for what a machine reads.
    pub(super) fn value(&mut self, size: f32, column: Column, text: &str) {
        let face = &self.fonts.mono;
        for line in face.wrap(text, size, column.right - column.left) {
            self.line(face, size, INK, column.left, line.trim_end());
            self.y += size * 1.35;
        }
    }

    /// Small capitals above a value.
    pub(super) fn label(&mut self, text: &str, x: f32) {
        let face = &self.fonts.bold;
        self.line(face, 7.5, ACCENT, x, text);
    }

    /// A heading; the baseline of what comes next is below it.
    pub(super) fn heading(&mut self, text: &str) {
        let face = &self.fonts.bold;
        self.line(face, 13.0, INK, MARGIN, text);
        self.y += 20.0;
    }

    /// A step of a list.
    pub(super) fn step(&mut self, number: &str, text: &str) {
        let face = &self.fonts.bold;
        self.line(face, 10.0, ACCENT, MARGIN, number);
        let column = Column {
            left: MARGIN + 18.0,
            right: self.right(),
        };
        self.paragraph(10.0, column, text);
    }

    /// Lines to type into a shell, on a panel.
    pub(super) fn command(&mut self, size: f32, lines: &[String]) {
        let column = Column {
            left: MARGIN + 28.0,
            right: self.right() - 10.0,
        };
        let width = column.right - column.left;
        let face = &self.fonts.mono;
        let lines: Vec<String> = lines
            .iter()
            .flat_map(|line| face.wrap(line, size, width))
            .collect();
        let leading = size * 1.5;
        let count = lines.iter().fold(0.0, |count, _| count + 1.0);
        let height = leading * count + 9.0;
        let top = self.y - 9.0;
        let left = MARGIN + 18.0;
        self.panel((left, top), (self.right() - left, height), PANEL);
        self.y = top + leading;
        for line in &lines {
            self.line(face, size, INK, column.left, line.trim_end());
            self.y += leading;
        }
        self.y = top + height + 17.0;
    }

    /// A rectangle.
    pub(super) fn panel(
        &mut self,
        (x, y): (f32, f32),
        (width, height): (f32, f32),
        color: (u8, u8, u8),
    ) {
        self.boxes([(x, y, width, height)], color);
    }

    /// A thin line at the baseline.
    pub(super) fn rule(&mut self, left: f32, right: f32) {
        self.panel((left, self.y), (right - left, 0.7), RULE);
    }

    /// A QR code, with the quiet that the paper gives it.
    pub(super) fn code(&mut self, code: &Qr, (x, y): (f32, f32), width: f32) {
        let all = code.width();
        let module = width / f32::from(all);
        let mut runs = Vec::new();
        for row in 0..all {
            let mut column = 0;
            while column < all {
                let end = (column..all)
                    .find(|&at| !code.is_dark(at, row))
                    .unwrap_or(all);
                if end > column {
                    runs.push((
                        x + f32::from(column) * module,
                        y + f32::from(row) * module,
                        f32::from(end - column) * module,
                        module,
                    ));
                }
                column = end + 1;
            }
        }
        self.boxes(runs, (0, 0, 0));
    }

    fn boxes(
        &mut self,
        boxes: impl IntoIterator<Item = (f32, f32, f32, f32)>,
        color: (u8, u8, u8),
    ) {
        let mut path = PathBuilder::new();
        for (x, y, width, height) in boxes {
            if let Some(rect) = Rect::from_xywh(x, y, width, height) {
                path.push_rect(rect);
            }
        }
        if let Some(path) = path.finish() {
            self.ink(color);
            self.surface.draw_path(&path);
        }
    }
}
