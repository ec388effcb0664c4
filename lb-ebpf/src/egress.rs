// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The way out: the recipe is written into the packet, which then leaves by its next hop. One whose next hop is not
//! known goes to the kernel, which resolves it.

use aya_ebpf::bindings::xdp_action;
use lb_common::abi::{NEXT_HOP_RESOLVED, NeighbourKey, NextHop, UNKNOWN_NEXT_HOP};
use lb_common::checksum;
use lb_common::net::{Be16, PROTOCOL_TCP};
use lb_common::reason::Reason;

use crate::kernel::{self, Route};
use crate::maps::{self, Family, Slot};
use crate::outcome::Verdict;
use crate::packet::{Ipv4, Ipv6, Packet, Tcp, Udp};
use crate::parse::{Parsed, Part};

/// What a direction of a flow becomes on the wire.
pub trait Recipe {
    /// The source address to write.
    fn source(&self) -> [u32; 4];
    /// The destination address to write.
    fn destination(&self) -> [u32; 4];
    /// The ports to write.
    fn ports(&self) -> [Be16; 2];
    /// What that adds to the IPv4 header's checksum.
    fn ip_delta(&self) -> u16;
    /// What it adds to the checksum of TCP or UDP.
    fn l4_delta(&self) -> u16;
}

/// The next hop of a flow's direction: towards a backend the backend's, towards a client the one that was found, as long
/// as no route has changed since.
#[inline(always)]
pub fn next_hop<A: Family>(slot: Slot<A>) -> u32 {
    let meta = slot.meta();
    if meta.from_client() {
        maps::backend(meta.backend).map_or(UNKNOWN_NEXT_HOP, |backend| backend.next_hop)
    } else if meta.route_epoch == maps::control().route_epoch {
        meta.next_hop
    } else {
        UNKNOWN_NEXT_HOP
    }
}

/// True if a packet can leave by a next hop as it is: its addresses are known and its MTU suffices.
#[inline(always)]
pub fn fits<A>(parsed: &Parsed<A>, hop: &NextHop) -> bool {
    hop.flags & NEXT_HOP_RESOLVED != 0 && (hop.mtu == 0 || parsed.length - parsed.l3 <= hop.mtu)
}

/// Where a translated packet leaves: by an interface with these addresses, or, without an interface, to the kernel.
#[derive(Clone, Copy)]
struct Way {
    interface: u32,
    addresses: [u32; 3],
    /// Why the kernel gets it.
    handed_over: Reason,
}

impl Way {
    /// The kernel resolves the neighbour, fragments what is too long, or delivers what is for this host.
    const fn kernel(handed_over: Reason) -> Self {
        Self { interface: 0, addresses: [0; 3], handed_over }
    }
}

/// Translates a packet by the flow in `slot` and sends it on.
#[inline(always)]
pub fn send<A: Family>(packet: &Packet, parsed: &Parsed<A>, slot: Slot<A>, verdict: Verdict) -> Verdict {
    send_as(packet, parsed, slot, &slot, verdict)
}

/// Translates a packet by a recipe and sends it the way of the flow in `slot`.
#[inline(always)]
pub fn send_as<A: Family>(
    packet: &Packet,
    parsed: &Parsed<A>,
    slot: Slot<A>,
    recipe: &impl Recipe,
    verdict: Verdict,
) -> Verdict {
    let meta = slot.meta();
    if parsed.ttl <= 1 {
        return if meta.from_client() {
            Verdict::refuse(Reason::TtlExceeded)
        } else {
            Verdict::drop(Reason::TtlExpired)
        };
    }
    let found = match maps::next_hop(next_hop(slot)) {
        Some(hop) if fits(parsed, hop) => Ok(by(hop)),
        Some(hop) if hop.flags & NEXT_HOP_RESOLVED != 0 => too_long(packet, parsed, hop.mtu),
        Some(_) => Ok(Way::kernel(Reason::NextHopUnresolved)),
        None => by_routing_table(packet, parsed, slot),
    };
    let way = match found {
        Ok(way) => way,
        Err(verdict) => return verdict,
    };
    maps::count_traffic(meta.service, meta.backend, meta.from_client(), parsed.length);
    if way.interface != 0 {
        return go(packet, parsed, recipe, way, verdict);
    }
    if !rewrite(packet, parsed, recipe, 0) {
        return Verdict::drop(Reason::Inconsistent);
    }
    Verdict::pass(way.handed_over)
}

/// What becomes of a packet that is longer than an MTU: IPv4 without DF is for the kernel to take apart (RFC 791), of
/// others the sender is told (RFC 1191, RFC 8201).
#[inline(always)]
fn too_long<A: Family>(packet: &Packet, parsed: &Parsed<A>, mtu: u32) -> Result<Way, Verdict> {
    const DONT_FRAGMENT: u16 = 0x4000;
    let header = if A::V6 { None } else { packet.read::<Ipv4>(parsed.l3 as usize) };
    if header.is_some_and(|header| header.fragment.host() & DONT_FRAGMENT == 0) {
        return Ok(Way::kernel(Reason::TooLong));
    }
    Err(Verdict::refuse_too_big(mtu))
}

/// Translates a packet and sends it to a neighbour. VLAN tags stay as they are.
#[inline(always)]
pub fn leave<A: Family>(
    packet: &Packet,
    parsed: &Parsed<A>,
    recipe: &impl Recipe,
    hop: &NextHop,
    verdict: Verdict,
) -> Verdict {
    go(packet, parsed, recipe, by(hop), verdict)
}

#[inline(always)]
fn by(hop: &NextHop) -> Way {
    // Word by word, as everywhere: see `Address::put`.
    let [a, b, c] = hop.addresses;
    Way { interface: hop.interface, addresses: [a, b, c], handed_over: Reason::NextHopUnresolved }
}

#[inline(always)]
fn go<A: Family>(
    packet: &Packet,
    parsed: &Parsed<A>,
    recipe: &impl Recipe,
    way: Way,
    verdict: Verdict,
) -> Verdict {
    let [a, b, c] = way.addresses;
    if !rewrite(packet, parsed, recipe, 1) || !packet.write(0, [a, b, c]) {
        return Verdict::drop(Reason::Inconsistent);
    }
    if way.interface == packet.interface() {
        verdict.and(xdp_action::XDP_TX)
    } else {
        verdict.and(kernel::redirect(way.interface))
    }
}

/// Writes new addresses, ports and checksums, and takes off `hops`, at most one, of the packet's hops to go.
#[inline(always)]
fn rewrite<A: Family>(packet: &Packet, parsed: &Parsed<A>, recipe: &impl Recipe, hops: u8) -> bool {
    let network =
        if A::V6 { network6(packet, parsed, recipe, hops) } else { network4(packet, parsed, recipe, hops) };
    if parsed.part == Part::Later {
        return network;
    }
    let l4 = parsed.l4 as usize;
    let transport = if parsed.key.protocol == PROTOCOL_TCP {
        let at = l4 + core::mem::offset_of!(Tcp, checksum);
        let Some(old) = packet.read::<Be16>(at) else { return false };
        packet.write(at, checksum::apply(old, recipe.l4_delta()))
    } else {
        let at = l4 + core::mem::offset_of!(Udp, checksum);
        let Some(old) = packet.read::<Be16>(at) else { return false };
        packet.write(at, checksum::apply_udp(old, recipe.l4_delta()))
    };
    network && transport && packet.write(l4, recipe.ports())
}

/// The part of IPv4's header that a NAT changes: time to live, protocol, checksum, addresses.
#[inline(always)]
fn network4<A: Family>(packet: &Packet, parsed: &Parsed<A>, recipe: &impl Recipe, hops: u8) -> bool {
    // The time to live is the upper byte of its word (RFC 1624).
    const ONE: u32 = Be16::new(0x0100).raw() as u32;
    const LESS: u16 = checksum::delta(ONE, 0);
    let at = parsed.l3 as usize + core::mem::offset_of!(Ipv4, ttl);
    let Some([lives_and_protocol, old]) = packet.read::<[Be16; 2]>(at) else { return false };
    let [_, protocol] = lives_and_protocol.raw().to_ne_bytes();
    let delta = if hops == 0 { recipe.ip_delta() } else { checksum::combine(recipe.ip_delta(), LESS) };
    let hops_and_protocol = u16::from_ne_bytes([parsed.ttl - hops, protocol]);
    let first = hops_and_protocol as u32 | ((checksum::apply(old, delta).raw() as u32) << 16);
    packet.write(at, [first, recipe.source()[0], recipe.destination()[0]])
}

/// The same of IPv6's, which has no checksum.
#[inline(always)]
fn network6<A: Family>(packet: &Packet, parsed: &Parsed<A>, recipe: &impl Recipe, hops: u8) -> bool {
    let l3 = parsed.l3 as usize;
    // Word by word: copies of whole addresses are calls on the BPF target.
    let ([a, b, c, d], [e, f, g, h]) = (recipe.source(), recipe.destination());
    // With the byte beside it, which is the protocol: the verifier learns nothing from the bound of a single byte.
    let at = l3 + core::mem::offset_of!(Ipv6, next_header);
    let Some([next, _]) = packet.read::<[u8; 2]>(at) else { return false };
    packet.write(at, [next, parsed.ttl - hops])
        && packet.write(l3 + core::mem::offset_of!(Ipv6, source), [a, b, c, d])
        && packet.write(l3 + core::mem::offset_of!(Ipv6, destination), [e, f, g, h])
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
    pub const TOO_LONG: i64 = 8;
}

/// Asks the routing table where a translated packet goes, and remembers the answer for the direction to the client.
#[inline(always)]
fn by_routing_table<A: Family>(packet: &Packet, parsed: &Parsed<A>, slot: Slot<A>) -> Result<Way, Verdict> {
    const AF_INET: u8 = 2;
    const AF_INET6: u8 = 10;

    let Some(route) = maps::route() else { return Err(Verdict::drop(Reason::Inconsistent)) };
    route.family = if A::V6 { AF_INET6 } else { AF_INET };
    route.protocol = parsed.key.protocol;
    route.source_port = 0;
    route.destination_port = 0;
    route.total_length = (parsed.length - parsed.l3) as u16;
    route.flow_info = 0;
    let ([a, b, c, d], [e, f, g, h]) = (slot.source(), slot.destination());
    route.source = [a, b, c, d];
    route.destination = [e, f, g, h];
    let answer = packet.route(route);
    match answer {
        answer::SUCCESS => {
            if !slot.meta().from_client() {
                remember::<A>(slot, route);
            }
            let addresses = NextHop::addresses(route.destination_mac, route.source_mac);
            Ok(Way { interface: route.interface, addresses, handed_over: Reason::NextHopUnresolved })
        }
        answer::NO_NEIGHBOUR | answer::NOT_FORWARDED => Ok(Way::kernel(Reason::NextHopUnresolved)),
        answer::TOO_LONG => too_long(packet, parsed, u32::from(route.total_length)),
        answer::UNREACHABLE => Err(Verdict::drop(Reason::NoRoute)),
        answer::BLACKHOLE | answer::PROHIBIT => Err(Verdict::drop(Reason::RouteProhibits)),
        answer::FORWARDING_DISABLED => Err(Verdict::drop(Reason::ForwardingDisabled)),
        _ => Err(Verdict::drop(Reason::RouteUnusable)),
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
