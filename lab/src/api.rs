//! The API door: sentences in, one batch of replies out for each batch of commands read.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use routeros::error::Trap;
use routeros::query::Query;
use routeros::server::{Receiver, Request, Response};
use routeros::text::is_sensitive;
use routeros::version::Feature;
use tod_proto::lab::{Event, Fault};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::core::{Caller, Proof};
use crate::device::Late;
use crate::door::Visit;
use crate::schema::{Kind, SCHEMA};
use crate::switches::has_challenge;
use crate::text;
use crate::trap;
use crate::verb::{After, Filter, Order, Outcome};

mod distort;
mod stream;

/// Replies of streaming commands that wait to be written.
const QUEUE: usize = 64;

/// Streaming commands that one session may run.
const STREAMS: usize = 100;

/// What happens after a command.
enum Step {
    /// There is no command to answer.
    Wait,
    /// It was answered.
    Answered,
    /// It was answered, and that was the last one.
    End,
    /// It is answered without end.
    Flood(distort::Flood),
    /// Nothing is answered any more.
    Hang,
}

/// How a session goes on.
enum Flow {
    On,
    /// Open, but silent for ever.
    Hang,
    End,
}

/// Talks with one client until it leaves.
pub(crate) async fn serve(visit: Visit, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let other = distort::other_protocol(&visit.device.core());
    if let Some(other) = other {
        distort::speak(other, &mut stream).await;
        return;
    }
    let (sender, mut later) = mpsc::channel(QUEUE);
    let mut session = Session {
        visit,
        receiver: Receiver::new(),
        user: None,
        challenge: None,
        turn: 0,
        running: BTreeMap::new(),
        later: sender,
        stop: CancellationToken::new(),
    };
    let mut buffer = vec![0; 16 << 10];
    loop {
        let read = tokio::select! {
            read = stream.read(&mut buffer) => read,
            Some(bytes) = later.recv() => {
                if stream.write_all(&bytes).await.is_err() {
                    break;
                }
                continue;
            }
        };
        let Ok(count @ 1..) = read else { break };
        session
            .receiver
            .feed(buffer.get(..count).unwrap_or_default());
        session.turn += 1;
        match session.answer_all(&mut stream).await {
            Ok(Flow::On) => {}
            Ok(Flow::Hang) => distort::swallow(&mut stream).await,
            Ok(Flow::End) | Err(_) => break,
        }
    }
    session.stop.cancel();
    if let Err(error) = stream.shutdown().await {
        tracing::trace!(%error, "the client is gone");
    }
}

/// One client's session.
struct Session {
    visit: Visit,
    receiver: Receiver,
    user: Option<String>,
    /// What an old client must hash its password with.
    challenge: Option<[u8; 16]>,
    turn: u64,
    /// Commands that stream, by tag, with what cancels them.
    running: BTreeMap<Vec<u8>, CancellationToken>,
    later: mpsc::Sender<Vec<u8>>,
    stop: CancellationToken,
}

impl Session {
    /// Answers all commands that have arrived.
    async fn answer_all(&mut self, stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<Flow> {
        let (mut out, mut is_first) = (Vec::new(), true);
        loop {
            let step = self.step(&mut out, &mut is_first);
            if matches!(step, Step::Answered) {
                let toil = self.visit.device.core().toil();
                let Some(toil) = toil else { continue };
                stream.write_all(&out).await?;
                out.clear();
                tokio::time::sleep(toil).await;
                continue;
            }
            stream.write_all(&out).await?;
            stream.flush().await?;
            return match step {
                Step::Flood(flood) => flood.pour(stream).await.map(|()| Flow::End),
                Step::Hang => Ok(Flow::Hang),
                Step::Wait => Ok(Flow::On),
                Step::End | Step::Answered => Ok(Flow::End),
            };
        }
    }

    /// Answers the next command.
    fn step(&mut self, out: &mut Vec<u8>, is_first: &mut bool) -> Step {
        let request = match self.receiver.poll() {
            Ok(Some(request)) => request,
            Ok(None) => return Step::Wait,
            Err(error) => {
                Response::fatal(error.to_string()).encode(out);
                return Step::End;
            }
        };
        if self.user.is_some() {
            let mut core = self.visit.device.core();
            core.counts.commands += 1;
            core.counts.turns += u64::from(*is_first);
            *is_first = false;
        }
        self.answer(&request, out)
    }

    fn answer(&mut self, request: &Request, out: &mut Vec<u8>) -> Step {
        let mark = out.len();
        if request.path == "/login" {
            self.log_in(request, out);
            let core = self.visit.device.core();
            let loses =
                |f: &Fault| matches!(f, Fault::LoseReplyTo { command } if command == "/login");
            if core.has_fault(loses) {
                out.truncate(mark);
            }
            return Step::Answered;
        }
        let Some(user) = self.user.clone() else {
            self.refuse(request, &trap::failure("not logged in"), out);
            return Step::Answered;
        };
        self.note(request);
        if let Some(step) = distort::instead(&self.visit.device.core(), request, out) {
            return step;
        }
        match request.path.as_str() {
            "/cancel" => {
                self.cancel(request, out);
                return Step::Answered;
            }
            "/quit" => {
                Response::fatal("session terminated on request").encode(out);
                return Step::End;
            }
            _ => {}
        }
        let caller = self.caller(user);
        let is_strict = self.visit.device.spec.switches.strict_queries;
        match order(request, is_strict).and_then(|order| self.visit.device.perform(&caller, &order))
        {
            Ok(outcome) => self.give(request, &caller, outcome, out),
            Err(trap) => self.refuse(request, &trap, out),
        }
        let (hangs, reboots) = distort::after(&self.visit.device.core(), request, mark, out);
        if reboots {
            self.visit.device.reboot("power failure", None);
        }
        if hangs { Step::Hang } else { Step::Answered }
    }

    fn caller(&self, user: String) -> Caller {
        let name = routeros::text::escape(&user).into_owned();
        Caller {
            cause: format!(
                "{}:{name}@{}",
                crate::core::shown_via(self.visit.via),
                self.visit.peer.ip()
            ),
            user,
            session: Some(self.visit.id),
            columns: None,
        }
    }

    fn note(&self, request: &Request) {
        let plain = |(k, v): (&str, &[u8])| {
            let shown = if is_sensitive(k) {
                "***".to_owned()
            } else {
                text::decode(v)
            };
            (k.to_owned(), shown)
        };
        let mut args: BTreeMap<_, _> = request.attributes.iter().map(plain).collect();
        if !request.queries.is_empty() {
            let words: Vec<_> = request.queries.iter().map(|q| text::decode(q)).collect();
            args.insert("?".to_owned(), words.join(" "));
        }
        self.visit.device.core().record(Event::Command {
            session: Some(self.visit.id),
            via: self.visit.via.to_owned(),
            command: request.path.clone(),
            args,
            turn: self.turn,
        });
    }

    fn log_in(&mut self, request: &Request, out: &mut Vec<u8>) {
        let raw = |name| request.attributes.raw(name);
        let field = |name| raw(name).map(text::decode).unwrap_or_default();
        if raw("name").is_none() && has_challenge(self.visit.device.release()) {
            let challenge: [u8; 16] = rand::random();
            self.challenge = Some(challenge);
            let done = Response::done_with(hex::encode(challenge));
            request.respond(done).encode(out);
            return;
        }
        let (name, password, response) = (field("name"), field("password"), field("response"));
        let proof = match self.challenge.take() {
            Some(challenge) if !response.is_empty() => Proof::Response(challenge, &response),
            _ => Proof::Password(&password),
        };
        let mut core = self.visit.device.core();
        let is_late = core.has_fault(|f| *f == Fault::RadiusTimeout);
        let is_good = !is_late && core.log_in(self.visit.id, &name, proof, "api");
        drop(core);
        if is_good {
            self.user = Some(name);
            self.receiver.signed_in();
            request.respond(Response::done()).encode(out);
            return;
        }
        let message = match self.visit.device.release().has_slashes() {
            _ if is_late => "could not authenticate - radius timeout",
            true => "invalid user name or password (6)",
            false => "cannot log in",
        };
        let trap = Trap {
            category: None,
            message: message.to_owned(),
        };
        self.refuse(request, &trap, out);
    }

    fn refuse(&self, request: &Request, trap: &Trap, out: &mut Vec<u8>) {
        if self.user.is_some() {
            self.visit.device.core().record(Event::Trapped {
                session: Some(self.visit.id),
                command: request.path.clone(),
                message: trap.message.clone(),
            });
        }
        let message = text::encode(&trap.message);
        request
            .respond(Response::trap(trap.category, message))
            .encode(out);
        request.respond(Response::done()).encode(out);
    }

    fn give(&mut self, request: &Request, caller: &Caller, outcome: Outcome, out: &mut Vec<u8>) {
        let says_empty = self.visit.device.release().has(Feature::EmptyReply);
        let mut rows = outcome.rows.unwrap_or_default();
        distort::rows(&self.visit.device.core(), request, &mut rows);
        for row in &rows {
            request.respond(Response::row(row)).encode(out);
        }
        let is_print = request.path.ends_with("/print") || request.path.ends_with("/getall");
        if is_print && rows.is_empty() && outcome.ret.is_none() && says_empty {
            request.respond(Response::empty()).encode(out);
        }
        let done = match outcome.ret {
            Some(ret) => Response::done_with(ret),
            None => Response::done(),
        };
        let done = request.respond(done);
        let Some(after) = outcome.after else {
            done.encode(out);
            return;
        };
        match Late::of(after) {
            Ok(Late::Reboot { cause, load }) => {
                // A device that goes down does not wait for its answer to be read.
                done.encode(out);
                self.visit.device.reboot(&cause, load);
            }
            Ok(late) => self.finish_later(request, caller, late),
            Err(After::Ping { address, count }) => {
                self.stream(request, out, |tag| stream::ping(tag, address, count));
            }
            Err(After::Trace { address, count }) => {
                self.stream(request, out, |tag| stream::trace(tag, address, count));
            }
            Err(After::Monitor(order)) => {
                self.stream(request, out, |tag| stream::monitor(tag, *order));
            }
            Err(After::Listen(order, known)) => {
                self.stream(request, out, |tag| stream::listen(tag, *order, known));
            }
            Err(After::Series(rows, result)) => {
                self.stream(request, out, |tag| stream::series(tag, rows, result));
            }
            Err(_) => done.encode(out),
        }
    }

    /// Runs a script beside the session, and answers when it is done.
    fn finish_later(&self, request: &Request, caller: &Caller, late: Late) {
        let device = Arc::clone(&self.visit.device);
        let (request, caller, later) = (request.clone(), caller.clone(), self.later.clone());
        device.tasks.clone().spawn(async move {
            let mut out = Vec::new();
            if let Err(trap) = device.follow(caller, late).await {
                let trap = Response::trap(trap.category, text::encode(&trap.message));
                request.respond(trap).encode(&mut out);
            }
            request.respond(Response::done()).encode(&mut out);
            if later.send(out).await.is_err() {
                tracing::trace!("the client is gone");
            }
        });
    }

    fn stream<F>(
        &mut self,
        request: &Request,
        out: &mut Vec<u8>,
        make: impl FnOnce(stream::Stream) -> F,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        self.running.retain(|_, stop| !stop.is_cancelled());
        if self.running.len() >= STREAMS {
            return self.refuse(request, &trap::failure("too many commands"), out);
        }
        let stop = self.stop.child_token();
        let tag = request.tag.clone().unwrap_or_default();
        self.running.insert(tag, stop.clone());
        let task = make(stream::Stream {
            device: Arc::clone(&self.visit.device),
            request: request.clone(),
            later: self.later.clone(),
            stop,
        });
        self.visit.device.tasks.spawn(task);
    }

    fn cancel(&mut self, request: &Request, out: &mut Vec<u8>) {
        match request.attributes.raw("tag") {
            Some(tag) => {
                let Some(stop) = self.running.remove(tag) else {
                    let trap = trap::failure("no such command to cancel");
                    return self.refuse(request, &trap, out);
                };
                stop.cancel();
            }
            None => {
                for stop in std::mem::take(&mut self.running).into_values() {
                    stop.cancel();
                }
            }
        }
        request.respond(Response::done()).encode(out);
        distort::cancelled(&self.visit.device.core(), request, out);
    }
}

/// Reads a request as an order.
fn order(request: &Request, is_strict: bool) -> Result<Order, Trap> {
    let mut order = Order::new(&request.path);
    for (name, value) in request.attributes.iter() {
        // On the wire, `!name` and an empty value mean the same.
        match name.strip_prefix('!') {
            Some(name) => order.args.push((name.to_owned(), None)),
            None => order
                .args
                .push((name.to_owned(), Some(text::decode(value)))),
        }
    }
    if !request.queries.is_empty() {
        let mut words = request.queries.clone();
        if !is_strict {
            for word in &mut words {
                spell_flag(&order.menu, word);
            }
        }
        let query = Query::parse(&words);
        order.filter = Filter::Query(query.map_err(|e| trap::failure(&e.to_string()))?);
    }
    Ok(order)
}

/// Spells the flag in a query as replies do.
fn spell_flag(menu: &str, word: &mut Vec<u8>) {
    let Some((name, value)) = std::str::from_utf8(word)
        .ok()
        .and_then(|w| w.trim_start_matches(['?', '=']).split_once('='))
        .filter(|(name, _)| name.starts_with(|c: char| c.is_ascii_alphabetic()))
    else {
        return;
    };
    let is_flag = SCHEMA.menu(menu).is_none_or(|menu| {
        let mut props = menu.props.iter();
        props.any(|p| &*p.name == name && p.kind == Kind::Bool)
    });
    let spelled = match value {
        "yes" if is_flag => "true",
        "no" if is_flag => "false",
        _ => return,
    };
    *word = format!("?={name}={spelled}").into_bytes();
}
