//! What a script calls, as an order; and refusals, as a console says them.

use routeros::error::Trap;
use routeros::script::Problem;
use routeros::script::run::{Argument, Call, Data};

use crate::schema::{Kind, SCHEMA};
use crate::text;
use crate::verb::{Filter, Order};

/// Reads a call of a script as an order.
pub(super) fn order(call: &Call, is_single: bool) -> Result<Order, Problem> {
    let menu = call.menu.trim_end_matches('/').to_owned();
    let mut order = Order {
        menu,
        verb: call.verb.clone(),
        is_console: true,
        filter: call.filter.clone().map_or(Filter::All, Filter::Condition),
        ..Order::default()
    };
    let mut positional = Vec::new();
    let flags = SCHEMA.menu(&order.menu);
    let is_flag = |name: &str| {
        let mut props = flags.map(|m| m.props.iter()).into_iter().flatten();
        props.any(|p| *p.name == *name && p.kind == Kind::Flag)
    };
    for argument in &call.arguments {
        match argument {
            Argument::Named(name, value) => {
                order.args.push((name.clone(), Some(value_text(value)?)));
            }
            Argument::Unset(name) => order.args.push((name.clone(), None)),
            Argument::Positional(value) => {
                let value = value_text(value)?;
                if is_flag(&value) {
                    order.args.push((value, Some("yes".to_owned())));
                } else {
                    positional.push(value);
                }
            }
        }
    }
    place(&mut order, is_single, positional)?;
    Ok(order)
}

/// Gives arguments without a name the name that their place means.
fn place(order: &mut Order, is_single: bool, positional: Vec<String>) -> Result<(), Problem> {
    let names: &[&str] = match order.verb.as_str() {
        "set" | "remove" | "enable" | "disable" | "monitor" | "make-static" | "reset-counters"
        | "request-logout" => &["numbers"],
        "run" | "sign" => &["number"],
        "get" if is_single => &["value-name"],
        "get" | "unset" => &["numbers", "value-name"],
        "move" => &["numbers", "destination"],
        "comment" => &["numbers", "comment"],
        "ping" | "speed-test" | "traceroute" => &["address"],
        "import" => &["file-name"],
        "monitor-traffic" => &["interface"],
        "info" | "warning" | "error" | "debug" if order.menu == "/log" => &["message"],
        _ => &[],
    };
    for (n, value) in positional.into_iter().enumerate() {
        let is_flag = matches!(order.verb.as_str(), "print" | "export")
            || matches!(
                value.as_str(),
                "once" | "detail" | "verbose" | "terse" | "as-value"
            );
        if is_flag && !value.starts_with('*') && value.parse::<u32>().is_err() {
            order.args.push((value, Some(String::new())));
        } else if order.verb == "print" {
            order.args.push(("from".to_owned(), Some(value)));
        } else {
            let name = names.get(n).ok_or(Problem::ExpectedEnd)?;
            order.args.push(((*name).to_owned(), Some(value)));
        }
    }
    Ok(())
}

fn value_text(data: &Data) -> Result<String, Problem> {
    let bytes = match data {
        Data::List(list) => {
            let texts: Option<Vec<_>> = list.iter().map(Data::text).collect();
            texts.map(|t| t.join(&b','))
        }
        other => other.text(),
    };
    bytes
        .map(|b| text::decode(&b))
        .ok_or_else(|| Problem::Failed("no such item".to_owned()))
}

/// A console says of an unknown command what it is, and of all else what the device says.
pub(super) fn problem(trap: Trap, call: &Call) -> Problem {
    if trap.message.starts_with("no such command") {
        let word = if trap.message.ends_with("prefix") {
            call.menu.rsplit('/').next().unwrap_or_default()
        } else {
            &call.verb
        };
        return Problem::BadCommand(word.to_owned());
    }
    if trap.message.starts_with("unknown parameter") {
        return Problem::ExpectedEnd;
    }
    Problem::Failed(trap.message)
}
