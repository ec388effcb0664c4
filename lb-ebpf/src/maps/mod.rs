// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Every map, and safe ways to it: here to what user space writes, in the parts to flows, counters and policies. Layouts
//! are in [`lb_common::abi`], which also says who reads and who writes. Sizes
//! here are placeholders: the loader sets them from the configuration.
#![expect(unsafe_code, reason = "map values are shared memory; accessors copy, or write what is idempotent")]

mod counters;
mod flows;
mod policy;

use aya_ebpf::btf_maps::lpm_trie::LpmTrie;
use aya_ebpf::btf_maps::{Array, ArrayOfMaps, HashMap, LruHashMap, PerCpuArray};
use aya_ebpf::macros::btf_map;
use lb_common::abi::{
    BackendEntry, Bucket, Control, FirewallKey, FlowEntry, FlowKey, FragmentEntry, FragmentKey, LoadEntry,
    NeighbourKey, NextHop, ServiceEntry, ServiceKey, SourceKey, TableChunk, TableHeader, Tally, Traffic,
    Turn, UNKNOWN_NEXT_HOP,
};
use lb_common::limits::{FRAGMENT_ENTRIES, SNAT_ADDRESSES, SOURCE_RATES, TABLE_CHUNK};
use lb_common::net::{Addr4, Addr6, Address};
use lb_common::reason::REASON_SLOTS;

pub use counters::*;
pub use flows::*;
pub use policy::*;

use crate::cache;
use crate::kernel::{self, Route};

/// `BPF_F_INNER_MAP`: the maps of an outer one may differ in length.
const INNER_MAP: usize = 0x1000;

type Flows<A> = HashMap<FlowKey<A>, FlowEntry<A>, 1>;
type Unproven<A> = LruHashMap<FlowKey<A>, FlowEntry<A>, 1>;
type Vips<A> = HashMap<A, u32, 1>;
type Fragments<A> = LruHashMap<FragmentKey<A>, FragmentEntry, { FRAGMENT_ENTRIES as usize }>;
type Services<A> = HashMap<ServiceKey<A>, ServiceEntry, 1>;
type Firewall<A> = LpmTrie<FirewallKey<A>, u32, 1>;
type SourceRates<A> = LruHashMap<SourceKey<A>, Bucket, { SOURCE_RATES as usize }>;
/// A pool's table: the words of each [`TableChunk`]. Not the structure itself: Linux before 6.2 finds maps whose values are
/// described as a structure unlike those that user space makes, without any description, and keeps them out of an outer
/// map.
pub type Table = Array<[u32; TABLE_CHUNK], 2, INNER_MAP>;

#[btf_map]
static FLOWS4: Flows<Addr4> = HashMap::new();
#[btf_map]
static FLOWS6: Flows<Addr6> = HashMap::new();
#[btf_map]
static UNPROVEN4: Unproven<Addr4> = LruHashMap::new();
#[btf_map]
static UNPROVEN6: Unproven<Addr6> = LruHashMap::new();
#[btf_map]
static SERVICES4: Services<Addr4> = HashMap::new();
#[btf_map]
static SERVICES6: Services<Addr6> = HashMap::new();
#[btf_map]
static VIPS4: Vips<Addr4> = HashMap::new();
#[btf_map]
static VIPS6: Vips<Addr6> = HashMap::new();
#[btf_map]
static FRAGMENTS4: Fragments<Addr4> = LruHashMap::new();
#[btf_map]
static FRAGMENTS6: Fragments<Addr6> = LruHashMap::new();
#[btf_map]
static POOLS: ArrayOfMaps<Table, 1> = ArrayOfMaps::new();
#[btf_map]
static BACKENDS: Array<BackendEntry, 1> = Array::new();
#[btf_map]
static LOADS: Array<LoadEntry, 1> = Array::new();
#[btf_map]
static TURNS: Array<Turn, 1> = Array::new();
#[btf_map]
static NEXT_HOPS: Array<NextHop, 1> = Array::new();
#[btf_map]
static NEIGHBOURS: HashMap<NeighbourKey, u32, 1> = HashMap::new();
#[btf_map]
static SNAT4: Array<[u32; 4], { SNAT_ADDRESSES as usize }> = Array::new();
#[btf_map]
static SNAT6: Array<[u32; 4], { SNAT_ADDRESSES as usize }> = Array::new();
#[btf_map]
static CONTROL: Array<Control, 1> = Array::new();
#[btf_map]
static FIREWALL4: Firewall<Addr4> = LpmTrie::new();
#[btf_map]
static FIREWALL6: Firewall<Addr6> = LpmTrie::new();
#[btf_map]
static SERVICE_RATES: Array<Bucket, 1> = Array::new();
#[btf_map]
static SOURCE_RATES4: SourceRates<Addr4> = LruHashMap::new();
#[btf_map]
static SOURCE_RATES6: SourceRates<Addr6> = LruHashMap::new();
#[btf_map]
static SERVICE_TRAFFIC: PerCpuArray<Traffic, 1> = PerCpuArray::new();
#[btf_map]
static BACKEND_TRAFFIC: PerCpuArray<Traffic, 1> = PerCpuArray::new();
#[btf_map]
static REASONS: PerCpuArray<Tally, { REASON_SLOTS as usize }> = PerCpuArray::new();

#[btf_map]
static ROUTE: PerCpuArray<Route, 1> = PerCpuArray::new();
#[btf_map]
static DRAFT4: PerCpuArray<Draft<Addr4>, 1> = PerCpuArray::new();
#[btf_map]
static DRAFT6: PerCpuArray<Draft<Addr6>, 1> = PerCpuArray::new();

/// An address family with its maps.
pub trait Family: Address {
    fn flows() -> &'static Flows<Self>;
    fn unproven() -> &'static Unproven<Self>;
    fn services() -> &'static Services<Self>;
    fn vips() -> &'static Vips<Self>;
    fn fragments() -> &'static Fragments<Self>;
    fn firewall() -> &'static Firewall<Self>;
    fn source_rates() -> &'static SourceRates<Self>;
    fn cache() -> &'static cache::Sets<Self>;
    fn draft() -> Option<&'static mut Draft<Self>>;
    fn snat_address(number: u32) -> Option<&'static [u32; 4]>;
    fn snat_count(control: &Control) -> u32;
}

impl Family for Addr4 {
    #[inline(always)]
    fn flows() -> &'static Flows<Self> {
        &FLOWS4
    }

    #[inline(always)]
    fn unproven() -> &'static Unproven<Self> {
        &UNPROVEN4
    }

    #[inline(always)]
    fn services() -> &'static Services<Self> {
        &SERVICES4
    }

    #[inline(always)]
    fn vips() -> &'static Vips<Self> {
        &VIPS4
    }

    #[inline(always)]
    fn fragments() -> &'static Fragments<Self> {
        &FRAGMENTS4
    }

    #[inline(always)]
    fn firewall() -> &'static Firewall<Self> {
        &FIREWALL4
    }

    #[inline(always)]
    fn source_rates() -> &'static SourceRates<Self> {
        &SOURCE_RATES4
    }

    #[inline(always)]
    fn cache() -> &'static cache::Sets<Self> {
        &cache::CACHE4
    }

    #[inline(always)]
    fn draft() -> Option<&'static mut Draft<Self>> {
        // SAFETY: this CPU's own value; one caller in the program takes it.
        DRAFT4.get_ptr_mut(0).map(|draft| unsafe { &mut *draft })
    }

    #[inline(always)]
    fn snat_address(number: u32) -> Option<&'static [u32; 4]> {
        SNAT4.get(number)
    }

    #[inline(always)]
    fn snat_count(control: &Control) -> u32 {
        control.snat4
    }
}

impl Family for Addr6 {
    #[inline(always)]
    fn flows() -> &'static Flows<Self> {
        &FLOWS6
    }

    #[inline(always)]
    fn unproven() -> &'static Unproven<Self> {
        &UNPROVEN6
    }

    #[inline(always)]
    fn services() -> &'static Services<Self> {
        &SERVICES6
    }

    #[inline(always)]
    fn vips() -> &'static Vips<Self> {
        &VIPS6
    }

    #[inline(always)]
    fn fragments() -> &'static Fragments<Self> {
        &FRAGMENTS6
    }

    #[inline(always)]
    fn firewall() -> &'static Firewall<Self> {
        &FIREWALL6
    }

    #[inline(always)]
    fn source_rates() -> &'static SourceRates<Self> {
        &SOURCE_RATES6
    }

    #[inline(always)]
    fn cache() -> &'static cache::Sets<Self> {
        &cache::CACHE6
    }

    #[inline(always)]
    fn draft() -> Option<&'static mut Draft<Self>> {
        // SAFETY: this CPU's own value; one caller in the program takes it.
        DRAFT6.get_ptr_mut(0).map(|draft| unsafe { &mut *draft })
    }

    #[inline(always)]
    fn snat_address(number: u32) -> Option<&'static [u32; 4]> {
        SNAT6.get(number)
    }

    #[inline(always)]
    fn snat_count(control: &Control) -> u32 {
        control.snat6
    }
}

/// The service with that frontend.
#[inline(always)]
pub fn service<A: Family>(key: &ServiceKey<A>) -> Option<ServiceEntry> {
    // SAFETY: copied at once; user space replaces entries as a whole.
    unsafe { A::services().get(key) }.copied()
}

/// True for an address that a service has.
#[inline(always)]
pub fn is_vip<A: Family>(address: &A) -> bool {
    // SAFETY: the value is not read.
    unsafe { A::vips().get(address) }.is_some()
}

/// A pool's table: the same one until the program ends, even if it is swapped meanwhile.
#[inline(always)]
pub fn table(pool: u32) -> Option<&'static Table> {
    POOLS.get(pool)
}

/// The head of a table.
#[inline(always)]
pub fn table_header(table: &Table) -> Option<TableHeader> {
    table.get(0).map(|slots| TableChunk { slots: *slots }.header())
}

/// The backend's slot in place `at` of a table.
#[inline(always)]
pub fn table_slot(table: &Table, at: u32) -> Option<u32> {
    let slots = table.get(1 + at / TABLE_CHUNK as u32)?;
    slots.get(at as usize % TABLE_CHUNK).copied()
}

/// The backend in a slot, in place: of an array, so it stays valid, and user space changes one field at a time.
#[inline(always)]
pub fn backend(slot: u32) -> Option<&'static BackendEntry> {
    BACKENDS.get(slot)
}

/// Takes the next turn of a service.
#[inline(always)]
pub fn take_turn(service: u32) -> u64 {
    let Some(turn) = TURNS.get_ptr_mut(service) else { return 0 };
    // SAFETY: as in `count_opened`.
    kernel::fetch_increment(unsafe { &raw mut (*turn).next })
}

/// The next hop with that index, unless it stands for "unknown".
#[inline(always)]
pub fn next_hop(index: u32) -> Option<&'static NextHop> {
    if index == UNKNOWN_NEXT_HOP { None } else { NEXT_HOPS.get(index) }
}

/// The index of a neighbour's next hop, if user space has given it one.
#[inline(always)]
pub fn neighbour(key: &NeighbourKey) -> u32 {
    // SAFETY: copied at once; the value is one word.
    unsafe { NEIGHBOURS.get(key) }.copied().unwrap_or(UNKNOWN_NEXT_HOP)
}

/// Where the routing table is asked: a question takes too much of the stack.
#[inline(always)]
pub fn route() -> Option<&'static mut Route> {
    // SAFETY: this CPU's own value; one caller in the program takes it.
    ROUTE.get_ptr_mut(0).map(|route| unsafe { &mut *route })
}

/// What holds for every packet.
#[inline(always)]
pub fn control() -> Control {
    CONTROL.get(0).copied().unwrap_or_default()
}
