// SPDX-License-Identifier: MIT OR Apache-2.0
//! Next hops: where a packet leaves, kept right by user space from the kernel's links, routes and neighbours. When a
//! neighbour's link-layer address changes, one write here repairs every flow.

use core::mem::size_of;

use crate::net::Mac;

/// The index that stands for "not known yet": the routing table is asked for each packet.
pub const UNKNOWN_NEXT_HOP: u32 = 0;

/// Bit of [`NextHop::flags`]: the addresses are good. Without it packets are handed to the kernel, which resolves the
/// neighbour.
pub const NEXT_HOP_RESOLVED: u32 = 1;

/// A neighbour and the interface it is reached by.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NextHop {
    /// The interface to leave by.
    pub interface: u32,
    /// `NEXT_HOP_*`.
    pub flags: u32,
    /// The first 12 bytes of a frame as they stand on the wire: the neighbour's address, the interface's. In words, as
    /// they are written.
    pub addresses: [u32; 3],
    /// The longest IP packet that may leave, in bytes; zero for no limit.
    pub mtu: u32,
}

impl NextHop {
    /// The words of two link-layer addresses.
    #[inline(always)]
    #[must_use]
    pub const fn addresses(destination: Mac, source: Mac) -> [u32; 3] {
        let (to, from) = (destination, source);
        [
            u32::from_ne_bytes([to[0], to[1], to[2], to[3]]),
            u32::from_ne_bytes([to[4], to[5], from[0], from[1]]),
            u32::from_ne_bytes([from[2], from[3], from[4], from[5]]),
        ]
    }
}

/// The neighbour that a next hop stands for.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NeighbourKey {
    /// The interface.
    pub interface: u32,
    /// 4 or 6.
    pub family: u32,
    /// The neighbour's address; see [`crate::net::Address::wide`].
    pub address: [u32; 4],
}

const _: () = assert!(size_of::<NextHop>() == 24 && size_of::<NeighbourKey>() == 24);
