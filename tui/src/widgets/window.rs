//! The visible part of a long list: only it is ever formatted.

/// Where the cursor and the top of the window are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// The row under the cursor.
    pub cursor: usize,
    /// The first visible row.
    pub top: usize,
    height: usize,
}

impl Window {
    /// Fits the window to a list of `len` rows and a height; returns the visible rows.
    pub fn fit(&mut self, len: usize, height: usize) -> std::ops::Range<usize> {
        self.height = height;
        self.cursor = self.cursor.min(len.saturating_sub(1));
        if self.cursor < self.top {
            self.top = self.cursor;
        }
        if height > 0 && self.cursor >= self.top + height {
            self.top = self.cursor + 1 - height;
        }
        self.top = self.top.min(len.saturating_sub(height));
        self.top..len.min(self.top + height)
    }

    /// Moves the cursor by rows.
    pub fn by(&mut self, rows: isize, len: usize) {
        self.cursor = self
            .cursor
            .saturating_add_signed(rows)
            .min(len.saturating_sub(1));
    }

    /// Moves as an action says. Returns whether it was one that moves.
    pub fn on(&mut self, action: &crate::action::Action, len: usize) -> bool {
        use crate::action::Action;
        let page = isize::try_from(self.height.max(1)).unwrap_or(isize::MAX);
        let half = (page / 2).max(1);
        match action {
            Action::Up => self.by(-1, len),
            Action::Down => self.by(1, len),
            Action::HalfUp => self.by(-half, len),
            Action::HalfDown => self.by(half, len),
            Action::PageUp => self.by(-page, len),
            Action::PageDown => self.by(page, len),
            Action::Top => self.cursor = 0,
            Action::Bottom => self.cursor = len.saturating_sub(1),
            _ => return false,
        }
        true
    }

    /// The thumb of a scroll bar of this window's height, as first and last row of it.
    pub fn thumb(&self, len: usize) -> Option<(usize, usize)> {
        if len <= self.height || self.height == 0 {
            return None;
        }
        let size = (self.height * self.height / len).max(1);
        let from = self.top * (self.height - size) / (len - self.height);
        Some((from, from + size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_stays_visible_and_in_the_list() {
        let mut window = Window::default();
        window.fit(100, 10);

        window.by(25, 100);

        assert_eq!(window.fit(100, 10), 16..26);
        assert_eq!(window.fit(5, 10), 0..5);
        assert_eq!(window.cursor, 4);
    }

    #[test]
    fn an_empty_list_shows_nothing() {
        let mut window = Window::default();

        assert_eq!(window.fit(0, 10), 0..0);
        assert_eq!(window.thumb(0), None);
    }
}
