// SPDX-License-Identifier: MIT OR Apache-2.0
//! What several parts must agree on. Here: names and addresses that may stand only once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

use lb_common::limits::SNAT_ADDRESSES;

use super::balancer::BalancerDraft;
use super::load_balancer::LoadBalancerDraft;
use super::{families, frontends, roles};
use crate::model::path::Path;
use crate::model::problem::Problems;

/// Checks everything that is not about one part alone.
pub(super) fn check(balancer: &BalancerDraft, drafts: &[LoadBalancerDraft], problems: &mut Problems) {
    once(&Path::SNAT_ADDRESSES, balancer.snat_addresses.iter(), "", problems);
    too_many_snat_addresses(balancer, problems);
    once(&Path::LOAD_BALANCERS, drafts.iter().map(|draft| &draft.label), "label", problems);
    for (index, draft) in drafts.iter().enumerate() {
        within(&Path::LOAD_BALANCERS.index(index), draft, problems);
    }
    frontends::check(drafts, problems);
    roles::check(balancer, drafts, problems);
    families::check(balancer, drafts, problems);
}

/// What may stand once in one load balancer.
fn within(path: &Path<'_>, draft: &LoadBalancerDraft, problems: &mut Problems) {
    once(&path.key("vips"), draft.vips.iter(), "", problems);
    let instances = path.key("instances");
    once(&instances, draft.instances.iter().map(|instance| &instance.label), "label", problems);
    let mut seen = HashMap::new();
    for (index, instance) in draft.instances.iter().enumerate() {
        let path = instances.index(index);
        let addresses = path.key("addresses");
        for (number, address) in instance.addresses.iter().enumerate() {
            let Some(address) = address else { continue };
            // Twice in one instance is already reported: two addresses of one family.
            if let Some(first) = seen.insert(address, index)
                && first != index
            {
                let message = format!("is already the address of {}", instances.index(first));
                let fix = "give each instance its own address, or remove one";
                problems.value(&addresses.index(number), address, message, fix);
            }
        }
    }
}

/// Reports values that stand twice in a list, at `field` of the item or at the item itself.
fn once<'a, T: Eq + Hash + std::fmt::Display + 'a>(
    list: &Path<'_>,
    values: impl Iterator<Item = &'a Option<T>>,
    field: &str,
    problems: &mut Problems,
) {
    let mut seen = HashMap::new();
    for (index, value) in values.enumerate() {
        let Some(value) = value else { continue };
        let place = |index| {
            let item = list.index(index);
            if field.is_empty() { item.to_string() } else { item.key(field).to_string() }
        };
        match seen.entry(value) {
            Entry::Vacant(entry) => {
                entry.insert(index);
            }
            Entry::Occupied(entry) => {
                let message = format!("is the same as {}", place(*entry.get()));
                let fix = if field.is_empty() { "remove one of them" } else { "choose another name" };
                let item = list.index(index);
                let path = if field.is_empty() { item } else { item.key(field) };
                problems.value(&path, value, message, fix);
            }
        }
    }
}

fn too_many_snat_addresses(balancer: &BalancerDraft, problems: &mut Problems) {
    for (is_v4, family) in [(true, "IPv4"), (false, "IPv6")] {
        let count =
            balancer.snat_addresses.iter().flatten().filter(|address| address.is_ipv4() == is_v4).count();
        if count > SNAT_ADDRESSES as usize {
            let message = format!("has too many {family} addresses");
            problems.value(
                &Path::SNAT_ADDRESSES,
                count,
                message,
                format!("keep at most {SNAT_ADDRESSES} of a family"),
            );
        }
    }
}
