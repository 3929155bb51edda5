//! Scripts and console lines: the language is `routeros::script`, the host is the device.

use std::sync::Arc;
use std::time::Duration;

use routeros::error::Trap;
use routeros::row::Row as Record;
use routeros::script::run::run as run_script;
use routeros::script::run::{Argument, Call, Data, Host};
use routeros::script::{Problem, ScriptError};
use routeros::value::Value as _;

use crate::core::{Caller, Core};
use crate::device::{Inner, Late, Pings};
use crate::print::echo;
use crate::schema::{Kind, SCHEMA};
use crate::text;
use crate::trap;
use crate::verb::{After, Filter, Order};

/// Monitors that were asked for longer end sooner, in seconds.
const LONGEST: u64 = 60;

/// Echoes that one command without a terminal waits for.
const ECHOES: u64 = 20;

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
}

impl Console<'_> {
    fn line(&mut self, text: &str) {
        self.text.push_str(text);
        if !text.ends_with('\n') {
            self.text.push_str("\r\n");
        }
    }

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
                self.monitor(&order)?;
                Ok(Data::Nothing)
            }
            Err(_) => Ok(Data::Nothing),
        }
    }

    fn rows(&mut self, order: &Order, rows: &[Record]) {
        let shown = self.device.core().table_of(order, rows);
        self.line(&shown);
    }

    /// Shows a sample a second for as long as was asked, or one.
    fn monitor(&mut self, order: &Order) -> Result<(), Problem> {
        let duration = order.arg("duration").map(str::as_bytes);
        let seconds = duration
            .and_then(Duration::parse)
            .map_or(0, |d| d.as_secs());
        for second in 0..=seconds.min(LONGEST) {
            if second > 0 {
                self.delay(Duration::from_secs(1))?;
            }
            let rows = self.device.core().sample(order);
            let rows = rows.map_err(|trap| Problem::Failed(trap.message))?;
            self.rows(order, &rows);
        }
        Ok(())
    }

    /// Goes on after another script that this one has run.
    fn within(&mut self, ran: Ran) -> Result<Data, Problem> {
        self.text.push_str(&ran.text);
        match ran.error {
            None => Ok(Data::Nothing),
            Some(error) => Err(Problem::Failed(shown(&error))),
        }
    }

    fn trace(&mut self, address: &str) {
        self.line(" # ADDRESS                          LOSS SENT    LAST     AVG    BEST   WORST");
        for (n, row) in self.device.trace(address).iter().enumerate() {
            let of = |name| row.text(name).unwrap_or_default();
            let line = format!(
                "{:>2} {:<32} {:>3}% {:>4} {:>7} {:>7} {:>7} {:>7}",
                n + 1,
                of("address"),
                of("loss"),
                of("sent"),
                of("last"),
                of("avg"),
                of("best"),
                of("worst")
            );
            self.line(line.trim_end());
        }
    }

    fn ping(&mut self, address: &str, count: Option<u64>) {
        let is_modern = self.device.release().has_slashes();
        self.line(&echo::head(is_modern));
        let mut pings = Pings::new(address);
        let mut last = Record::new();
        for _ in 0..count.unwrap_or(4).clamp(1, ECHOES) {
            last = pings.next(self.device.echo(address));
            self.line(&echo::row(&last, is_modern));
        }
        self.line(&echo::total(&last));
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
        let mut order = order(call, is_single)?;
        order.columns = self.caller.columns;
        let is_value = order.has("as-value");
        let outcome = {
            let mut core = self.device.core();
            core.perform(&self.caller, &order)
        };
        let outcome = outcome.map_err(|trap| problem(trap, call))?;
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

/// Reads a call of a script as an order.
fn order(call: &Call, is_single: bool) -> Result<Order, Problem> {
    let menu = call.menu.trim_end_matches('/').to_owned();
    let mut order = Order {
        menu,
        verb: call.verb.clone(),
        is_console: true,
        filter: call.filter.clone().map_or(Filter::All, Filter::Condition),
        ..Order::default()
    };
    let mut positional = Vec::new();
    let flags = SCHEMA.menu(&order.menu);
    let is_flag = |name: &str| {
        let mut props = flags.map(|m| m.props.iter()).into_iter().flatten();
        props.any(|p| *p.name == *name && p.kind == Kind::Flag)
    };
    for argument in &call.arguments {
        match argument {
            Argument::Named(name, value) => {
                order.args.push((name.clone(), Some(value_text(value)?)));
            }
            Argument::Unset(name) => order.args.push((name.clone(), None)),
            Argument::Positional(value) => {
                let value = value_text(value)?;
                if is_flag(&value) {
                    order.args.push((value, Some("yes".to_owned())));
                } else {
                    positional.push(value);
                }
            }
        }
    }
    place(&mut order, is_single, positional)?;
    Ok(order)
}

/// Gives arguments without a name the name that their place means.
fn place(order: &mut Order, is_single: bool, positional: Vec<String>) -> Result<(), Problem> {
    let names: &[&str] = match order.verb.as_str() {
        "set" | "remove" | "enable" | "disable" | "monitor" | "make-static" | "reset-counters"
        | "request-logout" => &["numbers"],
        "run" | "sign" => &["number"],
        "get" if is_single => &["value-name"],
        "get" | "unset" => &["numbers", "value-name"],
        "move" => &["numbers", "destination"],
        "comment" => &["numbers", "comment"],
        "ping" | "speed-test" | "traceroute" => &["address"],
        "import" => &["file-name"],
        "monitor-traffic" => &["interface"],
        "info" | "warning" | "error" | "debug" if order.menu == "/log" => &["message"],
        _ => &[],
    };
    for (n, value) in positional.into_iter().enumerate() {
        let is_flag = matches!(order.verb.as_str(), "print" | "export")
            || matches!(
                value.as_str(),
                "once" | "detail" | "verbose" | "terse" | "as-value"
            );
        if is_flag && !value.starts_with('*') && value.parse::<u32>().is_err() {
            order.args.push((value, Some(String::new())));
        } else if order.verb == "print" {
            order.args.push(("from".to_owned(), Some(value)));
        } else {
            let name = names.get(n).ok_or(Problem::ExpectedEnd)?;
            order.args.push(((*name).to_owned(), Some(value)));
        }
    }
    Ok(())
}

fn value_text(data: &Data) -> Result<String, Problem> {
    let bytes = match data {
        Data::List(list) => {
            let texts: Option<Vec<_>> = list.iter().map(Data::text).collect();
            texts.map(|t| t.join(&b','))
        }
        other => other.text(),
    };
    bytes
        .map(|b| text::decode(&b))
        .ok_or_else(|| Problem::Failed("no such item".to_owned()))
}

/// A console says of an unknown command what it is, and of all else what the device says.
fn problem(trap: Trap, call: &Call) -> Problem {
    if trap.message.starts_with("no such command") {
        let word = if trap.message.ends_with("prefix") {
            call.menu.rsplit('/').next().unwrap_or_default()
        } else {
            &call.verb
        };
        return Problem::BadCommand(word.to_owned());
    }
    if trap.message.starts_with("unknown parameter") {
        return Problem::ExpectedEnd;
    }
    Problem::Failed(trap.message)
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
