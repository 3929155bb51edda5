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
    on_secret_key: bool,
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
            on_secret_key: false,
            working: false,
            message: reason,
        }
    }

    /// Says why it did not work.
    pub fn failed(&mut self, message: String) {
        self.working = false;
        self.message = Some(message);
    }

    pub(super) fn on(&mut self, action: &Action) -> After {
        if self.working {
            return After::Stay(Vec::new());
        }
        match action {
            Action::NextTab | Action::PreviousTab | Action::Up | Action::Down => {
                self.on_secret_key = !self.on_secret_key && self.secret_key.is_some();
            }
            Action::Open if self.password.text().is_empty() => {
                self.message = Some("type the password".to_owned());
            }
            Action::Open => {
                self.working = true;
                self.message = None;
                let secret_key = self
                    .secret_key
                    .as_ref()
                    .map(|key| Secret(key.text().to_owned()));
                return After::Stay(vec![Ask::Effect(Effect::Unlock {
                    password: Secret(self.password.take()),
                    secret_key,
                })]);
            }
            other => {
                let field = match &mut self.secret_key {
                    Some(key) if self.on_secret_key => key,
                    _ => &mut self.password,
                };
                field.on(other);
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
            field("Password", &self.password, !self.on_secret_key),
            self.secret_key
                .as_ref()
                .map_or(known, |key| field("Secret Key", key, self.on_secret_key)),
            Line::default(),
            state,
            Line::default(),
            Line::styled("  Nothing typed here leaves this machine.", theme.faint),
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
