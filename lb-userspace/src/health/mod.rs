// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which backends answer. Every backend of a load balancer with a health check is probed at its interval; the results
//! become a verdict, and the verdicts a report that reconciliation and operators read.
//!
//! ```text
//! SourceState -> roster::sync -> one worker per backend --probe--> backend
//!                                   | Finding
//!                                   v
//!                 roster::record -> state machine -> HealthReport -> reconcile, observe
//! ```
//!
//! [`state`], [`schedule`], [`roster`] and [`pace`] are pure; [`probe`] talks to backends; [`driver`] owns the tasks.
//!
//! *Invariant:* only an answer, or its absence, changes a verdict. A probe that could not be made for reasons of our
//! own, such as no free file descriptor, says so in the report and leaves the verdict alone.

pub mod pace;
pub mod roster;
pub mod schedule;
pub mod state;

pub mod probe;

pub mod driver;
mod worker;

#[cfg(test)]
mod testing;

use std::collections::BTreeMap;
use std::time::SystemTime;

use crate::model::BackendId;
use crate::reconcile::conditions::Verdict;

/// What is known of every backend that is probed. One without a health check is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthReport {
    /// By backend.
    pub backends: BTreeMap<BackendId, BackendHealth>,
}

/// What is known of one backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendHealth {
    /// The verdict; none before the first result.
    pub verdict: Option<Verdict>,
    /// Since when the verdict is what it is.
    pub since: SystemTime,
    /// Why the last probe failed, if it did.
    pub last_error: Option<String>,
    /// Results in a row that speak against the verdict; at the check's threshold it turns.
    pub consecutive: u32,
    /// Probes with a result so far.
    pub probes: u64,
    /// Those of them that failed.
    pub failures: u64,
}
