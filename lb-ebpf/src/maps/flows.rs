// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The flow tables: entries in place, finding, entering and removing them, and what fragments of their packets said.
#![expect(unsafe_code, reason = "map values are shared memory; accessors copy, or write what is idempotent")]

use aya_ebpf::bindings::{BPF_ANY, BPF_NOEXIST};
use lb_common::abi::{FlowEntry, FlowKey, FlowMeta, FragmentEntry, FragmentKey};
use lb_common::limits::TOUCH_JIFFIES;
use lb_common::nat;
use lb_common::net::Be16;

use super::Family;
use crate::egress::Recipe;
use crate::kernel;

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
