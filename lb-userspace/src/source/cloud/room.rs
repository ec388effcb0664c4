// SPDX-License-Identifier: MIT OR Apache-2.0
//! What of the cloud's load balancers has a place on this balancer at all: families that it has source addresses of, and
//! entries in its tables. Pure.

use std::collections::HashSet;
use std::net::IpAddr;

use super::admit::Candidate;
use super::refusal::Refusal;
use crate::model::Balancer;
use crate::model::spec::LoadBalancerSpec;

/// The candidates that fit. Where the tables are too small, those that are served already go before new ones.
pub(super) fn fit(
    balancer: &Balancer,
    mut candidates: Vec<Candidate>,
    in_force: &[LoadBalancerSpec],
    refused: &mut Vec<Refusal>,
) -> Vec<Candidate> {
    let served: HashSet<&str> = in_force.iter().map(|spec| spec.label.as_str()).collect();
    candidates.sort_by_key(|candidate| !served.contains(candidate.subject.id.as_str()));
    let mut left = (balancer.tables.services as usize, balancer.tables.backends as usize);
    candidates.retain(|candidate| {
        let rest = take(left, &candidate.spec);
        if rest.is_none() {
            let why = "has no room in the tables, so that it is not served";
            let fix = "enlarge balancer.tables, or spread the load balancers over several balancers";
            refused.push(candidate.subject.refuse("", why, fix));
        }
        left = rest.unwrap_or(left);
        rest.is_some()
    });
    candidates
}

/// What is left of (services, backends) with this one placed.
fn take(left: (usize, usize), spec: &LoadBalancerSpec) -> Option<(usize, usize)> {
    let services = spec.forwarding_rules.len() * spec.vips.len();
    let backends: usize = spec.instances.iter().map(|instance| instance.addresses.len()).sum();
    Some((left.0.checked_sub(services)?, left.1.checked_sub(backends)?))
}

/// Takes out addresses of a family that this machine has no source address of, since instances could not answer.
pub(super) fn families(balancer: &Balancer, candidate: &mut Candidate, refused: &mut Vec<Refusal>) {
    let Candidate { subject, spec, before } = candidate;
    let why = "is of a family that this balancer has no source address of";
    let refuse = |vip| subject.refuse(format!("address {vip}"), why, "add one to balancer.snat_addresses");
    refused.extend(without_unusable(balancer, spec).into_iter().map(refuse));
    if let Some(before) = before {
        without_unusable(balancer, before);
    }
}

/// Takes them out of one; returns the VIPs among them.
fn without_unusable(balancer: &Balancer, spec: &mut LoadBalancerSpec) -> Vec<String> {
    let usable = |text: &String| {
        let Ok(address) = text.parse::<IpAddr>() else { return true };
        balancer.snat_addresses.iter().any(|source| source.is_ipv4() == address.is_ipv4())
    };
    for instance in &mut spec.instances {
        // One whose last address would go is left for validation, which names it.
        if instance.addresses.iter().any(usable) {
            instance.addresses.retain(usable);
        }
    }
    let (vips, unusable) = spec.vips.drain(..).partition(usable);
    spec.vips = vips;
    unusable
}
