// SPDX-License-Identifier: MIT OR Apache-2.0
//! What has to be done so that the data path does what is desired.
//!
//! The order keeps the data path whole after every change. Services that are not desired go first, which also frees
//! their indexes. What is used comes before its use: backends before the tables that name them, tables and
//! firewall lists before the services that lead to them. What is not used any more goes after the last use, once packets that saw it are through.
//!
//! ```text
//! [settle] abandoned lists out, addresses, services out, backends in, lists in, tables in, services in,
//! backends draining, [settle] tables and lists out, [settle] backends out
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use lb_common::abi::ServiceEntry;

use super::backends::Backends;
use super::conditions::Conditions;
use super::encode;
use super::firewalls::Firewalls;
use super::index::Indexes;
use super::plan::{Plan, Unplaced};
use super::pools::{self, Pool};
use crate::datapath::{Change, Observed, ServiceId};
use crate::model::DesiredState;

/// Compares what is desired with what is there. Equal arguments make equal plans, and once a plan is applied there is
/// nothing left to do, except for what only becomes possible by it: giving up slots without flows, and placing what had
/// no room before.
pub fn diff(desired: &DesiredState, conditions: &Conditions, observed: &Observed, now: u32) -> Plan {
    let mut unplaced = Vec::new();
    let mut backends = Backends::place(desired, conditions, observed, now, &mut unplaced);
    let mut pools: Vec<Pool<'_>> = desired
        .load_balancers
        .iter()
        .zip(&mut backends.placed)
        .flat_map(|(load_balancer, placed)| [false, true].map(|v6| Pool::new(load_balancer, v6, placed)))
        .flatten()
        .collect();
    pools::number(&mut pools, observed, &mut unplaced);
    let firewalls = Firewalls::number(desired, observed);
    let services = services(&pools, &firewalls, observed, &mut unplaced);

    let backends = backends.changes();
    let mut changes = Vec::new();
    settle_then(&mut changes, firewalls.abandoned());
    changes.extend(snat_addresses(desired, observed));
    changes.extend(removed_services(&services, observed));
    changes.extend(backends.before_tables);
    changes.extend(firewalls.made());
    changes.extend(swapped_tables(&pools, observed));
    changes.extend(put_services(&services, observed));
    changes.extend(backends.after_tables);
    let mut unused = removed_tables(&pools, observed);
    unused.extend(firewalls.replaced());
    settle_then(&mut changes, unused);
    settle_then(&mut changes, backends.settled);
    Plan { changes, unplaced }
}

/// Adds changes that have to wait for the packets that are on their way.
fn settle_then(changes: &mut Vec<Change>, then: Vec<Change>) {
    if !then.is_empty() {
        changes.push(Change::Settle);
        changes.extend(then);
    }
}

/// The services that are to be, under the index they have or the lowest that is free.
fn services(
    pools: &[Pool<'_>],
    firewalls: &Firewalls<'_>,
    observed: &Observed,
    unplaced: &mut Vec<Unplaced>,
) -> BTreeMap<ServiceId, ServiceEntry> {
    let mut indexes = Indexes::new(observed.capacity.services);
    let mut services = BTreeMap::new();
    let mut without_index = Vec::new();
    let numbered = pools.iter().filter_map(|pool| pool.number.map(|number| (pool, number)));
    for (pool, number, (id, rule)) in
        numbered.flat_map(|(pool, number)| pool.services.iter().map(move |service| (pool, number, service)))
    {
        let kept = observed.services.get(id).map(|entry| entry.index).filter(|index| indexes.take(*index));
        let entry = encode::service(
            pool.load_balancer,
            *rule,
            kept.unwrap_or(0),
            number,
            firewalls.of(pool.load_balancer, *rule),
        );
        match kept {
            Some(_) => _ = services.insert(*id, entry),
            None => without_index.push((*id, entry)),
        }
    }
    for (id, entry) in without_index {
        match indexes.take_lowest() {
            Some(index) => _ = services.insert(id, ServiceEntry { index, ..entry }),
            None => unplaced.push(Unplaced::Service(id)),
        }
    }
    services
}

/// Replaces the SNAT addresses if they differ; the families are apart in the data path, so only the order within each
/// counts.
fn snat_addresses(desired: &DesiredState, observed: &Observed) -> Vec<Change> {
    let by_family = |addresses: &[IpAddr]| {
        let mut addresses = addresses.to_vec();
        addresses.sort_by_key(IpAddr::is_ipv6);
        addresses
    };
    let wanted = by_family(&desired.balancer.snat_addresses);
    if wanted == by_family(&observed.snat_addresses) {
        Vec::new()
    } else {
        vec![Change::SetSnatAddresses(wanted)]
    }
}

fn removed_services(services: &BTreeMap<ServiceId, ServiceEntry>, observed: &Observed) -> Vec<Change> {
    let removed = observed.services.keys().filter(|id| !services.contains_key(id));
    removed.map(|id| Change::RemoveService { id: *id }).collect()
}

fn put_services(services: &BTreeMap<ServiceId, ServiceEntry>, observed: &Observed) -> Vec<Change> {
    let changed = services.iter().filter(|(id, entry)| observed.services.get(id) != Some(*entry));
    changed.map(|(id, entry)| Change::PutService { id: *id, entry: *entry }).collect()
}

fn swapped_tables(pools: &[Pool<'_>], observed: &Observed) -> Vec<Change> {
    let is_there = |pool: &Pool<'_>, number| {
        observed.pools.get(&number).is_some_and(|table| table.intact && table.inputs == pool.fingerprint)
    };
    let swap = |pool: &Pool<'_>| {
        let pool_number = pool.number.filter(|number| !is_there(pool, *number))?;
        Some(Change::SwapTable { pool: pool_number, inputs: pool.inputs.clone() })
    };
    pools.iter().filter_map(swap).collect()
}

fn removed_tables(pools: &[Pool<'_>], observed: &Observed) -> Vec<Change> {
    let used: BTreeSet<u32> = pools.iter().filter_map(|pool| pool.number).collect();
    let removed = observed.pools.keys().filter(|number| !used.contains(number));
    removed.map(|number| Change::RemoveTable { pool: *number }).collect()
}

#[cfg(test)]
mod properties;
#[cfg(test)]
pub(in crate::reconcile) mod tests;
