//! Commands of the language itself: `:put`, `:log`, `:delay` and a few that answer.

use std::time::Duration;

use super::{Data, Flow, Machine, Stop};
use crate::script::Problem;
use crate::script::ast::{Argument, Expression};
use crate::text::lossy;
use crate::value::Value as _;

impl Machine<'_> {
    pub(super) fn builtin(&mut self, name: &str, arguments: &[Argument]) -> Flow {
        let values: Vec<&Expression> = arguments.iter().filter_map(value).collect();
        match (name, values.as_slice()) {
            ("put", [value]) => {
                let text = self.bytes(value)?;
                self.host.put(&text);
                Ok(Data::Nothing)
            }
            ("log", [topic, message]) => {
                let (topic, message) = (self.bytes(topic)?, self.bytes(message)?);
                self.host.log(&lossy(&topic), &message);
                Ok(Data::Nothing)
            }
            ("delay", [time]) => self.delay(time),
            ("error", [message]) => {
                let message = self.bytes(message)?;
                self.fail(lossy(&message))
            }
            ("return", [value]) => {
                let value = self.evaluate(value)?;
                Err(Stop::Return(value))
            }
            ("return", []) => Err(Stop::Return(Data::Nothing)),
            ("nothing", _) => Ok(Data::Nothing),
            ("len", [value]) => {
                let value = self.evaluate(value)?;
                self.length(value)
            }
            ("tostr" | "tonum" | "toip" | "totime" | "tobool", [value]) => {
                self.bytes(value).map(Data::Text)
            }
            ("toarray", [value]) => {
                let list = self.evaluate(value)?.elements();
                Ok(Data::List(list))
            }
            ("pick", [value, from]) => self.pick(value, from, None),
            ("pick", [value, from, to]) => self.pick(value, from, Some(to)),
            _ if name.starts_with('$') => self.unsupported("calling a function"),
            _ => self.unsupported(format!(":{name}")),
        }
    }

    fn delay(&mut self, time: &Expression) -> Flow {
        let time = self.bytes(time)?;
        let Some(time) = Duration::parse(&time) else {
            return self.fail("invalid value for argument delay-time");
        };
        match self.host.delay(time) {
            Ok(()) => Ok(Data::Nothing),
            Err(problem) => self.stop(problem),
        }
    }

    fn length(&mut self, value: Data) -> Flow {
        let length = match value {
            Data::Nothing => 0,
            Data::Text(text) => text.len(),
            Data::List(list) => list.len(),
            Data::Found { .. } => {
                let what = "counting what find answers".to_owned();
                return self.stop(Problem::Unsupported(what));
            }
        };
        Ok(Data::number(i64::try_from(length).unwrap_or(i64::MAX)))
    }

    fn pick(&mut self, value: &Expression, from: &Expression, to: Option<&Expression>) -> Flow {
        let value = self.evaluate(value)?;
        let from = self.index(from)?;
        let to = match to {
            Some(to) => self.index(to)?,
            None => from.saturating_add(1),
        };
        match value {
            Data::List(list) => {
                let end = to.min(list.len());
                Ok(Data::List(list.get(from..end).unwrap_or_default().to_vec()))
            }
            value => {
                let text = value.text().unwrap_or_default();
                let end = to.min(text.len());
                Ok(Data::Text(text.get(from..end).unwrap_or_default().to_vec()))
            }
        }
    }

    fn index(&mut self, expression: &Expression) -> Flow<usize> {
        let number = self.number(expression)?;
        Ok(usize::try_from(number).unwrap_or(0))
    }
}

fn value(argument: &Argument) -> Option<&Expression> {
    match argument {
        Argument::Positional(value) | Argument::Named(_, value) => Some(value),
        Argument::Unset(_) => None,
    }
}
