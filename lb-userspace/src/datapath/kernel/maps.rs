// SPDX-License-Identifier: MIT OR Apache-2.0
//! Typed handles of the maps, and the changes that reconciliation makes to them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd as _, BorrowedFd};

use aya::Pod;
use aya::maps::{Array, ArrayOfMaps, HashMap, Map, MapData, MapError};
use lb_common::abi::{
    BackendEntry, Control, FlowEntry, FlowKey, LoadEntry, NeighbourKey, NextHop, ServiceEntry, ServiceKey,
    TableChunk, Tally, Traffic, names,
};
use lb_common::limits::SNAT_ADDRESSES;
use lb_common::net::{Addr4, Addr6, Address as _, Be16};
use lb_common::reason::REASON_SLOTS;

use super::firewall::{self, FirewallMap};
use super::observe::{Census, Mirror};
use crate::balance::table::{self, TableInputs};
use crate::datapath::view::TableFill;
use crate::datapath::{Change, DatapathError, Observed, ServiceId};

/// `BPF_F_INNER_MAP`: lets tables of one outer map differ in length.
const INNER_MAP: u32 = 0x1000;

/// A table of a pool.
pub type Table = Array<MapData, TableChunk>;

/// Every map.
pub struct Maps {
    pub flows4: HashMap<MapData, FlowKey<Addr4>, FlowEntry<Addr4>>,
    pub flows6: HashMap<MapData, FlowKey<Addr6>, FlowEntry<Addr6>>,
    pub unproven4: HashMap<MapData, FlowKey<Addr4>, FlowEntry<Addr4>>,
    pub unproven6: HashMap<MapData, FlowKey<Addr6>, FlowEntry<Addr6>>,
    pub services4: HashMap<MapData, ServiceKey<Addr4>, ServiceEntry>,
    pub services6: HashMap<MapData, ServiceKey<Addr6>, ServiceEntry>,
    vips4: HashMap<MapData, Addr4, u32>,
    vips6: HashMap<MapData, Addr6, u32>,
    pub pools: ArrayOfMaps<MapData, Table>,
    /// The same map once more, for the calls that aya's type does not have.
    pools_data: MapData,
    pub backends: Array<MapData, BackendEntry>,
    pub loads: Array<MapData, LoadEntry>,
    pub next_hops: Array<MapData, NextHop>,
    pub neighbours: HashMap<MapData, NeighbourKey, u32>,
    pub snat4: Array<MapData, [u32; 4]>,
    pub snat6: Array<MapData, [u32; 4]>,
    pub control: Array<MapData, Control>,
    pub firewall4: FirewallMap<Addr4>,
    pub firewall6: FirewallMap<Addr6>,
    service_traffic: aya::maps::PerCpuArray<MapData, Traffic>,
    backend_traffic: aya::maps::PerCpuArray<MapData, Traffic>,
    reasons: aya::maps::PerCpuArray<MapData, Tally>,
    cpus: usize,
    sizes: BTreeMap<&'static str, u32>,
    pub mirror: Mirror,
    /// The last walk through the flow tables.
    pub census: Option<Census>,
}

/// Turns aya's error into ours; a full map is told apart.
pub fn failed(action: &'static str, map: &'static str) -> impl Fn(MapError) -> DatapathError {
    move |error| DatapathError::Map { action, map, source: io_error(error) }
}

fn io_error(error: MapError) -> io::Error {
    match error {
        MapError::SyscallError(error) => error.io_error,
        other => io::Error::other(other),
    }
}

/// As [`failed`], for system calls of our own.
pub fn failed_io(action: &'static str, map: &'static str) -> impl Fn(io::Error) -> DatapathError {
    move |source| DatapathError::Map { action, map, source }
}

fn take<M>(program: &mut aya::Ebpf, name: &'static str) -> Result<M, DatapathError>
where
    M: TryFrom<Map, Error = MapError>,
{
    let missing =
        || DatapathError::Map { action: "finding", map: name, source: io::ErrorKind::NotFound.into() };
    M::try_from(program.take_map(name).ok_or_else(missing)?).map_err(failed("opening", name))
}

fn take_pools(program: &mut aya::Ebpf) -> Result<(ArrayOfMaps<MapData, Table>, MapData), DatapathError> {
    let error = failed("opening", names::POOLS);
    let Some(Map::ArrayOfMaps(data)) = program.take_map(names::POOLS) else {
        return Err(error(MapError::KeyNotFound));
    };
    let again = data.info().and_then(|info| MapData::from_id(info.id())).map_err(&error)?;
    Ok((ArrayOfMaps::try_from(Map::ArrayOfMaps(data)).map_err(error)?, again))
}

impl Maps {
    /// Takes the maps of a loaded program, whose sizes are given.
    pub fn take(program: &mut aya::Ebpf, sizes: BTreeMap<&'static str, u32>) -> Result<Self, DatapathError> {
        let (pools, pools_data) = take_pools(program)?;
        Ok(Self {
            flows4: take(program, names::FLOWS4)?,
            flows6: take(program, names::FLOWS6)?,
            unproven4: take(program, names::UNPROVEN4)?,
            unproven6: take(program, names::UNPROVEN6)?,
            services4: take(program, names::SERVICES4)?,
            services6: take(program, names::SERVICES6)?,
            vips4: take(program, names::VIPS4)?,
            vips6: take(program, names::VIPS6)?,
            pools,
            pools_data,
            backends: take(program, names::BACKENDS)?,
            loads: take(program, names::LOADS)?,
            next_hops: take(program, names::NEXT_HOPS)?,
            neighbours: take(program, names::NEIGHBOURS)?,
            snat4: take(program, names::SNAT4)?,
            snat6: take(program, names::SNAT6)?,
            control: take(program, names::CONTROL)?,
            firewall4: take(program, names::FIREWALL4)?,
            firewall6: take(program, names::FIREWALL6)?,
            service_traffic: take(program, names::SERVICE_TRAFFIC)?,
            backend_traffic: take(program, names::BACKEND_TRAFFIC)?,
            reasons: take(program, names::REASONS)?,
            cpus: aya::util::nr_cpus()
                .map_err(|(_, error)| failed_io("counting the CPUs of", names::REASONS)(error))?,
            sizes,
            mirror: Mirror::default(),
            census: None,
        })
    }

    /// How many entries each table has room for.
    pub fn capacities(&self) -> BTreeMap<String, TableFill> {
        let shown = [
            names::FLOWS4,
            names::FLOWS6,
            names::UNPROVEN4,
            names::UNPROVEN6,
            names::SERVICES4,
            names::SERVICES6,
            names::BACKENDS,
            names::NEXT_HOPS,
        ];
        let fill = |name| TableFill { used: 0, capacity: self.size(name) };
        shown.into_iter().map(|name| (name.to_lowercase(), fill(name))).collect()
    }

    /// Entries of a map.
    pub fn size(&self, name: &str) -> u32 {
        self.sizes.get(name).copied().unwrap_or_default()
    }

    /// What the maps hold; a quick look believes what was written through here.
    pub fn observe(&mut self, thorough: bool) -> Result<Observed, DatapathError> {
        if thorough || !self.mirror.is_complete() {
            self.mirror = Mirror::read(self)?.remembering(&self.mirror);
            self.set_vips_right()?;
        }
        Ok(self.mirror.with_open_flows(self.census.as_ref()))
    }

    /// Makes one change; a backend gets that next hop. One that fails may be half made: the next look reads all.
    pub fn apply(&mut self, change: &Change, next_hop: u32) -> Result<(), DatapathError> {
        let made = self.make(change, next_hop);
        match made {
            Ok(()) => self.mirror.note(change),
            Err(_) => self.mirror.forget(),
        }
        made
    }

    fn make(&mut self, change: &Change, next_hop: u32) -> Result<(), DatapathError> {
        match change {
            Change::SetSnatAddresses(addresses) => self.set_snat_addresses(addresses)?,
            Change::PutBackend { slot, entry } => {
                self.put_backend(*slot, BackendEntry { next_hop, ..*entry })?;
            }
            Change::SwapTable { pool, inputs } => self.swap_table(*pool, inputs)?,
            Change::PutFirewall { list, sources } => firewall::write(self, *list, sources)?,
            Change::RemoveFirewall { list } => {
                if let Some(sources) = self.mirror.firewall(*list) {
                    firewall::remove(self, *list, &sources)?;
                }
            }
            Change::PutService { id, entry } => {
                self.put_vip(id.vip)?;
                self.put_service(id, entry)?;
            }
            Change::RemoveService { id } => {
                self.remove_service(id)?;
                if !self.mirror.serves_beside(id) {
                    self.remove_vip(id.vip)?;
                }
            }
            Change::RemoveTable { pool } => self.remove_table(*pool)?,
            Change::Settle => lb_sys::settle().map_err(failed_io("settling", names::POOLS))?,
            Change::ReleaseBackend { slot, generation } => {
                self.put_backend(*slot, BackendEntry { generation: *generation, ..BackendEntry::default() })?;
            }
        }
        Ok(())
    }

    fn set_snat_addresses(&mut self, addresses: &[IpAddr]) -> Result<(), DatapathError> {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for address in addresses {
            match address {
                IpAddr::V4(address) => v4.push(Addr4::from(*address).wide()),
                IpAddr::V6(address) => v6.push(Addr6::from(*address).wide()),
            }
        }
        for (map, name, wanted) in
            [(&mut self.snat4, names::SNAT4, &v4), (&mut self.snat6, names::SNAT6, &v6)]
        {
            for (number, address) in (0..SNAT_ADDRESSES).zip(wanted) {
                map.set(number, address, 0).map_err(failed("writing", name))?;
            }
        }
        self.change_control(|control| {
            control.snat4 = v4.len() as u32;
            control.snat6 = v6.len() as u32;
        })
    }

    /// Changes the one value of `CONTROL`.
    pub fn change_control(&mut self, change: impl FnOnce(&mut Control)) -> Result<(), DatapathError> {
        let mut control = self.control.get(&0, 0).map_err(failed("reading", names::CONTROL))?;
        change(&mut control);
        self.control.set(0, control, 0).map_err(failed("writing", names::CONTROL))
    }

    /// Sets the program's log level.
    pub fn set_log_level(&mut self, level: u32) -> Result<(), DatapathError> {
        self.change_control(|control| control.log_level = level)
    }

    /// Writes a backend's slot. What the flow cache has of its flows goes stale when they lose it, or leave elsewhere.
    pub fn put_backend(&mut self, slot: u32, entry: BackendEntry) -> Result<(), DatapathError> {
        let before = self.backends.get(&slot, 0).map_err(failed("reading", names::BACKENDS))?;
        self.backends.set(slot, entry, 0).map_err(failed("writing", names::BACKENDS))?;
        let stale = (before.generation, before.next_hop) != (entry.generation, entry.next_hop);
        if stale && !before.is_free() {
            self.change_control(|control| control.cache_epoch = control.cache_epoch.wrapping_add(1))?;
        }
        Ok(())
    }

    fn swap_table(&mut self, pool: u32, inputs: &TableInputs) -> Result<(), DatapathError> {
        let built = table::build(inputs);
        let chunks: Vec<TableChunk> = built.chunks().collect();
        let mut fresh = Table::create(chunks.len() as u32, INNER_MAP)
            .map_err(failed("making a table of", names::POOLS))?;
        for (at, chunk) in (0..).zip(&chunks) {
            fresh.set(at, chunk, 0).map_err(failed("filling a table of", names::POOLS))?;
        }
        self.pools.set(pool, &fresh, 0).map_err(failed("swapping a table of", names::POOLS))
    }

    fn remove_table(&mut self, pool: u32) -> Result<(), DatapathError> {
        let removed = lb_sys::delete_one(self.pools_fd(), &pool);
        removed.map(drop).map_err(failed_io("removing a table of", names::POOLS))
    }

    fn put_service(&mut self, id: &ServiceId, entry: &ServiceEntry) -> Result<(), DatapathError> {
        let (port, protocol) = (Be16::new(id.port.get()), id.protocol.number());
        let (name, written) = match id.vip {
            IpAddr::V4(vip) => {
                let key = ServiceKey { address: Addr4::from(vip), port, protocol, pad: 0 };
                (names::SERVICES4, self.services4.insert(key, entry, 0))
            }
            IpAddr::V6(vip) => {
                let key = ServiceKey { address: Addr6::from(vip), port, protocol, pad: 0 };
                (names::SERVICES6, self.services6.insert(key, entry, 0))
            }
        };
        written.map_err(|error| {
            let source = io_error(error);
            if source.raw_os_error() == Some(nix::libc::E2BIG) {
                return DatapathError::Full { map: name, capacity: self.size(name), setting: "services" };
            }
            DatapathError::Map { action: "writing", map: name, source }
        })
    }

    fn remove_service(&mut self, id: &ServiceId) -> Result<(), DatapathError> {
        let (port, protocol) = (Be16::new(id.port.get()), id.protocol.number());
        let (name, removed) = match id.vip {
            IpAddr::V4(vip) => {
                let key = ServiceKey { address: Addr4::from(vip), port, protocol, pad: 0 };
                (names::SERVICES4, lb_sys::delete(fd(&self.services4), &[key]))
            }
            IpAddr::V6(vip) => {
                let key = ServiceKey { address: Addr6::from(vip), port, protocol, pad: 0 };
                (names::SERVICES6, lb_sys::delete(fd(&self.services6), &[key]))
            }
        };
        removed.map(drop).map_err(failed_io("removing from", name))
    }

    /// Adds an address to those that the program answers for.
    fn put_vip(&mut self, vip: IpAddr) -> Result<(), DatapathError> {
        match vip {
            IpAddr::V4(vip) => {
                self.vips4.insert(Addr4::from(vip), 1, 0).map_err(failed("writing", names::VIPS4))
            }
            IpAddr::V6(vip) => {
                self.vips6.insert(Addr6::from(vip), 1, 0).map_err(failed("writing", names::VIPS6))
            }
        }
    }

    /// Makes the VIPs those of the services: whoever wrote the maps may have been stopped between two writes.
    fn set_vips_right(&mut self) -> Result<(), DatapathError> {
        let wanted = self.mirror.vips();
        let mut found = BTreeSet::new();
        lb_sys::for_each::<Addr4, u32>(fd(&self.vips4), |vip, _| {
            let _ = found.insert(IpAddr::from(*vip));
        })
        .map_err(failed_io("reading", names::VIPS4))?;
        lb_sys::for_each::<Addr6, u32>(fd(&self.vips6), |vip, _| {
            let _ = found.insert(IpAddr::from(*vip));
        })
        .map_err(failed_io("reading", names::VIPS6))?;
        wanted.difference(&found).try_for_each(|vip| self.put_vip(*vip))?;
        found.difference(&wanted).try_for_each(|vip| self.remove_vip(*vip))
    }

    fn remove_vip(&mut self, vip: IpAddr) -> Result<(), DatapathError> {
        let (name, removed) = match vip {
            IpAddr::V4(vip) => (names::VIPS4, lb_sys::delete(fd(&self.vips4), &[Addr4::from(vip)])),
            IpAddr::V6(vip) => (names::VIPS6, lb_sys::delete(fd(&self.vips6), &[Addr6::from(vip)])),
        };
        removed.map(drop).map_err(failed_io("removing from", name))
    }

    /// Counters by reason number.
    pub fn reasons(&self) -> Result<Vec<Tally>, DatapathError> {
        let mut sums = vec![Tally::default(); REASON_SLOTS as usize];
        lb_sys::for_each_per_cpu::<Tally>(per_cpu_fd(&self.reasons), self.cpus, |index, values| {
            for value in values {
                sums[*index as usize].packets += value.packets;
                sums[*index as usize].bytes += value.bytes;
            }
        })
        .map_err(failed_io("reading", names::REASONS))?;
        Ok(sums)
    }

    /// Open flows by backend slot, where there are any.
    pub fn open_flows(&self) -> Result<BTreeMap<u32, u32>, DatapathError> {
        let mut open = BTreeMap::new();
        lb_sys::for_each::<u32, LoadEntry>(array_fd(&self.loads), |slot, load| {
            if load.open() > 0 {
                open.insert(*slot, load.open());
            }
        })
        .map_err(failed_io("reading", names::LOADS))?;
        Ok(open)
    }

    /// Counters by service index.
    pub fn service_traffic(&self) -> Result<BTreeMap<u32, Traffic>, DatapathError> {
        self.traffic(&self.service_traffic, names::SERVICE_TRAFFIC)
    }

    /// Counters by backend slot.
    pub fn backend_traffic(&self) -> Result<BTreeMap<u32, Traffic>, DatapathError> {
        self.traffic(&self.backend_traffic, names::BACKEND_TRAFFIC)
    }

    fn traffic(
        &self,
        map: &aya::maps::PerCpuArray<MapData, Traffic>,
        name: &'static str,
    ) -> Result<BTreeMap<u32, Traffic>, DatapathError> {
        let mut sums = BTreeMap::new();
        lb_sys::for_each_per_cpu::<Traffic>(per_cpu_fd(map), self.cpus, |index, values| {
            let mut sum = Traffic::default();
            for value in values {
                sum.packets_in += value.packets_in;
                sum.bytes_in += value.bytes_in;
                sum.packets_out += value.packets_out;
                sum.bytes_out += value.bytes_out;
                sum.flows += value.flows;
            }
            if sum != Traffic::default() {
                sums.insert(*index, sum);
            }
        })
        .map_err(failed_io("reading", name))?;
        Ok(sums)
    }

    /// The outer map's descriptor.
    fn pools_fd(&self) -> BorrowedFd<'_> {
        self.pools_data.fd().as_fd()
    }
}

/// A hash map's descriptor.
pub fn fd<K: Pod, V: Pod>(map: &HashMap<MapData, K, V>) -> BorrowedFd<'_> {
    use aya::maps::IterableMap as _;
    map.map().fd().as_fd()
}

/// An array's descriptor.
pub fn array_fd<V: Pod>(map: &Array<MapData, V>) -> BorrowedFd<'_> {
    use aya::maps::IterableMap as _;
    map.map().fd().as_fd()
}

fn per_cpu_fd<V: Pod>(map: &aya::maps::PerCpuArray<MapData, V>) -> BorrowedFd<'_> {
    use aya::maps::IterableMap as _;
    map.map().fd().as_fd()
}
