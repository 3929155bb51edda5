//! A device that answers a poll over plain TCP and over TLS.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use routeros::row::Row;
use routeros::server::{Receiver, Request, Response};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Answers until its input ends, and says first on which ports.
pub(crate) fn run() {
    std::thread::spawn(|| {
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        std::process::exit(0);
    });
    let config = config();
    let plain = listen(|stream| drop(serve(stream)));
    let secured = listen(move |stream| {
        let session = ServerConnection::new(Arc::clone(&config)).unwrap();
        drop(serve(StreamOwned::new(session, stream)));
    });
    plain.join().unwrap();
    secured.join().unwrap();
}

fn listen(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> std::thread::JoinHandle<()> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let serve = serve.clone();
            std::thread::spawn(move || serve(stream.unwrap()));
        }
    })
}

fn config() -> Arc<ServerConfig> {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    Arc::new(config)
}

fn serve(mut stream: impl Read + Write) -> std::io::Result<()> {
    let mut receiver = Receiver::new();
    let mut buffer = vec![0; 16 << 10];
    loop {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        receiver.feed(&buffer[..length]);
        let mut out = Vec::new();
        while let Some(request) = receiver.poll().unwrap() {
            answer(&request, &mut out);
        }
        stream.write_all(&out)?;
        stream.flush()?;
    }
}

fn answer(request: &Request, out: &mut Vec<u8>) {
    let count = if request.path == "/interface/print" {
        12
    } else {
        1
    };
    let is_login = request.path == "/login";
    for n in (0..count).filter(|_| !is_login) {
        let row = Row::new()
            .with("name", format!("ether{n}"))
            .with("type", "ether")
            .with("running", "true")
            .with("comment", "uplink to the rack behind the door")
            .with("mac-address", "48:A9:8A:0B:E2:01")
            .with("rx-byte", "1073741824331")
            .with("tx-byte", "973741824117");
        request.respond(Response::row(&row)).encode(out);
    }
    request.respond(Response::done()).encode(out);
}
