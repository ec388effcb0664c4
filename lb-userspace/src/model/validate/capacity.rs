// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether the tables have room for what is desired.

use std::collections::BTreeSet;

use super::balancer::BalancerDraft;
use super::load_balancer::LoadBalancerDraft;
use crate::model::Sources;
use crate::model::path::Path;
use crate::model::problem::Problems;
use crate::model::spec::bounds::{self, Bounds};

/// Compares what the load balancers need with the sizes of the tables.
pub(super) fn check(balancer: &BalancerDraft, drafts: &[LoadBalancerDraft], problems: &mut Problems) {
    let Some(tables) = balancer.tables else { return };
    let services = drafts.iter().map(|draft| draft.rules.len() * draft.vips.len()).sum();
    room("services", tables.services, services, &bounds::SERVICES, problems);
    let instances = drafts.iter().flat_map(|draft| &draft.instances);
    let backends = instances.map(|instance| instance.addresses.len()).sum();
    room("backends", tables.backends, backends, &bounds::BACKENDS, problems);
    let lists: BTreeSet<&Sources> = drafts
        .iter()
        .filter_map(|draft| draft.policy.as_ref())
        .flat_map(|policy| policy.firewall.values())
        .collect();
    let networks = [false, true].map(|v6| {
        lists.iter().flat_map(|list| list.iter()).filter(|network| network.is_ipv6() == v6).count()
    });
    let most = networks.into_iter().max().unwrap_or_default();
    room("firewall_networks", tables.firewall_networks, most, &bounds::FIREWALL_NETWORKS, problems);
}

fn room(table: &str, size: u32, needed: usize, bounds: &Bounds, problems: &mut Problems) {
    if needed <= size as usize {
        return;
    }
    let fix = if i64::try_from(needed).is_ok_and(|needed| bounds.contain(needed)) {
        format!("write at least {needed}")
    } else {
        format!(
            "spread the load balancers over several balancers: a table has at most {} entries",
            bounds.max
        )
    };
    let message = format!("is too small for the {needed} {table} that the load balancers make");
    problems.value(&Path::BALANCER.key("tables").key(table), size, message, fix);
}
