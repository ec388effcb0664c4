// SPDX-License-Identifier: MIT OR Apache-2.0
//! A data path in memory that refuses every change which would leave it pointing at something absent. Tests of
//! reconciliation run against it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use lb_common::abi::{BackendEntry, OPEN, ServiceEntry};

use super::{Capacity, Change, Datapath, DatapathError, Observed, ObservedTable, ServiceId};
use crate::balance::table::TableInputs;
use crate::model::Sources;

/// The double. Fields are open, so that a test can look, and can damage.
#[derive(Clone, Debug, Default)]
pub struct MemoryDatapath {
    /// Services by frontend.
    pub services: BTreeMap<ServiceId, ServiceEntry>,
    /// Slots that were ever used.
    pub backends: BTreeMap<u32, BackendEntry>,
    /// Tables by pool.
    pub tables: BTreeMap<u32, MemoryTable>,
    /// Firewall lists by number.
    pub firewalls: BTreeMap<u32, Sources>,
    /// Source addresses towards backends.
    pub snat_addresses: Vec<IpAddr>,
    /// Open flows by backend slot.
    pub open_flows: BTreeMap<u32, u32>,
    /// How many indexes there are.
    pub capacity: Capacity,
    /// Packets may be on their way that saw services as they were.
    services_unsettled: bool,
    /// Packets may be on their way that saw tables as they were.
    tables_unsettled: bool,
}

/// A table, with whose slots it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryTable {
    /// What it was built from.
    pub inputs: TableInputs,
    /// Whether its content is what was written.
    pub intact: bool,
    /// The owner of each member when the table was put in place.
    owners: Vec<u64>,
}

/// A promise that a change would break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A service would lead to a pool that has no table.
    #[error("a service leads to pool {0}, which has no table")]
    NoTable(u32),
    /// Two services would share a counter.
    #[error("two services have index {0}")]
    SharedIndex(u32),
    /// A table would name a slot that is free or has changed hands.
    #[error("the table of pool {pool} names slot {slot}, which is not what it was built for")]
    StrangeSlot {
        /// The pool.
        pool: u32,
        /// The slot.
        slot: u32,
    },
    /// A slot would change its owner under the same generation.
    #[error("slot {0} changes its owner under the same generation")]
    SameGeneration(u32),
    /// Something would be taken away while packets that saw it in use may be on their way.
    #[error("something is taken away before the packets that saw it are through")]
    NotSettled,
    /// A service would name a firewall list that is not there.
    #[error("a service names firewall list {0}, which there is not")]
    NoFirewall(u32),
    /// A firewall list would change while services may name it.
    #[error("firewall list {0} is there already")]
    FirewallInPlace(u32),
    /// An index is out of range.
    #[error("index {0} is out of range")]
    OutOfRange(u32),
}

impl From<Violation> for DatapathError {
    fn from(violation: Violation) -> Self {
        Self::Map { action: "writing", map: "memory", source: io::Error::other(violation) }
    }
}

impl MemoryDatapath {
    /// An empty data path with room for so much.
    pub fn new(capacity: Capacity) -> Self {
        Self { capacity, ..Self::default() }
    }

    /// Says what is broken, if anything is.
    pub fn check(&self) -> Result<(), Violation> {
        self.check_services()?;
        self.tables.iter().try_for_each(|(pool, table)| self.check_table(*pool, table))
    }

    fn check_services(&self) -> Result<(), Violation> {
        let mut indexes = BTreeSet::new();
        for entry in self.services.values() {
            in_range(entry.index, self.capacity.services)?;
            if !self.tables.contains_key(&entry.pool) {
                return Err(Violation::NoTable(entry.pool));
            }
            if entry.firewall != OPEN && !self.firewalls.contains_key(&entry.firewall) {
                return Err(Violation::NoFirewall(entry.firewall));
            }
            if !indexes.insert(entry.index) {
                return Err(Violation::SharedIndex(entry.index));
            }
        }
        Ok(())
    }

    fn check_table(&self, pool: u32, table: &MemoryTable) -> Result<(), Violation> {
        in_range(pool, self.capacity.pools)?;
        for (member, owner) in table.inputs.members.iter().zip(&table.owners) {
            let held = self.backends.get(&member.slot).copied().unwrap_or_default();
            if held.is_free() || held.owner != *owner || held.generation != member.generation {
                return Err(Violation::StrangeSlot { pool, slot: member.slot });
            }
        }
        Ok(())
    }

    fn change(&mut self, change: &Change) -> Result<(), Violation> {
        match change {
            Change::SetSnatAddresses(addresses) => self.snat_addresses.clone_from(addresses),
            Change::PutBackend { slot, entry } => self.put_backend(*slot, entry)?,
            Change::SwapTable { pool, inputs } => self.swap_table(*pool, inputs),
            Change::PutService { id, entry } => {
                self.services.insert(*id, *entry);
                self.services_unsettled = true;
            }
            Change::RemoveService { id } => {
                self.services.remove(id);
                self.services_unsettled = true;
            }
            Change::PutFirewall { list, sources } => {
                if self.firewalls.insert(*list, sources.clone()).is_some_and(|before| before != *sources) {
                    return Err(Violation::FirewallInPlace(*list));
                }
            }
            Change::RemoveFirewall { list } => {
                settled(!self.services_unsettled)?;
                self.firewalls.remove(list);
            }
            Change::RemoveTable { pool } => {
                settled(!self.services_unsettled)?;
                self.tables.remove(pool);
                self.tables_unsettled = true;
            }
            Change::Settle => (self.services_unsettled, self.tables_unsettled) = (false, false),
            Change::ReleaseBackend { slot, generation } => {
                settled(!self.tables_unsettled)?;
                let free = BackendEntry { generation: *generation, ..BackendEntry::default() };
                self.backends.insert(*slot, free);
                self.open_flows.remove(slot);
            }
        }
        Ok(())
    }

    fn put_backend(&mut self, slot: u32, entry: &BackendEntry) -> Result<(), Violation> {
        in_range(slot, self.capacity.backends)?;
        let before = self.backends.insert(slot, *entry).unwrap_or_default();
        let changes_owner = !before.is_free() && before.owner != entry.owner;
        if changes_owner && before.generation == entry.generation {
            return Err(Violation::SameGeneration(slot));
        }
        settled(before.is_free() || before.generation == entry.generation || !self.tables_unsettled)
    }

    fn swap_table(&mut self, pool: u32, inputs: &TableInputs) {
        let owner = |slot| self.backends.get(&slot).map_or(0, |entry| entry.owner);
        let owners = inputs.members.iter().map(|member| owner(member.slot)).collect();
        self.tables.insert(pool, MemoryTable { inputs: inputs.clone(), intact: true, owners });
        self.tables_unsettled = true;
    }
}

fn in_range(index: u32, capacity: u32) -> Result<(), Violation> {
    if index < capacity { Ok(()) } else { Err(Violation::OutOfRange(index)) }
}

fn settled(settled: bool) -> Result<(), Violation> {
    if settled { Ok(()) } else { Err(Violation::NotSettled) }
}

impl Datapath for MemoryDatapath {
    fn observe(&mut self, thorough: bool) -> Result<Observed, DatapathError> {
        let look = |table: &MemoryTable| ObservedTable {
            inputs: table.inputs.fingerprint(),
            intact: table.intact || !thorough,
        };
        Ok(Observed {
            services: self.services.clone(),
            backends: self.backends.clone(),
            pools: self.tables.iter().map(|(pool, table)| (*pool, look(table))).collect(),
            firewalls: self.firewalls.clone(),
            snat_addresses: self.snat_addresses.clone(),
            open_flows: self.open_flows.clone(),
            capacity: self.capacity,
        })
    }

    /// Makes the change on a copy, so that a refused one leaves no trace.
    fn apply(&mut self, change: &Change) -> Result<(), DatapathError> {
        let mut changed = self.clone();
        changed.change(change)?;
        changed.check()?;
        *self = changed;
        Ok(())
    }
}

/// A data path that others may look at in between.
impl<D: Datapath> Datapath for Arc<Mutex<D>> {
    fn observe(&mut self, thorough: bool) -> Result<Observed, DatapathError> {
        self.lock().unwrap_or_else(PoisonError::into_inner).observe(thorough)
    }

    fn apply(&mut self, change: &Change) -> Result<(), DatapathError> {
        self.lock().unwrap_or_else(PoisonError::into_inner).apply(change)
    }
}

#[cfg(test)]
mod tests {
    use lb_common::abi::Algorithm;

    use super::*;
    use crate::balance::table::Member;

    const CAPACITY: Capacity = Capacity { services: 4, backends: 4, pools: 4 };

    fn with_a_table() -> MemoryDatapath {
        let mut datapath = MemoryDatapath::new(CAPACITY);
        let entry = BackendEntry { owner: 7, ..BackendEntry::default() };
        let members = vec![Member { slot: 1, generation: 0, weight: 1, identity: 5 }];
        let inputs = TableInputs::new(Algorithm::LeastConn, members);
        datapath.apply(&Change::PutBackend { slot: 1, entry }).expect("in range");
        datapath.apply(&Change::SwapTable { pool: 0, inputs }).expect("its slot is filled");
        datapath.apply(&Change::Settle).expect("harmless");
        datapath
    }

    fn refuses(datapath: &mut MemoryDatapath, change: &Change) {
        let before = datapath.observe(true).expect("memory");
        assert!(datapath.apply(change).is_err(), "{change}");
        assert_eq!(datapath.observe(true).expect("memory"), before, "{change}");
    }

    #[test]
    fn what_a_table_names_cannot_go_or_change_hands() {
        let mut datapath = with_a_table();
        refuses(&mut datapath, &Change::ReleaseBackend { slot: 1, generation: 1 });
        for (owner, generation) in [(8, 0), (8, 1), (7, 1)] {
            let entry = BackendEntry { owner, generation, ..BackendEntry::default() };
            refuses(&mut datapath, &Change::PutBackend { slot: 1, entry });
        }
    }

    #[test]
    fn release_waits_until_packets_are_through() {
        let mut datapath = with_a_table();
        datapath.apply(&Change::RemoveTable { pool: 0 }).expect("no service leads to it");
        let release = Change::ReleaseBackend { slot: 1, generation: 1 };
        refuses(&mut datapath, &release);
        datapath.apply(&Change::Settle).expect("harmless");
        datapath.apply(&release).expect("settled");
        assert_eq!(datapath.backends[&1].generation, 1);
    }
}
