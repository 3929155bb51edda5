//! Signing in: accounts, rights, addresses, keys, and the lines it leaves in the log.

use md5::{Digest as _, Md5};
use tod_proto::lab::{Event, Fault};

use super::{Caller, Core, shown_via};
use crate::text;
use crate::tree::{Change, Row};
use crate::value::address_matches;

/// What somebody shows to prove who they are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Proof<'a> {
    /// The password itself.
    Password(&'a str),
    /// `00` and the hash of zero, password and challenge.
    Response([u8; 16], &'a str),
    /// The base64 of a public key whose signature was good.
    Key(&'a str),
}

impl Proof<'_> {
    fn fits(&self, password: &str) -> bool {
        match self {
            Self::Password(given) => *given == password,
            Self::Response(challenge, given) => {
                let hash = Md5::new()
                    .chain_update([0])
                    .chain_update(text::encode(password))
                    .chain_update(challenge);
                *given == format!("00{}", hex::encode(hash.finalize()))
            }
            Self::Key(_) => false,
        }
    }
}

impl Core {
    /// Signs a session in, if the account may use the service from there.
    pub(crate) fn log_in(&mut self, id: u64, name: &str, proof: Proof<'_>, policy: &str) -> bool {
        let Some(session) = self.sessions.get(&id) else {
            return false;
        };
        let (peer, via) = (session.peer.ip(), session.via);
        // What follows a plus sign is about the terminal, not about the account.
        let name = if via == "ssh" {
            name.split('+').next().unwrap_or(name)
        } else {
            name
        };
        let account = self.account(name);
        let is_good = account.is_some_and(|account| {
            let allowed = account.get("address").unwrap_or_default();
            let mut networks = allowed.split(',').filter(|n| !n.is_empty()).peekable();
            let is_near = networks.peek().is_none() || networks.any(|n| address_matches(n, peer));
            let password = account.get("password").unwrap_or_default();
            let is_proven = match proof {
                Proof::Key(key) => self.has_key(name, key),
                _ => proof.fits(password) && (via != "ssh" || self.takes_password(name)),
            };
            is_proven && !account.is("disabled") && is_near
        });
        let is_good = is_good
            && self.has_policy(name, policy)
            && !self.has_fault(|f| *f == Fault::WrongPassword);
        let name = name.to_owned();
        if is_good {
            self.note_login(id, &name);
        } else {
            let shown = shown_via(via);
            let message = format!("login failure for user {name} from {peer} via {shown}");
            self.say("system,error,critical", message);
            self.counts.failed_logins += 1;
            self.record(Event::LoginFailed {
                session: id,
                via: via.to_owned(),
                user: name,
            });
        }
        is_good
    }

    fn note_login(&mut self, id: u64, name: &str) {
        let now = self.clock.now();
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        session.user = Some(name.to_owned());
        session.since = now;
        let (peer, via) = (session.peer.ip(), session.via);
        let shown = shown_via(via);
        self.say(
            "system,info,account",
            format!("user {name} logged in from {peer} via {shown}"),
        );
        self.counts.logins += 1;
        self.record(Event::LoggedIn {
            session: id,
            via: via.to_owned(),
            user: name.to_owned(),
        });
    }

    /// Gives an account another password.
    pub(crate) fn set_password(&mut self, caller: &Caller, password: &str) {
        let Some(id) = self.account(&caller.user).map(|a| a.id) else {
            return;
        };
        let change = Change::Set {
            path: Self::key("/user"),
            id,
            props: vec![("password".into(), Some(password.to_owned()))],
        };
        self.commit(caller, "password", vec![change]);
    }

    fn account(&self, name: &str) -> Option<&Row> {
        let mut users = self.tree.rows("/user").iter();
        users.find(|r| r.get("name") == Some(name))
    }

    fn keys(&self, user: &str) -> impl Iterator<Item = &Row> {
        let keys = self.tree.rows("/user/ssh-keys").iter();
        keys.filter(move |k| k.get("user") == Some(user))
    }

    /// Says whether a key belongs to an account that can be used.
    pub(crate) fn has_key(&self, user: &str, key: &str) -> bool {
        let user = user.split('+').next().unwrap_or(user);
        self.keys(user).any(|row| {
            let shown = row.get("key").unwrap_or_default();
            shown.split_whitespace().any(|part| part == key)
        })
    }

    /// Says whether SSH takes passwords of an account: one that has a key does not need them.
    fn takes_password(&self, user: &str) -> bool {
        let set = |name| self.tree.single("/ip/ssh", name).unwrap_or_default();
        if self.release.at_least(7, 21) {
            match set("password-authentication") {
                "no" => false,
                "yes" => true,
                _ => self.keys(user).next().is_none(),
            }
        } else {
            matches!(set("always-allow-password-login"), "true" | "yes")
                || self.keys(user).next().is_none()
        }
    }
}
