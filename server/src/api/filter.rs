//! Selectors as SQL with binds.
//!
//! What SQL can decide exactly as [`Selector::matches`] does, it decides. The rest (regular
//! expressions, words that are not ASCII, starts of identifiers) is decided in memory, on the rows
//! that SQL left over: [`Filter::rest`].

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::{Postgres, QueryBuilder};
use tod_proto::id::DeviceId;
use tod_proto::selector::{Field, Op, Selector, Term, Value};

use super::error::Error;

/// A selector, split between the database and this process.
#[derive(Debug)]
pub struct Filter {
    sql: Vec<Selector>,
    /// What rows still have to be held against; nothing if SQL decides all.
    pub rest: Option<Selector>,
    now: Timestamp,
}

impl Filter {
    /// Every device.
    pub fn all(now: Timestamp) -> Self {
        Self {
            sql: Vec::new(),
            rest: None,
            now,
        }
    }

    /// Parses a selector.
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, Error> {
        let selector: Selector =
            text.parse()
                .map_err(|error: tod_proto::selector::SelectorError| {
                    let refused =
                        Error::invalid(format!("selector: {error}")).detail(error.marked());
                    match &error.hint {
                        Some(hint) => refused.hint(hint),
                        None => refused,
                    }
                })?;
        Ok(Self::new(selector, now))
    }

    /// Splits a selector.
    pub fn new(selector: Selector, now: Timestamp) -> Self {
        let parts = match selector {
            Selector::And(parts) => parts,
            other => vec![other],
        };
        let (sql, rest): (Vec<_>, Vec<_>) = parts.into_iter().partition(is_sql);
        let rest = (!rest.is_empty()).then_some(Selector::And(rest));
        Self { sql, rest, now }
    }

    /// Pushes the part for the database, as ` and …`, on a query where `d` names `devices` and `s`
    /// names `device_state`.
    pub fn push(&self, query: &mut QueryBuilder<Postgres>) {
        for part in &self.sql {
            query.push(" and ");
            self.selector(query, part);
        }
    }

    /// Whether the part for the database needs `device_state`.
    pub fn reads_state(&self) -> bool {
        self.sql.iter().any(reads_state)
    }

    fn selector(&self, query: &mut QueryBuilder<Postgres>, selector: &Selector) {
        match selector {
            Selector::All => {
                query.push("true");
            }
            Selector::And(parts) => self.joined(query, parts, " and ", "true"),
            Selector::Or(parts) => self.joined(query, parts, " or ", "false"),
            Selector::Not(part) => {
                query.push("not ");
                self.selector(query, part);
            }
            Selector::Name(name) => named(query, name),
            Selector::Term(term) => self.term(query, term),
        }
    }

    fn joined(
        &self,
        query: &mut QueryBuilder<Postgres>,
        parts: &[Selector],
        word: &str,
        none: &str,
    ) {
        query.push("(");
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                query.push(word);
            }
            self.selector(query, part);
        }
        if parts.is_empty() {
            query.push(none);
        }
        query.push(")");
    }

    /// A field that a device does not have matches nothing but a negation.
    fn term(&self, query: &mut QueryBuilder<Postgres>, term: &Term) {
        if matches!(term.op, Op::Ne | Op::NotContains) {
            query.push("not ");
        }
        query.push("coalesce((");
        for (at, value) in term.values.iter().enumerate() {
            if at > 0 {
                query.push(" or ");
            }
            self.value(query, term, value);
        }
        query.push("), false)");
    }

    fn value(&self, query: &mut QueryBuilder<Postgres>, term: &Term, value: &Value) {
        match (column(term.field), value) {
            (Column::Text(column), Value::Text(_) | Value::Glob(_)) => {
                text(query, column, term.op, value);
            }
            (Column::Texts(column), Value::Text(_) | Value::Glob(_)) => {
                query.push("exists (select from unnest(");
                query.push(column);
                query.push(") word where ");
                text(query, "word", term.op, value);
                query.push(")");
            }
            (Column::Version(column), Value::Version(key)) => {
                compare(query, column, term.op);
                query.push_bind(key.map(i64::from).to_vec());
            }
            (Column::Version(column), Value::VersionRange(from, to)) => {
                query.push(column).push(" between ");
                query.push_bind(from.map(i64::from).to_vec());
                query.push(" and ").push_bind(to.map(i64::from).to_vec());
            }
            (Column::Number(column), Value::Number(number))
            | (Column::Uptime(column), Value::Seconds(number)) => {
                compare(query, column, term.op);
                query.push_bind(*number);
            }
            (Column::Number(column), Value::NumberRange(from, to))
            | (Column::Uptime(column), Value::SecondsRange(from, to)) => {
                query.push(column).push(" between ");
                query.push_bind(*from).push(" and ").push_bind(*to);
            }
            (Column::Since(column), Value::Seconds(seconds)) => {
                self.age(query, column);
                query.push(operator(term.op)).push_bind(*seconds);
            }
            (Column::Since(column), Value::SecondsRange(from, to)) => {
                self.age(query, column);
                query
                    .push(" between ")
                    .push_bind(*from)
                    .push(" and ")
                    .push_bind(*to);
            }
            (Column::Present(column), Value::Bool(wanted)) => {
                query.push("(").push(column).push(" is not null) = ");
                query.push_bind(*wanted);
            }
            // A value of another kind than the field's matches nothing.
            _ => {
                query.push("false");
            }
        }
    }

    fn age(&self, query: &mut QueryBuilder<Postgres>, column: &'static str) {
        query
            .push("extract(epoch from ")
            .push_bind(self.now.to_sqlx());
        query.push(" - ").push(column).push(")::float8");
    }
}

/// Where a field lies, and how it is compared.
#[derive(Clone, Copy)]
enum Column {
    Text(&'static str),
    Texts(&'static str),
    Version(&'static str),
    Number(&'static str),
    Uptime(&'static str),
    Since(&'static str),
    Present(&'static str),
    /// Only in memory.
    None,
}

fn column(field: Field) -> Column {
    match field {
        Field::Name => Column::Text("d.name"),
        Field::Address => Column::Text("d.address"),
        Field::Zone => Column::Text("d.zone"),
        Field::Status => Column::Text("s.status"),
        Field::Tls => Column::Text("d.tls"),
        Field::Site => Column::Text("coalesce(d.site, '')"),
        Field::Note => Column::Text("coalesce(d.note, '')"),
        Field::Tag => Column::Texts("d.tags"),
        Field::Id => Column::None,
        Field::Identity => Column::Text("s.identity"),
        Field::Serial => Column::Text("s.serial"),
        Field::Model => Column::Text("s.model"),
        Field::Arch => Column::Text("s.arch"),
        Field::Version => Column::Version("s.version_key"),
        Field::Channel => Column::Text("s.channel"),
        Field::StatusSince => Column::Since("s.status_since"),
        Field::Created => Column::Since("d.created_at"),
        Field::Seen => Column::Since("s.seen_at"),
        Field::Up => Column::Uptime("s.uptime_seconds::float8"),
        Field::Cpu => Column::Number("s.cpu_percent"),
        Field::Mem => Column::Number("s.mem_percent"),
        Field::Disk => Column::Number("s.disk_percent"),
        Field::Temp => Column::Number("s.temperature_celsius"),
        Field::Volt => Column::Number("s.voltage"),
        Field::Rx => Column::Number("s.rx_bps::float8"),
        Field::Tx => Column::Number("s.tx_bps::float8"),
        Field::Pending => Column::Present("s.pending_change"),
    }
}

fn reads_state(selector: &Selector) -> bool {
    match selector {
        Selector::All | Selector::Name(_) => false,
        Selector::And(parts) | Selector::Or(parts) => parts.iter().any(reads_state),
        Selector::Not(part) => reads_state(part),
        Selector::Term(term) => match column(term.field) {
            Column::Text(column)
            | Column::Texts(column)
            | Column::Version(column)
            | Column::Number(column)
            | Column::Uptime(column)
            | Column::Since(column)
            | Column::Present(column) => column.starts_with("s."),
            Column::None => false,
        },
    }
}

/// Whether SQL decides this exactly.
fn is_sql(selector: &Selector) -> bool {
    match selector {
        Selector::All => true,
        Selector::And(parts) | Selector::Or(parts) => parts.iter().all(is_sql),
        Selector::Not(part) => is_sql(part),
        Selector::Name(name) => {
            // The start of an identifier is decided in memory, a whole one is not.
            let prefix = name.starts_with("dv_") && name.parse::<DeviceId>().is_err();
            name.is_ascii() && !prefix
        }
        Selector::Term(term) => {
            let column = column(term.field);
            !matches!(column, Column::None)
                && term.values.iter().all(|value| match value {
                    Value::Text(text) | Value::Glob(text) => {
                        // A version with a pattern is compared as text, which is not in the key.
                        text.is_ascii() && !matches!(column, Column::Version(_))
                    }
                    Value::Regex(_) => false,
                    _ => true,
                })
        }
    }
}

fn named(query: &mut QueryBuilder<Postgres>, name: &str) {
    query.push("(d.name = ").push_bind(name.to_owned());
    query.push(" or d.address = ").push_bind(name.to_owned());
    if name.contains(['*', '?']) {
        query
            .push(" or lower(d.name collate \"C\") like ")
            .push_bind(like(name));
    }
    if let Ok(DeviceId(id)) = name.parse() {
        query.push(" or d.id = ").push_bind(id);
    }
    query.push(")");
}

fn text(query: &mut QueryBuilder<Postgres>, column: &'static str, op: Op, value: &Value) {
    query.push("lower(").push(column).push(" collate \"C\")");
    match (value, op) {
        (Value::Glob(pattern), _) => {
            query.push(" like ").push_bind(like(pattern));
        }
        (Value::Text(wanted), Op::Contains | Op::NotContains) => {
            query
                .push(" like ")
                .push_bind(format!("%{}%", escaped(wanted)));
        }
        (Value::Text(wanted), Op::Prefix) => {
            query
                .push(" like ")
                .push_bind(format!("{}%", escaped(wanted)));
        }
        (Value::Text(wanted), _) => {
            query.push(" = ").push_bind(wanted.to_ascii_lowercase());
        }
        _ => {
            query.push(" is null");
        }
    }
}

fn compare(query: &mut QueryBuilder<Postgres>, column: &'static str, op: Op) {
    query.push(column).push(operator(op));
}

fn operator(op: Op) -> &'static str {
    match op {
        Op::Lt => " < ",
        Op::Le => " <= ",
        Op::Gt => " > ",
        Op::Ge => " >= ",
        _ => " = ",
    }
}

/// A pattern of `*` and `?` as one of `LIKE`.
fn like(pattern: &str) -> String {
    escaped(pattern).replace('*', "%").replace('?', "_")
}

fn escaped(text: &str) -> String {
    let text = text.to_ascii_lowercase();
    text.replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_")
}

#[cfg(test)]
mod tests {
    use tod_proto::selector::Kind;

    use super::*;

    fn sql(selector: &str) -> (String, bool) {
        let filter = Filter::parse(selector, "2026-11-21T12:00:00Z".parse().unwrap()).unwrap();
        let mut query = QueryBuilder::new("");
        filter.push(&mut query);
        (query.sql().as_str().to_owned(), filter.rest.is_some())
    }

    #[test]
    fn what_a_person_wrote_becomes_a_bind_and_never_sql() {
        let (text, rest) = sql("site=\"'; drop table devices; --\" name=x%_\\\\*");

        assert!(!text.contains("drop"), "{text}");
        assert!(!text.contains('%'), "{text}");
        assert!(!rest);
    }

    #[test]
    fn what_sql_cannot_decide_is_left_over() {
        assert!(!sql("status=offline cpu>80 not tag=lab").1);
        assert!(sql("name.re=^core").1);
        assert!(sql("site=Zürich").1);
        assert!(sql("dv_01kbr3e9x2").1);
        // In an alternative, all of it is left over.
        let (text, rest) = sql("site=berlin or name.re=^core");
        assert_eq!((text.as_str(), rest), ("", true));
        // In a conjunction, the rest still narrows.
        let (text, rest) = sql("site=berlin name.re=^core");
        assert!(text.contains("d.site") && rest, "{text}");
    }

    #[test]
    fn a_filter_says_whether_it_needs_the_state() {
        for field in Field::ALL {
            let value = match field.kind() {
                Kind::Text => "a",
                Kind::Version => "7.15",
                Kind::Status => "offline",
                Kind::Duration => "1h",
                Kind::Number => "1",
                Kind::Bool => "true",
            };
            let word = format!("{}={value}", field.as_str());
            for selector in [
                word.clone(),
                format!("not {word}"),
                format!("(a or {word}) b"),
            ] {
                let filter = Filter::parse(&selector, Timestamp::UNIX_EPOCH).unwrap();
                let mut query = QueryBuilder::new("");
                filter.push(&mut query);
                let text = query.sql().as_str().to_owned();
                let named = text.contains("(s.") || text.contains(" s.");
                assert_eq!(filter.reads_state(), named, "{selector}: {text}");
            }
        }
    }

    #[test]
    fn patterns_of_like_in_a_word_mean_themselves() {
        assert_eq!(like("a_b%*c?"), "a\\_b\\%%c_");
    }

    #[test]
    fn a_mistake_is_marked() {
        let error = Filter::parse("cpu>=", Timestamp::UNIX_EPOCH).unwrap_err();

        assert!(error.to_string().starts_with("selector: "), "{error}");
    }
}
