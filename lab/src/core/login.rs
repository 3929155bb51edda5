//! Signing in: accounts, rights, addresses, and the lines it leaves in the log.

use tod_proto::lab::{Event, Fault};

use super::{Core, shown_via};
use crate::value::address_matches;

impl Core {
    /// Signs a session in, if the account may use the service from there.
    pub(crate) fn log_in(&mut self, id: u64, name: &str, password: &str, policy: &str) -> bool {
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
        let account = self
            .tree
            .rows("/user")
            .iter()
            .find(|r| r.get("name") == Some(name));
        let is_good = account.is_some_and(|account| {
            let allowed = account.get("address").unwrap_or_default();
            let mut networks = allowed.split(',').filter(|n| !n.is_empty()).peekable();
            let is_near = networks.peek().is_none() || networks.any(|n| address_matches(n, peer));
            account.get("password").unwrap_or_default() == password
                && !account.is("disabled")
                && is_near
        });
        let is_good = is_good
            && self.has_policy(name, policy)
            && !self.has_fault(|f| *f == Fault::WrongPassword);
        let (name, via) = (name.to_owned(), via.to_owned());
        let shown = shown_via(&via);
        if is_good {
            self.say(
                "system,info,account",
                format!("user {name} logged in from {peer} via {shown}"),
            );
            self.counts.logins += 1;
            let now = self.clock.now();
            if let Some(session) = self.sessions.get_mut(&id) {
                session.user = Some(name.clone());
                session.since = now;
            }
            self.record(Event::LoggedIn {
                session: id,
                via,
                user: name,
            });
        } else {
            let message = format!("login failure for user {name} from {peer} via {shown}");
            self.say("system,error,critical", message);
            self.counts.failed_logins += 1;
            self.record(Event::LoginFailed {
                session: id,
                via,
                user: name,
            });
        }
        is_good
    }
}
