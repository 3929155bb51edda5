//! The Emergency Kit: what a person needs to sign in on a new machine, on one page.
//!
//! It is written as text or as PDF. Both hold one line, [`Kit::line`], that is read again by
//! [`Found::read`]; the QR code of the PDF says the same.

mod fonts;
mod page;
mod qr;
mod read;

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::str::FromStr;

use jiff::Timestamp;
use zeroize::Zeroizing;

pub use self::qr::Qr;
pub use self::read::Found;
use crate::secret_key::{SecretKey, SecretKeyError};
use crate::tls::Fingerprint;

/// What an Emergency Kit says.
#[derive(Clone, Debug)]
pub struct Kit {
    /// The server's address.
    pub server: String,
    /// The fingerprint of its certificate, if it is pinned.
    pub pin: Option<Fingerprint>,
    /// The e-mail address.
    pub email: String,
    /// The Secret Key.
    pub secret_key: SecretKey,
    /// When it was made.
    pub made_at: Timestamp,
}

/// The paper that a kit is printed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paper {
    /// 210 by 297 mm.
    #[default]
    A4,
    /// 8.5 by 11 inches.
    Letter,
}

impl Paper {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::A4, Self::Letter];

    /// Its name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::A4 => "a4",
            Self::Letter => "letter",
        }
    }

    /// Width and height in points, of which an inch has 72.
    pub fn points(self) -> (f32, f32) {
        match self {
            Self::A4 => (595.276, 841.89),
            Self::Letter => (612.0, 792.0),
        }
    }
}

impl FromStr for Paper {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|paper| paper.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| format!("no paper `{text}`: there are a4 and letter"))
    }
}

/// Why a kit cannot be written or read. It does not repeat the Secret Key.
#[derive(Debug, thiserror::Error)]
pub enum KitError {
    /// The file.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The page has no room for such a long address.
    #[error("the server's address or the e-mail address is too long for one page")]
    TooLong,
    /// The PDF could not be made.
    #[error("cannot make the PDF: {0}")]
    Pdf(String),
    /// There is no Secret Key in it.
    #[error("there is no Secret Key in it")]
    Nothing,
    /// It was written by a newer version.
    #[error("it was written by a newer version of todctl")]
    Newer,
    /// What it says beside the Secret Key makes no sense.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// The Secret Key stands in it twice, and not alike.
    #[error("it holds two different Secret Keys")]
    Differ,
    /// The Secret Key is mistyped.
    #[error(transparent)]
    Key(#[from] SecretKeyError),
}

impl Kit {
    /// The page as text. It holds the Secret Key.
    pub fn text(&self) -> Zeroizing<String> {
        let pin = self.pin.map_or(String::new(), |pin| {
            format!("  certificate  {pin} (SHA-256)\n")
        });
        let login = self.login().join(" \\\n            ");
        Zeroizing::new(format!(
            "tod Emergency Kit\n\
             =================\n\n\
             With this page and your password you can sign in on a new machine. Nobody, not even\n\
             whoever runs the server, has a copy of it: print it, keep it in a safe place, then\n\
             delete the file.\n\n\
             \x20 server       {}\n{pin}\
             \x20 e-mail       {}\n\
             \x20 Secret Key   {}\n\
             \x20 password     ______________________________  (write it here, or keep it apart)\n\n\
             made {}\n\n\
             Sign in:  {login}\n\
             With this file:  todctl account kit import --from FILE, then todctl login\n\n\
             {}\n",
            self.server,
            self.email,
            &*self.secret_key.reveal(),
            self.made_at.strftime("%F"),
            &*self.line(),
        ))
    }

    /// The page as PDF. It holds the Secret Key.
    pub fn pdf(&self, paper: Paper) -> Result<Zeroizing<Vec<u8>>, KitError> {
        page::draw(self, paper)
    }

    /// All of it in one line, for a QR code and for [`Found::read`].
    pub fn line(&self) -> Zeroizing<String> {
        read::line(self)
    }

    /// The line as a QR code.
    pub fn qr(&self) -> Result<Qr, KitError> {
        Qr::of(&self.line())
    }

    /// Writes the page to a new file that only its owner can read: a PDF if its name ends like
    /// one, else text. An existing file is never overwritten: it may be the only kit of another
    /// account.
    pub fn save(&self, path: &Path, paper: Paper) -> Result<(), KitError> {
        let bytes = if is_pdf(path) {
            self.pdf(paper)?
        } else {
            Zeroizing::new(self.text().as_bytes().to_vec())
        };
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(&bytes)?;
        Ok(file.sync_all()?)
    }

    /// The command that signs in on a new machine, in pieces that belong on one line.
    fn login(&self) -> Vec<String> {
        let mut pieces = vec![
            format!("todctl login --server {}", self.server),
            format!("--email {}", self.email),
        ];
        pieces.extend(self.pin.map(|pin| format!("--trust-server {pin}")));
        pieces
    }
}

fn is_pdf(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("pdf"))
}

#[cfg(test)]
mod tests;
