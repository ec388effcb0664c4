// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where all parts meet: [`Settings`] → [`App::build`] → [`App::run`]. Everything that can be refused is acquired in
//! `build`; nothing runs before `run`.
//!
//! Tasks of `run`, all owned by it: file and cloud, health, reconcile, those of the data path, one for each admin listener, and
//! the service manager's. At shutdown: first the source and health (nothing new is decided), then reconcile (it ends
//! with the plan that it is at), then the data path's tasks and the admin API. Forwarding goes on in the kernel, unless
//! `detach` is set.

pub mod error;
pub mod kernel;
pub mod lock;
pub mod service;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::datapath::Datapath;
use crate::datapath::view::Inspect;
use crate::health;
use crate::model::{Balancer, DesiredState};
use crate::observe::admin;
use crate::observe::drains::Drains;
use crate::observe::log::LogHandle;
use crate::observe::observer::{Identity, Observer};
use crate::observe::restart;
use crate::reconcile::driver::{Driver, Inputs};
use crate::source::SourceState;
use crate::source::cloud::{CloudSource, CloudStatus, Limits};
use crate::source::file::FileSource;
use error::StartError;
use lock::Lock;

/// How long each step of a shutdown may take before it goes on without.
const STEP: Duration = Duration::from_secs(5);

/// How the process runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The file that says what is desired.
    pub config: PathBuf,
    /// Which instance on this host.
    pub instance: String,
    /// Folder for what outlives a boot.
    pub state_dir: PathBuf,
    /// Folder for the admin socket and the lock.
    pub run_dir: PathBuf,
    /// Whether forwarding ends with the process.
    pub detach: bool,
}

/// A task that runs until the token is cancelled.
pub type Task = Box<dyn FnOnce(CancellationToken) -> futures_util::future::BoxFuture<'static, ()> + Send>;

/// Attaches a data path to exactly these interfaces, or says why not.
pub type Serve = Box<dyn Fn(&[String]) -> Result<(), String> + Send + Sync>;

/// Takes a data path off.
pub type Detach = Box<dyn FnOnce() -> Result<(), StartError> + Send>;

/// A data path that was opened.
pub struct Opened {
    /// For reconciliation.
    pub datapath: Box<dyn Datapath + Send>,
    /// For operators.
    pub inspect: Arc<dyn Inspect>,
    /// What keeps it right: next hops, the sweep.
    pub tasks: Vec<Task>,
    /// Attaches it to other interfaces when the file says so.
    pub serve: Serve,
    /// Takes it off; called after everything else has ended.
    pub detach: Detach,
    /// Seconds on its clock.
    pub boot_seconds: fn() -> u32,
}

/// Where the desired state comes from, and the state to start with.
struct Sources {
    file: SourceState,
    cloud: CloudSource,
    start: SourceState,
}

/// A daemon that has everything it needs.
pub struct App {
    settings: Settings,
    file: watch::Sender<SourceState>,
    cloud: CloudSource,
    cloud_status: watch::Sender<Arc<CloudStatus>>,
    source: watch::Sender<SourceState>,
    health: watch::Sender<Arc<health::HealthReport>>,
    driver: Driver,
    tasks: Vec<Task>,
    serve: Serve,
    detach: Detach,
    unix: (UnixListener, Router),
    tcp: Option<(TcpListener, Router)>,
    observer: Arc<Observer>,
    _lock: Lock,
}

impl App {
    /// Acquires everything: the lock, the file, what the cloud says, the data path (by `open`), the listeners.
    pub async fn build(
        settings: Settings,
        log: LogHandle,
        open: impl FnOnce(&Balancer) -> Result<Opened, StartError>,
    ) -> Result<Self, StartError> {
        let source =
            FileSource { path: settings.config.clone(), state_dir: Some(settings.state_dir.clone()) };
        let file = source.start().map_err(StartError::Config)?;
        if let Some(error) = &file.error {
            tracing::error!(
                "the file is bad; starting with the last good one of {}\n{error}",
                settings.state_dir.display()
            );
        }
        lock::folder(&settings.run_dir)?;
        lock::folder(&settings.state_dir)?;
        let lock = Lock::take(&settings.run_dir, &settings.instance)?;
        let mut cloud = CloudSource::new(Some(settings.state_dir.clone()), Limits::default(), seed());
        let start = cloud.start(&file).await.map_err(StartError::Cloud)?;
        let tcp = listen_tcp(&start.desired).await?;
        let opened = open(&start.desired.balancer)?;
        let unix = listen_unix(&settings).await?;
        Self::wire(settings, log, Sources { file, cloud, start }, opened, unix, tcp, lock)
    }

    fn wire(
        settings: Settings,
        log: LogHandle,
        sources: Sources,
        opened: Opened,
        unix: UnixListener,
        tcp: Option<TcpListener>,
        lock: Lock,
    ) -> Result<Self, StartError> {
        let Opened { datapath, inspect, tasks, serve, detach, boot_seconds: now } = opened;
        let (drains, damage) = Drains::open(&settings.state_dir, &boot_id(), now());
        if let Some(damage) = damage {
            tracing::error!("{}; no backend counts as drained", crate::observe::observer::chain(&damage));
        }
        let Sources { file, cloud, start } = sources;
        let admin_address = start.desired.balancer.admin_address;
        let (source, desired) = watch::channel(start);
        let (cloud_status, cloud_view) = watch::channel(Arc::default());
        let (health, verdicts) = watch::channel(Arc::default());
        let inputs = Inputs {
            desired: desired.clone(),
            health: verdicts.clone(),
            drains: drains.subscribe(),
            now: Box::new(now),
        };
        let driver = Driver::new(datapath, inputs, seed());
        let observer = Arc::new(Observer {
            identity: Identity {
                instance: settings.instance.clone(),
                file: settings.config.clone(),
                started: SystemTime::now(),
                admin_address,
            },
            source: desired,
            cloud: cloud_view,
            reconcile: driver.status(),
            health: verdicts,
            drains: Arc::new(drains),
            datapath: inspect,
            planner: driver.planner(),
            log,
            boot_seconds: now,
        });
        let whole = admin::whole(Arc::clone(&observer))?;
        let public = admin::read_only(Arc::clone(&observer))?;
        let (unix, tcp) = ((unix, whole), tcp.map(|tcp| (tcp, public)));
        let (file, _) = watch::channel(file);
        Ok(Self {
            settings,
            file,
            cloud,
            cloud_status,
            source,
            health,
            driver,
            tasks,
            serve,
            detach,
            unix,
            tcp,
            observer,
            _lock: lock,
        })
    }

    /// Where the read-only part of the admin API listens, if it does; the port that port 0 became.
    pub fn admin_address(&self) -> Option<std::net::SocketAddr> {
        self.tcp.as_ref().and_then(|(listener, _)| listener.local_addr().ok())
    }

    /// Runs until `stop` is cancelled; each `reload` makes it read the file at once.
    pub async fn run(self, reload: Arc<Notify>, stop: CancellationToken) -> Result<(), StartError> {
        let file = FileSource { path: self.settings.config, state_dir: Some(self.settings.state_dir) };
        let desired = self.observer.source.clone();
        let (deciding, reconciling, serving) =
            (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());

        let mut decide = JoinSet::new();
        let read = self.file.subscribe();
        decide.spawn(file.watch(self.file, reload, deciding.clone()));
        decide.spawn(self.cloud.follow(read, self.source, self.cloud_status, deciding.clone()));
        decide.spawn(follow_interfaces(desired.clone(), self.serve, deciding.clone()));
        decide.spawn(restart::warn(Arc::clone(&self.observer), deciding.clone()));
        decide.spawn(health::driver::run(desired, self.health, deciding.clone()));
        let mut reconcile = JoinSet::new();
        reconcile.spawn(self.driver.run(reconciling.clone()));
        let mut serve = JoinSet::new();
        for task in self.tasks {
            serve.spawn(task(serving.clone()));
        }
        serve.spawn(admin::serve_unix(self.unix.0, self.unix.1, serving.clone()));
        if let Some((listener, router)) = self.tcp {
            serve.spawn(admin::serve_tcp(listener, router, serving.clone()));
        }
        serve.spawn(service::tell(Arc::clone(&self.observer), serving.clone()));

        stopped(&stop, [&mut decide, &mut reconcile, &mut serve]).await;
        service::stopping();
        finish("source and health checks", &deciding, &mut decide).await;
        finish("reconciliation", &reconciling, &mut reconcile).await;
        finish("the data path's tasks and the admin API", &serving, &mut serve).await;
        if self.settings.detach {
            tracing::info!("taking the program off");
            return (self.detach)();
        }
        tracing::info!("ended; the kernel goes on forwarding");
        Ok(())
    }
}

/// Returns when the daemon is to stop: because it was told to, or because a task ended that never should.
async fn stopped(stop: &CancellationToken, [decide, reconcile, serve]: [&mut JoinSet<()>; 3]) {
    tokio::select! {
        () = stop.cancelled() => tracing::info!("stopping"),
        ended = decide.join_next() => tracing::error!(?ended, "the source or the health checks ended; stopping"),
        ended = reconcile.join_next() => tracing::error!(?ended, "reconciliation ended; stopping"),
        ended = serve.join_next() => tracing::error!(?ended, "a task that serves ended; stopping"),
    }
}

/// Keeps the program on the interfaces that the file names. One that cannot be served is said, and tried again with the
/// next state; those that are served stay so.
async fn follow_interfaces(
    mut desired: watch::Receiver<SourceState>,
    serve: Serve,
    shutdown: CancellationToken,
) {
    let serve = Arc::new(serve);
    let mut served = desired.borrow_and_update().desired.balancer.interfaces.clone();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            changed = desired.changed() => if changed.is_err() {
                return shutdown.cancelled().await;
            },
        }
        let wanted = desired.borrow_and_update().desired.balancer.interfaces.clone();
        if wanted == served {
            continue;
        }
        let (serve, names) = (Arc::clone(&serve), wanted.clone());
        match tokio::task::spawn_blocking(move || serve(&names)).await {
            Ok(Ok(())) => {
                tracing::info!(interfaces = ?wanted, "serving other interfaces");
                served = wanted;
            }
            Ok(Err(error)) => tracing::error!("{error}"),
            Err(error) => tracing::error!(%error, "changing interfaces did not end"),
        }
    }
}

/// Ends a group of tasks, by force if they take too long.
async fn finish(what: &str, token: &CancellationToken, tasks: &mut JoinSet<()>) {
    token.cancel();
    let end = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(STEP, end).await.is_err() {
        tracing::warn!("{what} did not end within {} s", STEP.as_secs());
        tasks.shutdown().await;
    }
}

async fn listen_tcp(desired: &DesiredState) -> Result<Option<TcpListener>, StartError> {
    let Some(address) = desired.balancer.admin_address else { return Ok(None) };
    let listener =
        TcpListener::bind(address).await.map_err(|source| StartError::Address { address, source })?;
    Ok(Some(listener))
}

/// The lock is held, so whatever stands in the socket's place was left by a daemon that is gone.
async fn listen_unix(settings: &Settings) -> Result<UnixListener, StartError> {
    let path = settings.run_dir.join("admin.sock");
    let failed = |source| StartError::Socket { path: path.clone(), source };
    match tokio::fs::remove_file(&path).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let listener = UnixListener::bind(&path).map_err(failed)?;
    // Until here the folder's mode has kept others out.
    let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    tokio::fs::set_permissions(&path, owner_only).await.map_err(failed)?;
    Ok(listener)
}

/// This run of the kernel; an unknown one is like no other, which ends old drains' flows early rather than never.
fn boot_id() -> String {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}

fn seed() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}

impl fmt::Debug for Opened {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Opened").field("tasks", &self.tasks.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for App {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("App").field("settings", &self.settings).finish_non_exhaustive()
    }
}
