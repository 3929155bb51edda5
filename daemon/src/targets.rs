//! The composition root: which parts run in this process and what they share.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use sqlx::postgres::PgConnectOptions;
use tod_poller::relay::{Network, RelayDial};
use tod_server::api::App;
use tod_server::kms::Keys;
use tod_service::bus::Bus;
use tod_service::clock::Clock;
use tod_service::health::Health;
use tod_service::reconcile::Board;
use tod_service::supervisor::{Signals, Supervisor};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::config::{Backend, Config, Target};
use crate::data_dir::DataDir;
pub use crate::door::Door;
use crate::environment::Environment;
use crate::in_process::InProcess;
use crate::keys::{master_key, unlock};
use crate::notify;
use crate::postgres::{Cluster, Role};
use crate::say;
use crate::tls::{Identity, Live};
use crate::{database, insecure, own, told};

/// How long everything may take to end.
const GRACE: Duration = Duration::from_secs(20);

/// Runs what `config` asks for until a signal comes.
pub async fn serve(config: &Config, environment: &Environment) -> anyhow::Result<()> {
    let mut signals = Signals::install().context("cannot catch signals")?;
    let stack = Stack::start(config, environment).await?;
    if let Some(door) = &stack.door {
        announce(&door.describe());
    }
    notify::ready(environment);
    stack.run(&mut signals).await
}

/// Says something to whoever started us. That nobody listens is no reason to stop serving.
pub(crate) fn announce(text: &str) {
    if let Err(error) = say(text) {
        tracing::warn!(error = format!("{error:#}"), "nobody reads what is printed");
    }
}

/// Everything that runs in this process.
#[derive(Debug)]
pub struct Stack {
    supervisor: Supervisor,
    cluster: Option<Cluster>,
    /// Where clients come in; nothing when this is a poller alone.
    pub door: Option<Door>,
    /// Given back at the end, after everything else.
    _data: Option<DataDir>,
}

impl Stack {
    /// Starts all parts. What has been started is stopped when a later part does not start.
    pub async fn start(config: &Config, environment: &Environment) -> anyhow::Result<Self> {
        insecure::refuse(config.environment, &insecure::look(config, environment))?;
        crate::files::raise_limit(config.http.limits.connections);
        let parts = Parts {
            config,
            environment,
            supervisor: Supervisor::new(),
        };
        if config.target == Target::Poller {
            let bus = parts.bus().await?;
            let own = own::sockets(config).await;
            parts.poller(&bus, own, Arc::new(Network::new(&[])))?;
            return Ok(parts.stack(None, None, None));
        }
        let data = DataDir::open(&config.data_dir(environment)?)?;
        // Before anything slow: a port that is taken is known at once.
        let listener = listen(config.http.listen).await?;
        let cluster = parts.cluster(&data).await?;
        match parts.serve(&data, listener, cluster.as_ref()).await {
            Ok(door) => Ok(parts.stack(Some(data), cluster, Some(door))),
            Err(error) => {
                parts.supervisor.kill();
                if let Some(cluster) = cluster {
                    cluster.stop().await?;
                }
                Err(error)
            }
        }
    }

    /// Runs until a signal comes, then stops all parts.
    pub async fn run(self, signals: &mut Signals) -> anyhow::Result<()> {
        let ended = async {
            match &self.cluster {
                Some(cluster) => cluster.ended().await,
                None => std::future::pending().await,
            }
        };
        let served = tokio::select! {
            end = signals.run(&self.supervisor, GRACE) => end.map_err(anyhow::Error::from),
            () = ended => {
                self.supervisor.kill();
                Err(anyhow::anyhow!("the database ended; postgres.log in its folder says why"))
            }
        };
        self.stop_cluster().await?;
        served
    }

    /// Stops all parts.
    pub async fn stop(self) -> anyhow::Result<()> {
        let end = self.supervisor.finish(GRACE).await;
        self.stop_cluster().await?;
        Ok(end?)
    }

    async fn stop_cluster(self) -> anyhow::Result<()> {
        match self.cluster {
            Some(cluster) => cluster.stop().await,
            None => Ok(()),
        }
    }
}

/// Listens, or says what to do when that is not possible.
pub async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let (ip, port) = (address.ip(), address.port());
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            bail!("port {port} on {ip} is in use; choose another with --listen {ip}:PORT")
        }
        Err(error) => Err(error).context(format!("cannot listen on {address}")),
    }
}

struct Parts<'a> {
    config: &'a Config,
    environment: &'a Environment,
    supervisor: Supervisor,
}

impl Parts<'_> {
    fn stack(self, data: Option<DataDir>, cluster: Option<Cluster>, door: Option<Door>) -> Stack {
        Stack {
            supervisor: self.supervisor,
            cluster,
            door,
            _data: data,
        }
    }

    async fn cluster(&self, data: &DataDir) -> anyhow::Result<Option<Cluster>> {
        if self.config.database.url.is_some() {
            return Ok(None);
        }
        let options = told::cluster(self.config, self.environment);
        Cluster::start(data, &options).await.map(Some)
    }

    async fn bus(&self) -> anyhow::Result<Bus> {
        let Some(options) = told::nats(self.config, "todd") else {
            return Ok(Bus::in_process());
        };
        Bus::nats(options).await.context("cannot use NATS")
    }

    async fn serve(
        &self,
        data: &DataDir,
        listener: TcpListener,
        cluster: Option<&Cluster>,
    ) -> anyhow::Result<Door> {
        let bus = self.bus().await?;
        let (door, app) = self.server(data, listener, cluster, &bus).await?;
        if self.config.target == Target::All {
            let servers = Arc::new(InProcess::new(app));
            let mut own = own::sockets(self.config).await;
            own.push(door.address);
            self.poller(&bus, own, servers)?;
        }
        Ok(door)
    }

    async fn server(
        &self,
        data: &DataDir,
        listener: TcpListener,
        cluster: Option<&Cluster>,
        bus: &Bus,
    ) -> anyhow::Result<(Door, App)> {
        let address = listener.local_addr()?;
        let identity = self.identity(data, address)?;
        let door = Door {
            address,
            fingerprint: self.config.http.tls.then(|| identity.fingerprint.clone()),
            setup_token: data.path().join("setup-token"),
        };
        let owner = self.connect(cluster, Role::Owner)?;
        let migrated = tod_server::db::migrate(&owner).await;
        migrated.context("cannot migrate the database")?;
        let (app, system) = (
            self.connect(cluster, Role::App)?,
            self.connect(cluster, Role::System)?,
        );
        let roles = [(Role::App, &app), (Role::System, &system)];
        database::check_roles(self.config.environment, roles).await?;
        let keys = self.keys(data, &system).await?;
        let pinned = identity.self_made && self.config.http.tls;
        let made = told::Made {
            app,
            system,
            keys,
            setup_token: door.setup_token.clone(),
            base_url: told::base_url(self.config, address)?,
            pin: pinned.then_some(identity.fingerprint),
            certificate: identity.shown,
        };
        let config = told::server(self.config, made);
        let shared = tod_server::startup::Shared {
            bus: bus.clone(),
            clock: Clock::system(),
            health: Health::new(),
            supervisor: self.supervisor.clone(),
        };
        let app = tod_server::startup::build(config, shared)?;
        app.prepare().await.context("cannot prepare the server")?;
        let board = Board::new(Clock::system());
        let started = tod_server::background::start(&app, &board).await;
        started.context("cannot start the server")?;
        self.watch(identity.live)?;
        let tls = self.config.http.tls.then_some(identity.acceptor);
        let stop = self.supervisor.stop();
        let serving = app.clone();
        self.supervisor.spawn("server", async move {
            let served = serving.serve(listener, tls, stop).await;
            serving.db.close().await;
            served
        });
        Ok((door, app))
    }

    /// Keeps the certificate as its files are.
    fn watch(&self, live: Option<Arc<Live>>) -> anyhow::Result<()> {
        let Some(live) = live else { return Ok(()) };
        let hangups = signal(SignalKind::hangup()).context("cannot catch SIGHUP")?;
        let watching = live.watch(hangups, Clock::system(), self.supervisor.stop());
        self.supervisor.spawn("certificate", async move {
            watching.await;
            anyhow::Ok(())
        });
        Ok(())
    }

    /// Starts the poller. Addresses in `own` are no devices; `servers` is how relays dial.
    fn poller(
        &self,
        bus: &Bus,
        own: Vec<SocketAddr>,
        servers: Arc<dyn RelayDial>,
    ) -> anyhow::Result<()> {
        let config = told::poller(self.config, own);
        let parts = tod_poller::startup::Parts {
            bus: bus.clone(),
            clock: Clock::system(),
            supervisor: self.supervisor.clone(),
            relay_dial: servers,
        };
        let poller = tod_poller::startup::build(config, parts)?;
        self.supervisor
            .spawn("poller", poller.run(self.supervisor.stop()));
        Ok(())
    }

    fn connect(&self, cluster: Option<&Cluster>, role: Role) -> anyhow::Result<PgConnectOptions> {
        if let Some(cluster) = cluster {
            return Ok(cluster.connect(role));
        }
        let given = self.config.database.connect(role)?;
        given.context("there is no database")
    }

    fn identity(&self, data: &DataDir, address: SocketAddr) -> anyhow::Result<Identity> {
        let mut identity = match (&self.config.http.certificate, &self.config.http.key) {
            (Some(certificate), Some(key)) => Identity::from_files(certificate, key)?,
            _ => Identity::self_made(data, address.ip())?,
        };
        if !self.config.http.tls {
            // Nobody is shown it.
            identity.shown = watch::Sender::new(None).subscribe();
        }
        Ok(identity)
    }

    /// What the server's keys begin with. `system` signs in as `tod_system`.
    async fn keys(&self, data: &DataDir, system: &PgConnectOptions) -> anyhow::Result<Keys> {
        match self.config.keys.backend {
            Backend::Local => Ok(Keys::Local(master_key(
                self.config,
                self.environment,
                data,
            )?)),
            Backend::Transit => unlock(self.config, system).await,
        }
    }
}
