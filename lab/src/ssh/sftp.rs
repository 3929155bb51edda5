//! SFTP, version 3: the device's disk as files.
//!
//! A file that is written appears with what it holds when it is closed, or when the client goes.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use russh_sftp::protocol::{
    Attrs, Data, File, FileAttributes, FileMode, Handle, Name, OpenFlags, Packet, Status,
    StatusCode, Version,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::core::{Caller, Obstacle, Stat};
use crate::device::Inner;

/// Longer requests are not read.
const PACKET: u32 = 256 << 10;

/// Files that one client may have open.
const OPEN: usize = 64;

/// The longest file that can be written, whatever the disk could hold.
const FILE: u64 = 64 << 20;

/// How far behind the end of a file one may write.
const GAP: u64 = 1 << 20;

/// Most that one read gives.
const CHUNK: usize = 64 << 10;

/// Answers requests until the client goes, or says what is none.
pub(super) async fn serve(
    device: Arc<Inner>,
    caller: Caller,
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
) {
    let mut disk = Disk {
        device,
        caller,
        open: BTreeMap::new(),
        next: 0,
    };
    while let Some(packet) = read(&mut stream).await {
        let answer = match packet {
            Some(packet) => disk.answer(packet),
            None => Packet::error(0, StatusCode::BadMessage),
        };
        let Ok(bytes) = Bytes::try_from(answer) else {
            break;
        };
        if stream.write_all(&bytes).await.is_err() || stream.flush().await.is_err() {
            break;
        }
    }
    disk.close_all();
    if stream.shutdown().await.is_err() {
        tracing::trace!("the client is gone");
    }
}

/// Reads a request; nothing when there are no more, nothing inside when it is none.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Option<Packet>> {
    let length = stream.read_u32().await.ok()?;
    if length > PACKET {
        return None;
    }
    let mut buffer = vec![0; usize::try_from(length).ok()?];
    stream.read_exact(&mut buffer).await.ok()?;
    Some(Packet::try_from(&mut Bytes::from(buffer)).ok())
}

/// What a handle stands for.
enum Opened {
    Reading(Vec<u8>),
    Writing { name: String, bytes: Vec<u8> },
    Folder(Option<Vec<Stat>>),
}

struct Disk {
    device: Arc<Inner>,
    caller: Caller,
    open: BTreeMap<String, Opened>,
    next: u64,
}

type Given = Result<Packet, StatusCode>;

impl Disk {
    fn answer(&mut self, packet: Packet) -> Packet {
        let id = packet.get_request_id();
        let given = match packet {
            Packet::Init(_) => return Packet::Version(Version::new()),
            Packet::Open(x) => self.open(id, &x.filename, x.pflags),
            Packet::Close(x) => self.close(id, &x.handle),
            Packet::Read(x) => self.read(id, &x.handle, x.offset, x.len),
            Packet::Write(x) => self.write(id, &x.handle, x.offset, &x.data),
            Packet::OpenDir(x) => self.open_dir(id, &x.path),
            Packet::ReadDir(x) => self.read_dir(id, &x.handle),
            Packet::Lstat(x) => self.stat(id, &x.path),
            Packet::Stat(x) => self.stat(id, &x.path),
            Packet::Fstat(x) => self.stat_open(id, &x.handle),
            // Modes and times cannot be set, and clients are told that they were.
            Packet::SetStat(_) | Packet::FSetStat(_) => Ok(done(id)),
            Packet::Remove(x) => {
                self.change(id, |core, caller| core.delete(caller, &name(&x.filename)))
            }
            Packet::RmDir(x) => self.change(id, |core, caller| core.delete(caller, &name(&x.path))),
            Packet::MkDir(x) => {
                self.change(id, |core, caller| core.make_dir(caller, &name(&x.path)))
            }
            Packet::Rename(x) => self.change(id, |core, caller| {
                core.rename_file(caller, &name(&x.oldpath), &name(&x.newpath))
            }),
            Packet::RealPath(x) => {
                let path = format!("/{}", name(&x.path));
                let files = vec![File::dummy(path)];
                Ok(Packet::Name(Name { id, files }))
            }
            _ => Err(StatusCode::OpUnsupported),
        };
        given.unwrap_or_else(|code| Packet::error(id, code))
    }

    fn keep(&mut self, id: u32, opened: Opened) -> Given {
        if self.open.len() >= OPEN {
            return Err(StatusCode::Failure);
        }
        self.next += 1;
        let handle = self.next.to_string();
        self.open.insert(handle.clone(), opened);
        Ok(Packet::Handle(Handle { id, handle }))
    }

    fn open(&mut self, id: u32, path: &str, flags: OpenFlags) -> Given {
        let name = name(path);
        let there = self.device.core().file_bytes(&name);
        if !flags.contains(OpenFlags::WRITE) {
            let bytes = there.ok_or(StatusCode::NoSuchFile)?;
            return self.keep(id, Opened::Reading(bytes));
        }
        if there.is_some() && flags.contains(OpenFlags::EXCLUDE) {
            return Err(StatusCode::Failure);
        }
        let is_fresh = flags.contains(OpenFlags::TRUNCATE);
        let bytes = match there {
            Some(bytes) if !is_fresh => bytes,
            None if !flags.contains(OpenFlags::CREATE) => return Err(StatusCode::NoSuchFile),
            _ => Vec::new(),
        };
        self.keep(id, Opened::Writing { name, bytes })
    }

    fn close(&mut self, id: u32, handle: &str) -> Given {
        let opened = self.open.remove(handle).ok_or(StatusCode::Failure)?;
        if let Opened::Writing { name, bytes } = opened {
            let stored = self.device.core().store(&self.caller, &name, &bytes);
            stored.map_err(code)?;
            run_automatic(&self.device, &self.caller, name);
        }
        Ok(done(id))
    }

    /// Keeps what was written by a client that has gone.
    fn close_all(&mut self) {
        for opened in std::mem::take(&mut self.open).into_values() {
            if let Opened::Writing { name, bytes } = opened
                && self
                    .device
                    .core()
                    .store(&self.caller, &name, &bytes)
                    .is_err()
            {
                tracing::debug!("an unfinished file does not fit");
            }
        }
    }

    fn read(&self, id: u32, handle: &str, offset: u64, len: u32) -> Given {
        let Some(Opened::Reading(bytes)) = self.open.get(handle) else {
            return Err(StatusCode::Failure);
        };
        let from = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        let most = usize::try_from(len).unwrap_or(CHUNK).min(CHUNK);
        let to = from.saturating_add(most).min(bytes.len());
        let data = bytes.get(from..to).unwrap_or_default().to_vec();
        if data.is_empty() {
            return Err(StatusCode::Eof);
        }
        Ok(Packet::Data(Data { id, data }))
    }

    fn write(&mut self, id: u32, handle: &str, offset: u64, data: &[u8]) -> Given {
        let free = self.device.core().free_space();
        let Some(Opened::Writing { bytes, .. }) = self.open.get_mut(handle) else {
            return Err(StatusCode::Failure);
        };
        let end = offset.saturating_add(data.len() as u64);
        if end > free.min(FILE) || offset > bytes.len() as u64 + GAP {
            return Err(StatusCode::Failure);
        }
        let at = usize::try_from(offset).map_err(|_| StatusCode::Failure)?;
        if bytes.len() < at + data.len() {
            bytes.resize(at + data.len(), 0);
        }
        if let Some(place) = bytes.get_mut(at..at + data.len()) {
            place.copy_from_slice(data);
        }
        Ok(done(id))
    }

    fn open_dir(&mut self, id: u32, path: &str) -> Given {
        let name = name(path);
        let list = {
            let core = self.device.core();
            let is_dir = core.stat(&name).is_some_and(|s| s.is_dir);
            is_dir.then(|| core.list(&name))
        };
        let list = list.ok_or(StatusCode::NoSuchFile)?;
        self.keep(id, Opened::Folder(Some(list)))
    }

    fn read_dir(&mut self, id: u32, handle: &str) -> Given {
        let Some(Opened::Folder(list)) = self.open.get_mut(handle) else {
            return Err(StatusCode::Failure);
        };
        let list = list.take().filter(|l| !l.is_empty());
        let list = list.ok_or(StatusCode::Eof)?;
        let file = |stat: &Stat| {
            let last = stat.name.rsplit('/').next().unwrap_or_default();
            File::new(last, attributes(stat))
        };
        let files = list.iter().map(file).collect();
        Ok(Packet::Name(Name { id, files }))
    }

    fn stat(&self, id: u32, path: &str) -> Given {
        let stat = self.device.core().stat(&name(path));
        let attrs = attributes(&stat.ok_or(StatusCode::NoSuchFile)?);
        Ok(Packet::Attrs(Attrs { id, attrs }))
    }

    fn stat_open(&self, id: u32, handle: &str) -> Given {
        let size = match self.open.get(handle).ok_or(StatusCode::Failure)? {
            Opened::Reading(bytes) | Opened::Writing { bytes, .. } => bytes.len() as u64,
            Opened::Folder(_) => return Err(StatusCode::Failure),
        };
        let attrs = attributes(&Stat {
            name: String::new(),
            is_dir: false,
            size,
        });
        Ok(Packet::Attrs(Attrs { id, attrs }))
    }

    fn change(
        &self,
        id: u32,
        act: impl FnOnce(&mut crate::core::Core, &Caller) -> Result<(), Obstacle>,
    ) -> Given {
        let mut core = self.device.core();
        act(&mut core, &self.caller)
            .map(|()| done(id))
            .map_err(code)
    }
}

fn code(obstacle: Obstacle) -> StatusCode {
    match obstacle {
        Obstacle::Missing => StatusCode::NoSuchFile,
        Obstacle::Full | Obstacle::Taken => StatusCode::Failure,
    }
}

fn done(id: u32) -> Packet {
    Packet::Status(Status {
        id,
        status_code: StatusCode::Ok,
        error_message: "Ok".to_owned(),
        language_tag: "en".to_owned(),
    })
}

fn attributes(stat: &Stat) -> FileAttributes {
    let mut attributes = FileAttributes {
        size: Some(stat.size),
        uid: Some(0),
        gid: Some(0),
        permissions: Some(if stat.is_dir { 0o777 } else { 0o664 }),
        ..FileAttributes::empty()
    };
    attributes.set_type(if stat.is_dir {
        FileMode::DIR
    } else {
        FileMode::REG
    });
    attributes
}

/// Returns the device's name for a path, which never leaves the root.
pub(super) fn name(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Runs a script whose name asks for it, and leaves its result beside it.
pub(super) fn run_automatic(device: &Arc<Inner>, caller: &Caller, name: String) {
    let Some(stem) = name.strip_suffix(".auto.rsc").map(str::to_owned) else {
        return;
    };
    let source = device.core().file_bytes(&name).unwrap_or_default();
    let (device, caller) = (Arc::clone(device), caller.clone());
    device.tasks.clone().spawn(async move {
        let cause = format!("{}/script:{name}", caller.cause);
        let as_script = Caller {
            cause,
            ..caller.clone()
        };
        let ran = Arc::clone(&device)
            .run(as_script, name.clone(), source)
            .await;
        let said = match &ran.error {
            Some(error) => format!("{}{}\r\n", ran.text, crate::script::shown(error)),
            None => format!(
                "{}\r\nScript file loaded and executed successfully\r\n",
                ran.text
            ),
        };
        let log = format!("{stem}.auto.log");
        let stored = device.core().store(&caller, &log, said.as_bytes());
        if stored.is_err() {
            tracing::debug!("the result of an automatic script does not fit");
        }
    });
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_path_never_leaves_the_root() {
        let names = ["/a/b", "a//./b/", "../../a/b", "/a/c/../b"].map(super::name);

        assert_eq!(names, ["a/b"; 4].map(str::to_owned));
        assert_eq!(super::name("/"), "");
        assert_eq!(super::name("../.."), "");
    }
}
