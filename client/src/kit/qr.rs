//! QR codes: which modules are dark, and how that looks in a terminal.

use qrcode::{Color, EcLevel, QrCode};

use super::KitError;

/// Light modules around the code, without which scanners do not find it.
pub(super) const QUIET: u16 = 4;

/// A QR code.
#[derive(Clone)]
pub struct Qr {
    width: u16,
    dark: Vec<bool>,
}

impl std::fmt::Debug for Qr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Qr").finish_non_exhaustive()
    }
}

impl Qr {
    pub(super) fn of(text: &str) -> Result<Self, KitError> {
        Self::with(text, EcLevel::M)
    }

    /// The smallest code of a text: for a screen, which has no folds and no stains.
    pub fn for_screen(text: &str) -> Result<Self, KitError> {
        Self::with(text, EcLevel::L)
    }

    fn with(text: &str, level: EcLevel) -> Result<Self, KitError> {
        let code =
            QrCode::with_error_correction_level(text, level).map_err(|_| KitError::TooLong)?;
        let colors = code.to_colors().into_iter();
        Ok(Self {
            width: u16::try_from(code.width()).map_err(|_| KitError::TooLong)?,
            dark: colors.map(|color| color == Color::Dark).collect(),
        })
    }

    /// How many modules it has on each side.
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Whether a module is dark; those outside are light.
    pub fn is_dark(&self, x: u16, y: u16) -> bool {
        let width = usize::from(self.width);
        let (x, y) = (usize::from(x), usize::from(y));
        x < width && self.dark.get(y * width + x).is_some_and(|&dark| dark)
    }

    /// Lines for a terminal, two modules in the height of one. Light modules are drawn and dark
    /// ones are not: it is right in light letters on a dark ground.
    pub fn lines(&self) -> Vec<String> {
        let whole = self.width + 2 * QUIET;
        let dark = |x: u16, y: u16| {
            let inside = x.checked_sub(QUIET).zip(y.checked_sub(QUIET));
            inside.is_some_and(|(x, y)| self.is_dark(x, y))
        };
        let halves = |x, y| match (dark(x, y), dark(x, y + 1)) {
            (true, true) => ' ',
            (true, false) => '▄',
            (false, true) => '▀',
            (false, false) => '█',
        };
        (0..whole)
            .step_by(2)
            .map(|y| (0..whole).map(|x| halves(x, y)).collect())
            .collect()
    }
}
