// SPDX-License-Identifier: MIT OR Apache-2.0
//! No two forwarding rules share VIP, protocol and port.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU16;

use super::load_balancer::LoadBalancerDraft;
use crate::model::path::Path;
use crate::model::problem::Problems;
use crate::model::{ForwardingRule, Protocol};

/// Where a rule stands: its load balancer, and its place in that.
type Place = (usize, usize);

/// Who has which frontend.
type Owners = HashMap<(IpAddr, Protocol, NonZeroU16), Place>;

/// Reports each rule that wants a frontend which an earlier one has.
pub(super) fn check(drafts: &[LoadBalancerDraft], problems: &mut Problems) {
    let mut owners = Owners::new();
    for (index, draft) in drafts.iter().enumerate() {
        let item = Path::LOAD_BALANCERS.index(index);
        let rules = item.key("forwarding_rules");
        for (number, rule) in draft.rules.iter().enumerate() {
            let Some(rule) = *rule else { continue };
            if let Some((vip, (owner, place))) = claim(&mut owners, draft, rule, (index, number)) {
                let owner = Path::LOAD_BALANCERS.index(owner);
                let owner = owner.key("forwarding_rules");
                let message = format!("is taken for {} on {vip} by {}", rule.protocol, owner.index(place));
                let fix = "choose another port or VIP, or remove one of the rules";
                problems.value(&rules.index(number).key("frontend_port"), rule.frontend_port, message, fix);
            }
        }
    }
}

/// Takes the frontends of a rule; returns the first that another has.
fn claim(
    owners: &mut Owners,
    draft: &LoadBalancerDraft,
    rule: ForwardingRule,
    place: Place,
) -> Option<(IpAddr, Place)> {
    let mut taken = None;
    for vip in draft.vips.iter().flatten() {
        let owner = *owners.entry((*vip, rule.protocol, rule.frontend_port)).or_insert(place);
        if owner != place {
            taken = taken.or(Some((*vip, owner)));
        }
    }
    taken
}
