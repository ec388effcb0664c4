// SPDX-License-Identifier: MIT OR Apache-2.0
//! Services: what the packet path sees of a forwarding rule, one a VIP.

use core::mem::size_of;

use crate::net::{Addr4, Addr6, Be16};

/// The frontend of a forwarding rule on one VIP: 8 bytes for IPv4, 20 for IPv6.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceKey<A> {
    /// The VIP.
    pub address: A,
    /// The frontend port.
    pub port: Be16,
    /// Protocol number, TCP or UDP.
    pub protocol: u8,
    /// Zero.
    pub pad: u8,
}

/// Where new flows of a service go.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServiceEntry {
    /// The service's index in the counters and in `TURNS`; user space gives it out.
    pub index: u32,
    /// The pool whose table chooses the backend.
    pub pool: u32,
    /// Seconds of silence until an open flow is forgotten.
    pub idle_timeout: u32,
    /// The port on the backend.
    pub backend_port: Be16,
    /// What the MSS option of a SYN is lowered to, in bytes; zero leaves it alone.
    pub mss: u16,
    /// The firewall list that says who may open flows, or [`super::OPEN`].
    pub firewall: u32,
    /// New flows a second, at most; zero is no limit.
    pub new_flows: u32,
    /// New flows a second from one source address, at most; zero is no limit.
    pub new_flows_per_source: u32,
}

/// Whose turn it is in a service of round robin: the number of flows handed out so far, on all CPUs together.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// Added to by each new flow; wraps.
    pub next: u64,
}

const _: () = {
    assert!(size_of::<ServiceKey<Addr4>>() == 8 && size_of::<ServiceKey<Addr6>>() == 20);
    assert!(size_of::<ServiceEntry>() == 28 && size_of::<Turn>() == 8);
};
