//! Scripts and console lines: the language is `routeros::script`, the host is the device.

use std::sync::Arc;
use std::time::Duration;

use routeros::error::Trap;
use routeros::script::run::run as run_script;
use routeros::script::run::{Call, Data, Host};
use routeros::script::{Problem, ScriptError};

use crate::core::{Caller, Core};
use crate::device::{Inner, Late};
use crate::text;
use crate::trap;
use crate::verb::{After, Order};

mod order;
mod show;

/// What somebody at a terminal watches from now on.
#[derive(Debug, Clone)]
pub(crate) enum Watch {
    /// Samples of a monitor.
    Samples(Order),
    /// Echoes of an address.
    Echoes(String),
}

/// What a script did and showed.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    /// What it showed, in lines.
    pub(crate) text: String,
    /// What stopped it.
    pub(crate) error: Option<ScriptError>,
    /// What it led to that takes longer, and for whom.
    pub(crate) after: Option<(Caller, Late)>,
    /// It asked to end the session.
    pub(crate) quits: bool,
    /// What is to be watched.
    pub(crate) watch: Option<Watch>,
}

impl Ran {
    /// Returns what was shown, or the error as a refusal.
    pub(crate) fn into_text(self) -> Result<String, Trap> {
        match self.error {
            None => Ok(self.text),
            Some(error) => Err(trap::script(&shown(&error))),
        }
    }
}

/// Returns an error as a console shows it: failures alone, errors of the text with their place.
pub(crate) fn shown(error: &ScriptError) -> String {
    match &error.problem {
        Problem::Failed(message) => message.clone(),
        _ => error.to_string(),
    }
}

/// Runs a script on the calling thread.
pub(crate) fn run(
    device: &Arc<Inner>,
    runtime: &tokio::runtime::Handle,
    caller: Caller,
    source: &[u8],
) -> Ran {
    let read = device.core().understand(source);
    let block = match read {
        Ok(block) => block,
        Err(error) => {
            return Ran {
                error: Some(error),
                ..Ran::default()
            };
        }
    };
    let mut console = Console {
        device,
        runtime,
        caller,
        text: String::new(),
        after: None,
        quits: false,
        watch: None,
    };
    let error = run_script(&block, &mut console).err();
    let is_recent = device.release().at_least(7, 20);
    let error = error.map(|error| in_words_of(is_recent, error));
    // Going down or leaving stops a script, but is no failure.
    let error = error.filter(|_| console.after.is_none() && !console.quits);
    let error = error.map(|error| at_word(error, source));
    Ran {
        text: console.text,
        error,
        after: console.after,
        quits: console.quits,
        watch: console.watch,
    }
}

/// Moves what is wrong with a word from the statement to that word.
fn at_word(mut error: ScriptError, source: &[u8]) -> ScriptError {
    let Problem::BadCommand(word) = &error.problem else {
        return error;
    };
    let from = error.position.offset;
    let statement = source.get(from..).unwrap_or_default();
    let line = statement.split(|b| *b == b'\n').next().unwrap_or_default();
    let is_inside = |b: &u8| b.is_ascii_alphanumeric() || b"-_".contains(b);
    let is_it = |at: &usize| {
        let ends = [at.checked_sub(1), Some(at + word.len())];
        let mut ends = ends.into_iter().flatten().filter_map(|n| line.get(n));
        !ends.any(is_inside)
            && line
                .get(*at..)
                .is_some_and(|l| l.starts_with(word.as_bytes()))
    };
    if let Some(at) = (0..line.len()).find(is_it) {
        error.position.offset += at;
        error.position.column += u32::try_from(at).unwrap_or(0);
    }
    error
}

/// Older consoles do not say which parameter is wrong.
fn in_words_of(is_recent: bool, mut error: ScriptError) -> ScriptError {
    if !is_recent && matches!(error.problem, Problem::BadParameter(_)) {
        error.problem = Problem::ExpectedEnd;
    }
    error
}

struct Console<'a> {
    device: &'a Arc<Inner>,
    runtime: &'a tokio::runtime::Handle,
    caller: Caller,
    text: String,
    after: Option<(Caller, Late)>,
    quits: bool,
    watch: Option<Watch>,
}

impl Console<'_> {
    fn after(&mut self, after: After, order: &Order) -> Result<Data, Problem> {
        match Late::of(after) {
            Ok(Late::Run { name, source }) => {
                let device = Arc::clone(self.device);
                let cause = format!("{}/script:{name}", self.caller.cause);
                let caller = Caller {
                    cause,
                    ..self.caller.clone()
                };
                let ran = self.runtime.block_on(device.run(caller, name, source));
                self.within(ran)
            }
            Ok(Late::Import {
                file,
                source,
                manner,
            }) => {
                let device = Arc::clone(self.device);
                let cause = format!("{}/script:{file}", self.caller.cause);
                let caller = Caller {
                    cause,
                    ..self.caller.clone()
                };
                let import = device.import(caller, file, source, manner);
                let ran = self.runtime.block_on(import);
                self.within(ran)
            }
            Ok(late) => {
                // The script goes on until the device is down, which is at once.
                self.after = Some((self.caller.clone(), late));
                Err(Problem::Failed("interrupted".to_owned()))
            }
            Err(After::Ping { address, count }) => {
                self.ping(&address, count);
                Ok(Data::Nothing)
            }
            Err(After::Trace { address, .. }) => {
                self.trace(&address);
                Ok(Data::Nothing)
            }
            Err(After::Series(rows, trap)) => {
                if let Some(rows) = rows.last() {
                    self.rows(order, rows);
                }
                trap.map_or(Ok(Data::Nothing), |trap| Err(Problem::Failed(trap.message)))
            }
            Err(After::Quit) => {
                self.quits = true;
                Err(Problem::Failed("interrupted".to_owned()))
            }
            Err(After::Monitor(order)) => {
                self.monitor(*order)?;
                Ok(Data::Nothing)
            }
            Err(_) => Ok(Data::Nothing),
        }
    }

    /// Goes on after another script that this one has run.
    fn within(&mut self, ran: Ran) -> Result<Data, Problem> {
        self.text.push_str(&ran.text);
        match ran.error {
            None => Ok(Data::Nothing),
            Some(error) => Err(Problem::Failed(shown(&error))),
        }
    }
}

impl Host for Console<'_> {
    fn command(&mut self, call: &Call) -> Result<Data, Problem> {
        if self.after.is_some() {
            return Err(Problem::Failed("interrupted".to_owned()));
        }
        let is_single = self
            .device
            .core()
            .is_single(call.menu.trim_end_matches('/'));
        let mut order = order::order(call, is_single)?;
        order.columns = self.caller.columns;
        let is_value = order.has("as-value");
        let outcome = {
            let mut core = self.device.core();
            core.perform(&self.caller, &order)
        };
        let outcome = outcome.map_err(|trap| order::problem(trap, call))?;
        if let Some(after) = outcome.after {
            return self.after(after, &order);
        }
        match (order.verb.as_str(), outcome) {
            ("print", outcome) if is_value => {
                let rows = outcome.rows.unwrap_or_default();
                let texts = rows.iter().map(|row| {
                    let pairs = row.iter().map(|(k, v)| [k.as_bytes(), b"=", v].concat());
                    pairs.collect::<Vec<_>>().join(&b';')
                });
                Ok(Data::Text(texts.collect::<Vec<_>>().join(&b';')))
            }
            ("find", outcome) => {
                let ids = text::decode(&outcome.ret.unwrap_or_default());
                Ok(Data::ids(ids.split(';').filter(|id| !id.is_empty())))
            }
            (_, outcome) => {
                if let Some(shown) = &outcome.text {
                    self.line(shown);
                } else if let Some(rows) = &outcome.rows {
                    self.rows(&order, rows);
                }
                Ok(outcome.ret.map_or(Data::Nothing, Data::Text))
            }
        }
    }

    fn put(&mut self, text: &[u8]) {
        let text = text::decode(text);
        self.text.push_str(&text);
        self.text.push_str("\r\n");
    }

    fn log(&mut self, topic: &str, text: &[u8]) {
        let topics = crate::verb::topics(topic);
        self.device.core().say(topics, text::decode(text));
    }

    fn delay(&mut self, time: Duration) -> Result<(), Problem> {
        let clock = Arc::clone(&self.device.around.clock);
        let stop = self.device.tasks.stop.clone();
        self.runtime.block_on(async {
            tokio::select! {
                () = clock.sleep(time) => Ok(()),
                () = stop.cancelled() => Err(Problem::Failed("interrupted".to_owned())),
            }
        })
    }
}

impl Core {
    /// Returns name and source of an `on-event`: a script of that name, or the text itself.
    pub(crate) fn source_of(&mut self, event: &str) -> (String, Vec<u8>) {
        let now = self.clock.now();
        let scripts = self.tree.rows("/system/script").iter();
        let mut script = scripts
            .filter(|r| r.get("name") == Some(event))
            .map(|r| (r.id, text::encode(r.get("source").unwrap_or_default())));
        match script.next_back() {
            Some((id, source)) => {
                let runs = self.script_runs.entry(id).or_insert((0, now));
                *runs = (runs.0 + 1, now);
                (event.to_owned(), source)
            }
            None => (String::new(), text::encode(event)),
        }
    }

    /// Notes that a script runs.
    pub(crate) fn start_job(&mut self, name: &str, owner: &str) -> u32 {
        self.next_job += 1;
        let started = self.wall();
        let job = crate::core::Job {
            name: name.to_owned(),
            owner: owner.to_owned(),
            started,
        };
        self.jobs.insert(self.next_job, job);
        self.next_job
    }
}
