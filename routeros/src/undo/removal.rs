//! Removals: what can be given back, and what is still in use.

use super::diff::label;
use super::model::{Entry, Model, Origin};
use super::properties::is_interface_menu;
use super::{PlanProblem, USERS_OF_INTERFACES};

/// Refuses a removal that could not be made good.
pub(super) fn check(model: &Model, menu: &str, entry: &Entry) -> Result<(), PlanProblem> {
    let item = label(menu, &entry.row);
    let lost = |reason| {
        let item = item.clone();
        Err(PlanProblem::Lost { item, reason })
    };
    let is_new = matches!(model.origin(entry.handle), Origin::Added(_));
    match menu {
        "/interface/ethernet" => return Err(PlanProblem::BuiltIn(item)),
        _ if is_new => {}
        "/user" => return lost("its password cannot be read"),
        "/user/ssh-keys" | "/certificate" | "/file" | "/ip/ssh/keys" => {
            return lost("its content cannot be read");
        }
        "/interface/wireguard" if entry.row.raw("private-key").is_none_or(<[u8]>::is_empty) => {
            return lost("its private key cannot be read");
        }
        _ if entry.row.flag("builtin") || entry.row.flag("default") => {
            return Err(PlanProblem::BuiltIn(item));
        }
        _ => {}
    }
    let Some(name) = entry.row.raw("name").filter(|_| is_interface_menu(menu)) else {
        return Ok(());
    };
    for user in USERS_OF_INTERFACES {
        let names = |e: &&Entry| {
            let is_named = |p: &&str| e.row.raw(p) == Some(name);
            ["interface", "bridge"].iter().any(is_named)
        };
        if let Some(user) = model
            .entries(user)
            .iter()
            .find(names)
            .map(|e| label(user, &e.row))
        {
            return Err(PlanProblem::StillUsed { item, user });
        }
    }
    Ok(())
}
