//! Upgrades: what was found, what was downloaded, and what a boot makes of it.

use routeros::row::Row as Record;

use super::Core;
use crate::profile::Release;

/// What a device knows of newer releases.
#[derive(Debug, Clone, Default)]
pub(crate) struct Upgrade {
    latest: Option<Release>,
    status: Option<&'static str>,
    downloaded: Option<Release>,
    /// `RouterBOOT` as it runs, if it differs from the release that the device came with.
    firmware: Option<Release>,
    /// `RouterBOOT` as it is on the flash, to run after the next boot.
    flashed: Option<Release>,
    /// What a boot made of it, to be written to the log that begins with the boot.
    said: Option<(&'static str, String)>,
}

const NEW: &str = "New version is available";
const OLD: &str = "System is already up to date";
const DONE: &str = "Downloaded, please reboot router to upgrade it";
const LOST: &str = "ERROR: could not resolve dns name";
const FULL: &str = "ERROR: not enough disk space";

impl Core {
    /// Says whether the maker's server can be reached: by a default route out of the uplink.
    fn reaches_feed(&self) -> bool {
        let beyond = std::net::IpAddr::V4(std::net::Ipv4Addr::new(159, 148, 172, 226));
        let egress = self.egress(beyond);
        egress.is_some() && egress == self.ingress() && self.topology.cut(&self.spec.name).is_none()
    }

    fn channel(&self) -> String {
        let set = self.tree.single("/system/package/update", "channel");
        set.unwrap_or("stable").to_owned()
    }

    fn update_row(&self, status: &str) -> Record {
        let mut row = Record::new()
            .with("channel", self.channel())
            .with("installed-version", self.release.to_string());
        if let Some(latest) = self.upgrade.latest {
            row.push("latest-version", latest.to_string());
        }
        row.with("status", status)
    }

    /// Looks for a newer release; returns what is shown one after the other.
    pub(crate) fn check_updates(&mut self) -> Vec<Vec<Record>> {
        let first = self.update_row("finding out latest version...");
        let found = self.feed.latest(self.release, &self.channel());
        let (latest, status) = match found.filter(|_| self.reaches_feed()) {
            Some(latest) if latest > self.release => (Some(latest), NEW),
            Some(latest) => (Some(latest), OLD),
            None => (None, LOST),
        };
        self.upgrade.latest = latest;
        self.upgrade.status = Some(status);
        vec![vec![first], vec![self.update_row(status)]]
    }

    /// Downloads what was found.
    pub(crate) fn download_update(&mut self) -> Vec<Vec<Record>> {
        let mut shown = self.check_updates();
        let Some(latest) = self.upgrade.latest.filter(|l| *l > self.release) else {
            return shown;
        };
        if self.free_space() == 0 {
            self.upgrade.status = Some(FULL);
            shown.push(vec![self.update_row(FULL)]);
            return shown;
        }
        shown.push(vec![self.update_row("Downloaded 42%")]);
        self.upgrade.downloaded = Some(latest);
        self.upgrade.status = Some(DONE);
        shown.push(vec![self.update_row(DONE)]);
        shown
    }

    /// Says whether a boot would bring another release.
    pub(crate) fn has_downloaded(&self) -> bool {
        self.upgrade.downloaded.is_some()
    }

    /// Shows what is known of newer releases.
    pub(crate) fn decorate_update(&self, record: &mut Record) {
        record.set("installed-version", self.release.to_string());
        if let Some(latest) = self.upgrade.latest {
            record.set("latest-version", latest.to_string());
        }
        if let Some(status) = self.upgrade.status {
            record.set("status", status);
        }
    }

    /// Returns `RouterBOOT` as it runs, and as the installed release would bring it.
    pub(crate) fn firmware(&self) -> (Release, Release) {
        (self.upgrade.firmware.unwrap_or(self.release), self.release)
    }

    /// Writes the release's `RouterBOOT` to the flash.
    pub(crate) fn flash_firmware(&mut self) {
        let (_, newest) = self.firmware();
        self.upgrade.flashed = Some(newest);
        let message = "Firmware upgraded successfully, please reboot for changes to take effect!";
        self.say("system,info,critical", message.to_owned());
    }

    /// Takes the release and the firmware that wait for a boot; returns what it runs then.
    pub(crate) fn adopt(&mut self) -> Release {
        if let Some(firmware) = self.upgrade.flashed.take() {
            self.upgrade.firmware = Some(firmware);
        }
        let package = self.package_on_disk();
        let Some(release) = self.upgrade.downloaded.take().or(package) else {
            return self.release;
        };
        let is_step_missing = !self.release.at_least(7, 0) && release.at_least(7, 13);
        if is_step_missing {
            let message = format!("can not install routeros-{release}: upgrade to 7.12.1 first");
            self.upgrade.said = Some(("system,error", message));
            return self.release;
        }
        // What runs stays what it was until somebody upgrades it, too.
        let (firmware, _) = self.firmware();
        self.upgrade = Upgrade {
            firmware: Some(firmware),
            ..Upgrade::default()
        };
        let old = std::mem::replace(&mut self.release, release);
        self.convert(old);
        self.upgrade.said = Some(("system,info", format!("installed routeros-{release}")));
        let settings = "/system/routerboard/settings";
        if matches!(
            self.tree.single(settings, "auto-upgrade"),
            Some("true" | "yes")
        ) {
            self.upgrade.flashed = Some(release);
        }
        release
    }

    /// Writes to the log what a boot made of an upgrade.
    pub(super) fn say_adopted(&mut self) {
        if let Some((topics, message)) = self.upgrade.said.take() {
            self.say(topics, message);
        }
    }

    /// Finds a package in the root of the disk, for this device and newer than what it runs.
    fn package_on_disk(&self) -> Option<Release> {
        let arch = match self.board.arch {
            "x86_64" => String::new(),
            arch => format!("-{arch}"),
        };
        let files = self.list("");
        let releases = files.iter().filter_map(|file| {
            let rest = file.name.strip_prefix("routeros-")?.strip_suffix(".npk")?;
            // Before 7, the architecture stood first.
            let version = rest.strip_suffix(arch.as_str()).or_else(|| {
                rest.strip_prefix(arch.trim_start_matches('-'))?
                    .strip_prefix('-')
            })?;
            Release::parse(version)
        });
        releases.filter(|r| *r > self.release).max()
    }
}
