//! The word before the cursor, completed as far as it can only mean one thing.

use super::Shell;
use crate::core::Core;

/// What a key for completion leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Completed {
    /// So many bytes before the cursor become this.
    To(usize, String),
    /// The word can become each of these.
    Choices(Vec<String>),
    Nothing,
}

impl Shell {
    /// Completes the word before the cursor; asked twice, shows what it can become.
    pub(super) async fn complete(&mut self, has_asked: bool) -> bool {
        let before = self.editor.before();
        let completed = {
            let core = self.visit.device.core();
            complete(&core, &self.path(), &before)
        };
        match completed {
            Completed::To(count, text) => {
                // In the middle of a line, what ends the word is there already.
                let text = if self.editor.is_at_end() {
                    text.as_str()
                } else {
                    text.trim_end_matches([' ', '='])
                };
                let drawn = self.editor.put(count, text);
                self.show(&drawn).await
            }
            Completed::Choices(names) if has_asked => {
                let width = self.columns().unwrap_or(80);
                let shown = laid_out(&names, width);
                let again = self.prompt() + &self.editor.shown();
                self.show(&format!("\r\n{shown}{again}")).await
            }
            Completed::Choices(_) => {
                self.has_asked = true;
                true
            }
            Completed::Nothing => true,
        }
    }

    /// Says whether a question mark asks for help: it does outside of texts. Version 7 has a key
    /// for that, and takes the mark as it is.
    pub(super) fn asks(&self) -> bool {
        let before = self.editor.before();
        let is_text = before.matches('"').count() % 2 == 1 || self.editor.is_escaping();
        !self.visit.device.release().has_slashes() && !is_text && self.tty.has_pty
    }

    /// Explains what can be typed at the cursor.
    pub(super) async fn help(&mut self) -> bool {
        let before = self.editor.before();
        let lines = {
            let core = self.visit.device.core();
            let typed = core.typed(&self.path(), &before);
            let word = before.get(typed.from..).unwrap_or_default();
            core.help(&typed, word)
        };
        let shown: String = lines.iter().flat_map(|l| ["  ", l, "\r\n"]).collect();
        let again = self.prompt() + &self.editor.shown();
        self.show(&format!("\r\n{shown}{again}")).await
    }

    /// Returns the menu as commands name it.
    pub(super) fn path(&self) -> String {
        let words = self.menu.iter().map(|word| format!("/{word}"));
        words.collect()
    }
}

/// Completes the last word of what is typed in a menu.
pub(super) fn complete(core: &Core, menu: &str, before: &str) -> Completed {
    let typed = core.typed(menu, before);
    let word = before.get(typed.from..).unwrap_or_default();
    let choices = core.choices(&typed);
    let begun: Vec<_> = choices
        .iter()
        .filter(|(n, _)| n.starts_with(word))
        .collect();
    let fitting = if begun.is_empty() {
        choices
            .iter()
            .filter(|(n, _)| is_short_for(word, n))
            .collect()
    } else {
        begun
    };
    match fitting.as_slice() {
        [] => Completed::Nothing,
        [(name, kind)] => {
            let end = if **kind == "arg" && typed.takes_value(name) {
                "="
            } else {
                " "
            };
            Completed::To(word.len(), format!("{name}{end}"))
        }
        [(first, _), rest @ ..] => {
            let common = rest.iter().fold(first.as_str(), |common, (name, _)| {
                let pairs = common.char_indices().zip(name.chars());
                let same = pairs.take_while(|((_, a), b)| a == b);
                let end = same.last().map_or(0, |((at, a), _)| at + a.len_utf8());
                common.get(..end).unwrap_or_default()
            });
            if common.len() > word.len() && common.starts_with(word) {
                Completed::To(word.len(), common.to_owned())
            } else {
                let names = fitting.iter().map(|(name, _)| (*name).clone());
                Completed::Choices(names.collect())
            }
        }
    }
}

/// Says whether letters are the first of a name's words, or stand in it in the same order.
fn is_short_for(word: &str, name: &str) -> bool {
    let mut letters = name.chars();
    !word.is_empty() && word.chars().all(|c| letters.any(|l| l == c))
}

/// Lays names out as wide as the terminal.
pub(super) fn laid_out(names: &[String], width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for name in names {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 2 + name.chars().count() <= width => {
                line.extend(["  ", name]);
            }
            _ => lines.push(name.clone()),
        }
    }
    lines.iter().flat_map(|l| [l, "\r\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::{is_short_for, laid_out};

    #[test]
    fn letters_in_order_are_a_short_form() {
        assert!(is_short_for("mt", "monitor-traffic"));
        assert!(is_short_for("x", "export"));
        assert!(!is_short_for("tm", "monitor"));
        assert!(!is_short_for("", "add"));
    }

    #[test]
    fn names_go_on_in_the_next_line() {
        let names = ["ether1", "ether2", "sfp1"].map(str::to_owned);

        assert_eq!(laid_out(&names, 14), "ether1  ether2\r\nsfp1\r\n");
    }
}
