// SPDX-License-Identifier: MIT OR Apache-2.0
//! Full NAT as data: from the tuple a client uses to the pair of entries that translate both directions.

use crate::abi::{FlowEntry, FlowKey, FlowMeta, REVERSE};
use crate::checksum;
use crate::net::{Address, Be16};

/// Where a flow goes: the balancer's own address and port, and the backend's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<A> {
    /// The SNAT address.
    pub source: A,
    /// The SNAT port.
    pub source_port: Be16,
    /// The backend's address.
    pub destination: A,
    /// The backend's port.
    pub destination_port: Be16,
}

impl<A: Address> Target<A> {
    /// The tuple of the backend's answers, under which the flow's other direction is entered.
    #[inline(always)]
    pub fn reverse_key(&self, protocol: u8) -> FlowKey<A> {
        FlowKey {
            source: self.destination,
            destination: self.source,
            source_port: self.destination_port,
            destination_port: self.source_port,
            protocol,
            pad: [0; 3],
        }
    }
}

/// The entry for packets from the client, which arrive with the tuple `key`. `meta` gives what does not follow from the
/// addresses.
#[inline(always)]
pub fn forward<A: Address>(key: &FlowKey<A>, target: &Target<A>, meta: FlowMeta) -> FlowEntry<A> {
    let mut entry = FlowEntry { meta, ..FlowEntry::default() };
    translate(key, target, &mut entry);
    entry
}

/// As [`forward`], in place: the packet path has no stack to spare.
#[inline(always)]
pub fn translate<A: Address>(key: &FlowKey<A>, target: &Target<A>, entry: &mut FlowEntry<A>) {
    let addresses = checksum::delta(
        key.source.sum() + key.destination.sum(),
        target.source.sum() + target.destination.sum(),
    );
    let ports = checksum::delta(
        key.source_port.raw() as u32 + key.destination_port.raw() as u32,
        target.source_port.raw() as u32 + target.destination_port.raw() as u32,
    );
    entry.source = target.source;
    entry.destination = target.destination;
    entry.source_port = target.source_port;
    entry.destination_port = target.destination_port;
    entry.meta.ip_delta = addresses;
    entry.meta.l4_delta = checksum::combine(addresses, ports);
}

/// The entry of the other direction, given the tuple and the entry of one. One's complement makes the inverse of a
/// delta its complement.
#[inline(always)]
pub fn inverse<A: Address>(key: &FlowKey<A>, entry: &FlowEntry<A>) -> FlowEntry<A> {
    let mut inverse = FlowEntry::default();
    invert(key, entry, &mut inverse);
    inverse
}

/// As [`inverse`], in place.
#[inline(always)]
pub fn invert<A: Address>(key: &FlowKey<A>, entry: &FlowEntry<A>, into: &mut FlowEntry<A>) {
    into.meta = entry.meta;
    into.meta.ip_delta = !entry.meta.ip_delta;
    into.meta.l4_delta = !entry.meta.l4_delta;
    into.meta.state = entry.meta.state ^ REVERSE;
    into.source = key.destination;
    into.destination = key.source;
    into.source_port = key.destination_port;
    into.destination_port = key.source_port;
}

/// The `attempt`-th source port to try for a flow: the client's own if it may be used, then a walk through the range
/// that starts at a place given by `seed`. The step is coprime to the range's length, so the walk repeats nothing.
#[inline(always)]
pub const fn source_port(client: u16, seed: u32, attempt: u32) -> u16 {
    use crate::limits::{PROBE_PORT_MIN, SNAT_PORT_MIN};

    const LENGTH: u32 = PROBE_PORT_MIN as u32 - SNAT_PORT_MIN as u32;
    const STEP: u32 = 7919;
    if attempt == 0 && client >= SNAT_PORT_MIN && client < PROBE_PORT_MIN {
        return client;
    }
    let start = crate::hash::reduce((seed as u64) << 32, LENGTH);
    SNAT_PORT_MIN + ((start + attempt * STEP) % LENGTH) as u16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::limits::{PROBE_PORT_MIN, SNAT_PORT_MIN, SNAT_PROBES};
    use crate::net::Addr4;

    fn key(source: u32, destination: u32, source_port: u16, destination_port: u16) -> FlowKey<Addr4> {
        FlowKey {
            source: Addr4([source]),
            destination: Addr4([destination]),
            source_port: Be16::new(source_port),
            destination_port: Be16::new(destination_port),
            protocol: 6,
            pad: [0; 3],
        }
    }

    fn l4_sum(key: &FlowKey<Addr4>, payload: u32) -> Be16 {
        checksum::finish(
            key.source.sum()
                + key.destination.sum()
                + u32::from(key.source_port.raw())
                + u32::from(key.destination_port.raw())
                + payload,
        )
    }

    proptest! {
        #[test]
        fn the_inverse_of_forward_leads_back(
            client: u32, vip: u32, snat: u32, backend: u32, ports: [u16; 4], payload in 1..0xffff_u32,
        ) {
            let key = key(client, vip, ports[0], ports[1]);
            let target = Target {
                source: Addr4([snat]),
                source_port: Be16::new(ports[2]),
                destination: Addr4([backend]),
                destination_port: Be16::new(ports[3]),
            };
            let there = forward(&key, &target, FlowMeta::default());
            let back = inverse(&key, &there);
            prop_assert_eq!(inverse(&target.reverse_key(6), &back), there);

            // The keys find each other.
            prop_assert_eq!(there.peer(6), target.reverse_key(6));
            prop_assert_eq!(back.peer(6), key);

            // The checksum after translation is the one of the translated packet, in both directions.
            let translated = target.reverse_key(6).reversed();
            let before = l4_sum(&key, payload);
            let after = checksum::apply(before, there.meta.l4_delta);
            prop_assert_eq!(after, l4_sum(&translated, payload));
            prop_assert_eq!(checksum::apply(after, back.meta.l4_delta), before);
        }

        #[test]
        fn source_ports_stay_in_range_and_differ(client: u16, seed: u32) {
            let mut seen = [0_u16; SNAT_PROBES as usize];
            for attempt in 1..SNAT_PROBES {
                let port = source_port(client, seed, attempt);
                prop_assert!((SNAT_PORT_MIN..PROBE_PORT_MIN).contains(&port));
                prop_assert!(!seen[..attempt as usize].contains(&port));
                seen[attempt as usize] = port;
            }
        }
    }

    #[test]
    fn the_clients_port_is_kept_unless_it_is_reserved() {
        assert_eq!(source_port(40_000, 1, 0), 40_000);
        assert_ne!(source_port(0, 1, 0), 0);
        assert_ne!(source_port(80, 1, 0), 80);
        assert!(source_port(65_000, 1, 0) < PROBE_PORT_MIN);
    }
}
