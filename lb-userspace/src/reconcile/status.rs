// SPDX-License-Identifier: MIT OR Apache-2.0
//! What observers are told of reconciliation.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lb_common::abi::BackendEntry;

use super::index::Assignments;
use crate::datapath::{Observed, backend_address};
use crate::model::BackendId;

/// How reconciliation stands.
#[derive(Clone, Debug, Default)]
pub struct ReconcileStatus {
    /// The revision of the desired state that the data path has taken in full; 0 before the first.
    pub revision: u64,
    /// Reconciles that succeeded.
    pub successes: u64,
    /// Reconciles that failed.
    pub failures: u64,
    /// Why the last one failed, if it did.
    pub last_error: Option<String>,
    /// When the last success was.
    pub last_success: Option<SystemTime>,
    /// Changes made so far.
    pub applied_changes: u64,
    /// Those of them that set right what somebody else did to the data path.
    pub repaired_changes: u64,
    /// What the data path has no room for, each with the fix.
    pub unplaced: Vec<String>,
    /// The last plan that had anything to do, one line a change.
    pub last_plan: Vec<String>,
    /// Who has which index.
    pub assignments: Arc<Assignments>,
    /// How long the last reconcile took.
    pub duration: Duration,
    /// Backends whose flows are to end at a deadline.
    pub drains: Vec<OpenDrain>,
}

/// A backend whose flows are to end at a deadline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenDrain {
    /// Its slot.
    pub slot: u32,
    /// Which one it is; none when it is not desired any more.
    pub backend: Option<BackendId>,
    /// Its address.
    pub address: IpAddr,
    /// The deadline, in seconds on the boot clock.
    pub until: u32,
    /// Flows that are open.
    pub open_flows: u32,
}

/// The drains under way, by slot.
pub(super) fn open_drains(assignments: &Assignments, observed: &Observed) -> Vec<OpenDrain> {
    let draining: Vec<_> = observed.backends.iter().filter(|(_, entry)| entry.drain_until != 0).collect();
    if draining.is_empty() {
        return Vec::new();
    }
    let names: HashMap<u32, &BackendId> = assignments.backends.iter().map(|(id, slot)| (*slot, id)).collect();
    let drain = |(slot, entry): (&u32, &BackendEntry)| OpenDrain {
        slot: *slot,
        backend: names.get(slot).map(|id| (*id).clone()),
        address: backend_address(entry),
        until: entry.drain_until,
        open_flows: observed.open_flows.get(slot).copied().unwrap_or(0),
    };
    draining.into_iter().map(drain).collect()
}
