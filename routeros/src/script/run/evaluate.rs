//! Values of expressions.

use super::{Data, Flow, MAX_DATA, Machine, Stop};
use crate::script::ast::{Expression, Operator};
use crate::script::condition::{Relation, compare};
use crate::value::Value as _;

impl Machine<'_> {
    pub(super) fn evaluate(&mut self, expression: &Expression) -> Flow {
        match expression {
            Expression::Text(text) | Expression::Source(text) => Ok(Data::Text(text.clone())),
            // An unknown variable has no value, as in a device's console.
            Expression::Variable(name) => Ok(self.variable(name).cloned().unwrap_or(Data::Nothing)),
            Expression::Substitution(block) => {
                let position = self.position;
                let result = match self.block(block) {
                    Err(Stop::Return(data)) => Ok(data),
                    result => result,
                };
                if result.is_ok() {
                    self.position = position;
                }
                result
            }
            Expression::Array(elements) => {
                let elements = elements.iter().map(|element| self.evaluate(element));
                elements.collect::<Flow<Vec<_>>>().map(Data::List)
            }
            Expression::Concatenation(parts) => {
                let mut text = Vec::new();
                for part in parts {
                    text.extend(self.bytes(part)?);
                    self.check(text.len())?;
                }
                Ok(Data::Text(text))
            }
            Expression::Not(inner) => Ok(Data::truth(!self.is_true(inner)?)),
            Expression::Negative(inner) => {
                let number = self.number(inner)?;
                Ok(Data::number(number.saturating_neg()))
            }
            Expression::Inverse(inner) => {
                let number = self.number(inner)?;
                Ok(Data::number(!number))
            }
            Expression::Any(inner) => {
                let data = self.evaluate(inner)?;
                Ok(Data::truth(data != Data::Nothing))
            }
            Expression::Deferred(_) => self.unsupported("a deferred expression"),
            Expression::Binary(operator, sides) => self.binary(*operator, &sides.0, &sides.1),
        }
    }

    fn binary(&mut self, operator: Operator, left: &Expression, right: &Expression) -> Flow {
        match operator {
            Operator::Or => Ok(Data::truth(self.is_true(left)? || self.is_true(right)?)),
            Operator::And => Ok(Data::truth(self.is_true(left)? && self.is_true(right)?)),
            Operator::Equal => self.compare(left, Relation::Equal, right),
            Operator::NotEqual => self.compare(left, Relation::NotEqual, right),
            Operator::Less => self.compare(left, Relation::Less, right),
            Operator::Greater => self.compare(left, Relation::Greater, right),
            Operator::AtMost => self.compare(left, Relation::AtMost, right),
            Operator::AtLeast => self.compare(left, Relation::AtLeast, right),
            Operator::Matches => self.compare(left, Relation::Matches, right),
            Operator::In => self.compare(left, Relation::In, right),
            Operator::Join => {
                let mut text = self.bytes(left)?;
                text.extend(self.bytes(right)?);
                self.check(text.len())?;
                Ok(Data::Text(text))
            }
            Operator::Append => {
                let mut list = self.evaluate(left)?.elements();
                list.extend(self.evaluate(right)?.elements());
                self.check(list.len())?;
                Ok(Data::List(list))
            }
            Operator::Element => self.element(left, right),
            Operator::Apply | Operator::Beside => self.unsupported("calling a function"),
            Operator::BitOr => self.arithmetic(left, right, |a, b| Some(a | b)),
            Operator::BitXor => self.arithmetic(left, right, |a, b| Some(a ^ b)),
            Operator::BitAnd => self.arithmetic(left, right, |a, b| Some(a & b)),
            Operator::ShiftLeft => self.arithmetic(left, right, |a, b| {
                Some(
                    u32::try_from(b)
                        .ok()
                        .and_then(|b| a.checked_shl(b))
                        .unwrap_or(0),
                )
            }),
            Operator::ShiftRight => self.arithmetic(left, right, |a, b| {
                Some(
                    u32::try_from(b)
                        .ok()
                        .and_then(|b| a.checked_shr(b))
                        .unwrap_or(0),
                )
            }),
            Operator::Plus => self.arithmetic(left, right, i64::checked_add),
            Operator::Minus => self.arithmetic(left, right, i64::checked_sub),
            Operator::Times => self.arithmetic(left, right, i64::checked_mul),
            Operator::Over => self.arithmetic(left, right, i64::checked_div),
            Operator::Modulo => self.arithmetic(left, right, i64::checked_rem),
        }
    }

    fn compare(&mut self, left: &Expression, relation: Relation, right: &Expression) -> Flow {
        let (left, right) = (self.bytes(left)?, self.bytes(right)?);
        Ok(Data::truth(compare(&left, relation, &right)))
    }

    fn arithmetic(
        &mut self,
        left: &Expression,
        right: &Expression,
        operate: fn(i64, i64) -> Option<i64>,
    ) -> Flow {
        let (left, right) = (self.number(left)?, self.number(right)?);
        match operate(left, right) {
            Some(number) => Ok(Data::number(number)),
            None => self.fail("division by zero"),
        }
    }

    /// An element by its position, or by its key if the list holds pairs.
    fn element(&mut self, list: &Expression, key: &Expression) -> Flow {
        let list = self.evaluate(list)?.elements();
        let key = self.evaluate(key)?;
        let by_key = list.iter().find_map(|element| match element {
            Data::List(pair) if pair.len() == 2 && pair.first() == Some(&key) => pair.get(1),
            _ => None,
        });
        let at = key.text().and_then(|text| usize::parse_text(&text));
        let found = by_key.or_else(|| list.get(at?));
        Ok(found.cloned().unwrap_or(Data::Nothing))
    }

    pub(super) fn is_true(&mut self, expression: &Expression) -> Flow<bool> {
        let text = self.bytes(expression)?;
        match bool::parse(&text) {
            Some(is_true) => Ok(is_true),
            None => Ok(!text.is_empty() && text != b"0"),
        }
    }

    pub(super) fn number(&mut self, expression: &Expression) -> Flow<i64> {
        let text = self.bytes(expression)?;
        match i64::parse(&text) {
            Some(number) => Ok(number),
            None => self.fail("invalid argument: not a number"),
        }
    }

    /// The value as text.
    pub(super) fn bytes(&mut self, expression: &Expression) -> Flow<Vec<u8>> {
        match self.evaluate(expression)?.text() {
            Some(text) => Ok(text),
            None => self.unsupported("using what find answers as a value"),
        }
    }

    fn check(&self, size: usize) -> Flow<()> {
        if size > MAX_DATA {
            return self.fail("out of memory");
        }
        Ok(())
    }
}

/// Reads an index.
trait ParseText: Sized {
    fn parse_text(text: &[u8]) -> Option<Self>;
}

impl ParseText for usize {
    fn parse_text(text: &[u8]) -> Option<Self> {
        std::str::from_utf8(text).ok()?.parse().ok()
    }
}
