//! A line of text that is being typed.

use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use crate::action::Action;
use crate::text;
use crate::theme::Theme;

/// The most characters of a field.
const MAX: usize = 4096;

/// A text field. The cursor is at its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    text: String,
    /// Shows dots instead of the text.
    secret: bool,
}

impl Input {
    /// A field with some text in it.
    pub fn with(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            secret: false,
        }
    }

    /// A field whose text is not shown.
    pub fn secret() -> Self {
        Self {
            text: String::new(),
            secret: true,
        }
    }

    /// What was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Replaces the text.
    pub fn set(&mut self, text: impl Into<String>) {
        self.text = text.into();
    }

    /// Takes the text out.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// Edits. Returns whether the text changed.
    pub fn on(&mut self, action: &Action) -> bool {
        let before = self.text.len();
        match action {
            Action::Char(c) => self.push(&c.to_string()),
            Action::Paste(pasted) => self.push(pasted),
            Action::Backspace => {
                self.text.pop();
            }
            Action::DeleteWord => {
                let trimmed = self.text.trim_end();
                let keep = trimmed.rfind(char::is_whitespace).map_or(0, |at| at + 1);
                self.text.truncate(keep);
            }
            Action::ClearLine => self.text.clear(),
            _ => {}
        }
        self.text.len() != before
    }

    fn push(&mut self, more: &str) {
        let room = MAX.saturating_sub(self.text.chars().count());
        self.text
            .extend(more.chars().filter(|c| !c.is_control()).take(room));
    }

    /// The field as a line: the end of the text, and a cursor.
    pub fn line<'a>(&self, width: usize, focused: bool, theme: &Theme) -> Line<'a> {
        let shown = if self.secret {
            "•".repeat(self.text.chars().count())
        } else {
            text::cell(&self.text, usize::MAX)
        };
        let chars: Vec<char> = shown.chars().collect();
        let room = width.saturating_sub(1);
        let tail: String = chars
            .get(chars.len().saturating_sub(room)..)
            .unwrap_or_default()
            .iter()
            .collect();
        let mut spans = vec![Span::styled(tail, theme.fg)];
        if focused {
            spans.push(Span::styled(" ", theme.fg.add_modifier(Modifier::REVERSED)));
        }
        Line::from(spans)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_cannot_be_pasted() {
        let mut input = Input::default();

        input.on(&Action::Paste("a\nb\x1b".to_owned()));

        assert_eq!(input.text(), "ab");
    }

    #[test]
    fn a_word_is_deleted_with_its_blanks() {
        let mut input = Input::with("site=berlin tag=core  ");

        input.on(&Action::DeleteWord);

        assert_eq!(input.text(), "site=berlin ");
    }
}
