// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Every map, and safe ways to it. Layouts are in [`lb_common::abi`], which also says who reads and who writes. Sizes
//! here are placeholders: the loader sets them from the configuration.
#![expect(unsafe_code, reason = "map values are shared memory; accessors copy, or write what is idempotent")]

use aya_ebpf::bindings::{BPF_ANY, BPF_NOEXIST};
use aya_ebpf::btf_maps::lpm_trie::{Key, LpmTrie};
use aya_ebpf::btf_maps::{Array, ArrayOfMaps, HashMap, LruHashMap, PerCpuArray};
use aya_ebpf::macros::btf_map;
use lb_common::abi::{
    BackendEntry, Bucket, Control, FirewallKey, FlowEntry, FlowKey, FlowMeta, FragmentEntry, FragmentKey,
    LoadEntry, NeighbourKey, NextHop, ServiceEntry, ServiceKey, SourceKey, TableChunk, TableHeader, Tally,
    Traffic, Turn, UNKNOWN_NEXT_HOP, whole,
};
use lb_common::limits::{FRAGMENT_ENTRIES, SNAT_ADDRESSES, SOURCE_RATES, TABLE_CHUNK, TOUCH_JIFFIES};
use lb_common::nat;
use lb_common::net::{Addr4, Addr6, Address, Be16, Be32};
use lb_common::reason::REASON_SLOTS;

use crate::egress::Recipe;
use crate::{cache, kernel};

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

/// Where a flow is put together before it is entered: too large for the stack, and nobody else's while the program runs.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Draft<A> {
    /// The direction of the packet at hand.
    pub near: FlowEntry<A>,
    /// The other one.
    pub far: FlowEntry<A>,
    /// The tuple of the packet at hand.
    pub near_key: FlowKey<A>,
    /// The tuple of the other direction.
    pub far_key: FlowKey<A>,
}

impl<A: Family> Draft<A> {
    /// Copies the flow in `slot`, of which `key` is the tuple of the packet at hand.
    #[inline(always)]
    pub fn copy(&mut self, key: &FlowKey<A>, slot: Slot<A>) {
        self.near_key = *key;
        self.near = slot.entry();
        self.far_key = self.near.peer(key.protocol);
        nat::invert(&self.near_key, &self.near, &mut self.far);
    }
}

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

/// An entry of a flow table, in place. Others may write it too, so what is written here is idempotent or only grows.
#[derive(Clone, Copy)]
pub struct Slot<A>(*mut FlowEntry<A>);

impl<A: Family> Slot<A> {
    /// A copy of the entry.
    #[inline(always)]
    pub fn entry(self) -> FlowEntry<A> {
        // SAFETY: a pointer that a look-up gave is valid while the program runs.
        unsafe { *self.0 }
    }

    /// Copies the addresses to write.
    #[inline(always)]
    pub fn put_addresses(self, source: &mut A, destination: &mut A) {
        // SAFETY: as in `entry`.
        unsafe {
            (*self.0).source.put(source);
            (*self.0).destination.put(destination);
        }
    }

    /// A copy of what does not depend on the family.
    #[inline(always)]
    pub fn meta(self) -> FlowMeta {
        // SAFETY: as in `entry`.
        unsafe { (*self.0).meta }
    }

    /// The tuple of the other direction.
    #[inline(always)]
    pub fn peer_key(self, protocol: u8) -> FlowKey<A> {
        self.entry().peer(protocol)
    }

    /// Sets state bits and returns those there were.
    #[inline(always)]
    pub fn add_state(self, bits: u32) -> u32 {
        // SAFETY: as in `entry`; only the field's address is taken.
        kernel::fetch_or(unsafe { &raw mut (*self.0).meta.state }, bits)
    }

    /// Renews the time of the last packet, unless that was done a moment ago.
    #[inline(always)]
    pub fn touch(self) {
        let now = kernel::jiffies();
        // SAFETY: as in `entry`; a lost write costs a second of accuracy.
        unsafe {
            if now.wrapping_sub((*self.0).meta.touched) >= TOUCH_JIFFIES / 2 {
                (*self.0).meta.touched = now;
                (*self.0).meta.last_seen = kernel::boot_seconds();
            }
        }
    }

    /// Remembers the next hop towards the client.
    #[inline(always)]
    pub fn set_next_hop(self, index: u32, epoch: u32) {
        // SAFETY: as in `entry`; all who write at the same time write the same.
        unsafe {
            (*self.0).meta.next_hop = index;
            (*self.0).meta.route_epoch = epoch;
        }
    }

    /// Notes the acknowledgement number that will prove the client.
    #[inline(always)]
    pub fn set_proof(self, proof: u32) {
        // SAFETY: as in `entry`; a SYN-ACK that is sent again carries the same number.
        unsafe { (*self.0).meta.proof = proof };
    }
}

impl<A: Family> Recipe for Slot<A> {
    #[inline(always)]
    fn source(&self) -> [u32; 4] {
        // SAFETY: as in `entry`.
        unsafe { (*self.0).source }.wide()
    }

    #[inline(always)]
    fn destination(&self) -> [u32; 4] {
        // SAFETY: as in `entry`.
        unsafe { (*self.0).destination }.wide()
    }

    #[inline(always)]
    fn ports(&self) -> [Be16; 2] {
        // SAFETY: as in `entry`.
        unsafe { [(*self.0).source_port, (*self.0).destination_port] }
    }

    #[inline(always)]
    fn ip_delta(&self) -> u16 {
        // SAFETY: as in `entry`.
        unsafe { (*self.0).meta.ip_delta }
    }

    #[inline(always)]
    fn l4_delta(&self) -> u16 {
        // SAFETY: as in `entry`.
        unsafe { (*self.0).meta.l4_delta }
    }
}

/// The proven flow with that tuple.
#[inline(always)]
pub fn proven<A: Family>(key: &FlowKey<A>) -> Option<Slot<A>> {
    A::flows().get_ptr_mut(key).map(Slot)
}

/// The unproven flow with that tuple.
#[inline(always)]
pub fn unproven<A: Family>(key: &FlowKey<A>) -> Option<Slot<A>> {
    A::unproven().get_ptr_mut(key).map(Slot)
}

/// A flow by the table it was found in.
#[derive(Clone, Copy)]
pub enum Found<A> {
    Proven(Slot<A>),
    Unproven(Slot<A>),
    Nowhere,
}

/// The flow with that tuple. One that proves itself on another CPU meanwhile is entered into the one table before it is
/// taken out of the other: who has missed it in both looks once more.
#[inline(always)]
pub fn find<A: Family>(key: &FlowKey<A>) -> Found<A> {
    if let Some(slot) = proven(key) {
        return Found::Proven(slot);
    }
    if let Some(slot) = unproven(key) {
        return Found::Unproven(slot);
    }
    proven(key).map_or(Found::Nowhere, Found::Proven)
}

/// The flow with that tuple, proven or not.
#[inline(always)]
pub fn flow<A: Family>(key: &FlowKey<A>) -> Option<Slot<A>> {
    match find(key) {
        Found::Proven(slot) | Found::Unproven(slot) => Some(slot),
        Found::Nowhere => None,
    }
}

/// What became of an attempt to enter a flow.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Entered {
    Yes,
    /// The tuple is in use.
    Taken,
    /// There is no room.
    Full,
}

const EEXIST: i32 = 17;

#[inline(always)]
fn entered(result: Result<(), i32>) -> Entered {
    match result {
        Ok(()) => Entered::Yes,
        Err(error) if error == -EEXIST => Entered::Taken,
        Err(_) => Entered::Full,
    }
}

/// Enters a proven flow's direction, if its tuple is free.
#[inline(always)]
pub fn enter_proven<A: Family>(key: &FlowKey<A>, entry: &FlowEntry<A>) -> Entered {
    entered(A::flows().insert(key, entry, u64::from(BPF_NOEXIST)))
}

/// Enters an unproven flow's direction, if its tuple is free.
#[inline(always)]
pub fn enter_unproven<A: Family>(key: &FlowKey<A>, entry: &FlowEntry<A>) -> Entered {
    entered(A::unproven().insert(key, entry, u64::from(BPF_NOEXIST)))
}

/// Puts back a direction that an unproven flow has lost; the other direction says what it was.
#[inline(always)]
pub fn mend_unproven<A: Family>(key: &FlowKey<A>, entry: &FlowEntry<A>) {
    let _ = A::unproven().insert(key, entry, u64::from(BPF_ANY));
}

/// Forgets a proven flow's direction.
#[inline(always)]
pub fn remove_proven<A: Family>(key: &FlowKey<A>) {
    let _ = A::flows().remove(key);
}

/// Forgets an unproven flow's direction.
#[inline(always)]
pub fn remove_unproven<A: Family>(key: &FlowKey<A>) {
    let _ = A::unproven().remove(key);
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

/// Remembers what a first fragment said.
#[inline(always)]
pub fn remember_fragment<A: Family>(key: &FragmentKey<A>, entry: &FragmentEntry) {
    let _ = A::fragments().insert(key, entry, u64::from(BPF_ANY));
}

/// What the first fragment said.
#[inline(always)]
pub fn first_fragment<A: Family>(key: &FragmentKey<A>) -> Option<FragmentEntry> {
    // SAFETY: copied at once; an entry is replaced by one that says the same.
    unsafe { A::fragments().get(key) }.copied()
}

/// True if a firewall list has a network that the address is in.
#[inline(always)]
pub fn admits<A: Family>(list: u32, address: A) -> bool {
    A::firewall().get(&Key::new(whole::<A>(), FirewallKey { list: Be32::new(list), address })).is_some()
}

/// A token bucket in place.
#[derive(Clone, Copy)]
pub struct Tokens(*mut Bucket);

impl Tokens {
    /// When the bucket is full.
    #[inline(always)]
    pub fn full_at(self) -> u64 {
        // SAFETY: a pointer that a look-up gave is valid while the program runs.
        unsafe { (*self.0).full_at }
    }

    /// Lets it be full at that moment.
    #[inline(always)]
    pub fn set(self, moment: u64) {
        // SAFETY: as in `full_at`; of writes at the same time one counts, a token or two are lost.
        unsafe { (*self.0).full_at = moment };
    }

    /// Puts the moment off.
    #[inline(always)]
    pub fn add(self, nanoseconds: u64) {
        // SAFETY: as in `full_at`; only the field's address is taken.
        let _ = kernel::fetch_add(unsafe { &raw mut (*self.0).full_at }, nanoseconds);
    }
}

/// The bucket of a service.
#[inline(always)]
pub fn service_tokens(service: u32) -> Option<Tokens> {
    SERVICE_RATES.get_ptr_mut(service).map(Tokens)
}

/// The bucket of a source, a full one if it is new.
#[inline(always)]
pub fn source_tokens<A: Family>(key: &SourceKey<A>) -> Option<Tokens> {
    let known = A::source_rates().get_ptr_mut(key);
    if known.is_none() {
        // Another CPU may be faster: then there is one.
        let _ = A::source_rates().insert(key, &Bucket { full_at: 0 }, u64::from(BPF_NOEXIST));
        return A::source_rates().get_ptr_mut(key).map(Tokens);
    }
    known.map(Tokens)
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

/// A backend's open flows.
#[inline(always)]
pub fn open_flows(slot: u32) -> u32 {
    LOADS.get(slot).map_or(0, LoadEntry::open)
}

/// Counts a flow that a backend gets.
#[inline(always)]
pub fn count_opened(slot: u32) {
    if let Some(load) = LOADS.get_ptr_mut(slot) {
        // SAFETY: a pointer that a look-up gave is valid while the program runs; only the field's address is taken.
        let _ = kernel::fetch_increment(unsafe { &raw mut (*load).opened }.cast());
    }
}

/// Counts a flow that a backend has no more.
#[inline(always)]
pub fn count_closed(slot: u32) {
    if let Some(load) = LOADS.get_ptr_mut(slot) {
        // SAFETY: as in `count_opened`.
        let _ = kernel::fetch_increment(unsafe { &raw mut (*load).closed }.cast());
    }
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

/// What holds for every packet.
#[inline(always)]
pub fn control() -> Control {
    CONTROL.get(0).copied().unwrap_or_default()
}

/// Counts a packet of a flow and of its service and backend.
#[inline(always)]
pub fn count_traffic(service: u32, backend: u32, from_client: bool, bytes: u32) {
    let add = |traffic: &mut Traffic| {
        if from_client {
            traffic.packets_in += 1;
            traffic.bytes_in += u64::from(bytes);
        } else {
            traffic.packets_out += 1;
            traffic.bytes_out += u64::from(bytes);
        }
    };
    with_traffic(&SERVICE_TRAFFIC, service, add);
    with_traffic(&BACKEND_TRAFFIC, backend, add);
}

/// Counts a flow that was created.
#[inline(always)]
pub fn count_flow(service: u32, backend: u32) {
    with_traffic(&SERVICE_TRAFFIC, service, |traffic| traffic.flows += 1);
    with_traffic(&BACKEND_TRAFFIC, backend, |traffic| traffic.flows += 1);
}

#[inline(always)]
fn with_traffic(map: &PerCpuArray<Traffic, 1>, index: u32, change: impl FnOnce(&mut Traffic)) {
    if let Some(traffic) = map.get_ptr_mut(index) {
        // SAFETY: this CPU's own value, and the program is not interrupted by itself.
        change(unsafe { &mut *traffic });
    }
}

/// Counts a verdict.
#[inline(always)]
pub fn count_reason(reason: u32, bytes: u32) {
    if let Some(tally) = REASONS.get_ptr_mut(reason) {
        // SAFETY: this CPU's own value.
        unsafe {
            (*tally).packets += 1;
            (*tally).bytes += u64::from(bytes);
        }
    }
}
