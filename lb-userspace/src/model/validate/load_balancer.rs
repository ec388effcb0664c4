// SPDX-License-Identifier: MIT OR Apache-2.0
//! One load balancer and its instances.

use std::net::IpAddr;
use std::time::Duration;

use lb_common::abi::Algorithm;

use super::firewall::{self, Ranges};
use super::{address, health_check, number, rule, word};
use crate::model::path::Path;
use crate::model::problem::Problems;
use crate::model::spec::{InstanceSpec, LoadBalancerSpec, bounds};
use crate::model::{AllDown, ForwardingRule, HealthCheck, Instance, Label, LoadBalancer, Policy, Weight};

/// A load balancer as far as it could be read; lists keep the places of the spec.
pub(super) struct LoadBalancerDraft {
    pub(super) label: Option<Label>,
    pub(super) vips: Vec<Option<IpAddr>>,
    algorithm: Option<Algorithm>,
    timeout: Option<Duration>,
    drain_timeout: Option<Duration>,
    all_down: Option<AllDown>,
    pub(super) rules: Vec<Option<ForwardingRule>>,
    health_check: Result<Option<HealthCheck>, Unreadable>,
    pub(super) instances: Vec<InstanceDraft>,
    pub(super) policy: Option<Policy>,
}

/// It was written and has problems.
struct Unreadable;

/// An instance as far as it could be read.
pub(super) struct InstanceDraft {
    pub(super) label: Option<Label>,
    pub(super) addresses: Vec<Option<IpAddr>>,
    weight: Option<Weight>,
}

impl LoadBalancerDraft {
    /// Reads a load balancer, each part on its own.
    pub(super) fn read(
        spec: &LoadBalancerSpec,
        path: &Path<'_>,
        ranges: &Ranges,
        problems: &mut Problems,
    ) -> Self {
        let vips = path.key("vips");
        if spec.vips.is_empty() {
            problems.place(&vips, "must have at least one address", "add one, or remove the load balancer");
        }
        Self {
            label: label(&path.key("label"), &spec.label, problems),
            vips: address::read_all(&vips, &spec.vips, problems),
            algorithm: algorithm(&path.key("balancing_algorithm"), spec, problems),
            timeout: seconds(&path.key("timeout"), spec.timeout, &bounds::TIMEOUT, problems),
            drain_timeout: seconds(
                &path.key("drain_timeout"),
                spec.drain_timeout,
                &bounds::DRAIN_TIMEOUT,
                problems,
            ),
            all_down: all_down(&path.key("all_down"), spec, problems),
            rules: rules(&path.key("forwarding_rules"), spec, problems),
            health_check: match &spec.health_check {
                None => Ok(None),
                Some(check) => {
                    health_check::read(check, &path.key("health_check"), problems).map(Some).ok_or(Unreadable)
                }
            },
            instances: instances(&path.key("instances"), &spec.instances, problems),
            policy: policy(spec, path, ranges, problems),
        }
    }

    /// The load balancer, if nothing is missing.
    pub(super) fn finish(self) -> Option<LoadBalancer> {
        Some(LoadBalancer {
            label: self.label?,
            vips: self.vips.into_iter().collect::<Option<_>>()?,
            algorithm: self.algorithm?,
            timeout: self.timeout?,
            drain_timeout: self.drain_timeout?,
            all_down: self.all_down?,
            forwarding_rules: self.rules.into_iter().collect::<Option<_>>()?,
            health_check: self.health_check.ok()?,
            instances: self.instances.into_iter().map(InstanceDraft::finish).collect::<Option<_>>()?,
            policy: self.policy?,
        })
    }
}

impl InstanceDraft {
    fn read(spec: &InstanceSpec, path: &Path<'_>, problems: &mut Problems) -> Self {
        let list = path.key("addresses");
        let addresses = address::read_all(&list, &spec.addresses, problems);
        one_of_each_family(&list, &addresses, problems);
        Self {
            label: label(&path.key("label"), &spec.label, problems),
            addresses,
            weight: number::<u16>(&path.key("weight"), spec.weight, &bounds::WEIGHT, problems)
                .and_then(Weight::new),
        }
    }

    fn finish(self) -> Option<Instance> {
        Some(Instance {
            label: self.label?,
            addresses: self.addresses.into_iter().collect::<Option<_>>()?,
            weight: self.weight?,
        })
    }
}

fn instances(list: &Path<'_>, specs: &[InstanceSpec], problems: &mut Problems) -> Vec<InstanceDraft> {
    let read = |(index, spec)| InstanceDraft::read(spec, &list.index(index), problems);
    specs.iter().enumerate().map(read).collect()
}

fn rules(list: &Path<'_>, spec: &LoadBalancerSpec, problems: &mut Problems) -> Vec<Option<ForwardingRule>> {
    let proxied = spec.proxy_protocol == Some(true);
    let read = |(index, spec)| rule::read(spec, proxied, &list.index(index), problems);
    spec.forwarding_rules.iter().enumerate().map(read).collect()
}

fn one_of_each_family(list: &Path<'_>, addresses: &[Option<IpAddr>], problems: &mut Problems) {
    if addresses.is_empty() {
        problems.place(list, "must have at least one address", "add one, or remove the instance");
    }
    for (index, address) in addresses.iter().enumerate() {
        let Some(address) = address else { continue };
        let earlier = addresses[..index].iter().flatten();
        if earlier.clone().any(|other| other.is_ipv4() == address.is_ipv4()) {
            let message = "is a second address of one family";
            problems.value(
                &list.index(index),
                address,
                message,
                "make it an instance of its own, or remove it",
            );
        }
    }
}

fn label(path: &Path<'_>, text: &str, problems: &mut Problems) -> Option<Label> {
    let label = Label::new(text);
    if label.is_none() {
        let message = "must be 1 to 253 letters, digits, -, _ and ., starting with a letter or digit";
        problems.value(path, text, message, "choose such a name");
    }
    label
}

fn algorithm(path: &Path<'_>, spec: &LoadBalancerSpec, problems: &mut Problems) -> Option<Algorithm> {
    let known = word(path, spec.balancing_algorithm.as_deref(), &bounds::ALGORITHMS, problems)?;
    [Algorithm::RoundRobin, Algorithm::LeastConn, Algorithm::Maglev, Algorithm::Source].get(known).copied()
}

fn all_down(path: &Path<'_>, spec: &LoadBalancerSpec, problems: &mut Problems) -> Option<AllDown> {
    let known = word(path, spec.all_down.as_deref(), &bounds::ALL_DOWN, problems)?;
    [AllDown::Reject, AllDown::FailOpen].get(known).copied()
}

fn seconds(
    path: &Path<'_>,
    written: Option<i64>,
    bounds: &bounds::Bounds,
    problems: &mut Problems,
) -> Option<Duration> {
    number::<u64>(path, written, bounds, problems).map(Duration::from_secs)
}

fn policy(
    spec: &LoadBalancerSpec,
    path: &Path<'_>,
    ranges: &Ranges,
    problems: &mut Problems,
) -> Option<Policy> {
    let rules = spec.firewall_rules.as_deref().unwrap_or_default();
    let firewall = firewall::read(&path.key("firewall_rules"), rules, ranges, problems);
    let mut rate = |key, written| number(&path.key(key), written, &bounds::NEW_FLOWS, problems);
    let new_flows = rate("new_flows_per_second", spec.new_flows_per_second);
    let new_flows_per_source = rate("new_flows_per_second_per_source", spec.new_flows_per_second_per_source);
    let mss = match spec.mss {
        None => Some(0),
        written => number(&path.key("mss"), written, &bounds::MSS, problems),
    };
    Some(Policy {
        firewall: firewall?,
        new_flows: new_flows?,
        new_flows_per_source: new_flows_per_source?,
        mss: mss?,
    })
}
