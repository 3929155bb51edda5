//! A lab of one device, and a client that writes sentences and reads replies.

use std::time::Duration;

use routeros::command::Command;
use routeros::reply::{Kind, Reply};
use routeros::row::Row;
use routeros::sentence::{Decoder, Limits};
use tod_lab::{Device, Fleet, Lab, Options, PASSWORD, Spec, USER};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than anything takes that happens at all.
pub(crate) const SOON: Duration = Duration::from_secs(20);
/// Long enough to say that nothing comes.
pub(crate) const SILENCE: Duration = Duration::from_millis(300);

pub(crate) const AT: std::net::Ipv4Addr = std::net::Ipv4Addr::new(127, 20, 0, 7);

pub(crate) fn spec() -> Spec {
    Spec::new("r1", AT)
}

/// Starts a lab of one device that boots fast.
pub(crate) async fn one(spec: Spec) -> (Lab, Device) {
    mortal(spec, SOON).await
}

/// Starts a lab of one device whose connections die after so much silence.
pub(crate) async fn mortal(spec: Spec, session_death: Duration) -> (Lab, Device) {
    let options = Options {
        reboot: Duration::from_millis(200),
        session_death,
        ..Options::default()
    };
    let name = spec.name.clone();
    let lab = Lab::start(Fleet::one(spec), options).await.unwrap();
    let device = lab.device(&name).unwrap();
    (lab, device)
}

/// What a command was answered with.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) rows: Vec<Row>,
    pub(crate) ret: Option<String>,
    pub(crate) trap: Option<String>,
    pub(crate) is_empty: bool,
}

impl Answer {
    pub(crate) fn one(&self, name: &str) -> String {
        assert_eq!(self.rows.len(), 1, "{self:?}");
        self.rows[0].text(name).unwrap_or_default().into_owned()
    }

    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.trap, None);
        self
    }
}

pub(crate) struct Client {
    tcp: TcpStream,
    decoder: Decoder,
}

impl Client {
    pub(crate) async fn connect(device: &Device) -> Self {
        let at = device.summary();
        let tcp = TcpStream::connect((at.address, at.api_port)).await.unwrap();
        Self {
            tcp,
            decoder: Decoder::new(Limits::CLIENT),
        }
    }

    pub(crate) async fn log_in(device: &Device) -> Self {
        let mut client = Self::connect(device).await;
        let login = Command::new("/login")
            .attribute("name", USER)
            .attribute("password", PASSWORD);
        client.call(login).await.ok();
        client
    }

    pub(crate) async fn send(&mut self, commands: &[Command]) {
        let mut bytes = Vec::new();
        for (tag, command) in commands.iter().enumerate() {
            command.encode(Some(tag as u64), &mut bytes);
        }
        self.tcp.write_all(&bytes).await.unwrap();
    }

    /// Sends bytes as they are.
    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) {
        self.tcp.write_all(bytes).await.unwrap();
    }

    /// Reads one reply; nothing if the connection ends.
    pub(crate) async fn reply(&mut self) -> Option<Reply> {
        let mut buffer = [0; 4096];
        loop {
            if let Some(sentence) = self.decoder.poll().unwrap() {
                return Some(Reply::parse(&sentence));
            }
            let count = self.tcp.read(&mut buffer).await.unwrap_or(0);
            if count == 0 {
                return None;
            }
            self.decoder.feed(&buffer[..count]);
        }
    }

    pub(crate) async fn call(&mut self, command: Command) -> Answer {
        self.send(&[command]).await;
        timeout(SOON, self.answer()).await.unwrap()
    }

    /// Runs a command given as its path and `name=value` words.
    pub(crate) async fn run(&mut self, path: &str, words: &[&str]) -> Answer {
        let command = words.iter().fold(Command::new(path), |command, word| {
            if word.starts_with('?') {
                return command.query(word);
            }
            let (name, value) = word.split_once('=').unwrap();
            command.attribute(name, value)
        });
        self.call(command).await
    }

    pub(crate) async fn answer(&mut self) -> Answer {
        let mut answer = Answer::default();
        loop {
            let reply = self
                .reply()
                .await
                .unwrap_or_else(|| panic!("closed after {answer:?}"));
            match reply.kind {
                Kind::Re => answer.rows.push(reply.row),
                Kind::Trap => {
                    answer.trap = reply.row.text("message").map(std::borrow::Cow::into_owned);
                }
                Kind::Empty => answer.is_empty = true,
                Kind::Done => {
                    answer.ret = reply.row.text("ret").map(std::borrow::Cow::into_owned);
                    return answer;
                }
                Kind::Fatal | Kind::Other => panic!("{reply:?}"),
            }
        }
    }

    /// Says whether this command is answered to its end.
    pub(crate) async fn run_is_answered(&mut self, path: &str) -> bool {
        timeout(SILENCE, self.run(path, &[])).await.is_ok()
    }

    /// Says whether a command is answered at all.
    pub(crate) async fn is_answered(&mut self) -> bool {
        self.send(&[Command::print("/system/identity")]).await;
        timeout(SILENCE, self.answer()).await.is_ok()
    }
}
