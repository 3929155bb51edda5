//! The API door: sentences in, one batch of replies out for each batch of commands read.

use std::collections::BTreeMap;
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

use crate::core::Caller;
use crate::device::Late;
use crate::door::Visit;
use crate::text;
use crate::trap;
use crate::verb::{After, Filter, Order, Outcome};

mod stream;

/// Replies of streaming commands that wait to be written.
const QUEUE: usize = 64;

/// Talks with one client until it leaves.
pub(crate) async fn serve(visit: Visit, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let (sender, mut later) = mpsc::channel(QUEUE);
    let mut session = Session {
        visit,
        receiver: Receiver::new(),
        user: None,
        turn: 0,
        running: BTreeMap::new(),
        later: sender,
        stop: CancellationToken::new(),
    };
    let mut buffer = vec![0; 16 << 10];
    let mut out = Vec::new();
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
        let goes_on = session.answer_all(&mut out);
        if stream.write_all(&out).await.is_err() || stream.flush().await.is_err() {
            break;
        }
        out.clear();
        if !goes_on {
            break;
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
    turn: u64,
    /// Commands that stream, by tag, with what cancels them.
    running: BTreeMap<Vec<u8>, CancellationToken>,
    later: mpsc::Sender<Vec<u8>>,
    stop: CancellationToken,
}

impl Session {
    /// Answers all commands that have arrived; returns whether the session goes on.
    fn answer_all(&mut self, out: &mut Vec<u8>) -> bool {
        let mut is_first = true;
        loop {
            let request = match self.receiver.poll() {
                Ok(Some(request)) => request,
                Ok(None) => return true,
                Err(error) => {
                    Response::fatal(error.to_string()).encode(out);
                    return false;
                }
            };
            if self.user.is_some() {
                let mut core = self.visit.device.core();
                core.counts.commands += 1;
                core.counts.turns += u64::from(is_first);
                is_first = false;
            }
            if !self.answer(&request, out) {
                return false;
            }
        }
    }

    fn answer(&mut self, request: &Request, out: &mut Vec<u8>) -> bool {
        if request.path == "/login" {
            return self.log_in(request, out);
        }
        let Some(user) = self.user.clone() else {
            self.refuse(request, &trap::failure("not logged in"), out);
            return true;
        };
        self.note(request);
        if self.goes_wrong(out) {
            return true;
        }
        match request.path.as_str() {
            "/cancel" => {
                self.cancel(request, out);
                return true;
            }
            "/quit" => {
                Response::fatal("session terminated on request").encode(out);
                return false;
            }
            _ => {}
        }
        let caller = self.caller(user);
        let mark = out.len();
        match order(request).and_then(|order| self.visit.device.perform(&caller, &order)) {
            Ok(outcome) => self.give(request, &caller, outcome, out),
            Err(trap) => self.refuse(request, &trap, out),
        }
        self.lose(request, mark, out);
        true
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

    fn log_in(&mut self, request: &Request, out: &mut Vec<u8>) -> bool {
        let field = |name| {
            request
                .attributes
                .raw(name)
                .map(text::decode)
                .unwrap_or_default()
        };
        let (name, password) = (field("name"), field("password"));
        let mut core = self.visit.device.core();
        let is_good = core.log_in(self.visit.id, &name, &password, "api");
        let is_v7 = core.release.has_slashes();
        drop(core);
        if is_good {
            self.user = Some(name);
            self.receiver.signed_in();
            request.respond(Response::done()).encode(out);
        } else {
            let message = if is_v7 {
                "invalid user name or password (6)"
            } else {
                "cannot log in"
            };
            let trap = Trap {
                category: None,
                message: message.to_owned(),
            };
            self.refuse(request, &trap, out);
        }
        true
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
        let rows = outcome.rows.unwrap_or_default();
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
                self.stream(request, |tag| stream::ping(tag, address, count));
            }
            Err(After::Monitor(order)) => {
                self.stream(request, |tag| stream::monitor(tag, *order));
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

    fn stream<F>(&mut self, request: &Request, make: impl FnOnce(stream::Stream) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = self.stop.child_token();
        if let Some(tag) = &request.tag {
            self.running.insert(tag.clone(), stop.clone());
        }
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
    }

    /// Writes what is no reply, if that is what goes wrong.
    fn goes_wrong(&self, out: &mut Vec<u8>) -> bool {
        let core = self.visit.device.core();
        if core.has_fault(|f| *f == Fault::Garbage) {
            out.extend_from_slice(b"\x05!reHTTP/1.1 400 Bad Request\r\n\r\n\xff\xf8");
            return true;
        }
        if core.has_fault(|f| *f == Fault::HugeWord) {
            out.extend_from_slice(&[0xF0, 0xFF, 0xFF, 0xFF, 0xFF, b'!']);
            return true;
        }
        false
    }

    /// Takes a reply back or reboots before it, if that is what goes wrong.
    fn lose(&self, request: &Request, mark: usize, out: &mut Vec<u8>) {
        let core = self.visit.device.core();
        let path = &request.path;
        let is_lost =
            core.has_fault(|f| matches!(f, Fault::LoseReplyTo { command } if command == path));
        let reboots =
            core.has_fault(|f| matches!(f, Fault::RebootMid { command } if command == path));
        drop(core);
        if is_lost || reboots {
            out.truncate(mark);
        }
        if reboots {
            self.visit.device.reboot("power failure", None);
        }
    }
}

/// Reads a request as an order.
fn order(request: &Request) -> Result<Order, Trap> {
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
        let query = Query::parse(&request.queries);
        order.filter = Filter::Query(query.map_err(|e| trap::failure(&e.to_string()))?);
    }
    Ok(order)
}
