// SPDX-License-Identifier: MIT OR Apache-2.0
//! Firewall lists: their numbers, and which are to be made and taken away. A list is known by its content, so services
//! that admit the same sources share one, and one that is not whole is nobody's. A list is never changed in place: what a
//! packet sees is the one before or the one after.

use std::collections::{BTreeMap, BTreeSet};

use lb_common::abi::OPEN;

use crate::datapath::{Change, Observed};
use crate::model::{DesiredState, ForwardingRule, LoadBalancer, Sources};

/// The number of each list that is desired.
pub struct Firewalls<'a> {
    numbers: BTreeMap<&'a Sources, u32>,
    observed: &'a Observed,
}

impl<'a> Firewalls<'a> {
    /// Gives each list the number it has, or one that neither a list nor a service has.
    pub fn number(desired: &'a DesiredState, observed: &'a Observed) -> Self {
        let mut numbers = BTreeMap::new();
        let known: BTreeMap<&Sources, u32> =
            observed.firewalls.iter().rev().map(|(number, sources)| (sources, *number)).collect();
        let named = observed.services.values().map(|entry| entry.firewall);
        let taken: BTreeSet<u32> = named.chain(observed.firewalls.keys().copied()).collect();
        let mut free = (OPEN + 1..).filter(|number| !taken.contains(number));
        for sources in desired.load_balancers.iter().flat_map(wanted) {
            if !numbers.contains_key(sources) {
                let number = known.get(sources).copied().or_else(|| free.next());
                numbers.extend(number.map(|number| (sources, number)));
            }
        }
        Self { numbers, observed }
    }

    /// The list of a forwarding rule's services.
    pub fn of(&self, load_balancer: &LoadBalancer, rule: ForwardingRule) -> u32 {
        let sources = load_balancer.policy.firewall.get(&rule.frontend_port);
        sources.and_then(|sources| self.numbers.get(sources)).copied().unwrap_or(OPEN)
    }

    /// Lists to make.
    pub fn made(&self) -> Vec<Change> {
        let missing = self.numbers.iter().filter(|(_, number)| !self.observed.firewalls.contains_key(number));
        missing
            .map(|(sources, list)| Change::PutFirewall { list: *list, sources: (*sources).clone() })
            .collect()
    }

    /// Lists that nothing leads to any more, which a plan has left that did not come to its end: they go before others
    /// need their room.
    pub fn abandoned(&self) -> Vec<Change> {
        self.unwanted(false)
    }

    /// Lists that services lead to until the plan has turned them elsewhere.
    pub fn replaced(&self) -> Vec<Change> {
        self.unwanted(true)
    }

    fn unwanted(&self, named: bool) -> Vec<Change> {
        let wanted: BTreeSet<u32> = self.numbers.values().copied().collect();
        let named_now: BTreeSet<u32> = self.observed.services.values().map(|entry| entry.firewall).collect();
        let lists = self.observed.firewalls.keys();
        lists
            .filter(|list| !wanted.contains(list) && named_now.contains(list) == named)
            .map(|list| Change::RemoveFirewall { list: *list })
            .collect()
    }
}

/// The lists of the ports that are forwarded.
fn wanted(load_balancer: &LoadBalancer) -> impl Iterator<Item = &Sources> {
    let rules = load_balancer.forwarding_rules.iter();
    rules.filter_map(|rule| load_balancer.policy.firewall.get(&rule.frontend_port))
}
