// SPDX-License-Identifier: MIT OR Apache-2.0
//! Firewall lists: who may open flows to the services that name the list. A prefix trie of each family holds those of all
//! lists, told apart by the list's number in front of the address, which a look-up always matches whole. A list is never
//! changed: another one is made, services are pointed to it, and the one before is taken away.

use core::mem::size_of;

use crate::net::{Addr4, Addr6, Address, Be32};

/// [`super::ServiceEntry::firewall`] of a service that is open to all.
pub const OPEN: u32 = 0;

/// Bits of a key that are the list's number.
const LIST_BITS: u32 = 32;

/// What follows the prefix length in a key of `FIREWALL4` and `FIREWALL6`: 8 bytes for IPv4, 20 for IPv6.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FirewallKey<A> {
    /// The list's number.
    pub list: Be32,
    /// The network's address, or the one that is looked up.
    pub address: A,
}

/// The prefix length, in bits of the key, of a network of `bits`.
#[inline(always)]
pub const fn prefix_length(bits: u32) -> u32 {
    LIST_BITS + bits
}

/// The prefix length with which one address is looked up.
#[inline(always)]
pub const fn whole<A: Address>() -> u32 {
    prefix_length(8 * size_of::<A>() as u32)
}

const _: () = assert!(size_of::<FirewallKey<Addr4>>() == 8 && size_of::<FirewallKey<Addr6>>() == 20);
