//! What the terminal can do, and colours.

use std::fmt;
use std::io::{self, IsTerminal as _};

use anstream::ColorChoice;
use tod_client::view::Tone;

use crate::env::Env;

/// What the terminal can do.
#[derive(Clone, Copy, Debug)]
pub struct Term {
    /// Whether stdin is a terminal.
    pub stdin_tty: bool,
    /// Whether results go to a terminal.
    pub stdout_tty: bool,
    /// Whether talk goes to a terminal.
    pub stderr_tty: bool,
    /// Whether results are coloured.
    pub stdout_colour: ColorChoice,
    /// Whether talk is coloured.
    pub stderr_colour: ColorChoice,
    /// The columns of the terminal; unlimited if there is none.
    pub width: Option<u16>,
}

impl Term {
    /// Looks at the streams and the environment. `choice` is what `--color` said.
    pub fn of_process(env: &Env, choice: Option<ColorChoice>) -> Self {
        let forced = env.text("TODCTL_FORCE_TTY");
        let stdout_tty = forced.is_some() || io::stdout().is_terminal();
        let stderr_tty = io::stderr().is_terminal();
        let width = match forced.and_then(|width| width.parse().ok()) {
            Some(width) => Some(width),
            None if stdout_tty => {
                let columns = env.text("COLUMNS").and_then(|text| text.parse().ok());
                terminal_size::terminal_size()
                    .map(|(w, _)| w.0)
                    .or(columns)
                    .or(Some(80))
            }
            None => None,
        };
        Self {
            stdin_tty: io::stdin().is_terminal(),
            stdout_tty,
            stderr_tty,
            stdout_colour: colour(env, choice, stdout_tty),
            stderr_colour: colour(env, choice, stderr_tty),
            width,
        }
    }

    /// No terminal at all.
    pub fn none() -> Self {
        Self {
            stdin_tty: false,
            stdout_tty: false,
            stderr_tty: false,
            stdout_colour: ColorChoice::Never,
            stderr_colour: ColorChoice::Never,
            width: None,
        }
    }
}

/// Whether a stream is coloured: the first rule that says something wins.
fn colour(env: &Env, choice: Option<ColorChoice>, is_tty: bool) -> ColorChoice {
    let yes = |yes: bool| {
        if yes {
            ColorChoice::Always
        } else {
            ColorChoice::Never
        }
    };
    if let Some(choice @ (ColorChoice::Always | ColorChoice::Never | ColorChoice::AlwaysAnsi)) =
        choice
    {
        return choice;
    }
    if env.has("NO_COLOR") {
        return ColorChoice::Never;
    }
    match env.text("TODCTL_COLOR") {
        Some("always") => return ColorChoice::Always,
        Some("never") => return ColorChoice::Never,
        _ => {}
    }
    let forced = |name| env.text(name).is_some_and(|value| value != "0");
    if forced("CLICOLOR_FORCE") || forced("FORCE_COLOR") {
        return ColorChoice::Always;
    }
    let plain = env.text("CLICOLOR") == Some("0") || env.text("TERM") == Some("dumb");
    yes(is_tty && !plain)
}

/// Text in a colour. Whoever writes it to a stream takes the colour off if need be.
#[derive(Debug)]
pub struct Paint<'a> {
    code: &'static str,
    text: &'a str,
}

impl<'a> Paint<'a> {
    /// In the colour of a tone.
    pub fn tone(tone: Tone, text: &'a str) -> Self {
        let code = match tone {
            Tone::Plain => "",
            Tone::Good => "32",
            Tone::Warn => "33",
            Tone::Bad => "31",
            Tone::Dim => "2",
            Tone::Accent => "36",
        };
        Self { code, text }
    }

    /// Worth a look.
    pub fn warn(text: &'a str) -> Self {
        Self { code: "1;33", text }
    }

    /// Wrong.
    pub fn bad(text: &'a str) -> Self {
        Self { code: "1;31", text }
    }

    /// Of less interest.
    pub fn dim(text: &'a str) -> Self {
        Self { code: "2", text }
    }

    /// Strong.
    pub fn bold(text: &'a str) -> Self {
        Self { code: "1", text }
    }
}

impl fmt::Display for Paint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.code.is_empty() {
            f.write_str(self.text)
        } else {
            write!(f, "\x1b[{}m{}\x1b[0m", self.code, self.text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_about_colour_wins() {
        let is = |vars: &[(&str, &str)], choice, tty| {
            colour(&Env::of(vars), choice, tty) == ColorChoice::Always
        };

        assert!(is(&[], None, true));
        assert!(!is(&[], None, false));
        assert!(!is(&[("NO_COLOR", "1")], None, true));
        assert!(is(&[("NO_COLOR", "")], None, true));
        assert!(is(&[("NO_COLOR", "1")], Some(ColorChoice::Always), true));
        assert!(is(&[("CLICOLOR_FORCE", "1")], None, false));
        assert!(!is(
            &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")],
            None,
            false
        ));
        assert!(!is(&[("CLICOLOR", "0")], None, true));
        assert!(!is(&[("TERM", "dumb")], None, true));
        assert!(is(
            &[("TODCTL_COLOR", "always"), ("TERM", "dumb")],
            None,
            false
        ));
    }
}
