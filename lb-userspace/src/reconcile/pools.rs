// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pools: the selection table of a load balancer and family, and the services that lead to it.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use super::backends::Placed;
use super::encode;
use super::index::Indexes;
use super::plan::Unplaced;
use crate::balance::table::TableInputs;
use crate::datapath::{Observed, ServiceId};
use crate::model::{AllDown, ForwardingRule, LoadBalancer};

/// The backends of one family of one load balancer, as its services choose among them.
pub struct Pool<'a> {
    /// The load balancer.
    pub load_balancer: &'a LoadBalancer,
    /// The services that lead here.
    pub services: Vec<(ServiceId, ForwardingRule)>,
    /// What its table is to be built from.
    pub inputs: TableInputs,
    /// The fingerprint of that.
    pub fingerprint: u64,
    /// Its number, once it has one.
    pub number: Option<u32>,
    v6: bool,
}

impl<'a> Pool<'a> {
    /// The pool for the VIPs of one family, if there is anything to forward. Marks the backends that are in its table.
    pub fn new(load_balancer: &'a LoadBalancer, v6: bool, backends: &mut [Placed]) -> Option<Self> {
        let services = services(load_balancer, v6);
        if services.is_empty() {
            return None;
        }
        let inputs = inputs(load_balancer, v6, backends);
        let fingerprint = inputs.fingerprint();
        Some(Self { load_balancer, services, inputs, fingerprint, number: None, v6 })
    }

    fn family(&self) -> u8 {
        if self.v6 { 6 } else { 4 }
    }
}

fn services(load_balancer: &LoadBalancer, v6: bool) -> Vec<(ServiceId, ForwardingRule)> {
    let vips = load_balancer.vips.iter().filter(|vip| vip.is_ipv6() == v6);
    let service = |vip: IpAddr, rule: &ForwardingRule| ServiceId {
        vip,
        protocol: rule.protocol,
        port: rule.frontend_port,
    };
    vips.flat_map(|vip| load_balancer.forwarding_rules.iter().map(move |rule| (service(*vip, rule), *rule)))
        .collect()
}

/// The table's members: the healthy ones of those that take new flows, or what the policy says when there is none.
fn inputs(load_balancer: &LoadBalancer, v6: bool, backends: &mut [Placed]) -> TableInputs {
    let takes_flows =
        |placed: &Placed| encode::is_v6(&placed.entry) == v6 && !encode::is_draining(&placed.entry);
    let any_usable = backends.iter().any(|placed| takes_flows(placed) && encode::is_usable(&placed.entry));
    let fail_open = !any_usable && load_balancer.all_down == AllDown::FailOpen;
    let mut members = Vec::new();
    for placed in backends.iter_mut().filter(|placed| takes_flows(placed)) {
        if fail_open || encode::is_usable(&placed.entry) {
            placed.listed = true;
            members.push(encode::member(placed.slot, &placed.entry));
        }
    }
    TableInputs::new(load_balancer.algorithm, members)
}

/// Gives each pool its number: one that its services lead to already, or the lowest that is free.
pub fn number(pools: &mut [Pool<'_>], observed: &Observed, unplaced: &mut Vec<Unplaced>) {
    let claims = Claims::new(pools, observed);
    let mut numbers = Indexes::new(observed.capacity.pools);
    for (at, pool) in pools.iter_mut().enumerate() {
        let number = claims.of(at, pool, observed).find(|number| numbers.take(*number));
        pool.number = number;
    }
    for number in claims.leaders.keys() {
        numbers.take(*number);
    }
    for pool in pools.iter_mut().filter(|pool| pool.number.is_none()) {
        pool.number = numbers.take_lowest();
        if pool.number.is_none() {
            let load_balancer = pool.load_balancer.label.clone();
            unplaced.push(Unplaced::Pool { load_balancer, family: pool.family() });
        }
    }
}

/// Whose services lead to each number now, of those services that stay.
struct Claims {
    leaders: HashMap<u32, HashSet<usize>>,
}

impl Claims {
    fn new(pools: &[Pool<'_>], observed: &Observed) -> Self {
        let mut leaders: HashMap<u32, HashSet<usize>> = HashMap::new();
        for (at, pool) in pools.iter().enumerate() {
            for entry in pool.services.iter().filter_map(|(id, _)| observed.services.get(id)) {
                leaders.entry(entry.pool).or_default().insert(at);
            }
        }
        Self { leaders }
    }

    /// The numbers that a pool may go on with. Where services of several pools lead to one number, as when a forwarding
    /// rule moved to another load balancer, a new table would send them to somebody else's backends for a moment; so
    /// only a pool whose table it is already may keep the number.
    fn of(&self, at: usize, pool: &Pool<'_>, observed: &Observed) -> impl Iterator<Item = u32> {
        let numbers = pool.services.iter().filter_map(|(id, _)| observed.services.get(id));
        numbers.map(|entry| entry.pool).filter(move |number| {
            let alone =
                self.leaders.get(number).is_some_and(|leaders| leaders.len() == 1 && leaders.contains(&at));
            alone || observed.pools.get(number).is_some_and(|table| table.inputs == pool.fingerprint)
        })
    }
}
