//! Upgrades: what was found, what was downloaded, and what a boot makes of it.

use routeros::row::Row as Record;

use super::Core;
use crate::profile::{Radio, Release};

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
        let downloaded = self.upgrade.downloaded.take();
        let Some(release) = downloaded.or_else(|| self.package_on_disk()) else {
            self.install_extras();
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
        self.packages = self.packages_of(release, downloaded.is_some());
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

    /// Finds packages beside the main one in the root of the disk, for this device and a release.
    fn extras_on_disk(&self, release: Release) -> Vec<String> {
        let tail = match self.board.arch {
            "x86_64" => format!("-{release}.npk"),
            arch => format!("-{release}-{arch}.npk"),
        };
        let files = self.list("").into_iter();
        let names = files.filter_map(|f| f.name.strip_suffix(&tail).map(str::to_owned));
        names.filter(|n| n != "routeros").collect()
    }

    /// Installs packages that wait in the root of the disk, beside those that are there.
    fn install_extras(&mut self) {
        let mut names = self.installed();
        let extras = self.extras_on_disk(self.release).into_iter();
        let new: Vec<_> = extras.filter(|n| !names.contains(n)).collect();
        if new.is_empty() {
            return;
        }
        let said = format!("installed {}-{}", new.join(", "), self.release);
        self.upgrade.said = Some(("system,info", said));
        names.extend(new);
        self.packages = names;
        self.convert(self.release);
    }

    fn installed(&self) -> Vec<String> {
        if self.packages.is_empty() {
            let usual = self.board.packages(self.release).iter();
            usual.map(|p| (*p).to_owned()).collect()
        } else {
            self.packages.clone()
        }
    }

    /// Returns the packages that it has with a newer release, empty if they are the usual ones.
    ///
    /// With 7.0, the pieces of version 6 became one. With 7.13, drivers of radios left it again:
    /// the device fetches them by itself, but who brings the main package alone loses the radios.
    fn packages_of(&self, release: Release, is_by_itself: bool) -> Vec<String> {
        let crosses =
            |major, minor| !self.release.at_least(major, minor) && release.at_least(major, minor);
        if crosses(7, 0) {
            let extras = self.packages.iter().filter(|p| *p == "user-manager");
            let all: Vec<_> = extras.cloned().collect();
            return if all.is_empty() {
                all
            } else {
                ["routeros".to_owned()].into_iter().chain(all).collect()
            };
        }
        if !crosses(7, 13) || self.board.radio == Radio::None {
            return self.packages.clone();
        }
        let has_wave = self.installed().iter().any(|p| p == "wifiwave2");
        let driver = if has_wave { "wifi-qcom" } else { "wireless" };
        let mut names = self.installed();
        names.retain(|n| n != "wifiwave2");
        if is_by_itself {
            names.push(driver.to_owned());
        } else {
            names.extend(self.extras_on_disk(release));
        }
        names
    }
}
