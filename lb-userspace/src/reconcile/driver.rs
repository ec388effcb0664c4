// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keeps the data path equal to what is desired.
//!
//! One task, [`Driver::run`], which the caller owns and ends by the token; a reconcile under way is finished first. It
//! reconciles whenever desire, health or drains change, however many changes come while it is busy; when the next drain
//! has its deadline; and, looking at everything, every [`FULL_CHECK`]. After a failure it tries again with growing waits.
//! Calls to the data path block, so each reconcile runs on a blocking thread.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::conditions::{Conditions, Drain};
use super::converge::{Converged, Done, Job, ReconcileError, converge};
use super::diff::diff;
use super::plan::Plan;
pub use super::status::{OpenDrain, ReconcileStatus};
use crate::datapath::{Datapath, DatapathError};
use crate::health::HealthReport;
use crate::model::{BackendId, DesiredState};
use crate::source::SourceState;

/// From one look at everything to the next: how long drift can last.
pub const FULL_CHECK: Duration = Duration::from_secs(30);

/// Questions for plans that wait at a time: they come from people.
const QUESTIONS: usize = 4;

/// Where the driver reads what is to hold.
pub struct Inputs {
    /// What is desired.
    pub desired: watch::Receiver<SourceState>,
    /// Which backends answer.
    pub health: watch::Receiver<Arc<HealthReport>>,
    /// Which backends an operator drains.
    pub drains: watch::Receiver<Arc<BTreeMap<BackendId, Drain>>>,
    /// Seconds on the boot clock.
    pub now: Box<dyn Fn() -> u32 + Send>,
}

/// The task that reconciles.
#[derive(Debug)]
pub struct Driver {
    datapath: SharedDatapath,
    inputs: Inputs,
    backoff: Backoff,
    status: watch::Sender<Arc<ReconcileStatus>>,
    questions: mpsc::Receiver<Question>,
    planner: Planner,
    /// What the last reconcile was about.
    tried: Option<Snapshot>,
    /// Whether one about the same has succeeded.
    reached: bool,
}

/// Asks a driver what it would do.
#[derive(Clone, Debug)]
pub struct Planner {
    questions: mpsc::Sender<Question>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The driver has ended.
    #[error("reconciliation has ended; is lbd shutting down?")]
    Ended,
    /// The data path could not be read.
    #[error("reading the data path failed")]
    Observe(#[source] DatapathError),
}

/// What is to hold, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Snapshot {
    desired: Arc<DesiredState>,
    revision: u64,
    conditions: Conditions,
}

#[derive(Debug)]
struct Question {
    desired: Arc<DesiredState>,
    answer: oneshot::Sender<Result<Plan, PlanError>>,
}

/// One user at a time: the lock only carries the data path to a blocking thread.
#[derive(Clone)]
struct SharedDatapath(Arc<Mutex<Box<dyn Datapath + Send>>>);

impl Driver {
    /// A driver that does nothing until [`Driver::run`]. The seed spreads the waits of balancers that fail together.
    pub fn new(datapath: Box<dyn Datapath + Send>, inputs: Inputs, seed: u64) -> Self {
        let (sender, questions) = mpsc::channel(QUESTIONS);
        Self {
            datapath: SharedDatapath(Arc::new(Mutex::new(datapath))),
            inputs,
            backoff: Backoff::new(seed),
            status: watch::Sender::default(),
            questions,
            planner: Planner { questions: sender },
            tried: None,
            reached: false,
        }
    }

    /// How reconciliation stands, after each reconcile.
    pub fn status(&self) -> watch::Receiver<Arc<ReconcileStatus>> {
        self.status.subscribe()
    }

    /// For `lbctl plan`.
    pub fn planner(&self) -> Planner {
        self.planner.clone()
    }

    /// Reconciles until told to stop.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut full_check = Instant::now();
        loop {
            let thorough = Instant::now() >= full_check;
            let next = if let Some(deadline) = self.reconcile(thorough).await {
                self.backoff.succeed();
                if thorough {
                    full_check = Instant::now() + FULL_CHECK;
                }
                full_check.min(Instant::now() + deadline)
            } else {
                Instant::now() + self.backoff.fail()
            };
            if !self.wait(next, &shutdown).await {
                return;
            }
        }
    }

    /// Reconciles once. Says how long nothing is left to do if nothing changes, or nothing after a failure.
    async fn reconcile(&mut self, thorough: bool) -> Option<Duration> {
        let started = std::time::Instant::now();
        let snapshot = self.inputs.snapshot();
        let unchanged = self.reached && self.tried.as_ref() == Some(&snapshot);
        let job = snapshot.job((self.inputs.now)(), thorough);
        let revision = snapshot.revision;
        let now = job.now;
        self.tried = Some(snapshot);
        let work = move |datapath: &mut dyn Datapath| {
            let mut done = Done::default();
            let result = converge(datapath, &job, &mut done);
            (done, result)
        };
        let (done, result) = self.datapath.run(work).await;
        self.reached = result.is_ok();
        let mut status = ReconcileStatus::clone(&self.status.borrow());
        status.duration = started.elapsed();
        note_done(&mut status, done, unchanged);
        let deadline = note_result(&mut status, result, revision);
        self.status.send_replace(Arc::new(status));
        deadline.map(|until| Duration::from_secs(u64::from(until.saturating_sub(now).max(1))))
    }

    /// Waits for something to do, answering questions meanwhile; false when it is time to stop.
    async fn wait(&mut self, until: Instant, shutdown: &CancellationToken) -> bool {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return false,
                () = sleep_until(until) => return true,
                // Most reports of health say nothing new.
                () = self.inputs.changed() => if self.tried.as_ref() != Some(&self.inputs.snapshot()) {
                    return true;
                },
                Some(question) = self.questions.recv() => self.answer(question).await,
            }
        }
    }

    async fn answer(&mut self, question: Question) {
        let snapshot = Snapshot { desired: question.desired, ..self.inputs.snapshot() };
        let job = snapshot.job((self.inputs.now)(), true);
        let work = move |datapath: &mut dyn Datapath| {
            let observed = datapath.observe(job.thorough).map_err(PlanError::Observe)?;
            Ok(diff(&job.desired, &job.conditions, &observed, job.now))
        };
        // Whoever asked may have gone.
        _ = question.answer.send(self.datapath.run(work).await);
    }
}

/// Adds what was done to the counts.
fn note_done(status: &mut ReconcileStatus, done: Done, unchanged: bool) {
    status.applied_changes += done.applied as u64;
    status.unplaced = done.unplaced;
    if unchanged && done.repairs > 0 {
        let repairs = done.repairs.min(done.applied) as u64;
        status.repaired_changes += repairs;
        tracing::warn!(repairs, "the data path was not as it was left; repaired");
    }
    if !done.lines.is_empty() {
        tracing::info!(changes = done.applied, "reconciled");
        status.last_plan = done.lines;
    }
}

/// Notes how it ended; says the next deadline, or nothing after a failure.
fn note_result(
    status: &mut ReconcileStatus,
    result: Result<Converged, ReconcileError>,
    revision: u64,
) -> Option<u32> {
    match result {
        Ok(converged) => {
            status.revision = revision;
            status.successes += 1;
            status.last_error = None;
            status.last_success = Some(SystemTime::now());
            status.assignments = converged.assignments;
            status.drains = converged.drains;
            Some(status.drains.iter().map(|drain| drain.until).min().unwrap_or(u32::MAX))
        }
        Err(error) => {
            let error = with_causes(&error);
            tracing::warn!(error, "reconciling failed; trying again");
            status.failures += 1;
            status.last_error = Some(error);
            None
        }
    }
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

impl Planner {
    /// What would be done now if this were desired.
    pub async fn plan(&self, desired: Arc<DesiredState>) -> Result<Plan, PlanError> {
        let (answer, answered) = oneshot::channel();
        let asked = self.questions.send(Question { desired, answer }).await;
        asked.map_err(|_| PlanError::Ended)?;
        answered.await.map_err(|_| PlanError::Ended)?
    }
}

impl Inputs {
    fn snapshot(&mut self) -> Snapshot {
        let (desired, revision) = {
            let source = self.desired.borrow_and_update();
            (Arc::clone(&source.desired), source.revision)
        };
        let report = Arc::clone(&self.health.borrow_and_update());
        let health = report.backends.iter().filter_map(|(id, health)| Some((id.clone(), health.verdict?)));
        let drains = BTreeMap::clone(&self.drains.borrow_and_update());
        Snapshot { desired, revision, conditions: Conditions { health: health.collect(), drains } }
    }

    /// Ends when one of the inputs has changed; those that cannot any more do not count.
    async fn changed(&mut self) {
        tokio::select! {
            Ok(()) = self.desired.changed() => {}
            Ok(()) = self.health.changed() => {}
            Ok(()) = self.drains.changed() => {}
            else => std::future::pending().await,
        }
    }
}

impl fmt::Debug for Inputs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Inputs").field("desired", &self.desired).finish_non_exhaustive()
    }
}

impl Snapshot {
    fn job(&self, now: u32, thorough: bool) -> Job {
        Job { desired: Arc::clone(&self.desired), conditions: self.conditions.clone(), now, thorough }
    }
}

impl SharedDatapath {
    /// Runs blocking work on the data path.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&mut dyn Datapath) -> T + Send + 'static) -> T {
        let datapath = Arc::clone(&self.0);
        let task = spawn_blocking(move || {
            let mut datapath = datapath.lock().unwrap_or_else(PoisonError::into_inner);
            work(datapath.as_mut())
        });
        match task.await.map_err(tokio::task::JoinError::try_into_panic) {
            Ok(outcome) => outcome,
            Err(Ok(panic)) => resume_unwind(panic),
            // Only a runtime that shuts down cancels it, and that ends this task as well.
            Err(Err(_)) => std::future::pending().await,
        }
    }
}

impl fmt::Debug for SharedDatapath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SharedDatapath")
    }
}

#[cfg(test)]
mod tests;
