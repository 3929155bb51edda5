//! Requests as orders: which words are arguments, which are conditions.

use std::sync::Arc;

use routeros::error::Trap;
use routeros::query::Query;
use routeros::server::Request;

use crate::device::Inner;
use crate::schema::{Kind, SCHEMA};
use crate::text;
use crate::trap;
use crate::verb::{Filter, Order};

/// Reads a request as an order.
pub(super) fn read(request: &Request, device: &Arc<Inner>) -> Result<Order, Trap> {
    let switches = &device.spec.switches;
    let core = device.core();
    let mut order = Order::new(&request.path);
    for (name, value) in request.attributes.iter() {
        if name == "count-only" && switches.ignores_count {
            continue;
        }
        // On the wire, `!name` and an empty value mean the same.
        let arg = if let Some(name) = name.strip_prefix('!') {
            (name.to_owned(), None)
        } else {
            let value = text::decode(value);
            let value = core.meant_ids(name, &value).into_owned();
            (name.to_owned(), Some(value))
        };
        order.args.push(arg);
    }
    if !request.queries.is_empty() {
        let mut words = request.queries.clone();
        if !switches.strict_queries {
            for word in &mut words {
                spell_flag(&order.menu, word);
            }
        }
        let query = Query::parse(&words);
        order.filter = Filter::Query(query.map_err(|e| trap::failure(&e.to_string()))?);
    }
    Ok(order)
}

/// Spells the flag in a query as replies do.
fn spell_flag(menu: &str, word: &mut Vec<u8>) {
    let Some((name, value)) = std::str::from_utf8(word)
        .ok()
        .and_then(|w| w.trim_start_matches(['?', '=']).split_once('='))
        .filter(|(name, _)| name.starts_with(|c: char| c.is_ascii_alphabetic()))
    else {
        return;
    };
    let is_flag = SCHEMA.menu(menu).is_none_or(|menu| {
        let mut props = menu.props.iter();
        props.any(|p| &*p.name == name && p.kind == Kind::Bool)
    });
    let spelled = match value {
        "yes" if is_flag => "true",
        "no" if is_flag => "false",
        _ => return,
    };
    *word = format!("?={name}={spelled}").into_bytes();
}
