//! The Emergency Kit: what a person needs to sign in on a new machine, on one page.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::secret_key::SecretKey;

/// What an Emergency Kit says.
#[derive(Debug)]
pub struct Kit<'a> {
    /// The server's address.
    pub server: &'a str,
    /// The fingerprint of its certificate, if it is pinned.
    pub pin: Option<&'a str>,
    /// The e-mail address.
    pub email: &'a str,
    /// The Secret Key.
    pub secret_key: &'a SecretKey,
    /// When it was made.
    pub made_at: Timestamp,
}

impl Kit<'_> {
    /// The page. It holds the Secret Key.
    pub fn text(&self) -> Zeroizing<String> {
        let pin = self.pin.map_or(String::new(), |pin| {
            format!("  certificate  {pin} (SHA-256)\n")
        });
        let trust = self.pin.map_or(String::new(), |pin| {
            format!(" \\\n            --trust-server {pin}")
        });
        Zeroizing::new(format!(
            "tod Emergency Kit\n\
             =================\n\n\
             With this page and your password you can sign in on a new machine. Nobody, not even\n\
             whoever runs the server, can make a new one for you: print it, keep it in a safe\n\
             place, then delete the file.\n\n\
             \x20 server       {}\n{pin}\
             \x20 e-mail       {}\n\
             \x20 Secret Key   {}\n\
             \x20 password     ______________________________  (write it here, or keep it apart)\n\n\
             made {}\n\n\
             Sign in:  todctl login --server {} --email {}{trust}\n",
            self.server,
            self.email,
            &*self.secret_key.reveal(),
            self.made_at.strftime("%F"),
            self.server,
            self.email,
        ))
    }

    /// Writes the page to a new file that only its owner can read. An existing file is never
    /// overwritten: it may be the only kit of another account.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(self.text().as_bytes())?;
        file.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_kit_is_private_and_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kit.txt");
        let secret_key = SecretKey::generate("ana@example.org");
        let kit = Kit {
            server: "https://tod.example",
            pin: None,
            email: "ana@example.org",
            secret_key: &secret_key,
            made_at: Timestamp::UNIX_EPOCH,
        };

        kit.save(&path).unwrap();

        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(&*secret_key.reveal()), "{text}");
        assert_eq!(
            kit.save(&path).unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
    }
}
