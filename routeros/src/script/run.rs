//! Running a script against a host: a simulated device, or a recorder of changes.

use std::collections::BTreeMap;
use std::time::Duration;

use super::ast::{Block, Command, Expression, Kind, Path, Position, Scope, Statement};
use super::condition::Condition;
use super::{Problem, ScriptError, ast, words};

mod builtin;
mod data;
mod evaluate;

pub use data::Data;

/// More statements than this do not run.
pub const MAX_STEPS: usize = 20_000;

/// Longer texts and lists than this cannot be made.
const MAX_DATA: usize = 1 << 20;

/// Where a script runs.
///
/// A failure is [`Problem::Failed`] with the text that the device would show; it is the one that
/// `on-error` catches.
pub trait Host {
    /// Carries out a command of a menu. `find` answers with items, `add` with the new one.
    fn command(&mut self, call: &Call) -> Result<Data, Problem>;

    /// Shows a line.
    fn put(&mut self, text: &[u8]);

    /// Logs a line; the topic is `info`, `warning`, `error` or `debug`.
    fn log(&mut self, topic: &str, text: &[u8]);

    /// Waits.
    fn delay(&mut self, time: Duration) -> Result<(), Problem>;
}

/// A command with its values worked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Where it is.
    pub position: Position,
    /// The menu, such as `/ip/address`.
    pub menu: String,
    /// The verb.
    pub verb: String,
    /// The arguments.
    pub arguments: Vec<Argument>,
    /// The conditions, of `find` and `print where`.
    pub filter: Option<Condition>,
}

/// An argument with its value worked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// A value alone.
    Positional(Data),
    /// `name=value`
    Named(String, Data),
    /// `!name`
    Unset(String),
}

/// Runs a script. Returns the value of its last statement, or of `:return`.
pub fn run(script: &Block, host: &mut dyn Host) -> Result<Data, ScriptError> {
    let mut machine = Machine {
        host,
        globals: BTreeMap::new(),
        scopes: Vec::new(),
        menu: Vec::new(),
        steps: 0,
        position: Position::default(),
    };
    match machine.block(script) {
        Ok(data) | Err(Stop::Return(data)) => Ok(data),
        Err(Stop::Problem(error)) => Err(error),
    }
}

/// Why a block did not reach its end.
#[derive(Debug)]
enum Stop {
    Return(Data),
    Problem(ScriptError),
}

type Flow<T = Data> = Result<T, Stop>;

struct Machine<'h> {
    host: &'h mut dyn Host,
    globals: BTreeMap<String, Data>,
    scopes: Vec<BTreeMap<String, Data>>,
    menu: Vec<String>,
    steps: usize,
    position: Position,
}

impl Machine<'_> {
    fn stop<T>(&self, problem: Problem) -> Flow<T> {
        Err(Stop::Problem(ScriptError::new(problem, self.position)))
    }

    fn fail<T>(&self, text: impl Into<String>) -> Flow<T> {
        self.stop(Problem::Failed(text.into()))
    }

    fn unsupported<T>(&self, what: impl Into<String>) -> Flow<T> {
        self.stop(Problem::Unsupported(what.into()))
    }

    /// Runs statements in a scope of their own, for variables and for the menu.
    fn block(&mut self, block: &Block) -> Flow {
        self.scopes.push(BTreeMap::new());
        let menu = self.menu.clone();
        let result = block
            .statements
            .iter()
            .try_fold(Data::Nothing, |_, statement| self.statement(statement));
        self.menu = menu;
        self.scopes.pop();
        result
    }

    fn statement(&mut self, statement: &Statement) -> Flow {
        self.position = statement.position;
        self.step()?;
        match &statement.kind {
            Kind::Menu(path) => {
                self.menu = self.resolve(path)?;
                return Ok(Data::Nothing);
            }
            Kind::Command(command) => return self.command(statement.position, command),
            Kind::Builtin { name, arguments } => return self.builtin(name, arguments),
            Kind::Wrong(_, error) => return Err(Stop::Problem(error.clone())),
            Kind::Assign { scope, name, value } => self.assign(*scope, name, value.as_ref())?,
            Kind::Block(body) => return self.block(body),
            Kind::Within(path, body) => {
                let outer = self.menu.clone();
                self.menu = self.resolve(path)?;
                let result = self.block(body);
                self.menu = outer;
                return result;
            }
            Kind::If {
                condition,
                then,
                otherwise,
            } => {
                if self.is_true(condition)? {
                    return self.block(then);
                } else if let Some(otherwise) = otherwise {
                    return self.block(otherwise);
                }
            }
            Kind::Do { .. } | Kind::While { .. } | Kind::For { .. } | Kind::Foreach { .. } => {
                self.repeat(&statement.kind)?;
            }
        }
        Ok(Data::Nothing)
    }

    fn repeat(&mut self, kind: &Kind) -> Flow<()> {
        match kind {
            Kind::Do {
                body,
                on_error,
                again,
            } => loop {
                self.attempt(body, on_error.as_ref())?;
                let again = again.as_ref().map(|again| self.is_true(again));
                if !again.transpose()?.unwrap_or(false) {
                    return Ok(());
                }
                self.step()?;
            },
            Kind::While { condition, body } => {
                while self.is_true(condition)? {
                    self.step()?;
                    self.block(body)?;
                }
                Ok(())
            }
            Kind::Foreach { name, values, body } => {
                let elements = self.evaluate(values)?.elements();
                for element in elements {
                    self.with(name, element, body)?;
                }
                Ok(())
            }
            Kind::For {
                name,
                from,
                to,
                step,
                body,
            } => {
                let from = self.number(from)?;
                let to = self.number(to)?;
                let default = if to < from { -1 } else { 1 };
                let step = step.as_ref().map(|step| self.number(step));
                let step = step.transpose()?.unwrap_or(default);
                let mut at = from;
                while step != 0 && if step > 0 { at <= to } else { at >= to } {
                    self.with(name, Data::number(at), body)?;
                    at = at.saturating_add(step);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn step(&mut self) -> Flow<()> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return self.stop(Problem::TooManySteps);
        }
        Ok(())
    }

    /// Runs a body; a failure in it is caught if there is something to catch it.
    fn attempt(&mut self, body: &Block, on_error: Option<&Block>) -> Flow<()> {
        let scopes = self.scopes.len();
        let menu = self.menu.clone();
        match (self.block(body), on_error) {
            (Err(Stop::Problem(error)), Some(on_error))
                if matches!(error.problem, Problem::Failed(_)) =>
            {
                self.scopes.truncate(scopes);
                self.menu = menu;
                self.block(on_error).map(drop)
            }
            (result, _) => result.map(drop),
        }
    }

    fn with(&mut self, name: &str, value: Data, body: &Block) -> Flow<()> {
        self.step()?;
        self.scopes.push(BTreeMap::from([(name.to_owned(), value)]));
        let result = self.block(body);
        self.scopes.pop();
        result.map(drop)
    }

    fn assign(&mut self, scope: Scope, name: &str, value: Option<&Expression>) -> Flow<()> {
        let given = value.map(|value| self.evaluate(value)).transpose()?;
        let value = given.clone().unwrap_or(Data::Nothing);
        match scope {
            Scope::Local => {
                if let Some(scope) = self.scopes.last_mut() {
                    scope.insert(name.to_owned(), value);
                }
            }
            Scope::Global => {
                let global = self.globals.entry(name.to_owned());
                let global = global.or_insert(Data::Nothing);
                if let Some(value) = given {
                    *global = value;
                }
            }
            Scope::Existing => match self.variable_mut(name) {
                Some(variable) => *variable = value,
                None => return self.stop(Problem::Syntax),
            },
        }
        Ok(())
    }

    fn variable_mut(&mut self, name: &str) -> Option<&mut Data> {
        let local = self.scopes.iter_mut().rev().find_map(|s| s.get_mut(name));
        local.or_else(|| self.globals.get_mut(name))
    }

    fn variable(&self, name: &str) -> Option<&Data> {
        let local = self.scopes.iter().rev().find_map(|scope| scope.get(name));
        local.or_else(|| self.globals.get(name))
    }

    fn resolve(&self, path: &Path) -> Flow<Vec<String>> {
        let mut menu = if path.is_absolute {
            Vec::new()
        } else {
            self.menu.clone()
        };
        for word in &path.words {
            if word == ".." {
                menu.pop();
            } else {
                menu.push(word.clone());
            }
        }
        match menu.first() {
            Some(root) if !words::is_root(root) => self.stop(Problem::BadCommand(root.clone())),
            _ => Ok(menu),
        }
    }

    fn command(&mut self, position: Position, command: &Command) -> Flow {
        let menu = self.resolve(&command.path)?;
        // A `find` among the arguments looks in the command's menu.
        let outer = std::mem::replace(&mut self.menu, menu);
        let call = self.call(position, command);
        self.menu = outer;
        self.position = position;
        match self.host.command(&call?) {
            Ok(data) => Ok(data),
            Err(problem) => self.stop(problem),
        }
    }

    fn call(&mut self, position: Position, command: &Command) -> Flow<Call> {
        let mut arguments = Vec::new();
        for argument in &command.arguments {
            arguments.push(match argument {
                ast::Argument::Positional(value) => Argument::Positional(self.evaluate(value)?),
                ast::Argument::Named(name, value) => {
                    Argument::Named(name.clone(), self.evaluate(value)?)
                }
                ast::Argument::Unset(name) => Argument::Unset(name.clone()),
            });
        }
        let filter = command.filter.as_ref();
        let filter = filter.map(|f| f.try_map(&mut |value| self.bytes(value)));
        Ok(Call {
            position,
            menu: format!("/{}", self.menu.join("/")),
            verb: command.verb.clone(),
            arguments,
            filter: filter.transpose()?,
        })
    }
}
