// SPDX-License-Identifier: MIT OR Apache-2.0
//! What several parts must agree on: names and addresses that may stand once, and families that need each other.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::net::IpAddr;

use lb_common::limits::SNAT_ADDRESSES;

use super::balancer::BalancerDraft;
use super::load_balancer::LoadBalancerDraft;
use crate::model::path::Path;
use crate::model::problem::Problems;

/// Checks everything that is not about one part alone.
pub(super) fn check(balancer: &BalancerDraft, drafts: &[LoadBalancerDraft], problems: &mut Problems) {
    let list = Path::ROOT.key("load_balancers");
    let snat_list = Path::ROOT.key("balancer");
    let snat_list = snat_list.key("snat_addresses");
    once(&snat_list, balancer.snat_addresses.iter(), "", problems);
    too_many_snat_addresses(&snat_list, balancer, problems);
    once(&list, drafts.iter().map(|draft| &draft.label), "label", problems);
    for (index, draft) in drafts.iter().enumerate() {
        within(&list.index(index), draft, problems);
    }
    frontends(&list, drafts, problems);
    roles(&snat_list, &list, balancer, drafts, problems);
    families(&snat_list, &list, balancer, drafts, problems);
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

fn too_many_snat_addresses(list: &Path<'_>, balancer: &BalancerDraft, problems: &mut Problems) {
    for (is_v4, family) in [(true, "IPv4"), (false, "IPv6")] {
        let count =
            balancer.snat_addresses.iter().flatten().filter(|address| address.is_ipv4() == is_v4).count();
        if count > SNAT_ADDRESSES as usize {
            let message = format!("has too many {family} addresses");
            problems.value(list, count, message, format!("keep at most {SNAT_ADDRESSES} of a family"));
        }
    }
}

/// No two forwarding rules may share VIP, protocol and port.
fn frontends(list: &Path<'_>, drafts: &[LoadBalancerDraft], problems: &mut Problems) {
    let mut seen = HashMap::new();
    for (index, draft) in drafts.iter().enumerate() {
        let path = list.index(index);
        let rules = path.key("forwarding_rules");
        for (number, rule) in draft.rules.iter().enumerate() {
            let Some(rule) = rule else { continue };
            let claim = |vip: &IpAddr| match seen.entry((*vip, rule.protocol, rule.frontend_port)) {
                Entry::Occupied(entry) if *entry.get() != (index, number) => Some((*vip, *entry.get())),
                Entry::Occupied(_) => None,
                Entry::Vacant(entry) => {
                    entry.insert((index, number));
                    None
                }
            };
            let taken: Vec<(IpAddr, (usize, usize))> =
                draft.vips.iter().flatten().filter_map(claim).collect();
            if let Some((vip, (first, first_number))) = taken.first() {
                let other = list.index(*first);
                let other = other.key("forwarding_rules");
                let other = other.index(*first_number);
                let message = format!("is already forwarded on {vip} {} by {other}", rule.protocol);
                let fix = "choose another port or VIP, or remove one of the rules";
                problems.value(&rules.index(number).key("frontend_port"), rule.frontend_port, message, fix);
            }
        }
    }
}

/// An address has one role: a VIP, a source towards instances, or an instance.
fn roles(
    snat_list: &Path<'_>,
    list: &Path<'_>,
    balancer: &BalancerDraft,
    drafts: &[LoadBalancerDraft],
    problems: &mut Problems,
) {
    let mut own = HashMap::new();
    for (index, address) in balancer.snat_addresses.iter().enumerate() {
        if let Some(address) = address {
            own.entry(*address).or_insert_with(|| snat_list.index(index).to_string());
        }
    }
    for (index, draft) in drafts.iter().enumerate() {
        let path = list.index(index);
        let vips = path.key("vips");
        for (number, vip) in draft.vips.iter().enumerate() {
            let Some(vip) = vip else { continue };
            let place = vips.index(number);
            match own.entry(*vip) {
                Entry::Occupied(entry) if entry.get().starts_with("balancer") => {
                    let message = format!("is also a source towards instances, {}", entry.get());
                    problems.value(&place, vip, message, "use different addresses for the two");
                }
                Entry::Occupied(_) => {}
                Entry::Vacant(entry) => {
                    entry.insert(place.to_string());
                }
            }
        }
    }
    for (index, draft) in drafts.iter().enumerate() {
        let path = list.index(index);
        instances_apart(&path.key("instances"), draft, &own, problems);
    }
}

fn instances_apart(
    list: &Path<'_>,
    draft: &LoadBalancerDraft,
    own: &HashMap<IpAddr, String>,
    problems: &mut Problems,
) {
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

/// A flow keeps its family: a VIP needs instances of its family, and those a source address of it.
fn families(
    snat_list: &Path<'_>,
    list: &Path<'_>,
    balancer: &BalancerDraft,
    drafts: &[LoadBalancerDraft],
    problems: &mut Problems,
) {
    for (is_v4, family) in [(true, "IPv4"), (false, "IPv6")] {
        let of_family = |address: &&IpAddr| address.is_ipv4() == is_v4;
        let mut used = None;
        for (index, draft) in drafts.iter().enumerate() {
            let path = list.index(index);
            let Some(vip) = draft.vips.iter().position(|vip| vip.as_ref().is_some_and(|vip| of_family(&vip)))
            else {
                continue;
            };
            let mut addresses = draft.instances.iter().flat_map(|instance| &instance.addresses);
            if addresses.clone().flatten().any(|address| of_family(&address)) {
                used = used.or(Some(index));
            } else if !draft.instances.is_empty() && addresses.all(Option::is_some) {
                let message = format!("has no instance to go to: none has an {family} address");
                let fix = format!("add {family} addresses to the instances, or remove the VIP");
                let place = path.key("vips");
                problems.0.push(crate::model::problem::Problem::at(&place.index(vip), message, fix));
            }
        }
        // An address that could not be read may be the missing one.
        let has_source =
            balancer.snat_addresses.iter().any(|address| address.as_ref().is_none_or(|a| of_family(&a)));
        if let Some(index) = used
            && !has_source
        {
            let message =
                format!("has no {family} address, which {} needs towards its instances", list.index(index));
            problems.place(snat_list, message, format!("add an {family} address of this machine"));
        }
    }
}
