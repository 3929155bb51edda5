//! The control socket: what can be done to a lab from outside its process.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tod_proto::lab::{Answer, Request};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::core::Caller;
use crate::device::Device;
use crate::lab::{Lab, World};
use crate::profile::Release;
use crate::verb::Order;

/// A longer request is not one.
const LINE: u64 = 1 << 20;

impl Lab {
    /// Serves a control socket until the lab stops. One that nobody listens at is replaced.
    pub fn control(&self, path: &Path) -> anyhow::Result<()> {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            anyhow::bail!("another lab listens at {}", path.display());
        }
        if path.exists() {
            std::fs::remove_file(path)
                .with_context(|| format!("cannot replace {}", path.display()))?;
        }
        let listener = UnixListener::bind(path)
            .with_context(|| format!("cannot listen at {}", path.display()))?;
        let world = Arc::clone(&self.world);
        self.world.tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let tasks = world.tasks.clone();
                let world = Arc::clone(&world);
                tasks.spawn(converse(world, stream));
            }
        });
        Ok(())
    }

    /// Answers a request, as the control socket does.
    pub async fn answer(&self, request: Request) -> Answer {
        answer(&self.world, request).await
    }
}

/// Asks the lab behind a control socket.
pub async fn ask(path: &Path, request: &Request) -> anyhow::Result<Answer> {
    let stream = UnixStream::connect(path).await;
    let mut stream = stream.with_context(|| format!("no lab listens at {}", path.display()))?;
    let mut line = serde_json::to_vec(request).context("cannot write the request")?;
    line.push(b'\n');
    stream
        .write_all(&line)
        .await
        .context("cannot ask the lab")?;
    let mut answer = String::new();
    BufReader::new(stream)
        .read_line(&mut answer)
        .await
        .context("the lab does not answer")?;
    serde_json::from_str(&answer).context("cannot read the lab's answer")
}

async fn converse(world: Arc<World>, stream: UnixStream) {
    if let Err(error) = serve(&world, stream).await {
        tracing::debug!(%error, "a control connection ends");
    }
}

async fn serve(world: &Arc<World>, stream: UnixStream) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = String::new();
        if (&mut reader).take(LINE).read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let answer = match serde_json::from_str(&line) {
            Ok(request) => answer(world, request).await,
            Err(error) => Answer::Error(error.to_string()),
        };
        let mut out = serde_json::to_vec(&answer)?;
        out.push(b'\n');
        writer.write_all(&out).await?;
    }
}

async fn answer(world: &Arc<World>, request: Request) -> Answer {
    match request {
        Request::Devices => Answer::Devices(world.devices().iter().map(Device::summary).collect()),
        Request::Log { device, since } => {
            Answer::Log(world.ledger.read(device.as_deref(), since.unwrap_or(0)))
        }
        Request::ClearFaults { device: None } => each(world, Device::clear_faults),
        Request::FaultAll { fault } => each(world, |device| device.inject(fault.clone())),
        Request::RebootAll => each(world, Device::reboot),
        Request::Feed { channel, version } => match Release::parse(&version) {
            Some(release) if world.feed.publish(&channel, release) => Answer::Done,
            Some(_) => Answer::Error(format!("no channel is called {channel}")),
            None => Answer::Error(format!("no such release: {version}")),
        },
        Request::Time { advance_ms } => {
            world.clock.advance(Duration::from_millis(advance_ms));
            Answer::Time(world.clock.wall(world.clock.now()))
        }
        Request::Run { device, command } => match world.device(&device) {
            Some(device) => device
                .run(&command)
                .await
                .map_or_else(|trap| Answer::Error(trap.message), Answer::Text),
            None => unknown(&device),
        },
        other => answer_one(world, other),
    }
}

fn each(world: &World, act: impl Fn(&Device)) -> Answer {
    world.devices().iter().for_each(act);
    Answer::Done
}

/// Answers what is about one device and takes no time.
fn answer_one(world: &World, request: Request) -> Answer {
    match request {
        Request::Get { device, path } => with(world, &device, |device| get(device, &path)),
        Request::Set {
            device,
            path,
            row,
            values,
        } => with(world, &device, |device| set(device, &path, row, values)),
        Request::Tree { device } => with(world, &device, |d| Answer::Tree(d.tree())),
        Request::Fault { device, fault } => with(world, &device, |device| {
            device.inject(fault);
            Answer::Done
        }),
        Request::ClearFaults {
            device: Some(device),
        } => with(world, &device, |device| {
            device.clear_faults();
            Answer::Done
        }),
        Request::Reboot { device } => with(world, &device, |device| {
            device.reboot();
            Answer::Done
        }),
        Request::Cable {
            device,
            port,
            plugged,
        } => with(world, &device, |device| {
            if device.cable(&port, plugged) {
                Answer::Done
            } else {
                Answer::Error(format!("no port is called {port}"))
            }
        }),
        _ => Answer::Error("not about one device".to_owned()),
    }
}

fn get(device: &Device, path: &str) -> Answer {
    let core = device.0.core();
    if core.has_menu(path) {
        Answer::Rows(core.shown_rows(path))
    } else {
        Answer::Error("no such command prefix".to_owned())
    }
}

fn set(
    device: &Device,
    path: &str,
    row: Option<String>,
    values: BTreeMap<String, String>,
) -> Answer {
    let mut order = Order::new(&format!("{path}/set"));
    order.is_console = true;
    order.args = values.into_iter().map(|(k, v)| (k, Some(v))).collect();
    if let Some(row) = row {
        order.args.push(("numbers".to_owned(), Some(row)));
    }
    match device.0.perform(&Caller::control(), &order) {
        Ok(_) => Answer::Done,
        Err(trap) => Answer::Error(trap.message),
    }
}

fn with(world: &World, name: &str, act: impl FnOnce(&Device) -> Answer) -> Answer {
    world
        .device(name)
        .as_ref()
        .map_or_else(|| unknown(name), act)
}

fn unknown(name: &str) -> Answer {
    Answer::Error(format!("no device is called {name}"))
}
