//! What a device can do: asked once, remembered, and asked again after an upgrade.
//!
//! Versions tell what could be there; packages, boards, `device-mode` and the account's policies
//! decide what is. What could not be found out counts as there: asking in vain costs a refusal,
//! not asking costs what would have been seen.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::command::Command;
use crate::error::{Trap, TrapKind};
use crate::row::{RowRef, Rows};
use crate::version::Installed;

/// Menus that only some devices have. A menu that holds one record is printed, of others the items
/// are counted.
const MENUS: &[(&str, bool)] = &[
    ("/system/routerboard", true),
    ("/system/health", true),
    ("/interface/wireless", false),
    ("/interface/wifiwave2", false),
    ("/interface/wifi", false),
    ("/caps-man/interface", false),
    ("/interface/lte", false),
    ("/interface/wireguard", false),
    ("/container", false),
];

/// Packages that bring menus, where a menu is not there without one.
const PACKAGES_OF: &[(&str, &str)] = &[
    ("/interface/wireless", "wireless"),
    ("/caps-man", "wireless"),
    ("/interface/wifiwave2", "wifiwave2"),
    ("/container", "container"),
    ("/user-manager", "user-manager"),
    ("/zerotier", "zerotier"),
    ("/iot", "iot"),
    ("/system/gps", "gps"),
    ("/system/ups", "ups"),
    ("/dude", "dude"),
    ("/tr069-client", "tr069-client"),
];

/// Questions before those about menus.
const RESOURCE: usize = 0;
const PACKAGES: usize = 1;
const DEVICE_MODE: usize = 2;
const USER: usize = 3;
const GROUPS: usize = 4;
const SERVICES: usize = 5;
const FIRST_MENU: usize = 6;

/// The answer to one question.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'a> {
    /// The records.
    pub rows: &'a Rows,
    /// The refusal, if it was refused.
    pub trap: Option<&'a Trap>,
}

/// What a device can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// What it runs.
    installed: Option<Installed>,
    /// The packages that are installed and enabled.
    packages: BTreeSet<String>,
    /// What `device-mode` allows and forbids; nothing where there is no such thing.
    device_mode: BTreeMap<String, bool>,
    is_flagged: bool,
    /// The policies of the account; unknown to an account that may not read them.
    policies: Option<BTreeSet<String>>,
    /// The most sessions that each service takes.
    max_sessions: BTreeMap<String, u32>,
    absent: BTreeSet<&'static str>,
    uptime: Option<Duration>,
}

impl Capabilities {
    /// What to ask, all at once.
    pub fn questions(account: &str) -> Vec<Command> {
        let mut questions = vec![
            Command::print("/system/resource").proplist(&["version", "uptime"]),
            Command::print("/system/package").proplist(&["name", "disabled", "available"]),
            Command::print("/system/device-mode"),
            Command::print("/user")
                .proplist(&["name", "group"])
                .equals("name", account),
            Command::print("/user/group").proplist(&["name", "policy"]),
            Command::print("/ip/service").proplist(&["name", "max-sessions"]),
        ];
        questions.extend(MENUS.iter().map(|&(menu, is_record)| {
            let print = Command::print(menu);
            if is_record {
                print.proplist(&["name"])
            } else {
                print.flag("count-only")
            }
        }));
        questions
    }

    /// What the answers to [`Capabilities::questions`] say.
    pub fn read(replies: &[Reply<'_>]) -> Self {
        let rows = |at: usize| {
            let answered = replies.get(at).filter(|reply| reply.trap.is_none());
            answered.into_iter().flat_map(|reply| reply.rows.iter())
        };
        let mut found = Self::default();
        if let Some(resource) = rows(RESOURCE).next() {
            found.installed = resource.text("version").and_then(|v| Installed::parse(&v));
            found.uptime = resource.maybe("uptime").ok().flatten();
        }
        let packages = rows(PACKAGES).filter(|row| !row.flag("disabled") && !row.flag("available"));
        found.packages = packages
            .filter_map(|row| row.text("name").map(std::borrow::Cow::into_owned))
            .collect();
        for row in rows(DEVICE_MODE) {
            found.is_flagged = row.flag("flagged");
            let flags = row.iter().map(|(name, _)| name);
            let known = flags.filter_map(|name| Some((name, row.maybe(name).ok()??)));
            found.device_mode = known.map(|(name, on)| (name.to_owned(), on)).collect();
        }
        found.policies = rows(USER)
            .next()
            .and_then(|user| policies(&user, rows(GROUPS)));
        found.max_sessions = rows(SERVICES)
            .filter_map(|row| {
                let most = row.maybe("max-sessions").ok()??;
                Some((row.text("name")?.into_owned(), most))
            })
            .collect();
        let menus = replies.get(FIRST_MENU..).unwrap_or_default();
        let is_absent = |reply: &Reply<'_>| {
            reply
                .trap
                .is_some_and(|trap| trap.kind() == TrapKind::NoSuchCommand)
        };
        found.absent = MENUS
            .iter()
            .zip(menus)
            .filter(|(_, reply)| is_absent(reply))
            .map(|(&(menu, _), _)| menu)
            .collect();
        found
    }

    /// Whether there is no use in asking for a menu.
    pub fn lacks(&self, menu: &str) -> bool {
        self.absent
            .iter()
            .any(|absent| menu.strip_prefix(absent).is_some_and(is_end))
    }

    /// The package that would bring a menu, if it is not installed.
    pub fn package_for(&self, menu: &str) -> Option<&'static str> {
        let brings = |of: &str| menu.strip_prefix(of).is_some_and(is_end);
        let (_, package) = PACKAGES_OF.iter().find(|(of, _)| brings(of))?;
        // Version 6 has other packages.
        let has_it = self.installed.as_ref().is_none_or(|i| i.version.major < 7)
            || self.packages.is_empty()
            || self.packages.contains(*package);
        (!has_it).then_some(package)
    }

    /// Whether the device marks itself as possibly tampered with, and does nothing special then.
    pub fn is_flagged(&self) -> bool {
        self.is_flagged
    }

    /// Whether `device-mode` lets something be used, as far as is known.
    pub fn allows(&self, what: &str) -> bool {
        !self.is_flagged && self.device_mode.get(what).copied().unwrap_or(true)
    }

    /// The most sessions that a service takes at once, since the versions that tell.
    pub fn most_sessions(&self, service: &str) -> Option<u32> {
        self.max_sessions.get(service).copied()
    }

    /// The policies of the account; nothing if it may not read them.
    pub fn policies(&self) -> Option<&BTreeSet<String>> {
        self.policies.as_ref()
    }

    /// Whether the account may do something, as far as is known.
    pub fn may(&self, policy: &str) -> bool {
        self.policies
            .as_ref()
            .is_none_or(|policies| policies.contains(policy))
    }

    /// Takes in what a later poll saw. Returns whether to ask again: another version is running, or
    /// the device has started anew, which is when packages and modes change.
    pub fn is_outdated_by(&mut self, version: Option<&str>, uptime: Option<Duration>) -> bool {
        let known = self
            .installed
            .as_ref()
            .map(|known| known.version.to_string());
        let is_other = known
            .zip(version)
            .is_some_and(|(known, version)| known != version);
        let has_restarted = uptime
            .zip(self.uptime)
            .is_some_and(|(now, then)| now < then);
        self.uptime = uptime.or(self.uptime);
        is_other || has_restarted
    }
}

fn is_end(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('/')
}

/// What the group of an account may do: `read,write,!ftp`.
fn policies<'a>(
    user: &RowRef<'_>,
    mut groups: impl Iterator<Item = RowRef<'a>>,
) -> Option<BTreeSet<String>> {
    let group = user.raw("group")?;
    let group = groups.find(|row| row.raw("name") == Some(group))?;
    let policy = group.text("policy")?;
    let held = policy
        .split(',')
        .filter(|word| !word.is_empty() && !word.starts_with('!'));
    Some(held.map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Row;

    type Answers = Vec<(Rows, Option<Trap>)>;

    fn read(answers: &Answers) -> Capabilities {
        let replies: Vec<Reply<'_>> = answers
            .iter()
            .map(|(rows, trap)| Reply {
                rows,
                trap: trap.as_ref(),
            })
            .collect();
        Capabilities::read(&replies)
    }

    fn chr() -> Answers {
        let mut answers = vec![(Rows::new(), None); Capabilities::questions("tod").len()];
        let resource = Row::new()
            .with("version", "7.20.8 (stable)")
            .with("uptime", "1d");
        answers[RESOURCE].0 = [resource].into();
        let package = |name: &str| Row::new().with("name", name);
        answers[PACKAGES].0 = [
            package("routeros"),
            package("wireless").with("disabled", "true"),
            package("container").with("available", "true"),
        ]
        .into();
        let mode = Row::new()
            .with("mode", "home")
            .with("scheduler", "no")
            .with("fetch", "yes");
        answers[DEVICE_MODE].0 = [mode].into();
        answers[USER].0 = [Row::new().with("name", "tod").with("group", "ops")].into();
        let group = |name: &str, policy: &str| package(name).with("policy", policy);
        answers[GROUPS].0 = [group("full", "write"), group("ops", "read,api,!write")].into();
        answers[SERVICES].0 = [package("api").with("max-sessions", "20"), package("ftp")].into();
        let no = Trap::new(None, b"no such command prefix");
        answers[FIRST_MENU].1 = Some(no.clone());
        answers[FIRST_MENU + 2].1 = Some(no);
        answers[FIRST_MENU + 4].1 = Some(Trap::new(None, b"not enough permissions (9)"));
        answers
    }

    #[test]
    fn answers_tell_what_is_there() {
        let found = read(&chr());

        assert_eq!(Vec::from_iter(&found.packages), ["routeros"]);
        assert!(found.lacks("/system/routerboard") && found.lacks("/interface/wireless"));
        assert!(found.lacks("/interface/wireless/registration-table"));
        assert!(!found.lacks("/interface/wireguard") && !found.lacks("/ip/address"));
        assert!(
            !found.lacks("/interface/wifi"),
            "a refusal is not an absence"
        );
        assert!(!found.allows("scheduler") && found.allows("fetch") && found.allows("email"));
        assert!(found.may("api") && !found.may("write"));
        assert_eq!(found.most_sessions("api"), Some(20));
        assert_eq!(
            found.package_for("/interface/wireless/access-list"),
            Some("wireless")
        );
        assert_eq!(found.package_for("/interface/wireless-x"), None);
    }

    #[test]
    fn what_could_not_be_found_out_counts_as_there() {
        let found = read(&Vec::new());

        assert_eq!(found, Capabilities::default());
        assert!(!found.lacks("/system/routerboard"));
        assert!(found.may("write") && found.allows("scheduler"));
        assert_eq!(found.package_for("/container"), None);
    }

    #[test]
    fn a_flagged_device_allows_nothing_special() {
        let mut answers = chr();
        answers[DEVICE_MODE].0 = [Row::new().with("flagged", "yes").with("fetch", "yes")].into();
        assert!(!read(&answers).allows("fetch"));
    }

    #[test]
    fn an_upgrade_and_a_restart_are_reasons_to_ask_again() {
        let day = Duration::from_hours(24);
        let mut found = read(&chr());
        assert!(!found.is_outdated_by(Some("7.20.8"), Some(day * 2)));
        assert!(!found.is_outdated_by(None, None), "nothing was seen");
        assert!(
            found.is_outdated_by(Some("7.20.8"), Some(day)),
            "it started anew"
        );
        assert!(found.is_outdated_by(Some("7.22.3"), Some(day * 3)));
    }
}
