//! Refusals in RouterOS's own words.

use routeros::error::{Category, Trap};

use Category::{Argument, General, Missing, Scripting};

fn trap(category: Category, message: &str) -> Trap {
    Trap {
        category: Some(category),
        message: message.to_owned(),
    }
}

pub(crate) fn no_such_menu() -> Trap {
    trap(Missing, "no such command prefix")
}

pub(crate) fn no_such_command() -> Trap {
    trap(Missing, "no such command")
}

pub(crate) fn no_such_item() -> Trap {
    trap(Missing, "no such item")
}

pub(crate) fn unknown_parameter(name: &str) -> Trap {
    Trap {
        category: None,
        message: format!("unknown parameter {name}"),
    }
}

pub(crate) fn missing_value(name: &str) -> Trap {
    Trap {
        category: None,
        message: format!("missing value(s) of argument(s) {name}"),
    }
}

pub(crate) fn no_match(name: &str) -> Trap {
    trap(
        Argument,
        &format!("input does not match any value of {name}"),
    )
}

pub(crate) fn invalid(name: &str) -> Trap {
    trap(Argument, &format!("invalid value for argument {name}"))
}

pub(crate) fn out_of_range(name: &str, low: i64, high: i64) -> Trap {
    trap(
        Argument,
        &format!("value of {name} out of range ({low}..{high})"),
    )
}

pub(crate) fn failure(message: &str) -> Trap {
    trap(General, message)
}

pub(crate) fn not_permitted() -> Trap {
    trap(General, "not enough permissions (9)")
}

pub(crate) fn script(message: &str) -> Trap {
    trap(Scripting, message)
}

pub(crate) fn interrupted() -> Trap {
    trap(Category::Interrupted, "interrupted")
}
