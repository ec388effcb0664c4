// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the parts say, put together as one [`Status`]. Pure.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use lb_common::abi::Algorithm;
use lb_common::reason::Reason;

use super::api::{
    BackendState, BackendStatus, CloudView, DaemonStatus, HealthStatus, LoadBalancerStatus, Part, Readiness,
    ReasonStatus, ReconcileView, RemovedBackend, ServiceStatus, SourceStatus, Status,
};
use super::drains::DrainSet;
use crate::datapath::ServiceId;
use crate::datapath::view::{Counters, Facts};
use crate::health::{BackendHealth, HealthReport};
use crate::model::{BackendId, DesiredState, HealthCheck, Instance, LoadBalancer, Probe, Weight};
use crate::reconcile::conditions::Verdict;
use crate::reconcile::driver::{OpenDrain, ReconcileStatus};
use crate::reconcile::index::Assignments;
use crate::source::cloud::CloudStatus;

/// What the parts say at one moment.
#[derive(Debug)]
pub struct Parts<'a> {
    /// The process.
    pub daemon: DaemonStatus,
    /// The file.
    pub source: SourceStatus,
    /// The cloud, if one is followed.
    pub cloud: Option<CloudView>,
    /// The cloud's users' names for load balancers, by label.
    pub names: &'a BTreeMap<String, String>,
    /// What is desired.
    pub desired: &'a DesiredState,
    /// How reconciliation went.
    pub reconcile: ReconcileView,
    /// Where services and backends are in the maps.
    pub assignments: &'a Assignments,
    /// Backends whose flows are to end at a deadline.
    pub draining: &'a [OpenDrain],
    /// What the health checks found.
    pub health: &'a HealthReport,
    /// The operator's drains.
    pub drains: &'a DrainSet,
    /// How the program is attached.
    pub facts: Facts,
    /// The counters, or why they cannot be read.
    pub counters: Result<Counters, String>,
    /// Seconds on the boot clock.
    pub now: u32,
}

/// Puts them together.
pub fn assemble(parts: Parts<'_>) -> Status {
    let (counters, datapath_error) = match &parts.counters {
        Ok(counters) => (counters, None),
        Err(error) => (&Counters::default(), Some(error.clone())),
    };
    let view = View { parts: &parts, counters };
    let load_balancers =
        parts.desired.load_balancers.iter().map(|balancer| view.load_balancer(balancer)).collect();
    let removed_backends = view.removed_backends();
    let reasons = reasons(counters);
    let Parts { daemon, source, cloud, reconcile, facts: datapath, .. } = parts;
    Status {
        daemon,
        source,
        cloud,
        reconcile,
        datapath,
        datapath_error,
        load_balancers,
        removed_backends,
        reasons,
    }
}

/// Whether traffic is balanced as desired. A bad file is said, but does not count: the last good state is in force.
pub fn readiness(status: &Status) -> Readiness {
    let source = (!status.source.ok).then(|| {
        let problems = status.source.problems.join("; ");
        format!("{} is bad and the last good state is in force: {problems}", status.source.file)
    });
    let cloud = status.cloud.as_ref().and_then(|cloud| {
        let error = cloud.error.as_ref()?;
        Some(format!("the last good answer of {} is in force: {error}", cloud.url))
    });
    let source = match (source, cloud) {
        (Some(file), Some(cloud)) => Some(format!("{file}; {cloud}")),
        (file, cloud) => file.or(cloud),
    };
    let reconcile = match (&status.reconcile.last_error, status.reconcile.last_success) {
        (Some(error), _) => Some(error.clone()),
        (None, None) => Some("the kernel has not been brought to the desired state yet".to_owned()),
        (None, Some(_)) if !status.reconcile.unplaced.is_empty() => {
            Some(status.reconcile.unplaced.join("; "))
        }
        (None, Some(_)) => None,
    };
    let detached =
        status.datapath.interfaces.is_empty().then(|| "no interface carries the program".to_owned());
    let (reconcile, datapath) =
        (Part::unless(reconcile), Part::unless(status.datapath_error.clone().or(detached)));
    Readiness { ready: reconcile.ok && datapath.ok, source: Part::unless(source), reconcile, datapath }
}

/// What following a cloud says of itself; none where none is followed.
pub fn cloud_view(status: &CloudStatus) -> Option<CloudView> {
    Some(CloudView {
        url: status.url.clone()?,
        polls: status.polls,
        failures: status.failures,
        requests: status.requests,
        last_success: status.last_success.map(unix_seconds),
        error: status.error.clone(),
        refused: status.refused.clone(),
    })
}

/// What reconciliation says of itself.
pub fn reconcile_view(status: &ReconcileStatus) -> ReconcileView {
    ReconcileView {
        revision: status.revision,
        last_success: status.last_success.map(unix_seconds),
        successes: status.successes,
        errors: status.failures,
        changes: status.applied_changes,
        repaired: status.repaired_changes,
        last_error: status.last_error.clone(),
        unplaced: status.unplaced.clone(),
    }
}

/// Every reason with its count.
pub fn reasons(counters: &Counters) -> Vec<ReasonStatus> {
    let status = |reason: &Reason| {
        let tally = counters.reasons.get(reason).copied().unwrap_or_default();
        ReasonStatus {
            number: *reason as u32,
            name: reason.name().to_owned(),
            outcome: reason.outcome().name().to_owned(),
            meaning: reason.meaning().trim().to_owned(),
            packets: tally.packets,
            bytes: tally.bytes,
        }
    };
    Reason::ALL.iter().map(status).collect()
}

/// The parts with the counters that could be read.
struct View<'a> {
    parts: &'a Parts<'a>,
    counters: &'a Counters,
}

impl View<'_> {
    fn load_balancer(&self, balancer: &LoadBalancer) -> LoadBalancerStatus {
        LoadBalancerStatus {
            label: balancer.label.clone(),
            name: self.parts.names.get(balancer.label.as_str()).cloned(),
            algorithm: algorithm(balancer.algorithm).to_owned(),
            health_check: balancer.health_check.as_ref().map(check),
            services: self.services(balancer),
            backends: balancer
                .backends()
                .map(|(id, instance)| self.backend(balancer, id, instance))
                .collect(),
        }
    }

    fn removed_backends(&self) -> Vec<RemovedBackend> {
        let removed = self.parts.draining.iter().filter(|drain| drain.backend.is_none());
        let status = removed.map(|drain| RemovedBackend {
            address: drain.address,
            state: BackendState::Draining,
            drain_seconds_left: drain.until.saturating_sub(self.parts.now),
            open_flows: self.counters.open_flows.get(&drain.slot).copied().unwrap_or(0),
            traffic: self.counters.backends.get(&drain.slot).copied().unwrap_or_default().into(),
        });
        status.collect()
    }

    fn services(&self, balancer: &LoadBalancer) -> Vec<ServiceStatus> {
        let pairs = balancer
            .forwarding_rules
            .iter()
            .flat_map(|rule| balancer.vips.iter().map(move |vip| (rule, *vip)));
        let status = pairs.map(|(rule, vip)| {
            let id = ServiceId { vip, protocol: rule.protocol, port: rule.frontend_port };
            let index = self.parts.assignments.services.get(&id);
            ServiceStatus {
                protocol: rule.protocol,
                vip,
                port: rule.frontend_port.get(),
                backend_port: rule.backend_port.get(),
                traffic: index
                    .map(|index| self.counters.services.get(index).copied().unwrap_or_default().into()),
            }
        });
        status.collect()
    }

    fn backend(&self, balancer: &LoadBalancer, id: BackendId, instance: &Instance) -> BackendStatus {
        let slot = self.parts.assignments.backends.get(&id);
        let health = self.parts.health.backends.get(&id);
        let drain = self.parts.drains.get(&id);
        BackendStatus {
            instance: instance.label.clone(),
            weight: instance.weight.number(),
            state: if drain.is_some() || instance.weight == Weight::ZERO {
                BackendState::Draining
            } else {
                checked_state(balancer, health)
            },
            drain_seconds_left: drain.map(|drain| drain.until.saturating_sub(self.parts.now)),
            health: health.map(health_status),
            open_flows: slot.and_then(|slot| self.counters.open_flows.get(slot)).copied().unwrap_or(0),
            traffic: slot.map(|slot| self.counters.backends.get(slot).copied().unwrap_or_default().into()),
            id,
        }
    }
}

fn checked_state(balancer: &LoadBalancer, health: Option<&BackendHealth>) -> BackendState {
    match (&balancer.health_check, health.and_then(|health| health.verdict)) {
        (None, _) | (Some(_), Some(Verdict::Up)) => BackendState::Up,
        (Some(_), Some(Verdict::Down)) => BackendState::Down,
        (Some(_), None) => BackendState::Unknown,
    }
}

fn health_status(health: &BackendHealth) -> HealthStatus {
    HealthStatus {
        healthy: health.verdict.map(|verdict| verdict == Verdict::Up),
        since: unix_seconds(health.since),
        consecutive: health.consecutive,
        probes: health.probes,
        failures: health.failures,
        last_error: health.last_error.clone(),
    }
}

/// Seconds since 1970; 0 for what was before.
pub fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// An algorithm by the API's name.
pub const fn algorithm(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::RoundRobin => "roundrobin",
        Algorithm::LeastConn => "leastconn",
        Algorithm::Maglev => "maglev",
        Algorithm::Source => "source",
    }
}

fn check(check: &HealthCheck) -> String {
    let every = check.check_interval.as_secs();
    match &check.probe {
        Probe::Tcp => format!("tcp port {} every {every} s", check.port),
        Probe::Http { path } => format!("http port {} {path} every {every} s", check.port),
        Probe::Https { path } => format!("https port {} {path} every {every} s", check.port),
    }
}

#[cfg(test)]
mod tests;
