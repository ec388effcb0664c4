// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the maps hold, read from the kernel or, between thorough looks, remembered from what was written.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::ops::Bound::{Excluded, Unbounded};
use std::time::{Duration, Instant};

use lb_common::abi::{BACKEND_DRAINING, BackendEntry, ServiceEntry, ServiceKey, TableChunk, names};
use lb_common::limits::{SNAT_ADDRESSES, TABLE_CHUNK};
use lb_common::net::{Addr4, Addr6, Address};

use super::firewall;
use super::maps::{Maps, Table, array_fd, failed, failed_io, fd};
use crate::balance::table;
use crate::datapath::{Capacity, Change, DatapathError, Observed, ObservedTable, ServiceId};
use crate::model::{Admission, Protocol, Sources};

/// What the maps hold as far as is known.
#[derive(Debug, Default)]
pub struct Mirror {
    known: Option<Observed>,
    /// Since when each slot is known to take no new flows.
    draining: BTreeMap<u32, Instant>,
}

/// Open flows by backend slot, as a walk through the flow tables found them that started at a certain time.
#[derive(Debug)]
pub struct Census {
    /// When the walk started.
    pub started: Instant,
    /// Slots that have open flows.
    pub open: BTreeMap<u32, i64>,
}

/// How long a packet that chose a backend may take to enter its flow, generously.
const IN_FLIGHT: Duration = Duration::from_secs(1);

impl Mirror {
    /// Reads everything.
    pub fn read(maps: &Maps) -> Result<Self, DatapathError> {
        let observed = Observed {
            services: services(maps)?,
            backends: backends(maps)?,
            pools: pools(maps)?,
            firewalls: firewall::read(maps)?,
            snat_addresses: snat_addresses(maps)?,
            open_flows: BTreeMap::new(),
            capacity: Capacity {
                services: maps.size(names::SERVICE_TRAFFIC),
                backends: maps.size(names::BACKENDS),
                pools: maps.size(names::POOLS),
            },
        };
        let mut mirror = Self { known: None, draining: BTreeMap::new() };
        for (slot, entry) in &observed.backends {
            mirror.note_draining(*slot, entry);
        }
        mirror.known = Some(observed);
        Ok(mirror)
    }

    /// Keeps what an earlier look knew about how long slots have been draining.
    pub fn remembering(mut self, before: &Self) -> Self {
        for (slot, since) in &mut self.draining {
            *since = before.draining.get(slot).copied().unwrap_or(*since);
        }
        self
    }

    fn note_draining(&mut self, slot: u32, entry: &BackendEntry) {
        if entry.flags & BACKEND_DRAINING == 0 {
            self.draining.remove(&slot);
        } else {
            self.draining.entry(slot).or_insert_with(Instant::now);
        }
    }

    /// The addresses that services have.
    pub fn vips(&self) -> BTreeSet<IpAddr> {
        self.known.iter().flat_map(|known| known.services.keys()).map(|id| id.vip).collect()
    }

    /// True if a service has the address, other than this one.
    pub fn serves_beside(&self, id: &ServiceId) -> bool {
        let Some(known) = &self.known else { return true };
        let same = |other: &&ServiceId| other.vip == id.vip;
        let before = known.services.range(..id).next_back().map(|(other, _)| other).filter(same);
        let after =
            known.services.range((Excluded(id), Unbounded)).next().map(|(other, _)| other).filter(same);
        before.or(after).is_some()
    }

    /// False until everything was read once.
    pub fn is_complete(&self) -> bool {
        self.known.is_some()
    }

    /// Makes the next look read everything.
    pub fn forget(&mut self) {
        self.known = None;
    }

    /// Whom a firewall list admits.
    pub fn firewall(&self, list: u32) -> Option<Sources> {
        self.known.as_ref()?.firewalls.get(&list).cloned()
    }

    /// Services that are not open to all, with whom they admit.
    pub fn guarded(&self) -> HashMap<ServiceId, Admission<'_>> {
        let Some(known) = &self.known else { return HashMap::new() };
        let guard = |(id, entry): (&ServiceId, &ServiceEntry)| {
            known.firewalls.get(&entry.firewall).map(|sources| (*id, Admission::of(sources)))
        };
        known.services.iter().filter_map(guard).collect()
    }

    /// Follows a change that was made.
    pub fn note(&mut self, change: &Change) {
        if let Change::PutBackend { slot, entry } = change {
            self.note_draining(*slot, entry);
        }
        let Some(known) = &mut self.known else { return };
        match change {
            Change::SetSnatAddresses(addresses) => known.snat_addresses.clone_from(addresses),
            Change::PutBackend { slot, entry } => {
                known.backends.insert(*slot, *entry);
            }
            Change::SwapTable { pool, inputs } => {
                known.pools.insert(*pool, ObservedTable { inputs: inputs.fingerprint(), intact: true });
            }
            Change::PutFirewall { list, sources } => {
                known.firewalls.insert(*list, sources.clone());
            }
            Change::RemoveFirewall { list } => {
                known.firewalls.remove(list);
            }
            Change::PutService { id, entry } => {
                known.services.insert(*id, *entry);
            }
            Change::RemoveService { id } => {
                known.services.remove(id);
            }
            Change::RemoveTable { pool } => {
                known.pools.remove(pool);
            }
            Change::Settle => {}
            Change::ReleaseBackend { slot, generation } => {
                known
                    .backends
                    .insert(*slot, BackendEntry { generation: *generation, ..BackendEntry::default() });
            }
        }
    }

    /// What is known, with the open flows of the backends that drain; nobody asks about the others. One that the last
    /// census cannot speak for counts as having some.
    pub fn with_open_flows(&self, census: Option<&Census>) -> Observed {
        let mut observed = self.known.clone().unwrap_or_default();
        for (slot, since) in &self.draining {
            let open = match census {
                Some(census) if census.started > *since + IN_FLIGHT => {
                    census.open.get(slot).copied().unwrap_or_default()
                }
                _ => 1,
            };
            observed.open_flows.insert(*slot, u32::try_from(open).unwrap_or_default());
        }
        observed
    }
}

fn services(maps: &Maps) -> Result<BTreeMap<ServiceId, ServiceEntry>, DatapathError> {
    let mut services = BTreeMap::new();
    lb_sys::for_each::<ServiceKey<Addr4>, ServiceEntry>(fd(&maps.services4), |key, entry| {
        services.extend(service_id(key).map(|id| (id, *entry)));
    })
    .map_err(failed_io("reading", names::SERVICES4))?;
    lb_sys::for_each::<ServiceKey<Addr6>, ServiceEntry>(fd(&maps.services6), |key, entry| {
        services.extend(service_id(key).map(|id| (id, *entry)));
    })
    .map_err(failed_io("reading", names::SERVICES6))?;
    Ok(services)
}

fn service_id<A: Address + Into<IpAddr>>(key: &ServiceKey<A>) -> Option<ServiceId> {
    Some(ServiceId {
        vip: key.address.into(),
        protocol: Protocol::from_number(key.protocol)?,
        port: NonZeroU16::new(key.port.host())?,
    })
}

fn backends(maps: &Maps) -> Result<BTreeMap<u32, BackendEntry>, DatapathError> {
    let mut backends = BTreeMap::new();
    lb_sys::for_each::<u32, BackendEntry>(array_fd(&maps.backends), |slot, entry| {
        let entry = BackendEntry { next_hop: 0, ..*entry };
        if entry != BackendEntry::default() {
            backends.insert(*slot, entry);
        }
    })
    .map_err(failed_io("reading", names::BACKENDS))?;
    Ok(backends)
}

fn pools(maps: &Maps) -> Result<BTreeMap<u32, ObservedTable>, DatapathError> {
    let mut pools = BTreeMap::new();
    for pool in 0..maps.size(names::POOLS) {
        match maps.pools.get(&pool, 0) {
            Ok(found) => {
                pools.insert(pool, observed_table(&found)?);
            }
            Err(aya::maps::MapError::KeyNotFound) => {}
            Err(error) => return Err(failed("reading a table of", names::POOLS)(error)),
        }
    }
    Ok(pools)
}

fn observed_table(found: &Table) -> Result<ObservedTable, DatapathError> {
    let read = |at: u32| -> Result<TableChunk, DatapathError> {
        found.get(&at, 0).map_err(failed("reading a table of", names::POOLS))
    };
    let header = read(0)?.header();
    let mut slots = Vec::with_capacity(header.length as usize);
    let chunks = header.length.div_ceil(TABLE_CHUNK as u32).min(found.len().saturating_sub(1));
    for at in 1..=chunks {
        slots.extend_from_slice(&read(at)?.slots);
    }
    slots.truncate(header.length as usize);
    let intact =
        slots.len() == header.length as usize && table::Table::content_hash(&slots) == header.content;
    Ok(ObservedTable { inputs: header.inputs, intact })
}

fn snat_addresses(maps: &Maps) -> Result<Vec<IpAddr>, DatapathError> {
    let control = maps.control.get(&0, 0).map_err(failed("reading", names::CONTROL))?;
    let mut addresses = Vec::new();
    for number in 0..control.snat4.min(SNAT_ADDRESSES) {
        let wide = maps.snat4.get(&number, 0).map_err(failed("reading", names::SNAT4))?;
        addresses.push(Addr4::narrow(wide).into());
    }
    for number in 0..control.snat6.min(SNAT_ADDRESSES) {
        let wide = maps.snat6.get(&number, 0).map_err(failed("reading", names::SNAT6))?;
        addresses.push(Addr6::narrow(wide).into());
    }
    Ok(addresses)
}
