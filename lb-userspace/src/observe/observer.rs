// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where all parts can be read, and the few things an operator may change: drains and log levels.

use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::watch;

use super::api::{
    DaemonStatus, DrainAnswer, DrainedBackend, LogLevelRequest, LogTarget, PlanView, SourceStatus, Status,
};
use super::drains::{Drains, DrainsError};
use super::log::{LogError, LogHandle};
use super::restart;
use super::state::{self, Parts};
use super::target::{Candidate, TargetError, resolve};
use crate::datapath::DatapathError;
use crate::datapath::view::Inspect;
use crate::health::HealthReport;
use crate::model::{BackendId, DesiredState, LoadBalancer};
use crate::reconcile::driver::{PlanError, Planner, ReconcileStatus};
use crate::source::SourceState;
use crate::source::cloud::CloudStatus;

/// Who the daemon is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Which instance on this host.
    pub instance: String,
    /// The file.
    pub file: PathBuf,
    /// When it started.
    pub started: SystemTime,
    /// The admin address that it started with, as the file said.
    pub admin_address: Option<SocketAddr>,
}

/// The parts as the observer reads them.
pub struct Observer {
    /// Who the daemon is.
    pub identity: Identity,
    /// The desired state.
    pub source: watch::Receiver<SourceState>,
    /// How following a cloud goes.
    pub cloud: watch::Receiver<Arc<CloudStatus>>,
    /// Reconciliation.
    pub reconcile: watch::Receiver<Arc<ReconcileStatus>>,
    /// Health checks.
    pub health: watch::Receiver<Arc<HealthReport>>,
    /// The operator's drains.
    pub drains: Arc<Drains>,
    /// The data path.
    pub datapath: Arc<dyn Inspect>,
    /// Makes plans.
    pub planner: Planner,
    /// The daemon's log.
    pub log: LogHandle,
    /// Seconds on the boot clock.
    pub boot_seconds: fn() -> u32,
}

/// Why an operator's wish was not granted.
#[derive(Debug, thiserror::Error)]
pub enum WishError {
    /// It is not clear which backend is meant.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// It could not be kept on disk.
    #[error(transparent)]
    Drains(#[from] DrainsError),
    /// The data path refused.
    #[error(transparent)]
    Datapath(#[from] DatapathError),
    /// The daemon's log refused.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The program in the kernel has no log.
    #[error("the program in the kernel was built without a log")]
    NoDatapathLog,
}

impl Observer {
    /// Everything at this moment. Reads maps, so it is for a thread that may block.
    pub fn status(&self) -> Status {
        let source = self.source.borrow().clone();
        let reconcile = Arc::clone(&self.reconcile.borrow());
        let health = Arc::clone(&self.health.borrow());
        let cloud = Arc::clone(&self.cloud.borrow());
        state::assemble(Parts {
            daemon: self.daemon(),
            source: self.source_status(&source),
            cloud: state::cloud_view(&cloud),
            names: &cloud.names,
            desired: &source.desired,
            reconcile: state::reconcile_view(&reconcile),
            assignments: &reconcile.assignments,
            draining: &reconcile.drains,
            health: &health,
            drains: &self.drains.current(),
            facts: self.datapath.facts(),
            counters: self.datapath.counters().map_err(|error| chain(&error)),
            now: (self.boot_seconds)(),
        })
    }

    /// What the file says and only a restart brings about.
    pub fn waiting(&self) -> Vec<String> {
        let desired = Arc::clone(&self.source.borrow().desired);
        restart::waiting(&desired.balancer, self.identity.admin_address, &self.datapath.facts())
    }

    /// What would be done to the data path now, for `desired` or for what is desired.
    pub async fn plan(&self, desired: Option<DesiredState>) -> Result<PlanView, PlanError> {
        let current = Arc::clone(&self.source.borrow().desired);
        let plan = self.planner.plan(desired.map_or(current, Arc::new)).await?;
        let unplaced = plan.unplaced.iter().map(ToString::to_string).collect();
        Ok(PlanView { changes: plan.changes.iter().map(ToString::to_string).collect(), unplaced })
    }

    /// Drains what `argument` names.
    pub fn drain(&self, argument: &str) -> Result<DrainAnswer, WishError> {
        let desired = Arc::clone(&self.source.borrow().desired);
        let now = (self.boot_seconds)();
        let backends = resolve(argument, &present(&desired))?.into_iter().map(|id| {
            let (drain, changed) =
                self.drains.drain(&id, now.saturating_add(drain_seconds(&desired, &id)))?;
            if changed {
                tracing::info!(backend = %id, until_seconds = drain.until - now, "drained by the operator");
            }
            Ok(DrainedBackend { id, changed, seconds_left: Some(drain.until.saturating_sub(now)) })
        });
        Ok(DrainAnswer { backends: backends.collect::<Result<_, DrainsError>>()? })
    }

    /// Puts back what `argument` names, also where the file no longer has it.
    pub fn undrain(&self, argument: &str) -> Result<DrainAnswer, WishError> {
        let desired = Arc::clone(&self.source.borrow().desired);
        let mut candidates = present(&desired);
        let known = candidates.clone();
        let gone = self.drains.current();
        let gone = gone.keys().filter(|id| known.iter().all(|candidate| candidate.id != **id));
        candidates.extend(gone.map(|id| Candidate { id: id.clone(), instance: None }));
        let backends = resolve(argument, &candidates)?.into_iter().map(|id| {
            let changed = self.drains.undrain(&id)?;
            if changed {
                tracing::info!(backend = %id, "put back by the operator");
            }
            Ok(DrainedBackend { id, changed, seconds_left: None })
        });
        Ok(DrainAnswer { backends: backends.collect::<Result<_, DrainsError>>()? })
    }

    /// Changes how much is logged.
    pub fn set_log_level(&self, request: LogLevelRequest) -> Result<(), WishError> {
        match request.target {
            LogTarget::Daemon => self.log.set(request.level)?,
            LogTarget::Datapath if self.datapath.set_log_level(request.level.number())? => {}
            LogTarget::Datapath => return Err(WishError::NoDatapathLog),
        }
        Ok(())
    }

    fn daemon(&self) -> DaemonStatus {
        let started = self.identity.started;
        DaemonStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            instance: self.identity.instance.clone(),
            pid: std::process::id(),
            started: state::unix_seconds(started),
            uptime_seconds: started.elapsed().map_or(0, |uptime| uptime.as_secs()),
        }
    }

    fn source_status(&self, source: &SourceState) -> SourceStatus {
        let problems = source.error.as_ref().map(ToString::to_string);
        SourceStatus {
            file: self.identity.file.display().to_string(),
            revision: source.revision,
            ok: problems.is_none(),
            problems: problems.iter().flat_map(|text| text.lines()).map(str::to_owned).collect(),
            needs_restart: self.waiting(),
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Observer").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// An error with its causes in one line.
pub fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn present(desired: &DesiredState) -> Vec<Candidate> {
    let backends = desired.load_balancers.iter().flat_map(LoadBalancer::backends);
    backends.map(|(id, instance)| Candidate { id, instance: Some(instance.label.clone()) }).collect()
}

fn drain_seconds(desired: &DesiredState, id: &BackendId) -> u32 {
    let balancer = desired.load_balancers.iter().find(|balancer| balancer.label == id.load_balancer);
    balancer.map_or(0, |balancer| u32::try_from(balancer.drain_timeout.as_secs()).unwrap_or(u32::MAX))
}
