// SPDX-License-Identifier: MIT OR Apache-2.0
//! Full NAT as data: from the tuple a client uses to the pair of entries that translate both directions.

use crate::abi::{FlowEntry, FlowKey, REVERSE};
use crate::checksum;
use crate::net::Address;

/// Completes the entry for packets that arrive with the tuple `key`: its addresses and ports are set, and what writing
/// them does to the checksums follows. In place, as all here, since the packet path has no stack to spare.
#[inline(always)]
pub fn complete<A: Address>(key: &FlowKey<A>, entry: &mut FlowEntry<A>) {
    let addresses = checksum::delta(
        key.source.sum() + key.destination.sum(),
        entry.source.sum() + entry.destination.sum(),
    );
    let ports = checksum::delta(
        key.source_port.raw() as u32 + key.destination_port.raw() as u32,
        entry.source_port.raw() as u32 + entry.destination_port.raw() as u32,
    );
    entry.meta.ip_delta = addresses;
    entry.meta.l4_delta = checksum::combine(addresses, ports);
}

/// Makes the entry of the other direction, given the tuple and the entry of one. One's complement makes the inverse of a
/// delta its complement.
#[inline(always)]
pub fn invert<A: Address>(key: &FlowKey<A>, entry: &FlowEntry<A>, into: &mut FlowEntry<A>) {
    into.meta = entry.meta;
    into.meta.ip_delta = !entry.meta.ip_delta;
    into.meta.l4_delta = !entry.meta.l4_delta;
    into.meta.state = entry.meta.state ^ REVERSE;
    key.destination.put(&mut into.source);
    key.source.put(&mut into.destination);
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
    use crate::abi::FlowMeta;
    use crate::limits::{PROBE_PORT_MIN, SNAT_PORT_MIN, SNAT_PROBES};
    use crate::net::{Addr4, Be16};

    fn tuple(source: u32, destination: u32, source_port: u16, destination_port: u16) -> FlowKey<Addr4> {
        FlowKey {
            source: Addr4([source]),
            destination: Addr4([destination]),
            source_port: Be16::new(source_port),
            destination_port: Be16::new(destination_port),
            protocol: 6,
            pad: 0,
            pad_half: 0,
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
        fn the_inverse_leads_back(
            client: u32, vip: u32, snat: u32, backend: u32, ports: [u16; 4], payload in 1..0xffff_u32,
        ) {
            let key = tuple(client, vip, ports[0], ports[1]);
            let translated = tuple(snat, backend, ports[2], ports[3]);
            let mut there = FlowEntry {
                source: translated.source,
                destination: translated.destination,
                source_port: translated.source_port,
                destination_port: translated.destination_port,
                meta: FlowMeta::default(),
            };
            complete(&key, &mut there);
            let mut back = FlowEntry::default();
            invert(&key, &there, &mut back);

            // The keys find each other, and inverting again gives what there was.
            prop_assert_eq!(there.peer(6), translated.reversed());
            prop_assert_eq!(back.peer(6), key);
            let mut again = FlowEntry::default();
            invert(&translated.reversed(), &back, &mut again);
            prop_assert_eq!(again, there);

            // The checksum after translation is the one of the translated packet, in both directions.
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
