// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who is probed, by which check, and what is known of each. Pure: findings and the time go in, who starts and who
//! stops comes out.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::SystemTime;

use super::state::{Outcome, State, Thresholds};
use super::{BackendHealth, HealthReport};
use crate::model::{BackendId, DesiredState, HealthCheck};
use crate::reconcile::conditions::Verdict;

/// Every backend that is probed.
#[derive(Debug, Default)]
pub struct Roster {
    members: BTreeMap<BackendId, Member>,
    last_ticket: u64,
}

#[derive(Debug)]
struct Member {
    check: Arc<HealthCheck>,
    ticket: u64,
    state: State,
    health: BackendHealth,
}

/// A backend that is to be probed from now on.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// The backend.
    pub backend: BackendId,
    /// How it is probed.
    pub check: Arc<HealthCheck>,
    /// Names this assignment in its findings: those of an earlier one come too late.
    pub ticket: u64,
}

/// What a new desired state changes.
#[derive(Debug, Default)]
pub struct Changes {
    /// Takes the place of the backend's earlier assignment, if there is one.
    pub start: Vec<Assignment>,
    /// Not probed any more.
    pub stop: Vec<BackendId>,
}

/// How a probe ended.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The backend.
    pub backend: BackendId,
    /// The assignment it was probed under.
    pub ticket: u64,
    /// What came out.
    pub result: ProbeResult,
}

/// What came out of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeResult {
    /// The backend answered as it should.
    Passed,
    /// It did not, for this reason.
    Failed(String),
    /// It was not asked, for a reason of our own; says nothing about the backend.
    NotAsked(String),
}

/// What a finding did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: it belongs to an assignment that has ended.
    Stale,
    /// Counters moved.
    Counted,
    /// The verdict turned to this one.
    Turned(Verdict),
}

impl Roster {
    /// Takes over a desired state. A backend whose check is unchanged is left alone; one whose check changed keeps its
    /// verdict until the new check has a result.
    pub fn sync(&mut self, desired: &DesiredState, now: SystemTime) -> Changes {
        let wanted = checks(desired);
        let stop: Vec<_> = self.members.keys().filter(|id| !wanted.contains_key(*id)).cloned().collect();
        for backend in &stop {
            self.members.remove(backend);
        }
        let start =
            wanted.into_iter().filter_map(|(backend, check)| self.assign(backend, check, now)).collect();
        Changes { start, stop }
    }

    fn assign(&mut self, backend: BackendId, check: Arc<HealthCheck>, now: SystemTime) -> Option<Assignment> {
        let ticket = self.last_ticket + 1;
        match self.members.entry(backend.clone()) {
            Entry::Occupied(entry) if entry.get().check == check => return None,
            Entry::Occupied(mut entry) => {
                let member = entry.get_mut();
                member.check = Arc::clone(&check);
                member.ticket = ticket;
                member.state = member.state.restarted();
                member.health.consecutive = 0;
            }
            Entry::Vacant(entry) => {
                let check = Arc::clone(&check);
                entry.insert(Member { check, ticket, state: State::NEW, health: BackendHealth::new(now) });
            }
        }
        self.last_ticket = ticket;
        Some(Assignment { backend, check, ticket })
    }

    /// Takes in a finding.
    pub fn record(&mut self, finding: Finding, now: SystemTime) -> Effect {
        match self.members.get_mut(&finding.backend) {
            Some(member) if member.ticket == finding.ticket => member.record(finding.result, now),
            Some(_) | None => Effect::Stale,
        }
    }

    /// What is known of everyone.
    pub fn report(&self) -> HealthReport {
        let backends = self.members.iter().map(|(id, member)| (id.clone(), member.health.clone()));
        HealthReport { backends: backends.collect() }
    }
}

impl Member {
    fn record(&mut self, result: ProbeResult, now: SystemTime) -> Effect {
        let (outcome, error) = match result {
            ProbeResult::Passed => (Outcome::Pass, None),
            ProbeResult::Failed(why) => (Outcome::Fail, Some(why)),
            ProbeResult::NotAsked(why) => {
                self.health.last_error = Some(why);
                return Effect::Counted;
            }
        };
        self.state = self.state.after(outcome, Thresholds::from(self.check.as_ref()));
        self.health.last_error = error;
        self.health.consecutive = self.state.consecutive();
        self.health.probes += 1;
        self.health.failures += u64::from(outcome == Outcome::Fail);
        match self.state.verdict() {
            Some(verdict) if self.health.verdict != Some(verdict) => {
                self.health.verdict = Some(verdict);
                self.health.since = now;
                Effect::Turned(verdict)
            }
            Some(_) | None => Effect::Counted,
        }
    }
}

impl BackendHealth {
    fn new(now: SystemTime) -> Self {
        Self { verdict: None, since: now, last_error: None, consecutive: 0, probes: 0, failures: 0 }
    }
}

impl From<&HealthCheck> for Thresholds {
    fn from(check: &HealthCheck) -> Self {
        Self { unhealthy: check.unhealthy_threshold, healthy: check.healthy_threshold }
    }
}

/// The check of every backend that has one.
fn checks(desired: &DesiredState) -> BTreeMap<BackendId, Arc<HealthCheck>> {
    let mut checks = BTreeMap::new();
    for load_balancer in &desired.load_balancers {
        let Some(check) = &load_balancer.health_check else { continue };
        let check = Arc::new(check.clone());
        checks.extend(load_balancer.backends().map(|(backend, _)| (backend, Arc::clone(&check))));
    }
    checks
}

#[cfg(test)]
mod tests;
