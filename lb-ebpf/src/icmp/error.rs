// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! ICMP errors (RFC 792, RFC 4443, RFC 5508). An error quotes the packet it is about as we sent it: the flow is found by
//! the quoted addresses and ports, which are all that is certain to be there, and the error goes on, quoting the packet
//! as whoever sent it to us knows it.

use lb_common::abi::FlowKey;
use lb_common::checksum;
use lb_common::net::{Be16, PROTOCOL_TCP, PROTOCOL_UDP};
use lb_common::reason::Reason;

use crate::egress::{self, Recipe};
use crate::maps::{self, Family, Slot};
use crate::outcome::Verdict;
use crate::packet::{Icmp, Ipv4, Ipv6, Packet, Tcp, Udp};
use crate::parse::{Header, Parsed, Part, Place};

/// An error with the packet that it quotes.
struct Quoting<A> {
    /// Of the error itself, which is no more than an IP packet here; the tuple is the one that an answer to the quoted
    /// packet would have.
    outer: Parsed<A>,
    /// Offset of the quoted IP header.
    l3: u32,
    /// Offset of the quoted ports.
    l4: u32,
    /// The error is of the host at the other end of the flow, not of a router on the way.
    from_end: bool,
}

/// True for the errors that are about a packet: not for a redirect, which is for us.
#[inline(always)]
pub fn is_error<A: Family>(kind: u8) -> bool {
    const UNREACHABLE: u8 = 3;
    const TIME_EXCEEDED: u8 = 11;
    const PARAMETER_PROBLEM: u8 = 12;
    const LAST6: u8 = 4;

    if A::V6 {
        kind != 0 && kind <= LAST6
    } else {
        kind == UNREACHABLE || kind == TIME_EXCEEDED || kind == PARAMETER_PROBLEM
    }
}

/// Sends an error on by the flow of the packet that it quotes.
#[inline(always)]
pub fn decide<A: Family>(packet: &Packet, place: Place, header: &Icmp) -> Verdict {
    let Some(quoting) = read::<A>(packet, place) else { return Verdict::pass(Reason::ErrorOfNoFlow) };
    let outer = &quoting.outer;
    let Some(slot) = maps::flow(&outer.key) else { return Verdict::pass(Reason::ErrorOfNoFlow) };
    if outer.ttl <= 1 {
        return Verdict::drop(Reason::TtlExpired);
    }
    let recipe = Readdressed { packet, l3: place.l3, from_end: quoting.from_end, slot };
    let Some(delta) = requote(packet, &quoting, slot) else { return Verdict::drop(Reason::Inconsistent) };
    let mut sum = checksum::apply(header.checksum, delta);
    if A::V6 {
        sum = checksum::apply(sum, recipe.ip_delta());
    }
    if !packet.write(place.l4 as usize + core::mem::offset_of!(Icmp, checksum), sum) {
        return Verdict::drop(Reason::Inconsistent);
    }
    egress::send_as(packet, outer, slot, &recipe, Verdict::send(Reason::IcmpError)).unanswered()
}

/// What becomes of the error's own addresses: the destination is who sent the quoted packet; the source is, of the host
/// at the other end, the address that we have in its place, and of a router its own.
struct Readdressed<'a, A> {
    packet: &'a Packet,
    l3: u32,
    from_end: bool,
    slot: Slot<A>,
}

impl<A: Family> Recipe for Readdressed<'_, A> {
    #[inline(always)]
    fn source(&self) -> [u32; 4] {
        if self.from_end {
            return self.slot.source();
        }
        Header::<A>::read(self.packet, self.l3 as usize).map_or([0; 4], |header| header.source.wide())
    }

    #[inline(always)]
    fn destination(&self) -> [u32; 4] {
        self.slot.destination()
    }

    #[inline(always)]
    fn ports(&self) -> [Be16; 2] {
        self.slot.ports()
    }

    #[inline(always)]
    fn ip_delta(&self) -> u16 {
        if self.from_end {
            return self.slot.ip_delta();
        }
        let old =
            Header::<A>::read(self.packet, self.l3 as usize).map_or(0, |header| header.destination.sum());
        checksum::delta(old, A::narrow(self.slot.destination()).sum())
    }

    #[inline(always)]
    fn l4_delta(&self) -> u16 {
        self.slot.l4_delta()
    }
}

#[inline(always)]
fn read<A: Family>(packet: &Packet, place: Place) -> Option<Quoting<A>> {
    let l3 = place.l4 as usize + size_of::<Icmp>();
    let quoted = Header::<A>::read(packet, l3)?;
    let l4 = l3 + quoted.header_length as usize;
    let [source_port, destination_port] = packet.read::<[Be16; 2]>(l4)?;
    let outer = Header::<A>::read(packet, place.l3 as usize)?;
    let quotable = (quoted.protocol == PROTOCOL_TCP || quoted.protocol == PROTOCOL_UDP) && !quoted.later;
    // Who is told is who sent it.
    if !quotable || quoted.source.differs(outer.destination) != 0 {
        return None;
    }
    let from_end = quoted.destination.differs(outer.source) == 0;
    let parsed = Parsed {
        key: FlowKey::new(
            quoted.protocol,
            (quoted.destination, destination_port),
            (quoted.source, source_port),
        ),
        l3: place.l3,
        l4: place.l4,
        length: place.l3 + outer.length,
        ttl: outer.ttl,
        flags: 0,
        part: Part::Later,
    };
    Some(Quoting { outer: parsed, l3: l3 as u32, l4: l4 as u32, from_end })
}

/// Makes the quoted packet the one that its sender sent; gives what that does to the checksum of the message.
///
/// Where a checksum is quoted, its change outweighs that of what it covers; only what it covers besides does not count.
#[inline(always)]
fn requote<A: Family>(packet: &Packet, quoting: &Quoting<A>, slot: Slot<A>) -> Option<u16> {
    let (addresses, all) = (slot.ip_delta(), slot.l4_delta());
    let ports_alone = checksum::combine(all, !addresses);
    let covered = requote_transport(packet, quoting, slot)?;
    let [source_port, destination_port] = slot.ports();
    let ([a, b, c, d], [e, f, g, h]) = (slot.destination(), slot.source());
    let written = if A::V6 {
        let at = quoting.l3 as usize + core::mem::offset_of!(Ipv6, source);
        packet.write(at, [a, b, c, d]) && packet.write(at + size_of::<[u32; 4]>(), [e, f, g, h])
    } else {
        let at = quoting.l3 as usize + core::mem::offset_of!(Ipv4, checksum);
        let old = packet.read::<Be16>(at)?;
        packet.write(at, checksum::apply(old, addresses))
            && packet.write(quoting.l3 as usize + core::mem::offset_of!(Ipv4, source), [a, e])
    };
    if !written || !packet.write(quoting.l4 as usize, [destination_port, source_port]) {
        return None;
    }
    // Over IPv4 the quoted header's own checksum outweighs the addresses; over IPv6 nothing does.
    Some(match (A::V6, covered) {
        (false, true) => !addresses,
        (false, false) => ports_alone,
        (true, true) => 0,
        (true, false) => all,
    })
}

/// Corrects the quoted TCP or UDP checksum; tells whether there is one.
#[inline(always)]
fn requote_transport<A: Family>(packet: &Packet, quoting: &Quoting<A>, slot: Slot<A>) -> Option<bool> {
    let delta = slot.l4_delta();
    if quoting.outer.key.protocol == PROTOCOL_TCP {
        let at = quoting.l4 as usize + core::mem::offset_of!(Tcp, checksum);
        // Eight bytes of TCP end before it. What is behind the end of the message is padding.
        if at + size_of::<Be16>() > quoting.outer.length as usize {
            return Some(false);
        }
        let Some(old) = packet.read::<Be16>(at) else { return Some(false) };
        return packet.write(at, checksum::apply(old, delta)).then_some(true);
    }
    let at = quoting.l4 as usize + core::mem::offset_of!(Udp, checksum);
    let old = packet.read::<Be16>(at)?;
    let updated = checksum::apply_udp(old, delta);
    packet.write(at, updated).then_some(old.raw() != 0)
}
