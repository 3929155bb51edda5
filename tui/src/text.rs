//! Text for the screen: nothing from outside gets there unescaped or too wide.

use tod_proto::untrusted::plain;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Escapes text and cuts it to a width, with `…` where something was cut.
pub fn cell(text: &str, width: usize) -> String {
    let safe = plain(text);
    if safe.width() <= width {
        return safe;
    }
    let mut out = String::with_capacity(width);
    let mut used = 0;
    for c in safe.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide + 1 > width {
            break;
        }
        used += wide;
        out.push(c);
    }
    if width > 0 {
        out.push('…');
    }
    out
}

/// Like [`cell`], padded with blanks to exactly the width.
pub fn padded(text: &str, width: usize) -> String {
    let mut out = cell(text, width);
    out.extend(std::iter::repeat_n(' ', width.saturating_sub(out.width())));
    out
}

/// Like [`padded`], against the right edge.
pub fn right(text: &str, width: usize) -> String {
    let cut = cell(text, width);
    let blanks = width.saturating_sub(cut.width());
    format!("{}{cut}", " ".repeat(blanks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_are_not_cut_in_half() {
        assert_eq!(cell("北京路由器", 5), "北京…");
        assert_eq!(padded("北", 4), "北  ");
        assert_eq!(cell("a\x1b[2J", 20), "a\\x1b[2J");
        assert_eq!(right("7%", 4), "  7%");
    }
}
