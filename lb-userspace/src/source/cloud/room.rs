// SPDX-License-Identifier: MIT OR Apache-2.0
//! What of the cloud's load balancers has a place on this balancer at all: families that it has source addresses of, and
//! entries in its tables. Pure.

use std::collections::HashSet;
use std::net::IpAddr;

use super::admit::Candidate;
use super::refusal::Refusal;
use crate::model::spec::LoadBalancerSpec;
use crate::model::{Balancer, Sources, TableSizes};

/// The candidates that fit. Where the tables are too small, those that are served already go before new ones.
pub(super) fn fit(
    balancer: &Balancer,
    mut candidates: Vec<Candidate>,
    in_force: &[LoadBalancerSpec],
    refused: &mut Vec<Refusal>,
) -> Vec<Candidate> {
    let served: HashSet<&str> = in_force.iter().map(|spec| spec.label.as_str()).collect();
    candidates.sort_by_key(|candidate| !served.contains(candidate.subject.id.as_str()));
    let mut used = Used::default();
    candidates.retain(|candidate| {
        let fits = used.add(candidate, &balancer.tables);
        if !fits {
            let why = "has no room in the tables, so that it is not served";
            let fix = "enlarge balancer.tables, or spread the load balancers over several balancers";
            refused.push(candidate.subject.refuse("", why, fix));
        }
        fits
    });
    candidates
}

/// What of the tables is taken.
#[derive(Default)]
struct Used {
    services: usize,
    backends: usize,
    /// Networks of firewall rules, IPv4 and IPv6; who admits the same ones shares them.
    networks: [usize; 2],
    lists: HashSet<Sources>,
}

impl Used {
    /// Takes the room of one, if there is as much.
    fn add(&mut self, candidate: &Candidate, tables: &TableSizes) -> bool {
        let spec = &candidate.spec;
        let services = self.services + spec.forwarding_rules.len() * spec.vips.len();
        let backends = self.backends + spec.instances.iter().map(|one| one.addresses.len()).sum::<usize>();
        let own: HashSet<&Sources> = candidate.firewall.values().collect();
        let new: Vec<Sources> = own.into_iter().filter(|list| !self.lists.contains(*list)).cloned().collect();
        let mut networks = self.networks;
        for network in new.iter().flat_map(|list| list.iter()) {
            networks[usize::from(network.is_ipv6())] += 1;
        }
        let fits = services <= tables.services as usize
            && backends <= tables.backends as usize
            && networks.iter().all(|&count| count <= tables.firewall_networks as usize);
        if fits {
            (self.services, self.backends, self.networks) = (services, backends, networks);
            self.lists.extend(new);
        }
        fits
    }
}

/// Takes out addresses of a family that this machine has no source address of, since instances could not answer.
pub(super) fn families(balancer: &Balancer, candidate: &mut Candidate, refused: &mut Vec<Refusal>) {
    let Candidate { subject, spec, before, .. } = candidate;
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
