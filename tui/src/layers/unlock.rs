//! Sign in again, above whatever was being looked at: nothing is lost.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget as _;

use super::{After, dialog};
use crate::action::Action;
use crate::event::{Effect, Secret};
use crate::screen::Ask;
use crate::theme::Theme;
use crate::widgets::input::Input;

/// The field that is typed into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Focus {
    Password,
    SecretKey,
    Code,
}

/// The unlock dialog.
#[derive(Debug)]
pub struct Unlock {
    /// Who signs in.
    user: String,
    /// Where.
    server: String,
    password: Input,
    /// Only on a machine that does not hold it.
    secret_key: Option<Input>,
    /// Once the server has asked for it.
    code: Option<Input>,
    focus: Focus,
    working: bool,
    message: Option<String>,
}

impl Unlock {
    /// Asks for the password of a user, and for the Secret Key if this machine has none.
    pub fn new(user: &str, server: &str, needs_secret_key: bool, reason: Option<String>) -> Self {
        Self {
            user: user.to_owned(),
            server: server.to_owned(),
            password: Input::secret(),
            secret_key: needs_secret_key.then(Input::secret),
            code: None,
            focus: Focus::Password,
            working: false,
            message: reason,
        }
    }

    /// Says why it did not work.
    pub fn failed(&mut self, message: String) {
        self.working = false;
        self.message = Some(message);
        self.password.set("");
        self.focus = Focus::Password;
        if let Some(code) = &mut self.code {
            code.set("");
        }
    }

    /// Asks for the code of a second step, too. What was typed stays.
    pub fn wants_code(&mut self) {
        self.working = false;
        self.message = Some("type the code of your authenticator".to_owned());
        self.code = Some(Input::default());
        self.focus = Focus::Code;
    }

    /// The next field that there is, or the one before.
    fn turn(&self, forward: bool) -> Focus {
        let mut there = vec![Focus::Password];
        there.extend(self.secret_key.is_some().then_some(Focus::SecretKey));
        there.extend(self.code.is_some().then_some(Focus::Code));
        let at = there.iter().position(|focus| *focus == self.focus);
        let step = if forward { 1 } else { there.len() - 1 };
        let next = at.map_or(0, |at| (at + step) % there.len());
        there.get(next).copied().unwrap_or(Focus::Password)
    }

    pub(super) fn on(&mut self, action: &Action) -> After {
        if self.working {
            return After::Stay(Vec::new());
        }
        match action {
            Action::NextTab | Action::Down => self.focus = self.turn(true),
            Action::PreviousTab | Action::Up => self.focus = self.turn(false),
            Action::Open if self.password.text().is_empty() => {
                self.message = Some("type the password".to_owned());
            }
            Action::Open => {
                self.working = true;
                self.message = None;
                let typed = |field: &Input| Secret(field.text().to_owned());
                return After::Stay(vec![Ask::Effect(Effect::Unlock {
                    password: typed(&self.password),
                    secret_key: self.secret_key.as_ref().map(typed),
                    code: self.code.as_ref().map(typed),
                })]);
            }
            other => {
                let field = match self.focus {
                    Focus::Password => None,
                    Focus::SecretKey => self.secret_key.as_mut(),
                    Focus::Code => self.code.as_mut(),
                };
                field.unwrap_or(&mut self.password).on(other);
            }
        }
        After::Stay(Vec::new())
    }

    pub(super) fn view(&mut self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let inner = dialog(frame, area, "Unlock", (74, 13), theme);
        let width = usize::from(inner.width).saturating_sub(16);
        let field = |name: &str, input: &Input, focused: bool| {
            let mut line = Line::from(Span::styled(format!("  {name:<12}"), theme.dim));
            line.extend(input.line(width, focused, theme));
            line
        };
        let known = Line::from(vec![
            Span::styled("  Secret Key  ", theme.dim),
            Span::styled("on this machine", theme.ok),
        ]);
        let state = if self.working {
            Line::styled("  ~ deriving keys on this machine …", theme.accent)
        } else {
            let text = self.message.clone().unwrap_or_default();
            Line::styled(format!("  {}", crate::text::cell(&text, 68)), theme.warn)
        };
        let leaves = match self.code {
            None => "  Nothing typed here leaves this machine.",
            Some(_) => "  The password and the Secret Key do not leave this machine.",
        };
        let lines = [
            Line::default(),
            Line::styled(
                format!("  {}", crate::text::cell(&self.server, 68)),
                theme.faint,
            ),
            Line::from(vec![
                Span::styled("  Email       ", theme.dim),
                Span::styled(crate::text::cell(&self.user, width), theme.fg),
            ]),
            field("Password", &self.password, self.focus == Focus::Password),
            self.secret_key.as_ref().map_or(known, |key| {
                field("Secret Key", key, self.focus == Focus::SecretKey)
            }),
            self.code.as_ref().map_or_else(Line::default, |code| {
                field("Code", code, self.focus == Focus::Code)
            }),
            state,
            Line::default(),
            Line::styled(leaves, theme.faint),
            Line::styled(
                "  enter unlock   tab next field   ctrl-c twice quits",
                theme.faint,
            ),
        ];
        for (line, y) in lines.into_iter().zip(inner.y..inner.bottom()) {
            line.render(Rect::new(inner.x, y, inner.width, 1), frame.buffer_mut());
        }
    }
}
