//! The API door: sentences in, one batch of replies out for each batch of commands read.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use routeros::error::Trap;
use routeros::server::{Receiver, Request, Response};
use routeros::text::is_sensitive;
use tod_proto::lab::{Event, Fault};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::core::{Caller, Proof};
use crate::device::Late;
use crate::door::Visit;
use crate::switches::has_challenge;
use crate::text;
use crate::trap;
use crate::verb::{After, Outcome};

mod dialect;
mod distort;
mod order;
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
        let quiet = session.quiet();
        let read = tokio::select! {
            read = stream.read(&mut buffer) => read,
            () = quiet => break,
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

/// A command that streams.
struct Running {
    /// Cancels it.
    stop: CancellationToken,
    /// Told when it has said its last word.
    over: CancellationToken,
}

/// One client's session.
struct Session {
    visit: Visit,
    receiver: Receiver,
    user: Option<String>,
    /// What an old client must hash its password with.
    challenge: Option<[u8; 16]>,
    turn: u64,
    /// Commands that stream, by tag.
    running: BTreeMap<Vec<u8>, Running>,
    later: mpsc::Sender<Vec<u8>>,
    stop: CancellationToken,
}

impl Session {
    /// Waits until nothing has been said for so long that the session ends.
    fn quiet(&self) -> impl Future<Output = ()> + use<> {
        let device = Arc::clone(&self.visit.device);
        let most = device.spec.switches.idle_logout_s;
        async move {
            match most {
                0 => std::future::pending().await,
                most => {
                    let most = Duration::from_secs(most.into());
                    device.around.clock.sleep(most).await;
                }
            }
        }
    }

    /// Answers a request, where it is written like any other answer.
    fn respond(&self, request: &Request, response: Response) -> Response {
        dialect::respond(&self.visit.device.spec.switches, request, response)
    }

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
        let order = order::read(request, &self.visit.device);
        match order.and_then(|order| self.visit.device.perform(&caller, &order)) {
            Ok(outcome) => self.give(request, &caller, outcome, out),
            Err(trap) => self.refuse(request, &trap, out),
        }
        let (hangs, reboots) = distort::after(&self.visit.device.core(), request, mark, out);
        if reboots {
            self.visit.device.lose_power("power failure");
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
            watches: false,
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
            self.respond(request, done).encode(out);
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
            self.respond(request, Response::done()).encode(out);
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
        let trap = dialect::worded(&self.visit.device.spec.switches, trap);
        let trap = Response::trap(trap.category, text::encode(&trap.message));
        self.respond(request, trap).encode(out);
        self.respond(request, Response::done()).encode(out);
    }

    fn give(
        &mut self,
        request: &Request,
        caller: &Caller,
        mut outcome: Outcome,
        out: &mut Vec<u8>,
    ) {
        let mut rows = outcome.rows.take().unwrap_or_default();
        let (says_empty, ret) = {
            let core = self.visit.device.core();
            distort::rows(&core, request, &mut rows);
            let menu = request.menu_and_verb().0;
            let wanted = request.attributes.text(".proplist");
            core.write_rows(menu, wanted.as_deref(), &mut rows);
            let says_empty = core.says_empty(request, &outcome, !rows.is_empty());
            let is_add = request.path.ends_with("/add");
            let ret = outcome.ret.map(|ret| match std::str::from_utf8(&ret) {
                Ok(id) if is_add => core.shown_ids(id).into_owned().into_bytes(),
                _ => ret,
            });
            (says_empty, ret)
        };
        for row in &rows {
            self.respond(request, Response::row(row)).encode(out);
        }
        if says_empty {
            self.respond(request, Response::empty()).encode(out);
        }
        let done = match ret {
            Some(ret) => Response::done_with(ret),
            None => Response::done(),
        };
        let done = self.respond(request, done);
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
            if let Err(trap) = Arc::clone(&device).follow(caller, late).await {
                let trap = dialect::worded(&device.spec.switches, &trap);
                let trap = Response::trap(trap.category, text::encode(&trap.message));
                dialect::respond(&device.spec.switches, &request, trap).encode(&mut out);
            }
            let done = dialect::respond(&device.spec.switches, &request, Response::done());
            done.encode(&mut out);
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
        self.running
            .retain(|_, running| !running.over.is_cancelled());
        if self.running.len() >= STREAMS {
            return self.refuse(request, &trap::failure("too many commands"), out);
        }
        let (stop, over) = (self.stop.child_token(), CancellationToken::new());
        let tag = request.tag.clone().unwrap_or_default();
        let running = Running {
            stop: stop.clone(),
            over: over.clone(),
        };
        self.running.insert(tag, running);
        let task = make(stream::Stream {
            device: Arc::clone(&self.visit.device),
            request: request.clone(),
            later: self.later.clone(),
            stop,
            _over: over.drop_guard(),
        });
        self.visit.device.tasks.spawn(task);
    }

    fn cancel(&mut self, request: &Request, out: &mut Vec<u8>) {
        let switches = &self.visit.device.spec.switches;
        self.running
            .retain(|_, running| !running.over.is_cancelled());
        let cancelled: Vec<Running> = match request.attributes.raw("tag") {
            Some(tag) => self.running.remove(tag).into_iter().collect(),
            None => std::mem::take(&mut self.running).into_values().collect(),
        };
        let is_nothing = cancelled.is_empty() && request.attributes.raw("tag").is_some();
        if is_nothing && !switches.lenient_cancels {
            let trap = trap::failure("no such command to cancel");
            return self.refuse(request, &trap, out);
        }
        for running in &cancelled {
            running.stop.cancel();
        }
        let done = self.respond(request, Response::done());
        if !switches.late_cancels {
            done.encode(out);
            distort::cancelled(&self.visit.device.core(), request, out);
            return;
        }
        let later = self.later.clone();
        self.visit.device.tasks.spawn(async move {
            for running in cancelled {
                running.over.cancelled().await;
            }
            let mut out = Vec::new();
            done.encode(&mut out);
            if later.send(out).await.is_err() {
                tracing::trace!("the client is gone");
            }
        });
    }
}
