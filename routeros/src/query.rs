//! Queries: which rows a `print` is to answer with, as a small stack machine.
//!
//! The stack begins with endless `true`; each query word pushes a value or works on the values;
//! a row passes when no `false` is left.

use std::cmp::Ordering;

use thiserror::Error;

use crate::row::Row;
use crate::text;
use crate::value;

/// More words than this are not a query that anybody wrote.
pub const MAX_WORDS: usize = 256;

/// A query, ready to be asked of rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    words: Vec<Word>,
}

/// Why words are not a query.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum QueryError {
    /// A word does not start with `?`, or names no property.
    #[error("not a query word")]
    NotAQuery,
    /// An operator is not known, or an index is absurd.
    #[error("unknown query operator")]
    BadOperator,
    /// There are more than [`MAX_WORDS`] words.
    #[error("too many query words")]
    TooLong,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    Has(String),
    HasNot(String),
    Compare(String, Ordering, Vec<u8>),
    Operators(Vec<Operator>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Not,
    And,
    Or,
    PushTop,
    Push(usize),
    ReplaceAll(usize),
}

impl Query {
    /// Reads query words, each with its `?`.
    pub fn parse<W: AsRef<[u8]>>(words: impl IntoIterator<Item = W>) -> Result<Self, QueryError> {
        let words = words
            .into_iter()
            .map(|word| parse_word(word.as_ref()))
            .collect::<Result<Vec<_>, _>>()?;
        if words.len() > MAX_WORDS {
            return Err(QueryError::TooLong);
        }
        Ok(Self { words })
    }

    /// Whether a row passes.
    pub fn matches(&self, row: &Row) -> bool {
        let mut stack = Stack::default();
        for word in &self.words {
            match word {
                Word::Has(name) => stack.0.push(value_of(row, name).is_some()),
                Word::HasNot(name) => stack.0.push(value_of(row, name).is_none()),
                Word::Compare(name, order, wanted) => {
                    stack.0.push(compare(row, name, *order, wanted));
                }
                Word::Operators(operators) => {
                    for &operator in operators {
                        stack.apply(operator);
                    }
                }
            }
        }
        !stack.0.contains(&false)
    }
}

/// A property that is set. An unset one is absent or empty, devices make no difference.
fn value_of<'a>(row: &'a Row, name: &str) -> Option<&'a [u8]> {
    row.raw(name).filter(|value| !value.is_empty())
}

fn compare(row: &Row, name: &str, order: Ordering, wanted: &[u8]) -> bool {
    match value_of(row, name) {
        None => order == Ordering::Equal && wanted.is_empty(),
        Some(value) if order == Ordering::Equal => value == wanted,
        Some(value) => value::compare(value, wanted) == order,
    }
}

#[derive(Default)]
struct Stack(Vec<bool>);

impl Stack {
    fn pop(&mut self) -> bool {
        self.0.pop().unwrap_or(true)
    }

    fn at(&self, index: usize) -> bool {
        let at = self.0.len().checked_sub(index + 1);
        at.and_then(|at| self.0.get(at)).copied().unwrap_or(true)
    }

    fn apply(&mut self, operator: Operator) {
        let value = match operator {
            Operator::Not => !self.pop(),
            Operator::And => self.pop() & self.pop(),
            Operator::Or => self.pop() | self.pop(),
            Operator::PushTop => self.at(0),
            Operator::Push(index) => self.at(index),
            Operator::ReplaceAll(index) => {
                let value = self.at(index);
                self.0.clear();
                value
            }
        };
        self.0.push(value);
    }
}

fn parse_word(word: &[u8]) -> Result<Word, QueryError> {
    let word = word.strip_prefix(b"?").ok_or(QueryError::NotAQuery)?;
    if let Some(operators) = word.strip_prefix(b"#") {
        return parse_operators(operators).map(Word::Operators);
    }
    if let Some(name) = word.strip_prefix(b"-") {
        return Ok(Word::HasNot(name_of(name)?));
    }
    let (order, rest) = match word.first() {
        Some(b'<') => (Ordering::Less, word.get(1..)),
        Some(b'>') => (Ordering::Greater, word.get(1..)),
        Some(b'=') => (Ordering::Equal, word.get(1..)),
        _ => (Ordering::Equal, Some(word)),
    };
    let rest = rest.unwrap_or_default();
    match rest.iter().position(|&byte| byte == b'=') {
        Some(at) => Ok(Word::Compare(
            name_of(rest.get(..at).unwrap_or_default())?,
            order,
            rest.get(at + 1..).unwrap_or_default().to_vec(),
        )),
        None if rest.len() == word.len() => Ok(Word::Has(name_of(rest)?)),
        None => Err(QueryError::NotAQuery),
    }
}

fn name_of(bytes: &[u8]) -> Result<String, QueryError> {
    if bytes.is_empty() {
        return Err(QueryError::NotAQuery);
    }
    Ok(text::lossy(bytes).into_owned())
}

fn parse_operators(text: &[u8]) -> Result<Vec<Operator>, QueryError> {
    let mut operators = Vec::new();
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits > 0 {
            let (index, after) = rest.split_at_checked(digits).unwrap_or((rest, &[]));
            let index = std::str::from_utf8(index).ok().and_then(|n| n.parse().ok());
            let index = index.filter(|&n: &usize| n <= MAX_WORDS);
            let index = index.ok_or(QueryError::BadOperator)?;
            operators.push(match after.first() {
                None => Operator::ReplaceAll(index),
                Some(_) => Operator::Push(index),
            });
            // A dot only ends an index.
            rest = after.strip_prefix(b".").unwrap_or(after);
            continue;
        }
        operators.push(match first {
            b'!' => Operator::Not,
            b'&' => Operator::And,
            b'|' => Operator::Or,
            b'.' => Operator::PushTop,
            _ => return Err(QueryError::BadOperator),
        });
        rest = after;
    }
    if operators.len() > MAX_WORDS {
        return Err(QueryError::TooLong);
    }
    Ok(operators)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn passes(words: &[&str]) -> bool {
        let row = Row::new()
            .with("name", "ether1")
            .with("type", "ether")
            .with("mtu", "1500")
            .with("uptime", "1d")
            .with("address", "10.0.0.9")
            .with("comment", "");
        Query::parse(words).unwrap().matches(&row)
    }

    #[test]
    fn words_ask_for_values_and_for_their_absence() {
        assert!(passes(&[]));
        assert!(passes(&["?name"]) && !passes(&["?vrf"]) && !passes(&["?comment"]));
        assert!(passes(&["?-vrf"]) && passes(&["?-comment"]) && !passes(&["?-name"]));
        assert!(passes(&["?type=ether"]) && passes(&["?=type=ether"]) && !passes(&["?type=vlan"]));
        assert!(passes(&["?comment="]) && !passes(&["?>comment="]) && passes(&["?>name="]));
    }

    #[test]
    fn words_are_joined_by_and() {
        assert!(passes(&["?type=ether", "?name=ether1"]));
        assert!(!passes(&["?type=ether", "?name=ether2"]));
    }

    #[test]
    fn order_depends_on_what_the_values_are() {
        assert!(passes(&["?>mtu=900"]) && passes(&["?<mtu=10000"]));
        assert!(passes(&["?>uptime=23h"]) && passes(&["?<uptime=1d1s"]));
        assert!(passes(&["?<address=10.0.0.10"]) && passes(&["?>address=9.255.255.255"]));
    }

    #[test]
    fn operators_work_on_the_stack() {
        assert!(passes(&["?type=ether", "?type=vlan", "?#|"]));
        assert!(!passes(&["?type=ether", "?type=vlan", "?#&"]));
        assert!(passes(&["?type=vlan", "?#!"]));
        assert!(passes(&["?type=ether", "?type=vlan", "?#|!!"]));
        // Copies of values, by index and of the top.
        assert!(passes(&["?type=vlan", "?type=ether", "?#1!0.0&1"]));
        assert!(passes(&["?type=ether", "?type=vlan", "?#1"]));
        assert!(!passes(&["?type=ether", "?type=vlan", "?#0"]));
        assert!(passes(&["?type=ether", "?#!.!&!"]));
        // Below the bottom there is endless truth.
        assert!(passes(&["?#&|"]) && passes(&["?#7"]));
    }

    #[test]
    fn what_is_no_query_is_refused() {
        assert_eq!(Query::parse(["name=x"]), Err(QueryError::NotAQuery));
        assert_eq!(Query::parse(["?"]), Err(QueryError::NotAQuery));
        assert_eq!(Query::parse(["?>name"]), Err(QueryError::NotAQuery));
        assert_eq!(Query::parse(["?#x"]), Err(QueryError::BadOperator));
        assert_eq!(
            Query::parse(["?#99999999999999999999"]),
            Err(QueryError::BadOperator)
        );
        assert_eq!(Query::parse(vec!["?a"; 257]), Err(QueryError::TooLong));
    }

    proptest! {
        #[test]
        fn any_words_are_answered_or_refused(
            words in proptest::collection::vec("\\?[#<>=-]?[a-z0-9!&|.=]{0,8}", 0..8),
        ) {
            if let Ok(query) = Query::parse(&words) {
                let _passes = query.matches(&Row::new().with("a", "1"));
            }
        }
    }
}
