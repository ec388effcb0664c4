// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the cloud's load balancer to ours. Pure, and total: whatever the object says has its place in the spec, where
//! validation judges it as it judges a file; only what needs a look elsewhere is judged here.
//!
//! The label is the cloud's id: it is unique and stays, while labels of the cloud are neither. The number of `nodes` is
//! about the cloud's own machines. What concerns only `http` and `https` rules (cookie, redirect, HTTP/2 and 3,
//! certificates) has no place yet, since those rules are refused one by one until the proxy serves them.

use super::directory::{Directory, Unresolved};
use super::refusal::{Refusal, Subject};
use crate::model::spec::{
    FirewallRuleSpec, ForwardingRuleSpec, HealthCheckSpec, InstanceSpec, LoadBalancerSpec,
};
use crate::wire::{FirewallRule, ForwardingRule, HealthCheck, LoadBalancer, ProbeProtocol};

/// A load balancer as ours, and what of it could not be had.
#[derive(Clone, Debug, PartialEq)]
pub struct Converted {
    /// Who it is.
    pub subject: Subject,
    /// What it is to be; not proved yet. None while it has no address.
    pub spec: Option<LoadBalancerSpec>,
    /// What is left out.
    pub refused: Vec<Refusal>,
}

/// Converts one load balancer.
pub fn convert(balancer: &LoadBalancer, directory: &Directory) -> Converted {
    let subject = Subject { id: balancer.id.clone(), name: balancer.label.clone() };
    let vips: Vec<String> = [&balancer.ipv4, &balancer.ipv6]
        .into_iter()
        .filter(|address| !address.is_empty() && *address != "0.0.0.0" && *address != "::")
        .cloned()
        .collect();
    if vips.is_empty() {
        let why = format!("has no address yet, its status is {}", balancer.status);
        let refused = vec![subject.refuse("", why, "wait until the cloud has made it")];
        return Converted { subject, spec: None, refused };
    }
    let mut refused = Vec::new();
    let info = &balancer.generic_info;
    let spec = LoadBalancerSpec {
        label: balancer.id.clone(),
        vips,
        balancing_algorithm: Some(info.balancing_algorithm.as_str().to_owned())
            .filter(|word| !word.is_empty()),
        timeout: written(info.timeout),
        drain_timeout: None,
        all_down: None,
        proxy_protocol: info.proxy_protocol.then_some(true),
        forwarding_rules: balancer.forwarding_rules.iter().map(forwarding_rule).collect(),
        health_check: balancer.health_check.as_ref().map(health_check),
        instances: instances(balancer, directory, &subject, &mut refused),
        firewall_rules: firewall_rules(&balancer.firewall_rules),
        new_flows_per_second: None,
        new_flows_per_second_per_source: None,
        mss: None,
    };
    Converted { subject, spec: Some(spec), refused }
}

/// A number; zero is how the API says that none is written.
fn written(number: i64) -> Option<i64> {
    (number != 0).then_some(number)
}

fn forwarding_rule(rule: &ForwardingRule) -> ForwardingRuleSpec {
    ForwardingRuleSpec {
        frontend_protocol: rule.frontend_protocol.to_string(),
        frontend_port: rule.frontend_port,
        backend_protocol: rule.backend_protocol.to_string(),
        backend_port: rule.backend_port,
    }
}

fn firewall_rules(rules: &[FirewallRule]) -> Option<Vec<FirewallRuleSpec>> {
    let convert = |rule: &FirewallRule| FirewallRuleSpec {
        port: rule.port,
        source: rule.source.clone(),
        ip_type: rule.ip_type.to_string(),
    };
    (!rules.is_empty()).then(|| rules.iter().map(convert).collect())
}

/// A check by tcp has no path, whatever the cloud keeps there; an answer may not take longer than until the next probe.
fn health_check(check: &HealthCheck) -> HealthCheckSpec {
    let path = (check.protocol != ProbeProtocol::Tcp && !check.path.is_empty()).then(|| check.path.clone());
    let interval = written(check.check_interval);
    HealthCheckSpec {
        protocol: check.protocol.to_string(),
        port: check.port,
        path,
        check_interval: interval,
        response_timeout: written(check.response_timeout)
            .map(|timeout| interval.map_or(timeout, |interval| timeout.min(interval))),
        unhealthy_threshold: written(check.unhealthy_threshold),
        healthy_threshold: written(check.healthy_threshold),
    }
}

fn instances(
    balancer: &LoadBalancer,
    directory: &Directory,
    subject: &Subject,
    refused: &mut Vec<Refusal>,
) -> Vec<InstanceSpec> {
    // The cloud's list is a set in no order; in ours a change of order would be a change.
    let mut ids: Vec<&String> = balancer.instances.iter().collect();
    ids.sort_unstable();
    ids.dedup();
    let network = balancer.generic_info.network();
    let mut instances = Vec::with_capacity(ids.len());
    for id in ids {
        match directory.resolve(id, network) {
            Ok(addresses) => instances.push(InstanceSpec {
                label: id.clone(),
                addresses: addresses.iter().map(ToString::to_string).collect(),
                weight: None,
            }),
            Err(reason) => refused.push(unresolved(subject, id, network.unwrap_or_default(), reason)),
        }
    }
    instances
}

fn unresolved(subject: &Subject, id: &str, network: &str, reason: Unresolved) -> Refusal {
    let part = format!("instance {id}");
    match reason {
        Unresolved::Unknown => {
            subject.refuse(part, "is neither an instance nor a bare metal of the account", "detach it")
        }
        Unresolved::NotInVpc => {
            let why = format!("has no address in the VPC {network}");
            subject.refuse(part, why, "attach it to the VPC, or detach it from the load balancer")
        }
        Unresolved::NotPublic => subject.refuse(
            part,
            "has no public address",
            "give it one, or put the load balancer into its VPC",
        ),
    }
}

#[cfg(test)]
mod tests;
