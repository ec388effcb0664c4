// SPDX-License-Identifier: MIT OR Apache-2.0
//! Backends by slot. User space gives out slots; a slot that changes its owner gets another generation, so that a flow
//! of the former owner can never reach the new one.

use core::mem::{offset_of, size_of};

/// Bit of [`BackendEntry::flags`]: the address is IPv6.
pub const BACKEND_V6: u32 = 1;
/// Bit of [`BackendEntry::flags`]: healthy as far as is known; flows that can move (UDP, unproven) leave one that is
/// not.
pub const BACKEND_USABLE: u32 = 1 << 1;
/// Bit of [`BackendEntry::flags`]: takes no new flows; those it has go on until [`BackendEntry::drain_until`].
pub const BACKEND_DRAINING: u32 = 1 << 2;

/// One backend: an instance of a load balancer at one address. All zero: the slot is free.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackendEntry {
    /// Which load balancer and address this is, as a hash, so that a daemon that starts anew finds its slots again;
    /// zero while the slot is free.
    pub owner: u64,
    /// The address, IPv4 in the first word; see [`crate::net::Address::wide`].
    pub address: [u32; 4],
    /// Raised whenever the slot is given up.
    pub generation: u32,
    /// Index of the next hop towards the address, or [`super::UNKNOWN_NEXT_HOP`].
    pub next_hop: u32,
    /// `BACKEND_*`.
    pub flags: u32,
    /// The share of new flows, relative to the others of the pool; for `leastconn`.
    pub weight: u32,
    /// Seconds on the boot clock at which remaining flows end; zero while not draining.
    pub drain_until: u32,
    /// Seconds that remaining flows get when the backend is drained or taken away. Kept in the slot, so that it is known
    /// when the load balancer itself is gone from the desired state.
    pub drain_timeout: u32,
}

/// The flows that a backend has: `base + opened - closed`, which may be off for a moment and is set right by the sweep.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadEntry {
    /// What the sweep adds so that the sum is what the flow table holds.
    pub base: i64,
    /// Flows that the program created.
    pub opened: i64,
    /// Flows that the program saw end.
    pub closed: i64,
}

impl LoadEntry {
    /// Open flows, never below zero.
    #[inline(always)]
    pub const fn open(&self) -> u32 {
        let count = self.base.wrapping_add(self.opened).wrapping_sub(self.closed);
        if count < 0 { 0 } else { count as u32 }
    }
}

impl BackendEntry {
    /// True when nobody owns the slot.
    pub const fn is_free(&self) -> bool {
        self.owner == 0
    }
}

const _: () = {
    assert!(size_of::<BackendEntry>() == 48 && size_of::<LoadEntry>() == 24);
    assert!(offset_of!(BackendEntry, generation) == 24);
};
