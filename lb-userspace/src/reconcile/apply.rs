// SPDX-License-Identifier: MIT OR Apache-2.0
//! Applying a plan.

use super::plan::Plan;
use crate::datapath::{Datapath, DatapathError};

/// What came of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Changes that were made.
    pub changes: usize,
}

/// A plan that stopped half-way. The data path is whole; a new plan, made from what it holds now, goes on.
#[derive(Debug, thiserror::Error)]
#[error("step {} of {steps} ({change}) failed", .applied + 1)]
pub struct ApplyError {
    /// Changes that were made before.
    pub applied: usize,
    /// Changes in the plan.
    pub steps: usize,
    /// The change that failed.
    pub change: String,
    /// Why.
    #[source]
    pub source: DatapathError,
}

/// Makes the changes of a plan in their order, up to the first that fails: later ones rely on it.
pub fn apply(datapath: &mut dyn Datapath, plan: &Plan) -> Result<Applied, ApplyError> {
    for (applied, change) in plan.changes.iter().enumerate() {
        datapath.apply(change).map_err(|source| ApplyError {
            applied,
            steps: plan.changes.len(),
            change: change.to_string(),
            source,
        })?;
    }
    Ok(Applied { changes: plan.changes.len() })
}
