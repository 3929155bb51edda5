//! The reference: the bytes of a poll written, and as many read as will come. Nothing is parsed.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use routeros::command::Command;

use crate::Poll;
use crate::device::{MENUS, answer_bytes};

/// Each command after the answer to the one before.
pub(crate) fn lock_step<'a>(port: u16) -> Poll<'a> {
    let mut stream = connect(port);
    let mut buffer = vec![0; 64 << 10];
    let exchanges: Vec<_> = MENUS.iter().map(|menu| exchange(menu)).collect();
    Box::new(move || {
        for (request, answer) in &exchanges {
            stream.write_all(request).unwrap();
            stream.read_exact(&mut buffer[..*answer]).unwrap();
        }
    })
}

/// All commands with one write.
pub(crate) fn pipelined<'a>(port: u16) -> Poll<'a> {
    let mut stream = connect(port);
    let mut buffer = vec![0; 64 << 10];
    let (mut request, mut answer) = (Vec::new(), 0);
    for menu in MENUS {
        let (bytes, length) = exchange(menu);
        request.extend(bytes);
        answer += length;
    }
    Box::new(move || {
        stream.write_all(&request).unwrap();
        stream.read_exact(&mut buffer[..answer]).unwrap();
    })
}

pub(crate) fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A command, and how long its answer is. The tag is as long as most of the engine's.
fn exchange(menu: &str) -> (Vec<u8>, usize) {
    let mut bytes = Vec::new();
    Command::print(menu).encode(Some(100_000), &mut bytes);
    (bytes, answer_bytes(menu, "100000").len())
}
