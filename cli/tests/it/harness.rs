//! A machine with `todctl` on it, and a server over loopback that answers from a stub.

use std::convert::Infallible;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tod_client::stub::Stub;
use tod_client::transport::Transport as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::fixtures::{SESSION, TENANT};

type Reply = UnsyncBoxBody<Bytes, tod_client::Error>;

/// A machine, and a server if there is one.
pub(crate) struct Machine {
    pub(crate) dir: tempfile::TempDir,
    _server: Option<tokio::runtime::Runtime>,
}

/// What a run of `todctl` left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}--- stderr ---\n{}[exit {}]",
            self.stdout, self.stderr, self.status
        )
    }
}

/// Passes a request on to the stub.
async fn serve(stub: Stub, request: Request<Incoming>) -> Result<Response<Reply>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let reply = match stub.send(Request::from_parts(parts, body)).await {
        Ok(response) => {
            let (parts, body) = response.into_parts();
            let body = futures_util::stream::unfold(body, |mut body| async move {
                let piece = body.next().await?;
                Some((piece.map(Frame::data), body))
            });
            Response::from_parts(parts, StreamBody::new(body).boxed_unsync())
        }
        Err(error) => {
            let body = Full::new(Bytes::from(error.to_string()));
            let body = body.map_err(|never| match never {}).boxed_unsync();
            Response::builder().status(500).body(body).unwrap()
        }
    };
    Ok(reply)
}

/// Answers on a connection. Who does not like the certificate leaves.
async fn talk(tcp: TcpStream, tls: Option<TlsAcceptor>, stub: Stub) {
    match tls {
        None => answer(tcp, stub).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(tcp).await {
                answer(stream, stub).await;
            }
        }
    }
}

async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin, stub: Stub) {
    let service = service_fn(move |request| serve(stub.clone(), request));
    let http = hyper::server::conn::http1::Builder::new();
    drop(http.serve_connection(TokioIo::new(stream), service).await);
}

impl Machine {
    /// A machine on which nothing is configured.
    pub(crate) fn bare() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            _server: None,
        }
    }

    /// A machine that is signed in to a server with these answers.
    pub(crate) fn with(stub: Stub) -> Self {
        Self::met(stub, None, "")
    }

    /// The same over TLS; `trust` is a line in the context.
    pub(crate) fn with_tls(stub: Stub, tls: TlsAcceptor, trust: &str) -> Self {
        Self::met(stub, Some(tls), trust)
    }

    fn met(stub: Stub, tls: Option<TlsAcceptor>, trust: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        runtime.spawn(async move {
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                let (stub, tls) = (stub.clone(), tls.clone());
                #[expect(clippy::disallowed_methods, reason = "it ends with the runtime")]
                tokio::spawn(async move {
                    talk(tcp, tls, stub).await;
                });
            }
        });
        let machine = Self {
            dir: tempfile::tempdir().unwrap(),
            _server: Some(runtime),
        };
        machine.write(
            "config/config.toml",
            &format!(
                "version = 1\ncurrent = \"prod\"\n[context.prod]\nserver = \"{url}\"\n\
                 tenant = \"acme-wisp\"\ntenant_id = \"{TENANT}\"\nstore = \"insecure\"\n\
                 user = \"ana@example.org\"\n{trust}\n"
            ),
        );
        let grant = json!({
            "offset_ms": 0,
            "tokens": {
                "session": SESSION,
                "access_token": "access",
                "access_expires": "2099-01-01T00:00:00Z",
                "refresh_token": "refresh",
                "refresh_expires": "2099-01-08T00:00:00Z",
                "server_time": "2026-01-01T00:00:00Z",
            },
        });
        let secrets = json!({"version": 1, "secrets": {"prod/session": grant.to_string()}});
        machine.write("config/secrets.json", &secrets.to_string());
        machine
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file that only its owner may read.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// A command of this machine: no terminal, and nothing of the environment of the test.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .env_clear()
            .env("HOME", self.dir.path())
            .env("PATH", "/usr/bin:/bin")
            .env("TZ", "UTC")
            .env("TODCTL_CONFIG_DIR", self.path("config"))
            .env("TODCTL_CACHE_DIR", self.path("cache"))
            .env("TODCTL_NOW", "2026-03-18T14:07:22Z")
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs `todctl` with the words of a line.
    pub(crate) fn run(&self, line: &str) -> Ran {
        self.run_with(&line.split(' ').collect::<Vec<_>>(), &[], "")
    }

    /// Runs `todctl` with arguments, variables and input.
    pub(crate) fn run_with(&self, args: &[&str], vars: &[(&str, &str)], input: &str) -> Ran {
        let mut command = self.command(env!("CARGO_BIN_EXE_todctl"));
        let mut child = command
            .args(args)
            .envs(vars.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A command that does not read its input closes it.
        drop(stdin.write_all(input.as_bytes()));
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        Ran {
            status: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
