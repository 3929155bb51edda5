//! What accounts may not do: leave nobody in charge, or give more than they have.

use routeros::error::Trap;

use super::{Order, read_id};
use crate::core::{Caller, Core};
use crate::trap;

impl Core {
    /// Says whether a command on accounts is passed over in silence, as it is for one's own;
    /// refuses those that would leave nobody with all rights.
    pub(super) fn guards_user(&self, caller: &Caller, order: &Order) -> Result<bool, Trap> {
        let disables = order
            .arg("disabled")
            .is_some_and(|d| matches!(d, "yes" | "true"));
        let is_end =
            matches!(order.verb.as_str(), "remove" | "disable") || order.verb == "set" && disables;
        let loses = order.verb == "set" && order.arg("group").is_some_and(|g| g != "full");
        if !is_end && !loses {
            return Ok(false);
        }
        let Some(numbers) = order.numbers() else {
            return Ok(false);
        };
        let ids = self.resolve(&order.menu, numbers, order.is_console)?;
        let ids: Vec<u32> = ids.iter().filter_map(|id| read_id(id)).collect();
        let rows = self.tree.rows("/user");
        let own = rows.iter().find(|r| r.get("name") == Some(&caller.user));
        if is_end && own.is_some_and(|r| ids.contains(&r.id)) {
            return Ok(true);
        }
        let stays = rows
            .iter()
            .any(|r| r.get("group") == Some("full") && !r.is("disabled") && !ids.contains(&r.id));
        if stays {
            Ok(false)
        } else {
            Err(trap::failure(
                "failure: can not remove last user with full rights",
            ))
        }
    }

    /// Refuses a script or timer that may do more than the account that makes it.
    pub(super) fn check_policy(&self, caller: &Caller, order: &Order) -> Result<(), Trap> {
        if !matches!(order.menu.as_str(), "/system/scheduler" | "/system/script") {
            return Ok(());
        }
        let wanted = order.arg("policy").unwrap_or_default();
        let mut wanted = wanted.split(',').filter(|p| !p.is_empty());
        if wanted.all(|p| p.starts_with('!') || self.has_policy(&caller.user, p)) {
            Ok(())
        } else {
            Err(trap::not_permitted())
        }
    }

    /// Returns the group of an account.
    pub(crate) fn group_of(&self, user: &str) -> &str {
        let rows = self.tree.rows("/user").iter();
        let mut named = rows.filter(|r| r.get("name") == Some(user));
        named.next().and_then(|r| r.get("group")).unwrap_or("full")
    }
}
