// SPDX-License-Identifier: MIT OR Apache-2.0
//! An address has one role: a VIP, a source towards instances, or an instance.

use std::collections::HashMap;
use std::net::IpAddr;

use super::balancer::BalancerDraft;
use super::load_balancer::LoadBalancerDraft;
use crate::model::path::Path;
use crate::model::problem::Problems;

/// The balancer's own addresses, each with its place.
type Own = HashMap<IpAddr, String>;

/// Reports addresses with a second role.
pub(super) fn check(balancer: &BalancerDraft, drafts: &[LoadBalancerDraft], problems: &mut Problems) {
    let mut own = Own::new();
    for (index, address) in balancer.snat_addresses.iter().enumerate() {
        if let Some(address) = address {
            own.insert(*address, Path::SNAT_ADDRESSES.index(index).to_string());
        }
    }
    let sources = own.clone();
    for (index, draft) in drafts.iter().enumerate() {
        vips_apart(&Path::LOAD_BALANCERS.index(index).key("vips"), draft, &sources, &mut own, problems);
    }
    for (index, draft) in drafts.iter().enumerate() {
        instances_apart(&Path::LOAD_BALANCERS.index(index).key("instances"), draft, &own, problems);
    }
}

/// Reports VIPs that are sources too, and adds the others to the balancer's own addresses.
fn vips_apart(
    list: &Path<'_>,
    draft: &LoadBalancerDraft,
    sources: &Own,
    own: &mut Own,
    problems: &mut Problems,
) {
    for (index, vip) in draft.vips.iter().enumerate() {
        let Some(vip) = vip else { continue };
        let path = list.index(index);
        if let Some(source) = sources.get(vip) {
            let message = format!("is also a source towards instances, {source}");
            problems.value(&path, vip, message, "use different addresses for the two");
        }
        own.entry(*vip).or_insert_with(|| path.to_string());
    }
}

/// Reports instances that are the balancer itself.
fn instances_apart(list: &Path<'_>, draft: &LoadBalancerDraft, own: &Own, problems: &mut Problems) {
    for (index, instance) in draft.instances.iter().enumerate() {
        let path = list.index(index);
        let addresses = path.key("addresses");
        for (number, address) in instance.addresses.iter().enumerate() {
            let Some(address) = address else { continue };
            if let Some(place) = own.get(address) {
                let message = format!("is the balancer's own address, {place}");
                problems.value(
                    &addresses.index(number),
                    address,
                    message,
                    "write the address of the node itself",
                );
            }
        }
    }
}
