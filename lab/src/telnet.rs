//! The telnet door: a banner and two questions, and whatever is answered is refused.

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};

use crate::core::Proof;
use crate::door::Visit;
use crate::gate::Gated;
use crate::text;

/// What begins the talk about options: will echo, will suppress, do say the terminal.
const OPTIONS: &[u8] = b"\xff\xfb\x01\xff\xfb\x03\xff\xfd\x18\xff\xfd\x1f";

/// Longer answers are cut off.
const LINE: u64 = 256;

/// How often somebody may try.
const TRIES: usize = 3;

/// Asks for a name and a password, and refuses them.
pub(crate) async fn serve(visit: Visit, stream: Gated) {
    if let Err(error) = converse(&visit, stream).await {
        tracing::trace!(%error, "the client is gone");
    }
}

async fn converse(visit: &Visit, stream: Gated) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let release = visit.device.release();
    stream.write_all(OPTIONS).await?;
    let banner = format!("\r\nMikroTik v{}\r\n", release.with_channel());
    stream.write_all(banner.as_bytes()).await?;
    for _ in 0..TRIES {
        stream.write_all(b"Login: ").await?;
        let name = line(&mut stream).await?;
        stream.write_all(b"\r\nPassword: ").await?;
        line(&mut stream).await?;
        // What comes over telnet is refused even when it is right: nobody should send it here.
        visit
            .device
            .core()
            .log_in(visit.id, &name, Proof::Key(""), "telnet");
        let refusal = b"\r\nLogin failed, incorrect username or password\r\n\r\n";
        stream.write_all(refusal).await?;
    }
    stream.flush().await
}

/// Reads a line, without what was said about options.
async fn line(stream: &mut BufReader<Gated>) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    (&mut *stream)
        .take(LINE)
        .read_until(b'\r', &mut bytes)
        .await?;
    if bytes.is_empty() {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    let mut said = Vec::new();
    let mut rest = bytes.into_iter();
    while let Some(byte) = rest.next() {
        match byte {
            0xFF => {
                // A command and its option; a longer one says the size or kind of the terminal.
                if rest.next() == Some(0xFA) {
                    rest.by_ref().find(|b| *b == 0xF0);
                } else {
                    rest.next();
                }
            }
            b'\r' | b'\n' | 0 => {}
            byte => said.push(byte),
        }
    }
    Ok(text::decode(&said))
}
