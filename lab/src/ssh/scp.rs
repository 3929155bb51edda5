//! The protocol of `rcp`, which `scp -O` still speaks: one file in one direction.

use std::sync::Arc;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::io::{AsyncWriteExt as _, BufReader};

use super::{Screen, sftp};
use crate::core::Caller;
use crate::device::Inner;

/// Longer lines are none of the protocol.
const LINE: u64 = 4096;

/// Which way a file goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Copy {
    /// To the device.
    Put(String),
    /// From the device.
    Get(String),
}

impl Copy {
    /// Reads `scp -t path` and `scp -f path`.
    pub(super) fn read(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        if words.next()? != "scp" {
            return None;
        }
        let (mut is_put, mut is_get, mut path) = (false, false, None);
        for word in words {
            match word.strip_prefix('-') {
                Some(flags) if path.is_none() => {
                    is_put |= flags.contains('t');
                    is_get |= flags.contains('f');
                }
                _ => path = Some(word.trim_matches('\'').to_owned()),
            }
        }
        match (is_put, is_get, path?) {
            (true, false, path) => Some(Self::Put(path)),
            (false, true, path) => Some(Self::Get(path)),
            _ => None,
        }
    }
}

/// Carries a copy out.
pub(super) async fn serve(
    device: Arc<Inner>,
    caller: Caller,
    copy: Copy,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    screen: Screen,
) {
    let mut stream = BufReader::new(stream);
    let done = match copy {
        Copy::Put(path) => put(&device, &caller, &path, &mut stream).await,
        Copy::Get(path) => get(&device, &path, &mut stream).await,
    };
    let status = u32::from(!matches!(done, Ok(true)));
    screen.end(status).await;
}

async fn put<S>(
    device: &Arc<Inner>,
    caller: &Caller,
    path: &str,
    stream: &mut BufReader<S>,
) -> std::io::Result<bool>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream.write_all(&[0]).await?;
    stream.flush().await?;
    let mut is_stored = false;
    loop {
        let mut line = String::new();
        if (&mut *stream).take(LINE).read_line(&mut line).await? == 0 {
            return Ok(is_stored);
        }
        // `C0644 12 name` brings a file, `T…` its times.
        let mut words = line.trim_end().splitn(3, ' ');
        let kind = words.next().unwrap_or_default();
        let size = words.next().and_then(|n| n.parse::<u64>().ok());
        let (Some(size), Some(name), true) = (size, words.next(), kind.starts_with('C')) else {
            let answer: &[u8] = if kind.starts_with('T') {
                &[0]
            } else {
                b"\x01scp: not supported\n"
            };
            stream.write_all(answer).await?;
            stream.flush().await?;
            continue;
        };
        let name = target(device, path, name);
        if size > device.core().free_space() {
            stream.write_all(b"\x02scp: not enough space\n").await?;
            stream.flush().await?;
            return Ok(false);
        }
        stream.write_all(&[0]).await?;
        stream.flush().await?;
        let mut bytes = Vec::new();
        (&mut *stream).take(size).read_to_end(&mut bytes).await?;
        let mut end = [0];
        stream.read_exact(&mut end).await?;
        is_stored = device.core().store(caller, &name, &bytes).is_ok();
        let answer: &[u8] = if is_stored {
            &[0]
        } else {
            b"\x02scp: failed\n"
        };
        stream.write_all(answer).await?;
        stream.flush().await?;
        sftp::run_automatic(device, caller, name);
    }
}

/// Returns the name that a file gets: the path, or its own below the path.
fn target(device: &Arc<Inner>, path: &str, name: &str) -> String {
    let path = sftp::name(path);
    let is_folder = device.core().stat(&path).is_some_and(|s| s.is_dir);
    if is_folder {
        sftp::name(&format!("{path}/{name}"))
    } else {
        path
    }
}

async fn get<S>(device: &Arc<Inner>, path: &str, stream: &mut BufReader<S>) -> std::io::Result<bool>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut go = [0];
    stream.read_exact(&mut go).await?;
    let name = sftp::name(path);
    let bytes = device.core().file_bytes(&name);
    let Some(bytes) = bytes else {
        stream.write_all(b"\x01scp: no such file\n").await?;
        stream.flush().await?;
        return Ok(false);
    };
    let last = name.rsplit('/').next().unwrap_or_default();
    let header = format!("C0644 {} {last}\n", bytes.len());
    stream.write_all(header.as_bytes()).await?;
    stream.flush().await?;
    stream.read_exact(&mut go).await?;
    stream.write_all(&bytes).await?;
    stream.write_all(&[0]).await?;
    stream.flush().await?;
    stream.read_exact(&mut go).await?;
    Ok(go == [0])
}

#[cfg(test)]
mod tests {
    use super::Copy;

    #[test]
    fn a_copy_is_read_from_its_command() {
        assert_eq!(
            Copy::read("scp -t a.rsc"),
            Some(Copy::Put("a.rsc".to_owned()))
        );
        assert_eq!(
            Copy::read("scp -p -f '/a'"),
            Some(Copy::Get("/a".to_owned()))
        );
        assert_eq!(Copy::read("/export"), None);
    }
}
