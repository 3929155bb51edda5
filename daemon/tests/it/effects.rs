//! Settings whose effect is seen on a `todd` that runs.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::harness::{SOON, folder, serve};

/// A `todd` without TLS, and what it logs.
struct Plain {
    child: Child,
    address: String,
    log: PathBuf,
}

impl Plain {
    fn start(folder: &Path, variables: &[(&str, &str)]) -> Self {
        let log = folder.join("log");
        let mut command = serve(&folder.join("data"));
        command
            .env("TOD_HTTP__TLS", "false")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let output = child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        let address = line
            .trim()
            .strip_prefix("listening on http://")
            .map(str::to_owned);
        let said = std::fs::read_to_string(&log).unwrap();
        Self {
            address: address.expect(&said),
            child,
            log,
        }
    }

    /// What is answered to this, until the server closes.
    fn says(&self, text: &str) -> String {
        let mut tcp = TcpStream::connect(&self.address).unwrap();
        tcp.set_read_timeout(Some(SOON)).unwrap();
        tcp.write_all(text.as_bytes()).unwrap();
        let mut answer = Vec::new();
        tcp.read_to_end(&mut answer).unwrap();
        String::from_utf8(answer).unwrap()
    }

    /// Asks as a page of this origin does.
    fn page(&self, origin: &str) -> String {
        let head = "GET /health HTTP/1.1\r\nhost: tod\r\nconnection: close\r\n";
        self.says(&format!("{head}origin: {origin}\r\n\r\n"))
            .to_lowercase()
    }

    /// Stops it, and returns what it logged.
    fn stop(mut self) -> Vec<Value> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
        let log = std::fs::read_to_string(&self.log).unwrap();
        log.lines()
            .map(|line| serde_json::from_str(line).expect(line))
            .collect()
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
            drop(self.child.wait());
        }
    }
}

fn has(log: &[Value], level: &str, words: &str) -> bool {
    log.iter()
        .any(|line| line["level"] == level && line.to_string().contains(words))
}

#[test]
fn what_is_set_for_the_door_and_the_log_counts() {
    let folder = folder();
    let todd = Plain::start(
        folder.path(),
        &[
            ("TOD_LOG__FORMAT", "json"),
            ("LOG_LEVEL", "debug"),
            ("CORS_ORIGINS", "https://console.example"),
            ("TOD_HTTP__LIMITS__HEAD", "1s"),
            ("SMTP_HOST", "mail.example"),
        ],
    );

    let allowed = todd.page("https://console.example");
    assert!(allowed.starts_with("http/1.1 200"), "{allowed}");
    let header = "access-control-allow-origin: https://console.example";
    assert!(allowed.contains(header), "{allowed}");
    let other = todd.page("https://elsewhere.example");
    assert!(!other.contains("access-control-allow-origin"), "{other}");

    let since = Instant::now();
    todd.says("GET /health HT");
    let after = since.elapsed();
    // The default is ten seconds.
    let (least, most) = (Duration::from_millis(900), Duration::from_secs(9));
    assert!((least..most).contains(&after), "{after:?}");

    let log = todd.stop();
    assert!(has(&log, "WARN", "no mail is sent"), "{log:?}");
    assert!(has(&log, "DEBUG", ""), "{log:?}");

    let quiet = [
        ("TOD_LOG__FORMAT", "json"),
        ("LOG_LEVEL", "error"),
        ("SMTP_HOST", "x"),
    ];
    let log = Plain::start(folder.path(), &quiet).stop();
    assert!(log.iter().all(|line| line["level"] == "ERROR"), "{log:?}");
}
