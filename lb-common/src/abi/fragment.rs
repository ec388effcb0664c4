// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fragments: the first one of a packet has the ports, which those after it need.

use core::mem::size_of;

use crate::net::{Addr4, Addr6, Be16};

/// What fragments of one packet have in common (RFC 791, RFC 8200): 16 bytes for IPv4, 40 for IPv6.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FragmentKey<A> {
    /// Source address.
    pub source: A,
    /// Destination address.
    pub destination: A,
    /// The identification, as it stands on the wire.
    pub identification: u32,
    /// Protocol number; zero for IPv6, whose fragments need not agree on it.
    pub protocol: u32,
}

/// What the first fragment said.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FragmentEntry {
    /// Source port.
    pub source_port: Be16,
    /// Destination port.
    pub destination_port: Be16,
    /// Protocol number.
    pub protocol: u32,
    /// Seconds on the boot clock when it came; good for [`crate::limits::FRAGMENT_SECONDS`].
    pub seen: u32,
}

const _: () = {
    assert!(size_of::<FragmentKey<Addr4>>() == 16 && size_of::<FragmentKey<Addr6>>() == 40);
    assert!(size_of::<FragmentEntry>() == 12);
};
