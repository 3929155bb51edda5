//! `listen`: which rows of a menu are new or other than they were.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher as _};

use routeros::error::Trap;
use routeros::row::Row as Record;

use super::{After, Order, Outcome};
use crate::core::Core;
use crate::schema::{SCHEMA, Storage};
use crate::trap;

/// What was last seen of a menu: a mark for each row, by its id.
pub(crate) type Marks = BTreeMap<String, u64>;

impl Core {
    /// Begins to listen.
    pub(super) fn listen(&self, order: &Order) -> Result<Outcome, Trap> {
        if self.is_single(&order.menu) {
            return Err(trap::unknown_parameter("follow-only"));
        }
        Self::check_parameters(order, super::PRINT)?;
        let known = self.marks(&order.menu);
        Ok(Outcome::after(After::Listen(
            Box::new(order.clone()),
            known,
        )))
    }

    /// Marks the rows of a menu; what moves by itself, as counters do, makes no mark.
    fn marks(&self, menu: &str) -> Marks {
        let is_live = SCHEMA
            .menu(menu)
            .is_some_and(|m| m.storage == Storage::Live);
        if menu == "/interface" {
            let all = self.interfaces();
            let mark = |i: &crate::core::Interface| {
                let running = self.is_running(i.name());
                (i.row.shown_id(), hash(&(&i.row.props, running)))
            };
            return all.iter().map(mark).collect();
        }
        if is_live {
            let all = self.records(menu);
            let is_log = menu == "/log";
            let mark = |r: &Record| {
                let all: Vec<_> = r.iter().filter(|_| !is_log).collect();
                (r.id().unwrap_or_default().to_owned(), hash(&all))
            };
            return all.iter().map(mark).collect();
        }
        let rows = self.tree.rows(menu).iter();
        rows.map(|r| (r.shown_id(), hash(&r.props))).collect()
    }

    /// Returns what changed since `known`, as `listen` shows it.
    pub(crate) fn news(&self, order: &Order, known: &mut Marks) -> Vec<Record> {
        let now = self.marks(&order.menu);
        if now == *known {
            return Vec::new();
        }
        let is_new = |id: &str| now.get(id) != known.get(id);
        let mut news: Vec<_> = self
            .records(&order.menu)
            .into_iter()
            .filter(|r| r.id().is_some_and(&is_new) && order.filter.passes(r))
            .collect();
        if let Some(list) = order.arg(".proplist") {
            news = news.iter().map(|r| super::project(r, list)).collect();
        }
        let gone = known.keys().filter(|id| !now.contains_key(*id));
        let dead = self.spec.switches.dead_word(self.release);
        news.extend(gone.map(|id| Record::new().with(".id", id).with(".dead", dead)));
        *known = now;
        news
    }
}

fn hash(value: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
