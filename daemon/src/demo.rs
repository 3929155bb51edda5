//! `todd demo`: everything in one process, with simulated routers, ready to sign in to.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tod_lab::{Fleet, Lab};
use tod_service::supervisor::Signals;

use self::note::Note;
use crate::args::{Common, Demo};
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::environment::Environment;
use crate::targets::{self, Door, Stack};

mod fleet;
mod note;
mod people;

/// Makes the same fleet each time.
const SEED: u64 = 1;
/// The demo's devices live on this machine: the only place where that is allowed.
const ZONES: &str = "[{ name = \"default\", networks = [\"127.0.0.0/8\"] }]";

/// Runs the demo until a signal comes.
pub async fn run(args: &Demo, environment: &Environment) -> anyhow::Result<()> {
    let mut signals = Signals::install().context("cannot catch signals")?;
    let folder = Folder::of(args)?;
    let before = Note::take(&folder.path)?;
    let devices = before.as_ref().map_or(args.devices, |note| note.devices);
    let generated = Fleet::generate(devices.into(), SEED);
    let lab = fleet::start(generated, before.as_ref()).await?;
    let config = config(args, &folder.path, before.as_ref(), environment).await?;
    let stack = Stack::start(&config, environment).await?;
    let Some(door) = stack.door.clone() else {
        unreachable!("the demo has a server");
    };
    let ready = tokio::select! {
        ready = prepare(&folder.path, &door, &lab, before) => ready,
        () = signals.next() => {
            stack.stop().await?;
            lab.stop().await;
            return Ok(());
        }
    };
    let ended = match ready {
        Ok(note) => {
            targets::announce(&note.welcome());
            stack.run(&mut signals).await
        }
        Err(error) => stack.stop().await.and(Err(error)),
    };
    lab.stop().await;
    Note::set_aside(&folder.path)?;
    ended
}

/// Where the demo keeps its data.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    temporary: bool,
}

impl Folder {
    fn of(args: &Demo) -> anyhow::Result<Self> {
        let (path, temporary) = match &args.data_dir {
            Some(path) => (path.clone(), false),
            None => (
                PathBuf::from(format!("/tmp/tod-demo-{}", uuid::Uuid::new_v4())),
                true,
            ),
        };
        if temporary {
            // Somebody else's folder of that name is not taken.
            let made = std::fs::DirBuilder::new().mode(0o711).create(&path);
            made.with_context(|| format!("cannot create {}", path.display()))?;
        }
        // The database takes it for itself; until then it must be there for the note.
        drop(DataDir::open(&path)?);
        Ok(Self {
            path: path.canonicalize()?,
            temporary,
        })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary
            && let Err(error) = std::fs::remove_dir_all(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "the demo's folder stays");
        }
    }
}

async fn config(
    args: &Demo,
    folder: &Path,
    before: Option<&Note>,
    environment: &Environment,
) -> anyhow::Result<Config> {
    let listen = match (&args.listen, before) {
        (Some(listen), _) => listen.clone(),
        (None, Some(note)) => note.listen.to_string(),
        (None, None) => free_address().await,
    };
    let common = Common {
        data_dir: Some(folder.to_owned()),
        listen: Some(listen),
        log: Some(args.log.clone()),
        log_format: Some(args.log_format.clone()),
        ..Common::default()
    };
    // What is set for a real server does not count here.
    let mut given = vec![
        ("ENVIRONMENT", "dev"),
        ("TOD_DATABASE__DURABLE", "false"),
        ("TOD_POLLER__ZONES", ZONES),
    ];
    given.extend(
        environment
            .get("TOD_DATABASE__PROGRAMS")
            .map(|it| ("TOD_DATABASE__PROGRAMS", it)),
    );
    Ok(Config::load(&common, &Environment::of(&given))?.0)
}

/// The usual address, or any when that is taken.
async fn free_address() -> String {
    let usual = crate::config::Http::default().listen;
    match targets::listen(usual).await {
        Ok(_) => usual.to_string(),
        Err(_) => "127.0.0.1:0".to_owned(),
    }
}

async fn prepare(
    folder: &Path,
    door: &Door,
    lab: &Lab,
    before: Option<Note>,
) -> anyhow::Result<Note> {
    let note = if let Some(before) = before {
        let note = before.moved_to(door);
        let people = people::come_back(&note).await?;
        fleet::forget_pins(&people).await?;
        note
    } else {
        let mut note = Note::new(folder, door, lab);
        let people = people::enrol(&note, &door.setup_token).await?;
        fleet::add(&people, lab).await?;
        note.signed_in = people.signed_in();
        note
    };
    lab.control(&note.lab_socket)?;
    note.write(folder)?;
    Ok(note)
}
