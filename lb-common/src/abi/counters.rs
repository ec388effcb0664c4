// SPDX-License-Identifier: MIT OR Apache-2.0
//! Counters, one value a CPU; they only grow.

use core::mem::size_of;

/// What went through a service or a backend.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Packets from clients.
    pub packets_in: u64,
    /// Bytes of those, Ethernet header included.
    pub bytes_in: u64,
    /// Packets from backends.
    pub packets_out: u64,
    /// Bytes of those.
    pub bytes_out: u64,
    /// Flows created.
    pub flows: u64,
}

/// How often a reason was the verdict's.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Packets.
    pub packets: u64,
    /// Bytes, as they came in.
    pub bytes: u64,
}

const _: () = assert!(size_of::<Traffic>() == 40 && size_of::<Tally>() == 16);
