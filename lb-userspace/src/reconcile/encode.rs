// SPDX-License-Identifier: MIT OR Apache-2.0
//! The model as entries of the data path's maps.

use std::net::IpAddr;
use std::time::Duration;

use lb_common::abi::{BACKEND_DRAINING, BACKEND_USABLE, BACKEND_V6, BackendEntry, ServiceEntry};
use lb_common::hash;
use lb_common::limits::UDP_SECONDS;
use lb_common::net::{Addr4, Addr6, Address, Be16};

use crate::balance::table::Member;
use crate::model::{ForwardingRule, LoadBalancer, Protocol};

/// A service as it is to be, under the indexes it was given.
pub fn service(
    load_balancer: &LoadBalancer,
    rule: ForwardingRule,
    index: u32,
    pool: u32,
    firewall: u32,
) -> ServiceEntry {
    ServiceEntry {
        index,
        pool,
        idle_timeout: idle_timeout(rule.protocol, load_balancer.timeout),
        backend_port: Be16::new(rule.backend_port.get()),
        mss: load_balancer.policy.mss,
        firewall,
        new_flows: load_balancer.policy.new_flows,
        new_flows_per_source: load_balancer.policy.new_flows_per_source,
    }
}

/// Seconds of silence until a flow is forgotten. The timeout is meant for connections; a UDP exchange that is silent for
/// [`UDP_SECONDS`] is over, as every NAT on its way has decided too (RFC 4787 section 4.3 has a floor for them).
fn idle_timeout(protocol: Protocol, timeout: Duration) -> u32 {
    let seconds = seconds(timeout).max(1);
    match protocol {
        Protocol::Tcp => seconds,
        Protocol::Udp => seconds.min(UDP_SECONDS),
    }
}

/// A backend's slot, open for new flows and without any drain.
pub fn backend(
    owner: u64,
    address: IpAddr,
    generation: u32,
    weight: u32,
    drain_timeout: u32,
) -> BackendEntry {
    let (wide, family) = match address {
        IpAddr::V4(v4) => (Addr4::from(v4).wide(), 0),
        IpAddr::V6(v6) => (Addr6::from(v6).wide(), BACKEND_V6),
    };
    BackendEntry {
        owner,
        address: wide,
        generation,
        next_hop: 0,
        flags: family | BACKEND_USABLE,
        weight,
        drain_until: 0,
        drain_timeout,
    }
}

/// A backend's place in a table. The identity comes from the address alone, so that all balancers agree on it.
pub fn member(slot: u32, entry: &BackendEntry) -> Member {
    let words = entry.address.map(u32::to_ne_bytes);
    Member {
        slot,
        generation: entry.generation,
        weight: entry.weight,
        identity: hash::bytes(words.as_flattened()),
    }
}

/// Whole seconds, as the maps count them.
pub fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

/// True when the slot says that the backend takes no new flows.
pub fn is_draining(entry: &BackendEntry) -> bool {
    entry.flags & BACKEND_DRAINING != 0
}

/// True when the slot says that the backend is healthy.
pub fn is_usable(entry: &BackendEntry) -> bool {
    entry.flags & BACKEND_USABLE != 0
}

/// Whether the slot's address is IPv6.
pub fn is_v6(entry: &BackendEntry) -> bool {
    entry.flags & BACKEND_V6 != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datapath::backend_address;

    #[test]
    fn udp_flows_are_forgotten_after_a_minute_unless_told_to_sooner() {
        let idle = |protocol, seconds| idle_timeout(protocol, Duration::from_secs(seconds));
        assert_eq!(idle(Protocol::Tcp, 600), 600);
        assert_eq!(idle(Protocol::Udp, 600), UDP_SECONDS);
        assert_eq!(idle(Protocol::Udp, 5), 5);
        assert_eq!(idle(Protocol::Tcp, u64::MAX), u32::MAX);
    }

    #[test]
    fn a_slot_says_its_address() {
        for text in ["10.0.3.11", "fd00:3::11"] {
            let address: IpAddr = text.parse().expect("literal");
            assert_eq!(backend_address(&backend(1, address, 0, 1, 60)), address);
        }
    }

    #[test]
    fn identities_are_part_of_the_interface() {
        // Two versions that disagree here send the flows of one client to different backends.
        let address = IpAddr::from([10, 0, 3, 11]);
        let here = member(1, &backend(7, address, 3, 1, 60));
        let there = member(2, &backend(8, address, 4, 2, 30));
        assert_eq!(here.identity, there.identity);
        assert_eq!(here.identity, 0x922f_b824_4ad1_d2ce);
    }
}
