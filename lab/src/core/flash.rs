//! What is on the disk: perhaps not yet what was changed a moment ago.

use std::time::Duration;

use super::Core;

impl Core {
    /// Remembers what is on the disk, before something is changed that gets there later. What is
    /// done in safe mode does not get there at all until it is released.
    pub(super) fn keep_saved(&mut self) {
        let Some(delay) = self.flash_delay().filter(|_| self.safe.is_none()) else {
            return;
        };
        let now = self.clock.now();
        self.unsaved.retain(|(at, _)| at.plus(delay) > now);
        self.unsaved.push_back((now, self.tree.clone()));
    }

    /// Goes back to what is on the disk.
    pub(crate) fn lose_unsaved(&mut self) {
        let Some(delay) = self.flash_delay() else {
            return;
        };
        let now = self.clock.now();
        let mut unsaved = std::mem::take(&mut self.unsaved).into_iter();
        if let Some((_, tree)) = unsaved.find(|(at, _)| at.plus(delay) > now) {
            self.tree.restore(tree);
        }
    }

    fn flash_delay(&self) -> Option<Duration> {
        let delay = self.spec.switches.flash_delay_s;
        (delay > 0).then(|| Duration::from_secs(delay.into()))
    }
}
