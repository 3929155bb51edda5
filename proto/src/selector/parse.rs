//! Tokens into a selector.

use super::lex::{Piece, Token, What, error, lex};
use super::{
    Field, Kind, MAX_DEPTH, MAX_LENGTH, Op, Selector, SelectorError, Term, Value, version_key,
};

pub(super) fn parse(text: &str) -> Result<Selector, SelectorError> {
    if text.len() > MAX_LENGTH {
        return Err(error(
            "",
            0,
            1,
            format!(
                "a selector has at most {MAX_LENGTH} bytes; this one has {}",
                text.len()
            ),
        ));
    }
    let mut parser = Parser {
        text,
        tokens: lex(text)?,
        next: 0,
    };
    if parser.tokens.is_empty() {
        let mut error = error(text, 0, 1, "the selector is empty".to_owned());
        error.hint = Some("write `all` for every device".to_owned());
        return Err(error);
    }
    let selector = parser.or(0)?;
    match parser.peek() {
        None => Ok(selector),
        Some(token) => Err(parser.wrong(token, "this parenthesis was never opened".to_owned())),
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    next: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    fn wrong(&self, token: &Token, message: String) -> SelectorError {
        error(self.text, token.at, token.end - token.at, message)
    }

    fn keyword(&mut self, word: &str) -> bool {
        let found = matches!(
            self.peek().map(|token| &token.what),
            Some(What::Word { text, quoted: false }) if text.eq_ignore_ascii_case(word)
        );
        self.next += usize::from(found);
        found
    }

    fn or(&mut self, depth: usize) -> Result<Selector, SelectorError> {
        let mut parts = vec![self.and(depth)?];
        while self.keyword("or") {
            parts.push(self.and(depth)?);
        }
        Ok(one_or(parts, Selector::Or))
    }

    fn and(&mut self, depth: usize) -> Result<Selector, SelectorError> {
        let mut parts = vec![self.not(depth)?];
        loop {
            let explicit = self.keyword("and");
            let more = match self.peek().map(|token| &token.what) {
                None | Some(What::Close) => false,
                Some(What::Word {
                    text,
                    quoted: false,
                }) => explicit || !text.eq_ignore_ascii_case("or"),
                Some(_) => true,
            };
            if !more && !explicit {
                return Ok(one_or(parts, Selector::And));
            }
            parts.push(self.not(depth)?);
        }
    }

    fn not(&mut self, depth: usize) -> Result<Selector, SelectorError> {
        if depth > MAX_DEPTH {
            let at = self.peek().map_or(self.text.len(), |token| token.at);
            return Err(error(
                self.text,
                at,
                1,
                format!("more than {MAX_DEPTH} levels"),
            ));
        }
        if self.keyword("not") {
            return Ok(Selector::Not(Box::new(self.not(depth + 1)?)));
        }
        self.atom(depth)
    }

    fn atom(&mut self, depth: usize) -> Result<Selector, SelectorError> {
        let Some(token) = self.tokens.get(self.next).cloned() else {
            let end = self.text.len();
            return Err(error(
                self.text,
                end,
                1,
                "something is missing at the end".to_owned(),
            ));
        };
        self.next += 1;
        match &token.what {
            What::Open => {
                let inner = self.or(depth + 1)?;
                match self.tokens.get(self.next).map(|token| &token.what) {
                    Some(What::Close) => {
                        self.next += 1;
                        Ok(inner)
                    }
                    _ => Err(self.wrong(&token, "this parenthesis is never closed".to_owned())),
                }
            }
            What::Close => Err(self.wrong(&token, "nothing stands before this".to_owned())),
            What::Word { text, quoted } => self.word(&token, text, *quoted),
            What::Term {
                field,
                op,
                op_at,
                values,
            } => self.term(&token, field, *op, *op_at, values),
        }
    }

    fn word(&self, token: &Token, text: &str, quoted: bool) -> Result<Selector, SelectorError> {
        if quoted {
            return Ok(Selector::Name(text.to_owned()));
        }
        if text.eq_ignore_ascii_case("all") {
            return Ok(Selector::All);
        }
        if let Some(name) = text.strip_prefix('@') {
            return Err(self.wrong(token, format!("there is no saved selector `{name}`")));
        }
        if ["and", "or", "not"]
            .iter()
            .any(|k| text.eq_ignore_ascii_case(k))
        {
            return Err(self.wrong(token, format!("`{text}` needs something before it")));
        }
        Ok(Selector::Name(text.to_owned()))
    }

    fn term(
        &self,
        token: &Token,
        name: &str,
        op: Op,
        op_at: usize,
        pieces: &[Piece],
    ) -> Result<Selector, SelectorError> {
        let Some(field) = Field::parse(name) else {
            let mut wrong = error(
                self.text,
                token.at,
                name.len(),
                format!("there is no field `{}`", crate::untrusted::plain(name)),
            );
            wrong.hint = Some(Field::nearest(name).map_or_else(
                || "todctl help selectors lists the fields".to_owned(),
                |near| format!("did you mean `{}`?", near.as_str()),
            ));
            return Err(wrong);
        };
        if !fits(field.kind(), op) {
            return Err(error(
                self.text,
                op_at,
                1,
                format!("`{op}` makes no sense for `{}`", field.as_str()),
            ));
        }
        let values = pieces
            .iter()
            .map(|piece| self.value(field, op, piece))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Selector::Term(Term { field, op, values }))
    }

    fn value(&self, field: Field, op: Op, piece: &Piece) -> Result<Value, SelectorError> {
        let text = piece.text.as_str();
        let wrong = |message: String| error(self.text, piece.at, text.len(), message);
        if op == Op::Regex {
            return match regex_lite::Regex::new(text) {
                Ok(_) => Ok(Value::Regex(text.to_owned())),
                Err(cause) => Err(wrong(format!("not a regular expression: {cause}"))),
            };
        }
        let range = (op == Op::Eq || op == Op::Ne)
            .then(|| text.split_once(".."))
            .flatten();
        match field.kind() {
            Kind::Text if !piece.quoted && matches!(op, Op::Eq | Op::Ne) && is_glob(text) => {
                Ok(Value::Glob(text.to_owned()))
            }
            Kind::Text => Ok(Value::Text(text.to_owned())),
            Kind::Status => status(text).ok_or_else(|| {
                wrong("a status is online, degraded, offline or unknown".to_owned())
            }),
            Kind::Bool => match text {
                "true" | "yes" => Ok(Value::Bool(true)),
                "false" | "no" => Ok(Value::Bool(false)),
                _ => Err(wrong("write `true` or `false`".to_owned())),
            },
            Kind::Number => match range {
                Some((from, to)) => number(from)
                    .zip(number(to))
                    .map(|(a, b)| Value::NumberRange(a, b)),
                None => number(text).map(Value::Number),
            }
            .ok_or_else(|| wrong("a number belongs here, such as `80` or `10M`".to_owned())),
            Kind::Duration => match range {
                Some((from, to)) => seconds(from)
                    .zip(seconds(to))
                    .map(|(a, b)| Value::SecondsRange(a, b)),
                None => seconds(text).map(Value::Seconds),
            }
            .ok_or_else(|| {
                wrong("a length of time belongs here: `90s`, `5m`, `2h`, `7d`".to_owned())
            }),
            Kind::Version => match range {
                Some((from, to)) => version_key(from)
                    .zip(version_key(to))
                    .map(|(a, b)| Value::VersionRange(a, b)),
                None if is_glob(text) => Some(Value::Glob(text.to_owned())),
                None => version_key(text).map(Value::Version),
            }
            .ok_or_else(|| wrong("a version belongs here, such as `7.15` or `7.20rc1`".to_owned())),
        }
    }
}

fn one_or(mut parts: Vec<Selector>, join: impl FnOnce(Vec<Selector>) -> Selector) -> Selector {
    match parts.len() {
        1 => parts.swap_remove(0),
        _ => join(parts),
    }
}

fn fits(kind: Kind, op: Op) -> bool {
    match kind {
        Kind::Text => !matches!(op, Op::Lt | Op::Le | Op::Gt | Op::Ge),
        Kind::Status | Kind::Bool => matches!(op, Op::Eq | Op::Ne),
        Kind::Number | Kind::Duration => {
            matches!(op, Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::Gt | Op::Ge)
        }
        Kind::Version => !matches!(op, Op::Contains | Op::NotContains | Op::Regex),
    }
}

fn is_glob(text: &str) -> bool {
    text.contains(['*', '?'])
}

fn status(text: &str) -> Option<Value> {
    let word = match text.to_ascii_lowercase().as_str() {
        "online" | "up" => "online",
        "degraded" | "degr" => "degraded",
        "offline" | "down" => "offline",
        "unknown" | "unkn" => "unknown",
        _ => return None,
    };
    Some(Value::Text(word.to_owned()))
}

/// `80`, `1.5`, `80%`, `10M`.
fn number(text: &str) -> Option<f64> {
    let text = text.strip_suffix('%').unwrap_or(text);
    let (digits, factor) = match text.chars().last()? {
        'k' | 'K' => (text.get(..text.len() - 1)?, 1e3),
        'M' => (text.get(..text.len() - 1)?, 1e6),
        'G' => (text.get(..text.len() - 1)?, 1e9),
        _ => (text, 1.0),
    };
    let value: f64 = digits.parse().ok()?;
    value.is_finite().then_some(value * factor)
}

/// `90s`, `5m`, `2h`, `7d`, `1w`, and these in a row: `1h30m`. A bare number is seconds.
fn seconds(text: &str) -> Option<f64> {
    if let Ok(value) = text.parse::<f64>() {
        return (value.is_finite() && value >= 0.0).then_some(value);
    }
    let mut total = 0.0;
    let mut digits = String::new();
    for c in text.chars() {
        if c.is_ascii_digit() || c == '.' {
            digits.push(c);
            continue;
        }
        let unit = match c {
            's' => 1.0,
            'm' => 60.0,
            'h' => 3_600.0,
            'd' => 86_400.0,
            'w' => 604_800.0,
            _ => return None,
        };
        total += digits.parse::<f64>().ok()? * unit;
        digits.clear();
    }
    (digits.is_empty() && !text.is_empty()).then_some(total)
}
