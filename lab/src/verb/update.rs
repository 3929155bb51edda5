//! Commands about the software that a device runs: looking for updates, downloading, installing.

use routeros::error::Trap;

use super::{After, Outcome};
use crate::core::{Caller, Core};

impl Core {
    /// Carries out a command about software; nothing if it is none.
    pub(super) fn software(
        &mut self,
        caller: &Caller,
        path: &str,
    ) -> Result<Option<Outcome>, Trap> {
        if path == "/system/routerboard/upgrade" && self.board.is_routerboard() {
            self.require(caller, "policy")?;
            self.flash_firmware();
            return Ok(Some(Outcome::default()));
        }
        let Some(verb) = path.strip_prefix("/system/package/update/") else {
            return Ok(None);
        };
        let shown = match verb {
            "check-for-updates" | "download" => {
                self.require(caller, "write")?;
                if verb == "download" {
                    self.download_update()
                } else {
                    self.check_updates()
                }
            }
            "install" => return self.install(caller).map(Some),
            _ => return Ok(None),
        };
        Ok(Some(Outcome::after(After::Series(shown, None))))
    }

    /// Installs what the feed offers, by a boot; nothing happens when it offers nothing.
    fn install(&mut self, caller: &Caller) -> Result<Outcome, Trap> {
        self.require(caller, "reboot")?;
        let shown = self.download_update();
        if !self.has_downloaded() {
            return Ok(Outcome::after(After::Series(shown, None)));
        }
        let cause = caller.cause.clone();
        Ok(Outcome::after(After::Reboot { cause, load: None }))
    }
}
