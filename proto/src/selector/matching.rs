//! Does a device match?

use jiff::Timestamp;

use super::{Field, Op, Selector, Term, Value, version_key};
use crate::api::devices::Device;

/// The fewest characters of an identifier that name a device.
const MIN_ID_PREFIX: usize = 8;

impl Selector {
    /// Whether a device matches, at this time. A field that the device does not have matches
    /// nothing but a negation.
    pub fn matches(&self, device: &Device, now: Timestamp) -> bool {
        match self {
            Self::All => true,
            Self::And(parts) => parts.iter().all(|part| part.matches(device, now)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(device, now)),
            Self::Not(part) => !part.matches(device, now),
            Self::Name(name) => named(device, name),
            Self::Term(term) => term.matches(device, now),
        }
    }
}

fn named(device: &Device, name: &str) -> bool {
    device.name == name
        || device.address == name
        || (name.contains(['*', '?']) && glob(name, &device.name))
        || (name.len() >= MIN_ID_PREFIX && device.id.to_string().starts_with(name))
}

enum Fact<'a> {
    Text(&'a str),
    Id(String),
    Texts(&'a [String]),
    Number(f64),
    Bool(bool),
}

impl Term {
    fn matches(&self, device: &Device, now: Timestamp) -> bool {
        let negated = matches!(self.op, Op::Ne | Op::NotContains);
        let holds = fact(self.field, device, now)
            .is_some_and(|fact| self.values.iter().any(|value| self.holds(&fact, value)));
        holds != negated
    }

    fn holds(&self, fact: &Fact<'_>, value: &Value) -> bool {
        match fact {
            Fact::Text(text) => text_holds(self.op, text, value),
            // As for a bare word, the start of an identifier is enough.
            Fact::Id(id) if matches!(self.op, Op::Eq | Op::Ne) => {
                matches!(value, Value::Text(wanted) if id.starts_with(wanted.as_str()))
            }
            Fact::Id(id) => text_holds(self.op, id, value),
            Fact::Texts(texts) => texts.iter().any(|text| text_holds(self.op, text, value)),
            Fact::Number(number) => number_holds(self.op, *number, value),
            Fact::Bool(fact) => *value == Value::Bool(*fact),
        }
    }
}

fn text_holds(op: Op, text: &str, value: &Value) -> bool {
    match value {
        Value::Version(wanted) => version_key(text).is_some_and(|key| ordered(op, key.cmp(wanted))),
        Value::VersionRange(from, to) => {
            version_key(text).is_some_and(|key| *from <= key && key <= *to)
        }
        Value::Glob(pattern) => glob(pattern, text),
        Value::Regex(pattern) => {
            regex_lite::Regex::new(pattern).is_ok_and(|regex| regex.is_match(text))
        }
        Value::Text(wanted) => {
            let (text, wanted) = (text.to_lowercase(), wanted.to_lowercase());
            match op {
                Op::Contains | Op::NotContains => text.contains(&wanted),
                Op::Prefix => text.starts_with(&wanted),
                _ => text == wanted,
            }
        }
        _ => false,
    }
}

fn number_holds(op: Op, number: f64, value: &Value) -> bool {
    match value {
        Value::Number(wanted) | Value::Seconds(wanted) => number
            .partial_cmp(wanted)
            .is_some_and(|order| ordered(op, order)),
        Value::NumberRange(from, to) | Value::SecondsRange(from, to) => {
            (*from..=*to).contains(&number)
        }
        _ => false,
    }
}

fn ordered(op: Op, order: std::cmp::Ordering) -> bool {
    match op {
        Op::Lt => order.is_lt(),
        Op::Le => order.is_le(),
        Op::Gt => order.is_gt(),
        Op::Ge => order.is_ge(),
        _ => order.is_eq(),
    }
}

fn fact<'a>(field: Field, device: &'a Device, now: Timestamp) -> Option<Fact<'a>> {
    let untrusted = |text: &'a Option<crate::untrusted::Untrusted>| {
        text.as_ref().map(|text| Fact::Text(text.raw()))
    };
    let age = |at: Timestamp| Fact::Number(now.duration_since(at).as_secs_f64());
    match field {
        Field::Name => Some(Fact::Text(&device.name)),
        Field::Address => Some(Fact::Text(&device.address)),
        Field::Zone => Some(Fact::Text(&device.zone)),
        Field::Status => Some(Fact::Text(device.status.as_str())),
        Field::Tls => Some(Fact::Text(device.tls.as_str())),
        Field::Site => Some(Fact::Text(device.site.as_deref().unwrap_or_default())),
        Field::Note => Some(Fact::Text(device.note.as_deref().unwrap_or_default())),
        Field::Tag => Some(Fact::Texts(&device.tags)),
        Field::Id => Some(Fact::Id(device.id.to_string())),
        Field::Identity => untrusted(&device.identity),
        Field::Serial => untrusted(&device.serial),
        Field::Model => untrusted(&device.model),
        Field::Arch => untrusted(&device.arch),
        Field::Version => untrusted(&device.version),
        Field::Channel => untrusted(&device.channel),
        Field::StatusSince => Some(age(device.status_since)),
        Field::Created => Some(age(device.created_at)),
        Field::Seen => device.seen_at.map(age),
        Field::Up => device.uptime_seconds.map(float),
        Field::Cpu => device.cpu_percent.map(Fact::Number),
        Field::Mem => device.mem_percent.map(Fact::Number),
        Field::Disk => device.disk_percent.map(Fact::Number),
        Field::Temp => device.temperature_celsius.map(Fact::Number),
        Field::Volt => device.voltage.map(Fact::Number),
        Field::Rx => device.rx_bps.map(float),
        Field::Tx => device.tx_bps.map(float),
        Field::Pending => Some(Fact::Bool(device.pending_change.is_some())),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "seconds and bit rates stay far below 2^52"
)]
fn float(value: u64) -> Fact<'static> {
    Fact::Number(value as f64)
}

/// Whether text matches a pattern of `*` and `?`, without case. Linear in time.
pub fn glob(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(c) = text.get(t) {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(x) if *x == '?' || x == c => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((sp, st)) => {
                    star = Some((sp, st + 1));
                    p = sp + 1;
                    t = st + 1;
                }
                None => return false,
            },
        }
    }
    pattern
        .get(p..)
        .is_some_and(|rest| rest.iter().all(|c| *c == '*'))
}
