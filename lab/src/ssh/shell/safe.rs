//! Safe mode at a terminal.

use super::{Mode, Shell};

impl Shell {
    /// Takes it or releases it.
    pub(super) async fn toggle_safe_mode(&mut self) -> bool {
        let said = {
            let mut core = self.visit.device.core();
            if core.holds_safe_mode(self.visit.id) {
                let released = core.release_safe_mode(Some(self.visit.id));
                Some(released.map_or("[Safe Mode lost]", |()| "[Safe Mode released]"))
            } else {
                let taken = core.take_safe_mode(self.visit.id, &self.caller.user);
                taken.ok().map(|()| "[Safe Mode taken]")
            }
        };
        let Some(said) = said else {
            self.mode = Mode::Hijacking;
            let question = "\r\nHijacking Safe Mode from someone - unroll/release/don't take it \
                            [u/r/d]: ";
            return self.show(question).await;
        };
        let prompt = self.prompt();
        self.show(&format!("\r\n{said}\r\n{prompt}")).await
    }

    /// Takes it from somebody, if that is what a key says.
    pub(super) async fn hijack(&mut self, byte: u8) -> bool {
        let is_unrolled = match byte {
            b'u' | b'U' => Some(true),
            b'r' | b'R' => Some(false),
            _ => None,
        };
        let said = is_unrolled.map_or("", |is_unrolled| {
            let mut core = self.visit.device.core();
            core.hijack_safe_mode(self.visit.id, &self.caller.user, is_unrolled);
            "[Safe Mode taken]\r\n"
        });
        self.mode = Mode::Line;
        let (key, prompt) = (char::from(byte), self.prompt());
        let key = if key.is_ascii_graphic() { key } else { 'd' };
        self.show(&format!("{key}\r\n{said}{prompt}")).await
    }

    /// Keeps what it covers: so does who quits.
    pub(super) fn keep_what_is_safe(&self) {
        let mut core = self.visit.device.core();
        if core.release_safe_mode(Some(self.visit.id)).is_ok() {
            tracing::debug!("safe mode is released by who quits");
        }
    }

    /// Takes back what it covers: so does who leaves by a key.
    pub(super) fn take_back_what_is_safe(&self) {
        let mut core = self.visit.device.core();
        if core.holds_safe_mode(self.visit.id) {
            core.unroll("left with its shell");
        }
    }
}
