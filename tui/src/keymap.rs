//! Keys become actions here, in one table that the help page prints.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::action::{Action, ScreenId};

/// What the keyboard is for at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Moving about.
    Normal,
    /// After `g`: the letter of a screen.
    Go,
    /// Typing into a field.
    Text,
    /// A question with yes and no.
    Question,
}

/// A line of the table.
#[derive(Clone, Debug)]
pub struct Binding {
    /// When it is in force.
    pub mode: Mode,
    /// The keys, as people write them: `ctrl-k`.
    pub keys: &'static [&'static str],
    /// What they mean.
    pub action: Action,
    /// What the help says.
    pub help: &'static str,
}

fn bind(mode: Mode, keys: &'static [&'static str], action: Action, help: &'static str) -> Binding {
    Binding {
        mode,
        keys,
        action,
        help,
    }
}

/// The table.
pub fn bindings() -> Vec<Binding> {
    let mut table = moving();
    table.extend(acting());
    table.extend(asking());
    table
}

fn moving() -> Vec<Binding> {
    use Mode::Normal;
    vec![
        bind(Normal, &["j", "down"], Action::Down, "next row"),
        bind(Normal, &["k", "up"], Action::Up, "previous row"),
        bind(Normal, &["h", "left"], Action::Left, "left"),
        bind(Normal, &["l", "right"], Action::Right, "right"),
        bind(Normal, &["home"], Action::Top, "first row (also g g)"),
        bind(Normal, &["G", "end"], Action::Bottom, "last row"),
        bind(Normal, &["ctrl-d"], Action::HalfDown, "half a page down"),
        bind(Normal, &["ctrl-u"], Action::HalfUp, "half a page up"),
        bind(
            Normal,
            &["ctrl-f", "pagedown"],
            Action::PageDown,
            "a page down",
        ),
        bind(Normal, &["ctrl-b", "pageup"], Action::PageUp, "a page up"),
        bind(Normal, &["enter"], Action::Open, "open"),
        bind(
            Normal,
            &["esc"],
            Action::Back,
            "one level back; never quits",
        ),
        bind(Normal, &["-"], Action::Last, "the screen before"),
        bind(Normal, &["g"], Action::GoMenu, "go to a screen"),
        bind(Mode::Go, &["g"], Action::Top, "first row"),
        bind(Mode::Go, &["d"], Action::Go(ScreenId::Overview), "overview"),
        bind(Mode::Go, &["v"], Action::Go(ScreenId::Devices), "devices"),
        bind(Mode::Go, &["c"], Action::Go(ScreenId::Changes), "changes"),
        bind(Mode::Go, &["l"], Action::Go(ScreenId::Events), "event log"),
    ]
}

fn acting() -> Vec<Binding> {
    use Mode::Normal;
    vec![
        bind(Normal, &["/"], Action::Filter, "filter with a selector"),
        bind(Normal, &[":"], Action::Command, "command line"),
        bind(Normal, &["ctrl-k", "ctrl-p"], Action::Palette, "palette"),
        bind(Normal, &["?", "f1"], Action::Help, "this help"),
        bind(Normal, &["["], Action::Sidebar, "fold the sidebar"),
        bind(Normal, &["space"], Action::Mark, "mark the row"),
        bind(Normal, &["*"], Action::MarkAll, "mark all that match"),
        bind(Normal, &["s"], Action::Sort, "sort by the next column"),
        bind(Normal, &["S"], Action::Reverse, "sort the other way"),
        bind(Normal, &["f"], Action::Freeze, "freeze updates"),
        bind(Normal, &["r"], Action::Refresh, "ask the server again"),
        bind(Normal, &["T"], Action::Theme, "next theme"),
        bind(Normal, &["1"], Action::Tab(1), "first tab"),
        bind(Normal, &["2"], Action::Tab(2), "second tab"),
        bind(Normal, &["}", "tab"], Action::NextTab, "next tab or pane"),
        bind(
            Normal,
            &["{", "backtab"],
            Action::PreviousTab,
            "previous tab or pane",
        ),
        bind(Normal, &["ctrl-l"], Action::Redraw, "draw again"),
        bind(Normal, &["ctrl-z"], Action::Suspend, "suspend"),
        bind(Normal, &["q"], Action::Close, "close this view"),
        bind(Normal, &["ctrl-c"], Action::Quit, "twice: quit"),
    ]
}

fn asking() -> Vec<Binding> {
    use Mode::{Question, Text};
    vec![
        bind(Text, &["enter"], Action::Open, "take it"),
        bind(Text, &["esc"], Action::Back, "leave it"),
        bind(Text, &["up", "ctrl-p"], Action::Up, "previous"),
        bind(Text, &["down", "ctrl-n"], Action::Down, "next"),
        bind(Text, &["tab"], Action::NextTab, "next field"),
        bind(Text, &["backtab"], Action::PreviousTab, "previous field"),
        bind(
            Text,
            &["backspace", "ctrl-h"],
            Action::Backspace,
            "delete a character",
        ),
        bind(Text, &["ctrl-w"], Action::DeleteWord, "delete a word"),
        bind(Text, &["ctrl-u"], Action::ClearLine, "delete everything"),
        bind(Text, &["ctrl-c"], Action::Quit, "twice: quit"),
        bind(Question, &["y", "q"], Action::Yes, "yes"),
        bind(Question, &["n", "esc"], Action::No, "no"),
        bind(Question, &["ctrl-c"], Action::Quit, "quit"),
    ]
}

/// Turns keys into actions.
#[derive(Clone, Debug)]
pub struct Keymap {
    table: Vec<Binding>,
}

impl Default for Keymap {
    fn default() -> Self {
        Self { table: bindings() }
    }
}

impl Keymap {
    /// What a key means in a mode. In [`Mode::Text`] other characters stand for themselves.
    pub fn action(&self, mode: Mode, key: KeyEvent) -> Option<Action> {
        let name = name(key)?;
        let bound = self
            .table
            .iter()
            .find(|binding| binding.mode == mode && binding.keys.contains(&name.as_str()))
            .map(|binding| binding.action.clone());
        match (bound, mode, key.code) {
            (Some(action), _, _) => Some(action),
            (None, Mode::Text, KeyCode::Char(c))
                if !key
                    .modifiers
                    .intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) =>
            {
                Some(Action::Char(c))
            }
            _ => None,
        }
    }

    /// The lines of the help page for a mode.
    pub fn help(&self, mode: Mode) -> impl Iterator<Item = (String, &'static str)> {
        self.table
            .iter()
            .filter(move |binding| binding.mode == mode)
            .map(|binding| (binding.keys.join(" "), binding.help))
    }
}

/// A key as people write it.
fn name(key: KeyEvent) -> Option<String> {
    let base = match key.code {
        KeyCode::Char(' ') => "space".to_owned(),
        KeyCode::Char(c) => c.to_string(),
        KeyCode::Enter => "enter".to_owned(),
        KeyCode::Esc => "esc".to_owned(),
        KeyCode::Backspace => "backspace".to_owned(),
        KeyCode::Tab => "tab".to_owned(),
        KeyCode::BackTab => "backtab".to_owned(),
        KeyCode::Up => "up".to_owned(),
        KeyCode::Down => "down".to_owned(),
        KeyCode::Left => "left".to_owned(),
        KeyCode::Right => "right".to_owned(),
        KeyCode::Home => "home".to_owned(),
        KeyCode::End => "end".to_owned(),
        KeyCode::PageUp => "pageup".to_owned(),
        KeyCode::PageDown => "pagedown".to_owned(),
        KeyCode::F(n) => format!("f{n}"),
        _ => return None,
    };
    Some(if key.modifiers.contains(KeyModifiers::CONTROL) {
        format!("ctrl-{}", base.to_ascii_lowercase())
    } else {
        base
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things_in_one_mode() {
        let table = bindings();
        for (i, a) in table.iter().enumerate() {
            for b in table.iter().skip(i + 1) {
                let shared = a.mode == b.mode && a.keys.iter().any(|key| b.keys.contains(key));
                assert!(!shared, "{:?} and {:?}", a.action, b.action);
            }
        }
    }

    #[test]
    fn letters_are_text_in_a_field_and_actions_elsewhere() {
        let map = Keymap::default();
        let j = KeyEvent::from(KeyCode::Char('j'));

        assert_eq!(map.action(Mode::Normal, j), Some(Action::Down));
        assert_eq!(map.action(Mode::Text, j), Some(Action::Char('j')));
    }
}
