// SPDX-License-Identifier: MIT OR Apache-2.0
//! A flow keeps its family: a VIP needs instances of its family, and those need a source address of it.

use std::net::IpAddr;

use super::balancer::BalancerDraft;
use super::load_balancer::LoadBalancerDraft;
use crate::model::path::Path;
use crate::model::problem::Problems;

/// IPv4 or IPv6.
#[derive(Clone, Copy)]
struct Family {
    name: &'static str,
    is_v4: bool,
}

const FAMILIES: [Family; 2] = [Family { name: "IPv4", is_v4: true }, Family { name: "IPv6", is_v4: false }];

/// What a load balancer does with a family.
enum Use {
    /// It has no VIP of it, or cannot be judged because of other mistakes.
    None,
    /// It has VIPs and instances.
    Forwards,
    /// It has instances, but none for this VIP.
    LeadsNowhere { vip: usize },
}

impl Family {
    fn has(self, address: Option<&IpAddr>) -> bool {
        address.is_some_and(|address| address.is_ipv4() == self.is_v4)
    }

    fn used_by(self, draft: &LoadBalancerDraft) -> Use {
        let Some(vip) = draft.vips.iter().position(|vip| self.has(vip.as_ref())) else { return Use::None };
        let mut lists = draft.instances.iter().map(|instance| &instance.addresses);
        if lists.clone().flatten().any(|address| self.has(address.as_ref())) {
            return Use::Forwards;
        }
        // What could not be read may be the address that is missing.
        let all_known = lists.all(|list| !list.is_empty() && list.iter().all(Option::is_some));
        if draft.instances.is_empty() || !all_known { Use::None } else { Use::LeadsNowhere { vip } }
    }
}

/// Reports VIPs that lead nowhere, and families without a source address.
pub(super) fn check(balancer: &BalancerDraft, drafts: &[LoadBalancerDraft], problems: &mut Problems) {
    for family in FAMILIES {
        let mut used = None;
        for (index, draft) in drafts.iter().enumerate() {
            match family.used_by(draft) {
                Use::None => {}
                Use::Forwards => used = used.or(Some(index)),
                Use::LeadsNowhere { vip } => {
                    leads_nowhere(
                        &Path::LOAD_BALANCERS.index(index).key("vips").index(vip),
                        family,
                        problems,
                    );
                }
            }
        }
        if let Some(index) = used {
            needs_source(balancer, family, &Path::LOAD_BALANCERS.index(index), problems);
        }
    }
}

fn leads_nowhere(vip: &Path<'_>, family: Family, problems: &mut Problems) {
    let name = family.name;
    let message = format!("has no instance to go to: none has an {name} address");
    problems.place(vip, message, format!("add {name} addresses to the instances, or remove the VIP"));
}

fn needs_source(balancer: &BalancerDraft, family: Family, user: &Path<'_>, problems: &mut Problems) {
    // What could not be read may be the address that is missing.
    let may_have = |address: &Option<IpAddr>| address.is_none() || family.has(address.as_ref());
    if !balancer.snat_addresses.iter().any(may_have) {
        let name = family.name;
        let message = format!("has no {name} address, which {user} needs towards its instances");
        problems.place(&Path::SNAT_ADDRESSES, message, format!("add an {name} address of this machine"));
    }
}
