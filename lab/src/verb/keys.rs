//! SSH keys of accounts: added as text, or imported from a file that SFTP brought.

use routeros::error::Trap;

use super::{Order, Outcome};
use crate::core::{Caller, Core};
use crate::text;
use crate::trap;
use crate::tree::{Change, Row};

const MENU: &str = "/user/ssh-keys";

impl Core {
    /// Carries out a command that brings keys or certificates.
    pub(super) fn credentials(
        &mut self,
        caller: &Caller,
        order: &Order,
        path: &str,
    ) -> Result<Outcome, Trap> {
        match path {
            "/certificate/sign" => self.sign(caller, order),
            "/certificate/import" => self.import_certificate(caller, order),
            _ => self.import_key(caller, order),
        }
    }

    /// Takes a public key out of a file, which is then gone.
    pub(super) fn import_key(&mut self, caller: &Caller, order: &Order) -> Result<Outcome, Trap> {
        self.require(caller, "policy")?;
        let file = order
            .arg("public-key-file")
            .ok_or_else(|| trap::missing_value("public-key-file"))?;
        let user = order.arg("user").unwrap_or(&caller.user).to_owned();
        let users = self.tree.rows("/user").iter();
        if !users.into_iter().any(|r| r.get("name") == Some(&user)) {
            return Err(trap::no_match("user"));
        }
        let bytes = self.file_bytes(file);
        let bytes = bytes.ok_or_else(|| trap::failure("failure: file does not exist"))?;
        let line = text::decode(&bytes);
        let words: Vec<&str> = line.split_whitespace().collect();
        let [kind, key, owner @ ..] = words.as_slice() else {
            return Err(trap::failure(
                "unable to load key file (wrong format or bad passphrase)!",
            ));
        };
        let is_new = self.release.at_least(7, 12);
        if !(*kind == "ssh-rsa" || *kind == "ssh-dss" || *kind == "ssh-ed25519" && is_new) {
            return Err(trap::failure(
                "unable to load key file (wrong format or bad passphrase)!",
            ));
        }
        let mut row = Row {
            id: self.tree.next_id(MENU),
            ..Row::default()
        };
        row.set("user".into(), user);
        row.set("key".into(), format!("{kind} {key}"));
        row.set("key-owner".into(), owner.join(" "));
        let file = file.to_owned();
        let change = Change::Insert {
            path: Self::key(MENU),
            at: usize::MAX,
            row,
        };
        self.commit(caller, "import ssh key", vec![change]);
        // The device keeps the key, not the file.
        if self.delete(caller, &file).is_err() {
            tracing::debug!("the key file is gone already");
        }
        Ok(Outcome::default())
    }
}
