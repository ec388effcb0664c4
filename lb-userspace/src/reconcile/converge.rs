// SPDX-License-Identifier: MIT OR Apache-2.0
//! One reconcile: plan and apply until nothing is left to do.

use std::sync::Arc;

use super::apply::{ApplyError, apply};
use super::conditions::Conditions;
use super::diff::diff;
use super::index::Assignments;
use super::plan::Plan;
use super::status::{OpenDrain, open_drains};
use crate::datapath::{Datapath, DatapathError};
use crate::model::DesiredState;

/// Plans in a row. A first one does the work, a second gives up slots without flows, a third uses the room; more than
/// this means that somebody works against us.
const PLANS: usize = 8;

/// Lines of plans that are kept for operators.
const LINES: usize = 1000;

/// What is to hold, and when.
#[derive(Clone, Debug)]
pub struct Job {
    /// What is desired.
    pub desired: Arc<DesiredState>,
    /// What bears on it.
    pub conditions: Conditions,
    /// Seconds on the boot clock.
    pub now: u32,
    /// Whether to look at every table's content.
    pub thorough: bool,
}

/// What was done.
#[derive(Debug, Default)]
pub struct Done {
    /// Changes made.
    pub applied: usize,
    /// Changes that desire and conditions do not account for, if they are what they were.
    pub repairs: usize,
    /// The plans, a line a change.
    pub lines: Vec<String>,
    /// What had no room.
    pub unplaced: Vec<String>,
}

/// What holds once nothing is left to do.
#[derive(Debug, Default)]
pub struct Converged {
    /// Who has which index.
    pub assignments: Arc<Assignments>,
    /// Drains under way.
    pub drains: Vec<OpenDrain>,
}

/// Why a reconcile did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The data path could not be read.
    #[error("reading the data path failed")]
    Observe(#[source] DatapathError),
    /// A change could not be made.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// There was always more to do.
    #[error("the data path changes as fast as it is repaired; is another lbd running on the same maps?")]
    Restless,
}

/// Reconciles. What was done before a failure stands in `done` too.
pub fn converge(
    datapath: &mut dyn Datapath,
    job: &Job,
    done: &mut Done,
) -> Result<Converged, ReconcileError> {
    for attempt in 0..PLANS {
        // What a plan has just written need not be read back in full.
        let thorough = job.thorough && attempt == 0;
        let observed = datapath.observe(thorough).map_err(ReconcileError::Observe)?;
        let plan = diff(&job.desired, &job.conditions, &observed, job.now);
        done.note(&plan);
        if plan.is_empty() {
            let assignments = Arc::new(Assignments::of(&job.desired, &observed));
            let drains = open_drains(&assignments, &observed);
            return Ok(Converged { assignments, drains });
        }
        let applied = apply(datapath, &plan);
        done.applied += applied.as_ref().map_or_else(|error| error.applied, |applied| applied.changes);
        applied?;
    }
    Err(ReconcileError::Restless)
}

impl Done {
    fn note(&mut self, plan: &Plan) {
        self.repairs += plan.repairs();
        self.unplaced = plan.unplaced.iter().map(ToString::to_string).collect();
        let room = LINES.saturating_sub(self.lines.len());
        self.lines.extend(plan.changes.iter().take(room).map(ToString::to_string));
    }
}
