// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The flow cache: what the usual packet of a proven flow needs, in one cache line of this CPU's own, so that it costs no
//! look-up in the flow table. The table stays the only truth, and a line is believed for a moment only:
//!
//! - its epoch must be the one of `CONTROL`, which user space raises after it has taken a backend's slot from its flows or
//!   has moved a next hop;
//! - it must have been filled less than [`TOUCH_JIFFIES`] ago: about once a second a flow's packet takes the slow path,
//!   which renews the time in the table and fills the line again;
//! - a flow that has ended is not in it: whoever ends one clears its lines of all CPUs, and fills none afterwards.
#![expect(unsafe_code, reason = "lines are shared memory; each is written by its own CPU, or cleared")]

use aya_ebpf::btf_maps::Array;
use aya_ebpf::macros::btf_map;
use lb_common::abi::{FlowKey, UNKNOWN_NEXT_HOP};
use lb_common::hash;
use lb_common::limits::TOUCH_JIFFIES;
use lb_common::net::{Addr4, Addr6, Be16};
use lb_common::tcp;

use crate::egress::{self, Recipe};
use crate::kernel::{self, Turn};
use crate::maps::{self, Family, Slot};

/// `BPF_F_MMAPABLE`: the kernel then starts the values at a page, and lines do not straddle the CPU's.
const ALIGNED: usize = 1 << 10;
/// Places that a tuple may be in.
const WAYS: usize = 2;

/// Sets of each CPU, a power of two; the loader sets it, and the maps' sizes to that times the number of CPUs.
#[unsafe(no_mangle)]
static CACHE_SETS: u32 = 1;
/// The number of CPUs there can be; the loader sets it.
#[unsafe(no_mangle)]
static CACHE_CPUS: u32 = 1;

/// One direction of a flow: 64 bytes for IPv4, 128 for IPv6.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
pub struct Line<A> {
    key: FlowKey<A>,
    source: A,
    destination: A,
    source_port: Be16,
    destination_port: Be16,
    ip_delta: u16,
    l4_delta: u16,
    epoch: u32,
    /// Jiffies when the line was filled.
    filled: u32,
    next_hop: u32,
    service: u32,
    backend: u32,
    from_client: u32,
}

/// The lines that one hash leads to.
pub type Set<A> = [Line<A>; WAYS];
/// All sets of all CPUs, those of one CPU together.
pub type Sets<A> = Array<Set<A>, 1, ALIGNED>;

const _: () = assert!(size_of::<Set<Addr4>>() == 128 && size_of::<Set<Addr6>>() == 256);

#[btf_map]
pub static CACHE4: Sets<Addr4> = Array::new();
#[btf_map]
pub static CACHE6: Sets<Addr6> = Array::new();

/// A line in place.
#[derive(Clone, Copy)]
pub struct Cached<A>(*mut Line<A>);

/// What changes whenever lines are no longer to be believed; read before the flow is.
#[inline(always)]
pub fn epoch() -> u32 {
    maps::control().cache_epoch
}

/// The line of the flow with that tuple, if there is one to be believed.
#[inline(always)]
pub fn find<A: Family>(key: &FlowKey<A>) -> Option<Cached<A>> {
    let line = line_of(set(kernel::cpu(), key)?, key)?;
    // SAFETY: a pointer into a map value, valid while the program runs.
    let line_ref = unsafe { &*line };
    let fresh = kernel::jiffies().wrapping_sub(line_ref.filled) < TOUCH_JIFFIES;
    (fresh && line_ref.epoch == epoch()).then_some(Cached(line))
}

/// Fills a line with the direction in `slot`, if it has its backend still and leaves by a known next hop; `epoch` is from
/// before the slot was read.
#[inline(always)]
pub fn fill<A: Family>(key: &FlowKey<A>, slot: Slot<A>, epoch: u32) {
    let next_hop = egress::next_hop(slot);
    let meta = slot.meta();
    let kept = maps::backend(meta.backend).is_some_and(|backend| backend.generation == meta.generation);
    if next_hop == UNKNOWN_NEXT_HOP || !kept {
        return;
    }
    let Some(set) = set::<A>(kernel::cpu(), key) else { return };
    let line = line_of(set, key).unwrap_or_else(|| older(set));
    // SAFETY: a pointer into a map value; the line is this CPU's, and others only clear it.
    unsafe {
        key.put(&mut (*line).key);
        let [source_port, destination_port] = slot.ports();
        slot.put_addresses(&mut (*line).source, &mut (*line).destination);
        (*line).source_port = source_port;
        (*line).destination_port = destination_port;
        (*line).ip_delta = meta.ip_delta;
        (*line).l4_delta = meta.l4_delta;
        (*line).epoch = epoch;
        (*line).filled = kernel::jiffies();
        (*line).next_hop = next_hop;
        (*line).service = meta.service;
        (*line).backend = meta.backend;
        (*line).from_client = u32::from(meta.from_client());
    }
    // The bit is set behind the line and before the state is read: one who ends the flow clears the line or is seen here.
    if tcp::closing(slot.add_state(tcp::CACHED)) {
        clear(line);
    }
}

/// Clears the lines of a flow's direction, of all CPUs.
#[inline(always)]
pub fn forget<A: Family>(key: &FlowKey<A>) {
    kernel::repeat(cpus(), |cpu| {
        if let Some(line) = set(cpu, key).and_then(|set| line_of(set, key)) {
            clear(line);
        }
        Turn::Next
    });
}

#[inline(always)]
fn clear<A>(line: *mut Line<A>) {
    // SAFETY: a pointer into a map value; a key that no packet has makes the line nobody's.
    unsafe { (*line).key.protocol = 0 };
}

#[inline(always)]
fn cpus() -> u32 {
    // SAFETY: the loader has written it before the program was loaded; volatile, as the compiler sees another value.
    unsafe { core::ptr::read_volatile(&raw const CACHE_CPUS) }
}

#[inline(always)]
fn set<A: Family>(cpu: u32, key: &FlowKey<A>) -> Option<*mut Set<A>> {
    // SAFETY: as in `cpus`.
    let sets = unsafe { core::ptr::read_volatile(&raw const CACHE_SETS) };
    let hash = hash::cache(key.source, key.destination, key.source_port, key.destination_port);
    A::cache().get_ptr_mut(cpu * sets + (hash & (sets - 1)))
}

#[inline(always)]
fn line_of<A: Family>(set: *mut Set<A>, key: &FlowKey<A>) -> Option<*mut Line<A>> {
    let first = set.cast::<Line<A>>();
    // SAFETY: a set is so many lines.
    unsafe {
        if (*first).key.same(key) {
            return Some(first);
        }
        let second = first.add(1);
        (*second).key.same(key).then_some(second)
    }
}

#[inline(always)]
fn older<A>(set: *mut Set<A>) -> *mut Line<A> {
    let first = set.cast::<Line<A>>();
    // SAFETY: as in `line_of`.
    unsafe {
        let second = first.add(1);
        if ((*first).filled.wrapping_sub((*second).filled) as i32) <= 0 { first } else { second }
    }
}

impl<A: Family> Cached<A> {
    /// The line.
    #[inline(always)]
    fn line(&self) -> &Line<A> {
        // SAFETY: a pointer into a map value, valid while the program runs.
        unsafe { &*self.0 }
    }

    /// Index of the next hop; for both directions.
    #[inline(always)]
    pub fn next_hop(&self) -> u32 {
        self.line().next_hop
    }

    /// Counts a packet.
    #[inline(always)]
    pub fn count(&self, bytes: u32) {
        let line = self.line();
        maps::count_traffic(line.service, line.backend, line.from_client != 0, bytes);
    }
}

impl<A: Family> Recipe for Cached<A> {
    #[inline(always)]
    fn source(&self) -> [u32; 4] {
        self.line().source.wide()
    }

    #[inline(always)]
    fn destination(&self) -> [u32; 4] {
        self.line().destination.wide()
    }

    #[inline(always)]
    fn ports(&self) -> [Be16; 2] {
        [self.line().source_port, self.line().destination_port]
    }

    #[inline(always)]
    fn ip_delta(&self) -> u16 {
        self.line().ip_delta
    }

    #[inline(always)]
    fn l4_delta(&self) -> u16 {
        self.line().l4_delta
    }
}
