// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The way out: the recipe is written into the packet, which then leaves by its next hop. One whose next hop is not
//! known goes to the kernel, which resolves it.

use aya_ebpf::bindings::xdp_action;
use lb_common::abi::{FlowMeta, NEXT_HOP_RESOLVED, NeighbourKey, NextHop, UNKNOWN_NEXT_HOP};
use lb_common::checksum;
use lb_common::net::{Be16, PROTOCOL_TCP};
use lb_common::reason::Reason;

use crate::kernel::{self, Route};
use crate::maps::{self, Family, Slot};
use crate::outcome::Verdict;
use crate::packet::{Ethernet, Ipv4, Ipv6, Packet, Tcp, Udp};
use crate::parse::Parsed;

/// The next hop towards the client, as long as no route has changed since it was found.
#[inline(always)]
fn hop_to_client(meta: &FlowMeta) -> u32 {
    if meta.route_epoch == maps::control().route_epoch { meta.next_hop } else { UNKNOWN_NEXT_HOP }
}

/// Translates a packet by the flow in `slot` and sends it on.
#[inline(always)]
pub fn send<A: Family>(packet: &Packet, parsed: &Parsed<A>, slot: Slot<A>, verdict: Verdict) -> Verdict {
    let meta = slot.meta();
    if parsed.ttl <= 1 {
        return if meta.from_client() {
            Verdict::refuse(Reason::TtlExceeded)
        } else {
            Verdict::drop(Reason::TtlExpired)
        };
    }
    maps::count_traffic(meta.service, meta.backend, meta.from_client(), parsed.length);
    if !rewrite(packet, parsed, slot) {
        return Verdict::drop(Reason::Inconsistent);
    }
    let next_hop = if meta.from_client() {
        maps::backend(meta.backend).map_or(UNKNOWN_NEXT_HOP, |backend| backend.next_hop)
    } else {
        hop_to_client(&meta)
    };
    match maps::next_hop(next_hop) {
        Some(hop) if hop.flags & NEXT_HOP_RESOLVED != 0 => leave(packet, parsed, hop, verdict),
        Some(_) => Verdict::pass(Reason::NextHopUnresolved),
        None => by_routing_table(packet, parsed, slot, verdict),
    }
}

/// Writes new addresses, ports and checksums.
#[inline(always)]
pub fn rewrite<A: Family>(packet: &Packet, parsed: &Parsed<A>, slot: Slot<A>) -> bool {
    let (l3, l4) = (parsed.l3 as usize, parsed.l4 as usize);
    let network = if A::V6 {
        // Word by word: copies of whole addresses are calls on the BPF target.
        let [a, b, c, d] = slot.source();
        let written = packet.write(l3 + core::mem::offset_of!(Ipv6, source), [a, b, c, d]);
        let [a, b, c, d] = slot.destination();
        written && packet.write(l3 + core::mem::offset_of!(Ipv6, destination), [a, b, c, d])
    } else {
        let at = l3 + core::mem::offset_of!(Ipv4, checksum);
        let Some(old) = packet.read::<Be16>(at) else { return false };
        packet.write(at, checksum::apply(old, slot.meta().ip_delta))
            && packet
                .write(l3 + core::mem::offset_of!(Ipv4, source), [slot.source()[0], slot.destination()[0]])
    };
    let delta = slot.meta().l4_delta;
    let transport = if parsed.key.protocol == PROTOCOL_TCP {
        let at = l4 + core::mem::offset_of!(Tcp, checksum);
        let Some(old) = packet.read::<Be16>(at) else { return false };
        packet.write(at, checksum::apply(old, delta))
    } else {
        let at = l4 + core::mem::offset_of!(Udp, checksum);
        let Some(old) = packet.read::<Be16>(at) else { return false };
        packet.write(at, checksum::apply_udp(old, delta))
    };
    network && transport && packet.write(l4, slot.ports())
}

/// Sends a translated packet to a neighbour whose addresses are known. VLAN tags stay as they are.
#[inline(always)]
pub fn leave<A: Family>(packet: &Packet, parsed: &Parsed<A>, hop: &NextHop, verdict: Verdict) -> Verdict {
    let Some(ethernet) = packet.read::<Ethernet>(0) else { return Verdict::drop(Reason::Inconsistent) };
    let addressed = Ethernet { destination: hop.destination, source: hop.source, ..ethernet };
    if !packet.write(0, addressed) || !decrement_ttl::<A>(packet, parsed) {
        return Verdict::drop(Reason::Inconsistent);
    }
    if hop.interface == packet.interface() {
        verdict.and(xdp_action::XDP_TX)
    } else {
        verdict.and(kernel::redirect(hop.interface))
    }
}

/// One hop less to go; IPv4's checksum follows (RFC 1624).
#[inline(always)]
fn decrement_ttl<A: Family>(packet: &Packet, parsed: &Parsed<A>) -> bool {
    let l3 = parsed.l3 as usize;
    // With the byte beside it, which is the protocol: the verifier learns nothing from the bound of a single byte.
    if A::V6 {
        return packet
            .write(l3 + core::mem::offset_of!(Ipv6, next_header), [parsed.key.protocol, parsed.ttl - 1]);
    }
    // The TTL is the upper byte of its word.
    const ONE: u32 = Be16::new(0x0100).raw() as u32;
    const LESS: u16 = checksum::delta(ONE, 0);
    let at = l3 + core::mem::offset_of!(Ipv4, checksum);
    let Some(old) = packet.read::<Be16>(at) else { return false };
    packet.write(at, checksum::apply(old, LESS))
        && packet.write(l3 + core::mem::offset_of!(Ipv4, ttl), [parsed.ttl - 1, parsed.key.protocol])
}

/// `BPF_FIB_LKUP_RET_*` of the kernel's `bpf.h`.
mod answer {
    pub const SUCCESS: i64 = 0;
    pub const BLACKHOLE: i64 = 1;
    pub const UNREACHABLE: i64 = 2;
    pub const PROHIBIT: i64 = 3;
    pub const NOT_FORWARDED: i64 = 4;
    pub const FORWARDING_DISABLED: i64 = 5;
    pub const NO_NEIGHBOUR: i64 = 7;
}

/// Asks the routing table where a translated packet goes, and remembers the answer for the direction to the client.
#[inline(always)]
fn by_routing_table<A: Family>(
    packet: &Packet,
    parsed: &Parsed<A>,
    slot: Slot<A>,
    verdict: Verdict,
) -> Verdict {
    const AF_INET: u8 = 2;
    const AF_INET6: u8 = 10;

    let entry = slot.entry();
    let mut route = Route {
        family: if A::V6 { AF_INET6 } else { AF_INET },
        protocol: parsed.key.protocol,
        source: entry.source.wide(),
        destination: entry.destination.wide(),
        ..Route::default()
    };
    let answer = packet.route(&mut route);
    if answer == answer::SUCCESS {
        if !entry.meta.from_client() {
            remember::<A>(slot, &route);
        }
        let hop = NextHop {
            interface: route.interface,
            flags: NEXT_HOP_RESOLVED,
            destination: route.destination_mac,
            source: route.source_mac,
        };
        return leave(packet, parsed, &hop, verdict);
    }
    match answer {
        // The kernel resolves the neighbour; or the destination is this host, and it delivers.
        answer::NO_NEIGHBOUR | answer::NOT_FORWARDED => Verdict::pass(Reason::NextHopUnresolved),
        answer::UNREACHABLE => Verdict::drop(Reason::NoRoute),
        answer::BLACKHOLE | answer::PROHIBIT => Verdict::drop(Reason::RouteProhibits),
        answer::FORWARDING_DISABLED => Verdict::drop(Reason::ForwardingDisabled),
        _ => Verdict::drop(Reason::RouteUnusable),
    }
}

#[inline(always)]
fn remember<A: Family>(slot: Slot<A>, route: &Route) {
    let neighbour = NeighbourKey {
        interface: route.interface,
        family: if A::V6 { 6 } else { 4 },
        address: if A::V6 { route.destination } else { [route.destination[0], 0, 0, 0] },
    };
    let index = maps::neighbour(&neighbour);
    if index != UNKNOWN_NEXT_HOP {
        slot.set_next_hop(index, maps::control().route_epoch);
    }
}
