// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether the tables have room for what is desired.

use super::balancer::BalancerDraft;
use super::load_balancer::LoadBalancerDraft;
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
