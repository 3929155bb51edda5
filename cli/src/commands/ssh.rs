//! `todctl ssh`

use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::terminal::{disable_raw_mode, enable_raw_mode, size};
use tod_client::Client;
use tod_client::pipe::{Frame, Receiver, Sender};
use tod_proto::api::relays::{Open, RelayControl, RelayKind, Terminal, TicketQuery};
use tod_proto::id::{DeviceId, TenantId};
use tod_proto::page::Empty;
use tod_proto::untrusted::plain;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::device::pick::find;
use crate::cx::Cx;
use crate::error::CliError;

/// What SSH itself returns for an error of its own.
const TRANSPORT_FAILED: u8 = 255;

/// Open a terminal on a device, or run a command there
///
/// The server connects you through the poller that reaches the device; nothing but the server
/// needs to be reachable from here. The bytes are the device's own and are not escaped. On a new
/// line, `~.` ends the session.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  todctl ssh ber-core-02\n  \
    todctl ssh ber-core-02 -- /system/identity/print\n\n\
    Exit status: that of the remote command; 255 if the connection failed")]
pub struct Args {
    /// The device, with the account to sign in with if you want to be sure: noc@ber-core-02
    #[arg(value_name = "[USER@]DEVICE",
        add = clap_complete::ArgValueCandidates::new(crate::complete::devices))]
    device: String,
    /// The command, after `--`
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(super) async fn run(args: Args, cx: &mut Cx) -> Result<(), CliError> {
    let (user, name) = match args.device.rsplit_once('@') {
        Some((user, name)) => (Some(user), name),
        None => (None, args.device.as_str()),
    };
    let (client, tenant) = cx.tenant().await?;
    let device = find(&client, tenant, name).await?;
    let is_shell = args.command.is_empty();
    if is_shell && !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        return Err(CliError::Usage {
            message: "a shell needs a terminal".to_owned(),
            hint: Some(format!(
                "run one command: todctl ssh {name} -- /system/identity/print"
            )),
        });
    }
    let kind = if is_shell {
        let (cols, rows) = size().unwrap_or((80, 24));
        RelayKind::Shell {
            term: cx.env.text("TERM").unwrap_or("xterm").to_owned(),
            cols,
            rows,
        }
    } else {
        RelayKind::Exec {
            command: args.command.join(" "),
        }
    };
    let (tx, rx) = open(cx, &client, (tenant, device.id), kind, user).await?;
    if is_shell {
        cx.say.note(format!(
            "connecting to {}; end with ~. on a new line",
            plain(&device.name)
        ));
        shell(tx, rx).await
    } else {
        exec(cx, tx, rx).await
    }
}

/// Gets a ticket and connects with it.
async fn open(
    cx: &Cx,
    client: &Client,
    path: (TenantId, DeviceId),
    kind: RelayKind,
    user: Option<&str>,
) -> Result<(Sender, Receiver), CliError> {
    let _spinner = cx.say.spinner("Connecting");
    let ticket = client.call(Open, path, Empty {}, kind).await?;
    if let Some(user) = user
        && user != ticket.username
    {
        return Err(CliError::Usage {
            message: format!("tod signs in to this device as {}", plain(&ticket.username)),
            hint: Some("leave out the account, or change it: todctl device set".to_owned()),
        });
    }
    let query = TicketQuery {
        ticket: ticket.ticket,
    };
    let socket = client.pipe(Terminal, &ticket.relay, &query).await?;
    Ok(socket.split())
}

/// How a relay ended.
enum End {
    Exit(u32),
    Signal(String),
    Failed(String, Option<String>),
    Gone,
}

impl End {
    /// The exit status, as `ssh` would return it.
    fn result(self) -> Result<(), CliError> {
        let failed = |message: String| CliError::Outcome {
            status: TRANSPORT_FAILED,
            message,
        };
        match self {
            Self::Exit(0) => Ok(()),
            Self::Exit(status) => Err(CliError::Remote(
                u8::try_from(status).unwrap_or(TRANSPORT_FAILED),
            )),
            Self::Signal(name) => Err(failed(format!("ended by signal {}", plain(&name)))),
            Self::Failed(message, None) => Err(failed(message)),
            Self::Failed(message, Some(hint)) => Err(failed(format!("{message} ({hint})"))),
            Self::Gone => Err(failed("the connection broke".to_owned())),
        }
    }
}

/// What a text frame says about the end.
fn end_of(text: &str) -> Option<End> {
    match serde_json::from_str(text).ok()? {
        RelayControl::Exit { status } => Some(End::Exit(status)),
        RelayControl::Signal { name } => Some(End::Signal(name)),
        RelayControl::Failed { message, hint } => Some(End::Failed(
            plain(message.raw()),
            hint.as_deref().map(plain),
        )),
        RelayControl::Opened | RelayControl::Resize { .. } | RelayControl::Eof => None,
    }
}

/// One command: its output to stdout, byte for byte.
async fn exec(cx: &mut Cx, mut tx: Sender, mut rx: Receiver) -> Result<(), CliError> {
    tx.message(&RelayControl::Eof).await?;
    loop {
        let frame = tokio::select! {
            frame = rx.next() => frame,
            _ = tokio::signal::ctrl_c() => return Err(CliError::Interrupted),
        };
        match frame {
            Some(Ok(Frame::Bytes(bytes))) => cx.out.raw(&bytes)?,
            Some(Ok(Frame::Text(text))) => {
                if let Some(end) = end_of(&text) {
                    return end.result();
                }
            }
            Some(Err(_)) | None => return End::Gone.result(),
        }
    }
}

/// Puts the terminal back whatever happens: modes, colours, charset, screen, mouse, paste.
struct Raw;

impl Drop for Raw {
    fn drop(&mut self) {
        const RESET: &[u8] = b"\x1b[0m\x1b(B\x0f\x1b[?1l\x1b[?7h\x1b[?25h\x1b[?1000l\x1b[?1002l\
            \x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?1049l\x1b>";
        let mut stdout = io::stdout().lock();
        // There is nothing to be done about a terminal that went away.
        drop(stdout.write_all(RESET).and_then(|()| stdout.flush()));
        drop(disable_raw_mode());
    }
}

/// An interactive shell.
async fn shell(mut tx: Sender, mut rx: Receiver) -> Result<(), CliError> {
    enable_raw_mode()?;
    let raw = Raw;
    let stop = Arc::new(AtomicBool::new(false));
    let mut keys = keyboard(Arc::clone(&stop));
    let mut resized = signal(SignalKind::window_change())?;
    let mut escape = Escape::default();
    let end = loop {
        tokio::select! {
            frame = rx.next() => match frame {
                Some(Ok(Frame::Bytes(bytes))) => {
                    let mut stdout = io::stdout().lock();
                    stdout.write_all(&bytes)?;
                    stdout.flush()?;
                }
                Some(Ok(Frame::Text(text))) => if let Some(end) = end_of(&text) {
                    break end;
                },
                Some(Err(_)) | None => break End::Gone,
            },
            Some(typed) = keys.recv() => {
                let (bytes, is_over) = escape.filter(&typed);
                if !bytes.is_empty() {
                    tx.bytes(bytes).await?;
                }
                if is_over {
                    break End::Exit(0);
                }
            }
            Some(()) = resized.recv() => {
                let (cols, rows) = size().unwrap_or((80, 24));
                tx.message(&RelayControl::Resize { cols, rows }).await?;
            }
        }
    };
    stop.store(true, Ordering::Relaxed);
    // The other side may be gone already.
    drop(tx.close().await);
    drop(raw);
    end.result()
}

/// Reads the keyboard on a thread of its own: a read from a terminal cannot be cancelled.
fn keyboard(stop: Arc<AtomicBool>) -> mpsc::Receiver<Vec<u8>> {
    let (tx, rx) = mpsc::channel(64);
    std::thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = stdin.read(&mut buffer) {
            let typed = buffer.get(..count).unwrap_or_default().to_vec();
            if stop.load(Ordering::Relaxed) || tx.blocking_send(typed).is_err() {
                return;
            }
        }
    });
    rx
}

/// Looks for `~.` at the beginning of a line, as `ssh` does.
#[derive(Debug)]
struct Escape {
    at_line_start: bool,
    tilde: bool,
}

impl Default for Escape {
    fn default() -> Self {
        Self {
            at_line_start: true,
            tilde: false,
        }
    }
}

impl Escape {
    /// The bytes to send, and whether the session is to end.
    fn filter(&mut self, typed: &[u8]) -> (Vec<u8>, bool) {
        let mut out = Vec::with_capacity(typed.len());
        for &byte in typed {
            if std::mem::take(&mut self.tilde) {
                match byte {
                    b'.' => return (out, true),
                    // `~~` is one tilde.
                    b'~' => {
                        out.push(b'~');
                        self.at_line_start = false;
                        continue;
                    }
                    _ => out.push(b'~'),
                }
            } else if self.at_line_start && byte == b'~' {
                self.tilde = true;
                continue;
            }
            self.at_line_start = matches!(byte, b'\r' | b'\n');
            out.push(byte);
        }
        (out, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &[&str]) -> (String, bool) {
        let mut escape = Escape::default();
        let mut sent = Vec::new();
        for piece in text {
            let (bytes, over) = escape.filter(piece.as_bytes());
            sent.extend(bytes);
            if over {
                return (String::from_utf8(sent).unwrap(), true);
            }
        }
        (String::from_utf8(sent).unwrap(), false)
    }

    #[test]
    fn a_tilde_and_a_dot_on_a_new_line_end_the_session() {
        assert_eq!(typed(&["~."]), (String::new(), true));
        assert_eq!(typed(&["ls\r~", "."]), ("ls\r".to_owned(), true));
        assert_eq!(typed(&["a~."]), ("a~.".to_owned(), false));
        assert_eq!(typed(&["~~.x"]), ("~.x".to_owned(), false));
        assert_eq!(typed(&["~x"]), ("~x".to_owned(), false));
    }
}
