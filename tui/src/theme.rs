//! Meanings become styles here, and nowhere else.
//!
//! A theme is 22 tokens. `ansi16` uses the terminal's own colours and is right on any background;
//! `mono` uses none. Colour never carries a meaning alone: a glyph and a word stand beside it.

use ratatui::style::{Color, Modifier, Style};
use tod_proto::api::devices::Status;

/// The themes by name.
pub const NAMES: [&str; 4] = ["midnight", "paper", "ansi16", "mono"];

/// What a style means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    /// Its name.
    pub name: &'static str,
    /// Ordinary text.
    pub fg: Style,
    /// Less important text.
    pub dim: Style,
    /// Lines, and text that is there to be skipped.
    pub faint: Style,
    /// The whole screen.
    pub bg: Style,
    /// The frame of a pane.
    pub border: Style,
    /// The frame of the pane that has the keyboard.
    pub border_focus: Style,
    /// Titles.
    pub title: Style,
    /// What can be acted on.
    pub accent: Style,
    /// Well.
    pub ok: Style,
    /// Not well.
    pub warn: Style,
    /// Down, or dangerous.
    pub crit: Style,
    /// Not known.
    pub unknown: Style,
    /// For information.
    pub info: Style,
    /// The row under the cursor.
    pub selection: Style,
    /// A mark.
    pub mark: Style,
    /// A matched part.
    pub matched: Style,
    /// Added.
    pub add: Style,
    /// Removed.
    pub del: Style,
    /// Changed.
    pub chg: Style,
    /// A key in a hint.
    pub key: Style,
    /// The bars and curves.
    pub graph: Style,
    /// A second curve.
    pub graph_alt: Style,
}

struct Palette {
    fg: Color,
    dim: Color,
    faint: Color,
    bg: Color,
    border: Color,
    focus: Color,
    accent: Color,
    ok: Color,
    warn: Color,
    crit: Color,
    unknown: Color,
    info: Color,
    selection_fg: Color,
    selection_bg: Color,
    alt: Color,
}

const fn rgb(hex: u32) -> Color {
    let [_, r, g, b] = hex.to_be_bytes();
    Color::Rgb(r, g, b)
}

const MIDNIGHT: Palette = Palette {
    fg: rgb(0x00e2_e8f0),
    dim: rgb(0x0094_a3b8),
    faint: rgb(0x0064_748b),
    bg: rgb(0x000f_172a),
    border: rgb(0x0033_4155),
    focus: rgb(0x0038_bdf8),
    accent: rgb(0x0038_bdf8),
    ok: rgb(0x004a_de80),
    warn: rgb(0x00fb_bf24),
    crit: rgb(0x00f8_7171),
    unknown: rgb(0x0094_a3b8),
    info: rgb(0x0060_a5fa),
    selection_fg: rgb(0x00f8_fafc),
    selection_bg: rgb(0x001e_3a5f),
    alt: rgb(0x00c0_84fc),
};

const PAPER: Palette = Palette {
    fg: rgb(0x001c_1917),
    dim: rgb(0x0057_534e),
    faint: rgb(0x0078_716c),
    bg: rgb(0x00fa_f7f2),
    border: rgb(0x00d6_d3d1),
    focus: rgb(0x0003_69a1),
    accent: rgb(0x0003_69a1),
    ok: rgb(0x0015_803d),
    warn: rgb(0x0092_400e),
    crit: rgb(0x00b9_1c1c),
    unknown: rgb(0x0057_534e),
    info: rgb(0x001d_4ed8),
    selection_fg: rgb(0x000c_0a09),
    selection_bg: rgb(0x00d9_e8f5),
    alt: rgb(0x007e_22ce),
};

impl Theme {
    /// The theme of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "midnight" | "dark" => Some(Self::painted("midnight", &MIDNIGHT)),
            "paper" | "light" => Some(Self::painted("paper", &PAPER)),
            "ansi16" => Some(Self::ansi16()),
            "mono" => Some(Self::mono()),
            _ => None,
        }
    }

    /// The theme after this one.
    #[must_use]
    pub fn next(&self) -> Self {
        let at = NAMES
            .iter()
            .position(|name| *name == self.name)
            .unwrap_or(0);
        NAMES
            .get((at + 1) % NAMES.len())
            .and_then(|name| Self::named(name))
            .unwrap_or_else(Self::ansi16)
    }

    /// The theme for a terminal, when the person named none.
    ///
    /// `term` and `colorterm` are the variables of these names; `no_color` says that the person
    /// wants no colour.
    pub fn fitting(term: &str, colorterm: &str, colorfgbg: &str, no_color: bool) -> Self {
        if no_color || matches!(term, "dumb" | "vt100" | "") {
            return Self::mono();
        }
        let true_colour = matches!(colorterm, "truecolor" | "24bit");
        if !true_colour {
            return Self::ansi16();
        }
        let light = matches!(colorfgbg.rsplit(';').next(), Some("7" | "15"));
        Self::painted_for(light)
    }

    fn painted_for(light: bool) -> Self {
        if light {
            Self::painted("paper", &PAPER)
        } else {
            Self::painted("midnight", &MIDNIGHT)
        }
    }

    fn painted(name: &'static str, p: &Palette) -> Self {
        let on = |color: Color| Style::new().fg(color);
        Self {
            name,
            fg: on(p.fg),
            dim: on(p.dim),
            faint: on(p.faint),
            bg: Style::new().fg(p.fg).bg(p.bg),
            border: on(p.border),
            border_focus: on(p.focus),
            title: on(p.fg).add_modifier(Modifier::BOLD),
            accent: on(p.accent),
            ok: on(p.ok),
            warn: on(p.warn),
            crit: on(p.crit),
            unknown: on(p.unknown),
            info: on(p.info),
            selection: Style::new().fg(p.selection_fg).bg(p.selection_bg),
            mark: on(p.alt),
            matched: on(p.warn).add_modifier(Modifier::BOLD),
            add: on(p.ok),
            del: on(p.crit),
            chg: on(p.warn),
            key: on(p.accent).add_modifier(Modifier::BOLD),
            graph: on(p.accent),
            graph_alt: on(p.alt),
        }
    }

    fn ansi16() -> Self {
        let on = |color: Color| Style::new().fg(color);
        Self {
            name: "ansi16",
            fg: Style::new(),
            dim: Style::new().add_modifier(Modifier::DIM),
            faint: Style::new().add_modifier(Modifier::DIM),
            bg: Style::reset(),
            border: Style::new().add_modifier(Modifier::DIM),
            border_focus: on(Color::Cyan),
            title: Style::new().add_modifier(Modifier::BOLD),
            accent: on(Color::Cyan),
            ok: on(Color::Green),
            warn: on(Color::Yellow),
            crit: on(Color::Red),
            unknown: Style::new().add_modifier(Modifier::DIM),
            info: on(Color::Blue),
            selection: Style::new().add_modifier(Modifier::REVERSED),
            mark: on(Color::Magenta),
            matched: on(Color::Yellow).add_modifier(Modifier::BOLD),
            add: on(Color::Green),
            del: on(Color::Red),
            chg: on(Color::Yellow),
            key: on(Color::Cyan).add_modifier(Modifier::BOLD),
            graph: on(Color::Cyan),
            graph_alt: on(Color::Magenta),
        }
    }

    fn mono() -> Self {
        let (plain, bold) = (Style::new(), Style::new().add_modifier(Modifier::BOLD));
        Self {
            name: "mono",
            fg: plain,
            dim: plain,
            faint: plain,
            bg: Style::reset(),
            border: plain,
            border_focus: bold,
            title: bold,
            accent: plain.add_modifier(Modifier::UNDERLINED),
            ok: plain,
            warn: bold,
            crit: bold,
            unknown: plain,
            info: plain,
            selection: plain.add_modifier(Modifier::REVERSED),
            mark: bold,
            matched: bold,
            add: plain,
            del: plain,
            chg: bold,
            key: bold,
            graph: plain,
            graph_alt: bold,
        }
    }

    /// The style of a status.
    pub fn status(&self, status: Status) -> Style {
        match status {
            Status::Online => self.ok,
            Status::Degraded => self.warn,
            Status::Offline => self.crit,
            Status::Unknown => self.unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(color: Color) -> f64 {
        let Color::Rgb(r, g, b) = color else {
            panic!("not a painted colour: {color:?}")
        };
        let channel = |value: u8| {
            let v = f64::from(value) / 255.0;
            if v <= 0.040_45 {
                v / 12.92
            } else {
                ((v + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b)
    }

    fn contrast(a: Color, b: Color) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn all_text_of_the_painted_themes_can_be_read() {
        for p in [&MIDNIGHT, &PAPER] {
            for text in [p.fg, p.dim, p.accent, p.ok, p.warn, p.crit, p.info, p.alt] {
                assert!(contrast(text, p.bg) >= 4.5, "{text:?} on {:?}", p.bg);
            }
            assert!(contrast(p.selection_fg, p.selection_bg) >= 4.5);
        }
    }

    #[test]
    fn the_next_theme_comes_round_again() {
        let first = Theme::ansi16();
        let round = NAMES.iter().fold(first.clone(), |theme, _| theme.next());

        assert_eq!(round, first);
    }

    #[test]
    fn a_terminal_without_colour_gets_none() {
        assert_eq!(
            Theme::fitting("xterm-256color", "truecolor", "", true).name,
            "mono"
        );
        assert_eq!(Theme::fitting("linux", "", "", false).name, "ansi16");
        assert_eq!(
            Theme::fitting("xterm", "truecolor", "0;15", false).name,
            "paper"
        );
        assert_eq!(
            Theme::fitting("xterm", "truecolor", "", false).name,
            "midnight"
        );
    }
}
