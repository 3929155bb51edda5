//! Curves of braille dots, filled from the bottom.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// The dots of the left and right half of a cell, from the bottom.
const DOTS: [[u32; 4]; 2] = [[0x40, 0x04, 0x02, 0x01], [0x80, 0x20, 0x10, 0x08]];

/// Draws the newest values, right-aligned, two to a cell; `max` reaches the top.
pub fn curve(buffer: &mut Buffer, area: Rect, values: &[f64], max: f64, style: Style) {
    if area.width == 0 || area.height == 0 || max <= 0.0 {
        return;
    }
    let slots = usize::from(area.width) * 2;
    let newest = values
        .get(values.len().saturating_sub(slots)..)
        .unwrap_or(values);
    let skipped = slots - newest.len();
    let dots_high = f64::from(area.height) * 4.0;
    for (i, value) in newest.iter().enumerate() {
        let slot = skipped + i;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to the height of the area"
        )]
        let height = ((value / max).clamp(0.0, 1.0) * dots_high).ceil() as u16;
        let x = area.x
            + u16::try_from(slot / 2)
                .unwrap_or(u16::MAX)
                .min(area.width - 1);
        for dot in 0..height {
            let y = area.bottom() - 1 - (dot / 4).min(area.height - 1);
            let bit = DOTS[slot % 2][usize::from(dot % 4)];
            if let Some(cell) = buffer.cell_mut((x, y)) {
                let old = cell
                    .symbol()
                    .chars()
                    .next()
                    .map(u32::from)
                    .filter(|c| (0x2800..0x2900).contains(c))
                    .unwrap_or(0x2800);
                if let Some(c) = char::from_u32(old | bit) {
                    cell.set_char(c).set_style(style);
                }
            }
        }
    }
}

/// The values as one line of blocks.
pub fn sparkline(values: &[f64], width: usize, max: f64) -> String {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let newest = values
        .get(values.len().saturating_sub(width)..)
        .unwrap_or(values);
    newest
        .iter()
        .map(|value| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "clamped to the number of levels"
            )]
            let level =
                ((value / max.max(f64::MIN_POSITIVE)).clamp(0.0, 1.0) * 7.0).round() as usize;
            LEVELS[level.min(7)]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rising_curve_rises() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 2, 2));

        curve(
            &mut buffer,
            Rect::new(0, 0, 2, 2),
            &[1.0, 3.0, 6.0, 8.0],
            8.0,
            Style::new(),
        );

        let rows: Vec<String> = (0..2)
            .map(|y| {
                (0..2)
                    .filter_map(|x| buffer.cell((x, y)))
                    .map(ratatui::buffer::Cell::symbol)
                    .collect()
            })
            .collect();
        assert_eq!(rows, [" ⣼", "⣰⣿"]);
    }

    #[test]
    fn the_newest_values_are_shown() {
        assert_eq!(sparkline(&[9.0, 0.0, 7.0], 2, 7.0), "▁█");
    }
}
