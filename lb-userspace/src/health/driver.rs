// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs the health checks.
//!
//! Tasks: one [`worker`] for each backend with a check, owned by the driver's `JoinSet`; a worker ends when its backend
//! leaves the desired state, when its check changes, and at shutdown. Only the driver's own loop touches the roster and
//! publishes, so there is nothing to lock. Asleep, a worker is a timer and a few hundred bytes; awake, it holds one of
//! [`IN_FLIGHT`] permits.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::HealthReport;
use super::pace::Pace;
use super::probe::{NetworkProber, Prober};
use super::roster::{Assignment, Effect, Finding, ProbeResult, Roster};
use super::schedule::Schedule;
use super::worker::{self, Shared};
use crate::model::{BackendId, DesiredState};
use crate::reconcile::conditions::Verdict;
use crate::source::SourceState;

/// Probes under way at a time: each holds a file descriptor, of which a process has 1,024 unless told otherwise. More
/// that are due wait their turn, and their verdicts stay as they are.
const IN_FLIGHT: usize = 512;

/// Findings that may wait for the driver: one for each probe under way, so that none waits to hand its own over.
const FINDINGS: usize = IN_FLIGHT;

/// Probes the backends of the desired state until shutdown. If the source ends, its last state stays in force.
pub async fn run(
    desired: watch::Receiver<SourceState>,
    verdicts: watch::Sender<Arc<HealthReport>>,
    shutdown: CancellationToken,
) {
    let seed = RandomState::new().build_hasher().finish();
    run_with(NetworkProber::new(seed), seed, desired, verdicts, shutdown).await;
}

async fn run_with<P: Prober>(
    prober: P,
    seed: u64,
    mut desired: watch::Receiver<SourceState>,
    verdicts: watch::Sender<Arc<HealthReport>>,
    shutdown: CancellationToken,
) {
    let (mut driver, mut findings) = Driver::new(prober, seed, verdicts);
    let mut batch = Vec::with_capacity(FINDINGS);
    desired.mark_changed();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = changed(&mut desired) => {
                let state = Arc::clone(&desired.borrow_and_update().desired);
                driver.take_over(state);
            }
            _ = findings.recv_many(&mut batch, FINDINGS) => driver.record(batch.drain(..)),
            Some(ended) = driver.workers.join_next() => look_after(ended),
            () = due(driver.pace.due()) => driver.publish(),
        }
    }
    driver.workers.shutdown().await;
}

/// Waits for a new desired state; for ever, if the source has ended.
async fn changed(desired: &mut watch::Receiver<SourceState>) {
    if desired.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn due(at: Option<std::time::Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(Instant::from_std(at)).await,
        None => std::future::pending().await,
    }
}

/// Workers end because they are aborted. One that panicked has a bug, and going on would leave its backend unprobed in
/// silence, so the panic goes on here.
fn look_after(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        std::panic::resume_unwind(error.into_panic());
    }
}

struct Driver<P> {
    roster: Roster,
    taken: Option<Arc<DesiredState>>,
    pace: Pace,
    verdicts: watch::Sender<Arc<HealthReport>>,
    seed: u64,
    shared: Arc<Shared<P>>,
    workers: JoinSet<()>,
    handles: BTreeMap<BackendId, AbortHandle>,
}

impl<P: Prober> Driver<P> {
    fn new(
        prober: P,
        seed: u64,
        verdicts: watch::Sender<Arc<HealthReport>>,
    ) -> (Self, mpsc::Receiver<Finding>) {
        let (sender, receiver) = mpsc::channel(FINDINGS);
        let driver = Self {
            roster: Roster::default(),
            taken: None,
            pace: Pace::default(),
            verdicts,
            seed,
            shared: Arc::new(Shared { prober, permits: Semaphore::new(IN_FLIGHT), findings: sender }),
            workers: JoinSet::new(),
            handles: BTreeMap::new(),
        };
        (driver, receiver)
    }

    fn take_over(&mut self, desired: Arc<DesiredState>) {
        // A source that only has a new error to tell keeps its state.
        if self.taken.as_ref().is_some_and(|taken| Arc::ptr_eq(taken, &desired)) {
            return;
        }
        let changes = self.roster.sync(&desired, SystemTime::now());
        self.taken = Some(desired);
        for backend in changes.stop {
            self.handles.remove(&backend).inspect(AbortHandle::abort);
        }
        for assignment in changes.start {
            self.start(assignment);
        }
        self.pace.verdict_changed(Instant::now().into_std());
    }

    fn start(&mut self, assignment: Assignment) {
        let backend = assignment.backend.clone();
        let now = Instant::now().into_std();
        let schedule = Schedule::new(assignment.check.check_interval, self.seed ^ backend.owner(), now);
        let worker = self.workers.spawn(worker::run(assignment, schedule, Arc::clone(&self.shared)));
        self.handles.insert(backend, worker).inspect(AbortHandle::abort);
    }

    fn record(&mut self, findings: impl Iterator<Item = Finding>) {
        let now = Instant::now().into_std();
        for finding in findings {
            let (backend, result) = (finding.backend.clone(), finding.result.clone());
            match self.roster.record(finding, SystemTime::now()) {
                Effect::Stale => {}
                Effect::Counted => self.pace.counter_changed(now),
                Effect::Turned(verdict) => {
                    log_turn(&backend, verdict, &result);
                    self.pace.verdict_changed(now);
                }
            }
        }
    }

    fn publish(&mut self) {
        self.verdicts.send_replace(Arc::new(self.roster.report()));
        self.pace.published(Instant::now().into_std());
    }
}

fn log_turn(backend: &BackendId, verdict: Verdict, result: &ProbeResult) {
    match (verdict, result) {
        (Verdict::Down, ProbeResult::Failed(why)) => tracing::warn!(%backend, %why, "backend is down"),
        (Verdict::Up | Verdict::Down, _) => tracing::info!(%backend, ?verdict, "backend changed"),
    }
}

#[cfg(test)]
mod tests;
