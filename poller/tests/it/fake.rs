//! A device that is not one: it answers a poll with canned rows, or behaves badly.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use openssl::dh::Dh;
use openssl::ssl::{Ssl, SslContext, SslMethod, SslVersion};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use routeros::row::Row;
use routeros::server::{Receiver, Request, Response};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tod_service::supervisor::Supervisor;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_openssl::SslStream;
use tokio_rustls::TlsAcceptor;

/// How a device behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As it should.
    Good,
    /// Takes connections and says nothing.
    Silent,
    /// Signs in and says nothing more.
    SilentAfterLogin,
    /// Answers the login with a reserved byte.
    Garbage,
    /// Answers the login with the claim of a word of 4 GiB.
    HugeWord,
    /// Answers a poll a byte at a time.
    Drip,
    /// Answers a poll with rows without end.
    Endless,
    /// Answers a poll with empty sentences without end.
    Empty,
    /// Is a web server: says so at once.
    Web,
    /// Is an SSH server: says so at once.
    Shell,
    /// Refuses the login.
    Refusing,
    /// Answers one poll, then closes the connection.
    Leaving,
}

/// A device on a loopback socket.
#[derive(Clone)]
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

/// How a device is entered.
#[derive(Clone)]
enum Door {
    Plain,
    Tls(TlsAcceptor),
    Anonymous(SslContext),
}

struct Shared {
    manner: Mutex<Manner>,
    door: Mutex<Door>,
    identity: Mutex<Vec<u8>>,
    version: Mutex<String>,
    lacking: Mutex<Option<String>>,
    asked: Mutex<Vec<Vec<String>>>,
    connections: AtomicUsize,
    logins: AtomicUsize,
    bursts: AtomicUsize,
}

impl Fake {
    /// Starts it.
    pub(crate) async fn start(supervisor: &Supervisor) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let fake = Self {
            address: listener.local_addr().unwrap(),
            shared: Arc::new(Shared {
                manner: Mutex::new(Manner::Good),
                door: Mutex::new(Door::Plain),
                identity: Mutex::new(b"core".to_vec()),
                version: Mutex::new("7.20.8 (stable)".to_owned()),
                lacking: Mutex::default(),
                asked: Mutex::default(),
                connections: AtomicUsize::new(0),
                logins: AtomicUsize::new(0),
                bursts: AtomicUsize::new(0),
            }),
        };
        let (shared, inner) = (Arc::clone(&fake.shared), supervisor.clone());
        supervisor.spawn_job("test/fake", async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let door = shared.door.lock().unwrap().clone();
                let shared = Arc::clone(&shared);
                inner.spawn_job("test/fake/session", shared.meet(stream, door));
            }
        });
        fake
    }

    /// Makes it behave otherwise, from the next connection or request on.
    pub(crate) fn behave(&self, manner: Manner) {
        *self.shared.manner.lock().unwrap() = manner;
    }

    /// Gives it another name.
    pub(crate) fn rename(&self, identity: &[u8]) {
        *self.shared.identity.lock().unwrap() = identity.to_vec();
    }

    /// Makes it run another version.
    pub(crate) fn upgrade(&self, version: &str) {
        version.clone_into(&mut self.shared.version.lock().unwrap());
    }

    /// Takes a menu from it.
    pub(crate) fn lose(&self, menu: &str) {
        *self.shared.lacking.lock().unwrap() = Some(menu.to_owned());
    }

    /// The paths of commands, those that came together together, without the login.
    pub(crate) fn asked(&self) -> Vec<Vec<String>> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// Gives it a new certificate; returns the certificate.
    pub(crate) fn new_certificate(&self) -> CertificateDer<'static> {
        let names = vec!["127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let certificate = made.cert.der().clone();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        *self.shared.door.lock().unwrap() = Door::Tls(TlsAcceptor::from(Arc::new(config)));
        certificate
    }

    /// Gives it a certificate that an authority vouches for, made for a name and to be used until
    /// that year; returns the authority's.
    pub(crate) fn certificate_for(&self, name: &str, until: i32) -> CertificateDer<'static> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = CertifiedIssuer::self_signed(params, key).unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2018, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        *self.shared.door.lock().unwrap() = Door::Tls(TlsAcceptor::from(Arc::new(config)));
        authority.der().clone()
    }

    /// Speaks TLS without a certificate, with these suites of OpenSSL.
    pub(crate) fn be_anonymous(&self, suites: &str) {
        let mut context = SslContext::builder(SslMethod::tls_server()).unwrap();
        context.set_cipher_list(suites).unwrap();
        context
            .set_max_proto_version(Some(SslVersion::TLS1_2))
            .unwrap();
        context.set_tmp_dh(&Dh::get_2048_256().unwrap()).unwrap();
        *self.shared.door.lock().unwrap() = Door::Anonymous(context.build());
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// How many times somebody sent a password.
    pub(crate) fn logins(&self) -> usize {
        self.shared.logins.load(Ordering::SeqCst)
    }

    /// How many times commands arrived, however many at once.
    pub(crate) fn bursts(&self) -> usize {
        self.shared.bursts.load(Ordering::SeqCst)
    }
}

impl Shared {
    async fn meet(self: Arc<Self>, stream: TcpStream, door: Door) {
        match door {
            Door::Plain => self.serve(stream).await,
            Door::Tls(acceptor) => {
                if let Ok(stream) = acceptor.accept(stream).await {
                    self.serve(stream).await;
                }
            }
            Door::Anonymous(context) => {
                let session = Ssl::new(&context).unwrap();
                let mut stream = SslStream::new(session, stream).unwrap();
                if Pin::new(&mut stream).accept().await.is_ok() {
                    self.serve(stream).await;
                }
            }
        }
    }

    async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let manner = *self.manner.lock().unwrap();
        let greeting: &[u8] = match manner {
            Manner::Web => b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
            Manner::Shell => b"SSH-2.0-ROSSSH\r\n",
            _ => b"",
        };
        if stream.write_all(greeting).await.is_err() || manner == Manner::Web {
            return;
        }
        let mut receiver = Receiver::new();
        let mut buffer = vec![0; 64 << 10];
        loop {
            let Ok(length @ 1..) = stream.read(&mut buffer).await else {
                return;
            };
            receiver.feed(&buffer[..length]);
            let requests: Vec<Request> = std::iter::from_fn(|| receiver.poll().unwrap()).collect();
            let manner = *self.manner.lock().unwrap();
            if requests.iter().any(|request| request.path == "/login") {
                self.logins.fetch_add(1, Ordering::SeqCst);
            } else if !requests.is_empty() {
                let paths = requests.iter().map(|request| request.path.clone());
                self.asked.lock().unwrap().push(paths.collect());
                self.bursts.fetch_add(1, Ordering::SeqCst);
            }
            let mut out = Vec::new();
            for request in &requests {
                self.answer(manner, request, &mut out);
            }
            if self.send(manner, &mut stream, &out).await.is_err() {
                return;
            }
        }
    }

    fn answer(&self, manner: Manner, request: &Request, out: &mut Vec<u8>) {
        let mut say = |response: Response| request.respond(response).encode(out);
        let is_login = request.path == "/login";
        match manner {
            Manner::Silent | Manner::Shell => return,
            Manner::SilentAfterLogin if !is_login => return,
            Manner::Refusing if is_login => {
                say(Response::trap(None, "invalid user name or password (6)"));
            }
            _ if self.lacks(&request.path) => say(Response::trap(None, "no such command prefix")),
            _ => {
                for row in self.rows(&request.path) {
                    say(Response::row(&row));
                }
            }
        }
        say(Response::done());
    }

    fn lacks(&self, path: &str) -> bool {
        let lacking = self.lacking.lock().unwrap();
        lacking.as_ref().is_some_and(|menu| path.starts_with(menu))
    }

    fn rows(&self, path: &str) -> Vec<Row> {
        match path {
            "/system/identity/print" => {
                vec![Row::new().with("name", &*self.identity.lock().unwrap())]
            }
            "/system/resource/print" => vec![
                Row::new()
                    .with("uptime", "1d2h")
                    .with("version", &*self.version.lock().unwrap())
                    .with("cpu-load", "7"),
            ],
            "/interface/print" => {
                vec![Row::new().with("name", "ether1").with("rx-byte", "10")]
            }
            _ => Vec::new(),
        }
    }

    async fn send(
        &self,
        manner: Manner,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        out: &[u8],
    ) -> std::io::Result<()> {
        let is_poll = self.bursts.load(Ordering::SeqCst) > 0;
        match manner {
            Manner::Garbage => stream.write_all(&[0xF8, 1, 2, 3]).await?,
            Manner::HugeWord => stream.write_all(&[0xF0, 0xFF, 0xFF, 0xFF, 0xFF]).await?,
            Manner::Drip if is_poll => {
                for byte in out {
                    stream.write_all(&[*byte]).await?;
                    stream.flush().await?;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
            Manner::Endless if is_poll => {
                let mut row = Vec::new();
                for tag in 1..=6 {
                    let tag = format!("{tag}");
                    let response = Response::row(&Row::new().with("name", "x".repeat(200)));
                    response.tagged(Some(tag.as_bytes())).encode(&mut row);
                }
                let many = row.repeat(100);
                loop {
                    stream.write_all(&many).await?;
                }
            }
            Manner::Empty if is_poll => loop {
                stream.write_all(&[0; 4096]).await?;
            },
            Manner::Leaving if is_poll => {
                stream.write_all(out).await?;
                stream.shutdown().await?;
                return Err(std::io::ErrorKind::ConnectionReset.into());
            }
            _ => stream.write_all(out).await?,
        }
        stream.flush().await
    }
}
